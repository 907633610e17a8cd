/* The cells: a group of rows is a unit, or several of a cell with one row for each. */

#if HAS_FACTORS
/* The first of two products, whose numbers the second reads; without one x itself. */
static const int16_t *model_between(const model_product *product, const int16_t *x, int16_t *to)
{
    int32_t y[MODEL_GROUP];
    int row, r;
    if (product->rows == 0)
        return x;
    MODEL_SPREAD(vector, product, x);
    for (row = 0; row < product->rows; row += MODEL_GROUP) {
        model_rows(product, vector, row, y);
        for (r = 0; r < MODEL_GROUP && row + r < product->rows; r++)
            to[row + r] = (int16_t)y[r];
    }
    return to;
}

#endif
#ifdef MODEL_LANES
#include "integers/units.c"

#else
#define MODEL_LANES 1
typedef int32_t model_lanes;
#define model_get(place) (*(place))
#define model_put(place, x) (*(place) = (int16_t)(x))
#define MODEL_EACH_32(place) MODEL_32(place)
#define MODEL_GATE(y, i) ((y)[i])
#define model_each_cut model_cut
#define model_each_shifted model_shifted
#define model_each_to model_to
#define model_each_sigmoid model_sigmoid
#define model_each_tanh model_tanh
#endif
#define MODEL_AT_ONCE                                                                              \
    (MODEL_LANES * MODEL_BLOCKS > MODEL_GROUP ? MODEL_LANES * MODEL_BLOCKS : MODEL_GROUP)

/* What h of a unit becomes, given the sums of its rows. */
#if HAS_LSTM
MODEL_SMALL model_lanes model_unit(const model_layer *layer, int unit, const int32_t *a,
    const int32_t *b, model_lanes h, int16_t *c)
{
    const model_lanes i = model_each_sigmoid(MODEL_GATE(a, 0) + MODEL_GATE(b, 0)),
                      f = model_each_sigmoid(MODEL_GATE(a, 1) + MODEL_GATE(b, 1));
    const model_lanes g = model_each_tanh(MODEL_GATE(a, 2) + MODEL_GATE(b, 2)),
                      o = model_each_sigmoid(MODEL_GATE(a, 3) + MODEL_GATE(b, 3));
    const model_lanes added = model_each_shifted(i * g, 15 - layer->cell_bits);
    const model_lanes cell =
        model_each_cut(model_each_shifted(f * model_get(c) + added, 15), 32767);
    (void)unit, (void)h;
    model_put(c, cell);
    return model_each_to(o * model_each_tanh(model_each_to(cell, layer->cell_bits, 12, 65535)), 30,
        layer->bits, layer->most);
}

#elif HAS_GRU
MODEL_SMALL model_lanes model_unit(const model_layer *layer, int unit, const int32_t *a,
    const int32_t *b, model_lanes h, int16_t *c)
{
    const model_lanes r = model_each_sigmoid(MODEL_GATE(a, 0) + MODEL_GATE(b, 0)),
                      z = model_each_sigmoid(MODEL_GATE(a, 1) + MODEL_GATE(b, 1));
    const model_lanes n =
        model_each_tanh(MODEL_GATE(a, 2) + model_each_shifted(r * MODEL_GATE(b, 2), 15));
    (void)unit, (void)c;
    return model_each_to(z * (h * ((int32_t)1 << (15 - layer->bits))) + (32768 - z) * n, 30,
        layer->bits, layer->most);
}

#elif HAS_FASTGRNN
MODEL_SMALL model_lanes model_unit(const model_layer *layer, int unit, const int32_t *a,
    const int32_t *b, model_lanes h, int16_t *c)
{
    const model_lanes sum = MODEL_GATE(a, 0) + MODEL_GATE(b, 0);
    const model_lanes z = model_each_sigmoid(sum + MODEL_EACH_32(layer->own + unit));
    const model_lanes n = model_each_tanh(sum + MODEL_EACH_32(layer->own + MODEL_HIDDEN + unit));
    const model_lanes share = model_each_shifted(layer->zeta * (32768 - z), 15) + layer->nu;
    (void)c;
    return model_each_cut(
        model_each_shifted(z * h + model_each_shifted(share * n, 15 - layer->bits), 15),
        layer->most);
}

#elif HAS_MINGRU
MODEL_SMALL model_lanes model_unit(const model_layer *layer, int unit, const int32_t *a,
    const int32_t *b, model_lanes h, int16_t *c)
{
    const int32_t z = model_sigmoid(a[0]);
    const int32_t n = a[1] < 0 ? model_to(model_sigmoid(a[1]), 15, layer->bits, layer->most)
                               : model_to(a[1] + 2048, 12, layer->bits, layer->most);
    (void)unit, (void)b, (void)c;
    return model_cut(model_shifted((32768 - z) * h + z * n, 15), layer->most);
}

#elif HAS_RNN_RELU
MODEL_SMALL model_lanes model_unit(const model_layer *layer, int unit, const int32_t *a,
    const int32_t *b, model_lanes h, int16_t *c)
{
    const int32_t sum = *a + *b;
    (void)unit, (void)h, (void)c;
    return model_to(sum < 0 ? 0 : sum, layer->sum_bits, layer->bits, layer->most);
}

#else
MODEL_SMALL model_lanes model_unit(const model_layer *layer, int unit, const int32_t *a,
    const int32_t *b, model_lanes h, int16_t *c)
{
    (void)unit, (void)h, (void)c;
    return model_each_to(
        model_each_tanh(MODEL_GATE(a, 0) + MODEL_GATE(b, 0)), 15, layer->bits, layer->most);
}

#endif
/* A step of a layer: its h, and c of an LSTM, become the next ones. */
static void model_cell(const model_layer *layer, const int16_t *x, int16_t *h, int16_t *c)
{
    int16_t after[MODEL_HIDDEN];
    int32_t a[MODEL_AT_ONCE], b[MODEL_AT_ONCE];
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
    MODEL_SPREAD(inputs, &layer->input, x);
#if !HAS_MINGRU
    MODEL_SPREAD(states, &layer->state, state);
#endif
    for (unit = 0; unit < MODEL_HIDDEN;) {
        for (r = 0; r < MODEL_AT_ONCE; r += MODEL_GROUP, row += MODEL_GROUP) {
            model_rows(&layer->input, inputs, row, a + r);
#if !HAS_MINGRU
            model_rows(&layer->state, states, row, b + r);
#endif
        }
        for (r = 0; r < MODEL_AT_ONCE && unit < MODEL_HIDDEN;
            r += MODEL_LANES * MODEL_BLOCKS, unit += MODEL_LANES) {
            const model_lanes own = model_get(h + unit);
            model_put(after + unit, model_unit(layer, unit, a + r, b + r, own, c + unit));
        }
    }
    memcpy(h, after, sizeof after);
}
