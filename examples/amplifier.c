/* Reads a WAV file, runs each sample through a network, and writes a WAV file that can be heard.

   cc -O2 -I FOLDER amplifier.c -o amplifier -lm, where FOLDER has amp.h, which amplifier.py exports;
   then ./amplifier IN.wav OUT.wav. Both files have one channel of 16 bits, as most recordings. In a
   pedal, the samples come from the converter instead. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#define AMP_IMPLEMENTATION /* in one file of a program */
#include "amp.h"

#define HEAD 44 /* bytes before the samples of a plain WAV file */

static unsigned long number(const unsigned char *at, int bytes)
{
    unsigned long value = 0;
    while (bytes--)
        value = value << 8 | at[bytes];
    return value;
}

int main(int n_words, char **words)
{
    unsigned char head[HEAD], *samples;
    unsigned long i, n, rate;
    double seconds;
    amp_state state; /* all memory that changes; the header allocates nothing */
    FILE *in = n_words == 3 ? fopen(words[1], "rb") : NULL, *out;
    if (in == NULL || fread(head, 1, HEAD, in) != HEAD || memcmp(head + 36, "data", 4) != 0 ||
        number(head + 20, 2) != 1 || number(head + 22, 2) != 1 || number(head + 34, 2) != 16) {
        fprintf(stderr, "expected IN.wav, plain, with one channel of 16 bits, and OUT.wav\n");
        return 2;
    }
    rate = number(head + 24, 4);
    n = number(head + 40, 4) / 2;
    samples = malloc(2 * n + 1);
    if (samples == NULL || fread(samples, 2, n, in) != n) {
        fprintf(stderr, "%s: cut off\n", words[1]);
        return 2;
    }
    seconds = (double)clock() / CLOCKS_PER_SEC;
    amp_reset(&state);
    for (i = 0; i < n; i++) {
        int whole = (int)number(samples + 2 * i, 2);
        float x = (float)(whole < 32768 ? whole : whole - 65536) / 32768.0f, y;
        if (amp_step(&state, &x, &y) != AMP_OK)
            return 1;
        whole = (int)lrintf(fmaxf(-32768.0f, fminf(32767.0f, y * 32768.0f)));
        samples[2 * i] = (unsigned char)(whole & 255);
        samples[2 * i + 1] = (unsigned char)(whole >> 8 & 255);
    }
    seconds = (double)clock() / CLOCKS_PER_SEC - seconds;
    out = fopen(words[2], "wb");
    if (out == NULL || fwrite(head, 1, HEAD, out) != HEAD || fwrite(samples, 2, n, out) != n ||
        fclose(out) != 0) {
        fprintf(stderr, "%s: cannot be written\n", words[2]);
        return 2;
    }
    printf("%.2f%% of one core at %lu Hz\n", 100 * seconds / ((double)n / (double)rate), rate);
    return 0;
}
