/* What examples of a model read: a few rows, in the units of the data. */

enum { ROW_STEPS = @steps@ };

@rows@
/* The answer, about
   @answer@. */
static float y[@numbers@];

/* Reads the rows, and gives the answer. Returns a status. */
static int read_rows(void)
{
#if HAS_AUTOENCODER
    static float row[MODEL_FEATURES];
    float error;
    return model_run(rows, y, row, &error);
#elif HAS_STREAMS
    static model_state state; /* all memory that changes */
    int t, status = MODEL_OK;
    model_reset(&state);
    for (t = 0; t < ROW_STEPS && status == MODEL_OK; t++)
        status = model_step(&state, rows + t * MODEL_FEATURES, y);
    return status;
#else
    static float scratch[MODEL_SCRATCH(ROW_STEPS) + 1];
#if HAS_STEPS
    static float each[ROW_STEPS * MODEL_OUTPUTS];
    const int status = model_run(rows, ROW_STEPS, each, scratch);
    memcpy(y, each + (ROW_STEPS - 1) * MODEL_OUTPUTS, sizeof y);
    return status;
#else
    return model_run(rows, ROW_STEPS, y, scratch);
#endif
#endif
}
