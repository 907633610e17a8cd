// A network with its weights, its optimiser and its training step.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <memory>
#include <mutex>
#include <vector>

#include "levels.h"
#include "perceptron.h"
#include "stacks.h"
#include "states.h"
#include "stem.h"
#include "team.h"

namespace hs {

template <class T>
const Kernels<T>& kernels_of(const Level& level);
template <>
inline const Kernels<float>& kernels_of<float>(const Level& level) {
  return *level.f32;
}
template <>
inline const Kernels<double>& kernels_of<double>(const Level& level) {
  return *level.f64;
}

// The most rows of a shard, and the rows of each shard of a batch (but the last): half of a small
// batch, so that two threads have work. Results depend on it, because a row's sums are split into
// strands that depend on the number of rows in its shard; so the number of threads must not.
constexpr int64_t shard_rows = 16;
inline int64_t shard_of(int64_t rows) {
  return std::min(shard_rows, std::max<int64_t>(4, rounded_up((rows + 1) / 2, 4)));
}
inline int64_t shards_of(int64_t rows) { return (rows + shard_of(rows) - 1) / shard_of(rows); }

// The architecture of a network. With 0 `layers` it is an autoencoder with these `widths`.
struct Shape {
  int cell = 0, layers = 0, directions = 1;
  int64_t inputs = 0, hidden = 0, outputs = 0;
  int64_t rank = 0;    // of the weights of a stack, as products of two; 0 for none
  int64_t states = 0;  // of an LRU
  bool every_step = false;
  bool mean = false;  // a head with one output reads the mean over the steps, else the last state
  std::vector<int64_t> widths;
  std::vector<int> activations;
  bool classify = false;  // cross-entropy; else an error of outputs
  double dropout = 0;     // between the layers of a stack, while training
  StemShape stem;         // before a stack
};

// Rows in the caller's memory: n rows of `numbers` numbers.
enum Kind : int { BYTES, FLOATS, DOUBLES };
struct Table {
  const void* at = nullptr;
  Kind kind = FLOATS;
  int64_t numbers = 0;
};

// The loss of a regressor; net_losses.h has all but the first.
enum Loss : int { SQUARED, ABSOLUTE, HUBER, EMPHASISED };

// The training data and the settings of the optimiser, the same for all steps.
template <class T>
struct Lesson {
  Table x;
  int64_t steps = 0;
  const int64_t* classes = nullptr;
  const T* targets = nullptr;  // n rows of T*O or O numbers
  const int64_t* length = nullptr;
  const int32_t* counts_from = nullptr;  // of rows: the first step whose loss counts
  const T* weights = nullptr;            // factors of the losses of rows
  bool stateful = false;
  int loss = SQUARED;
  const T *over = nullptr, *under = nullptr;  // factors of the errors of each output
  double emphasis = 0;
  int rule = ADAM;
  double beta1 = 0.9, beta2 = 0.999, decay = 0, momentum = 0;
  double smooth = 0;        // share of a class target that is spread over all classes
  const T* soft = nullptr;  // soft answers of n rows at `temperature`, beside `hard` times the loss
  double temperature = 1, hard = 1;
};

// The grid of numbers of so many bits, `most` steps at most; with 0, for all numbers.
template <class T>
Grid<T> grid_of(int bits, double most) {
  if (most == 0) return {};
  const double step = std::ldexp(1.0, -bits), shift = sizeof(T) == 4 ? 3 << 22 : 3LL << 51;
  return {static_cast<T>(shift * step), static_cast<T>(most * step),
          static_cast<T>((most + 0.5) * step)};
}

// Of inputs, of what each layer of the stem gives, of each layer of a stack, and of what dense
// layers but the last give.
template <class T>
struct Grids {
  Grid<T> inputs;
  std::vector<Grid<T>> stem;
  std::vector<CellGrids<T>> layers;
  std::vector<Grid<T>> dense;
};

// The settings of one step.
struct Orders {
  const int64_t* rows;
  int64_t n;
  double rate, clip, eps;         // clip: not positive for none
  bool reset;                     // begin from a zero state
  const uint64_t* key = nullptr;  // of the step's dropout masks; null for none
};

enum Ending { DONE, STOPPED, NOT_FINITE };

template <class T>
class Net {
 public:
  Net(const Level& level, Shape shape);

