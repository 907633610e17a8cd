// The positions in memory of what a cell reads and writes at a step.
#pragma once

#include "gemm.h"
#include "grid.h"

namespace hs {
namespace HS_LEVEL {

// The positions of the numbers of a step.
template <class T>
struct Step {
  int64_t t, before, after;  // `before` and `after` number the first row of a slot of h and c
  bool first;                // the first step read

  Step(const Sequence<T>& q, int64_t nth) {
    t = q.reverse ? q.steps - 1 - nth : nth;
    before = (q.reverse ? t + 1 : t) * q.rows;
    after = (q.reverse ? t : t + 1) * q.rows;
    first = nth == 0;
  }
};

template <class T>
HS_INLINE bool is_read(const Sequence<T>& q, const Step<T>& s, int64_t row) {
  return !q.length || s.t < q.length[row];
}

template <class T>
HS_INLINE int64_t width(const Sequence<T>& q) {
  return q.blocks * Vec<T>::lanes;
}

// The vectors kept for a block of a row at step t.
template <class C, class T>
HS_INLINE T* kept(const Sequence<T>& q, int64_t t, int64_t row, int64_t block) {
  constexpr int lanes = Vec<T>::lanes;
  if constexpr (!C::about.gated())
    return q.gates + (t * q.rows + row) * width(q) + block * lanes;
  else
    return q.gates + ((block * q.steps + t) * q.rows + row) * C::about.kept * lanes;
}

template <class T>
HS_INLINE Rows<const T> inputs(const Sequence<T>& q, int64_t t) {
  Rows<const T> x = q.x;
  x.at += t * q.rows * x.row;
  return x;
}

template <class T>
HS_INLINE Rows<const T> state(const Sequence<T>& q, const Step<T>& s) {
  return {q.state[0] + s.before * width(q), width(q), width(q)};
}

// What U reads, or the first of its two factors.
template <class T>
HS_INLINE Rows<const T> read_state(const Sequence<T>& q, const Step<T>& s) {
  if (!q.middle.w) return state(q, s);
  const int64_t row = q.middle.blocks * Vec<T>::lanes;
  return {q.middle.at + s.t * q.rows * row, row, row};
}

// Where a state is stored of a block of a row: before the step, and after it.
template <class T>
HS_INLINE T* from(const Sequence<T>& q, const Step<T>& s, int64_t row, int64_t block,
                  int state = 0) {
  return q.state[state] + (s.before + row) * width(q) + block * Vec<T>::lanes;
}

template <class T>
HS_INLINE T* to(const Sequence<T>& q, const Step<T>& s, int64_t row, int64_t block, int state = 0) {
  return q.state[state] + (s.after + row) * width(q) + block * Vec<T>::lanes;
}

// Where the gradient of a state is of a block of a row.
template <class T>
HS_INLINE T* dstate(const Sequence<T>& q, int64_t row, int64_t block, int state = 0) {
  return q.dstate[state] + row * width(q) + block * Vec<T>::lanes;
}

// Where the further rows are that a cell keeps.
template <class T>
HS_INLINE T* more(const Sequence<T>& q, const Step<T>& s, int64_t row, int64_t block,
                  int number = 0) {
  const int64_t rows = (number * q.steps + s.t) * q.rows + row;
  return q.more + rows * width(q) + block * Vec<T>::lanes;
}

// Where gradients of own arrays are added up for a block.
template <class C, class T>
HS_INLINE T* sums(const Sequence<T>& q, int64_t block) {
  return q.sums + block * C::about.summed() * Vec<T>::lanes;
}

// A row that has ended keeps its state, and its gates have no gradient.
template <class C, class T>
HS_INLINE void pass_over(const Sequence<T>& q, const Step<T>& s, int64_t row, int64_t block) {
#pragma GCC unroll 4
  for (int i = 0; i < C::about.states; i++)
    store(to(q, s, row, block, i), load(from(q, s, row, block, i)));
  if constexpr (C::about.gated())
    if (q.gates)
      for (int v = 0; v < C::about.kept; v++)
        store(kept<C>(q, s.t, row, block) + v * Vec<T>::lanes, V<T>{});
}

// Sums that a curve reads, and a curve, with the bits of those in integers.
template <bool Rounds, class T>
HS_INLINE V<T> sum_of(const Sequence<T>& q, V<T> x) {
  return Rounds ? rounded<T>(x, q.grids.sums) : x;
}
template <bool Rounds, class T>
HS_INLINE V<T> curve_of(const Sequence<T>& q, V<T> y) {
  return Rounds ? rounded<T>(y, q.grids.curves) : y;
}

// The base of cells with torch's own arrays: two biases of all blocks.
struct LikeTorch {
  static constexpr OwnArrays biases{{{"bias_ih", 'G', INPUTS}, {"bias_hh", 'G', STATE}}};

  // What a pass computes once from the own arrays.
  template <class T>
  struct Numbers {
    HS_INLINE explicit Numbers(const Sequence<T>&) {}
  };

  // The sums of a block before the products, of a cell that only adds both biases.
  template <class T, int G>
  static HS_INLINE void add_biases(const Sequence<T>& q, int64_t block, V<T>* sum) {
    constexpr int lanes = Vec<T>::lanes;
    const T *bx = q.own[0] + block * G * lanes, *bh = q.own[1] + block * G * lanes;
#pragma GCC unroll 4
    for (int g = 0; g < G; g++) sum[g] = load(bx + g * lanes) + load(bh + g * lanes);
  }
};

}  // namespace HS_LEVEL
}  // namespace hs
