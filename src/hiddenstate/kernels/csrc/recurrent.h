// The recurrent cells over a whole sequence, forward and backward, for one layer and direction.
//
// Of a cell of one sum, a tile has a few vectors of hidden units of a few rows, which may be
// activated in registers. Of a cell of several, a tile has all sums of a vector of hidden units for
// a few rows; they are stored, and activated for all rows of a block at once.
#pragma once

#include "cells.h"
#include "grid.h"

namespace hs {
namespace HS_LEVEL {

template <class C, class T, int R, int N>
HS_INLINE void direct_tile(const Sequence<T>& q, const Step<T>& s,
                           const typename C::template Numbers<T>& numbers, int64_t block,
                           int64_t row) {
  constexpr int lanes = Vec<T>::lanes;
  const Rows<const T> x = inputs(q, s.t), h = read_state(q, s);
  const int64_t kx = x.columns() * lanes, kh = h.width * lanes;
  V<T> sum[R][N];
#pragma GCC unroll 16
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int v = 0; v < N; v++) sum[r][v] = C::template begin<T>(q, block + v);
  multiply<T, R, N>(sum, x, row, q.wx + block * kx, kx, lanes);
  multiply<T, R, N>(sum, h, row, q.wh + block * kh, kh, lanes);
#pragma GCC unroll 16
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int v = 0; v < N; v++) {
      if constexpr (C::about.in_registers()) {
        if (!q.rounds()) {
          const V<T> y = C::template next<T>(q, s, numbers, row + r, block + v, sum[r][v]);
          if (is_read(q, s, row + r))
            store(to(q, s, row + r, block + v), y);
          else
            pass_over<C>(q, s, row + r, block + v);
          continue;
        }
      }
      store(to(q, s, row + r, block + v), sum[r][v]);
    }
}

template <class C, class T, int N>
HS_INLINE void direct_blocks(const Sequence<T>& q, const Step<T>& s,
                             const typename C::template Numbers<T>& numbers, int64_t block) {
  in_tiles<tile_rows(N)>(q.rows, [&](int64_t row, auto size) {
    constexpr int R = decltype(size)::value;
    direct_tile<C, T, R, N>(q, s, numbers, block, row);
  });
}

// The next state, which replaces the sums that tiles have stored in its place.
template <class C, class T, bool Rounds>
void activate_sums(const Sequence<T>& q, const Step<T>& s,
                   const typename C::template Numbers<T>& numbers, int64_t begin, int64_t end) {
  for (int64_t row = 0; row < q.rows; row++)
    for (int64_t block = begin; block < end; block++) {
      T* at = to(q, s, row, block);
      if (is_read(q, s, row))
        store(at, C::template next<T, Rounds>(q, s, numbers, row, block, load(at)));
      else
        pass_over<C>(q, s, row, block);
    }
}

template <class T, int R, int N>
HS_INLINE void load_sums(V<T> (&sum)[R][N], const T* sums) {
#pragma GCC unroll 16
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int g = 0; g < N; g++) sum[r][g] = load(sums + (r * N + g) * Vec<T>::lanes);
}

template <class T, int R, int N>
HS_INLINE void store_sums(const V<T> (&sum)[R][N], T* sums) {
#pragma GCC unroll 16
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int g = 0; g < N; g++) store(sums + (r * N + g) * Vec<T>::lanes, sum[r][g]);
}

// What the biases and R rows of inputs add to the sums of a block.
template <class C, class T, int R>
HS_INLINE void input_sums(const Sequence<T>& q, const Rows<const T>& x, int64_t block, int64_t row,
                          V<T> (&sum)[R][C::about.kept]) {
  constexpr int lanes = Vec<T>::lanes, G = C::about.blocks;
#pragma GCC unroll 16
  for (int r = 0; r < R; r++) C::template begin<T>(q, block, sum[r]);
  multiply<T, R, G, C::about.inputs_at, C::about.kept>(
      sum, x, row, q.wx + block * x.columns() * G * lanes, lanes, G * lanes);
}

