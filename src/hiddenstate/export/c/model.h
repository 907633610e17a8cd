/* What a program calls. */

/* What functions return. */
#define MODEL_OK 0              /* the answers are there */
#define MODEL_MISSING (-1)      /* a number is NaN or infinite, and nothing fills it in */
#define MODEL_NOT_POSITIVE (-2) /* a number of which the logarithm is read is 0 or less */
#define MODEL_TOO_LARGE (-3)    /* a number is too large for float; reset the state */
#define MODEL_NO_STEPS (-4)     /* there are no steps */

#if HAS_FORECAST && HAS_STREAMS
#include "path.h"

#endif
#if HAS_STREAMS
/* What is remembered of a series. Copy it, keep it, have as many as you like. */
typedef struct model_state {
#if HAS_LRU
    float cells[MODEL_LAYERS][MODEL_STATES][MODEL_COMPLEX]; /* real and imaginary parts */
#else
    float cells[MODEL_LAYERS][MODEL_STATES][MODEL_HIDDEN]; /* the first is the output */
#endif
#if HAS_MEAN
    float sum[MODEL_SUMMARY], sum_low[MODEL_SUMMARY];
    unsigned long steps;
#endif
#if HAS_CONVOLUTION
    float recent[MODEL_RECENT]; /* the last steps that each convolution read */
#endif
#if HAS_POOL
    float pooled[MODEL_POOLED]; /* the sum of `phase` steps, of which MODEL_POOL are averaged */
    int phase;
#endif
#if HAS_FORWARD
    float known[MODEL_FEATURES];
#endif
#if HAS_FORECAST
    model_path path;
#endif
} model_state;

/* Begins a series. */
void model_reset(model_state *state);

/* Reads a step x of MODEL_FEATURES numbers, and gives the MODEL_OUTPUTS answers after it.
   Returns a status. If it is not MODEL_OK, the answers are NaN; the state is the one before, unless
   the status is MODEL_TOO_LARGE. */
int model_step(model_state *state, const float *x, float *y);

#endif
#if HAS_AUTOENCODER
/* Encodes a row x of MODEL_FEATURES numbers to a code of MODEL_CODE. All functions return a status;
   if it is not MODEL_OK, the answers are NaN. */
int model_encode(const float *x, float *code);

/* Decodes a code to a row in the units of the data. */
int model_decode(const float *code, float *row);

/* Encodes and decodes a row; the error is the mean square of the difference that the network
   sees. */
int model_run(const float *x, float *code, float *row, float *error);

#else
/* Reads a whole series x of steps by MODEL_FEATURES numbers, from a state of zeros. Returns a
   status; if it is not MODEL_OK, the answers are NaN. */
#if HAS_STEPS
/* y has room for steps by MODEL_OUTPUTS answers, those after each step. */
#else
/* y has room for MODEL_OUTPUTS answers. */
#endif
#if HAS_STREAMS
/* `scratch` is not used: NULL will do. */
#else
/* `scratch` has room for MODEL_SCRATCH(steps) floats, which are overwritten. */
#endif
int model_run(const float *x, int steps, float *y, float *scratch);

#endif
#if HAS_HORIZON
/* Forecasts each of the MODEL_HORIZON steps after the end of a series x of at least MODEL_LEAST
   steps: y has room for MODEL_HORIZON by MODEL_OUTPUTS, the next step first. Numbers that are known
   ahead are, at each step, those MODEL_HORIZON steps later. Returns a status. */
#if HAS_STREAMS
/* `scratch` is not used: NULL will do. */
#else
/* `scratch` has room for MODEL_SCRATCH(MODEL_WINDOW) floats, whatever the number of steps. */
#endif
int model_forecast(const float *x, int steps, float *y, float *scratch);

#if HAS_INTERVALS
/* Gives the ends of interval `number`, from 0 to MODEL_INTERVALS - 1, of forecasts y of a series x:
   each as many numbers as y. */
void model_interval(int number, const float *x, int steps, const float *y, float *low, float *high);

#endif
#endif
#if HAS_CLASSES
/* The number of the most probable class; -1 if the answers are NaN. */
int model_class(const float *y);

#endif
#if HAS_NAMES
/* The name of an output; an empty text if there is no such output. */
const char *model_label(int number);

#endif
