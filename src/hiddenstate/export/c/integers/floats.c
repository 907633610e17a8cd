/* Numbers to integers and back: left out with NO_FLOAT. Computed in double, where there is one. */

#include "checks.c"

/* x times 2^bits, which is `scale`, rounded to the nearest integer, halves up, and kept from -most
   to most. */
static int16_t model_whole(double x, double scale, int32_t most)
{
    const double value = x * scale + 0.5;
    int32_t whole;
    if (!(value < (double)most + 1.0))
        return (int16_t)most;
    if (!(value > -(double)most))
        return (int16_t)-most;
    whole = (int32_t)value;
    return (int16_t)(whole - ((double)whole > value));
}

/* Prepares the numbers of a step or a row, as in the data: q are their integers, and `kept` the
   prepared numbers. */
#if HAS_FORWARD
static int model_prepare(model_state *state, const float *data, int16_t *q, double *kept)
#else
static int model_prepare(const float *data, int16_t *q, double *kept)
#endif
{
    int i;
#if !HAS_FILL
    if (!model_finite(data, MODEL_FEATURES))
        return MODEL_MISSING;
#endif
    for (i = 0; i < MODEL_FEATURES; i++) {
#if HAS_FILL
        const int missing = !(data[i] - data[i] == 0.0f);
#endif
        double value = (double)data[i];
#if HAS_FRACTIONS
        value /= 255.0;
#endif
#if HAS_SCALE
        value = (value - model_offset[i]) * model_factor[i];
#endif
        kept[i] = value;
        q[i] = model_whole(value, MODEL_INPUT_SCALE, MODEL_INPUT_MOST);
#if HAS_FORWARD
        if (missing)
            q[i] = state->last[i];
        state->last[i] = q[i];
#if HAS_CHANGE
        kept[i] = missing ? state->kept[i] : kept[i];
        state->kept[i] = kept[i];
#endif
#elif HAS_FILL
        if (missing) {
            q[i] = (int16_t)MODEL_16(model_fill + i);
            kept[i] = model_filled[i];
        }
#endif
#if HAS_MASK
        q[MODEL_FEATURES + i] = missing ? MODEL_MISSES : 0;
#endif
    }
    return MODEL_OK;
}

#if HAS_RECURRENT
int model_quantise(model_state *state, const float *x, int16_t *q)
{
    double kept[MODEL_FEATURES];
#if HAS_FORWARD
    return model_prepare(state, x, q, kept);
#else
    (void)state;
    return model_prepare(x, q, kept);
#endif
}

/* Makes of answers those of the model: probabilities, or targets in their units. */
static void model_in_units(const int32_t *q, const double *kept, float *y)
{
    int o;
    (void)kept;
#if HAS_CLASSES
    {
        const double largest = (double)q[model_class_q(q)];
        double sum = 0.0;
        for (o = 0; o < MODEL_OUTPUTS; o++) {
            y[o] = (float)exp(((double)q[o] - largest) / 65536.0);
            sum += (double)y[o];
        }
        for (o = 0; o < MODEL_OUTPUTS; o++)
            y[o] = (float)((double)y[o] / sum);
    }
#else
    for (o = 0; o < MODEL_OUTPUTS; o++) {
        double value = (double)q[o] / 65536.0;
#if HAS_CHANGE
        value += kept[model_change[o]];
#endif
#if HAS_TARGET_SCALE
        value = value * model_target_scale[o] + model_target_offset[o];
#endif
        y[o] = (float)value;
    }
#if HAS_QUANTILES
#include "quantiles.c"
#endif
#endif
}

int model_step(model_state *state, const float *x, float *y)
{
    int16_t q[MODEL_INPUTS];
    int32_t answers[MODEL_OUTPUTS];
    double kept[MODEL_FEATURES];
#if HAS_FORWARD
    const int status = model_prepare(state, x, q, kept);
#else
    const int status = model_prepare(x, q, kept);
#endif
    if (status != MODEL_OK)
        return model_refused(status, y, MODEL_OUTPUTS);
    model_step_q(state, q, answers);
    model_in_units(answers, kept, y);
    return MODEL_OK;
}

