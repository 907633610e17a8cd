// The kernels' contract: what each one reads, what it writes, and how numbers lie in memory.
//
// Raw pointers and whole numbers only. A kernel allocates nothing, keeps nothing and starts no
// thread. Buffers it writes never overlap those it reads, unless said here.
//
// Letters  T time steps, R rows of a shard (sequences side by side), I inputs, H hidden size,
//          G gates with weights (rnn 1, gru 3, lstm 4), lanes numbers in a vector.
//
// Padding  A width in numbers is rounded up to whole vectors; the padding is zero and stays so
//          (zero weights, zero gradients), which every kernel relies on and preserves.
//          `blocks` is a padded width in vectors.
//
// Rows     Row-major, the width of a row padded; over time, step t and row r make row t*R + r.
//
// Panels   Weights from K inputs to a number of blocks, for each block, input and gate a vector:
//          [blocks][K][G][lanes]. Gradients and the optimiser's moments lie the same way, so an
//          update is one pass over flat memory. Biases are panels with K = 1.
//
// Gates    What the cell keeps for the way back, in place of which `backward` writes the
//          gradient of the sums before activation. rnn: rows of the hidden width.
//          lstm: [blocks][T*R][4][lanes] of i, f, g, o. gru: the same of n's hidden sum, r, z, n,
//          on the way back the gradients of n's hidden sum, r, z and n's input sum; so the three
//          that meet the hidden weights lie together, and the three that meet the inputs' too.
//
// Formulas are torch's: h = tanh(W x + b + U h + c) for the rnn; torch.nn.GRU and torch.nn.LSTM
// for the others. Panels have torch's gate order, i, f, g, o and r, z, n, but for gru's hidden
// weights and their bias: n, r, z.
#pragma once

#include <cstdint>

// Inlined always: a copy built for one level must never be linked into another's code.
#define HS_ALWAYS inline __attribute__((always_inline))

namespace hs {

enum Cell : int { RNN_TANH, RNN_RELU, GRU, LSTM };
enum Activation : int { LINEAR, TANH, RELU, SIGMOID };
enum Rule : int { SGD, ADAM, ADAMW };

HS_ALWAYS int weight_gates(int cell) { return cell == LSTM ? 4 : cell == GRU ? 3 : 1; }
HS_ALWAYS int kept_gates(int cell) { return cell >= GRU ? 4 : 1; }

// Rows made of `n` parts: number s*width + k of row r is at[r*row + s*part + k].
template <class T>
struct Rows {
  T* at;
  long row;
  long width;
  long part = 0;
  int n = 1;
  HS_ALWAYS long columns() const { return n * width; }
};

// Asked between time steps: true once the call should end early, its results then unusable.
// Only the calling thread may ask; the others look at what it was told.
struct Stop {
  bool (*ask)(void* asker, long work) = nullptr;
  bool (*look)(void* asker, long work) = nullptr;
  void* asker = nullptr;
  HS_ALWAYS bool operator()(long work) const { return ask && ask(asker, work); }
  Stop quiet() const { return {look, look, asker}; }
};

// One layer and direction over a whole shard.
template <class T>
struct Sequence {
  int cell;
  long rows, steps, blocks;
  bool reverse;           // read from the last step to the first
  const int64_t* length;  // [R] or null: row r is read for t < length[r] and its state kept after
  Rows<const T> x;        // T*R rows
  const T *wx, *wh;       // panels
  const T *bx, *bh;       // biases as panels with K = 1
  // [T+1][R] rows. Forwards, h after step t lies in slot t+1 and the first state in slot 0; in
  // reverse, in slot t, and the first state in slot T. The caller fills the first state.
  T *h, *c;
  T* tanh_c;  // lstm: T*R rows, written where `gates` is
  T* gates;   // as above, or null where there is no way back
  Stop stop;
  // The way back:
  const T* wh_back;  // U turned (see `turn`)
  const T* dy;       // T*R rows, the gradient of h at each step, or null
  T *dh, *dc;        // R rows: in, the last state's gradient; out, the first state's,
  bool wants_first;  // where this says so
};

// out = activation(start + a w): `start` is the bias, or with `add` what `out` holds.
template <class T>
struct Product {
  long rows;
  Rows<const T> a;
  const T* w;     // panels, G = 1
  const T* bias;  // [blocks][lanes] or null
  long blocks;
  T* out;
  long out_row;
  int activation;
  bool add;
};

// c = the sum over k of a[k][m] d[k][:], or c += it, for `blocks` panels from `block` and m in
// [m0, m1).
template <class T>
struct Outer {
  long k;
  Rows<const T> a;
  const T* d;  // vector g of block b and row k is at d[b*d_block + k*d_row + g*lanes]
  long d_block, d_row;
  int gates;  // 1, 3 or 4
  long block, blocks, m0, m1;
  T* c;  // panels with K = a.columns()
  bool add;
};

// One update of a stretch of flat parameters. Sources in optimizer.h.
template <class T>
struct Update {
  int rule;
  long n;        // whole vectors
  T *p, *m, *v;  // m: first moment or momentum; null where the rule has none
  const T* g;
  double rate, beta1, beta2, eps, decay, momentum;
  double correction1, correction2;  // 1 - beta^updates
  double scale;                     // what the gradient is multiplied by, for clipping
};

// How a weight matrix lies in panels.
struct Layout {
  long in, out;  // the matrix has `in` columns and G times `out` rows
  int gates, first;
  long part, padded;
  HS_ALWAYS long k() const { return in / part * padded; }
};

// One instruction level's kernels for one float type.
template <class T>
struct Kernels {
  long lanes;
  void (*forward)(const Sequence<T>&);
  void (*backward)(const Sequence<T>&);
  void (*product)(const Product<T>&);
  void (*outer)(const Outer<T>&);
  // As outer with one column of ones: a, m0 and m1 are not read.
  void (*column_sums)(const Outer<T>&);
  // d *= the activation's derivative, out of its output y; n numbers, whole vectors.
  void (*through)(int activation, const T* y, T* d, long n);
  // Logits, `rows` rows of `classes` numbers, give each row's loss and, times `scale`, its
  // gradient d, whose padding is zero.
  void (*cross_entropy)(const T* logits, long rows, long row, long classes, const int64_t* target,
                        T scale, T* d, double* loss);
  // The same of the sum of squares of out - target.
  void (*squared_error)(const T* out, long rows, long row, long width, const T* target,
                        long target_row, T scale, T* d, double* loss);
  void (*update)(const Update<T>&);
  double (*sum_of_squares)(const T* g, long n);
  // Panels out of a matrix [G*out][in] and back. Panel gate g is the matrix's (g + first) % G.
  // Inputs come in parts of `part` columns, each padded to `padded` rows of the panel. Only blocks
  // `first` to `last` - 1 are touched.
  void (*pack)(const T* matrix, const Layout&, long first, long last, T* panels);
  void (*unpack)(const T* panels, const Layout&, long first, long last, T* matrix);
  // Panels [blocks][K][G][lanes] turned for the way back: [K/lanes rounded up][columns][lanes],
  // column (block, g, lane). Only blocks `first` to `last` - 1 are read, only theirs written.
  void (*turn)(const T* panels, long k, long blocks, int gates, long first, long last, T* turned);
  // numbers = bytes / 255.
  void (*fractions)(const uint8_t* bytes, T* numbers, long n);
};

// A level's kernels, by float type.
struct Level {
  const char* name;
  const Kernels<float>* f32;
  const Kernels<double>* f64;
};

}  // namespace hs
