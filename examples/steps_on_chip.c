/* A net in integers on a chip without floats: reads steps of int16, and answers after each.

   hiddenstate classify steps.csv --cell fastgrnn --quantize int8 --name steps
   hiddenstate export steps --to c --output net.h
   arm-none-eabi-gcc -mcpu=cortex-m0 -mthumb -Os -DNO_FLOAT -I FOLDER -c steps_on_chip.c
   avr-gcc -mmcu=atmega328p -Os -DNO_FLOAT -I FOLDER -c steps_on_chip.c

   FOLDER has net.h. Link it with what reads your sensors: `sensors` writes NET_INPUTS numbers, each
   less its mean, times the factor of its scale (net.json has both), times 2^NET_INPUT_BITS; `answer`
   gets the class. */
#define NET_IMPLEMENTATION /* in one file of a program */
#include "net.h"

int sensors(int16_t *x);
void answer(int number);
void watch(void);

void watch(void)
{
    static net_state state; /* all memory that changes; the header allocates nothing */
    static int16_t x[NET_INPUTS];
    int32_t y[NET_OUTPUTS];
    net_reset(&state); /* a recording begins */
    while (sensors(x)) {
        net_step_q(&state, x, y);
        answer(net_class_q(y));
    }
}
