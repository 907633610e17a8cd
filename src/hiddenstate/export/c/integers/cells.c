/* The cells: a group of rows is a unit, or several of a cell with one row for each. */

#if HAS_FACTORS
/* The first of two products, whose numbers the second reads; without one x itself. */
static const int16_t *model_between(const model_product *product, const int16_t *x, int16_t *to)
{
    int32_t y[MODEL_GROUP];
    int row, r;
    if (product->rows == 0)
        return x;
    for (row = 0; row < product->rows; row += MODEL_GROUP) {
        model_rows(product, x, row, y);
        for (r = 0; r < MODEL_GROUP && row + r < product->rows; r++)
            to[row + r] = (int16_t)y[r];
    }
    return to;
}

#endif
/* What h of a unit becomes, given the sums of its rows. */
#if HAS_LSTM
MODEL_SMALL int32_t model_unit(
    const model_layer *layer, int unit, const int32_t *a, const int32_t *b, int32_t h, int16_t *c)
{
    const int32_t i = model_sigmoid(a[0] + b[0]), f = model_sigmoid(a[1] + b[1]);
    const int32_t g = model_tanh(a[2] + b[2]), o = model_sigmoid(a[3] + b[3]);
    const int32_t added = model_shifted(i * g, 15 - layer->cell_bits);
    const int32_t cell = model_cut(model_shifted(f * *c + added, 15), 32767);
    (void)unit, (void)h;
    *c = (int16_t)cell;
    return model_to(
        o * model_tanh(model_to(cell, layer->cell_bits, 12, 65535)), 30, layer->bits, layer->most);
}

#elif HAS_GRU
MODEL_SMALL int32_t model_unit(
    const model_layer *layer, int unit, const int32_t *a, const int32_t *b, int32_t h, int16_t *c)
{
    const int32_t r = model_sigmoid(a[0] + b[0]), z = model_sigmoid(a[1] + b[1]);
    const int32_t n = model_tanh(a[2] + model_shifted(r * b[2], 15));
    (void)unit, (void)c;
    return model_to(z * (h * ((int32_t)1 << (15 - layer->bits))) + (32768 - z) * n, 30, layer->bits,
        layer->most);
}

#elif HAS_FASTGRNN
MODEL_SMALL int32_t model_unit(
    const model_layer *layer, int unit, const int32_t *a, const int32_t *b, int32_t h, int16_t *c)
{
    const int32_t sum = *a + *b;
    const int32_t z = model_sigmoid(sum + MODEL_32(layer->own + unit));
    const int32_t n = model_tanh(sum + MODEL_32(layer->own + MODEL_HIDDEN + unit));
    const int32_t share = model_shifted(layer->zeta * (32768 - z), 15) + layer->nu;
    (void)c;
    return model_cut(
        model_shifted(z * h + model_shifted(share * n, 15 - layer->bits), 15), layer->most);
}

#elif HAS_MINGRU
MODEL_SMALL int32_t model_unit(
    const model_layer *layer, int unit, const int32_t *a, const int32_t *b, int32_t h, int16_t *c)
{
    const int32_t z = model_sigmoid(a[0]);
    const int32_t n = a[1] < 0 ? model_to(model_sigmoid(a[1]), 15, layer->bits, layer->most)
                               : model_to(a[1] + 2048, 12, layer->bits, layer->most);
    (void)unit, (void)b, (void)c;
    return model_cut(model_shifted((32768 - z) * h + z * n, 15), layer->most);
}

#elif HAS_RNN_RELU
MODEL_SMALL int32_t model_unit(
    const model_layer *layer, int unit, const int32_t *a, const int32_t *b, int32_t h, int16_t *c)
{
    const int32_t sum = *a + *b;
    (void)unit, (void)h, (void)c;
    return model_to(sum < 0 ? 0 : sum, layer->sum_bits, layer->bits, layer->most);
}

#else
MODEL_SMALL int32_t model_unit(
    const model_layer *layer, int unit, const int32_t *a, const int32_t *b, int32_t h, int16_t *c)
{
    (void)unit, (void)h, (void)c;
    return model_to(model_tanh(*a + *b), 15, layer->bits, layer->most);
}

#endif
/* A step of a layer: its h, and c of an LSTM, become the next ones. */
static void model_cell(const model_layer *layer, const int16_t *x, int16_t *h, int16_t *c)
{
    int16_t after[MODEL_HIDDEN];
    int32_t a[MODEL_GROUP], b[MODEL_GROUP];
#if HAS_MINGRU
    int unit, row = 0, r;
    memset(b, 0, sizeof b); /* there is no product of the state */
#else
    const int16_t *state = h;
    int unit, row = 0, r;
#endif
#if HAS_FACTORS
    int16_t first[MODEL_RANK], second[MODEL_RANK];
    x = model_between(&layer->input_first, x, first);
    state = model_between(&layer->state_first, h, second);
#endif
    for (unit = 0; unit < MODEL_HIDDEN; row += MODEL_GROUP) {
        model_rows(&layer->input, x, row, a);
#if !HAS_MINGRU
        model_rows(&layer->state, state, row, b);
#endif
        for (r = 0; r < MODEL_GROUP && unit < MODEL_HIDDEN; r += MODEL_BLOCKS, unit++)
            after[unit] = (int16_t)model_unit(layer, unit, a + r, b + r, h[unit], c + unit);
    }
    memcpy(h, after, sizeof after);
}
