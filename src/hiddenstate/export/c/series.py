"""The functions of the C header that read series: step by step, or a whole one; see `parts`."""

STREAM = """\
# if streams
void @_reset(@_state *state)
{
    memset(state, 0, sizeof *state);
# if forward
    memcpy(state->known, @_fill, sizeof state->known);
# end
}

/* Reads a step; x becomes what the network reads of it. */
static int @_read(@_state *state, const float *data, float *x)
{
    const float *from = x;
    int l;
# if forward
    const int status = @_prepare(state->known, data, x);
# end
# if no forward
    const int status = @_prepare(data, x);
# end
    if (status != $_OK)
        return status;
# if linear
    @_remember(&state->path, x);
# end
    for (l = 0; l < $_LAYERS; l++) {
# if lstm
        @_cell(&@_layers[l], from, state->h[l], state->c[l]);
# end
# if no lstm
        @_cell(&@_layers[l], from, state->h[l]);
# end
        from = state->h[l];
    }
# if mean
    @_sum(state->sum, state->sum_low, from, $_HIDDEN);
    state->steps++;
# end
    return $_OK;
}

/* The answer to what was read. */
static int @_after(const @_state *state, const float *x, float *y)
{
# if mean
    float mean[$_HIDDEN];
    int i;
    for (i = 0; i < $_HIDDEN; i++)
        mean[i] = state->sum[i] / (float)state->steps;
    @_answer(&@_heads[0], mean, y);
# end
# if no mean
    @_answer(&@_heads[0], state->h[$_LAYERS - 1], y);
# end
# if units
# if linear
    @_in_units(x, &state->path, y);
# end
# if no linear
    @_in_units(x, y);
# end
# end
    (void)x;
    return @_finite(y, $_OUTPUTS) ? $_OK : $_TOO_LARGE;
}

int @_step(@_state *state, const float *x, float *y)
{
    float inputs[$_INPUTS];
    int status = @_read(state, x, inputs);
    if (status == $_OK)
        status = @_after(state, inputs, y);
    return status == $_OK ? $_OK : @_refused(status, y, $_OUTPUTS);
}

int @_run(const float *x, int steps, float *y, float *scratch)
{
    @_state state;
    float inputs[$_INPUTS];
    int t, status = $_OK;
    (void)scratch;
    if (steps < 1)
        return @_refused($_NO_STEPS, y, $_OUTPUTS);
    @_reset(&state);
    for (t = 0; t < steps && status == $_OK; t++) {
        status = @_read(&state, x + (size_t)t * $_FEATURES, inputs);
# if steps
        if (status == $_OK)
            status = @_after(&state, inputs, y + (size_t)t * $_OUTPUTS);
# end
    }
# if steps
    return status == $_OK ? $_OK : @_refused(status, y, (size_t)steps * $_OUTPUTS);
# end
# if no steps
    if (status == $_OK)
        status = @_after(&state, inputs, y);
    return status == $_OK ? $_OK : @_refused(status, y, $_OUTPUTS);
# end
}
# end
"""

