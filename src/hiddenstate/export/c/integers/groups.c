/* Products of several rows at once. */

/* sum + w[0] x[0] + w[1] x[2] + w[2] x[1] + w[3] x[3]. */
static inline int32_t model_four(int32_t sum, const int8_t *w, const int16_t *x)
{
    return sum + (int32_t)MODEL_8(w) * x[0] + (int32_t)MODEL_8(w + 1) * x[2] +
           (int32_t)MODEL_8(w + 2) * x[1] + (int32_t)MODEL_8(w + 3) * x[3];
}

/* The sum of the products of one row. */
static MODEL_APART int32_t model_sum_of_row(const int8_t *w, const int16_t *x, int n)
{
    int32_t sum = 0;
    for (; n >= 4; n -= 4, w += 4, x += 4)
        sum = model_four(sum, w, x);
    for (; n > 0; n--)
        sum += (int32_t)MODEL_8(w++) * *x++;
    return sum;
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

#elif defined(__SSE2__) && !defined(MODEL_PLAIN)
#include <emmintrin.h>

/* Eight products in one instruction of x86: two of each row. */
#if MODEL_GROUP > 3
#define MODEL_OF_ROWS(place) _mm_loadu_si128((const __m128i *)(const void *)(place))
#define MODEL_INTO_ROWS(place, x) _mm_storeu_si128((__m128i *)(void *)(place), x)
#else
#define MODEL_OF_ROWS(place)                                                                       \
    _mm_unpacklo_epi64(                                                                            \
        _mm_loadl_epi64((const __m128i *)(const void *)(place)), _mm_cvtsi32_si128((place)[2]))
#define MODEL_INTO_ROWS(place, x)                                                                  \
    _mm_storel_epi64((__m128i *)(void *)(place), x), (place)[2] = model_third(x)
static inline int32_t model_third(__m128i x)
{
    return _mm_cvtsi128_si32(_mm_unpackhi_epi32(x, x));
}
#endif

/* Adds to the sum of each row the products of its next weights with four numbers: even bytes are
   those of the first two. Of three rows the next four bytes are read, too, and not used. */
static inline __m128i model_four_of_rows(__m128i sums, const int8_t *w, __m128i two, __m128i others)
{
    const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)w);
    const __m128i even = _mm_srai_epi16(_mm_slli_epi16(bytes, 8), 8);
    sums = _mm_add_epi32(sums, _mm_madd_epi16(even, two));
    return _mm_add_epi32(sums, _mm_madd_epi16(_mm_srai_epi16(bytes, 8), others));
}

static inline void model_sums(const int8_t *w, const int16_t *x, int n, int32_t *sums)
{
    __m128i all = _mm_setzero_si128();
#ifndef __clang__ /* which does so by itself */
#pragma GCC unroll 4
#endif
    for (; n >= 8; n -= 8, w += 8 * MODEL_GROUP, x += 8) {
        const __m128i eight = _mm_loadu_si128((const __m128i *)(const void *)x);
        all = model_four_of_rows(
            all, w, _mm_shuffle_epi32(eight, 0x00), _mm_shuffle_epi32(eight, 0x55));
        all = model_four_of_rows(all, w + 4 * MODEL_GROUP, _mm_shuffle_epi32(eight, 0xaa),
            _mm_shuffle_epi32(eight, 0xff));
    }
    if (n >= 4) {
        const __m128i four = _mm_loadl_epi64((const __m128i *)(const void *)x);
        all = model_four_of_rows(
            all, w, _mm_shuffle_epi32(four, 0x00), _mm_shuffle_epi32(four, 0x55));
        n -= 4, w += 4 * MODEL_GROUP, x += 4;
    }
    MODEL_INTO_ROWS(sums, all);
    if (n > 0)
        model_rest(w, x, n, sums);
}

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
#if !HAS_WIDE
#if defined(__SSE2__) && !defined(MODEL_PLAIN)
/* The same of MODEL_GROUP rows at once, where all are shifted by as many places. */
static inline int model_group_finished(
    int32_t *y, const int32_t *bias, const int16_t *factor, const int8_t *shift, int32_t most)
{
    const __m128i zero = _mm_setzero_si128(), largest = _mm_set1_epi32(most);
    const __m128i sum = _mm_add_epi32(MODEL_OF_ROWS(y), MODEL_OF_ROWS(bias));
    __m128i own, x;
    int r;
#if MODEL_GROUP > 3
    memcpy(&r, shift, sizeof r);
    if (r != *shift * 0x01010101)
        return 0;
    own = _mm_loadl_epi64((const __m128i *)(const void *)factor);
#else
    if ((shift[0] ^ shift[1]) | (shift[0] ^ shift[2]))
        return 0;
    memcpy(&r, factor, 2 * sizeof *factor);
    own = _mm_insert_epi16(_mm_cvtsi32_si128(r), factor[2], 2);
#endif
    /* the upper halves of sums times factors, and the lower ones without their last 16 bits */
    x = _mm_add_epi32(_mm_madd_epi16(sum, _mm_unpacklo_epi16(zero, own)),
        _mm_mulhi_epu16(sum, _mm_unpacklo_epi16(own, zero)));
    x = _mm_sra_epi32(x, _mm_cvtsi32_si128(*shift));
    x = _mm_srai_epi32(_mm_add_epi32(x, _mm_set1_epi32(1)), 1);
    MODEL_INTO_ROWS(y, x);
    x = _mm_or_si128(_mm_cmpgt_epi32(x, largest), _mm_cmplt_epi32(x, _mm_sub_epi32(zero, largest)));
    if (_mm_movemask_epi8(x))
        for (r = 0; r < MODEL_GROUP; r++)
            y[r] = model_cut(y[r], most);
    return 1;
}

#endif
#endif
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
MODEL_ROWS void model_rows(const model_product *product, const int16_t *x, int first, int32_t *y)
{
    const int32_t *bias;
    const int16_t *factor;
    const int8_t *shift;
    int32_t most;
#if HAS_SPARSE
    if (product->ends) {
        model_sparse_rows(product, x, first, y);
        return;
    }
#endif
    if (product->rows - first < MODEL_GROUP) {
        model_last_rows(product, x, first, y);
        return;
    }
    model_sums(product->weight + (size_t)first * (size_t)product->inputs, x, product->inputs, y);
    bias = product->bias + first, factor = product->factor + first, shift = product->shift + first;
    most = product->most;
#if !HAS_WIDE
#if defined(__SSE2__) && !defined(MODEL_PLAIN)
    if (model_group_finished(y, bias, factor, shift, most))
        return;
#endif
#endif
    y[0] = model_finished(y[0], bias, factor, shift, most);
    y[1] = model_finished(y[1], bias + 1, factor + 1, shift + 1, most);
    y[2] = model_finished(y[2], bias + 2, factor + 2, shift + 2, most);
#if MODEL_GROUP > 3
    y[3] = model_finished(y[3], bias + 3, factor + 3, shift + 3, most);
#endif
}
