/* The implementation of a model that computes in integers alone; ../integer_layout.py gives sizes,
   arrays and tables. */

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

#include "sample/arrays.h"

#include "integers/product.c"

#include "integers/curves.c"

#if HAS_DENSE
#include "integers/dense.c"
#endif

#if HAS_RECURRENT
#if HAS_LRU
#include "integers/block.c"
#else
#include "integers/cells.c"
#endif

#include "integers/series.c"
#endif

#if HAS_AUTOENCODER
#include "integers/rows.c"
#endif

#ifndef NO_FLOAT

#include "integers/floats.c"

#endif /* NO_FLOAT */
