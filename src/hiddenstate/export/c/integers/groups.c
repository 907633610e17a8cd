/* Products of several rows at once. */

/* sum + w[0] x[0] + w[1] x[2] + w[2] x[1] + w[3] x[3]. */
static inline int32_t model_four(int32_t sum, const int8_t *w, const int16_t *x)
{
    return sum + (int32_t)MODEL_8(w) * x[0] + (int32_t)MODEL_8(w + 1) * x[2] +
           (int32_t)MODEL_8(w + 2) * x[1] + (int32_t)MODEL_8(w + 3) * x[3];
}

/* What is left of the sums of MODEL_GROUP rows after fours of numbers. */
static MODEL_APART void model_rest(const int8_t *w, const int16_t *x, int n, int32_t *sums)
{
    int r;
    for (; n > 0; n--, x++)
        for (r = 0; r < MODEL_GROUP; r++)
            sums[r] += (int32_t)MODEL_8(w++) * *x;
}

#if defined(__ARM_FEATURE_DSP) && defined(__GNUC__) && !defined(MODEL_PLAIN)
/* Two products in one instruction of Cortex-M4 and later. */

/* Reads four numbers. */
#define MODEL_FOUR_NUMBERS                                                                         \
    __asm__("ldr %0, [%2], #4\n\tldr %1, [%2], #4"                                                 \
        : "=&r"(first), "=&r"(second), "+r"(x)                                                     \
        :                                                                                          \
        : "memory");
/* Adds their products with the next weights to the sums of two rows, or of one. */
#define MODEL_TWO_ROWS(a, b)                                                                       \
    __asm__("ldr %2, [%5], #4\n\tldr %3, [%5], #4\n\t"                                             \
            "sxtb16 %4, %2\n\tsxtb16 %2, %2, ror #8\n\tsmlad %0, %4, %6, %0\n\t"                   \
            "sxtb16 %4, %3\n\tsmlad %0, %2, %7, %0\n\tsxtb16 %3, %3, ror #8\n\t"                   \
            "smlad %1, %4, %6, %1\n\tsmlad %1, %3, %7, %1"                                         \
        : "+r"(a), "+r"(b), "=&r"(one), "=&r"(other), "=&r"(half), "+r"(w)                         \
        : "r"(first), "r"(second));
#define MODEL_ONE_ROW(a)                                                                           \
    __asm__("ldr %1, [%3], #4\n\tsxtb16 %2, %1\n\tsxtb16 %1, %1, ror #8\n\t"                       \
            "smlad %0, %2, %4, %0\n\tsmlad %0, %1, %5, %0"                                         \
        : "+r"(a), "=&r"(one), "=&r"(half), "+r"(w)                                                \
        : "r"(first), "r"(second));
#if MODEL_GROUP > 3
#define MODEL_FOUR_INPUTS MODEL_FOUR_NUMBERS MODEL_TWO_ROWS(s0, s1) MODEL_TWO_ROWS(s2, s3)
#else
#define MODEL_FOUR_INPUTS MODEL_FOUR_NUMBERS MODEL_TWO_ROWS(s0, s1) MODEL_ONE_ROW(s2)
#endif

