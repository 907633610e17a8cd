// The recurrent cells over a whole sequence, forward and backward, for one layer and direction.
//
// A tile has all gates of a vector of hidden units for a few rows. Their sums are computed in
// registers, and activated for all rows of a block at once.
#pragma once

#include <initializer_list>

#include "gemm.h"

namespace hs {
namespace HS_LEVEL {

// The positions of the numbers of a step.
template <class T>
struct Step {
  long t, before, after;  // `before` and `after` number the first row of a slot of h and c
  bool first;             // the first step read

  Step(const Sequence<T>& q, long nth) {
    t = q.reverse ? q.steps - 1 - nth : nth;
    before = (q.reverse ? t + 1 : t) * q.rows;
    after = (q.reverse ? t : t + 1) * q.rows;
    first = nth == 0;
  }
};

template <class T>
HS_INLINE bool is_read(const Sequence<T>& q, const Step<T>& s, long row) {
  return !q.length || s.t < q.length[row];
}

template <class T>
HS_INLINE long width(const Sequence<T>& q) {
  return q.blocks * Vec<T>::lanes;
}

// The vectors kept for a block of a row at step t.
template <class T>
HS_INLINE T* kept(const Sequence<T>& q, long t, long row, long block) {
  constexpr int lanes = Vec<T>::lanes;
  if (q.cell < GRU) return q.gates + (t * q.rows + row) * width(q) + block * lanes;
  return q.gates + ((block * q.steps + t) * q.rows + row) * 4 * lanes;
}

template <class T>
HS_INLINE Rows<const T> inputs(const Sequence<T>& q, long t) {
  Rows<const T> x = q.x;
  x.at += t * q.rows * x.row;
  return x;
}

template <class T>
HS_INLINE Rows<const T> state(const Sequence<T>& q, const Step<T>& s) {
  return {q.h + s.before * width(q), width(q), width(q)};
}

// A row that has ended keeps its state, and its gates have no gradient.
template <class T>
HS_INLINE void pass_over(const Sequence<T>& q, const Step<T>& s, long row, long block,
                         int vectors) {
  constexpr int lanes = Vec<T>::lanes;
  const long from = (s.before + row) * width(q) + block * lanes;
  const long to = (s.after + row) * width(q) + block * lanes;
  store(q.h + to, load(q.h + from));
  if (q.cell == LSTM) store(q.c + to, load(q.c + from));
  if (q.gates)
    for (int v = 0; v < vectors; v++) store(kept(q, s.t, row, block) + v * lanes, V<T>{});
}

template <class T, int N>
HS_INLINE void rnn_blocks(const Sequence<T>& q, const Step<T>& s, long block) {
  constexpr int lanes = Vec<T>::lanes;
  const Rows<const T> x = inputs(q, s.t), h = state(q, s);
  const long kx = x.columns() * lanes, kh = h.width * lanes;
  in_tiles<tile_rows(N)>(q.rows, [&](long row, auto size) {
    constexpr int R = decltype(size)::value;
    V<T> sum[R][N];
#pragma GCC unroll 16
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
      for (int v = 0; v < N; v++)
        sum[r][v] = load(q.bx + (block + v) * lanes) + load(q.bh + (block + v) * lanes);
    multiply<T, R, N>(sum, x, row, q.wx + block * kx, kx, lanes);
    multiply<T, R, N>(sum, h, row, q.wh + block * kh, kh, lanes);
#pragma GCC unroll 16
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
      for (int v = 0; v < N; v++) {
        const V<T> y = q.cell == RNN_TANH ? tanh<T>(sum[r][v]) : relu<T>(sum[r][v]);
        if (is_read(q, s, row + r))
          store(q.h + (s.after + row + r) * h.row + (block + v) * lanes, y);
        else
          pass_over(q, s, row + r, block + v, 0);
      }
  });
}

template <class T, int R>
HS_INLINE void load_sums(V<T> (&sum)[R][4], const T* sums) {
#pragma GCC unroll 16
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int g = 0; g < 4; g++) sum[r][g] = load(sums + (r * 4 + g) * Vec<T>::lanes);
}

template <class T, int R>
HS_INLINE void store_sums(const V<T> (&sum)[R][4], T* sums) {
#pragma GCC unroll 16
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int g = 0; g < 4; g++) store(sums + (r * 4 + g) * Vec<T>::lanes, sum[r][g]);
}