  // The matrices of the caller's arrays, in their order.
  size_t arrays() const { return arrays_.size(); }
  const Matrix& array(size_t number) const { return matrices_[arrays_[number]]; }
  int64_t lanes() const { return kernels_.lanes; }
  const Kernels<T>& kernels() const { return kernels_; }
  const Shape& shape() const { return shape_; }

  // Weights (0) and moments (1, 2), one array at a time in torch's layout.
  void load(int which, size_t array, const T* values);
  void save(int which, size_t array, T* values) const;

  // From now on, weights are multiples of a scale for each row, other numbers are rounded to their
  // grids, and gradients update weights that are not: these are loaded and saved.
  void quantise(const Grids<T>& grids);

  // The carried state: arrays [layers*directions][rows][state_size()]; 0 rows for a zero state.
  void load_state(const std::vector<const T*>& arrays, int64_t rows);
  void save_state(const std::vector<T*>& arrays) const;
  int states() const { return stack_ ? stack_->states() : 0; }
  int64_t state_size() const { return stack_ ? stack_->state_size : 0; }  // of a row in each
  int64_t state_rows() const { return state_rows_; }

  int64_t updates = 0;  // the number of updates made with these moments
  // Whether the weights that are 0 stay 0, those that add numbers aside. Their moments are 0.
  bool sparse = false;
  // The working memory of whole sequences in bytes, beyond which they are passed in segments. The
  // numbers are the same.
  int64_t most_bytes = int64_t{1} << 28;

  // Makes one step. `outputs` gets the outputs before the update, or is null.
  Ending step(const Lesson<T>& lesson, const Orders& orders, int threads, Stop stop, double& loss,
              T* outputs);

  // Computes the outputs for n rows of a table, through layers `first` to `last` - 1 of an
  // autoencoder. `begin` and `end` have rows of state_size(). Returns false if it was stopped.
  bool predict(const Table& x, int64_t n, int64_t steps, const int64_t* length, size_t first,
               size_t last, const States<T>& begin, T* out, const States<T>& end, int threads,
               Stop stop);

  std::mutex& guard() { return guard_; }

 private:
  // What a shard has of sequences that are passed in segments.
  struct Segments {
    int64_t steps = 0, n = 0, each = 0;  // of its longest row; segments of that, and steps of each
    const int64_t* length = nullptr;
    Dropout dropout = {};
    int threads = 1;
  };
  struct Shard {
    Buffer<T> stem, stack, dense, table, target;
    Buffer<T> mean;    // what the head reads of several segments, and its gradient
    Buffer<T> dinput;  // the gradient of what the stack reads
    Buffer<T> edges;   // out - target of the first and the last step of each segment
    const T *before = nullptr, *after = nullptr;  // those next to the steps in memory
    Buffer<double> loss;
    // Lengths of the rows as read and after the stem's mean over steps; in the stem, a row of
    // weight 0 has none.
    int64_t read[shard_rows], pooled[shard_rows], length[shard_rows];
    // The steps in memory are those from `from` on, up to `until` or, if that is 0, to the end.
    int64_t from = 0, until = 0;
    Segments whole{};   // if there are more
    Buffer<T> borders;  // states at the ends of all segments, then their gradients
    Buffer<T> sums;     // of own arrays, for each direction
    typename Stem<T>::Work e{};
    typename AnyStack<T>::Work w{};
    typename Perceptron<T>::Work p{};
    int64_t first = 0, rows = 0;
    double sum = 0;
  };
  // A part of one matrix: blocks and inputs for a gradient, blocks for an update.
  struct Share : Part {
    size_t matrix;
  };