// The sums for R rows of a step, before activation: [row][kept][lanes]. `Ahead`: they hold what the
// inputs add.
template <class C, class T, int R, bool Ahead>
HS_INLINE void gated_tile(const Sequence<T>& q, const Step<T>& s, int64_t block, int64_t row,
                          T* sums) {
  constexpr int lanes = Vec<T>::lanes, G = C::about.blocks;
  const Rows<const T> h = state(q, s);
  V<T> sum[R][C::about.kept];
  if constexpr (Ahead)
    load_sums<T>(sum, sums);
  else
    input_sums<C, T, R>(q, inputs(q, s.t), block, row, sum);
  multiply<T, R, G, C::about.state_at, C::about.kept>(
      sum, h, row, q.wh + block * h.width * G * lanes, lanes, G * lanes);
  store_sums<T>(sum, sums);
}

// Rows whose gates are computed in memory of their own, if no backward pass needs them.
constexpr int64_t rows_at_once = 16;

constexpr int64_t few_rows = tile_rows(4) / 2;

// The tiles, and so the last bits, are the same with a backward pass and without.
template <class C, class T>
HS_INLINE bool reads_ahead(const Sequence<T>& q) {
  return C::about.reads_ahead(q.rows, q.steps, few_rows);
}

// The steps `t` to `t + n - 1` that are multiplied at once with step nth.
template <class T>
struct Stretch {
  int64_t t, n;

  Stretch(const Sequence<T>& q, int64_t nth) {
    const int64_t first = nth - nth % steps_ahead;
    n = q.steps - first < steps_ahead ? q.steps - first : steps_ahead;
    t = q.reverse ? q.steps - first - n : first;
  }
};

// The sums of a block at step t of a stretch, which hold what the inputs add.
template <class C, class T>
HS_INLINE T* sums_ahead(const Sequence<T>& q, const Stretch<T>& stretch, int64_t t, int64_t block) {
  if (q.gates) return kept<C>(q, t, 0, block);
  return q.ahead + (block * steps_ahead + t - stretch.t) * q.rows * C::about.kept * Vec<T>::lanes;
}

// Writes what the inputs add to the sums of blocks `begin` to `end` - 1, for a stretch of steps.
template <class C, class T>
void inputs_ahead(const Sequence<T>& q, const Stretch<T>& stretch, int64_t begin, int64_t end) {
  constexpr int kept = C::about.kept;
  const Rows<const T> x = inputs(q, stretch.t);
  for (int64_t block = begin; block < end; block++) {
    T* sums = sums_ahead<C>(q, stretch, stretch.t, block);
    in_tiles<tile_rows(kept)>(stretch.n * q.rows, [&](int64_t row, auto size) {
      constexpr int R = decltype(size)::value;
      V<T> sum[R][kept];
      input_sums<C, T, R>(q, x, block, row, sum);
      store_sums<T>(sum, sums + row * kept * Vec<T>::lanes);
    });
  }
}

template <class C, class T, bool Ahead>
void gates_forward(const Sequence<T>& q, const Step<T>& s, int64_t block, int64_t first, int64_t n,
                   T* sums) {
  in_tiles<tile_rows(C::about.blocks)>(n, [&](int64_t row, auto size) {
    constexpr int R = decltype(size)::value;
    gated_tile<C, T, R, Ahead>(q, s, block, first + row,
                               sums + row * C::about.kept * Vec<T>::lanes);
  });
  if (q.rounds())
    C::template gates<T, true>(q, s, block, first, n, sums);
  else
    C::gates(q, s, block, first, n, sums);
}

// Of a cell without a product of the state, a block computes all steps of a stretch at once, with
// its first step.
template <class C, class T>
void stretches_forward(const Sequence<T>& q, int64_t nth, int64_t begin, int64_t end) {
  if (nth % steps_ahead) return;
  const Stretch<T> stretch(q, nth);
  for (int64_t block = begin; block < end; block++) {
    inputs_ahead<C>(q, stretch, block, block + 1);
    for (int64_t i = 0; i < stretch.n; i++) {
      const Step<T> s(q, nth + i);
      C::gates(q, s, block, 0, q.rows, sums_ahead<C>(q, stretch, s.t, block));
    }
  }
}

