/* Dense layers. */

/* The group of rows from `first` on of a layer, with its activation. */
static void model_activated(const model_dense *layer, model_vector x, int first, int32_t *y)
{
    const int left = layer->product.rows - first;
    int r;
    model_rows(&layer->product, x, first, y);
    for (r = 0; r < MODEL_GROUP && r < left; r++) {
#if HAS_DENSE_TANH
        if (layer->activation == MODEL_TANH)
            y[r] = model_to(model_tanh(y[r]), 15, layer->bits, layer->most);
#endif
#if HAS_DENSE_SIGMOID
        if (layer->activation == MODEL_SIGMOID)
            y[r] = model_to(model_sigmoid(y[r]), 15, layer->bits, layer->most);
#endif
#if HAS_DENSE_RELU
        if (layer->activation == MODEL_RELU && y[r] < 0)
            y[r] = 0;
#endif
    }
}

/* A last layer. */
MODEL_SMALL void model_answer(const model_dense *layer, const int16_t *x, int32_t *y)
{
    int row;
    MODEL_SPREAD(vector, &layer->product, x);
    for (row = 0; row < layer->product.rows; row += MODEL_GROUP)
        model_activated(layer, vector, row, y + row);
}

#if HAS_HIDDEN
/* A layer that another one reads. */
static void model_through(const model_dense *layer, const int16_t *x, int16_t *to)
{
    int32_t y[MODEL_GROUP];
    int row, r;
    MODEL_SPREAD(vector, &layer->product, x);
    for (row = 0; row < layer->product.rows; row += MODEL_GROUP) {
        model_activated(layer, vector, row, y);
        for (r = 0; r < MODEL_GROUP && row + r < layer->product.rows; r++)
            to[row + r] = (int16_t)y[r];
    }
}

#endif
