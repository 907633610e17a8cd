/* A program. */
/* Reads a few rows, and prints the answer of the model. */
#define MODEL_IMPLEMENTATION /* in one file of a program */
#include <@name@.h>

#include <stdio.h>

#include "folders/rows.c"

int main(void)
{
    const int status = read_rows();
    int i;
    if (status != MODEL_OK)
        printf("status %d\n", status);
#if HAS_CLASSES
    printf("%s\n", model_label(model_class(y)));
#endif
    for (i = 0; i < @numbers@; i++)
        printf("%.6f\n", (double)y[i]);
    return status != MODEL_OK;
}
