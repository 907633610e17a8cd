/* A program that compares answers with those of the model, which sample/vectors.h has. */

#include <stdio.h>

#include "sample/vectors.h"

/* The larger of `worst` and the differences of n answers from those of the model, times `share`. */
static float model_worse(float worst, float share, const float *y, const float *expected, int n)
{
    int i;
    for (i = 0; i < n; i++) {
        float difference = y[i] - expected[i];
        difference = (difference < 0.0f ? -difference : difference) * share;
        if (worst == worst && !(difference <= worst)) /* NaN is the worst, and stays */
            worst = difference;
    }
    return worst;
}

int main(void)
{
    float worst = 0.0f;
    int row, passed, status = MODEL_OK;
    for (row = 0; row < MODEL_TEST_ROWS && status == MODEL_OK; row++) {
#if HAS_AUTOENCODER
        const float *x = model_test_x + row * MODEL_FEATURES;
        const float *code = model_test_code + row * MODEL_CODE;
        const float *decoded = model_test_reconstruction + row * MODEL_FEATURES;
        float y[MODEL_CODE], own[MODEL_FEATURES], error;
        status = model_run(x, y, own, &error);
        worst = model_worse(worst, MODEL_CODE_SHARE, y, code, MODEL_CODE);
        worst = model_worse(worst, 1.0f, own, decoded, MODEL_FEATURES);
        worst = model_worse(worst, MODEL_ERROR_SHARE, &error, model_test_error + row, 1);
#else
#if HAS_STEPS
        enum { ANSWERS = MODEL_TEST_STEPS * MODEL_OUTPUTS };
#else
        enum { ANSWERS = MODEL_OUTPUTS };
#endif
        const float *x = model_test_x + row * MODEL_TEST_STEPS * MODEL_FEATURES;
        const float *expected = model_test_y + row * ANSWERS;
        float y[ANSWERS], scratch[MODEL_SCRATCH(MODEL_TEST_STEPS) + 1];
        status = model_run(x, MODEL_TEST_STEPS, y, scratch);
        worst = model_worse(worst, 1.0f, y, expected, ANSWERS);
#endif
#if HAS_STREAMS
        {
            model_state state;
            int t;
            model_reset(&state);
            for (t = 0; t < MODEL_TEST_STEPS && status == MODEL_OK; t++) {
                status = model_step(&state, x + t * MODEL_FEATURES, y);
#if HAS_STEPS
                worst = model_worse(worst, 1.0f, y, expected + t * MODEL_OUTPUTS, MODEL_OUTPUTS);
#endif
            }
#if !HAS_STEPS
            worst = model_worse(worst, 1.0f, y, expected, MODEL_OUTPUTS);
#endif
        }
#endif
    }
    passed = status == MODEL_OK && worst <= (float)MODEL_TEST_LIMIT;
    printf("status %d, largest difference %.3g in %d rows, limit %.3g: %s\n", status, (double)worst,
        MODEL_TEST_ROWS, MODEL_TEST_LIMIT, passed ? "passed" : "FAILED");
    return !passed;
}
