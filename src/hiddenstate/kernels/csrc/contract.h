// The interface of the kernels: what each reads and writes, and how its data is laid out in memory.
//
// Arguments are raw pointers and integers. A kernel allocates nothing, keeps nothing and starts no
// thread. Buffers it writes never overlap those it reads, unless noted here.
//
// Letters  T time steps, R rows of a shard (sequences side by side), I inputs, H hidden size,
//          G blocks of H rows in a weight of a cell, K inputs of a panel, lanes: numbers in a
//          vector.
//
// Padding  A width is rounded up to whole vectors. The padding is zero and stays zero (zero
// weights,
//          zero gradients); every kernel relies on that and preserves it. If a number is infinite,
//          0 * inf in the padding is NaN: the recurrent kernels then preserve the zeros of all that
//          a product reads. `blocks` is a padded width in vectors.
//
// Rows     Row-major with a padded width; over time, step t and row r are row t*R + r.
//
// Panels   Weights from K inputs to a number of blocks, a vector for each block, input and gate:
//          [blocks][K][G][lanes]. Gradients and the optimiser's moments have the same layout, so
//          an update is one pass over flat memory. Biases are panels with K = 1.
//
// Gates    What a cell keeps for the backward pass in place of the sums before activation;
//          `backward` overwrites it with the gradients of these sums. Of one sum, rows of the
//          hidden width; of several, [blocks][T*R][kept][lanes].
//
// What a cell has and computes is in cells/NAME.h; panels have torch's order of blocks, but for
// those of the state if a cell rotates them.
#pragma once

#include <cstdint>

// Always inlined: a copy compiled for one level must never be linked into another level's code.
#define HS_ALWAYS inline __attribute__((always_inline))

namespace hs {

enum Activation : int { LINEAR, TANH, RELU, SIGMOID };
enum Rule : int { SGD, ADAM, ADAMW };

// The most arrays that a cell carries from step to step, and the most arrays of its own.
constexpr int most_states = 4, most_own = 8;

// Where the gradient of an own array comes from: from those of the sums to which the product with
// the inputs or with the state is added, or `backward` adds it up in Sequence::sums.
enum Side : int { INPUTS, STATE, SUMMED };

// An array of a cell that is no product, for each layer and direction. Its axis is G, the blocks of
// the cell times H, or H, or 1 for a single number.
struct Own {
  const char* name = nullptr;
  char axis = 0;
  Side side = SUMMED;
};
struct OwnArrays {
  Own at[most_own];
};

// What a cell has. program/cells.py declares the name, `blocks`, `states` and `own`, too.
struct Declaration {
  const char* name;
  int blocks;     // of H rows in a weight
  int states;     // arrays that it carries, the output first
  OwnArrays own;  // in the order of Python's; those without a name do not exist
  int kept;       // vectors kept of a block for each row, at first the sums before activation
  int more = 0;   // further rows of the hidden width kept for each row
  // Those of them, `blocks` from each on, to which the products are added.
  int inputs_at = 0, state_at = 0;
  int rotated = 0;            // the block with which panels of the state begin
  bool state_product = true;  // whether there is U, and its product with h

