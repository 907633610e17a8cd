// Batch normalisation over the rows of each channel, followed by relu.
//
// Ioffe and Szegedy, "Batch normalization", 2015, algorithm 1, as torch.nn.BatchNorm1d. A shard's
// moments are computed about its own mean, so that they can be combined without cancellation.
#pragma once

#include "contract.h"
#include "grid.h"

namespace hs {
namespace HS_LEVEL {

// Calls f(offset of the row) for each row that is read, step after step.
template <class T, class F>
HS_INLINE void each_row(const Norm<T>& n, F f) {
  const int64_t row = n.blocks * Vec<T>::lanes;
  for (int64_t t = 0; t < n.steps; t++)
    for (int64_t r = 0; r < n.rows; r++)
      if (!n.length || n.first + t < n.length[r]) f((t * n.rows + r) * row);
}

// To the first vector of sums, adds the rows.
template <class T>
void add_rows(const Norm<T>& n) {
  constexpr int lanes = Vec<T>::lanes;
  for (int64_t block = 0; block < n.blocks; block++) {
    T* to = n.sums + block * lanes;
    V<T> sum = load(to);
    each_row(n, [&](int64_t at) { sum += load(n.x + block * lanes + at); });
    store(to, sum);
  }
}

// To the second, adds the squares of rows about the first, which has become their mean.
template <class T>
void add_squares(const Norm<T>& n) {
  constexpr int lanes = Vec<T>::lanes;
  for (int64_t block = 0; block < n.blocks; block++) {
    T* to = n.sums + (n.blocks + block) * lanes;
    const V<T> mean = load(n.sums + block * lanes);
    V<T> squares = load(to);
    each_row(n, [&](int64_t at) {
      const V<T> off = load(n.x + block * lanes + at) - mean;
      squares += off * off;
    });
    store(to, squares);
  }
}

// What relu reads.
template <class T>
HS_INLINE V<T> scaled(const Norm<T>& n, V<T> x, int64_t i) {
  return x * load(n.scale + i) + load(n.shift + i);
}

// x: the sums of the convolution, replaced by their normalised values; y: relu(scale x + shift),
// zero in rows that are not read.
template <class T>
void normalise(const Norm<T>& n) {
  constexpr int lanes = Vec<T>::lanes;
  const int64_t row = n.blocks * lanes;
  std::memset(n.y, 0, n.length ? n.steps * n.rows * row * sizeof(T) : 0);
  each_row(n, [&](int64_t at) {
    for (int64_t i = 0; i < row; i += lanes) {
      const V<T> x = (load(n.x + at + i) - load(n.mean + i)) * load(n.inverse + i);
      store(n.x + at + i, x);
      const V<T> y = relu<T>(scaled(n, x, i));
      store(n.y + at + i, n.grid.shift > 0 ? on_grid<T>(y, n.grid) : y);
    }
  });
}

// d: the gradient of y, replaced by that of relu's input. To sums, adds d, and d times x.
template <class T>
void normal_slopes(const Norm<T>& n) {
  constexpr int lanes = Vec<T>::lanes;
  const int64_t row = n.blocks * lanes;
  each_row(n, [&](int64_t at) {
    for (int64_t i = 0; i < row; i += lanes) {
      const bool rounds = n.grid.shift > 0;
      const V<T> y = rounds ? scaled(n, load(n.x + at + i), i) : load(n.y + at + i);
      V<T> d = y > V<T>{} ? load(n.d + at + i) : V<T>{};
      if (rounds) d = uncut<T>(y, n.grid, d);
      store(n.d + at + i, d);
      store(n.sums + i, load(n.sums + i) + d);
      store(n.sums + row + i, load(n.sums + row + i) + d * load(n.x + at + i));
    }
  });
}

// d: the gradient of relu's input, replaced by that of the sums of the convolution; zero in rows
// that are not read. mean_d and mean_dx are over the rows of the whole batch.
template <class T>
void normalise_back(const Norm<T>& n) {
  constexpr int lanes = Vec<T>::lanes;
  const int64_t row = n.blocks * lanes;
  for (int64_t t = 0; t < n.steps; t++)
    for (int64_t r = 0; r < n.rows; r++) {
      T *d = n.d + (t * n.rows + r) * row, *x = n.x + (t * n.rows + r) * row;
      const bool read = !n.length || n.first + t < n.length[r];
      for (int64_t i = 0; i < row; i += lanes) {
        const V<T> off = load(d + i) - load(n.mean_d + i) - load(x + i) * load(n.mean_dx + i);
        store(d + i, read ? off * load(n.scale + i) * load(n.inverse + i) : V<T>{});
      }
    }
}

}  // namespace HS_LEVEL
}  // namespace hs
