#include "layer.h"

#include <algorithm>

namespace hs {

template <class T>
Layer<T>::Layer(const Level& level, int cell, int64_t inputs, int64_t hidden, int64_t states,
                int layers, int directions)
    : kernels_(kernels_of<T>(level)), places_{kernels_.lanes},
      stack_(
          make_stack(kernels_, places_, cell, inputs, hidden, states, layers, directions, true)) {
  for (size_t i = 0; i < stack_->matrices.size(); i++) {
    const Matrix& m = stack_->matrices[i];
    const int64_t all = m.blocks(kernels_.lanes);
    const int64_t some = m.is_bias ? all : m.layout.gates > 1 ? 1 : 4;
    for (int64_t block = 0; block < all; block += some) {
      shares_.push_back({{block, std::min(some, all - block), 0, m.layout.k()}, i});
      largest_ = std::max(largest_, shares_.back().blocks * panel(m));
    }
  }
}

template <class T>
int Layer<T>::at_once(double factor, int threads) const {
  const double work = factor * places_.size * rows_ * steps_;
  return static_cast<int>(std::min<double>(threads, std::max(1.0, work / worth_a_thread)));
}

// Transposes a share of a weight.
template <class T>
void Layer<T>::turn(const Share& s) {
  const Matrix& m = stack_->matrices[s.index];
  if (m.turned >= 0)
    kernels_.turn(params_.at() + m.at, m.layout.k(), m.blocks(kernels_.lanes), m.layout.gates,
                  s.block, s.block + s.blocks, turned_.at() + m.turned);
}

template <class T>
int64_t Layer<T>::steps_of(int64_t shard) const {
  if (length_.empty()) return steps_;
  const auto first = length_.begin() + first_of(shard);
  return std::max<int64_t>(1, *std::max_element(first, first + rows_of(shard)));
}

template <class T>
void Layer<T>::run_forward(Shard& s, Batch<const T> x, const States<T>& begin, Batch<T> y,
                           const States<T>& end) {
  const int64_t inputs = stack_->inputs, hidden = stack_->hidden, width = stack_->width,
                R = s.w.rows;
  T* to = stack_->x(s.w);
  // Numbers after the end of a sequence may be anything, and NaN times a gradient of zero is NaN.
  for (int64_t t = 0; t < s.w.steps; t++)
    for (int64_t r = 0; r < R; r++, to += inputs)
      if (is_read(s, r, t))
        std::memcpy(to, x.of(s.first + r, place(t)), inputs * sizeof(T));
      else
        std::memset(to, 0, inputs * sizeof(T));
  fill_states(*stack_, s.w, s.first, begin);
  stack_->forward(params_.at(), s.w, Stop{});
  give_states(*stack_, s.w, s.first, end);
  const Rows<const T> output = stack_->top_output(s.w);
  for (int d = 0; d < stack_->directions; d++) {
    const T* h = output.at + d * output.part;
    for (int64_t t = 0; t < steps_; t++)
      for (int64_t r = 0; r < R; r++, h += width) {
        T* out = y.of(s.first + r, place(t)) + d * hidden;
        if (is_read(s, r, t))
          std::memcpy(out, h, hidden * sizeof(T));
        else if (place_.empty())
          std::memset(out, 0, hidden * sizeof(T));
      }
  }
}

template <class T>
void Layer<T>::forward(Batch<const T> x, int64_t rows, int64_t steps, const int64_t* length,
                       const int64_t* place, const std::vector<const T*>& weights,
                       const States<T>& begin, Batch<T> y, const States<T>& end, bool kept,
                       int threads) {
  FlushDenormals flush;
  rows_ = rows;
  steps_ = steps;
  length_.assign(length, length ? length + rows : length);
  place_.assign(place, place ? place + steps : place);
  params_.need(places_.size);
  turned_.need(kept ? places_.turned_size : 0);
  const int64_t shares = static_cast<int64_t>(shares_.size());
  share_out_in_torch(shares, places_.size < 100000 ? 1 : threads, [&](int64_t number) {
    const Share& s = shares_[number];
    const Matrix& m = stack_->matrices[s.index];
    T* panels = params_.at() + m.at;
    if (weights[s.index])
      kernels_.pack(weights[s.index], m.layout, s.block, s.block + s.blocks, panels);
    else
      std::memset(panels + s.block * panel(m), 0, s.blocks * panel(m) * sizeof(T));
    if (kept && !stack_->reads_inputs(s.index)) turn(s);  // while the panels are in the cache
  });
  threads = at_once(1, threads);
  // Memory is allocated before the threads start, because their tasks must not throw.
  const int64_t in_use = kept ? shards() : std::min<int64_t>(shards(), threads);
  shards_.resize(std::max<size_t>(in_use, shards_.size()));
  const int64_t largest = std::max(stack_->work_size(rows_of(0), steps, false),
                                   stack_->work_size(rows_of(shards() - 1), steps, false));
  for (int64_t i = 0; i < in_use; i++)
    shards_[i].memory.need(kept ? stack_->work_size(rows_of(i), steps_of(i), true) : largest);
  share_out_in_torch(shards(), threads, [&](int64_t number) {
    Shard& s = shards_[kept ? number : Team::member()];
    s.first = first_of(number);
    s.w = {s.memory.at(),
           rows_of(number),
           steps_of(number),
           kept,
           length ? length_.data() + s.first : nullptr,
           {},
           shards() == 1 ? threads : 1,
           true};
    run_forward(s, x, begin, y, end);
  });
}

template <class T>
void Layer<T>::run_backward(Shard& s, Batch<const T> dy, const States<T>& dend, Batch<T> dx,
                            const States<T>& dbegin) {
  const int64_t inputs = stack_->inputs, hidden = stack_->hidden, width = stack_->width,
                R = s.w.rows;
  const int64_t padded = rounded_up(inputs, kernels_.lanes);
  fill_gradients(*stack_, s.w, s.first, dend);
  for (int d = 0; dy.at && d < stack_->directions; d++) {
    T* to = stack_->top_dy(s.w) + d * s.w.steps * R * width;
    for (int64_t t = 0; t < s.w.steps; t++)
      for (int64_t r = 0; r < R; r++, to += width) {
        const bool read = is_read(s, r, t);
        if (read) std::memcpy(to, dy.of(s.first + r, place(t)) + d * hidden, hidden * sizeof(T));
        std::memset(to + (read ? hidden : 0), 0, (width - (read ? hidden : 0)) * sizeof(T));
      }
  }
  stack_->backward(params_.at(), turned_.at(), s.w, dy.at != nullptr, any(dbegin),
                   dx.at ? s.dx.at() : nullptr, Stop{});
  give_gradients(*stack_, s.w, s.first, dbegin);
  const T* from = s.dx.at();
  for (int64_t t = 0; dx.at && t < steps_; t++)
    for (int64_t r = 0; r < R; r++, from += padded)
      if (is_read(s, r, t))
        std::memcpy(dx.of(s.first + r, place(t)), from, inputs * sizeof(T));
      else if (place_.empty())
        std::memset(dx.of(s.first + r, t), 0, inputs * sizeof(T));
}

// Computes a share of a weight's gradient; `panels` has room for the share.
template <class T>
void Layer<T>::weight_gradient(const Share& share, T* panels, T* gradient) {
  const Matrix& m = stack_->matrices[share.index];
  T* all = panels - share.block * panel(m);
  for (int64_t i = 0; i < shards(); i++)
    stack_->give_gradient(shards_[i].w, share.index, share, all, i > 0);
  kernels_.unpack(all, m.layout, share.block, share.block + share.blocks, gradient);
}

template <class T>
void Layer<T>::backward(Batch<const T> dy, const States<T>& dend, Batch<T> dx,
                        const States<T>& dbegin, const std::vector<T*>& dweights, int threads) {
  FlushDenormals flush;
  threads = at_once(2, threads);
  const int64_t shares = static_cast<int64_t>(shares_.size());
  share_out_in_torch(dx.at ? shares : 0, threads, [&](int64_t number) {
    if (stack_->reads_inputs(shares_[number].index)) turn(shares_[number]);
  });
  if (dx.at)
    for (int64_t i = 0; i < shards(); i++)
      shards_[i].dx.need(steps_of(i) * rows_of(i) * rounded_up(stack_->inputs, kernels_.lanes));
  share_out_in_torch(shards(), threads, [&](int64_t number) {
    shards_[number].w.threads = shards() == 1 ? threads : 1;
    run_backward(shards_[number], dy, dend, dx, dbegin);
  });
  grads_.need(threads * largest_);
  share_out_in_torch(shares, threads, [&](int64_t number) {
    const Share& s = shares_[number];
    if (dweights[s.index])
      weight_gradient(s, grads_.at() + Team::member() * largest_, dweights[s.index]);
  });
}

template class Layer<float>;
template class Layer<double>;

}  // namespace hs
