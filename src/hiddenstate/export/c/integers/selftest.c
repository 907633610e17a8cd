/* A program that compares integers with those of the model, which `vectors` has. */

#include <stdio.h>

#include "sample/vectors.h"

int main(void)
{
    long wrong = 0;
    int row, i;
    for (row = 0; row < MODEL_TEST_ROWS; row++) {
        int32_t y[MODEL_TEST_ANSWERS];
        int16_t x[MODEL_INPUTS];
#if HAS_AUTOENCODER
        for (i = 0; i < MODEL_INPUTS; i++)
            x[i] = (int16_t)MODEL_16(model_test_x + row * MODEL_INPUTS + i);
        model_encode_q(x, y);
        model_decode_q(y, y + MODEL_CODE);
#else
        model_state state;
        int t;
        model_reset(&state);
        for (t = 0; t < MODEL_TEST_STEPS; t++) {
            for (i = 0; i < MODEL_INPUTS; i++)
                x[i] = (int16_t)MODEL_16(
                    model_test_x + (row * MODEL_TEST_STEPS + t) * MODEL_INPUTS + i);
            model_step_q(&state, x, y);
        }
#endif
        for (i = 0; i < MODEL_TEST_ANSWERS; i++)
            wrong += y[i] != MODEL_32(model_test_y + row * MODEL_TEST_ANSWERS + i);
    }
    printf("%ld integers differ in %d rows: %s\n", wrong, MODEL_TEST_ROWS,
        wrong ? "FAILED" : "passed");
    return wrong != 0;
}
