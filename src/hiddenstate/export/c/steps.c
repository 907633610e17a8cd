/* The steps of a model: what its networks read of the data, and what their outputs become. */

/* Makes of the numbers of a step, as in the data, what the network reads. */
#if HAS_FORWARD
static int model_prepare(float *known, const float *data, float *x)
#else
static int model_prepare(const float *data, float *x)
#endif
{
    int i;
#if !HAS_FILL
    if (!model_finite(data, MODEL_FEATURES))
        return MODEL_MISSING;
#endif
#if HAS_LOGARITHM
    for (i = 0; i < MODEL_FEATURES; i++)
        if (model_logarithm[i] && data[i] <= 0.0f)
            return MODEL_NOT_POSITIVE;
#endif
    for (i = 0; i < MODEL_FEATURES; i++) {
#if HAS_FILL
        const int missing = !(data[i] - data[i] == 0.0f);
#endif
#if HAS_FIXED
        double exact = (double)data[i];
        float value;
#if HAS_FRACTIONS
        exact /= 255.0;
#endif
#if HAS_SCALE
        exact = (exact - model_offset[i]) * model_factor[i];
#endif
        value = (float)exact;
#else
        float value = data[i];
#if HAS_FRACTIONS
        value /= 255.0f;
#endif
#if HAS_LOGARITHM
        if (model_logarithm[i])
            value = logf(value);
#endif
#if HAS_SCALE
        value = ((value - model_offset[i]) - model_offset_low[i]) * model_factor[i];
#endif
#endif
#if HAS_FORWARD
        value = missing ? known[i] : value;
#elif HAS_FILL
        value = missing ? model_fill[i] : value;
#endif
        x[i] = value;
#if HAS_MASK
        x[MODEL_FEATURES + i] = missing ? 1.0f : 0.0f;
#endif
    }
    if (!model_finite(x, MODEL_FEATURES))
        return MODEL_TOO_LARGE;
#if HAS_FORWARD
    memcpy(known, x, MODEL_FEATURES * sizeof *known);
#endif
    return MODEL_OK;
}

#if HAS_FORECAST && !HAS_STREAMS
#include "path.h"

#endif
#if HAS_FORECAST
/* Remembers the last values of the targets, the newest first. */
static void model_remember(model_path *path, const float *x)
{
    int o, k;
    for (o = 0; o < MODEL_OUTPUTS; o++) {
        float value = x[model_own[o]];
#if HAS_EFFECTS
#if HAS_NEARER
        const float *now = model_effects_now + path->place * MODEL_OUTPUTS * MODEL_KNOWN;
#else
        const float *now = model_effects_now;
#endif
        for (k = 0; k < MODEL_KNOWN; k++)
            value -= now[o * MODEL_KNOWN + k] * x[model_ahead[k]];
#endif
        for (k = MODEL_PAST - 1; k > 0; k--)
            path->value[o][k] = path->started ? path->value[o][k - 1] : value;
        path->value[o][0] = value;
    }
#if HAS_LAGS
    for (k = MODEL_LAGS - 1; k >= 0; k--)
        path->other[k] = k >= MODEL_OTHERS && path->started ? path->other[k - MODEL_OTHERS]
                                                            : x[model_others[k % MODEL_OTHERS]];
#endif
    path->started = 1;
}

#endif
#if HAS_UNITS
/* The type in which answers are added up. */
#if HAS_WINDOW_SCALE
typedef double model_real;
#else
typedef float model_real;
#endif

/* Turns outputs of the network into the units of the targets. */
#if HAS_FORECAST
static void model_in_units(const float *x, const model_path *path, float *y)
#else
static void model_in_units(const float *x, float *y)
#endif
{
    int o;
#if !HAS_CHANGE && !HAS_EFFECTS
    (void)x;
#endif
    for (o = 0; o < MODEL_OUTPUTS; o++) {
        model_real value = (model_real)y[o];
#if HAS_NEARER
        const int at = path->place * MODEL_OUTPUTS + o;
        int k;
#elif HAS_FORECAST
        const int at = o;
        int k;
#elif HAS_TARGET_SCALE
        const int at = o;
#endif
#if HAS_CHANGE
        value += (model_real)x[model_change[o]];
#endif
#if HAS_TARGET_SCALE
        value *= (model_real)model_target_scale[o];
#endif
#if HAS_NEARER
        value *= (model_real)model_net_share[at];
#endif
#if HAS_FORECAST
        for (k = 0; k < MODEL_PAST; k++)
            value += (model_real)(model_past_weights[at * MODEL_PAST + k] * path->value[o][k]);
#endif
#if HAS_LAGS
        for (k = 0; k < MODEL_LAGS; k++)
            value += (model_real)(model_other_weights[at * MODEL_LAGS + k] * path->other[k]);
#endif
#if HAS_EFFECTS
        for (k = 0; k < MODEL_KNOWN; k++)
            value += (model_real)(model_effects_later[at * MODEL_KNOWN + k] * x[model_moved[k]]);
#endif
#if HAS_TARGET_SCALE || HAS_FORECAST
        value += (model_real)model_target_offset_low[at];
        value += (model_real)model_target_offset[at];
#endif
#if HAS_LOGARITHM
        if (model_target_is_log[o])
#if HAS_WINDOW_SCALE
            value = exp(value);
#else
            value = expf(value);
#endif
#endif
        y[o] = (float)value;
    }
#if HAS_QUANTILES
#include "quantiles.c"
#endif
}

#endif
#if HAS_WINDOW_SCALE
/* Gives the network the last values of the targets less their mean, in units of their deviation,
   which is `size`; both are 0 where the values are flat. */
static void model_by_window(float *x, int steps, double *size)
{
#if HAS_WINDOW
    const int first = steps > MODEL_WINDOW ? steps - MODEL_WINDOW : 0;
#else
    const int first = 0;
#endif
    int o, t;
    for (o = 0; o < MODEL_OUTPUTS; o++) {
        double sum = 0.0, squares = 0.0, largest = 0.0, mean;
        for (t = first; t < steps; t++) {
            const double value = (double)x[(size_t)t * MODEL_INPUTS + (size_t)model_own[o]];
            sum += value;
            largest = fabs(value) > largest ? fabs(value) : largest;
        }
        mean = sum / (double)(steps - first);
        for (t = first; t < steps; t++) {
            const double off = (double)x[(size_t)t * MODEL_INPUTS + (size_t)model_own[o]] - mean;
            squares += off * off;
        }
        size[o] = sqrt(squares / (double)(steps - first));
        if (size[o] <= 1e-9 * largest)
            size[o] = 0.0;
        for (t = 0; t < steps; t++) {
            float *value = x + (size_t)t * MODEL_INPUTS + (size_t)model_own[o];
            *value = size[o] > 0.0 ? (float)(((double)*value - mean) / size[o]) : 0.0f;
        }
    }
}

#endif
