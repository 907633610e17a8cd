/* The layers of an autoencoder, and the functions that a program calls. */

/* A layer; `to` has room for its outputs. */
static void model_through(const model_dense *layer, const float *x, float *to)
{
    int i;
    memcpy(to, layer->bias, (size_t)layer->outputs * sizeof *to);
    model_add(to, &layer->weight, x, layer->outputs, layer->inputs);
    for (i = 0; i < layer->outputs; i++) {
#if HAS_DENSE_TANH
        if (layer->activation == MODEL_TANH)
            to[i] = model_tanh(to[i]);
#endif
#if HAS_DENSE_RELU
        if (layer->activation == MODEL_RELU)
            to[i] = to[i] < 0.0f ? 0.0f : to[i];
#endif
#if HAS_DENSE_SIGMOID
        if (layer->activation == MODEL_SIGMOID)
            to[i] = model_sigmoid(to[i]);
#endif
    }
}

static void model_all(const model_dense *layers, int count, const float *x, float *to)
{
    float one[MODEL_WIDEST], two[MODEL_WIDEST];
    float *next = one;
    int l;
    for (l = 0; l + 1 < count; l++) {
        model_through(&layers[l], x, next);
        x = next;
        next = next == one ? two : one;
    }
    model_through(&layers[count - 1], x, to);
}

/* From what the network gives to the units of the data. */
static void model_unscaled(const float *x, float *row)
{
    int i;
    for (i = 0; i < MODEL_FEATURES; i++)
#if HAS_SCALE
        row[i] = (x[i] * model_scale[i] + model_offset_low[i]) + model_offset[i];
#else
        row[i] = x[i];
#endif
}

int model_encode(const float *x, float *code)
{
    float inputs[MODEL_INPUTS];
    int status = model_prepare(x, inputs);
    if (status != MODEL_OK)
        return model_refused(status, code, MODEL_CODE);
    model_all(model_encoder, MODEL_ENCODER_LAYERS, inputs, code);
    return model_finite(code, MODEL_CODE) ? MODEL_OK
                                          : model_refused(MODEL_TOO_LARGE, code, MODEL_CODE);
}

int model_decode(const float *code, float *row)
{
    float outputs[MODEL_INPUTS];
    if (!model_finite(code, MODEL_CODE))
        return model_refused(MODEL_MISSING, row, MODEL_FEATURES);
    model_all(model_decoder, MODEL_DECODER_LAYERS, code, outputs);
    model_unscaled(outputs, row);
    return model_finite(row, MODEL_FEATURES) ? MODEL_OK
                                             : model_refused(MODEL_TOO_LARGE, row, MODEL_FEATURES);
}

int model_run(const float *x, float *code, float *row, float *error)
{
    float inputs[MODEL_INPUTS], outputs[MODEL_INPUTS], sum = 0.0f;
    int i, status = model_prepare(x, inputs);
    if (status == MODEL_OK) {
        model_all(model_encoder, MODEL_ENCODER_LAYERS, inputs, code);
        model_all(model_decoder, MODEL_DECODER_LAYERS, code, outputs);
        for (i = 0; i < MODEL_INPUTS; i++)
            sum += (outputs[i] - inputs[i]) * (outputs[i] - inputs[i]);
        model_unscaled(outputs, row);
        *error = sum / (float)MODEL_INPUTS;
        if (!model_finite(code, MODEL_CODE) || !model_finite(row, MODEL_FEATURES) ||
            !model_finite(error, 1))
            status = MODEL_TOO_LARGE;
    }
    if (status == MODEL_OK)
        return MODEL_OK;
    model_refused(status, code, MODEL_CODE);
    model_refused(status, error, 1);
    return model_refused(status, row, MODEL_FEATURES);
}
