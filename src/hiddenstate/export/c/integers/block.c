/* An LRU: what it gives is not its state. */

/* All rescaled sums of a product. */
static void model_products(const model_product *product, const int16_t *x, int32_t *y)
{
    int row;
    MODEL_SPREAD(vector, product, x);
    for (row = 0; row < product->rows; row += MODEL_GROUP)
        model_rows(product, vector, row, y + row);
}

/* The largest number whose square is at most x, which is less than 2^44. */
static int32_t model_root(int64_t x)
{
    int64_t root = 0, bit = (int64_t)1 << 42;
    for (; bit > 0; bit >>= 2) {
        const int64_t with = root + bit;
        root >>= 1;
        if (x >= with) {
            x -= with;
            root += bit;
        }
    }
    return (int32_t)root;
}

/* The layer norm of u, whose deviation has 5 bits more than u, and its inverse 15 bits. */
static void model_norm(const model_layer *layer, const int16_t *u, int16_t *n)
{
    int64_t squares = 0;
    int32_t total = 0, whole, left, deviation, inverse, less;
    int i, size = 0;
    for (i = 0; i < MODEL_HIDDEN; i++)
        total += u[i];
    whole = (int32_t)model_mean(total, MODEL_HIDDEN);
    left = total - MODEL_HIDDEN * whole;
    for (i = 0; i < MODEL_HIDDEN; i++) {
        const int64_t centred = u[i] - whole;
        squares += centred * centred;
    }
    squares -= left * left / MODEL_HIDDEN;
    deviation = model_root((squares << 10) / MODEL_HIDDEN + layer->epsilon);
    deviation = deviation > 8 ? deviation : 8;
    while (deviation >> size)
        size++;
    inverse = (int32_t)(((int64_t)1 << (size + 14)) / deviation);
    less = left * inverse / MODEL_HIDDEN - (left * inverse % MODEL_HIDDEN < 0);
    less = model_shifted(less, size - 3);
    for (i = 0; i < MODEL_HIDDEN; i++) {
        const int32_t scaled = model_shifted((u[i] - whole) * inverse, size - 3) - less;
        n[i] = (int16_t)model_to(
            scaled * (int16_t)MODEL_16(layer->norm + i) + MODEL_32(layer->norm_bias + i),
            layer->norm_bits, layer->read_bits, layer->read_most);
    }
}

/* gelu(x), 27 bits, of x with 12: x sigmoid(sqrt(8 / pi) (x + .044715 x^3)). */
static int32_t model_gelu(int32_t x)
{
    const int32_t near = model_cut(x, (int32_t)6 << 12);
    const int32_t cubic = model_shifted(model_shifted(near * near, 12) * 292, 12);
    return x * model_sigmoid(model_shifted(near * (6536 + cubic), 12));
}

/* A step of a layer: it reads x and changes its state s; `to`, which may be x, is what it gives. */
static void model_cell(const model_layer *layer, const int16_t *x, int16_t *s, int16_t *to)
{
    int16_t u[MODEL_HIDDEN], n[MODEL_HIDDEN];
    int32_t wide[MODEL_WIDE];
    int i;
    if (layer->input.rows > 0) {
        model_products(&layer->input, x, wide);
        for (i = 0; i < MODEL_HIDDEN; i++)
            u[i] = (int16_t)wide[i];
    } else
        memcpy(u, x, sizeof u);
    model_norm(layer, u, n);
    model_products(&layer->drive, n, wide);
    for (i = 0; i < MODEL_STATES; i++) {
        const int32_t cosine = (int16_t)MODEL_16(layer->turn + i), re = s[i];
        const int32_t sine = (int16_t)MODEL_16(layer->turn + MODEL_STATES + i);
        const int32_t im = s[MODEL_STATES + i];
        s[i] = (int16_t)model_cut(
            model_shifted(cosine * re - sine * im, 15) + wide[i], layer->state_most);
        s[MODEL_STATES + i] = (int16_t)model_cut(
            model_shifted(cosine * im + sine * re, 15) + wide[MODEL_STATES + i], layer->state_most);
    }
    model_products(&layer->back, s, wide);
    for (i = 0; i < MODEL_HIDDEN; i++) {
        const int32_t skipped = (int32_t)(int16_t)MODEL_16(layer->skip + i) * n[i];
        const int32_t y = model_cut(wide[i] + model_shifted(skipped, layer->skip_places), 65535);
        n[i] = (int16_t)model_to(model_gelu(y), 27, layer->gelu_bits, layer->gelu_most);
    }
    model_products(&layer->gate, n, wide);
    for (i = 0; i < MODEL_HIDDEN; i++) {
        const int32_t added = wide[i] * model_sigmoid(wide[MODEL_HIDDEN + i]);
        to[i] = (int16_t)model_cut(
            model_shifted(u[i], layer->input_places) + model_shifted(added, 15), layer->most);
    }
}
