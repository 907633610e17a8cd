/* How weights are arranged. */

#if HAS_DENSE
/* Weights, inputs by outputs: what one input adds to all outputs lies side by side. */
typedef struct {
#if HAS_BYTES
    const signed char *weight;
    const float *scale; /* of each output */
#else
    const float *weight;
#endif
} model_matrix;

#endif
#if HAS_RECURRENT
typedef struct {
    model_matrix input; /* inputs by blocks times MODEL_HIDDEN */
#if HAS_LRU
    model_matrix drive;  /* MODEL_HIDDEN by 2 MODEL_COMPLEX: real parts, then imaginary ones */
    model_matrix output; /* 2 MODEL_COMPLEX by MODEL_HIDDEN */
    model_matrix gate;   /* MODEL_HIDDEN by 2 MODEL_HIDDEN */
#elif !HAS_MINGRU
    model_matrix state; /* MODEL_HIDDEN by blocks times MODEL_HIDDEN */
#endif
#if HAS_FACTORS
    model_matrix input_first; /* inputs by MODEL_RANK, where `input` is MODEL_RANK by ... */
    model_matrix state_first; /* MODEL_HIDDEN by MODEL_RANK; NULL where one matrix is whole */
#endif
    const float *own; /* the other arrays of the cell, one after the other */
    int inputs;
} model_layer;

#endif
#if HAS_DENSE
typedef struct {
    model_matrix weight;
    const float *bias;
    int inputs, outputs;
#if HAS_AUTOENCODER
    int activation;
#endif
} model_dense;

#endif
#if HAS_CONVOLUTION
typedef struct {
    model_matrix weight; /* width by inputs by channels */
    const float *bias;
    int inputs, channels, width;
} model_convolution;

#endif
#if HAS_AUTOENCODER
enum { MODEL_LINEAR, MODEL_TANH, MODEL_RELU, MODEL_SIGMOID };

#endif
