/* Reads samples of a watch's sensors from stdin, six numbers each, and answers after every sample.

   cc -O2 -I FOLDER motion_on_device.c -o motion -lm, where FOLDER has motion.h, which
   motion_on_device.py exports. On a device, the six numbers come from the sensors instead. */
#include <stdio.h>
#define MOTION_IMPLEMENTATION /* in one file of a program */
#include "motion.h"

int main(void)
{
    motion_state state; /* all memory that changes; the header allocates nothing */
    float x[MOTION_FEATURES], p[MOTION_OUTPUTS];
    int i, best;
    motion_reset(&state); /* a recording begins */
    while (scanf("%f %f %f %f %f %f", &x[0], &x[1], &x[2], &x[3], &x[4], &x[5]) == 6) {
        if (motion_step(&state, x, p) != MOTION_OK)
            return 1;
        best = motion_class(p);
        printf("%s", motion_label(best));
        for (i = 0; i < MOTION_OUTPUTS; i++)
            printf(" %.9g", (double)p[i]);
        printf("\n");
    }
    return 0;
}
