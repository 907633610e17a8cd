/* A program that reads rows and prints the answers to them: what an export is tried with. */

#define MODEL_IMPLEMENTATION
#include "model.c"

#include <stdio.h>
#include <stdlib.h>

static int read_row(float *x, int n)
{
    int i;
    for (i = 0; i < n; i++)
        if (scanf("%f", &x[i]) != 1)
            return 0;
    return 1;
}

static void print_row(int status, const float *y, int n)
{
    int i;
    printf("%d", status);
    for (i = 0; i < n; i++)
        printf(" %a", (double)y[i]);
    printf("\n");
}

#if HAS_INTEGERS
static void print_integers(const int32_t *y, int n)
{
    int i;
    for (i = 0; i < n; i++)
        printf(" %ld", (long)y[i]);
}

#endif
#if HAS_AUTOENCODER
int main(void)
{
    static float x[MODEL_FEATURES], y[MODEL_CODE + MODEL_FEATURES + 1];
#if HAS_INTEGERS
    static int16_t q[MODEL_INPUTS];
    static int32_t code[MODEL_CODE], answers[MODEL_INPUTS];
#endif
    float *row = y + MODEL_CODE, *error = row + MODEL_FEATURES;
    int one;
    while (scanf("%d", &one) == 1) {
        if (!read_row(x, MODEL_FEATURES))
            return 1;
        print_row(model_run(x, y, row, error), y, MODEL_CODE + MODEL_FEATURES + 1);
#if HAS_INTEGERS
        model_quantise(x, q);
        model_encode_q(q, code);
        model_decode_q(code, answers);
        printf("q");
        print_integers(code, MODEL_CODE);
        print_integers(answers, MODEL_INPUTS);
        printf("\n");
#endif
    }
    return 0;
}
#else
int main(void)
{
    int steps;
    while (scanf("%d", &steps) == 1) {
#if HAS_HORIZON
        const int ahead = steps < 0;
        const size_t n = (size_t)(ahead ? steps = -steps : steps);
        static float later[MODEL_HORIZON * MODEL_OUTPUTS];
#else
        const size_t n = (size_t)steps;
#endif
        float *x = malloc(sizeof(float) * (n * MODEL_FEATURES + 1));
        float *y = malloc(sizeof(float) * (n * MODEL_OUTPUTS + 1));
        float *scratch = malloc(sizeof(float) * (MODEL_SCRATCH(n) + 1));
        int status;
        if (!x || !y || !scratch || !read_row(x, steps * MODEL_FEATURES))
            return 1;
#if HAS_HORIZON
        if (ahead) {
#if HAS_INTERVALS
            static float low[MODEL_HORIZON * MODEL_OUTPUTS], high[MODEL_HORIZON * MODEL_OUTPUTS];
            int number;
#endif
            print_row(
                model_forecast(x, steps, later, scratch), later, MODEL_HORIZON * MODEL_OUTPUTS);
#if HAS_INTERVALS
            for (number = 0; number < MODEL_INTERVALS; number++) {
                model_interval(number, x, steps, later, low, high);
                print_row(0, low, MODEL_HORIZON * MODEL_OUTPUTS);
                print_row(0, high, MODEL_HORIZON * MODEL_OUTPUTS);
            }
#endif
            free(x), free(y), free(scratch);
            continue;
        }
#endif
        status = model_run(x, steps, y, scratch);
#if HAS_STEPS
        print_row(status, y, steps * MODEL_OUTPUTS);
#else
        print_row(status, y, MODEL_OUTPUTS);
#endif
#if HAS_STREAMS
        {
            model_state state;
            size_t t;
#if HAS_INTEGERS
            int32_t answers[MODEL_OUTPUTS];
            int16_t q[MODEL_INPUTS];
#endif
            model_reset(&state);
            for (t = 0; t < n; t++) {
                status = model_step(&state, x + t * MODEL_FEATURES, y);
                print_row(status, y, MODEL_OUTPUTS);
            }
#if HAS_INTEGERS
            model_reset(&state);
            for (t = 0; t < n; t++) {
                model_quantise(&state, x + t * MODEL_FEATURES, q);
                model_step_q(&state, q, answers);
                printf("q");
                print_integers(answers, MODEL_OUTPUTS);
                printf("\n");
            }
#endif
        }
#endif
        free(x), free(y), free(scratch);
    }
    return 0;
}
#endif
