/* What the forecast step remembers; a part of the state where there is one. */

/* The last values of each target, the newest first. */
typedef struct model_path {
    float value[MODEL_OUTPUTS][MODEL_PAST];
#if HAS_LAGS
    float other[MODEL_LAGS]; /* those of other inputs, step by step */
#endif
    int started;
#if HAS_NEARER
    int place; /* steps from what is forecast of it to the horizon */
#endif
} model_path;
