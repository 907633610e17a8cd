/* Products on an AVR: one row after the other, so that its sum stays in registers, and the code
   stands there once. */

/* Row number r of those from `first` on, rescaled. Its weights are those of inputs 0, 2, 1 and 3,
   then the next four, which stand `skip` bytes further, and at the end one weight each, from `back`
   bytes before the next four on, and `single` bytes further each. */
static MODEL_APART int32_t model_row(
    const model_product *product, const int16_t *x, int first, uint8_t r)
{
    int n = product->inputs;
    const int8_t *w = product->weight + (size_t)first * (size_t)n;
    uint8_t skip = 4 * MODEL_GROUP - 4, back = (uint8_t)(3 * r), single = MODEL_GROUP;
    int32_t sum = 0;
    if (product->rows - first < MODEL_GROUP) /* rows one after the other */
        w += r * n, skip = 0, back = 0, single = 1;
    else
        w += 4 * r;
#ifdef MODEL_PLAIN
    for (; n >= 4; n -= 4, w += 4 + skip, x += 4) {
        sum += (int32_t)MODEL_8(w) * x[0] + (int32_t)MODEL_8(w + 1) * x[2];
        sum += (int32_t)MODEL_8(w + 2) * x[1] + (int32_t)MODEL_8(w + 3) * x[3];
    }
    for (w -= back; n > 0; n--, w += single)
        sum += (int32_t)MODEL_8(w) * *x++;
#else
    {
        int8_t one, two, high;
        int16_t value;
#define MODEL_PRODUCT(weight)                                                                      \
    "ld %A[value], X+\n\tld %B[value], X+\n\t"                                                     \
    "mulsu %[" weight "], %A[value]\n\tsbc %[high], %[high]\n\t"                                   \
    "add %A[sum], r0\n\tadc %B[sum], r1\n\tadc %C[sum], %[high]\n\tadc %D[sum], %[high]\n\t"       \
    "muls %[" weight "], %B[value]\n\tsbc %[high], %[high]\n\t"                                    \
    "add %B[sum], r0\n\tadc %C[sum], r1\n\tadc %D[sum], %[high]\n\t"
        __asm__("rjmp 2f\n"
                "1:\tlpm %[one], Z+\n\t" MODEL_PRODUCT(
                    "one") "lpm %[two], Z+\n\tlpm %[one], Z+\n\t" MODEL_PRODUCT("one") /* as x */
            MODEL_PRODUCT("two") "lpm %[one], Z+\n\t" MODEL_PRODUCT(
                "one") "clr r1\n\tadd %A[w], %[skip]\n\tadc %B[w], r1\n"
                       "2:\tsubi %A[n], 4\n\tsbci %B[n], 0\n\tbrge 1b\n\t"
                       "subi %A[n], -4\n\tsub %A[w], %[back]\n\tsbc %B[w], r1\n\trjmp 4f\n"
                       "3:\tlpm %[one], Z\n\t" MODEL_PRODUCT(
                           "one") "clr r1\n\tadd %A[w], %[single]\n\tadc %B[w], r1\n"
                                  "4:\tdec %A[n]\n\tbrpl 3b"
            : [sum] "+r"(sum), [one] "=&a"(one), [two] "=&a"(two), [value] "=&a"(value),
            [high] "=&r"(high), [w] "+z"(w), "+x"(x), [n] "+d"(n)
            : [skip] "r"(skip), [back] "r"(back), [single] "r"(single)
            : "r0", "memory");
#undef MODEL_PRODUCT
    }
#endif
    first += r;
    sum = model_rescaled(sum + MODEL_32(product->bias + first),
        (int16_t)MODEL_16(product->factor + first), MODEL_8(product->shift + first));
    return model_cut(sum, product->most);
}

/* The rescaled sums of MODEL_GROUP rows from `first` on, which is a multiple of it, or of those
   that are left. */
static MODEL_APART void model_rows(
    const model_product *product, const int16_t *x, int first, int32_t *y)
{
    const int left = product->rows - first;
    uint8_t r;
#if HAS_SPARSE
    if (product->ends) {
        model_sparse_rows(product, x, first, y);
        return;
    }
#endif
    for (r = 0; r < MODEL_GROUP && r < left; r++)
        y[r] = model_row(product, x, first, r);
}
