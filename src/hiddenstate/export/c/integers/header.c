/* A trained model in C99 that computes in integers alone: a header of one file, as ../model.c. What
   a model needs is chosen by macros; ../integer_layout.py gives sizes, arrays and tables. An export
   joins the files that are included here; the first comment of each file stays here. */

#ifndef MODEL_H
#define MODEL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "sizes"

#include "integers/interface.h"

#ifdef __cplusplus
}
#endif

#endif /* MODEL_H */

#if defined(MODEL_SELFTEST) && !defined(MODEL_IMPLEMENTATION)
#define MODEL_IMPLEMENTATION
#endif

#if defined(MODEL_IMPLEMENTATION) && !defined(MODEL_IMPLEMENTED)
#define MODEL_IMPLEMENTED

#include <string.h>
#ifndef NO_FLOAT
#include <math.h>
#endif

#if defined(__cplusplus) && defined(__GNUC__) /* what follows is C, with the casts of C */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#endif

/* Constants that are read by MODEL_8, MODEL_16 and MODEL_32: on an AVR they stay in flash. */
#ifdef __AVR__
#include <avr/pgmspace.h>
#define MODEL_FLASH PROGMEM
#define MODEL_8(place) ((int8_t)pgm_read_byte(place))
#define MODEL_16(place) pgm_read_word(place)
#define MODEL_32(place) ((int32_t)pgm_read_dword(place))
#else
#define MODEL_FLASH
#define MODEL_8(place) (*(place))
#define MODEL_16(place) (*(place))
#define MODEL_32(place) (*(place))
#endif

#include "integers/structures.c"

#include "arrays"

#include "integers/product.c"

#include "integers/curves.c"

#if HAS_DENSE
#include "integers/dense.c"
#endif

#if HAS_RECURRENT
#include "integers/cells.c"

#include "integers/series.c"
#endif

#if HAS_AUTOENCODER
#include "integers/rows.c"
#endif

#ifndef NO_FLOAT

#include "integers/floats.c"

#endif /* NO_FLOAT */

#ifdef MODEL_SELFTEST

#include "integers/selftest.c"

#endif /* MODEL_SELFTEST */

#if defined(__cplusplus) && defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#endif /* MODEL_IMPLEMENTATION */
