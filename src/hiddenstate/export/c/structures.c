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
    model_matrix state; /* MODEL_HIDDEN by blocks times MODEL_HIDDEN */
    const float *own;   /* the other arrays of the cell, one after the other */
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
