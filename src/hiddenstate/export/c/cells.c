/* Cells: each reads x, and writes the state that follows over the state, of which the first array
   is its output. */

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
static void model_cell(
    const model_layer *layer, const float *MODEL_ONLY x, float (*MODEL_ONLY state)[MODEL_HIDDEN])
{
    float *h = state[0];
    const float *gate = layer->own, *update = gate + MODEL_HIDDEN, *scalars = update + MODEL_HIDDEN;
    const float zeta = model_sigmoid(scalars[0]), nu = model_sigmoid(scalars[1]);
    float a[MODEL_HIDDEN]; /* one sum serves the gate and the candidate */
    int i;
    memset(a, 0, sizeof a);
    model_add(a, &layer->input, x, MODEL_HIDDEN, layer->inputs);
    model_add(a, &layer->state, h, MODEL_HIDDEN, MODEL_HIDDEN);
    for (i = 0; i < MODEL_HIDDEN; i++) {
        const float z = model_sigmoid(a[i] + gate[i]);
        h[i] = z * h[i] + (zeta * (1.0f - z) + nu) * model_tanh(a[i] + update[i]);
    }
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
