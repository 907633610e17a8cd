/* What is a number, and answers that are none. */

#if !HAS_INTEGERS || !HAS_FILL || HAS_CLASSES
static int model_finite(const float *values, size_t n)
{
    size_t i;
    for (i = 0; i < n; i++)
        if (!(values[i] - values[i] == 0.0f))
            return 0;
    return 1;
}

#endif
/* Gives n answers that are no numbers, so that a refusal cannot be taken for an answer. */
static int model_refused(int status, float *y, size_t n)
{
    size_t i;
    for (i = 0; i < n; i++)
        y[i] = NAN;
    return status;
}
