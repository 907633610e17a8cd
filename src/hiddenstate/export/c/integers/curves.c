/* Sigmoid and tanh, from 12 bits to 15, and means. */

#if HAS_SIGMOID
/* A line between two places of the table, which are 1/16 apart; at its end it is 1. */
MODEL_SMALL int32_t model_sigmoid(int32_t x)
{
    const int32_t size = x < 0 ? -x : x;
    uint_fast16_t y = 32768u;
    if (size < (int32_t)(MODEL_PLACES - 1) * 256) {
        const uint16_t *place = model_table + ((uint16_t)size >> 8);
        const uint_fast16_t low = MODEL_16(place), rise = MODEL_16(place + 1) - low;
        const uint8_t part = (uint8_t)size;
#ifdef __AVR__ /* multiplies bytes */
        y = low + (uint8_t)(rise >> 8) * part + ((uint16_t)((uint8_t)rise * part + 128u) >> 8);
#else
        y = (uint_fast16_t)(low + (((uint32_t)rise * part + 128u) >> 8));
#endif
    }
    return (int32_t)(x < 0 ? 32768u - y : y);
}

#endif
#if HAS_TANH
static int32_t model_tanh(int32_t x)
{
    return model_cut(2 * model_sigmoid(2 * x) - 32768, 32767);
}

#endif
#if HAS_MEAN || HAS_POOL || HAS_LRU
/* sum / count, rounded to the nearest integer, halves up. */
static int64_t model_mean(int64_t sum, int64_t count)
{
    const int64_t twice = 2 * sum + count, whole = twice / (2 * count);
    return whole - (whole * 2 * count > twice);
}

#endif
