/* Sigmoid and tanh, from 12 bits to 15. */

#if HAS_SIGMOID
/* A line between two places of the table, which are 1/16 apart; without a branch. */
static inline int32_t model_sigmoid(int32_t x)
{
    const int32_t sign = x >> 31, size = (x ^ sign) - sign; /* sign is 0 or -1 */
    const uint_fast16_t within = (uint_fast16_t)(size < 65535 ? size : 65535);
    const uint16_t *place = model_table + (within >> 8);
    const uint_fast16_t low = MODEL_16(place), rise = MODEL_16(place + 1) - low;
    const int32_t y = (int32_t)(low + (((uint32_t)rise * (within & 255u) + 128u) >> 8));
    return (y ^ sign) - sign + (sign & 32768);
}

#endif
#if HAS_TANH
static int32_t model_tanh(int32_t x)
{
    return model_cut(2 * model_sigmoid(2 * x) - 32768, 32767);
}

#endif
