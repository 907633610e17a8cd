/* What a program calls for series: step by step where there is a state, and a whole one. */

#if HAS_STREAMS
void model_reset(model_state *state)
{
    memset(state, 0, sizeof *state);
#if HAS_FORWARD
    memcpy(state->known, model_fill, sizeof state->known);
#endif
}

/* Reads a step; x becomes what the network reads of it. */
static int model_read(model_state *state, const float *data, float *x)
{
    const float *from = x;
    int l;
#if HAS_FORWARD
    const int status = model_prepare(state->known, data, x);
#else
    const int status = model_prepare(data, x);
#endif
    if (status != MODEL_OK)
        return status;
#if HAS_FORECAST
    model_remember(&state->path, x);
#endif
    for (l = 0; l < MODEL_LAYERS; l++) {
        model_cell(&model_layers[l], from, state->cells[l]);
        from = state->cells[l][0];
    }
#if HAS_MEAN
    model_sum(state->sum, state->sum_low, from, MODEL_HIDDEN);
    state->steps++;
#endif
    return MODEL_OK;
}

/* The answer to what was read. */
static int model_after(const model_state *state, const float *x, float *y)
{
#if HAS_MEAN
    float mean[MODEL_HIDDEN];
    int i;
    for (i = 0; i < MODEL_HIDDEN; i++)
        mean[i] = state->sum[i] / (float)state->steps;
    model_answer(&model_heads[0], mean, y);
#else
    model_answer(&model_heads[0], state->cells[MODEL_LAYERS - 1][0], y);
#endif
#if HAS_UNITS && HAS_FORECAST
    model_in_units(x, &state->path, y);
#elif HAS_UNITS
    model_in_units(x, y);
#else
    (void)x;
#endif
    return model_finite(y, MODEL_OUTPUTS) ? MODEL_OK : MODEL_TOO_LARGE;
}

int model_step(model_state *state, const float *x, float *y)
{
    float inputs[MODEL_INPUTS];
    int status = model_read(state, x, inputs);
    if (status == MODEL_OK)
        status = model_after(state, inputs, y);
    return status == MODEL_OK ? MODEL_OK : model_refused(status, y, MODEL_OUTPUTS);
}

int model_run(const float *x, int steps, float *y, float *scratch)
{
    model_state state;
    float inputs[MODEL_INPUTS];
    int t, status = MODEL_OK;
    (void)scratch;
    if (steps < 1)
        return model_refused(MODEL_NO_STEPS, y, MODEL_OUTPUTS);
    model_reset(&state);
    for (t = 0; t < steps && status == MODEL_OK; t++) {
        status = model_read(&state, x + (size_t)t * MODEL_FEATURES, inputs);
#if HAS_STEPS
        if (status == MODEL_OK)
            status = model_after(&state, inputs, y + (size_t)t * MODEL_OUTPUTS);
#endif
    }
#if HAS_STEPS
    return status == MODEL_OK ? MODEL_OK : model_refused(status, y, (size_t)steps * MODEL_OUTPUTS);
#else
    if (status == MODEL_OK)
        status = model_after(&state, inputs, y);
    return status == MODEL_OK ? MODEL_OK : model_refused(status, y, MODEL_OUTPUTS);
#endif
}

#else
#if !HAS_FIXED
/* Adds up the mean of the answers of the networks to prepared steps. */
static void model_mean_of_networks(const float *inputs, int steps, float *scratch, float *y)
{
    float *from = scratch, *to = scratch + (size_t)steps * MODEL_WIDEST;
    float answer[MODEL_OUTPUTS];
    int net, i;
#if HAS_STEPS
    int t;
    for (t = 0; t < steps; t++)
        for (i = 0; i < MODEL_OUTPUTS; i++)
            y[(size_t)t * MODEL_OUTPUTS + (size_t)i] = 0.0f;
    for (net = 0; net < MODEL_MEMBERS; net++) {
        const float *h = model_network(net, inputs, steps, from, to);
        for (t = 0; t < steps; t++) {
            model_answer(&model_heads[net], h + (size_t)t * MODEL_SUMMARY, answer);
            for (i = 0; i < MODEL_OUTPUTS; i++)
                y[(size_t)t * MODEL_OUTPUTS + (size_t)i] += answer[i] / (float)MODEL_MEMBERS;
        }
    }
#else
    float summary[MODEL_SUMMARY];
    for (i = 0; i < MODEL_OUTPUTS; i++)
        y[i] = 0.0f;
    for (net = 0; net < MODEL_MEMBERS; net++) {
        model_network(net, inputs, steps, from, to, summary);
        model_answer(&model_heads[net], summary, answer);
        for (i = 0; i < MODEL_OUTPUTS; i++)
            y[i] += answer[i] / (float)MODEL_MEMBERS;
    }
#endif
}

