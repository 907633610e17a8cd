/* The forecasts of all steps up to the horizon, and intervals around them. */

#if HAS_NEARER
/* What the path of a step remembers of the newest window. */
static int model_newest(const float *x, int steps, model_path *path)
{
    int t = steps > MODEL_WINDOW ? steps - MODEL_WINDOW : 0, status = MODEL_OK;
    float row[MODEL_INPUTS];
#if HAS_FORWARD
    float known[MODEL_FEATURES];
    model_begin(known, x, t, steps);
#endif
    for (; t < steps && status == MODEL_OK; t++) {
#if HAS_FORWARD
        status = model_prepare(known, x + (size_t)t * MODEL_FEATURES, row);
#else
        status = model_prepare(x + (size_t)t * MODEL_FEATURES, row);
#endif
        if (status == MODEL_OK)
            model_remember(path, row);
    }
    return status;
}

#endif
/* The answer to the window that ended `place` steps before the end of a series; with the path of
   the step that is as many before the horizon. */
static int model_ahead_of(const float *x, int steps, int place, float *y, float *scratch)
{
    const int end = steps - place;
    const int first = end > MODEL_WINDOW ? end - MODEL_WINDOW : 0;
    int status = MODEL_OK;
#if HAS_STREAMS
    model_state state;
    float inputs[MODEL_READ];
    int t;
    (void)scratch;
    model_reset(&state);
#if HAS_FORWARD
    model_begin(state.known, x, first, end);
#endif
    for (t = first; t < end && status == MODEL_OK; t++)
        status = model_read(&state, x + (size_t)t * MODEL_FEATURES, inputs, t == end - 1);
#if HAS_NEARER
    memset(&state.path, 0, sizeof state.path);
    state.path.place = place;
    status = status == MODEL_OK ? model_newest(x, steps, &state.path) : status;
#endif
    return status == MODEL_OK ? model_after(&state, inputs, y) : status;
#else
    float *inputs = scratch + 2 * (size_t)(end - first) * MODEL_WIDEST;
#if HAS_STEPS
    float *answers = inputs + (size_t)(end - first) * MODEL_INPUTS;
#else
    float *answers = y;
#endif
#if HAS_NEARER
    model_path path;
    memset(&path, 0, sizeof path);
    path.place = place;
    status = model_newest(x, steps, &path);
#endif
    status = status == MODEL_OK ? model_prepare_steps(x, first, end, inputs) : status;
    if (status != MODEL_OK)
        return status;
#if HAS_NEARER
    model_predict(inputs, end - first, scratch, answers, &path);
#else
    model_predict(inputs, end - first, scratch, answers);
#endif
#if HAS_STEPS
    memcpy(y, answers + (size_t)(end - first - 1) * MODEL_OUTPUTS, MODEL_OUTPUTS * sizeof *y);
#endif
    return model_finite(y, MODEL_OUTPUTS) ? MODEL_OK : MODEL_TOO_LARGE;
#endif
}

int model_forecast(const float *x, int steps, float *y, float *scratch)
{
    int place, status = steps < MODEL_LEAST ? MODEL_NO_STEPS : MODEL_OK;
    for (place = MODEL_HORIZON - 1; place >= 0 && status == MODEL_OK; place--)
        status = model_ahead_of(
            x, steps, place, y + (MODEL_HORIZON - 1 - place) * MODEL_OUTPUTS, scratch);
    return status == MODEL_OK ? MODEL_OK : model_refused(status, y, MODEL_HORIZON * MODEL_OUTPUTS);
}

#if HAS_INTERVALS
/* The mean absolute change of a target of a series, or of its logarithms, over a season; 1 if there
   is none. */
static double model_mean_change(const float *x, int steps, int feature, int is_log)
{
    const int apart = MODEL_SEASON < steps ? MODEL_SEASON : 1;
    double sum = 0.0;
    int t, n = 0;
    for (t = apart; t < steps; t++) {
        const double now = (double)x[(size_t)t * MODEL_FEATURES + (size_t)feature];
        const double then = (double)x[(size_t)(t - apart) * MODEL_FEATURES + (size_t)feature];
        const double change = is_log ? log(now) - log(then) : now - then;
        if (change - change == 0.0) {
            sum += fabs(change);
            n++;
        }
    }
    return sum > 0.0 ? sum / (double)n : 1.0;
}

void model_interval(int number, const float *x, int steps, const float *y, float *low, float *high)
{
    const float *half = model_half_widths + number * MODEL_HORIZON * MODEL_OUTPUTS;
    int i, o;
    for (o = 0; o < MODEL_OUTPUTS; o++) {
#if HAS_LOGARITHM
        const int is_log = model_target_is_log[o];
#else
        const int is_log = 0;
#endif
        const float size = (float)model_mean_change(x, steps, model_targets[o], is_log);
        for (i = o; i < MODEL_HORIZON * MODEL_OUTPUTS; i += MODEL_OUTPUTS) {
            const float off = half[i] * size;
            low[i] = is_log ? y[i] * expf(-off) : y[i] - off;
            high[i] = is_log ? y[i] * expf(off) : y[i] + off;
        }
    }
}

#endif