template <class C, class T>
void blocks_forward(const Sequence<T>& q, const Step<T>& s, int64_t nth, int64_t begin,
                    int64_t end) {
  if constexpr (!C::about.gated()) {
    const typename C::template Numbers<T> numbers(q);
    in_tiles<4>(end - begin, [&](int64_t more, auto size) {
      direct_blocks<C, T, decltype(size)::value>(q, s, numbers, begin + more);
    });
    if (q.rounds())
      activate_sums<C, T, true>(q, s, numbers, begin, end);
    else if constexpr (!C::about.in_registers())
      activate_sums<C, T, false>(q, s, numbers, begin, end);
  } else if constexpr (!C::about.state_product) {
    stretches_forward<C>(q, nth, begin, end);
  } else if (reads_ahead<C>(q)) {
    const Stretch<T> stretch(q, nth);
    if (nth % steps_ahead == 0) inputs_ahead<C>(q, stretch, begin, end);
    for (int64_t block = begin; block < end; block++)
      gates_forward<C, T, true>(q, s, block, 0, q.rows, sums_ahead<C>(q, stretch, s.t, block));
  } else {
    alignas(64) T own[rows_at_once * C::about.kept * Vec<T>::lanes];
    for (int64_t block = begin; block < end; block++)
      for (int64_t first = 0; first < q.rows; first += rows_at_once) {
        const int64_t n = q.rows - first < rows_at_once ? q.rows - first : rows_at_once;
        T* sums = q.gates ? kept<C>(q, s.t, first, block) : own;
        gates_forward<C, T, false>(q, s, block, first, n, sums);
      }
  }
}

// Sets the padding of a shard's rows, `row` numbers apart, to zero; `at` is the last block of the
// first row. An infinite number times the zero weights of the padding is NaN, which must not reach
// the next product. What no product reads (other states than h, dstate) may keep it.
template <class T>
HS_INLINE void clear_padding(const Sequence<T>& q, T* at, int64_t row) {
  const int64_t rest = q.hidden - (q.blocks - 1) * Vec<T>::lanes;
  for (int64_t r = 0; r < q.rows; r++)
    store(at + r * row, first_lanes<T>(load(at + r * row), rest));
}

template <class T>
void clear_state(const Sequence<T>& q, const Step<T>& s) {
  if (q.hidden == width(q)) return;
  clear_padding(q, to(q, s, 0, q.blocks - 1), width(q));
}

template <class C, class T>
void clear_gradients(const Sequence<T>& q, const Step<T>& s) {
  constexpr int lanes = Vec<T>::lanes, n = C::about.kept;
  if (q.hidden == width(q)) return;
  T* keep = kept<C>(q, s.t, 0, q.blocks - 1);
  for (int v = 0; v < n; v++)
    clear_padding(q, keep + v * lanes, C::about.gated() ? n * lanes : width(q));
}

template <class C, class T>
HS_INLINE int64_t work(const Sequence<T>& q) {
  return q.rows * C::about.blocks * width(q) *
         (q.x.columns() + (C::about.state_product ? width(q) : 0));
}

// Steps between two checks for a stop: about a hundred thousand multiplications.
template <class C, class T>
HS_INLINE int64_t pause(const Sequence<T>& q) {
  return 1 + 100000 / work<C>(q);
}

// What stands between the factors of U at a step: R rows.
template <class T>
void middle_forward(const Sequence<T>& q, const Step<T>& s) {
  const int64_t row = q.middle.blocks * Vec<T>::lanes, at = s.t * q.rows * row;
  Product<T> p{};
  p.rows = q.rows;
  p.a = state(q, s);
  p.w = q.middle.w;
  p.blocks = q.middle.blocks;
  p.out = q.middle.before + at;
  p.out_row = row;
  product(p);
  on_grid(q.middle.grid, q.middle.before + at, q.middle.at + at, q.rows * row);
}

template <class C, class T>
void forward_step(const Sequence<T>& q, int64_t nth, int64_t begin, int64_t end) {
  const Step<T> s(q, nth);
  if (q.middle.w) middle_forward(q, s);
  blocks_forward<C>(q, s, nth, begin, end);
  if (end == q.blocks) clear_state(q, s);
}

template <class C, class T>
void forward(const Sequence<T>& q) {
  const int64_t patience = pause<C>(q);
  for (int64_t nth = 0; nth < q.steps; nth++) {
    if (nth % patience == 0 && q.stop(work<C>(q) * patience)) return;
    forward_step<C>(q, nth, 0, q.blocks);
  }
}