  // Numbers of matrices: a weight, and the two whose product it is.
  struct Factored {
    size_t whole, out, in;
  };

  bool recurrent() const { return shape_.layers > 0; }
  States<T> states_in(const std::array<Buffer<T>, most_states>& buffers, int64_t rows) const;
  int stacked() const { return shape_.layers * shape_.directions; }
  void list_shares();
  void lay_in(Shard& s, int64_t rows, int64_t steps, const int64_t* length, bool kept,
              Dropout dropout = {});
  void read(const Table& x, const int64_t* rows, Shard& s) { read(x, rows, s, grid_); }
  void read(const Table& x, const int64_t* rows, Shard& s, const Grid<T>& grid);
  T* input(const Shard& s) const { return stem_ ? stem_->x(s.e) : stack_->x(s.w); }
  int64_t input_steps(const Shard& s) const { return stem_ ? s.e.steps : s.w.steps; }
  const int64_t* input_length(const Shard& s) const { return stem_ ? s.e.length : s.w.length; }
  void head_reads(Shard& s) const;
  void through_stack(Shard& s, Stop stop);
  void round_means(Shard& s) const;
  void gather_means(Shard& s) const;
  void spread_means(Shard& s) const;

  void complete();

  // Of weights of low rank; in net_factors.h.
  void list_arrays();
  void multiply_factors();
  void multiply(const Factored& f);
  void split(const Factored& f);

  // Sequences in segments; in net_segments.h.
  bool is_long(int64_t rows, int64_t steps, bool kept, bool dropout, int64_t shards) const;
  bool in_segments(int64_t rows, int64_t steps, bool kept, bool dropout, int64_t shards) const;
  T* border(const Shard& s, bool gradient, int64_t number, int layer, int d, int state) const;
  void begin_segments(Shard& s, const Segments& whole, bool kept, const States<T>& begin);
  void end_segments(const Shard& s, const States<T>& end) const;
  Segments segments_of(int64_t rows, int64_t steps, const int64_t* length, Dropout dropout,
                       int threads) const;
  template <class Read>
  void segment_forward(const Shard& all, int64_t number, bool kept, Shard& s, const Read& read,
                       Stop stop);
  template <class Read, class Each>
  void segments_forward(Shard& s, const Read& read, bool each_counts, const Each& each, Stop stop);
  void segment_head(const Lesson<T>& lesson, const Orders& orders, double count, const Shard& all,
                    int64_t number, Shard& s, Stop stop);
  void segment_backward(const Shard& all, int64_t number, Shard& s, Stop stop);
  bool ends(const Segments& whole, int64_t number, int64_t row, int d) const;
  void collect(Shard& s, int64_t number) const;
  void collect_back(const Shard& all, int64_t number, Shard& s) const;
  void head_of_segments(Shard& s) const;
  void keep_edges(const Lesson<T>& lesson, const Orders& orders, int64_t number, Shard& s);
  bool of_segments(const Share& share) const;
  void learn_segments(const Lesson<T>& lesson, const Orders& orders, double count, Shard& s,
                      Stop stop, T* outputs);
  void gradient_of_segments(const Lesson<T>& lesson, const Orders& orders, double count,
                            int64_t shards, int threads, Stop stop, T* outputs);
  void predict_segments(const Table& x, int64_t steps, const Segments& whole,
                        const States<T>& begin, T* out, const States<T>& end, Shard& s, Stop stop);