// What the biases and R rows of inputs add to the sums of all gates of a block: i, f, g, o of lstm.
template <class T, int R>
HS_INLINE void lstm_inputs(const Sequence<T>& q, const Rows<const T>& x, long block, long row,
                           V<T> (&sum)[R][4]) {
  constexpr int lanes = Vec<T>::lanes;
  const T *bx = q.bx + block * 4 * lanes, *bh = q.bh + block * 4 * lanes;
#pragma GCC unroll 16
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int g = 0; g < 4; g++) sum[r][g] = load(bx + g * lanes) + load(bh + g * lanes);
  multiply<T, R, 4>(sum, x, row, q.wx + block * x.columns() * 4 * lanes, lanes, 4 * lanes);
}

// As above: n's hidden sum, r, z, n's input sum.
template <class T, int R>
HS_INLINE void gru_inputs(const Sequence<T>& q, const Rows<const T>& x, long block, long row,
                          V<T> (&sum)[R][4]) {
  constexpr int lanes = Vec<T>::lanes;
  const T *bx = q.bx + block * 3 * lanes, *bh = q.bh + block * 3 * lanes;
#pragma GCC unroll 16
  for (int r = 0; r < R; r++) {
    sum[r][0] = load(bh);
    sum[r][1] = load(bh + lanes) + load(bx);
    sum[r][2] = load(bh + 2 * lanes) + load(bx + lanes);
    sum[r][3] = load(bx + 2 * lanes);
  }
  multiply<T, R, 3, 1, 4>(sum, x, row, q.wx + block * x.columns() * 3 * lanes, lanes, 3 * lanes);
}

// The sums for R rows of a step, before activation: [row][4][lanes]. `Ahead`: they hold what the
// inputs add.
template <class T, int R, bool Ahead>
HS_INLINE void lstm_tile(const Sequence<T>& q, const Step<T>& s, long block, long row, T* sums) {
  constexpr int lanes = Vec<T>::lanes;
  const Rows<const T> h = state(q, s);
  V<T> sum[R][4];
  if constexpr (Ahead)
    load_sums<T, R>(sum, sums);
  else
    lstm_inputs<T, R>(q, inputs(q, s.t), block, row, sum);
  multiply<T, R, 4>(sum, h, row, q.wh + block * h.width * 4 * lanes, lanes, 4 * lanes);
  store_sums<T, R>(sum, sums);
}

template <class T, int R, bool Ahead>
HS_INLINE void gru_tile(const Sequence<T>& q, const Step<T>& s, long block, long row, T* sums) {
  constexpr int lanes = Vec<T>::lanes;
  const Rows<const T> h = state(q, s);
  V<T> sum[R][4];
  if constexpr (Ahead)
    load_sums<T, R>(sum, sums);
  else
    gru_inputs<T, R>(q, inputs(q, s.t), block, row, sum);
  multiply<T, R, 3, 0, 4>(sum, h, row, q.wh + block * h.width * 3 * lanes, lanes, 3 * lanes);
  store_sums<T, R>(sum, sums);
}

// From the sums of a block for `n` rows: the gates, which replace them, and the next state. Each
// function has a loop of its own, so that its constants stay in registers.
template <class T>
void lstm_gates(const Sequence<T>& q, const Step<T>& s, long block, long row, long n, T* sums) {
  constexpr int lanes = Vec<T>::lanes;
  T* const end = sums + n * 4 * lanes;
  for (int g : {0, 1, 3})
    for (T* at = sums + g * lanes; at < end; at += 4 * lanes) store(at, sigmoid<T>(load(at)));
  for (T* at = sums + 2 * lanes; at < end; at += 4 * lanes) store(at, tanh<T>(load(at)));
  const long from = (s.before + row) * width(q) + block * lanes;
  const long to = (s.after + row) * width(q) + block * lanes;
  for (long r = 0; r < n; r++) {
    if (!is_read(q, s, row + r)) {
      pass_over(q, s, row + r, block, 4);
      continue;
    }
    const T* at = sums + r * 4 * lanes;
    const V<T> c =
        load(at + lanes) * load(q.c + from + r * width(q)) + load(at) * load(at + 2 * lanes);
    const V<T> tanh_c = tanh<T>(c);
    store(q.c + to + r * width(q), c);
    store(q.h + to + r * width(q), load(at + 3 * lanes) * tanh_c);
    if (q.gates) store(q.tanh_c + (s.t * q.rows + row + r) * width(q) + block * lanes, tanh_c);
  }
}

