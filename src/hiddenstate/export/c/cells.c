/* Cells: each reads x, and writes the state that follows over the state, of which the first array
   is its output. An LRU writes its output to h. */

#if HAS_LSTM
static void model_cell(
    const model_layer *layer, const float *MODEL_ONLY x, float (*MODEL_ONLY state)[MODEL_HIDDEN])
{
    float *h = state[0], *c = state[1];
    float a[4 * MODEL_HIDDEN]; /* of the input gate, the forget gate, the cell, the output gate */
    int i;
    memcpy(a, layer->own, sizeof a);
    model_add(a, &layer->input, x, 4 * MODEL_HIDDEN, layer->inputs);
    model_add(a, &layer->state, h, 4 * MODEL_HIDDEN, MODEL_HIDDEN);
    for (i = 0; i < MODEL_HIDDEN; i++) {
        const float keep = model_sigmoid(a[MODEL_HIDDEN + i]) * c[i];
        c[i] = keep + model_sigmoid(a[i]) * model_tanh(a[2 * MODEL_HIDDEN + i]);
        h[i] = model_sigmoid(a[3 * MODEL_HIDDEN + i]) * model_tanh(c[i]);
    }
}

#elif HAS_GRU
static void model_cell(
    const model_layer *layer, const float *MODEL_ONLY x, float (*MODEL_ONLY state)[MODEL_HIDDEN])
{
    float *h = state[0];
    float a[3 * MODEL_HIDDEN]; /* of the reset gate, the update gate and the candidate: from x */
    float b[3 * MODEL_HIDDEN]; /* from h; the reset gate lets it into the candidate */
    int i;
    memcpy(a, layer->own, sizeof a);
    memset(b, 0, sizeof b);
    memcpy(b + 2 * MODEL_HIDDEN, layer->own + 3 * MODEL_HIDDEN, MODEL_HIDDEN * sizeof *b);
    model_add(a, &layer->input, x, 3 * MODEL_HIDDEN, layer->inputs);
    model_add(b, &layer->state, h, 3 * MODEL_HIDDEN, MODEL_HIDDEN);
    for (i = 0; i < MODEL_HIDDEN; i++) {
        const float r = model_sigmoid(a[i] + b[i]);
        const float z = model_sigmoid(a[MODEL_HIDDEN + i] + b[MODEL_HIDDEN + i]);
        const float candidate = model_tanh(a[2 * MODEL_HIDDEN + i] + r * b[2 * MODEL_HIDDEN + i]);
        h[i] = (1.0f - z) * candidate + z * h[i];
    }
}

#elif HAS_FASTGRNN
#if HAS_FACTORS
/* Adds to the sum of each row its weights times x, where these are the product of two matrices. */
static void model_add_both(float *MODEL_ONLY sums, const model_matrix *matrix,
    const model_matrix *first, const float *MODEL_ONLY x, int inputs)
{
    float part[MODEL_RANK];
    if (!first->weight) {
        model_add(sums, matrix, x, MODEL_HIDDEN, inputs);
        return;
    }
    memset(part, 0, sizeof part);
    model_add(part, first, x, MODEL_RANK, inputs);
    model_add(sums, matrix, part, MODEL_HIDDEN, MODEL_RANK);
}

#endif
static void model_cell(
    const model_layer *layer, const float *MODEL_ONLY x, float (*MODEL_ONLY state)[MODEL_HIDDEN])
{
    float *h = state[0];
    const float *gate = layer->own, *update = gate + MODEL_HIDDEN, *scalars = update + MODEL_HIDDEN;
    const float zeta = model_sigmoid(scalars[0]), nu = model_sigmoid(scalars[1]);
    float a[MODEL_HIDDEN]; /* one sum serves the gate and the candidate */
    int i;
    memset(a, 0, sizeof a);
#if HAS_FACTORS
    model_add_both(a, &layer->input, &layer->input_first, x, layer->inputs);
    model_add_both(a, &layer->state, &layer->state_first, h, MODEL_HIDDEN);
#else
    model_add(a, &layer->input, x, MODEL_HIDDEN, layer->inputs);
    model_add(a, &layer->state, h, MODEL_HIDDEN, MODEL_HIDDEN);
#endif
    for (i = 0; i < MODEL_HIDDEN; i++) {
        const float z = model_sigmoid(a[i] + gate[i]);
        h[i] = z * h[i] + (zeta * (1.0f - z) + nu) * model_tanh(a[i] + update[i]);
    }
}

