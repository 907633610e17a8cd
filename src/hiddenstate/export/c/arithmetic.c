/* Functions of numbers: the exponential and what follows from it, sums of products, checks. */

#if HAS_SIGMOID || HAS_TANH || HAS_SOFTMAX
static inline int32_t model_bits(float x)
{
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float model_float(int32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* e to the power of x, kept within -87 and 87, as power + power * rest, where power is one of 2 and
   rest from -0.3 to 0.42; not a number unless x is finite. There is no branch, so that a compiler
   can compute several at once. */
static inline float model_exp_parts(float x, float *rest)
{
    const int32_t size = model_bits(x) & 0x7fffffff, sign = model_bits(x) & ~0x7fffffff;
    const int32_t most = 0x42ae0000; /* 87.0f */
    const float within = model_float((size < most ? size : most) | sign);
    const int32_t exponent = (int32_t)(within * 1.44269504f + 127.5f); /* with the bias of float */
    const float n = (float)(exponent - 127);
    /* r = within - n ln 2; the first part of ln 2 is short, so that its product is exact */
    const float r = (within - n * 0.693145752f) - n * 1.42860682e-6f;
    float sum = 1.0f / 5040.0f;
    sum = sum * r + 1.0f / 720.0f;
    sum = sum * r + 1.0f / 120.0f;
    sum = sum * r + 1.0f / 24.0f;
    sum = sum * r + 1.0f / 6.0f;
    sum = sum * r + 0.5f;
    *rest = r + r * r * sum + (x - x);
    return model_float(exponent * ((int32_t)1 << 23));
}

#endif
#if HAS_SOFTMAX
static inline float model_exp(float x)
{
    float rest;
    const float power = model_exp_parts(x, &rest);
    return power + power * rest;
}

#endif
#if HAS_SIGMOID
/* 1 / (1 + e to the power of -x) */
static inline float model_sigmoid(float x)
{
    float rest;
    const float power = model_exp_parts(-x, &rest);
    return 1.0f / (1.0f + power + power * rest);
}

#endif
#if HAS_TANH
/* (1 - e) / (1 + e) with e to the power of -2 |x|, and the sign of x. Close to 0 power is 1, so
   that nothing cancels. */
static inline float model_tanh(float x)
{
    float rest;
    const int32_t sign = model_bits(x) & ~0x7fffffff;
    const float power = model_exp_parts(-2.0f * model_float(model_bits(x) & 0x7fffffff), &rest);
    const float above = (1.0f - power) - power * rest;
    return model_float(model_bits(above / (1.0f + power + power * rest)) | sign);
}

#endif
#if HAS_DENSE && HAS_BYTES
/* Adds to the sum of each row its weights, bytes by the scale of the row, times x. */
static inline void model_add(float *MODEL_ONLY sums, const model_matrix *matrix,
    const float *MODEL_ONLY x, int rows, int inputs)
{
    const signed char *MODEL_ONLY weights = matrix->weight;
    const float *MODEL_ONLY scales = matrix->scale;
    float part[MODEL_MOST_ROWS];
    int i, j;
    for (i = 0; i < rows; i++)
        part[i] = 0.0f;
    for (j = 0; j < inputs; j++, weights += rows) {
        const float value = x[j];
        for (i = 0; i < rows; i++)
            part[i] += (float)weights[i] * value;
    }
    for (i = 0; i < rows; i++)
        sums[i] += scales[i] * part[i];
}

#elif HAS_DENSE
/* Adds to the sum of each row its weights times x. Several rows are computed at once; four inputs
   are added before they reach the sums. */
static inline void model_add(float *MODEL_ONLY sums, const model_matrix *matrix,
    const float *MODEL_ONLY x, int rows, int inputs)
{
    const float *MODEL_ONLY weights = matrix->weight;
    const int fours = inputs - inputs % 4;
    int i, j;
    for (j = 0; j < fours; j += 4, weights += 4 * rows) {
        const float *MODEL_ONLY w1 = weights + rows;
        const float *MODEL_ONLY w2 = w1 + rows;
        const float *MODEL_ONLY w3 = w2 + rows;
        const float x0 = x[j], x1 = x[j + 1], x2 = x[j + 2], x3 = x[j + 3];
        for (i = 0; i < rows; i++)
            sums[i] += (weights[i] * x0 + w1[i] * x1) + (w2[i] * x2 + w3[i] * x3);
    }
    for (j = fours; j < inputs; j++, weights += rows)
        for (i = 0; i < rows; i++)
            sums[i] += weights[i] * x[j];
}

#endif
#if HAS_SOFTMAX
static void model_softmax(float *y)
{
    float largest = y[0], sum = 0.0f;
    int i;
    for (i = 1; i < MODEL_OUTPUTS; i++)
        largest = y[i] > largest ? y[i] : largest;
    for (i = 0; i < MODEL_OUTPUTS; i++) {
        y[i] = model_exp(y[i] - largest);
        sum += y[i];
    }
    for (i = 0; i < MODEL_OUTPUTS; i++)
        y[i] /= sum;
}

#endif
#include "checks.c"
