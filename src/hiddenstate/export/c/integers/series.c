/* What a program calls for series. */

void model_reset(model_state *state)
{
    memset(state, 0, sizeof *state);
#if HAS_FORWARD
    {
        int i;
        for (i = 0; i < MODEL_FEATURES; i++) {
            state->last[i] = (int16_t)MODEL_16(model_fill + i);
#if HAS_CHANGE
#ifndef NO_FLOAT
            state->kept[i] = model_filled[i];
#endif
#endif
        }
    }
#endif
}

#if HAS_CONVOLUTION
/* Reads a step x in a causal convolution; `recent` has the steps before, the earliest first. */
static void model_slide(const model_dense *layer, int16_t *recent, const int16_t *x, int16_t *to)
{
    const size_t inputs = (size_t)layer->step, before = (size_t)layer->product.inputs - inputs;
    memcpy(recent + before, x, inputs * sizeof *recent);
    model_through(layer, recent, to);
    memmove(recent, recent + inputs, before * sizeof *recent);
}

#endif
#if HAS_POOL
/* Makes of a step of the first convolution the mean since the last that was complete. */
static void model_average(model_state *state, int16_t *step)
{
    int i;
    state->phase++;
    for (i = 0; i < MODEL_POOLED; i++) {
        state->pooled[i] += step[i];
        step[i] = (int16_t)model_mean(state->pooled[i], state->phase);
    }
    if (state->phase < MODEL_POOL)
        return;
    memset(state->pooled, 0, sizeof state->pooled);
    state->phase = 0;
}

#endif
#if HAS_MEAN
/* Adds numbers with `bits`, of which those of the mean have MODEL_MEAN_BITS. */
static void model_add(int64_t *sum, const int16_t *x, int n, int bits)
{
    int i;
    for (i = 0; i < n; i++)
        sum[i] += model_shifted(x[i], bits - MODEL_MEAN_BITS);
}

#endif
/* Reads a step. If no answer is needed after it, layers that read means of steps wait until one is
   complete. */
static void model_read(model_state *state, const int16_t *x, int answers)
{
    int l;
#if HAS_CONVOLUTION
    int16_t values[2][MODEL_WIDEST], *recent = state->recent;
    for (l = 0; l < MODEL_CONVOLUTIONS; l++) {
        const model_dense *layer = &model_convolutions[l];
        model_slide(layer, recent, x, values[l % 2]);
        recent += layer->product.inputs;
        x = values[l % 2];
#if HAS_POOL
        if (l == 0)
            model_average(state, values[0]);
        if (l == 0 && state->phase > 0 && !answers)
            return;
#endif
    }
#if HAS_BESIDE
    model_add(state->sum + MODEL_HIDDEN, x, MODEL_SUMMARY - MODEL_HIDDEN,
        model_convolutions[MODEL_CONVOLUTIONS - 1].bits);
#endif
#endif
    (void)answers;
    for (l = 0; l < MODEL_LAYERS; l++) {
#if HAS_LSTM
        model_cell(&model_layers[l], x, state->h[l], state->c[l]);
#elif HAS_LRU
        model_cell(&model_layers[l], x, state->h[l], state->given);
#else
        model_cell(&model_layers[l], x, state->h[l], state->h[l]); /* there is no c */
#endif
#if HAS_LRU
        x = state->given;
#else
        x = state->h[l];
#endif
    }
#if HAS_MEAN
    model_add(state->sum, x, MODEL_HIDDEN, model_layers[MODEL_LAYERS - 1].bits);
    state->steps++;
#endif
}

/* The answer to what was read. */
static void model_after(const model_state *state, int32_t *y)
{
#if HAS_MEAN
    int16_t mean[MODEL_SUMMARY];
    int i;
    for (i = 0; i < MODEL_SUMMARY; i++)
        mean[i] = (int16_t)model_mean(state->sum[i], (int64_t)state->steps);
    model_answer(&model_heads[0], mean, y);
#elif HAS_LRU
    model_answer(&model_heads[0], state->given, y);
#else
    model_answer(&model_heads[0], state->h[MODEL_LAYERS - 1], y);
#endif
}

#if HAS_POOL
/* The layers that read means of steps are again as they were before one that is not complete. */
static void model_wait(model_state *state, const model_state *before)
{
    const size_t first = (size_t)model_convolutions[0].product.inputs;
    memcpy(state->h, before->h, sizeof state->h);
#if HAS_LSTM
    memcpy(state->c, before->c, sizeof state->c);
#endif
    memcpy(state->recent + first, before->recent + first,
        sizeof state->recent - first * sizeof *state->recent);
#if HAS_MEAN
    memcpy(state->sum, before->sum, sizeof state->sum);
    state->steps = before->steps;
#endif
}

#endif
void model_step_q(model_state *state, const int16_t *x, int32_t *y)
{
#if HAS_POOL
    const model_state before = *state;
#endif
    model_read(state, x, 1);
    model_after(state, y);
#if HAS_POOL
    if (state->phase > 0)
        model_wait(state, &before);
#endif
}

int model_run_q(const int16_t *x, int steps, int32_t *y)
{
    model_state state;
    int t;
    model_reset(&state);
    for (t = 0; t < steps; t++) {
        model_read(&state, x + (size_t)t * MODEL_INPUTS, t == steps - 1);
#if HAS_STEPS
        model_after(&state, y + (size_t)t * MODEL_OUTPUTS);
#endif
    }
#if !HAS_STEPS
    if (steps > 0)
        model_after(&state, y);
#endif
    return steps > 0 ? MODEL_OK : MODEL_NO_STEPS;
}

#if HAS_CLASSES
int model_class_q(const int32_t *y)
{
    int32_t most = *y;
    int i, best = 0;
    for (i = 1; i < MODEL_OUTPUTS; i++)
        if (*++y > most)
            most = *y, best = i;
    return best;
}

#endif
