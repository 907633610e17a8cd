// Steps of parallel series: from raw values to answers, and from state to state, in one call.
#pragma once

#include <cmath>
#include <limits>

#include "net.h"
#include "stem_steps.h"

namespace hs {

// How raw values become inputs of the net, and its outputs become answers. Vectors are empty where
// there is nothing to do.
template <class T>
struct Meaning {
  std::vector<double> offset, factor;  // [I]: an input is (x - offset) * factor
  double limit = 0;                    // the largest size of an input
  std::vector<double> largest;         // [outputs] or [1]: the largest sizes of the net's outputs
  std::vector<T> head, head_bias;      // [O][width], [O]: reads the mean of the outputs so far, and
                                       // of what a stem gives
  std::vector<int64_t> change;         // [O]: the inputs that are added to the outputs
  std::vector<double> target_offset, target_factor;  // [O]: an answer is y / factor + offset
  bool probabilities = false;                        // answers are the softmax
};

// The state of the series, in the caller's memory: an array [layers][rows][state size] for each
// that the cell carries, `sum` [rows][width] and `count` [rows] are null without a head, and those
// of a stem without one.
template <class T>
struct Carried {
  std::vector<T*> arrays;
  double* sum = nullptr;
  int64_t* count = nullptr;
  Remembered<T> stem{};
};

template <class T>
class Stepper {
 public:
  // `net` has an output at every step, reads what a stem gives if there is one, and `state` belongs
  // to `rows` rows; both must outlive this.
  Stepper(Net<T>& net, StemSteps<T> stem, Meaning<T> meaning, int64_t rows, Carried<T> state)
      : net_(net), stem_(std::move(stem)), meaning_(std::move(meaning)), rows_(rows),
        state_(std::move(state)), own_(state_.arrays.size()), next_(own_.size()) {}

  int64_t rows() const { return rows_; }
  int64_t inputs() const { return stem_ ? stem_.inputs() : net_.shape().inputs; }
  int64_t answers() const {
    return meaning_.head.empty() ? net_.shape().outputs
                                 : static_cast<int64_t>(meaning_.head_bias.size());
  }

  // Reads x [n][steps][inputs] for the n rows that are not 0 in `active`, or all if it is null, and
  // writes their answers [rows][steps][answers]. If `raw`, x is scaled first. Returns false if an
  // input or output is not a number or too large; no state changes then.
  template <class X>
  bool advance(const X* x, bool raw, int64_t steps, const uint8_t* active, T* out, int threads) {
    which_.clear();
    for (int64_t r = 0; r < rows_; r++)
      if (!active || active[r]) which_.push_back(r);
    const int64_t n = static_cast<int64_t>(which_.size());
    if (!n) return true;
    if (!scale(x, raw, n * steps)) return false;
    move(true);
    States<T> state{{}, n, net_.state_size()};
    for (size_t i = 0; i < own_.size(); i++) state.at[i] = own_[i].data();
    States<T> after = state;
    for (size_t i = 0; stem_.pools() && i < own_.size(); i++) {
      next_[i].resize(own_[i].size());
      after.at[i] = next_[i].data();
    }
    if (stem_.pools()) complete_.resize(n);
    y_.resize(n * net_.shape().outputs);
    for (int64_t t = 0; t < steps; t++) {
      const T *now = gather(n, steps, t), *read = now;
      if (stem_) read = stem_.read(now, n, remembered(), complete_.data());
      net_.predict({read, kind(), net_.shape().inputs}, n, 1, nullptr, 0, 1, state, y_.data(),
                   after, threads, Stop{});
      if (!fits()) return false;
      for (int64_t i = 0; i < n; i++)
        answer(i, now + i * inputs(), read, out + (which_[i] * steps + t) * answers());
      if (stem_.pools()) complete(n);
    }
    move(false);
    return true;
  }

 private:
  static constexpr Kind kind() { return sizeof(T) == sizeof(float) ? FLOATS : DOUBLES; }

  static double number(double x, bool) { return x; }
  // A pixel is a fraction of 255, as the type in which it is read: `fractions` in data/rows.py.
  static double number(uint8_t x, bool scaled) {
    return scaled ? x / 255.0 : static_cast<double>(static_cast<T>(x) / 255);
  }

  template <class X>
  bool scale(const X* x, bool raw, int64_t n) {
    const Meaning<T>& m = meaning_;
    const int64_t width = inputs();
    const bool scaled = raw && !m.offset.empty();
    const double limit = std::min<double>(m.limit, std::numeric_limits<T>::max());
    x_.resize(n * width);
    bool fine = true;
    for (int64_t i = 0; i < n; i++)
      for (int64_t k = 0; k < width; k++) {
        double value = number(x[i * width + k], scaled);
        if (scaled) value = (value - m.offset[k]) * m.factor[k];
        fine &= std::fabs(value) <= limit;  // also false for NaN
        x_[i * width + k] = static_cast<T>(value);
      }
    return fine;
  }

  // The inputs of step t, [n][inputs].
  const T* gather(int64_t n, int64_t steps, int64_t t) {
    const int64_t width = inputs();
    if (n == 1 || steps == 1) return x_.data() + t * width;
    now_.resize(n * width);
    for (int64_t i = 0; i < n; i++)
      copy(now_.data() + i * width, x_.data() + (i * steps + t) * width, width);
    return now_.data();
  }

