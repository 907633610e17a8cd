/* Sums of products of int8 weights and int16 numbers, and how they are rescaled. Each way below
   gives the same sums: no sum leaves 32 bits. Define MODEL_PLAIN to compile the one that is plain
   C. */

/* What is seldom needed stands apart, so that what often runs has the registers for itself; on an
   AVR, whose instructions are of 8 bits, so does what is needed in several places. */
#ifdef __GNUC__
#define MODEL_APART __attribute__((noinline))
#else
#define MODEL_APART
#endif
#ifdef __AVR__
#define MODEL_SMALL static MODEL_APART
#elif defined(__GNUC__) /* with vectors, some are not used */
#define MODEL_SMALL static inline __attribute__((unused))
#else
#define MODEL_SMALL static inline
#endif

/* x kept from -most to most. */
MODEL_SMALL int32_t model_cut(int32_t x, int32_t most)
{
#ifdef __SSE2__ /* a branch that is seldom taken is faster there */
    if (__builtin_expect((uint32_t)x + (uint32_t)most <= 2u * (uint32_t)most, 1))
        return x;
#endif
    return x > most ? most : x < -most ? -most : x;
}

/* x / 2^(n + 1), rounded to the nearest integer, halves up; the sum always has room. */
MODEL_SMALL int32_t model_halved(int32_t x, int8_t n)
{
    return ((x >> n) + 1) >> 1;
}

#if HAS_RECURRENT || HAS_MOVED
/* x / 2^n, rounded to the nearest integer, halves up; n from 0 to 30. */
static inline int32_t model_shifted(int32_t x, int n)
{
    return n > 0 ? model_halved(x, (int8_t)(n - 1)) : x;
}

#endif
#if HAS_MOVED
/* A number with `from` bits as one with `to`, kept from -most to most. */
MODEL_SMALL int32_t model_to(int32_t x, int from, int to, int32_t most)
{
    if (from < to) /* x is short */
        return model_cut(x * ((int32_t)1 << (to - from)), most);
    return model_cut(model_shifted(x, from - to), most);
}

#endif
/* sum times factor / 2^(shift + 17), rounded to the nearest integer, halves up; factor has 15 bits.
 */
static inline int32_t model_rescaled(int32_t sum, int16_t factor, int8_t shift)
{
#if HAS_WIDE
    const int64_t product = (int64_t)sum * factor, most = INT32_MAX;
    const int64_t result = (product + ((int64_t)1 << (shift + 16))) >> (shift + 17);
    return (int32_t)(result > most ? most : result < -most ? -most : result);
#else
    int32_t high; /* the product without its last 16 bits: shift is not negative */
#if defined(__ARM_FEATURE_DSP) && defined(__GNUC__) && !defined(MODEL_PLAIN)
    __asm__("smulwb %0, %1, %2" : "=r"(high) : "r"(sum), "r"(factor));
#elif UINTPTR_MAX > 0xffffffffu || (defined(__ARM_ARCH) && __ARM_ARCH >= 7)
    high = (int32_t)(((int64_t)sum * factor) >> 16);
#else
    high = (int32_t)(int16_t)(sum >> 16) * factor;
    high += (int32_t)((uint32_t)(uint16_t)sum * (uint16_t)factor >> 16);
#endif
    return model_halved(high, shift);
#endif
}

/* Rescales the sum y of a row, and keeps it from -most to most. */
static inline int32_t model_finished(
    int32_t y, const int32_t *bias, const int16_t *factor, const int8_t *shift, int32_t most)
{
    y = model_rescaled(y + MODEL_32(bias), (int16_t)MODEL_16(factor), MODEL_8(shift));
    return model_cut(y, most);
}

#if HAS_SPARSE
/* Adds the product of a pair, number i of those that x is moved on by at once. */
#define MODEL_PAIR(i)                                                                              \
    x += (uint8_t)MODEL_8(pair + 2 * (i));                                                         \
    sum += (int32_t)MODEL_8(pair + 2 * (i) + 1) * x[i];

/* The sum of the products of one row, up to the pair at `end`. */
static inline int32_t model_sum_of_pairs(const int8_t *pair, const int8_t *end, const int16_t *x)
{
    int32_t sum = 0;
#if defined(__thumb2__) && defined(__GNUC__) && !defined(MODEL_PLAIN)
    int32_t gap, weight, number;
    for (; pair != end;)
        __asm__("ldrb %1, [%4], #2\n\tldrsb %2, [%4, #-1]\n\tadd %5, %5, %1, lsl #1\n\t"
                "ldrsh %3, [%5], #2\n\tmla %0, %2, %3, %0"
            : "+r"(sum), "=&r"(gap), "=&r"(weight), "=&r"(number), "+r"(pair), "+r"(x)
            :
            : "memory");
#else
    for (; end - pair >= 4; pair += 4, x += 2) {
        MODEL_PAIR(0)
        MODEL_PAIR(1)
    }
    if (pair < end) {
        MODEL_PAIR(0)
    }
#endif
    return sum;
}

/* The same as model_rows of a sparse matrix. */
static MODEL_APART void model_sparse_rows(
    const model_product *product, const int16_t *x, int first, int32_t *y)
{
    const int8_t *const pairs = product->weight, *pair = pairs, *end;
    const int last = product->rows - first < MODEL_GROUP ? product->rows : first + MODEL_GROUP;
    const uint16_t *const ends = product->ends;
    const int32_t *const bias = product->bias, most = product->most;
    const int16_t *const factor = product->factor;
    const int8_t *const shift = product->shift;
    if (first > 0)
        pair += 2 * (size_t)MODEL_16(ends + first - 1);
    for (; first < last; first++, pair = end) {
        end = pairs + 2 * (size_t)MODEL_16(ends + first);
        *y++ = model_finished(
            model_sum_of_pairs(pair, end, x), bias + first, factor + first, shift + first, most);
    }
}

#endif
#if defined(__SSE2__) && !defined(MODEL_PLAIN)
#define MODEL_SSE
#else /* products read numbers as they are */
typedef const int16_t *model_vector;
#define MODEL_NUMBERS(vector) (vector)
#define MODEL_SPREAD(vector, product, numbers) const model_vector vector = numbers
#endif
#ifdef __AVR__
#include "integers/single.c"
#else
#include "integers/groups.c"
#endif
