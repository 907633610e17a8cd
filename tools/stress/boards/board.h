/* What a board needs to print a number and count: an AVR by its serial line, and others by printf,
   a Cortex-M with what examples/cortex_m4 starts it with. */
#include <stdint.h>

#if defined(__AVR__)
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>

static uint16_t taken, started;

static void begin(void)
{
    TCCR1B = 2; /* counts every eighth cycle */
    started = TCNT1;
}

static void end(void)
{
    taken = TCNT1 - started;
}

static void put(char c)
{
    while (!(UCSR0A & (1 << UDRE0)))
        ;
    UDR0 = (uint8_t)c;
}

static void leave(void)
{
    while (!(UCSR0A & (1 << UDRE0)))
        ;
    cli();
    sleep_enable();
    sleep_cpu(); /* which the emulator takes as the end */
}

#else
#include <stdio.h>

static uint32_t taken;

#if defined(__arm__) && defined(__thumb__)
static uint32_t started;

static void begin(void)
{
    *(volatile uint32_t *)0xE000E014 = 0xFFFFFF; /* SysTick */
    *(volatile uint32_t *)0xE000E010 = 5;
    started = *(volatile uint32_t *)0xE000E018;
}

static void end(void)
{
    taken += (started - *(volatile uint32_t *)0xE000E018) & 0xFFFFFF;
}

#else
static void begin(void)
{
}

static void end(void)
{
}

#endif
static void put(char c)
{
    putchar(c);
}

static void leave(void)
{
}
#endif

/* Prints a checksum, and what was counted. */
static void report(uint32_t sum)
{
    const uint32_t numbers[2] = {sum, taken};
    int i, k;
    for (i = 0; i < 2; i++) {
        for (k = 28; k >= 0; k -= 4)
            put("0123456789abcdef"[numbers[i] >> k & 15]);
        put(i ? '\n' : ' ');
    }
    leave();
}
