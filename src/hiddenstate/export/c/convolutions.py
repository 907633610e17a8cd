"""Fixed convolutions in the C header: their arrays, and their functions as text; see c_parts.

Which values are above a bias is exact, as in the model: a value that fell on the other side of its
bias would change an answer by far more than rounding does. So inputs are prepared and convolutions
are added up in double, and only then rounded to float, upwards.
"""

from hiddenstate.export.c.layout import Layout
from hiddenstate.export.program import FixedConvolutions

KERNELS = 84

DOUBLES = """\
# if fixed
#include <float.h>

#if DBL_MANT_DIG < 53
#error "double has to have 64 bits: fixed convolutions are added up in it"
#endif

# end
"""

FIXED = """\
# if fixed
/* Writes for each of n steps the sum of the channels that a convolution uses, a double in the place
   of two floats. */
# if channels
static void @_fixed_sums(const float *x, const unsigned char *uses, int n, float *sums)
# end
# if no channels
static void @_fixed_sums(const float *x, int n, float *sums)
# end
{
    int t, i;
    for (t = 0; t < n; t++, x += $_INPUTS) {
        double sum = 0.0;
        for (i = 0; i < $_INPUTS; i++)
# if channels
            if (uses[i])
# end
                sum += (double)(x[i] > 1e30f ? 1e30f : x[i] < -1e30f ? -1e30f : x[i]);
        memcpy(sums + 2 * (size_t)t, &sum, sizeof sum);
    }
}

/* The value of a convolution at a step: the sum of nine steps around it, each by -1, or by 2 where
   `twice` has a bit; steps outside of the series are zeros. It is rounded up to float, so that it
   is above a float if and only if the value itself is. */
static float @_fixed_value(const float *sums, int t, int n, int dilation, int twice)
{
    double value = 0.0;
    float up;
    int j, s = t - 4 * dilation;
    for (j = 0; j < 9; j++, s += dilation) {
        double at;
        if (s < 0 || s >= n)
            continue;
        memcpy(&at, sums + 2 * (size_t)s, sizeof at);
        value += (twice >> j) & 1 ? 2.0 * at : -at;
    }
    up = (float)value;
    return (double)up < value ? nextafterf(up, INFINITY) : up;
}

/* Counts at how many steps from `first` to n - first a convolution is above each bias. */
static void @_fixed_count(const float *sums, int n, int dilation, int twice, int first,
                          const float *bias, int biases, int *above)
{
    int t, b;
    for (b = 0; b < biases; b++)
        above[b] = 0;
    for (t = first; t < n - first; t++) {
        const float value = @_fixed_value(sums, t, n, dilation < n ? dilation : n, twice);
        for (b = 0; b < biases; b++)
            above[b] += value > bias[b];
    }
}

/* The logits of fixed convolutions of n steps: the shares of steps at which each is above its
   biases, by their weights. `sums` has room for two floats a step. */
static void @_fixed_logits(const float *x, int n, float *sums, double *logits)
{
    const float *bias = @_fixed_biases;
    const @WEIGHT *weight = @_fixed_weights;
# if channels
    const unsigned char *uses = @_fixed_uses;
# end
    int above[$_MOST_BIASES];
    int d, i, j, k, b, o;
    for (o = 0; o < $_OUTPUTS; o++)
        logits[o] = 0.0;
# if no channels
    @_fixed_sums(x, n, sums);
# end
    for (d = 0; d < $_DILATIONS; d++) {
        const int dilation = @_fixed_dilations[d], biases = @_fixed_counts[d];
        int number = d; /* of every other convolution only those steps whose nine are there */
        for (i = 0; i < 7; i++)
            for (j = i + 1; j < 8; j++)
                for (k = j + 1; k < 9; k++, number++) {
                    const int first = number % 2 && 8 * dilation < n ? 4 * dilation : 0;
# if channels
                    @_fixed_sums(x, uses, n, sums);
                    uses += $_INPUTS;
# end
                    @_fixed_count(sums, n, dilation, 1 << i | 1 << j | 1 << k, first, bias, biases,
                                  above);
                    bias += biases;
                    for (b = 0; b < biases; b++, weight += $_OUTPUTS) {
                        const float share = (float)above[b] / (float)(n - 2 * first);
                        for (o = 0; o < $_OUTPUTS; o++)
                            logits[o] += (double)share * (double)weight[o];
                    }
                }
    }
    for (o = 0; o < $_OUTPUTS; o++)
# if bytes
        logits[o] = logits[o] * (double)@_fixed_weights_scale[o] + (double)@_fixed_bias[o];
# end
# if no bytes
        logits[o] += (double)@_fixed_bias[o];
# end
}

/* Makes of logits the logarithms of probabilities. */
static void @_logarithms(double *y)
{
    double largest = y[0], sum = 0.0;
    int o;
    for (o = 1; o < $_OUTPUTS; o++)
        largest = y[o] > largest ? y[o] : largest;
    for (o = 0; o < $_OUTPUTS; o++)
        sum += exp(y[o] - largest);
    for (o = 0; o < $_OUTPUTS; o++)
        y[o] -= largest + log(sum);
}

# if no alone
/* Adds the probabilities of one more network, of which `answer` are the logits, to sums of which
   `logs` are the logarithms. */
static void @_with_network(double *logs, const float *answer, int number)
{
    double own[$_OUTPUTS];
    int o;
    for (o = 0; o < $_OUTPUTS; o++)
        own[o] = (double)answer[o];
    @_logarithms(own);
    for (o = 0; o < $_OUTPUTS; o++) {
        const double before = number == 0 ? own[o] : logs[o];
        const double larger = before > own[o] ? before : own[o];
        logs[o] = number == 0 ? own[o] : larger + log1p(exp(-fabs(before - own[o])));
    }
}

# end
# if alone
/* The answers: the probabilities of the fixed convolutions. */
static void @_with_fixed(const float *x, int n, float *sums, float *y)
# end
# if no alone
/* The answers: the mean of the probabilities of the fixed convolutions and, by their share, of the
   networks, whose logarithms are scaled. */
static void @_with_fixed(const float *x, int n, float *sums, double *logs, float *y)
# end
{
    double own[$_OUTPUTS];
    int o;
    @_fixed_logits(x, n, sums, own);
    @_logarithms(own);
# if alone
    for (o = 0; o < $_OUTPUTS; o++)
        y[o] = (float)exp(own[o]);
# end
# if no alone
    for (o = 0; o < $_OUTPUTS; o++)
        logs[o] *= @_net[1];
    @_logarithms(logs);
    for (o = 0; o < $_OUTPUTS; o++)
        y[o] = (float)(@_net[0] * exp(logs[o]) + (1.0 - @_net[0]) * exp(own[o]));
# end
}

# end
"""


def described(path: FixedConvolutions, layout: Layout) -> str:
    """Return what they are, for the comment at the top."""
    text = f"{len(path.biases):,} fixed convolutions"
    if "alone" not in layout.words:
        return f"{text}, whose share is {1 - path.net_share:.0%}"
    return f"{text} alone: the share of the network is 0"


def work_of(path: FixedConvolutions, layout: Layout) -> str:
    """Return what they cost, for the comment at the top."""
    uses = int(path.uses.sum()) if "channels" in layout.words else 0
    sums = 9 * KERNELS * len(path.dilations) + uses
    return (
        f"for the fixed convolutions {sums:,} additions of doubles and {len(path.biases):,} "
        f"comparisons of floats a step, and {path.weight.size:,} multiply-adds of doubles a series"
    )


DOUBLE = (
    "inputs are prepared, and fixed convolutions added up, in double, which must have 64 bits: in "
    "float a value close to its bias may fall on the other side. A processor without a unit for "
    "doubles computes them in software, which is slow"
)
"""What the comment says about doubles."""