  // Whether the sums of a block are stored, and then activated for many rows at once.
  HS_ALWAYS constexpr bool gated() const { return kept > 1; }
  // Whether a tile activates its sums in registers. A cell that keeps more has more operations, and
  // a copy of them for each number of a tile would be too much code.
  HS_ALWAYS constexpr bool in_registers() const { return kept == 1 && more == 0; }
  // The weights before the own arrays.
  HS_ALWAYS constexpr int products() const { return state_product ? 2 : 1; }
  // Whether the inputs of several steps are multiplied at once: always if no product waits for h,
  // else of so few rows that each step alone would read every weight for less than a tile.
  HS_ALWAYS constexpr bool reads_ahead(int64_t rows, int64_t steps, int64_t few_rows) const {
    return !state_product || (gated() && rows <= few_rows && steps > 1);
  }
  HS_ALWAYS constexpr int vectors(int own_array) const {
    return own.at[own_array].axis == 'G' ? blocks : 1;
  }
  // The number of own arrays.
  HS_ALWAYS constexpr int owned() const {
    int n = 0;
    while (n < most_own && own.at[n].name) n++;
    return n;
  }
  // The vectors of own arrays before number `end` that `backward` adds up for each block.
  HS_ALWAYS constexpr int summed(int end = most_own) const {
    int n = 0;
    for (int i = 0; i < end && i < owned(); i++)
      if (own.at[i].side == SUMMED) n += vectors(i);
    return n;
  }
};

// Steps whose inputs are multiplied at once, if any are.
constexpr int64_t steps_ahead = 32;

// Rows made of `n` parts: number s*width + k of row r is at[r*row + s*part + k].
template <class T>
struct Rows {
  T* at;
  int64_t row;
  int64_t width;
  int64_t part = 0;
  int n = 1;
  HS_ALWAYS int64_t columns() const { return n * width; }
};

// Checked between time steps: true if the call should end early; its results are then unusable.
// Only the calling thread may ask; the other threads look at the last answer.
struct Stop {
  bool (*ask)(void* asker, int64_t work) = nullptr;
  bool (*look)(void* asker, int64_t work) = nullptr;
  void* asker = nullptr;
  HS_ALWAYS bool operator()(int64_t work) const { return ask && ask(asker, work); }
  Stop quiet() const { return {look, look, asker}; }
};

// Numbers are multiples of a step: a number plus `shift`, less `shift`, is the nearest. Larger ones
// than `limit` are cut to `most`. A shift of 0 is for all numbers.
template <class T>
struct Grid {
  T shift = 0, most = 0, limit = 0;
};

// How a layer of a cell rounds as a net in integers does: h, c, what stands between two factors,
// and, as shifts, the sums before a curve, and the curves.
template <class T>
struct CellGrids {
  Grid<T> h, c, inputs, hidden;
  T sums = 0, curves = 0;
};

// What stands between the two factors of a product, `blocks` vectors of a row: before it is
// rounded (at `before`, which may be `at`), rounded, and its gradient. w and w_back are the panels
// of the factor that reads, and the same transposed; null if there is one product.
template <class T>
struct Middle {
  const T *w = nullptr, *w_back = nullptr;
  int64_t blocks = 0;
  T *before = nullptr, *at = nullptr, *d = nullptr;
  Grid<T> grid;
};

// One layer and direction over a whole shard.
template <class T>
struct Sequence {
  int64_t rows, steps, blocks;
  int64_t hidden;          // H: `blocks` vectors without their padding
  bool reverse;            // read from the last step to the first
  const int64_t* length;   // [R] or null: row r is read for t < length[r], then keeps its state
  Rows<const T> x;         // T*R rows
  const T *wx, *wh;        // panels; wh is null without a product of the state
  const T* own[most_own];  // the cell's own arrays as panels with K = 1
  // Each [T+1][R] rows. Forward, the state after step t is in slot t+1 and the initial state in
  // slot 0; in reverse, that after step t is in slot t and the initial state in slot T. The caller
  // writes the initial state. The first array is h, the output.
  T* state[most_states];
  T* gates;            // as above, or null without a backward pass
  T* more;             // Declaration::more times T*R rows, written if `gates` is not null
  CellGrids<T> grids;  // if h has one, all is rounded
  Middle<T> middle;    // T*R rows; then wh is the factor that reads them
  T* ahead;  // without `gates`, if reads_ahead(): [blocks][steps_ahead*R][kept][lanes], else null
  Stop stop;
  // For the backward pass:
  const T* wh_back;        // U transposed (see `turn`)
  const T* dy;             // T*R rows, the gradient of h at each step, or null
  T* dstate[most_states];  // R rows. In: gradients of the last state; out: of the initial state,
  bool wants_first;        // if this is set
  T* sums;  // [blocks][summed][lanes], written: gradients of own arrays; a single number's is in
            // the first lane of each block
  // Of a sequence that is passed in segments: whether `sums` hold those of the segments passed
  // before, and whether others follow.
  bool resumes, pauses;

