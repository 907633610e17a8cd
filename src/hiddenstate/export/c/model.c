/* A trained model in C99: a header of one file, whose implementation is compiled where it is asked
   for. What a model needs is chosen by macros, HAS_LSTM and so on, and given as sizes and arrays;
   sample/ has some, so that compilers and formatters read this file alone:

       cc -std=c99 -Wall -Wextra -DMODEL_SELFTEST model.c -o selftest -lm

   An export joins the files that are included here, keeps what the macros choose, and gives it the
   name of the model instead of `model`; see text.py. The first comment of each file stays here. */

#ifndef MODEL_H
#define MODEL_H

#include <stddef.h>
#if HAS_INTEGERS
#include <stdint.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

#include "sample/sizes.h"

#if HAS_INTEGERS
#include "integers/interface.h"
#else
#include "model.h"
#endif

#ifdef __cplusplus
}
#endif

#endif /* MODEL_H */

#if defined(MODEL_SELFTEST) && !defined(MODEL_IMPLEMENTATION)
#define MODEL_IMPLEMENTATION
#endif

#if defined(MODEL_IMPLEMENTATION) && !defined(MODEL_IMPLEMENTED)
#define MODEL_IMPLEMENTED

#if HAS_INTEGERS
#include <string.h>
#ifndef NO_FLOAT
#include <math.h>
#endif
#else
#include <math.h>
#include <stdint.h>
#include <string.h>
#endif

#if defined(__cplusplus) && defined(__GNUC__) /* what follows is C, with the casts of C */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#endif

#if HAS_INTEGERS
#include "integers/implementation.c"
#else
#ifdef __FAST_MATH__
#error "compile this file without -ffast-math: it recognises NaN and splits offsets"
#endif

#if HAS_FIXED
#include <float.h>

#if DBL_MANT_DIG < 53
#error "double has to have 64 bits: fixed convolutions are added up in it"
#endif

#endif
#if defined(__GNUC__) || defined(_MSC_VER)
#define MODEL_ONLY __restrict
#elif defined(__cplusplus)
#define MODEL_ONLY
#else
#define MODEL_ONLY restrict
#endif

#include "structures.c"

#include "sample/arrays.h"

#include "arithmetic.c"

#include "steps.c"

#if HAS_AUTOENCODER
#include "autoencoder.c"
#else
#include "cells.c"

#include "layers.c"

#include "companions.c"

#include "series.c"
#endif

#if HAS_HORIZON && !HAS_AUTOENCODER && !HAS_FIXED
#include "ahead.c"
#endif

#include "class.c"

#endif
#if HAS_NAMES
const char *model_label(int number)
{
    return number >= 0 && number < MODEL_OUTPUTS ? model_names[number] : "";
}

#endif
#ifdef MODEL_SELFTEST

#if HAS_INTEGERS
#include "integers/selftest.c"
#else
#include "selftest.c"
#endif

#endif /* MODEL_SELFTEST */

#if defined(__cplusplus) && defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#endif /* MODEL_IMPLEMENTATION */
