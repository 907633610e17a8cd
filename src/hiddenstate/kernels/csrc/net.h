// A net with its weights, its optimiser and its training loop.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "levels.h"
#include "perceptron.h"
#include "stack.h"
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

// Most rows of a shard, and rows of each (but the last) of a batch's: half of a small batch, so
// that two threads have work. Part of what a result is: a row's sums run in strands that depend on
// how many rows are beside it; so the number of threads must not matter here.
constexpr long shard_rows = 16;
inline long shard_of(long rows) {
  return std::min(shard_rows, std::max(4L, rounded_up((rows + 1) / 2, 4)));
}
inline long shards_of(long rows) { return (rows + shard_of(rows) - 1) / shard_of(rows); }

// Multiplications below which another thread costs more than it brings.
constexpr double worth_a_thread = 4e5;

// What a net is. Without layers of a stack, `widths` are an autoencoder's.
struct Shape {
  int cell = 0, layers = 0, directions = 1;
  long inputs = 0, hidden = 0, outputs = 0;
  bool every_step = false;
  bool mean =
      false;  // the head, answering once, reads the mean over the steps; else the last state
  std::vector<long> widths;
  std::vector<int> activations;
  bool classify = false;  // cross-entropy; else squared error
};

// Rows to read, as they lie in the caller's memory: n rows of `numbers` numbers.
enum Kind : int { BYTES, FLOATS, DOUBLES };
struct Table {
  const void* at = nullptr;
  Kind kind = FLOATS;
  long numbers = 0;
};

// What the steps are made from, beside the net.
template <class T>
struct Lesson {
  Table x;
  long steps = 0;
  const int64_t* classes = nullptr;
  const T* targets = nullptr;  // n rows of T*O or O numbers
  const int64_t* length = nullptr;
  const T* weights = nullptr;  // what each row's loss is multiplied by
  bool stateful = false;
  int rule = ADAM;
  double beta1 = 0.9, beta2 = 0.999, decay = 0, momentum = 0;
};

// One step's own numbers.
struct Orders {
  const int64_t* rows;
  long n;
  double rate, clip, eps;  // clip: not positive where there is none
  bool reset;              // begin from a zero state
};

enum Ending { DONE, STOPPED, NOT_FINITE };

template <class T>
class Net {
 public:
  Net(const Level& level, Shape shape);

  const std::vector<Matrix>& matrices() const { return matrices_; }
  long lanes() const { return kernels_.lanes; }
  const Shape& shape() const { return shape_; }

  // Weights (0) and moments (1, 2), a matrix at a time in torch's layout.
  void load(int which, size_t matrix, const T* values);
  void save(int which, size_t matrix, T* values) const;

  // The state carried, [layers*directions][rows][hidden]; rows 0 for zero.
  void load_state(const T* h, const T* c, long rows);
  void save_state(T* h, T* c) const;
  long state_rows() const { return state_rows_; }

  long updates = 0;  // made with these moments

  // One step. `outputs`: where what the net answered goes, or null.
  Ending step(const Lesson<T>& lesson, const Orders& orders, int threads, Stop stop, double& loss,
              T* outputs);

  // Outputs for n rows of a table, through layers `first` to `last` - 1 where it is an
  // autoencoder. `begin` and `end` have rows of the hidden size. False where it was stopped.
  bool predict(const Table& x, long n, long steps, const int64_t* length, size_t first, size_t last,
               const States<T>& begin, T* out, const States<T>& end, int threads, Stop stop);

  std::mutex& guard() { return guard_; }

 private:
  struct Shard {
    Buffer<T> stack, dense, table, target, mean;  // mean: and its gradient, where it is read
    Buffer<double> loss;
    typename Stack<T>::Work w{};
    typename Perceptron<T>::Work p{};
    long first = 0, rows = 0;
    double sum = 0;
  };
  // A share of one matrix: blocks and inputs for a gradient, blocks for an update.
  struct Share {
    size_t matrix;
    long block, blocks, m0, m1;
  };

  bool recurrent() const { return shape_.layers > 0; }
  int stacked() const { return shape_.layers * shape_.directions; }
  void list_shares();
  void lay_in(Shard& s, long rows, long steps, const int64_t* length, bool kept);
  void read(const Table& x, const int64_t* rows, Shard& s);
  void head_reads(Shard& s) const;
  void through_stack(Shard& s, Stop stop);
  void leave_out(const Lesson<T>& lesson, const Orders& orders, Shard& s);
  void give_out(const Shard& s, size_t layer, T* out) const;
  void learn(const Lesson<T>& lesson, const Orders& orders, double count, Shard& s, Stop stop,
             T* outputs);
  void lose(const Lesson<T>& lesson, const Orders& orders, double count, Shard& s);
  void weigh(const Lesson<T>& lesson, const Orders& orders, Shard& s);
  bool averages() const { return recurrent() && shape_.mean && !shape_.every_step; }
  double work(const Lesson<T>& lesson, long n) const;
  long work_of(const Share& share) const;
  void gradient(const Share& share, size_t shards);
  double squares(const Share& share) const;
  void update(const Share& share, Update<T> u);
  void turn(const Share& share);
  Update<T> rule(const Lesson<T>& lesson, const Orders& orders, double squares) const;

  Shape shape_;
  const Kernels<T>& kernels_;
  Places places_;
  std::unique_ptr<Stack<T>> stack_;
  std::unique_ptr<Perceptron<T>> dense_;
  std::vector<Matrix> matrices_;
  std::vector<Share> gradients_, updates_;
  std::vector<double> squares_;  // of the gradient, one an update's share
  Buffer<T> params_, grads_, m_, v_, turned_;
  bool turned_stale_ = true;
  std::vector<Shard> shards_;                      // training: one a shard
  std::vector<Shard> scratch_;                     // predicting: one a member of the team
  Buffer<T> state_h_, state_c_, next_h_, next_c_;  // carried between steps, and after this one
  long state_rows_ = 0;
  std::vector<int64_t> lengths_;  // of a step's rows
  std::mutex guard_;
};

extern template class Net<float>;
extern template class Net<double>;

}  // namespace hs
