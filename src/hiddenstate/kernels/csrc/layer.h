// A recurrent layer as a drop-in for torch.nn: forward and backward passes over a batch.
#pragma once

#include <algorithm>

#include "net.h"

namespace hs {

// The numbers of a batch, [B][T][n], with any strides of sequences and of steps.
template <class T>
struct Batch {
  T* at = nullptr;
  int64_t sequence = 0, step = 0;
  T* of(int64_t row, int64_t place) const { return at + row * sequence + place * step; }
};

template <class T>
class Layer {
 public:
  Layer(const Level& level, int cell, int64_t inputs, int64_t hidden, int64_t states, int layers,
        int directions);

  size_t matrices() const { return stack_->matrices.size(); }

  // `weights` in torch's order, with null for missing biases. y has directions*hidden numbers for
  // each step, zero after the end of a sequence. `kept`: whether backward() will follow.
  //
  // `length` and `place` may be null, and are copied. `place` [T] is the position of each step in a
  // packed batch, in steps from the first. A packed batch has no memory after the end of a
  // sequence, so nothing is written there.
  void forward(Batch<const T> x, int64_t rows, int64_t steps, const int64_t* length,
               const int64_t* place, const std::vector<const T*>& weights, const States<T>& begin,
               Batch<T> y, const States<T>& end, bool kept, int threads);

  // At most once after each forward(). dy, the gradients of the states and any output may be null.
  void backward(Batch<const T> dy, const States<T>& dend, Batch<T> dx, const States<T>& dbegin,
                const std::vector<T*>& dweights, int threads);

 private:
  struct Shard {
    Buffer<T> memory, dx;
    typename AnyStack<T>::Work w{};
    int64_t first = 0;
  };
  struct Share : Part {  // some blocks of one matrix, with all inputs
    size_t index;
  };
  int at_once(double factor, int threads) const;
  int64_t shards() const { return shards_of(rows_); }
  int64_t first_of(int64_t shard) const { return shard * shard_of(rows_); }
  int64_t rows_of(int64_t shard) const {
    return std::min(shard_of(rows_), rows_ - first_of(shard));
  }
  int64_t steps_of(int64_t shard) const;  // those of its longest sequence
  // The position of step t; whether row r of a shard is read at step t.
  int64_t place(int64_t t) const { return place_.empty() ? t : place_[t]; }
  bool is_read(const Shard& s, int64_t r, int64_t t) const {
    return !s.w.length || t < s.w.length[r];
  }
  void run_forward(Shard& s, Batch<const T> x, const States<T>& begin, Batch<T> y,
                   const States<T>& end);
  void run_backward(Shard& s, Batch<const T> dy, const States<T>& dend, Batch<T> dx,
                    const States<T>& dbegin);
  int64_t panel(const Matrix& m) const { return m.layout.k() * m.layout.gates * kernels_.lanes; }
  void turn(const Share& share);
  void weight_gradient(const Share& share, T* panels, T* gradient);

  const Kernels<T>& kernels_;
  Places places_;
  const std::unique_ptr<AnyStack<T>> stack_;
  Buffer<T> params_, turned_;
  Buffer<T> grads_;      // of a share, for each thread
  int64_t largest_ = 0;  // numbers in a share
  std::vector<Shard> shards_;
  std::vector<Share> shares_;
  std::vector<int64_t> length_, place_;
  int64_t rows_ = 0, steps_ = 0;
};

extern template class Layer<float>;
extern template class Layer<double>;

}  // namespace hs