  HS_ALWAYS bool rounds() const { return grids.h.shift > 0; }
};

// The passes of a cell.
template <class T>
struct Passes {
  const Declaration* about;
  void (*forward)(const Sequence<T>&);
  void (*backward)(const Sequence<T>&);
  // Blocks `begin` to `end` - 1 of the nth step of `forward`, which several threads may compute at
  // once. `begin` is a multiple of 4, so that the tiles, and the last bits, are those of `forward`.
  void (*forward_step)(const Sequence<T>&, int64_t nth, int64_t begin, int64_t end);
  // The same of `backward`: the gradient of h through the weights of step nth + 1, unless nth is
  // the last step, and then that of the gates of step nth, unless nth is -1.
  void (*backward_step)(const Sequence<T>&, int64_t nth, int64_t begin, int64_t end);
};

// out = activation(start + a w): `start` is the bias or, with `add`, the value of `out`.
template <class T>
struct Product {
  int64_t rows;
  Rows<const T> a;
  const T* w;     // panels, G = 1
  const T* bias;  // [blocks][lanes] or null
  int64_t blocks;
  T* out;
  int64_t out_row;
  int activation;
  bool add;
};

// c = sum over k of a[k][m] d[k][:], or c += it with `add`, for `blocks` panels from `block` and m
// in [m0, m1).
template <class T>
struct Outer {
  int64_t k;
  Rows<const T> a;
  const T* d;  // vector g of block b and row k is at d[b*d_block + k*d_row + g*lanes]
  int64_t d_block, d_row;
  int gates;  // 1 to 4
  int64_t block, blocks, m0, m1;
  T* c;  // panels with K = a.columns()
  bool add;
};

// The arrays of a layer of LRU blocks (cells/lru.h), in the order of program/cells.py; the first
// two only if its input is not the output of a layer of one direction.
enum LruArray : int {
  LRU_WEIGHT_IN,
  LRU_BIAS_IN,
  LRU_NORM_WEIGHT,
  LRU_NORM_BIAS,
  LRU_NU,
  LRU_THETA,
  LRU_GAMMA,
  LRU_WEIGHT_IH,
  LRU_WEIGHT_HO,
  LRU_SKIP,
  LRU_WEIGHT_GLU,
  LRU_BIAS_GLU,
  LRU_ARRAYS
};

// Consecutive steps of one layer and direction of LRU blocks. States are R rows
// of `state_blocks` vectors, the real parts and the imaginary parts.
template <class T>
struct LruSegment {
  int64_t rows, steps, first;            // first: the number of the first step in memory
  int64_t blocks, hidden, state_blocks;  // of channels, H of them, and of states
  bool reverse;
  const int64_t* length;        // as in Sequence
  Rows<const T> x;              // steps*R rows of inputs
  const T* params[LRU_ARRAYS];  // panels, or null
  const T* before[2];           // the state before the first step that is read
  T* scratch;                   // LruStack::scratch_size() numbers
  bool keeps;                   // whether the forward pass leaves there what a backward pass reads
  // Written by the forward pass unless null: steps*R rows, zero in rows that
  // have ended, and the state after the last step, which may be where `before`
  // is.
  T* out;
  T* after[2];
  // For the backward pass: the gradient of `out`, replaced by that of the rows
  // after weight_in; transposed panels; gradients of the state after the
  // segment, replaced by those of the state before it; and sums of gradients,
  // as panels, to which it adds.
  T* dy;
  const T* turned[LRU_ARRAYS];
  T* dstate[2];
  T* sums[LRU_ARRAYS];
};

// One update of a range of flat parameters. optimizer.h names the sources.
template <class T>
struct Update {
  int rule;
  int64_t n;     // whole vectors
  T *p, *m, *v;  // m: first moment or momentum; null if the rule has none
  const T* g;
  double rate, beta1, beta2, eps, decay, momentum;
  double correction1, correction2;  // 1 - beta^updates
  double scale;                     // factor of the gradient, for clipping
};

// Batch normalisation and relu of `steps` * `rows` rows of channels, from step `first` on. Row r is
// read for t < length[r]; `length` may be null. The last six are vectors of all channels.
template <class T>
struct Norm {
  int64_t rows, first, steps, blocks;
  const int64_t* length;
  T *x, *y, *d;
  T* sums;  // two vectors of all channels
  const T *mean, *inverse, *scale, *shift, *mean_d, *mean_dx;
  Grid<T> grid;  // of y
};

// The features of one series and one dilation; convolutions.h says what they are. Channel c begins
// at x + c * x_channel. `uses` and `biases` have a row for each of the 84 kernels.
template <class T>
struct Proportions {
  const T* x;
  int64_t x_channel, channels, steps, dilation;
  int first;  // kernels of even number + first keep the ends
  const bool* uses;
  const T* biases;
  int64_t count;  // biases of a kernel
  T* memory;      // (10 * channels + 1) * steps numbers
  T* out;         // [84][count]
};

// The layout of a weight matrix in panels.
struct Layout {
  int64_t in, out;  // the matrix has `in` columns and G times `out` rows
  int gates, first;
  int64_t part, padded;
  // The `out` rows of one gate may be in parts, too: each begins with a new block.
  int64_t out_part = 0;
  HS_ALWAYS int64_t k() const { return in / part * padded; }
  HS_ALWAYS int64_t rows_of_part() const { return out_part ? out_part : out; }
};

// One instruction level's kernels for one float type.
template <class T>
struct Kernels {
  int64_t lanes;
  int64_t few_rows;        // of Declaration::reads_ahead
  const Passes<T>* cells;  // by number
  int n_cells;
  void (*product)(const Product<T>&);
  void (*outer)(const Outer<T>&);
  // As `outer` with one column of ones: a, m0 and m1 are not read.
  void (*column_sums)(const Outer<T>&);
  // d *= derivative of the activation, computed from its output y; n numbers, whole vectors.
  void (*through)(int activation, const T* y, T* d, int64_t n);
  // From logits, `rows` rows of `classes` numbers: the loss of each row and, times `scale`, its
  // gradient d, with zero padding. The share `smooth` of the target is spread over all classes.
  // A row of the class -1 has no loss.
  void (*cross_entropy)(const T* logits, int64_t rows, int64_t row, int64_t classes,
                        const int64_t* target, double smooth, T scale, T* d, double* loss);
  // Adds soft answers to the results of `cross_entropy`, whose `scale` was that of the labels and
  // whose losses are multiplied by `hard`: a row of probabilities at `temperature` for each row,
  // or of zeros for a row without one.
  void (*soften)(const T* logits, int64_t rows, int64_t row, int64_t classes, const T* const* soft,
                 double temperature, double hard, T scale, T* d, double* loss);
  // As `cross_entropy`, for the sum of squares of out - target.
  void (*squared_error)(const T* out, int64_t rows, int64_t row, int64_t width, const T* target,
                        int64_t target_row, T scale, T* d, double* loss);
  void (*lru_forward)(const LruSegment<T>&);
  void (*lru_backward)(const LruSegment<T>&);
  void (*update)(const Update<T>&);
  // Gradients g of n weights p: those of weights that are 0 become 0.
  void (*only_weights)(const T* p, T* g, int64_t n);
  // Of a layer of a stem; norm.h says what each reads and writes.
  void (*add_rows)(const Norm<T>&);
  void (*add_squares)(const Norm<T>&);
  void (*normalise)(const Norm<T>&);
  void (*normal_slopes)(const Norm<T>&);
  void (*normalise_back)(const Norm<T>&);
  void (*proportions)(const Proportions<T>&);
  double (*sum_of_squares)(const T* g, int64_t n);
  // A matrix [G*out][in] into panels, and back. Gate g of a panel is gate (g + first) % G of the
  // matrix. Inputs are in parts of `part` columns, each padded to `padded` rows of the panel. Only
  // blocks `first` to `last` - 1 are touched.
  void (*pack)(const T* matrix, const Layout&, int64_t first, int64_t last, T* panels);
  void (*unpack)(const T* panels, const Layout&, int64_t first, int64_t last, T* matrix);
  // Panels [blocks][K][G][lanes] transposed for the backward pass: [K/lanes rounded up][columns]
  // [lanes], with columns (block, g, lane). Only blocks `first` to `last` - 1 are read and written.
  void (*turn)(const T* panels, int64_t k, int64_t blocks, int gates, int64_t first, int64_t last,
               T* turned);
  // Panels whose weights are the nearest multiples of a scale for each row of the matrix:
  // row_scale() in program/quantising.py, in this type.
  void (*to_grid)(const T* floats, int64_t k, int gates, int64_t blocks, T* grid);
  // n numbers on a grid; `to` may be `from`.
  void (*on_grid)(const Grid<T>& grid, const T* from, T* to, int64_t n);
  // x: sums, replaced by what the activation gives; y: the same on a grid, which may be at x. Whole
  // vectors.
  void (*activate)(int activation, const Grid<T>& grid, T* x, T* y, int64_t n);
  // Sets gradients d to 0 where x was cut to its grid. Whole vectors.
  void (*cut_gradients)(const Grid<T>& grid, const T* x, T* d, int64_t n);
  // numbers = bytes / 255.
  void (*fractions)(const uint8_t* bytes, T* numbers, int64_t n);
};

// Integers (program/integers.py): lanes are those of int32, blocks have as many outputs each.

// A matrix [C][columns] of int8 times vectors of int16. Output c of the sums s is
// floor((s high + floor(s low) + half) factor), which is floor(s m / 2^n + 1/2) exactly.
struct IntegerProduct {
  int64_t columns, blocks;
  const int32_t* weight;  // [blocks][pairs of columns][lanes], two int16 in each
  const int32_t* bias;    // this and what follows: [blocks * lanes]
  const double *high, *low, *half, *factor;
};

// A product, or two of low rank: then `inner` reads the vector, and what it gives is cut to `most`.
// The results are cut to `largest`.
struct IntegerFactors {
  const IntegerProduct *outer, *inner;
  int32_t most, largest;
};

// The last one has one sum for both curves.
enum IntegerKind : int { WHOLE_TANH, WHOLE_RELU, WHOLE_GRU, WHOLE_LSTM, WHOLE_SHARED };

struct IntegerCell {
  int kind;
  int64_t hidden;
  IntegerFactors inputs, state;
  int bits, c_bits, sum_bits;  // of h and c, and of the sums of WHOLE_RELU
  int32_t most, c_most;
  const int32_t* own[4];  // of WHOLE_SHARED: both biases, zeta, nu
  const int32_t* table;   // of sigmoid; the last of 258 numbers twice
  int64_t sums, wide;     // padded outputs of the products, and of inner ones
};

// One direction over a shard: rows of `steps` * `inputs` numbers. h, and c of an LSTM, are the
// states [R][H], which it replaces; y is [R][steps][H], zero after the end of a row.
struct IntegerSequence {
  int64_t rows, steps, inputs;
  bool reverse;
  const int64_t* length;  // [R] or null
  const int16_t* x;
  int32_t *h, *c, *y;
  int32_t* memory;  // R * (2 sums + wide + H + outer columns) numbers
};

// A level's kernels, by float type.
struct Level {
  const char* name;
  const Kernels<float>* f32;
  const Kernels<double>* f64;
  // For benchmarks; see parts.h.
  int chains;
  double (*multiply_add)(int64_t n);
  void (*lstm_part)(int part, const Sequence<float>&);
  int whole_lanes;
  // Writes R rows of blocks * lanes numbers, cut to `most`; rows of x are `x_row` numbers apart.
  void (*whole_product)(const IntegerProduct&, const int16_t* x, int64_t rows, int64_t x_row,
                        int32_t most, int32_t* out, int64_t out_row);
  void (*whole_sweep)(const IntegerCell&, const IntegerSequence&);
};

}  // namespace hs
