/* What a program calls for rows: an autoencoder. */

/* Layers one after the other. */
static void model_all(const model_dense *layers, int count, const int16_t *x, int32_t *y)
{
#if HAS_HIDDEN
    int16_t values[2][MODEL_WIDEST];
    int l;
    for (l = 0; l + 1 < count; l++) {
        model_through(&layers[l], x, values[l % 2]);
        x = values[l % 2];
    }
#endif
    model_answer(&layers[count - 1], x, y);
}

void model_encode_q(const int16_t *x, int32_t *code)
{
    model_all(model_encoder, MODEL_ENCODER_LAYERS, x, code);
}

/* Decodes a code that has been made an input of the decoder. */
static void model_decode_code(const int16_t *x, int32_t *row)
{
    model_all(model_decoder, MODEL_DECODER_LAYERS, x, row);
}

void model_decode_q(const int32_t *code, int32_t *row)
{
    int16_t x[MODEL_CODE];
    int i;
    for (i = 0; i < MODEL_CODE; i++) { /* halves up, without a sum that has no room */
        const int places = MODEL_ANSWER_BITS - MODEL_CODE_BITS;
        const int32_t value = places > 0 ? ((code[i] >> (places - 1)) + 1) >> 1 : code[i];
        x[i] = (int16_t)model_cut(value, MODEL_CODE_MOST);
    }
    model_decode_code(x, row);
}
