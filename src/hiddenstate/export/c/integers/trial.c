/* A program that reads rows and prints the answers to them, integers and numbers: what an export is
   tried with. */

#define MODEL_IMPLEMENTATION
#include "header"

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

static void print_integers(const int32_t *y, int n)
{
    int i;
    for (i = 0; i < n; i++)
        printf(" %ld", (long)y[i]);
}

#if HAS_AUTOENCODER
int main(void)
{
    static float x[MODEL_FEATURES], y[MODEL_CODE + MODEL_FEATURES + 1];
    static int16_t q[MODEL_INPUTS];
    static int32_t code[MODEL_CODE], answers[MODEL_INPUTS];
    float *row = y + MODEL_CODE, *error = row + MODEL_FEATURES;
    int one;
    while (scanf("%d", &one) == 1) {
        if (!read_row(x, MODEL_FEATURES))
            return 1;
        print_row(model_run(x, y, row, error), y, MODEL_CODE + MODEL_FEATURES + 1);
        model_quantise(x, q);
        model_encode_q(q, code);
        model_decode_q(code, answers);
        printf("q");
        print_integers(code, MODEL_CODE);
        print_integers(answers, MODEL_INPUTS);
        printf("\n");
    }
    return 0;
}
#else
int main(void)
{
    int steps;
    while (scanf("%d", &steps) == 1) {
        const size_t n = (size_t)steps;
        float *x = (float *)malloc(sizeof(float) * (n * MODEL_FEATURES + 1));
        float *y = (float *)malloc(sizeof(float) * (n * MODEL_OUTPUTS + 1));
        int32_t answers[MODEL_OUTPUTS];
        int16_t q[MODEL_INPUTS];
        model_state state;
        size_t t;
        if (!x || !y || !read_row(x, steps * MODEL_FEATURES))
            return 1;
#if HAS_STEPS
        print_row(model_run(x, steps, y, NULL), y, steps * MODEL_OUTPUTS);
#else
        print_row(model_run(x, steps, y, NULL), y, MODEL_OUTPUTS);
#endif
        model_reset(&state);
        for (t = 0; t < n; t++)
            print_row(model_step(&state, x + t * MODEL_FEATURES, y), y, MODEL_OUTPUTS);
        model_reset(&state);
        for (t = 0; t < n; t++) {
            model_quantise(&state, x + t * MODEL_FEATURES, q);
            model_step_q(&state, q, answers);
            printf("q");
            print_integers(answers, MODEL_OUTPUTS);
            printf("\n");
        }
        free(x), free(y);
    }
    return 0;
}
#endif
