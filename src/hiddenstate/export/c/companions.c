/* Companions of the networks. Which values are above a bias is exact, as in the model: a value that
   fell on the other side of its bias would change an answer by far more than rounding does. So
   inputs are prepared and convolutions are added up in double, and only then rounded to float,
   upwards. */

#if HAS_FIXED
/* Writes for each of n steps the sum of the channels that a convolution uses, a double in the place
   of two floats. */
#if HAS_CHANNELS
static void model_fixed_sums(const float *x, const unsigned char *uses, int n, float *sums)
#else
static void model_fixed_sums(const float *x, int n, float *sums)
#endif
{
    int t, i;
    for (t = 0; t < n; t++, x += MODEL_INPUTS) {
        double sum = 0.0;
        for (i = 0; i < MODEL_INPUTS; i++)
#if HAS_CHANNELS
            if (uses[i])
#endif
                sum += (double)(x[i] > 1e30f ? 1e30f : x[i] < -1e30f ? -1e30f : x[i]);
        memcpy(sums + 2 * (size_t)t, &sum, sizeof sum);
    }
}

/* The value of a convolution at a step: the sum of nine steps around it, each by -1, or by 2 where
   `twice` has a bit; steps outside of the series are zeros. It is rounded up to float, so that it
   is above a float if and only if the value itself is. */
static float model_fixed_value(const float *sums, int t, int n, int dilation, int twice)
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
static void model_fixed_count(const float *sums, int n, int dilation, int twice, int first,
    const float *bias, int biases, int *above)
{
    int t, b;
    for (b = 0; b < biases; b++)
        above[b] = 0;
    for (t = first; t < n - first; t++) {
        const float value = model_fixed_value(sums, t, n, dilation < n ? dilation : n, twice);
        for (b = 0; b < biases; b++)
            above[b] += value > bias[b];
    }
}

/* The logits of fixed convolutions of n steps: the shares of steps at which each is above its
   biases, by their weights. `sums` has room for two floats a step. */
static void model_fixed_logits(const float *x, int n, float *sums, double *logits)
{
    const float *bias = model_fixed_biases;
#if HAS_BYTES
    const signed char *weight = model_fixed_weights;
#else
    const float *weight = model_fixed_weights;
#endif
#if HAS_CHANNELS
    const unsigned char *uses = model_fixed_uses;
#endif
    int above[MODEL_MOST_BIASES];
    int d, i, j, k, b, o;
    for (o = 0; o < MODEL_OUTPUTS; o++)
        logits[o] = 0.0;
#if !HAS_CHANNELS
    model_fixed_sums(x, n, sums);
#endif
    for (d = 0; d < MODEL_DILATIONS; d++) {
        const int dilation = model_fixed_dilations[d], biases = model_fixed_counts[d];
        int number = d; /* of every other convolution only those steps whose nine are there */
        for (i = 0; i < 7; i++)
            for (j = i + 1; j < 8; j++)
                for (k = j + 1; k < 9; k++, number++) {
                    const int first = number % 2 && 8 * dilation < n ? 4 * dilation : 0;
#if HAS_CHANNELS
                    model_fixed_sums(x, uses, n, sums);
                    uses += MODEL_INPUTS;
#endif
                    model_fixed_count(
                        sums, n, dilation, 1 << i | 1 << j | 1 << k, first, bias, biases, above);
                    bias += biases;
                    for (b = 0; b < biases; b++, weight += MODEL_OUTPUTS) {
                        const float share = (float)above[b] / (float)(n - 2 * first);
                        for (o = 0; o < MODEL_OUTPUTS; o++)
                            logits[o] += (double)share * (double)weight[o];
                    }
                }
    }
    for (o = 0; o < MODEL_OUTPUTS; o++)
#if HAS_BYTES
        logits[o] = logits[o] * (double)model_fixed_weights_scale[o] + (double)model_fixed_bias[o];
#else
        logits[o] += (double)model_fixed_bias[o];
#endif
}

/* Makes of logits the logarithms of probabilities. */
static void model_logarithms(double *y)
{
    double largest = y[0], sum = 0.0;
    int o;
    for (o = 1; o < MODEL_OUTPUTS; o++)
        largest = y[o] > largest ? y[o] : largest;
    for (o = 0; o < MODEL_OUTPUTS; o++)
        sum += exp(y[o] - largest);
    for (o = 0; o < MODEL_OUTPUTS; o++)
        y[o] -= largest + log(sum);
}

#if HAS_RECURRENT
/* Adds the probabilities of one more network, of which `answer` are the logits, to sums of which
   `logs` are the logarithms. */
static void model_with_network(double *logs, const float *answer, int number)
{
    double own[MODEL_OUTPUTS];
    int o;
    for (o = 0; o < MODEL_OUTPUTS; o++)
        own[o] = (double)answer[o];
    model_logarithms(own);
    for (o = 0; o < MODEL_OUTPUTS; o++) {
        const double before = number == 0 ? own[o] : logs[o];
        const double larger = before > own[o] ? before : own[o];
        logs[o] = number == 0 ? own[o] : larger + log1p(exp(-fabs(before - own[o])));
    }
}

/* The answers to prepared steps: the mean of the probabilities of the fixed convolutions and, by
   their share, of the networks, whose logarithms are scaled. */
static void model_predict(const float *inputs, int steps, float *scratch, float *y)
{
    double logs[MODEL_OUTPUTS], own[MODEL_OUTPUTS];
    float summary[MODEL_SUMMARY], answer[MODEL_OUTPUTS];
    int net, o;
    for (net = 0; net < MODEL_MEMBERS; net++) {
        model_network(net, inputs, steps, scratch, scratch + (size_t)steps * MODEL_WIDEST, summary);
        model_answer(&model_heads[net], summary, answer);
        model_with_network(logs, answer, net);
    }
    model_fixed_logits(inputs, steps, scratch, own);
    model_logarithms(own);
    for (o = 0; o < MODEL_OUTPUTS; o++)
        logs[o] *= model_net[1];
    model_logarithms(logs);
    for (o = 0; o < MODEL_OUTPUTS; o++)
        y[o] = (float)(model_net[0] * exp(logs[o]) + (1.0 - model_net[0]) * exp(own[o]));
}

#else
/* The answers to prepared steps: the probabilities of the fixed convolutions. */
static void model_predict(const float *inputs, int steps, float *scratch, float *y)
{
    double own[MODEL_OUTPUTS];
    int o;
    model_fixed_logits(inputs, steps, scratch, own);
    model_logarithms(own);
    for (o = 0; o < MODEL_OUTPUTS; o++)
        y[o] = (float)exp(own[o]);
}

#endif
#endif