template <class C, class T>
void gates_back(const Sequence<T>& q, const Step<T>& s, int64_t begin, int64_t end) {
  const typename C::template Numbers<T> numbers(q);
  for (int64_t row = 0; row < q.rows; row++) {
    const bool read = is_read(q, s, row);
    for (int64_t block = begin; block < end; block++) {
      T* at = dstate(q, row, block);
      V<T> dh = load(at);
      if (!read) {
        if constexpr (!C::about.gated()) store(kept<C>(q, s.t, row, block), V<T>{});
        continue;
      }
      if (q.dy) dh += load(q.dy + (s.t * q.rows + row) * width(q) + block * Vec<T>::lanes);
      store(at, C::template back<T>(q, s, numbers, row, block, dh));
    }
  }
}

// Adds the gradient of h that passes through the weights of step nth to that of the step before.
template <class C, class T>
void through_weights(const Sequence<T>& q, int64_t nth, int64_t begin, int64_t end) {
  constexpr int lanes = Vec<T>::lanes, n = C::about.kept;
  const Step<T> s(q, nth);
  const T* gates = kept<C>(q, s.t, 0, 0) + C::about.state_at * lanes;
  Product<T> p{};
  p.rows = q.rows;
  if constexpr (C::about.gated())
    p.a = {gates, n * lanes, C::about.blocks * lanes, q.steps * q.rows * n * lanes, (int)q.blocks};
  else
    p.a = {gates, width(q), width(q)};
  if (q.middle.w) {
    const int64_t row = q.middle.blocks * lanes, at = s.t * q.rows * row;
    p.w = q.wh_back;
    p.blocks = q.middle.blocks;
    p.out = q.middle.d + at;
    p.out_row = row;
    product(p);
    cut_gradients(q.middle.grid, q.middle.before + at, p.out, q.rows * row);
    p.a = {p.out, row, row};
  }
  p.w = (q.middle.w ? q.middle.w_back : q.wh_back) + begin * p.a.columns() * lanes;
  p.blocks = end - begin;
  p.out = dstate(q, 0, begin);
  p.out_row = width(q);
  p.add = true;
  product(p);
}

// Completes what `back` has added up for blocks: clears the padding, and adds the lanes of a single
// number to the first one.
template <class C, class T>
void finish_sums(const Sequence<T>& q, int64_t begin, int64_t end) {
  constexpr int lanes = Vec<T>::lanes;
  for (int64_t block = begin; block < end; block++)
    for (int i = 0; i < C::about.owned(); i++) {
      if (C::about.own.at[i].side != SUMMED) continue;
      for (int v = 0; v < C::about.vectors(i); v++) {
        T* at = sums<C>(q, block) + (C::about.summed(i) + v) * lanes;
        V<T> sum = first_lanes<T>(load(at), q.hidden - block * lanes), total{};
        for (int k = 0; k < lanes; k++) total[0] += sum[k];
        store(at, C::about.own.at[i].axis == '1' ? total : sum);
      }
    }
}

template <class C, class T>
void backward_step(const Sequence<T>& q, int64_t nth, int64_t begin, int64_t end) {
  constexpr int lanes = Vec<T>::lanes;
  if (C::about.state_product && nth + 1 < q.steps) through_weights<C>(q, nth + 1, begin, end);
  if (nth < 0) return;
  const Step<T> s(q, nth);
  if (nth + 1 == q.steps && !q.resumes)
    for (T* at = sums<C>(q, begin); at < sums<C>(q, end); at += lanes) store(at, V<T>{});
  gates_back<C>(q, s, begin, end);
  if (end == q.blocks) clear_gradients<C>(q, s);
  if (nth == 0 && !q.pauses) finish_sums<C>(q, begin, end);
}

template <class C, class T>
void backward(const Sequence<T>& q) {
  const int64_t patience = pause<C>(q);
  for (int64_t nth = q.steps - 1; nth >= (q.wants_first ? -1 : 0); nth--) {
    if (nth % patience == 0 && q.stop(work<C>(q) * patience)) return;
    backward_step<C>(q, nth, 0, q.blocks);
  }
}

// The passes of the cells of a list, by number, and a last cell without: LRU blocks.
template <class T, class List>
struct PassesOf;

template <class T, class... C>
struct PassesOf<T, List<C...>> {
  static constexpr int n = sizeof...(C) + 1;
  static constexpr Passes<T> all[n] = {
      {&C::about, forward<C, T>, backward<C, T>, forward_step<C, T>, backward_step<C, T>}...,
      {&lru, nullptr, nullptr, nullptr, nullptr}};
};

}  // namespace HS_LEVEL
}  // namespace hs
