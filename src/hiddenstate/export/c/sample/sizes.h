/* A model to compile model.c without an export: what a caller needs. It has all parts that go
   together; more are added by options such as -DHAS_STREAMS=1, and with -DHAS_CHOSEN it has only
   those. */

#ifndef HAS_CHOSEN
#define HAS_FRACTIONS 1
#define HAS_LOGARITHM 1
#define HAS_FILL 1
#define HAS_MASK 1
#define HAS_SCALE 1
#define HAS_FORECAST 1
#define HAS_LAGS 1
#define HAS_HORIZON 1
#define HAS_NEARER 1
#define HAS_INTERVALS 1
#define HAS_EFFECTS 1
#define HAS_WINDOW 1
#define HAS_TARGET_SCALE 1
#define HAS_CHANGE 1
#define HAS_QUANTILES 1
#define HAS_UNITS 1
#define HAS_CONVOLUTION 1
#define HAS_POOL 1
#define HAS_RECURRENT 1
#define HAS_LSTM 1
#define HAS_BOTH 1
#define HAS_BESIDE 1
#define HAS_MEAN 1
#define HAS_DENSE 1
#define HAS_DENSE_TANH 1
#define HAS_DENSE_RELU 1
#define HAS_DENSE_SIGMOID 1
#define HAS_SOFTMAX 1
#define HAS_SIGMOID 1
#define HAS_TANH 1
#define HAS_CLASSES 1
#define HAS_NAMES 1
#if !HAS_AUTOENCODER
#define HAS_FORWARD 1
#endif
#if !HAS_STREAMS
#define HAS_BACKWARD 1
#define HAS_WINDOW_SCALE 1
#endif
#endif

#define MODEL_FEATURES 2
#define MODEL_OUTPUTS 2
#define MODEL_CODE 2
#define MODEL_QUANTILES 2
#define MODEL_WINDOW 3
#define MODEL_HORIZON 2
#define MODEL_LEAST 2
#define MODEL_INTERVALS 1
#define MODEL_LAYERS 1
#define MODEL_STATES 2
#define MODEL_HIDDEN 2
#define MODEL_COMPLEX 2
#define MODEL_SUMMARY 4
#define MODEL_RECENT 4
#define MODEL_POOLED 4
#define MODEL_PAST 2
#define MODEL_OTHERS 1
#define MODEL_LAGS 2
#ifdef __cplusplus
#define MODEL_SCRATCH(steps) (static_cast<size_t>(steps) * 12)
#else
#define MODEL_SCRATCH(steps) ((size_t)(steps) * 12)
#endif
