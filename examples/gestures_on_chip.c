/* Reads steps of gestures from stdin, and prints its answer to each gesture: on a Cortex-M4, by
   semihosting. gestures_on_chip.py builds it.

   A line is the number of a gesture and three numbers of an accelerometer, as in its new.csv. On a
   device, these come from a sensor instead. */
#include <stdio.h>
#define GESTURES_IMPLEMENTATION /* in one file of a program */
#include "gestures.h"

static float p[GESTURES_OUTPUTS];

static void answer(int series)
{
    int i;
    printf("%d,%s", series, gestures_label(gestures_class(p)));
    for (i = 0; i < GESTURES_OUTPUTS; i++)
        printf(",%.9g", (double)p[i]);
    printf("\n");
}

int main(void)
{
    static gestures_state state; /* all memory that changes; the header allocates nothing */
    float x[GESTURES_FEATURES];
    int series, last = -1;
    scanf("%*[^\n]"); /* names of columns */
    while (scanf("%d,%f,%f,%f", &series, &x[0], &x[1], &x[2]) == 4) {
        if (series != last) {
            if (last >= 0)
                answer(last);
            gestures_reset(&state);
        }
        last = series;
        if (gestures_step(&state, x, p) != GESTURES_OK)
            return 1;
    }
    answer(last);
    return 0;
}