/* The answers to prepared steps, which may change. */
static void model_predict(float *inputs, int steps, float *scratch, float *y)
{
#if HAS_FORECAST
    model_path path;
#endif
#if HAS_WINDOW_SCALE
    double size[MODEL_OUTPUTS];
    int o;
#endif
#if HAS_FORECAST || HAS_UNITS && HAS_STEPS
    int t;
#endif
#if HAS_FORECAST
    memset(&path, 0, sizeof path);
#endif
#if HAS_FORECAST && !HAS_STEPS
    for (t = 0; t < steps; t++)
        model_remember(&path, inputs + (size_t)t * MODEL_INPUTS);
#endif
#if HAS_WINDOW_SCALE
    model_by_window(inputs, steps, size);
#endif
    model_mean_of_networks(inputs, steps, scratch, y);
#if HAS_WINDOW_SCALE
    for (o = 0; o < MODEL_OUTPUTS; o++)
        y[o] = (float)((double)y[o] * size[o]);
#endif
#if HAS_UNITS && HAS_STEPS
    for (t = 0; t < steps; t++) {
        const float *step = inputs + (size_t)t * MODEL_INPUTS;
#if HAS_FORECAST
        model_remember(&path, step);
        model_in_units(step, &path, y + (size_t)t * MODEL_OUTPUTS);
#else
        model_in_units(step, y + (size_t)t * MODEL_OUTPUTS);
#endif
    }
#elif HAS_UNITS && HAS_FORECAST
    model_in_units(inputs + (size_t)(steps - 1) * MODEL_INPUTS, &path, y);
#elif HAS_UNITS
    model_in_units(inputs + (size_t)(steps - 1) * MODEL_INPUTS, y);
#endif
}

#endif
int model_run(const float *x, int steps, float *y, float *scratch)
{
#if HAS_STEPS
    const size_t answers = (size_t)(steps < 1 ? 1 : steps) * MODEL_OUTPUTS;
#else
    const size_t answers = MODEL_OUTPUTS;
#endif
    float *inputs = scratch + 2 * (size_t)(steps < 1 ? 1 : steps) * MODEL_WIDEST;
    int t, status = steps < 1 ? MODEL_NO_STEPS : MODEL_OK;
#if HAS_FORWARD
    float known[MODEL_FEATURES];
    memcpy(known, model_fill, sizeof known);
#endif
#if HAS_BACKWARD
    for (t = steps - 1; t >= 0; t--) /* leaves the first value of each feature */
        model_prepare(known, x + (size_t)t * MODEL_FEATURES, inputs);
    for (t = 0; t < MODEL_FEATURES; t++)
        known[t] = model_backward[t] ? known[t] : model_fill[t];
#endif
    for (t = 0; t < steps && status == MODEL_OK; t++) {
        const float *data = x + (size_t)t * MODEL_FEATURES;
#if HAS_FORWARD
        status = model_prepare(known, data, inputs + (size_t)t * MODEL_INPUTS);
#else
        status = model_prepare(data, inputs + (size_t)t * MODEL_INPUTS);
#endif
    }
    if (status != MODEL_OK)
        return model_refused(status, y, answers);
    model_predict(inputs, steps, scratch, y);
    return model_finite(y, answers) ? MODEL_OK : model_refused(MODEL_TOO_LARGE, y, answers);
}
#endif
