/* A model to compile model.c without an export: sizes and arrays of the implementation. */

#define MODEL_INPUTS (2 * MODEL_FEATURES)
#define MODEL_DIRECTIONS 2
#define MODEL_MEMBERS 1
#define MODEL_RANK 1
#define MODEL_WIDEST 4
#define MODEL_MOST_ROWS 8
#define MODEL_CONVOLUTIONS 1
#define MODEL_CAUSAL 1
#define MODEL_POOL 2
#define MODEL_KNOWN 1
#define MODEL_DILATIONS 1
#define MODEL_MOST_BIASES 1
#define MODEL_ENCODER_LAYERS 1
#define MODEL_DECODER_LAYERS 1

#if HAS_LOGARITHM
static const unsigned char model_logarithm[2] = {1, 0};
static const unsigned char model_target_is_log[2] = {1, 0};
#endif
#if HAS_FILL
static const float model_fill[2] = {0.5f, 0.5f};
#endif
#if HAS_BACKWARD && !HAS_AUTOENCODER
static const unsigned char model_backward[2] = {1, 0};
#endif
#if HAS_SCALE && HAS_FIXED
static const double model_offset[2] = {1.0, 2.0};
static const double model_factor[2] = {0.5, 0.25};
#elif HAS_SCALE
static const float model_offset[2] = {1.0f, 2.0f};
static const float model_offset_low[2] = {0.0f, 0.0f};
static const float model_factor[2] = {0.5f, 0.25f};
#endif
#if HAS_SCALE && HAS_AUTOENCODER
static const float model_scale[2] = {2.0f, 4.0f};
#endif
#if HAS_FORECAST
static const int model_own[2] = {0, 1};
static const float model_past_weights[8] = {0.5f, 0.25f, 0.5f, 0.25f};
#endif
#if HAS_LAGS
static const int model_others[1] = {1};
static const float model_other_weights[8] = {0.125f, 0.25f, 0.125f, 0.25f};
#endif
#if HAS_EFFECTS
static const int model_ahead[1] = {0};
static const int model_moved[1] = {1};
static const float model_effects_now[4] = {0.5f, 0.25f};
static const float model_effects_later[4] = {0.5f, 0.25f};
#endif
#if HAS_TARGET_SCALE
static const float model_target_scale[2] = {2.0f, 4.0f};
#endif
#if HAS_TARGET_SCALE || HAS_FORECAST
static const float model_target_offset[4] = {1.0f, 2.0f};
static const float model_target_offset_low[4] = {0.0f, 0.0f};
#endif
#if HAS_NEARER
static const float model_net_share[4] = {1.0f, 1.0f, 0.5f, 0.5f};
#endif
#if HAS_INTERVALS
#define MODEL_SEASON 2
static const int model_targets[2] = {0, 1};
static const float model_half_widths[4] = {0.5f, 0.5f, 1.0f, 1.0f};
#endif
#if HAS_CHANGE
static const int model_change[2] = {0, 1};
#endif
#if HAS_DENSE && HAS_BYTES
static const signed char model_weights[32] = {127, -127};
static const float model_scales[8] = {0.5f, 0.25f, 0.5f, 0.25f, 0.5f, 0.25f, 0.5f, 0.25f};
#define MODEL_WEIGHTS {model_weights, model_scales}
#elif HAS_DENSE
static const float model_weights[32] = {0.5f, -0.25f};
#define MODEL_WEIGHTS {model_weights}
#endif
#if HAS_DENSE
static const float model_bias[20] = {0.5f, -0.25f};
#endif
#if HAS_LRU || HAS_FACTORS
#define MODEL_MATRICES MODEL_WEIGHTS, MODEL_WEIGHTS, MODEL_WEIGHTS, MODEL_WEIGHTS
#elif HAS_MINGRU
#define MODEL_MATRICES MODEL_WEIGHTS
#else
#define MODEL_MATRICES MODEL_WEIGHTS, MODEL_WEIGHTS
#endif
#if HAS_RECURRENT && !HAS_AUTOENCODER
static const model_layer model_layers[2] = {
    {MODEL_MATRICES, model_bias, 4},
    {MODEL_MATRICES, model_bias, 4},
};
#endif
#if HAS_CONVOLUTION && !HAS_AUTOENCODER
static const model_convolution model_convolutions[1] = {
    {MODEL_WEIGHTS, model_bias, 4, 4, 2},
};
#endif
#if HAS_RECURRENT && !HAS_AUTOENCODER
static const model_dense model_heads[1] = {
    {MODEL_WEIGHTS, model_bias, 4, 2},
};
#endif
#if HAS_AUTOENCODER
static const model_dense model_encoder[1] = {
    {MODEL_WEIGHTS, model_bias, 4, 2, MODEL_TANH},
};
static const model_dense model_decoder[1] = {
    {MODEL_WEIGHTS, model_bias, 2, 4, MODEL_SIGMOID},
};
#endif
#if HAS_FIXED
static const int model_fixed_dilations[1] = {1};
static const int model_fixed_counts[1] = {1};
static const float model_fixed_biases[84] = {0.5f};
static const float model_fixed_bias[2] = {0.5f, 0.25f};
#endif
#if HAS_FIXED && HAS_CHANNELS
static const unsigned char model_fixed_uses[84 * 4] = {1, 0, 1};
#endif
#if HAS_FIXED && HAS_BYTES
static const signed char model_fixed_weights[168] = {127, -127};
static const float model_fixed_weights_scale[2] = {0.5f, 0.25f};
#elif HAS_FIXED
static const float model_fixed_weights[168] = {0.5f, -0.25f};
#endif
#if HAS_FIXED && HAS_RECURRENT
static const double model_net[2] = {0.5, 1.0};
#endif
#if HAS_NAMES
static const char *const model_names[2] = {"one", "two"};
#endif
