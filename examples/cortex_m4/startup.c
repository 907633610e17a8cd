/* Starts a program on a Cortex-M4 with a floating-point unit, and lets it print by semihosting. */
#include <stdint.h>
#include <stdlib.h>

extern uint32_t data_start, data_end, data_source, bss_start, bss_end;
extern void initialise_monitor_handles(void);
extern void stack_top(void); /* an address that the linker gives */
extern int main(void);

/* What exit() calls. */
void _init(void) {}
void _fini(void) {}

void start(void)
{
    uint32_t *from = &data_source, *to;
    *(volatile uint32_t *)0xE000ED88 |= 0xF << 20; /* CPACR: let the program use the FPU */
    for (to = &data_start; to < &data_end;)
        *to++ = *from++;
    for (to = &bss_start; to < &bss_end;)
        *to++ = 0;
    initialise_monitor_handles();
    exit(main());
}

static void fault(void)
{
    exit(99);
}

__attribute__((section(".vectors"), used)) static void (*const vectors[])(void) = {
    stack_top, start, fault, fault, fault, fault, fault,
};