template <class T>
void gru_gates(const Sequence<T>& q, const Step<T>& s, long block, long row, long n, T* sums) {
  constexpr int lanes = Vec<T>::lanes;
  for (T* at = sums + lanes; at < sums + n * 4 * lanes; at += 4 * lanes) {
    store(at, sigmoid<T>(load(at)));
    store(at + lanes, sigmoid<T>(load(at + lanes)));
  }
  for (long r = 0; r < n; r++) {
    if (!is_read(q, s, row + r)) {
      pass_over(q, s, row + r, block, 4);
      continue;
    }
    T* at = sums + r * 4 * lanes;
    const V<T> out = tanh<T>(load(at + 3 * lanes) + load(at + lanes) * load(at));
    const V<T> before = load(q.h + (s.before + row + r) * width(q) + block * lanes);
    store(at + 3 * lanes, out);
    store(q.h + (s.after + row + r) * width(q) + block * lanes,
          out + load(at + 2 * lanes) * (before - out));
  }
}

// Rows whose gates are computed in memory of their own, if no backward pass needs them.
constexpr long rows_at_once = 16;

constexpr long few_rows = tile_rows(4) / 2;

// Whether the inputs of several steps are multiplied at once. The tiles, and so the last bits, are
// the same with a backward pass and without.
template <class T>
HS_INLINE bool reads_ahead(const Sequence<T>& q) {
  return q.cell >= GRU && q.rows <= few_rows && q.steps > 1;
}

// The steps `t` to `t + n - 1` that are multiplied at once with step nth.
template <class T>
struct Stretch {
  long t, n;

  Stretch(const Sequence<T>& q, long nth) {
    const long first = nth - nth % steps_ahead;
    n = q.steps - first < steps_ahead ? q.steps - first : steps_ahead;
    t = q.reverse ? q.steps - first - n : first;
  }
};

// The sums of a block at step t of a stretch, which hold what the inputs add.
template <class T>
HS_INLINE T* sums_ahead(const Sequence<T>& q, const Stretch<T>& stretch, long t, long block) {
  if (q.gates) return kept(q, t, 0, block);
  return q.ahead + (block * steps_ahead + t - stretch.t) * q.rows * 4 * Vec<T>::lanes;
}

// Writes what the inputs add to the sums of blocks `begin` to `end` - 1, for a stretch of steps.
template <class T>
void inputs_ahead(const Sequence<T>& q, const Stretch<T>& stretch, long begin, long end) {
  constexpr int lanes = Vec<T>::lanes;
  const Rows<const T> x = inputs(q, stretch.t);
  for (long block = begin; block < end; block++) {
    T* sums = sums_ahead(q, stretch, stretch.t, block);
    in_tiles<tile_rows(4)>(stretch.n * q.rows, [&](long row, auto size) {
      constexpr int R = decltype(size)::value;
      V<T> sum[R][4];
      if (q.cell == LSTM)
        lstm_inputs<T, R>(q, x, block, row, sum);
      else
        gru_inputs<T, R>(q, x, block, row, sum);
      store_sums<T, R>(sum, sums + row * 4 * lanes);
    });
  }
}

template <class T, bool Ahead>
void gates_forward(const Sequence<T>& q, const Step<T>& s, long block, long first, long n,
                   T* sums) {
  constexpr int lanes = Vec<T>::lanes;
  if (q.cell == LSTM) {
    in_tiles<tile_rows(4)>(n, [&](long row, auto size) {
      constexpr int R = decltype(size)::value;
      lstm_tile<T, R, Ahead>(q, s, block, first + row, sums + row * 4 * lanes);
    });
    lstm_gates(q, s, block, first, n, sums);
  } else {
    in_tiles<tile_rows(3)>(n, [&](long row, auto size) {
      constexpr int R = decltype(size)::value;
      gru_tile<T, R, Ahead>(q, s, block, first + row, sums + row * 4 * lanes);
    });
    gru_gates(q, s, block, first, n, sums);
  }
}