#elif HAS_MINGRU
static void model_cell(
    const model_layer *layer, const float *MODEL_ONLY x, float (*MODEL_ONLY state)[MODEL_HIDDEN])
{
    float *h = state[0];
    float a[2 * MODEL_HIDDEN]; /* of the gate and of the candidate */
    int i;
    memcpy(a, layer->own, sizeof a);
    model_add(a, &layer->input, x, 2 * MODEL_HIDDEN, layer->inputs);
    for (i = 0; i < MODEL_HIDDEN; i++) {
        const float z = model_sigmoid(a[i]), v = a[MODEL_HIDDEN + i], s = model_sigmoid(v);
        const float n = (v < 0.0f ? 0.0f : v) + (s < 0.5f ? s : 0.5f); /* without a branch */
        h[i] = (1.0f - z) * h[i] + z * n;
    }
}

#elif HAS_LRU
static void model_cell(
    const model_layer *layer, const float *x, float (*MODEL_ONLY state)[MODEL_COMPLEX], float *h)
{
    float *re = state[0], *im = state[1];
    const float *scale = layer->own, *shift = scale + MODEL_HIDDEN, *skip = shift + MODEL_HIDDEN;
    const float *bias = skip + MODEL_HIDDEN, *turn = bias + 2 * MODEL_HIDDEN;
    const float *low = turn + 2 * MODEL_COMPLEX; /* an eigenvalue is the sum of two floats */
    float n[MODEL_HIDDEN], sums[2 * (MODEL_HIDDEN > MODEL_COMPLEX ? MODEL_HIDDEN : MODEL_COMPLEX)];
    float mean = 0.0f, square = 0.0f, factor;
    int i;
    if (layer->input.weight) {
        memcpy(h, turn + 4 * MODEL_COMPLEX, MODEL_HIDDEN * sizeof *h);
        model_add(h, &layer->input, x, MODEL_HIDDEN, layer->inputs);
    } else if (h != x)
        memcpy(h, x, MODEL_HIDDEN * sizeof *h);
    for (i = 0; i < MODEL_HIDDEN; i++)
        mean += h[i] / (float)MODEL_HIDDEN;
    for (i = 0; i < MODEL_HIDDEN; i++)
        square += (h[i] - mean) * (h[i] - mean);
    factor = 1.0f / sqrtf(square / (float)MODEL_HIDDEN + 1e-5f);
    for (i = 0; i < MODEL_HIDDEN; i++)
        n[i] = (h[i] - mean) * factor * scale[i] + shift[i];
    memset(sums, 0, sizeof sums);
    model_add(sums, &layer->drive, n, 2 * MODEL_COMPLEX, MODEL_HIDDEN);
    for (i = 0; i < MODEL_COMPLEX; i++) {
        const int j = MODEL_COMPLEX + i;
        const float a = re[i], b = im[i];
        re[i] = (turn[i] * a - turn[j] * b) + (low[i] * a - low[j] * b + sums[i]);
        im[i] = (turn[i] * b + turn[j] * a) + (low[i] * b + low[j] * a + sums[j]);
    }
    for (i = 0; i < MODEL_HIDDEN; i++)
        n[i] *= skip[i];
    model_add(n, &layer->output, re, MODEL_HIDDEN, 2 * MODEL_COMPLEX);
    for (i = 0; i < MODEL_HIDDEN; i++) /* gelu; 1.59... is the root of 8 / pi */
        n[i] *= model_sigmoid(1.59576912f * (n[i] + 0.044715f * n[i] * n[i] * n[i]));
    memcpy(sums, bias, 2 * MODEL_HIDDEN * sizeof *sums);
    model_add(sums, &layer->gate, n, 2 * MODEL_HIDDEN, MODEL_HIDDEN);
    for (i = 0; i < MODEL_HIDDEN; i++)
        h[i] += sums[i] * model_sigmoid(sums[MODEL_HIDDEN + i]);
}

#elif HAS_RNN_TANH || HAS_RNN_RELU
static void model_cell(
    const model_layer *layer, const float *MODEL_ONLY x, float (*MODEL_ONLY state)[MODEL_HIDDEN])
{
    float *h = state[0];
    float a[MODEL_HIDDEN];
    int i;
    memcpy(a, layer->own, sizeof a);
    model_add(a, &layer->input, x, MODEL_HIDDEN, layer->inputs);
    model_add(a, &layer->state, h, MODEL_HIDDEN, MODEL_HIDDEN);
    for (i = 0; i < MODEL_HIDDEN; i++)
#if HAS_RNN_RELU
        h[i] = a[i] < 0.0f ? 0.0f : a[i];
#else
        h[i] = model_tanh(a[i]);
#endif
}

#endif
