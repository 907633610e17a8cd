/* What a cell computes of one unit, of four at once. */
#define MODEL_EACH_32(place) (model_lanes) model_load(place)
/* Of four units gate number i. */
#if MODEL_BLOCKS > 1
#define MODEL_GATE(y, i)                                                                           \
    model_apart((y) + (i), (y) + (i) + MODEL_BLOCKS, (y) + (i) + 2 * MODEL_BLOCKS,                 \
        (y) + (i) + 3 * MODEL_BLOCKS)
#else
#define MODEL_GATE(y, i) (model_lanes) model_load(y)
#endif

MODEL_WIDE_INLINE __m128i model_word(const void *place)
{
    int32_t word;
    memcpy(&word, place, sizeof word);
    return _mm_cvtsi32_si128(word);
}

/* Four numbers that stand apart: from registers, as a vector read where single ones were just
   written has to wait for them. */
MODEL_WIDE_INLINE model_lanes model_apart(
    const void *a, const void *b, const void *c, const void *d)
{
    return (model_lanes)_mm_unpacklo_epi64(_mm_unpacklo_epi32(model_word(a), model_word(b)),
        _mm_unpacklo_epi32(model_word(c), model_word(d)));
}

MODEL_WIDE_INLINE model_lanes model_get(const int16_t *place)
{
    const __m128i x = _mm_loadl_epi64((const __m128i *)(const void *)place);
    return (model_lanes)_mm_srai_epi32(_mm_unpacklo_epi16(x, x), 16);
}

MODEL_WIDE_INLINE void model_put(int16_t *place, model_lanes x)
{
    _mm_storel_epi64((__m128i *)(void *)place, _mm_packs_epi32((__m128i)x, (__m128i)x));
}

MODEL_WIDE_INLINE model_lanes model_each_cut(model_lanes x, int32_t most)
{
    const model_lanes over = x > most, under = x < -most;
    if (__builtin_expect(_mm_movemask_epi8((__m128i)(over | under)), 0))
        x = (x & ~(over | under)) | (over & most) | (under & -most);
    return x;
}

MODEL_WIDE_INLINE model_lanes model_each_shifted(model_lanes x, int n)
{
    return n > 0 ? ((x >> (n - 1)) + 1) >> 1 : x;
}

#if HAS_MOVED
MODEL_WIDE_INLINE model_lanes model_each_to(model_lanes x, int from, int to, int32_t most)
{
    return model_each_cut(from < to ? x << (to - from) : model_each_shifted(x, from - to), most);
}

#endif
/* sigmoid(|x|) - 1/2: a line between two places of the table, as a sum of two products. */
MODEL_WIDE_INLINE model_lanes model_each_half(model_lanes x)
{
    const int32_t most = (MODEL_PLACES - 1) * 256 - 1; /* where it is 1 */
    const model_lanes sign = x >> 31, size = (x ^ sign) - sign, over = size > most;
    const model_lanes kept = (size & ~over) | (over & most), part = kept & 255;
    const __m128i at = (__m128i)(kept >> 8);
    const uint16_t *const table = model_table;
    const model_lanes places =
        model_apart(table + _mm_extract_epi16(at, 0), table + _mm_extract_epi16(at, 2),
            table + _mm_extract_epi16(at, 4), table + _mm_extract_epi16(at, 6));
    const __m128i halves = _mm_sub_epi16((__m128i)places, _mm_set1_epi16(16384));
    return ((model_lanes)_mm_madd_epi16(halves, (__m128i)((part << 16) - part + 256)) + 128) >> 8;
}

MODEL_WIDE_INLINE model_lanes model_each_sigmoid(model_lanes x)
{
    const model_lanes sign = x >> 31;
    return ((model_each_half(x) ^ sign) - sign) + 16384;
}

MODEL_WIDE_INLINE model_lanes model_each_tanh(model_lanes x)
{
    const model_lanes sign = x >> 31, y = 2 * model_each_half(2 * x);
    (void)model_tanh; /* may have no other use */
    return ((y - (y >> 15)) ^ sign) - sign;
}
