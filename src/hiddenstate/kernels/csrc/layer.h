// One call of a recurrent layer, as a drop-in for torch.nn: forward over a batch, and back.
#pragma once

#include <algorithm>

#include "net.h"

namespace hs {

// Numbers of a batch, [B][T][n] with any distance between sequences and between steps.
template <class T>
struct Batch {
  T* at = nullptr;
  long sequence = 0, step = 0;
  T* of(long row, long place) const { return at + row * sequence + place * step; }
};

template <class T>
class Layer {
 public:
  Layer(const Level& level, int cell, long inputs, long hidden, int layers, int directions);

  size_t matrices() const { return stack_.matrices.size(); }

  // `weights` as torch lists them, a bias null where there is none. y has directions*hidden
  // numbers a step, zero where a sequence has ended. `kept`: whether backward() will follow.
  //
  // `length` and `place` may be null, and are copied. `place` [T] says how many steps from the
  // first step t lies in every batch; packed batches have no numbers where a sequence has ended,
  // so nothing is written there then.
  void forward(Batch<const T> x, long rows, long steps, const int64_t* length, const int64_t* place,
               const std::vector<const T*>& weights, const States<T>& begin, Batch<T> y,
               const States<T>& end, bool kept, int threads);

  // Once a forward(). dy and the states' gradients may be null; so may any gradient asked for.
  void backward(Batch<const T> dy, const States<T>& dend, Batch<T> dx, const States<T>& dbegin,
                const std::vector<T*>& dweights, int threads);

 private:
  struct Shard {
    Buffer<T> memory, dx;
    typename Stack<T>::Work w{};
    long first = 0;
  };
  // A share of one matrix: some of its blocks.
  struct Share {
    size_t index;
    long block, blocks;
  };
  int at_once(double factor, int threads) const;
  long shards() const { return shards_of(rows_); }
  long first_of(long shard) const { return shard * shard_of(rows_); }
  long rows_of(long shard) const { return std::min(shard_of(rows_), rows_ - first_of(shard)); }
  long steps_of(long shard) const;  // as many as its longest sequence has
  // Where step t lies; whether row r of a shard is read there.
  long place(long t) const { return place_.empty() ? t : place_[t]; }
  bool is_read(const Shard& s, long r, long t) const { return !s.w.length || t < s.w.length[r]; }
  void run_forward(Shard& s, Batch<const T> x, const States<T>& begin, Batch<T> y,
                   const States<T>& end);
  void run_backward(Shard& s, Batch<const T> dy, const States<T>& dend, Batch<T> dx,
                    const States<T>& dbegin);
  void weight_gradient(const Share& share);

  const Kernels<T>& kernels_;
  Places places_;
  Stack<T> stack_;
  Buffer<T> params_, turned_, grads_;
  std::vector<Shard> shards_;
  std::vector<Share> shares_;
  std::vector<int64_t> length_, place_;
  long rows_ = 0, steps_ = 0;
};

extern template class Layer<float>;
extern template class Layer<double>;

}  // namespace hs
