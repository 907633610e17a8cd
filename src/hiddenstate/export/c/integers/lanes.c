/* Products and curves of x86-64 in units of 128 bits. */
#include <emmintrin.h>

/* A processor with room for code. */
#define MODEL_WIDE_INLINE static inline __attribute__((always_inline))

/* Units of a cell that are computed together, and their numbers. */
#if HAS_TANH && !HAS_MINGRU && !HAS_RNN_RELU
#if MODEL_HIDDEN % 4 == 0
#define MODEL_LANES 4
typedef int32_t model_lanes __attribute__((vector_size(16)));
#endif
#endif

MODEL_WIDE_INLINE __m128i model_load(const void *place)
{
    return _mm_loadu_si128((const __m128i *)place);
}

/* Numbers x and what the products of a group of rows multiply by: of each vector of 16 weights, in
   which even bytes are those of the first two of four numbers, the first two and the others. */
typedef struct {
    const int16_t *x;
    const __m128i *wide;
} model_vector;
#define MODEL_NUMBERS(vector) (vector).x
#define MODEL_SPREAD(vector, product, numbers)                                                     \
    __m128i vector##_wide[(MODEL_COLUMNS + 15) / 16 * 2 * MODEL_GROUP];                            \
    const model_vector vector = model_spread(numbers, (product)->inputs, vector##_wide)

/* Two vectors of products of 16 numbers: lanes of fours number i of these. */
#define MODEL_TWO_WIDE(i)                                                                          \
    *wide++ = _mm_shuffle_epi32(first, i), *wide++ = _mm_shuffle_epi32(others, i);

MODEL_WIDE_INLINE model_vector model_spread(const int16_t *x, int n, __m128i *wide)
{
    const model_vector vector = {x, wide};
    int16_t last[16] = {0};
    do {
        __m128 low, high;
        __m128i first, others;
        if (n < 16)
            x = (const int16_t *)memcpy(last, x, (size_t)n / 4 * 4 * sizeof *x);
        low = _mm_castsi128_ps(model_load(x)), high = _mm_castsi128_ps(model_load(x + 8));
        first = _mm_castps_si128(_mm_shuffle_ps(low, high, 0x88));
        others = _mm_castps_si128(_mm_shuffle_ps(low, high, 0xdd));
#if MODEL_GROUP > 3
        MODEL_TWO_WIDE(0x00)
        MODEL_TWO_WIDE(0x55)
        MODEL_TWO_WIDE(0xaa)
        MODEL_TWO_WIDE(0xff)
#else
        MODEL_TWO_WIDE(0x40)
        MODEL_TWO_WIDE(0xa5)
        MODEL_TWO_WIDE(0xfe)
#endif
        n -= 16, x += 16;
    } while (n >= 4);
    return vector;
}

/* Adds the products of 16 weights. */
MODEL_WIDE_INLINE __m128i model_added(__m128i sums, __m128i bytes, __m128i two, __m128i others)
{
    const __m128i even = _mm_srai_epi16(_mm_slli_epi16(bytes, 8), 8);
    sums = _mm_add_epi32(sums, _mm_madd_epi16(even, two));
    return _mm_add_epi32(sums, _mm_madd_epi16(_mm_srai_epi16(bytes, 8), others));
}

/* The sum of the products of one row, without what is left after sixteens of numbers. */
static inline int32_t model_sixteens(const int8_t *w, const int16_t *x, int n)
{
    __m128i sum = _mm_setzero_si128();
    for (; n >= 16; n -= 16, w += 16, x += 16) {
        const __m128 low = _mm_castsi128_ps(model_load(x));
        const __m128 high = _mm_castsi128_ps(model_load(x + 8));
        sum = model_added(sum, model_load(w), _mm_castps_si128(_mm_shuffle_ps(low, high, 0x88)),
            _mm_castps_si128(_mm_shuffle_ps(low, high, 0xdd)));
    }
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1)));
}

#if MODEL_GROUP > 3
#define MODEL_OF_ROWS(place) model_load(place)
#define MODEL_INTO_ROWS(place, x) _mm_storeu_si128((__m128i *)(void *)(place), x)

MODEL_WIDE_INLINE __m128i model_fours(const int8_t *w, const __m128i *wide, int n)
{
    __m128i all = _mm_setzero_si128();
#ifndef __clang__ /* which does so by itself */
#pragma GCC unroll 4
#endif
    for (; n >= 4; n -= 4, w += 16, wide += 2)
        all = model_added(all, model_load(w), wide[0], wide[1]);
    return all;
}

#else
#define MODEL_OF_ROWS(place)                                                                       \
    _mm_unpacklo_epi64(                                                                            \
        _mm_loadl_epi64((const __m128i *)(const void *)(place)), _mm_cvtsi32_si128((place)[2]))
#define MODEL_INTO_ROWS(place, x)                                                                  \
    _mm_storel_epi64((__m128i *)(void *)(place), x),                                               \
        (place)[2] = _mm_cvtsi128_si32(_mm_unpackhi_epi32(x, x))

/* Three vectors of weights have four fours of each of three rows. At the end up to four bytes more
   are read, and times 0. */
MODEL_WIDE_INLINE __m128i model_fours(const int8_t *w, const __m128i *wide, int n)
{
    __m128i a = _mm_setzero_si128(), b = a, c = a, last;
    int32_t word;
#ifndef __clang__
#pragma GCC unroll 2
#endif
    for (; n >= 16; n -= 16, w += 48, wide += 6) {
        a = model_added(a, model_load(w), wide[0], wide[1]);
        b = model_added(b, model_load(w + 16), wide[2], wide[3]);
        c = model_added(c, model_load(w + 32), wide[4], wide[5]);
    }
    if (n >= 4)
        a = model_added(a, model_load(w), wide[0], wide[1]);
    if (n >= 12) {
        memcpy(&word, w + 32, sizeof word);
        b = model_added(b, model_load(w + 16), wide[2], wide[3]);
        c = model_added(c, _mm_cvtsi32_si128(word), wide[4], wide[5]);
    } else if (n >= 8)
        b = model_added(
            b, _mm_loadl_epi64((const __m128i *)(const void *)(w + 16)), wide[2], wide[3]);
    last = _mm_castps_si128(
        _mm_shuffle_ps(_mm_castsi128_ps(_mm_unpackhi_epi32(a, b)), _mm_castsi128_ps(c), 0xfe));
    a = _mm_add_epi32(a, _mm_shuffle_epi32(b, 0x12));                         /* lanes 2, 0, 1 */
    return _mm_add_epi32(_mm_add_epi32(a, last), _mm_shuffle_epi32(c, 0x09)); /* 1, 2, 0 */
}

#endif
MODEL_WIDE_INLINE __m128i model_sums(const int8_t *w, model_vector x, int n, int32_t *sums)
{
    __m128i all = model_fours(w, x.wide, n);
    if (n & 3) {
        MODEL_INTO_ROWS(sums, all);
        model_rest(w + n / 4 * 4 * MODEL_GROUP, x.x + n / 4 * 4, n & 3, sums);
        all = MODEL_OF_ROWS(sums);
    }
    return all;
}

#if !HAS_WIDE
/* Rescales sums of MODEL_GROUP rows at once, where all are shifted by as many places. */
MODEL_WIDE_INLINE int model_group_finished(__m128i sum, int32_t *y, const int32_t *bias,
    const int16_t *factor, const int8_t *shift, int32_t most)
{
    const __m128i zero = _mm_setzero_si128(), largest = _mm_set1_epi32(most);
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
    sum = _mm_add_epi32(sum, MODEL_OF_ROWS(bias));
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
