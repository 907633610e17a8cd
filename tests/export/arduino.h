/* What sketches of exports need of Arduino, with its macros of common words. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#undef abs
#undef round
#define abs(x) ((x) > 0 ? (x) : -(x))
#define bit(b) (1UL << (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define min(a, b) ((a) < (b) ? (a) : (b))
#define round(x) ((x) >= 0 ? (long)((x) + 0.5) : (long)((x) - 0.5))
#define sq(x) ((x) * (x))
#define word(...) (__VA_ARGS__)
#define CHANGE 1
#define DEFAULT 1
#define HIGH 1
#define INPUT 0
#define LOW 0
#define OUTPUT 1
#define PI 3.1415926535897932384626433832795

static struct {
  void begin(long) {}
  void print(const char* text) { printf("%s", text); }
  void println(const char* text) { printf("%s\n", text); }
  void println(int number) { printf("%d\n", number); }
  void println(double number, int digits) { printf("%.*f\n", digits, number); }
} Serial;

static void delay(unsigned long) {}
