/* How weights are arranged. */

/* A matrix times a vector, rescaled. MODEL_GROUP rows stand together: four weights of each row side
   by side, those of inputs 0, 2, 1 and 3, row after row, then the next four; at the end one of each
   row, and the next. Rows that are left over follow one after the other. The rescaled sum of a row
   is (bias + products) times factor / 2^(shift + 17), rounded. */
#if HAS_SPARSE
/* Of a sparse matrix there are pairs of bytes, row after row: how many inputs are left out, and the
   weight of the next one. A weight of 0 is there to leave out more. */
#endif
typedef struct {
    const int8_t *weight;
    const int32_t *bias;
    const int16_t *factor;
    const int8_t *shift;
    int32_t most; /* the largest rescaled sum */
    int16_t inputs, rows;
#if HAS_SPARSE
    const uint16_t *ends; /* of a sparse matrix: how many pairs there are up to the end of a row */
#endif
} model_product;

#if HAS_LRU
typedef struct {
    model_product input;             /* without rows where x is what a layer gives */
    model_product drive, back, gate; /* to the state, from it, and of the last two halves */
    const int16_t *turn;             /* real parts of eigenvalues and imaginary ones, 15 bits */
    const int16_t *norm, *skip;
    const int32_t *norm_bias;
    int32_t epsilon;
    int8_t norm_bits, read_bits, skip_places, gelu_bits, input_places, bits; /* bits of an answer */
    int16_t read_most, state_most, gelu_most, most;
} model_layer;

#elif HAS_RECURRENT
typedef struct {
    model_product input;
#if !HAS_MINGRU
    model_product state;
#endif
#if HAS_FACTORS
    model_product input_first, state_first; /* without rows where there is one matrix */
#endif
#if HAS_ONE_SUM
    const int32_t *own; /* biases of z and of c, with 12 bits */
    int32_t zeta, nu;
#endif
    int8_t bits; /* of h */
#if HAS_LSTM
    int8_t cell_bits;
#endif
#if HAS_RNN_RELU
    int8_t sum_bits;
#endif
    int16_t most; /* largest h */
} model_layer;

#endif
#if HAS_DENSE
typedef struct {
    model_product product;
#if HAS_CONVOLUTION
    int16_t step; /* numbers of a step */
#endif
    int8_t activation, bits; /* bits and largest number of what it gives */
    int32_t most;
} model_dense;

enum { MODEL_LINEAR, MODEL_TANH, MODEL_RELU, MODEL_SIGMOID };

#endif
