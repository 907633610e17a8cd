/* What a board needs to run a program, print a number and count: Cortex-M by semihosting, an AVR by
   its serial line, and others by printf. */
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

#elif defined(__arm__) && defined(__thumb__)
#include <string.h>

extern uint32_t data_start, data_end, data_source, bss_start, bss_end;
extern void stack_top(void);
int main(void);

static uint32_t taken, started;

static uint32_t semihosting(uint32_t call, const void *place)
{
    register uint32_t r0 __asm__("r0") = call;
    register const void *r1 __asm__("r1") = place;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

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

static void put(char c)
{
    semihosting(3, &c);
}

static void leave(void)
{
    semihosting(0x18, (void *)0x20026);
}

void start(void)
{
    memcpy(&data_start, &data_source, (size_t)((char *)&data_end - (char *)&data_start));
    memset(&bss_start, 0, (size_t)((char *)&bss_end - (char *)&bss_start));
    main();
    leave();
}

static void fault(void)
{
    put('F');
    leave();
}

__attribute__((section(".vectors"), used)) static void (*const vectors[])(void) = {
    stack_top,
    start,
    fault,
    fault,
    fault,
    fault,
    fault,
};

#else
#include <stdio.h>

static uint32_t taken;

static void begin(void)
{
}

static void end(void)
{
}

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
