/* A model to compile model.c without an export: rows and answers, which are not its own. */

#define MODEL_TEST_ROWS 1
#define MODEL_TEST_LIMIT 1e-6

#if HAS_AUTOENCODER
#define MODEL_CODE_SHARE 1.0f
#define MODEL_ERROR_SHARE 1.0f
static const float model_test_code[2] = {0.5f, 0.5f};
static const float model_test_reconstruction[2] = {0.5f, 0.5f};
static const float model_test_error[1] = {0.5f};
#else
#define MODEL_TEST_STEPS 2
static const float model_test_y[4] = {0.5f, 0.5f, 0.5f, 0.5f};
#endif
static const float model_test_x[4] = {1.0f, 2.0f, 3.0f, 4.0f};
