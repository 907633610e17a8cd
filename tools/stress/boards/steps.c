/* Reads STEPS steps of numbers that follow one another by a formula, and prints a checksum of the
   integers of all answers; with TIMED also what a step takes on a chip. */
#define M_IMPLEMENTATION
#include "m.h"

#include "board.h"

static uint32_t seed = 1, sum = 2166136261u;

static void read_numbers(int16_t *x)
{
    int i;
    for (i = 0; i < M_INPUTS; i++) {
        int32_t value;
        seed = seed * 1664525u + 1013904223u;
        value = ((int32_t)(seed >> 16) - 32768) / ((int32_t)1 << (seed >> 8 & 3));
        x[i] = (int16_t)(value > M_INPUT_MOST    ? M_INPUT_MOST
                         : value < -M_INPUT_MOST ? -M_INPUT_MOST
                                                 : value);
    }
}

static void add(const int32_t *y, int n)
{
    int i;
    for (i = 0; i < n; i++)
        sum = (sum ^ (uint32_t)y[i]) * 16777619u;
}

int main(void)
{
    static int16_t x[M_INPUTS];
    long t;
#ifdef M_CODE
    static int32_t code[M_CODE], row[M_INPUTS];
    for (t = 0; t < STEPS; t++) {
        read_numbers(x);
        m_encode_q(x, code);
        m_decode_q(code, row);
        add(code, M_CODE);
        add(row, M_INPUTS);
    }
#else
    static m_state state;
    static int32_t y[M_OUTPUTS];
    m_reset(&state);
    for (t = 0; t < STEPS; t++) {
        read_numbers(x);
        begin();
        m_step_q(&state, x, y);
        end();
        add(y, M_OUTPUTS);
    }
#endif
    report(sum);
    return 0;
}
