/* What a program calls. */

/* What functions return. */
#define MODEL_OK 0          /* the answers are there */
#define MODEL_MISSING (-1)  /* a number is NaN or infinite, and nothing fills it in */
#define MODEL_NO_STEPS (-4) /* there are no steps */

#if HAS_RECURRENT
/* What is remembered of a series. Copy it, keep it, have as many as you like. */
typedef struct model_state {
#if HAS_LRU
    int16_t h[MODEL_LAYERS][2 * MODEL_STATES]; /* real parts, then imaginary ones */
    int16_t given[MODEL_HIDDEN];               /* by the last layer */
#else
    int16_t h[MODEL_LAYERS][MODEL_HIDDEN];
#endif
#if HAS_LSTM
    int16_t c[MODEL_LAYERS][MODEL_HIDDEN];
#endif
#if HAS_CONVOLUTION
    int16_t recent[MODEL_RECENT]; /* the last steps that each convolution read, and one more */
#endif
#if HAS_POOL
    int32_t pooled[MODEL_POOLED]; /* the sum of `phase` steps, of which MODEL_POOL are averaged */
    int16_t phase;
#endif
#if HAS_MEAN
    int64_t sum[MODEL_SUMMARY];
    uint32_t steps;
#endif
#if HAS_FORWARD
    int16_t last[MODEL_FEATURES]; /* what stands for missing values */
#endif
#if HAS_FORWARD && HAS_CHANGE
#ifndef NO_FLOAT
    double kept[MODEL_FEATURES];
#endif
#endif
} model_state;

/* Begins a series. */
void model_reset(model_state *state);

/* Reads a step of MODEL_INPUTS integers, each a prepared number times 2 to the power of
   MODEL_INPUT_BITS, from -MODEL_INPUT_MOST to MODEL_INPUT_MOST. Gives the MODEL_OUTPUTS answers
   after it, times 2 to the power of MODEL_ANSWER_BITS. */
void model_step_q(model_state *state, const int16_t *x, int32_t *y);

/* Reads a whole series of steps by MODEL_INPUTS integers, from a state of zeros. */
#if HAS_STEPS
/* y has room for steps by MODEL_OUTPUTS answers, those after each step. */
#else
/* y has room for MODEL_OUTPUTS answers. */
#endif
int model_run_q(const int16_t *x, int steps, int32_t *y);

#endif
#if HAS_AUTOENCODER
/* Encodes MODEL_INPUTS integers, each a prepared number times 2 to the power of MODEL_INPUT_BITS,
   to a code of MODEL_CODE, times 2 to the power of MODEL_ANSWER_BITS. */
void model_encode_q(const int16_t *x, int32_t *code);

/* Decodes such a code to a row of MODEL_INPUTS, times 2 to the power of MODEL_ROW_BITS. */
void model_decode_q(const int32_t *code, int32_t *row);

#endif
#if HAS_CLASSES
/* The number of the largest answer, which is the most probable class. */
int model_class_q(const int32_t *y);

#endif
#if HAS_NAMES
/* The name of an output; an empty text if there is no such output. */
const char *model_label(int number);

#endif
#ifndef NO_FLOAT
#if HAS_RECURRENT
/* Makes the integers of a step x of MODEL_FEATURES numbers, as in the data. Returns a status. */
int model_quantise(model_state *state, const float *x, int16_t *q);

/* Reads a step x of MODEL_FEATURES numbers, and gives the MODEL_OUTPUTS answers after it.
   Returns a status. If it is not MODEL_OK, the answers are NaN, and the state is the one before. */
int model_step(model_state *state, const float *x, float *y);

/* Reads a whole series x of steps by MODEL_FEATURES numbers, from a state of zeros. Returns a
   status; if it is not MODEL_OK, the answers are NaN. `scratch` is not used: NULL will do. */
int model_run(const float *x, int steps, float *y, float *scratch);

#endif
#if HAS_AUTOENCODER
/* Makes the integers of a row x of MODEL_FEATURES numbers, as in the data. Returns a status. */
int model_quantise(const float *x, int16_t *q);

/* Encodes a row x to a code of MODEL_CODE. All these functions return a status; if it is not
   MODEL_OK, the answers are NaN. */
int model_encode(const float *x, float *code);

/* Decodes a code to a row in the units of the data. */
int model_decode(const float *code, float *row);

/* Encodes and decodes a row; the error is the mean square of the difference that the network
   sees. */
int model_run(const float *x, float *code, float *row, float *error);

#endif
#if HAS_CLASSES
/* The number of the most probable class; -1 if the answers are NaN. */
int model_class(const float *y);

#endif
#endif /* NO_FLOAT */
