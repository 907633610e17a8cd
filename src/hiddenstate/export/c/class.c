/* The class of an answer. */

#if HAS_CLASSES
int model_class(const float *y)
{
    int i, best = 0;
    if (!model_finite(y, MODEL_OUTPUTS))
        return -1;
    for (i = 1; i < MODEL_OUTPUTS; i++)
        best = y[i] > y[best] ? i : best;
    return best;
}

#endif
