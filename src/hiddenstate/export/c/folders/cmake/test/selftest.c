/* A program. */
/* Compares answers with those of the model. */
#define MODEL_SELFTEST
#include <@name@.h>