static inline void model_sums(const int8_t *w, const int16_t *x, int n, int32_t *sums)
{
    const int16_t *const end = x + n / 8 * 8;
    int32_t s0 = 0, s1 = 0, s2 = 0;
    uint32_t first, second, one, half, other;
#if MODEL_GROUP > 3
    int32_t s3 = 0;
#endif
    while (x < end) {
        MODEL_FOUR_INPUTS
        MODEL_FOUR_INPUTS
    }
    if (n & 4) {
        MODEL_FOUR_INPUTS
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
#if MODEL_GROUP > 3
    sums[3] = s3;
#endif
    if (n & 3)
        model_rest(w, x, n & 3, sums);
}

#elif defined(MODEL_SSE)
#include "integers/lanes.c"

#elif defined(__ARM_NEON) && defined(__aarch64__) && !defined(MODEL_PLAIN)
#include <arm_neon.h>

/* Four products in one instruction of 64-bit ARM. */
static inline void model_sums(const int8_t *w, const int16_t *x, int n, int32_t *sums)
{
    int32x4_t s0 = vdupq_n_s32(0), s1 = s0, s2 = s0;
#if MODEL_GROUP > 3
    int32x4_t s3 = s0;
#endif
    const uint8x8_t order = vcreate_u8(0x0706030205040100u); /* as weights: 0, 2, 1, 3 */
    for (; n >= 4; n -= 4, w += 4 * MODEL_GROUP, x += 4) {
        const int16x4_t four =
            vreinterpret_s16_u8(vtbl1_u8(vreinterpret_u8_s16(vld1_s16(x)), order));
        const int16x8_t one = vmovl_s8(vld1_s8(w));
        s0 = vmlal_s16(s0, vget_low_s16(one), four);
        s1 = vmlal_s16(s1, vget_high_s16(one), four);
#if MODEL_GROUP > 3
        const int16x8_t other = vmovl_s8(vld1_s8(w + 8));
        s3 = vmlal_s16(s3, vget_high_s16(other), four);
#else
        int32_t word;
        memcpy(&word, w + 8, sizeof word);
        const int16x8_t other = vmovl_s8(vreinterpret_s8_s32(vdup_n_s32(word)));
#endif
        s2 = vmlal_s16(s2, vget_low_s16(other), four);
    }
    sums[0] = vaddvq_s32(s0);
    sums[1] = vaddvq_s32(s1);
    sums[2] = vaddvq_s32(s2);
#if MODEL_GROUP > 3
    sums[3] = vaddvq_s32(s3);
#endif
    if (n > 0)
        model_rest(w, x, n, sums);
}

#else
static inline void model_sums(const int8_t *w, const int16_t *x, int n, int32_t *sums)
{
    int32_t s0 = 0, s1 = 0, s2 = 0;
#if MODEL_GROUP > 3
    int32_t s3 = 0;
#endif
    for (; n >= 4; n -= 4, w += 4 * MODEL_GROUP, x += 4) {
        s0 = model_four(s0, w, x);
        s1 = model_four(s1, w + 4, x);
        s2 = model_four(s2, w + 8, x);
#if MODEL_GROUP > 3
        s3 = model_four(s3, w + 12, x);
#endif
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
#if MODEL_GROUP > 3
    sums[3] = s3;
#endif
    if (n > 0)
        model_rest(w, x, n, sums);
}

#endif
/* The sum of the products of one row. */
static MODEL_APART int32_t model_sum_of_row(const int8_t *w, const int16_t *x, int n)
{
    int32_t sum = 0;
#ifdef MODEL_SSE
    sum = model_sixteens(w, x, n);
    w += n / 16 * 16, x += n / 16 * 16, n %= 16;
#endif
    for (; n >= 4; n -= 4, w += 4, x += 4)
        sum = model_four(sum, w, x);
    for (; n > 0; n--)
        sum += (int32_t)MODEL_8(w++) * *x++;
    return sum;
}

/* The rows from `first` on that are fewer than MODEL_GROUP. */
static MODEL_APART void model_last_rows(
    const model_product *product, const int16_t *x, int first, int32_t *y)
{
    const int inputs = product->inputs;
    for (; first < product->rows; first++, y++) {
        *y = model_sum_of_row(product->weight + (size_t)first * (size_t)inputs, x, inputs);
        *y = model_finished(*y, product->bias + first, product->factor + first,
            product->shift + first, product->most);
    }
}

/* The rescaled sums of MODEL_GROUP rows from `first` on, which is a multiple of it, or of those
   that are left. */
#ifdef __SSE2__ /* a processor with room for code */
#define MODEL_ROWS static inline __attribute__((always_inline))
#else
#define MODEL_ROWS static
#endif
MODEL_ROWS void model_rows(const model_product *product, model_vector x, int first, int32_t *y)
{
    const int8_t *weight, *shift;
    const int32_t *bias;
    const int16_t *factor;
    int32_t most;
#ifdef MODEL_SSE
    __m128i sums;
#endif
#if HAS_SPARSE
    if (product->ends) {
        model_sparse_rows(product, MODEL_NUMBERS(x), first, y);
        return;
    }
#endif
    if (product->rows - first < MODEL_GROUP) {
        model_last_rows(product, MODEL_NUMBERS(x), first, y);
        return;
    }
    weight = product->weight + (size_t)first * (size_t)product->inputs;
#ifdef MODEL_SSE
    sums = model_sums(weight, x, product->inputs, y);
#else
    model_sums(weight, x, product->inputs, y);
#endif
    bias = product->bias + first, factor = product->factor + first, shift = product->shift + first;
    most = product->most;
#ifdef MODEL_SSE
#if !HAS_WIDE
    if (model_group_finished(sums, y, bias, factor, shift, most))
        return;
#endif
    MODEL_INTO_ROWS(y, sums);
#endif
    y[0] = model_finished(y[0], bias, factor, shift, most);
    y[1] = model_finished(y[1], bias + 1, factor + 1, shift + 1, most);
    y[2] = model_finished(y[2], bias + 2, factor + 2, shift + 2, most);
#if MODEL_GROUP > 3
    y[3] = model_finished(y[3], bias + 3, factor + 3, shift + 3, most);
#endif
}
