/* What a program calls for series: step by step where there is a state, and a whole one. */

#if HAS_FORWARD && HAS_HORIZON || HAS_FORWARD && !HAS_STREAMS
/* What stands for missing numbers of steps from `first` on: what is known of the ones before. */
static void model_begin(float *known, const float *x, int first, int steps)
{
    float row[MODEL_INPUTS];
    int t;
    memcpy(known, model_fill, MODEL_FEATURES * sizeof *known);
#if HAS_BACKWARD
    for (t = steps - 1; t >= first; t--) /* leaves the first value of each feature */
        model_prepare(known, x + (size_t)t * MODEL_FEATURES, row);
    for (t = 0; t < MODEL_FEATURES; t++)
        known[t] = model_backward[t] ? known[t] : model_fill[t];
#endif
    for (t = 0; t < first; t++)
        model_prepare(known, x + (size_t)t * MODEL_FEATURES, row);
    (void)steps;
}

#endif
#if HAS_STREAMS
void model_reset(model_state *state)
{
    memset(state, 0, sizeof *state);
#if HAS_FORWARD
    memcpy(state->known, model_fill, sizeof state->known);
#endif
}

#if HAS_POOL
/* Makes of a step of the first convolution the mean since the last that was complete. */
static void model_average(model_state *state, float *step)
{
    int i;
    state->phase++;
    for (i = 0; i < MODEL_POOLED; i++) {
        state->pooled[i] += step[i];
        step[i] = state->pooled[i] / (float)state->phase;
    }
    if (state->phase < MODEL_POOL)
        return;
    memset(state->pooled, 0, sizeof state->pooled);
    state->phase = 0;
}

#endif
#if HAS_LRU
#define MODEL_READ (MODEL_INPUTS + MODEL_HIDDEN) /* with what the last layer gives */
#else
#define MODEL_READ MODEL_INPUTS
#endif

/* Reads a step; x becomes what the network reads of it. If no answer is needed after it, layers
   that read means of steps wait until one is complete. */
static int model_read(model_state *state, const float *data, float *x, int answers)
{
    const float *from = x;
    int l;
#if HAS_CONVOLUTION
    float values[2][MODEL_WIDEST], *recent = state->recent;
#endif
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
    (void)answers;
#if HAS_CONVOLUTION
    for (l = 0; l < MODEL_CONVOLUTIONS; l++) {
        const model_convolution *layer = &model_convolutions[l];
        model_slide(layer, recent, from, values[l % 2]);
        recent += (layer->width - 1) * layer->inputs;
        from = values[l % 2];
#if HAS_POOL
        if (l == 0)
            model_average(state, values[0]);
        if (l == 0 && state->phase > 0 && !answers)
            return MODEL_OK;
#endif
    }
#if HAS_BESIDE
    model_sum(state->sum + MODEL_HIDDEN, state->sum_low + MODEL_HIDDEN, from,
        MODEL_SUMMARY - MODEL_HIDDEN);
#endif
#endif
    for (l = 0; l < MODEL_LAYERS; l++) {
#if HAS_LRU
        model_cell(&model_layers[l], from, state->cells[l], x + MODEL_INPUTS);
        from = x + MODEL_INPUTS;
#else
        model_cell(&model_layers[l], from, state->cells[l]);
        from = state->cells[l][0];
#endif
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
    float mean[MODEL_SUMMARY];
    int i;
    for (i = 0; i < MODEL_SUMMARY; i++)
        mean[i] = state->sum[i] / (float)state->steps;
    model_answer(&model_heads[0], mean, y);
#elif HAS_LRU
    (void)state;
    model_answer(&model_heads[0], x + MODEL_INPUTS, y);
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

#if HAS_POOL
/* The layers that read means of steps are again as they were before one that is not complete. */
static void model_wait(model_state *state, const model_state *before)
{
    const size_t first = (size_t)((model_convolutions[0].width - 1) * model_convolutions[0].inputs);
    memcpy(state->cells, before->cells, sizeof state->cells);
    memcpy(state->recent + first, before->recent + first,
        sizeof state->recent - first * sizeof(float));
#if HAS_MEAN
    memcpy(state->sum, before->sum, sizeof state->sum);
    memcpy(state->sum_low, before->sum_low, sizeof state->sum_low);
    state->steps = before->steps;
#endif
}

#endif
int model_step(model_state *state, const float *x, float *y)
{
    float inputs[MODEL_READ];
#if HAS_POOL
    const model_state before = *state;
#endif
    int status = model_read(state, x, inputs, 1);
    if (status == MODEL_OK)
        status = model_after(state, inputs, y);
#if HAS_POOL
    if (state->phase > 0)
        model_wait(state, &before);
#endif
    return status == MODEL_OK ? MODEL_OK : model_refused(status, y, MODEL_OUTPUTS);
}

int model_run(const float *x, int steps, float *y, float *scratch)
{
    model_state state;
    float inputs[MODEL_READ];
    int t, status = MODEL_OK;
    (void)scratch;
    if (steps < 1)
        return model_refused(MODEL_NO_STEPS, y, MODEL_OUTPUTS);
    model_reset(&state);
    for (t = 0; t < steps && status == MODEL_OK; t++) {
        status = model_read(&state, x + (size_t)t * MODEL_FEATURES, inputs, t == steps - 1);
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
#if HAS_NEARER
static void model_predict(
    float *inputs, int steps, float *scratch, float *y, const model_path *newest)
#else
static void model_predict(float *inputs, int steps, float *scratch, float *y)
#endif
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
#if HAS_NEARER && !HAS_STEPS
    if (newest)
        path = *newest;
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
#if HAS_NEARER
        if (newest)
            path = *newest;
#endif
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
/* Prepares the steps of a series from `first` on. */
static int model_prepare_steps(const float *x, int first, int steps, float *inputs)
{
    int t, status = MODEL_OK;
#if HAS_FORWARD
    float known[MODEL_FEATURES];
    model_begin(known, x, first, steps);
#endif
    for (t = first; t < steps && status == MODEL_OK; t++) {
        const float *data = x + (size_t)t * MODEL_FEATURES;
#if HAS_FORWARD
        status = model_prepare(known, data, inputs + (size_t)(t - first) * MODEL_INPUTS);
#else
        status = model_prepare(data, inputs + (size_t)(t - first) * MODEL_INPUTS);
#endif
    }
    return status;
}

int model_run(const float *x, int steps, float *y, float *scratch)
{
#if HAS_STEPS
    const size_t answers = (size_t)(steps < 1 ? 1 : steps) * MODEL_OUTPUTS;
#else
    const size_t answers = MODEL_OUTPUTS;
#endif
    float *inputs = scratch + 2 * (size_t)(steps < 1 ? 1 : steps) * MODEL_WIDEST;
    const int status = steps < 1 ? MODEL_NO_STEPS : model_prepare_steps(x, 0, steps, inputs);
    if (status != MODEL_OK)
        return model_refused(status, y, answers);
#if HAS_NEARER && !HAS_FIXED
    model_predict(inputs, steps, scratch, y, NULL);
#else
    model_predict(inputs, steps, scratch, y);
#endif
    return model_finite(y, answers) ? MODEL_OK : model_refused(MODEL_TOO_LARGE, y, answers);
}
#endif