int model_run(const float *x, int steps, float *y, float *scratch)
{
    model_state state;
    int16_t q[MODEL_INPUTS];
    int32_t answers[MODEL_OUTPUTS];
    double kept[MODEL_FEATURES];
    int t, status = steps < 1 ? MODEL_NO_STEPS : MODEL_OK;
    (void)scratch;
    model_reset(&state);
    for (t = 0; t < steps && status == MODEL_OK; t++) {
#if HAS_FORWARD
        status = model_prepare(&state, x + (size_t)t * MODEL_FEATURES, q, kept);
#else
        status = model_prepare(x + (size_t)t * MODEL_FEATURES, q, kept);
#endif
        if (status == MODEL_OK)
            model_read(&state, q, t == steps - 1);
#if HAS_STEPS
        if (status == MODEL_OK) {
            model_after(&state, answers);
            model_in_units(answers, kept, y + (size_t)t * MODEL_OUTPUTS);
        }
#endif
    }
#if HAS_STEPS
    if (status != MODEL_OK)
        return model_refused(status, y, (size_t)(steps < 1 ? 1 : steps) * MODEL_OUTPUTS);
#else
    if (status != MODEL_OK)
        return model_refused(status, y, MODEL_OUTPUTS);
    model_after(&state, answers);
    model_in_units(answers, kept, y);
#endif
    return MODEL_OK;
}

#endif
#if HAS_AUTOENCODER
int model_quantise(const float *x, int16_t *q)
{
    double kept[MODEL_FEATURES];
    return model_prepare(x, q, kept);
}

int model_encode(const float *x, float *code)
{
    int16_t q[MODEL_INPUTS];
    int32_t answers[MODEL_CODE];
    const int status = model_quantise(x, q);
    int i;
    if (status != MODEL_OK)
        return model_refused(status, code, MODEL_CODE);
    model_encode_q(q, answers);
    for (i = 0; i < MODEL_CODE; i++)
        code[i] = (float)((double)answers[i] / MODEL_ANSWER_SCALE);
    return MODEL_OK;
}

/* From what the network gives to the units of the data. */
static float model_unscaled(int32_t value, int i)
{
    const double own = (double)value / MODEL_ROW_SCALE;
#if HAS_SCALE
    return (float)(own / model_factor[i] + model_offset[i]);
#else
    (void)i;
    return (float)own;
#endif
}

int model_decode(const float *code, float *row)
{
    int16_t q[MODEL_CODE];
    int32_t answers[MODEL_INPUTS];
    int i;
    for (i = 0; i < MODEL_CODE; i++) {
        if (!(code[i] - code[i] == 0.0f))
            return model_refused(MODEL_MISSING, row, MODEL_FEATURES);
        q[i] = model_whole((double)code[i], MODEL_CODE_SCALE, MODEL_CODE_MOST);
    }
    model_decode_code(q, answers);
    for (i = 0; i < MODEL_FEATURES; i++)
        row[i] = model_unscaled(answers[i], i);
    return MODEL_OK;
}

int model_run(const float *x, float *code, float *row, float *error)
{
    int16_t q[MODEL_INPUTS];
    int32_t codes[MODEL_CODE], answers[MODEL_INPUTS];
    double kept[MODEL_FEATURES], sum = 0.0;
    const int status = model_prepare(x, q, kept);
    int i;
    if (status != MODEL_OK) {
        model_refused(status, code, MODEL_CODE);
        model_refused(status, error, 1);
        return model_refused(status, row, MODEL_FEATURES);
    }
    model_encode_q(q, codes);
    model_decode_q(codes, answers);
    for (i = 0; i < MODEL_CODE; i++)
        code[i] = (float)((double)codes[i] / MODEL_ANSWER_SCALE);
    for (i = 0; i < MODEL_FEATURES; i++) {
        const double off = (double)answers[i] / MODEL_ROW_SCALE - kept[i];
        sum += off * off;
        row[i] = model_unscaled(answers[i], i);
    }
    *error = (float)(sum / MODEL_FEATURES);
    return MODEL_OK;
}

#endif
#include "class.c"