template <class T>
void blocks_forward(const Sequence<T>& q, const Step<T>& s, long nth, long begin, long end) {
  if (q.cell < GRU) {
    in_tiles<4>(end - begin, [&](long more, auto size) {
      rnn_blocks<T, decltype(size)::value>(q, s, begin + more);
    });
    return;
  }
  if (reads_ahead(q)) {
    const Stretch<T> stretch(q, nth);
    if (nth % steps_ahead == 0) inputs_ahead(q, stretch, begin, end);
    for (long block = begin; block < end; block++)
      gates_forward<T, true>(q, s, block, 0, q.rows, sums_ahead(q, stretch, s.t, block));
    return;
  }
  constexpr int lanes = Vec<T>::lanes;
  alignas(64) T own[rows_at_once * 4 * lanes];
  for (long block = begin; block < end; block++)
    for (long first = 0; first < q.rows; first += rows_at_once) {
      const long n = q.rows - first < rows_at_once ? q.rows - first : rows_at_once;
      gates_forward<T, false>(q, s, block, first, n, q.gates ? kept(q, s.t, first, block) : own);
    }
}

// Sets the padding of a shard's rows, `row` numbers apart, to zero; `at` is the last block of the
// first row. An infinite number times the zero weights of the padding is NaN, which must not reach
// the next product. What no product reads (c, dh, dc) may keep it.
template <class T>
HS_INLINE void clear_padding(const Sequence<T>& q, T* at, long row) {
  const long rest = q.hidden - (q.blocks - 1) * Vec<T>::lanes;
  for (long r = 0; r < q.rows; r++) store(at + r * row, first_lanes<T>(load(at + r * row), rest));
}

template <class T>
void clear_state(const Sequence<T>& q, const Step<T>& s) {
  if (q.hidden == width(q)) return;
  clear_padding(q, q.h + s.after * width(q) + width(q) - Vec<T>::lanes, width(q));
}

template <class T>
void clear_gradients(const Sequence<T>& q, const Step<T>& s) {
  constexpr int lanes = Vec<T>::lanes;
  if (q.hidden == width(q)) return;
  T* keep = kept(q, s.t, 0, q.blocks - 1);
  for (int v = 0; v < kept_gates(q.cell); v++)
    clear_padding(q, keep + v * lanes, q.cell < GRU ? width(q) : 4 * lanes);
}

template <class T>
HS_INLINE long work(const Sequence<T>& q) {
  return q.rows * weight_gates(q.cell) * width(q) * (q.x.columns() + width(q));
}

// Steps between two checks for a stop: about a hundred thousand multiplications.
template <class T>
HS_INLINE long pause(const Sequence<T>& q) {
  return 1 + 100000 / work(q);
}

template <class T>
void forward_step(const Sequence<T>& q, long nth, long begin, long end) {
  const Step<T> s(q, nth);
  blocks_forward(q, s, nth, begin, end);
  if (end == q.blocks) clear_state(q, s);
}

template <class T>
void forward(const Sequence<T>& q) {
  const long patience = pause(q);
  for (long nth = 0; nth < q.steps; nth++) {
    if (nth % patience == 0 && q.stop(work(q) * patience)) return;
    forward_step(q, nth, 0, q.blocks);
  }
}

// Each *_back replaces the kept gates of a block of a row by gradients, given the gradient of h,
// and returns the part of the gradient of the previous h that does not pass through a weight.

template <class T>
HS_INLINE V<T> rnn_back(const Sequence<T>& q, const Step<T>& s, long row, long block, V<T> dh) {
  const V<T> h = load(q.h + (s.after + row) * width(q) + block * Vec<T>::lanes);
  const V<T> slope = q.cell == RNN_TANH ? dh * (all<T>(1) - h * h) : (h > V<T>{} ? dh : V<T>{});
  store(kept(q, s.t, row, block), slope);
  return V<T>{};
}