ROWS = """\
# if rows
# if by_window
/* Gives the network the last values of the targets less their mean, in units of their deviation,
   which is `size`; both are 0 where the values are flat. */
static void @_by_window(float *x, int steps, double *size)
{
# if cut
    const int first = steps > $_WINDOW ? steps - $_WINDOW : 0;
# end
# if no cut
    const int first = 0;
# end
    int o, t;
    for (o = 0; o < $_OUTPUTS; o++) {
        double sum = 0.0, squares = 0.0, largest = 0.0, mean;
        for (t = first; t < steps; t++) {
            const double value = (double)x[(size_t)t * $_INPUTS + (size_t)@_own[o]];
            sum += value;
            largest = fabs(value) > largest ? fabs(value) : largest;
        }
        mean = sum / (double)(steps - first);
        for (t = first; t < steps; t++) {
            const double off = (double)x[(size_t)t * $_INPUTS + (size_t)@_own[o]] - mean;
            squares += off * off;
        }
        size[o] = sqrt(squares / (double)(steps - first));
        if (size[o] <= 1e-9 * largest)
            size[o] = 0.0;
        for (t = 0; t < steps; t++) {
            float *value = x + (size_t)t * $_INPUTS + (size_t)@_own[o];
            *value = size[o] > 0.0 ? (float)(((double)*value - mean) / size[o]) : 0.0f;
        }
    }
}

# end
# if no alone
# if stem
/* A convolution over n steps and relu; steps outside of the row count as zeros. */
static void @_convolve(const @_convolution *layer, const float *from, float *to, int n)
{
    const int before = $_CAUSAL ? layer->width - 1 : (layer->width - 1) / 2;
    const size_t inputs = (size_t)layer->inputs;
    const size_t each = inputs * (size_t)layer->channels;
    int t, j, i;
    for (t = 0; t < n; t++, to += layer->channels) {
        memcpy(to, layer->bias, (size_t)layer->channels * sizeof *to);
        for (j = 0; j < layer->width; j++) {
            const int s = t + j - before;
            if (s >= 0 && s < n)
                @ADD_TAP(to, from + (size_t)s * inputs, layer->channels);
        }
        for (i = 0; i < layer->channels; i++)
            to[i] = to[i] < 0.0f ? 0.0f : to[i];
    }
}
# if pool

/* Averages every $_POOL steps of n, in place; returns how many are left. */
static int @_pool(float *values, int channels, int n)
{
    const int left = (n + $_POOL - 1) / $_POOL;
    const size_t stride = (size_t)channels;
    int t, i, j;
    for (t = 0; t < left; t++) {
        const int first = t * $_POOL, count = n - first < $_POOL ? n - first : $_POOL;
        for (i = 0; i < channels; i++) {
            float *own = values + i;
            float sum = 0.0f;
            for (j = 0; j < count; j++)
                sum += own[(size_t)(first + j) * stride];
            own[(size_t)t * stride] = sum / (float)count;
        }
    }
    return left;
}
# end

# end
# if mean
/* The mean over n steps of `count` numbers. */
static void @_mean(const float *values, int n, int count, float *mean)
{
    float low[$_WIDEST];
    int t, i;
    for (i = 0; i < count; i++)
        mean[i] = low[i] = 0.0f;
    for (t = 0; t < n; t++)
        @_sum(mean, low, values + (size_t)t * (size_t)count, count);
    for (i = 0; i < count; i++)
        mean[i] /= (float)n;
}

# end
/* Runs one direction of a layer over n steps, from a state of zeros. */
static void @_sweep(const @_layer *layer, const float *from, float *to, int n, int backward)
{
    float h[$_HIDDEN];
# if lstm
    float c[$_HIDDEN];
    memset(c, 0, sizeof c);
# end
    int k;
    memset(h, 0, sizeof h);
    for (k = 0; k < n; k++) {
        const size_t t = (size_t)(backward ? n - 1 - k : k);
# if lstm
        @_cell(layer, from + t * (size_t)layer->inputs, h, c);
# end
# if no lstm
        @_cell(layer, from + t * (size_t)layer->inputs, h);
# end
        memcpy(to + t * ($_DIRECTIONS * $_HIDDEN), h, sizeof h);
    }
}

# if fixed
/* Adds the probabilities of one network to sums of which y are the logarithms; `from` and `to` have
   room for the steps of a layer. */
static void @_network(int net, const float *x, int n, float *from, float *to, double *y)
# end
# if no fixed
/* Adds the answers of one network to y; `from` and `to` have room for the steps of a layer. */
static void @_network(int net, const float *x, int n, float *from, float *to, float *y)
# end
{
    const @_layer *layer = @_layers + net * $_LAYERS * $_DIRECTIONS;
    float summary[$_SUMMARY], answer[$_OUTPUTS];
    float *swap;
# if fixed
    int l, d;
# end
# if no fixed
    int l, d, i;
# end
# if stem
    const @_convolution *convolution = @_convolutions + net * $_CONVOLUTIONS;
    for (l = 0; l < $_CONVOLUTIONS; l++) {
        @_convolve(&convolution[l], l == 0 ? x : from, to, n);
# if pool
        if (l == 0)
            n = @_pool(to, convolution[l].channels, n);
# end
        swap = from, from = to, to = swap;
    }
# if mean
    @_mean(from, n, $_SUMMARY - $_DIRECTIONS * $_HIDDEN, summary + $_DIRECTIONS * $_HIDDEN);
# end
    x = from;
# end
    for (l = 0; l < $_LAYERS; l++) {
        for (d = 0; d < $_DIRECTIONS; d++)
            @_sweep(layer++, x, to + d * $_HIDDEN, n, d);
        swap = from, from = to, to = swap;
        x = from;
    }
# if steps
    for (l = 0; l < n; l++) {
        @_answer(&@_heads[net], x + (size_t)l * ($_DIRECTIONS * $_HIDDEN), answer);
        for (i = 0; i < $_OUTPUTS; i++)
            y[(size_t)l * $_OUTPUTS + (size_t)i] += answer[i] / (float)$_MEMBERS;
    }
    (void)summary;
# end
# if no steps
# if mean
    @_mean(x, n, $_DIRECTIONS * $_HIDDEN, summary);
# end
# if last
    memcpy(summary, x + (size_t)(n - 1) * ($_DIRECTIONS * $_HIDDEN), $_HIDDEN * sizeof *x);
# if both
    memcpy(summary + $_HIDDEN, x + $_HIDDEN, $_HIDDEN * sizeof *x);
# end
# end
    @_answer(&@_heads[net], summary, answer);
# if fixed
    @_with_network(y, answer, net);
# end
# if no fixed
    for (i = 0; i < $_OUTPUTS; i++)
        y[i] += answer[i] / (float)$_MEMBERS;
# end
# end
}

# end
int @_run(const float *x, int steps, float *y, float *scratch)
{
# if steps
    const size_t answers = (size_t)(steps < 1 ? 1 : steps) * $_OUTPUTS;
# end
# if no steps
    const size_t answers = $_OUTPUTS;
# end
    const size_t room = (size_t)(steps < 1 ? 1 : steps) * $_WIDEST;
    float *inputs = scratch + 2 * room;
# if fixed
# if no alone
    double logs[$_OUTPUTS];
    int net;
# end
    int t;
# end
# if by_window
    @_path path;
    double size[$_OUTPUTS];
# end
# if no fixed
    size_t i;
    int t, net;
# end
# if forward
    float known[$_FEATURES];
    memcpy(known, @_fill, sizeof known);
# end
    if (steps < 1)
        return @_refused($_NO_STEPS, y, $_OUTPUTS);
    for (t = 0; t < steps; t++) {
# if forward
        const int status = @_prepare(known, x + (size_t)t * $_FEATURES,
# end
# if no forward
        const int status = @_prepare(x + (size_t)t * $_FEATURES,
# end
                                     inputs + (size_t)t * $_INPUTS);
        if (status != $_OK)
            return @_refused(status, y, answers);
    }
# if fixed
# if alone
    @_with_fixed(inputs, steps, scratch, y);
# end
# if no alone
    for (net = 0; net < $_MEMBERS; net++)
        @_network(net, inputs, steps, scratch, scratch + room, logs);
    @_with_fixed(inputs, steps, scratch, logs, y);
# end
# end
# if by_window
    memset(&path, 0, sizeof path);
    for (t = 0; t < steps; t++)
        @_remember(&path, inputs + (size_t)t * $_INPUTS);
    @_by_window(inputs, steps, size);
# end
# if no fixed
    for (i = 0; i < answers; i++)
        y[i] = 0.0f;
    for (net = 0; net < $_MEMBERS; net++)
        @_network(net, inputs, steps, scratch, scratch + room, y);
# end
# if by_window
    for (i = 0; i < $_OUTPUTS; i++)
        y[i] = (float)((double)y[i] * size[i]);
    @_in_units(inputs + (size_t)(steps - 1) * $_INPUTS, &path, y);
# end
# if no by_window
# if units
    {
# if linear
        @_path path;
        memset(&path, 0, sizeof path);
# end
        for (t = 0; t < steps; t++) {
            const float *step = inputs + (size_t)t * $_INPUTS;
# if linear
            @_remember(&path, step);
# end
# if no steps
            if (t < steps - 1)
                continue;
            @_in_units(step, @PATH y);
# end
# if steps
            @_in_units(step, @PATH y + (size_t)t * $_OUTPUTS);
# end
        }
    }
# end
# end
    return @_finite(y, answers) ? $_OK : @_refused($_TOO_LARGE, y, answers);
}
# end
"""