  // Of a net with a stem; in net_stem.h.
  void lay_in_stem(Shard& s, int64_t rows, int64_t steps, const int64_t* length, bool kept);
  void running_moments();
  void predict_stem(Shard& s, Stop stop) const;
  void stem_forward(int64_t shards, int threads, Stop stop);
  void stem_backward(int64_t shards, int threads, Stop stop);
  void gradient_of_stem_segments(int64_t shards, int threads, Stop stop);
  bool of_stem_segments(const Share& share) const { return stem_segments_ && share.matrix < 2; }
  void combine_moments(size_t layer, int64_t shards);
  void combine_slopes(size_t layer, int64_t shards);
  void update_moments();
  void leave_out_of_stem(Shard& s, int64_t row) const;
  void spread_stem_mean(Shard& s) const;
  Moments<T> batch_moments(size_t layer) const;
  void leave_out(const Lesson<T>& lesson, const Orders& orders, Shard& s);
  void give_out(const Shard& s, size_t layer, int64_t steps, T* out) const;
  void learn(const Lesson<T>& lesson, const Orders& orders, double count, Shard& s, Stop stop,
             T* outputs);
  void lose(const Lesson<T>& lesson, const Orders& orders, double count, Shard& s);
  void weigh(const Lesson<T>& lesson, const Orders& orders, Shard& s);
  bool averages() const { return recurrent() && shape_.mean && !shape_.every_step; }
  // Whether what the head reads of a row is collected from segments, and is no state after them.
  bool collects() const { return !shape_.every_step && (shape_.mean || !stack_->carries_output()); }
  Orders by_length(const Lesson<T>& lesson, Orders orders);
  double counted(const Lesson<T>& lesson, const Orders& orders);
  int64_t begins_with(const Lesson<T>& lesson, const Orders& orders) const;
  States<T> begin_of(const Lesson<T>& lesson, const Orders& orders) const;
  States<T> end_of(const Lesson<T>& lesson, const Orders& orders) const;
  double work(const Lesson<T>& lesson, int64_t n) const;
  int64_t work_of(const Share& share) const;
  void gradient(const Share& share, const Shard& s, bool add);
  void drop_gradients(const Share& share);
  double squares(const Share& share);
  void update(const Share& share, Update<T> u);
  void turn(const Share& share);
  bool rounds(const Matrix& m) const { return quantised_ && !m.is_bias; }
  // Whether what stands between two factors is computed, to be rounded.
  bool between() const { return stack_ && !stack_->factors.empty(); }
  T* trained(const Matrix& m) const { return rounds(m) ? floats_.at() : params_.at(); }
  Update<T> rule(const Lesson<T>& lesson, const Orders& orders, double squares) const;

  Shape shape_;
  const Kernels<T>& kernels_;
  Places places_;
  std::unique_ptr<Stem<T>> stem_;
  std::unique_ptr<AnyStack<T>> stack_;
  std::unique_ptr<Perceptron<T>> dense_;
  std::vector<Matrix> matrices_;  // of the stem, the stack and the head, then factors
  std::vector<size_t> arrays_;    // the number of the matrix of each of the caller's arrays
  std::vector<Factored> factored_;
  std::vector<Share> gradients_, updates_;
  std::vector<double> squares_;  // sums of squares of the gradient, for each share of an update
  Buffer<T> params_, grads_, m_, v_, turned_;
  Buffer<T> floats_;  // of weights that are rounded in `params_`
  Grid<T> grid_;      // of inputs
  Grid<T> mean_;      // of means over steps, which the head reads
  bool quantised_ = false;
  bool stale_ = true;           // whether weights were loaded since `complete`
  bool stem_segments_ = false;  // whether the first layer of the stem is passed in segments
  Buffer<T> moments_;           // of the stem: those of the batch, or the running ones
  std::vector<Shard> shards_;   // training: one for each shard
  std::vector<Shard> pieces_;   // and segments of them, one for each member of the team
  std::vector<Shard> scratch_;  // predicting: one for each member of the team
  std::array<Buffer<T>, most_states> state_, next_;  // before and after a step
  int64_t state_rows_ = 0;
  std::vector<int64_t> lengths_;  // lengths of a step's rows
  std::vector<int64_t> sorted_;   // those rows, the longest first
  std::mutex guard_;
};

extern template class Net<float>;
extern template class Net<double>;

}  // namespace hs