template <class T>
HS_INLINE V<T> lstm_back(const Sequence<T>& q, const Step<T>& s, long row, long block, V<T> dh) {
  constexpr int lanes = Vec<T>::lanes;
  const V<T> one = all<T>(1);
  const long place = row * width(q) + block * lanes;
  T* keep = kept(q, s.t, row, block);
  const V<T> i = load(keep), f = load(keep + lanes), g = load(keep + 2 * lanes);
  const V<T> o = load(keep + 3 * lanes);
  const V<T> tanh_c = load(q.tanh_c + s.t * q.rows * width(q) + place);
  const V<T> before = load(q.c + s.before * width(q) + place);
  const V<T> dc = load(q.dc + place) + dh * o * (one - tanh_c * tanh_c);
  store(keep, dc * g * i * (one - i));
  store(keep + lanes, dc * before * f * (one - f));
  store(keep + 2 * lanes, dc * i * (one - g * g));
  store(keep + 3 * lanes, dh * tanh_c * o * (one - o));
  store(q.dc + place, dc * f);
  return V<T>{};
}

template <class T>
HS_INLINE V<T> gru_back(const Sequence<T>& q, const Step<T>& s, long row, long block, V<T> dh) {
  constexpr int lanes = Vec<T>::lanes;
  const V<T> one = all<T>(1);
  T* keep = kept(q, s.t, row, block);
  const V<T> hidden = load(keep), r = load(keep + lanes), z = load(keep + 2 * lanes);
  const V<T> n = load(keep + 3 * lanes);
  const V<T> before = load(q.h + (s.before + row) * width(q) + block * lanes);
  const V<T> dn = dh * (one - z) * (one - n * n);
  store(keep, dn * r);
  store(keep + lanes, dn * hidden * r * (one - r));
  store(keep + 2 * lanes, dh * (before - n) * z * (one - z));
  store(keep + 3 * lanes, dn);
  return dh * z;
}

template <class T>
void gates_back(const Sequence<T>& q, const Step<T>& s, long begin, long end) {
  constexpr int lanes = Vec<T>::lanes;
  for (long row = 0; row < q.rows; row++) {
    const bool read = is_read(q, s, row);
    for (long block = begin; block < end; block++) {
      const long place = row * width(q) + block * lanes;
      V<T> dh = load(q.dh + place);
      if (!read) {
        if (q.cell < GRU) store(kept(q, s.t, row, block), V<T>{});
        continue;
      }
      if (q.dy) dh += load(q.dy + s.t * q.rows * width(q) + place);
      if (q.cell == LSTM)
        dh = lstm_back(q, s, row, block, dh);
      else if (q.cell == GRU)
        dh = gru_back(q, s, row, block, dh);
      else
        dh = rnn_back(q, s, row, block, dh);
      store(q.dh + place, dh);
    }
  }
}

// Adds the gradient of h that passes through the weights of step nth to dh.
template <class T>
void through_weights(const Sequence<T>& q, long nth, long begin, long end) {
  constexpr int lanes = Vec<T>::lanes;
  const Step<T> s(q, nth);
  const T* gates = kept(q, s.t, 0, 0);
  const long columns = weight_gates(q.cell) * lanes;
  Product<T> p{};
  p.rows = q.rows;
  p.a = q.cell >= GRU
            ? Rows<const T>{gates, 4 * lanes, columns, q.steps * q.rows * 4 * lanes, (int)q.blocks}
            : Rows<const T>{gates, width(q), width(q)};
  p.w = q.wh_back + begin * p.a.columns() * lanes;
  p.blocks = end - begin;
  p.out = q.dh + begin * lanes;
  p.out_row = width(q);
  p.add = true;
  product(p);
}

template <class T>
void backward_step(const Sequence<T>& q, long nth, long begin, long end) {
  if (nth + 1 < q.steps) through_weights(q, nth + 1, begin, end);
  if (nth < 0) return;
  const Step<T> s(q, nth);
  gates_back(q, s, begin, end);
  if (end == q.blocks) clear_gradients(q, s);
}

template <class T>
void backward(const Sequence<T>& q) {
  const long patience = pause(q);
  for (long nth = q.steps - 1; nth >= (q.wants_first ? -1 : 0); nth--) {
    if (nth % patience == 0 && q.stop(work(q) * patience)) return;
    backward_step(q, nth, 0, q.blocks);
  }
}

}  // namespace HS_LEVEL
}  // namespace hs
