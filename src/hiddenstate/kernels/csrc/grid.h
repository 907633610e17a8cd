// Numbers on the grids of a net in integers, while it is trained: program/quantising.py.
//
// Gradients pass as if nothing had been rounded, and are 0 where a number was cut (Bengio, Leonard
// and Courville, "Estimating or propagating gradients through stochastic neurons", 2013, section 4;
// Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only
// inference", 2018, section 3).
#pragma once

#include "vec.h"

namespace hs {
namespace HS_LEVEL {

// Shifts of the sums that sigmoid and tanh read, of 12 bits, and of what these give, of 15 bits.
template <class T>
constexpr T sums_shift = Exp<T>::shift / 4096;
template <class T>
constexpr T curves_shift = Exp<T>::shift / 32768;

// The nearest multiples of a step; see Grid.
template <class T>
HS_INLINE V<T> rounded(V<T> x, T shift) {
  return (x + all<T>(shift)) - all<T>(shift);
}

template <class T>
HS_INLINE V<T> on_grid(V<T> x, const Grid<T>& grid) {
  return rounded<T>(clamp<T>(x, grid.most), grid.shift);
}

// A gradient, 0 where x was cut.
template <class T>
HS_INLINE V<T> uncut(V<T> x, const Grid<T>& grid, V<T> d) {
  return x > all<T>(grid.limit) ? V<T>{} : x < all<T>(-grid.limit) ? V<T>{} : d;
}

template <class T>
void on_grid(const Grid<T>& grid, const T* from, T* to, int64_t n) {
  constexpr int lanes = Vec<T>::lanes;
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) store(to + i, on_grid<T>(load(from + i), grid));
  if (i == n) return;
  T rest[lanes] = {};
  for (int64_t k = i; k < n; k++) rest[k - i] = from[k];
  store(rest, on_grid<T>(load(rest), grid));
  for (int64_t k = i; k < n; k++) to[k] = rest[k - i];
}

template <class T>
void cut_gradients(const Grid<T>& grid, const T* x, T* d, int64_t n) {
  for (int64_t i = 0; i < n; i += Vec<T>::lanes)
    store(d + i, uncut<T>(load(x + i), grid, load(d + i)));
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
        store(to + i * row, rounded<T>(load(from + i * row) * inverse, Exp<T>::shift) * scale);
    }
}

}  // namespace HS_LEVEL
}  // namespace hs
