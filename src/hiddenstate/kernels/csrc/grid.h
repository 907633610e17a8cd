// Numbers on the grid of a net in integers, while it is trained: program/quantising.py.
#pragma once

#include "vec.h"

namespace hs {
namespace HS_LEVEL {

// The nearest integers to x, |x| < 2^22.
template <class T>
HS_INLINE V<T> nearest(V<T> x) {
  const V<T> shift = all<T>(Exp<T>::shift);
  return (x + shift) - shift;
}

template <class T>
HS_INLINE V<T> on_grid(V<T> x, Grid<T> grid) {
  const V<T> whole = nearest<T>(clamp<T>(x * all<T>(grid.scale), grid.most));
  return whole * all<T>(1 / grid.scale);
}

template <class T>
void to_grid(const T* floats, int64_t k, int gates, int64_t blocks, T* grid) {
  typedef typename Vec<T>::Bits Bits;
  constexpr int lanes = Vec<T>::lanes, spare = Exp<T>::mantissa - 10;
  const int64_t row = gates * lanes;
  for (int64_t block = 0; block < blocks; block++)
    for (int64_t g = 0; g < gates; g++) {
      const T* from = floats + block * k * row + g * lanes;
      T* to = grid + block * k * row + g * lanes;
      V<T> largest = all<T>((T)1e-30);  // rows of zeros stay zero
      for (int64_t i = 0; i < k; i++) {
        const V<T> x = load(from + i * row);
        largest = x > largest ? x : largest;
        largest = -x > largest ? -x : largest;
      }
      const Bits half = Bits{} + (1LL << (spare - 1));
      const Bits bits = (Bits)(largest / all<T>(127)) + half;
      const V<T> scale = (V<T>)((bits >> spare) << spare), inverse = all<T>(1) / scale;
      for (int64_t i = 0; i < k; i++)
        store(to + i * row, nearest<T>(load(from + i * row) * inverse) * scale);
    }
}

}  // namespace HS_LEVEL
}  // namespace hs
