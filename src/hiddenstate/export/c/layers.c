/* Layers over the steps of a whole series, and the answer of a network. */

#if HAS_MEAN
/* Adds h to a sum; `low` keeps what its rounding loses. */
static void model_sum(float *sum, float *low, const float *h, int n)
{
    int i;
    for (i = 0; i < n; i++) {
        const float value = h[i] - low[i];
        const float after = sum[i] + value;
        low[i] = (after - sum[i]) - value;
        sum[i] = after;
    }
}

#endif
#if HAS_RECURRENT
/* The answer of a network from what its recurrent layers leave. */
static void model_answer(const model_dense *head, const float *summary, float *y)
{
    memcpy(y, head->bias, MODEL_OUTPUTS * sizeof *y);
    model_add(y, &head->weight, summary, MODEL_OUTPUTS, MODEL_SUMMARY);
#if HAS_SOFTMAX
    model_softmax(y);
#endif
}

#endif
#if HAS_CONVOLUTION && HAS_STREAMS
/* Reads a step x in a causal convolution with relu; `recent` has the steps before, the earliest
   first. */
static void model_slide(const model_convolution *layer, float *recent, const float *x, float *to)
{
    const size_t inputs = (size_t)layer->inputs, before = (size_t)(layer->width - 1);
    const size_t each = inputs * (size_t)layer->channels;
    model_matrix tap = layer->weight;
    size_t j;
    int i;
    memcpy(to, layer->bias, (size_t)layer->channels * sizeof *to);
    for (j = 0; j < before; j++, tap.weight += each)
        model_add(to, &tap, recent + j * inputs, layer->channels, layer->inputs);
    model_add(to, &tap, x, layer->channels, layer->inputs);
    for (i = 0; i < layer->channels; i++)
        to[i] = to[i] < 0.0f ? 0.0f : to[i];
    if (before == 0)
        return;
    memmove(recent, recent + inputs, (before - 1) * inputs * sizeof *recent);
    memcpy(recent + (before - 1) * inputs, x, inputs * sizeof *recent);
}

#elif HAS_CONVOLUTION
/* A convolution over n steps and relu; steps outside of the row count as zeros. */
static void model_convolve(const model_convolution *layer, const float *from, float *to, int n)
{
    const int before = MODEL_CAUSAL ? layer->width - 1 : (layer->width - 1) / 2;
    const size_t inputs = (size_t)layer->inputs;
    const size_t each = inputs * (size_t)layer->channels;
    int t, j, i;
    for (t = 0; t < n; t++, to += layer->channels) {
        model_matrix tap = layer->weight;
        memcpy(to, layer->bias, (size_t)layer->channels * sizeof *to);
        for (j = 0; j < layer->width; j++, tap.weight += each) {
            const int s = t + j - before;
            if (s >= 0 && s < n)
                model_add(to, &tap, from + (size_t)s * inputs, layer->channels, layer->inputs);
        }
        for (i = 0; i < layer->channels; i++)
            to[i] = to[i] < 0.0f ? 0.0f : to[i];
    }
}

#if HAS_POOL
/* Averages every MODEL_POOL steps of n, in place; returns how many are left. */
static int model_pool(float *values, int channels, int n)
{
    const int left = (n + MODEL_POOL - 1) / MODEL_POOL;
    const size_t stride = (size_t)channels;
    int t, i, j;
    for (t = 0; t < left; t++) {
        const int first = t * MODEL_POOL, count = n - first < MODEL_POOL ? n - first : MODEL_POOL;
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

#endif
#endif
#if HAS_RECURRENT && !HAS_STREAMS
#if HAS_MEAN
/* The mean over n steps of `count` numbers. */
static void model_mean(const float *values, int n, int count, float *mean)
{
    float low[MODEL_WIDEST];
    int t, i;
    for (i = 0; i < count; i++)
        mean[i] = low[i] = 0.0f;
    for (t = 0; t < n; t++)
        model_sum(mean, low, values + (size_t)t * (size_t)count, count);
    for (i = 0; i < count; i++)
        mean[i] /= (float)n;
}

#endif
/* Runs one direction of a layer over n steps, from a state of zeros. */
static void model_sweep(const model_layer *layer, const float *from, float *to, int n, int backward)
{
#if HAS_LRU
    float state[MODEL_STATES][MODEL_COMPLEX];
#else
    float state[MODEL_STATES][MODEL_HIDDEN];
#endif
    int k;
    memset(state, 0, sizeof state);
    for (k = 0; k < n; k++) {
        const size_t t = (size_t)(backward ? n - 1 - k : k);
        const float *x = from + t * (size_t)layer->inputs;
        float *h = to + t * (MODEL_DIRECTIONS * MODEL_HIDDEN);
#if HAS_LRU
        model_cell(layer, x, state, h);
#else
        model_cell(layer, x, state);
        memcpy(h, state[0], sizeof state[0]);
#endif
    }
}

#if HAS_STEPS
/* Runs the layers of a network over n steps x, and returns the outputs of the last one, in `from`
   or `to`, which have room for the steps of a layer. */
static const float *model_network(int net, const float *x, int n, float *from, float *to)
#else
/* Runs the layers of a network over n steps x, and writes to `summary` what the head reads; `from`
   and `to` have room for the steps of a layer. */
static void model_network(int net, const float *x, int n, float *from, float *to, float *summary)
#endif
{
    const model_layer *layer = model_layers + net * MODEL_LAYERS * MODEL_DIRECTIONS;
    float *swap;
    int l, d;
#if HAS_CONVOLUTION
    const model_convolution *convolution = model_convolutions + net * MODEL_CONVOLUTIONS;
    for (l = 0; l < MODEL_CONVOLUTIONS; l++) {
        model_convolve(&convolution[l], l == 0 ? x : from, to, n);
#if HAS_POOL
        if (l == 0)
            n = model_pool(to, convolution[l].channels, n);
#endif
        swap = from, from = to, to = swap;
    }
#if HAS_BESIDE
    model_mean(from, n, MODEL_SUMMARY - MODEL_DIRECTIONS * MODEL_HIDDEN,
        summary + MODEL_DIRECTIONS * MODEL_HIDDEN);
#endif
    x = from;
#endif
    for (l = 0; l < MODEL_LAYERS; l++) {
        for (d = 0; d < MODEL_DIRECTIONS; d++)
            model_sweep(layer++, x, to + d * MODEL_HIDDEN, n, d);
        swap = from, from = to, to = swap;
        x = from;
    }
#if HAS_STEPS
    return x;
#elif HAS_MEAN
    model_mean(x, n, MODEL_DIRECTIONS * MODEL_HIDDEN, summary);
#else
    memcpy(
        summary, x + (size_t)(n - 1) * (MODEL_DIRECTIONS * MODEL_HIDDEN), MODEL_HIDDEN * sizeof *x);
#if HAS_BOTH
    memcpy(summary + MODEL_HIDDEN, x + MODEL_HIDDEN, MODEL_HIDDEN * sizeof *x);
#endif
#endif
}

#endif