  // The states of rows whose mean of steps is complete are those after it.
  void complete(int64_t n) {
    const int64_t size = net_.state_size();
    for (size_t k = 0; k < own_.size(); k++)
      for (int64_t layer = 0; layer < net_.shape().layers; layer++)
        for (int64_t i = 0; i < n; i++)
          if (complete_[i]) {
            const int64_t at = (layer * n + i) * size;
            copy(own_[k].data() + at, next_[k].data() + at, size);
          }
  }

  Remembered<T> remembered() { return {recent_.data(), pooled_.data(), phase_.data()}; }

  // Numbers of a mean that the head reads.
  int64_t width() const { return net_.shape().outputs + (stem_ ? stem_.outputs() : 0); }

  // Copies the states of the active rows here, or back.
  void move(bool here) {
    const int64_t n = static_cast<int64_t>(which_.size()), size = net_.state_size();
    const int64_t layers = net_.shape().layers;
    sum_.resize(state_.sum ? n * width() : 0);
    count_.resize(state_.count ? n : 0);
    for (size_t i = 0; i < own_.size(); i++) {
      own_[i].resize(layers * n * size);
      for (int64_t layer = 0; layer < layers; layer++)
        move(state_.arrays[i] + layer * rows_ * size, own_[i].data() + layer * n * size, size,
             here);
    }
    if (state_.sum) move(state_.sum, sum_.data(), width(), here);
    if (state_.count) move(state_.count, count_.data(), 1, here);
    if (!stem_) return;
    recent_.resize(n * stem_.recent());
    pooled_.resize(n * stem_.pooled());
    phase_.resize(stem_.pools() ? n : 0);
    if (stem_.recent()) move(state_.stem.recent, recent_.data(), stem_.recent(), here);
    if (!stem_.pools()) return;
    move(state_.stem.pooled, pooled_.data(), stem_.pooled(), here);
    move(state_.stem.phase, phase_.data(), 1, here);
  }

  template <class N>
  void move(N* theirs, N* ours, int64_t width, bool here) {
    for (size_t i = 0; i < which_.size(); i++) {
      N *there = theirs + which_[i] * width, *own = ours + i * width;
      here ? copy(own, there, width) : copy(there, own, width);
    }
  }

  bool fits() const {
    const std::vector<double>& most = meaning_.largest;
    bool fine = true;
    const size_t width = net_.shape().outputs;
    for (size_t i = 0; i < y_.size(); i++)
      fine &= std::fabs(static_cast<double>(y_[i])) <= most[most.size() == 1 ? 0 : i % width];
    return fine;
  }

  // Writes the answer of active row i, whose inputs are x; the net read the rows `read`.
  void answer(int64_t i, const T* x, const T* read, T* to) {
    const Meaning<T>& m = meaning_;
    const int64_t width = net_.shape().outputs, n = answers();
    const T* y = y_.data() + i * width;
    if (m.head.empty())
      copy(to, y, n);
    else
      average(i, y, read, to);
    for (size_t k = 0; k < m.change.size(); k++) to[k] += x[m.change[k]];
    for (size_t k = 0; k < m.target_factor.size(); k++)
      to[k] = static_cast<T>(to[k] / m.target_factor[k] + m.target_offset[k]);
    if (m.probabilities) softmax(to, n);
  }

  void average(int64_t i, const T* y, const T* read, T* to) {
    const int64_t all = width(), states = net_.shape().outputs, n = answers();
    double* sum = sum_.data() + i * all;
    const int64_t count = count_[i] + 1;
    const bool counts = !stem_.pools() || complete_[i];
    mean_.resize(all);
    add_up(y, states, sum, mean_.data(), count, counts);
    if (stem_)
      add_up(read + i * (all - states), all - states, sum + states, mean_.data() + states, count,
             counts);
    if (counts) count_[i] = count;
    for (int64_t o = 0; o < n; o++) {
      const T* row = meaning_.head.data() + o * all;
      T total = meaning_.head_bias[o];
      for (int64_t k = 0; k < all; k++) total += row[k] * mean_[k];
      to[o] = total;
    }
  }

  // The mean of `count` rows with a last one; it is added to the sum of those before if it
  // `counts`.
  static void add_up(const T* last, int64_t n, double* sum, T* mean, int64_t count, bool counts) {
    for (int64_t k = 0; k < n; k++) {
      const double total = sum[k] + last[k];
      mean[k] = static_cast<T>(total / static_cast<double>(count));
      if (counts) sum[k] = total;
    }
  }

  static void softmax(T* y, int64_t n) {
    const T largest = *std::max_element(y, y + n);
    T sum = 0;
    for (int64_t k = 0; k < n; k++) sum += y[k] = std::exp(y[k] - largest);
    for (int64_t k = 0; k < n; k++) y[k] /= sum;
  }

  Net<T>& net_;
  StemSteps<T> stem_;
  const Meaning<T> meaning_;
  const int64_t rows_;
  const Carried<T> state_;
  std::vector<int64_t> which_;        // the active rows
  std::vector<std::vector<T>> own_;   // their states
  std::vector<std::vector<T>> next_;  // their states after a mean of steps that may be incomplete
  std::vector<T> x_, now_, y_, mean_, recent_, pooled_;
  std::vector<double> sum_;
  std::vector<int64_t> count_, phase_;
  std::vector<uint8_t> complete_;
};

}  // namespace hs
