// A stack of LRU blocks over one shard (cells/lru.h), and its memory layout.
//
// Of each layer only its output over all steps and the state before each segment of steps are kept;
// the backward pass computes a segment again, and adds up the gradients of the weights.
#pragma once

#include <algorithm>
#include <array>
#include <stdexcept>

#include "any_stack.h"

namespace hs {

// The memory of a segment, about, and its most steps.
constexpr long segment_bytes = 640 << 10, most_segment_steps = 64;

template <class T>
class LruStack : public AnyStack<T> {
 public:
  using Base = AnyStack<T>;
  using Base::directions, Base::hidden, Base::inputs, Base::layers, Base::matrices,
      Base::state_size, Base::state_width, Base::width, Base::x;
  using typename Base::Work;

  // `states` is S, the number of complex states of a layer and direction.
  LruStack(const Kernels<T>& kernels, Places& places, long inputs, long hidden, long states,
           int layers, int directions, bool wants_dx)
      : Base(kernels, inputs, hidden, layers, directions, 2, states), first_(places.size) {
    if (states < 1) throw std::invalid_argument("states: expected at least 1");
    for (int layer = 0; layer < layers; layer++)
      for (int d = 0; d < directions; d++) add_matrices(places, layer, wants_dx);
    size_ = places.size - first_;
  }

  bool reads_inputs(size_t index) const override {
    for (int d = 0; d < directions; d++)
      if (index == static_cast<size_t>(index_[d][LRU_WEIGHT_IN])) return true;
    return false;
  }

  long work_size(long rows, long steps, bool kept, bool = false) const override {
    const Work w{nullptr, rows, steps, kept, nullptr};
    return end(w) - w.at;
  }

  T* first_state(const Work& w, int layer, int d, int i) const override {
    return slot(w, layer, d, i, 0);
  }
  T* last_state(const Work& w, int layer, int d, int i) const override {
    return slot(w, layer, d, i, slots(w) - 1);
  }
  T* dstate(const Work& w, int layer, int d, int i) const override {
    return slot(w, layer, d, i, slots(w));
  }

  Rows<const T> top_output(const Work& w) const override { return output(w, layers - 1); }
  Rows<const T> top_last(const Work& w) const override {
    return {last(w), width, width, w.rows * width, directions};
  }
  T* top_dy(const Work& w) const override { return dy(w, layers - 1); }
  T* top_dlast(const Work& w, int d) const override {
    return last(w) + (directions + d) * w.rows * width;
  }

  void forward(const T* params, const Work& w, Stop stop) const override {
    for (int i = 0; !w.kept && i < layers * directions; i++)  // one slot serves all segments
      copy(slot(w, i / directions, i % directions, 0, 1),
           slot(w, i / directions, i % directions, 0, 0), slot_size(w));
    const bool drops = w.dropout.key != nullptr;
    if (directions == 1)
      in_waves(w, work(w), stop, [&](int layer, long nth) {
        const LruSegment<T> q = segment(params, w, layer, 0, nth);
        kernels_.lru_forward(q);
        if (drops && layer < layers - 1) drop(w, layer, outputs(w, layer), q.first, q.steps);
      });
    for (int layer = 0; directions > 1 && layer < layers; layer++) {
      both_ways(w, stop, [&](int d, Stop own) {
        for (long i = 0; i < segments(w) && !own(work(w)); i++)
          kernels_.lru_forward(segment(params, w, layer, d, i));
      });
      if (drops && layer < layers - 1) drop(w, layer, outputs(w, layer), 0, w.steps);
    }
    each_last_row(w, [&](int d, long r, long t) {
      T* to = last(w) + (d * w.rows + r) * width;
      if (t < 0)
        std::memset(to, 0, width * sizeof(T));
      else
        copy(to, outputs(w, layers - 1) + d * all(w) + (t * w.rows + r) * width, width);
    });
  }

  void backward(const T* params, const T* turned, const Work& w, bool has_dy, bool, T* dx,
                Stop stop) const override {
    std::memset(sums(w), 0, size_ * sizeof(T));
    if (!has_dy) std::memset(dy(w, layers - 1), 0, directions * all(w) * sizeof(T));
    each_last_row(w, [&](int d, long r, long t) {
      const T* from = top_dlast(w, d) + r * width;
      T* to = dy(w, layers - 1) + d * all(w) + (t * w.rows + r) * width;
      for (long i = 0; t >= 0 && i < width; i++) to[i] += from[i];
    });
    const auto back = [&](int layer, int d, long nth) {
      LruSegment<T> q = segment(params, w, layer, d, nth);
      q.dy = dy(w, layer) + d * all(w) + q.first * w.rows * width;
      for (int k = 0; k < 2; k++) q.dstate[k] = dstate(w, layer, d, k);
      for (int k = 0; k < LRU_ARRAYS; k++) {
        const Matrix* m = matrix(layer, d, k);
        if (m && m->turned >= 0) q.turned[k] = turned + m->turned;
        if (m) q.sums[k] = sums(w) + m->at - first_;
      }
      kernels_.lru_backward(q);
      return q;
    };
    const long n = segments(w);
    if (directions == 1)
      in_waves(w, 3 * work(w), stop, [&](int below, long after) {
        const int layer = layers - 1 - below;
        const LruSegment<T> q = back(layer, 0, n - 1 - after);
        if (w.dropout.key && layer) drop(w, layer - 1, dy(w, layer - 1), q.first, q.steps);
      });
    for (int layer = layers - 1; directions > 1 && layer >= 0; layer--) {
      both_ways(w, stop, [&](int d, Stop own) {
        for (long i = n - 1; i >= 0 && !own(3 * work(w)); i--) back(layer, d, i);
      });
      if (stop(0)) return;
      for (int below = 0; layer && below < directions; below++)
        input_gradient(turned, w, layer, below * width, width, dy(w, layer - 1) + below * all(w));
      if (w.dropout.key && layer) drop(w, layer - 1, dy(w, layer - 1), 0, w.steps);
    }
    if (dx) input_gradient(turned, w, 0, 0, rounded_up(inputs, kernels_.lanes), dx);
  }

  void give_gradient(const Work& w, size_t index, const Part& part, T* c, bool add) const override {
    const Matrix& m = matrices[index];
    const long lanes = kernels_.lanes, panel = m.layout.k() * lanes;
    const T* from = sums(w) + m.at - first_;
    for (long block = part.block; block < part.block + part.blocks; block++)
      for (long i = block * panel + part.m0 * lanes; i < block * panel + part.m1 * lanes; i++)
        c[i] = add ? c[i] + from[i] : from[i];
  }

 private:
  using Base::kernels_;
  long first_, size_;                               // of the stack's parameters in flat memory
  std::vector<std::array<int, LRU_ARRAYS>> index_;  // in `matrices`, -1 for none

  void add_matrices(Places& places, int layer, bool wants_dx) {
    const long h = hidden, s = state_size;
    std::array<int, LRU_ARRAYS>& index = index_.emplace_back();
    index.fill(-1);
    const auto add = [&](int array, Matrix m) {
      m.decays = array != LRU_NU && array != LRU_THETA && array != LRU_GAMMA;
      index[array] = static_cast<int>(matrices.size());
      matrices.push_back(m);
    };
    if (!layer) add(LRU_WEIGHT_IN, places.weight(inputs, h, 1, wants_dx));
    if (layer && is_mapped(layer))
      add(LRU_WEIGHT_IN, places.padded_weight(h * directions, h, 1, 0, h, true));
    if (is_mapped(layer)) add(LRU_BIAS_IN, places.bias(h, 1, 0));
    for (const int array : {LRU_NORM_WEIGHT, LRU_NORM_BIAS}) add(array, places.bias(h, 1, 0));
    for (const int array : {LRU_NU, LRU_THETA, LRU_GAMMA}) add(array, places.bias(s, 1, 0));
    add(LRU_WEIGHT_IH, places.parted_weight(h, s, h, 2));
    add(LRU_WEIGHT_HO, places.padded_weight(2 * s, h, 1, 0, s, true));
    add(LRU_SKIP, places.bias(h, 1, 0));
    add(LRU_WEIGHT_GLU, places.parted_weight(h, h, h, 2));
    add(LRU_BIAS_GLU, places.parted_bias(h, 2));
  }
  bool is_mapped(int layer) const { return !layer || directions > 1; }
  const Matrix* matrix(int layer, int d, int array) const {
    const int index = index_[layer * directions + d][array];
    return index < 0 ? nullptr : &matrices[index];
  }

  // Steps of a segment: about as many as the second-level cache holds.
  long segment_steps(long rows) const {
    const long row = (7 * width + 6 * state_width) * static_cast<long>(sizeof(T));
    return std::clamp(segment_bytes / row / rows, 8L, most_segment_steps);
  }
  long segments(const Work& w) const {
    const long steps = segment_steps(w.rows);
    return (w.steps + steps - 1) / steps;
  }
  // The nth segment that a direction reads.
  LruSegment<T> segment(const T* params, const Work& w, int layer, int d, long nth) const {
    LruSegment<T> q{};
    const long steps = segment_steps(w.rows), k = d ? segments(w) - 1 - nth : nth;
    q.rows = w.rows;
    q.first = k * steps;
    q.steps = std::min(steps, w.steps - q.first);
    q.blocks = width / kernels_.lanes;
    q.hidden = hidden;
    q.state_blocks = state_width / kernels_.lanes;
    q.reverse = d == 1;
    q.length = w.length;
    q.x = layer ? output(w, layer - 1) : Rows<const T>{x(w), inputs, inputs};
    q.x.at += q.first * w.rows * q.x.row;
    for (int i = 0; i < LRU_ARRAYS; i++)
      if (const Matrix* m = matrix(layer, d, i)) q.params[i] = params + m->at;
    for (int i = 0; i < 2; i++) q.before[i] = slot(w, layer, d, i, w.kept ? nth : 1);
    for (int i = 0; i < 2; i++) q.after[i] = slot(w, layer, d, i, w.kept ? nth + 1 : 1);
    q.out = outputs(w, layer) + d * all(w) + q.first * w.rows * width;
    const int own = directions > 1 ? d : w.threads > 1 ? layer : 0;
    q.scratch = scratch(w) + own * scratch_size(w);
    return q;
  }
  long work(const Work& w) const {
    return segment_steps(w.rows) * w.rows * size_ / (layers * directions);
  }

  // Numbers in a layer's output over all steps, in one direction.
  long all(const Work& w) const { return w.steps * w.rows * width; }
  long scratch_size(const Work& w) const {
    const long n = std::min(segment_steps(w.rows), w.steps) * w.rows, row = 2 * state_width;
    return 4 * row + 2 * rounded_up(n, kernels_.lanes) +
           n * (w.kept ? 7 * width + 3 * row : 5 * width + row);
  }
  // Slots of the state: before each segment and after the last, or of all segments one.
  long slots(const Work& w) const { return w.kept ? segments(w) + 1 : 2; }
  long slot_size(const Work& w) const { return 2 * w.rows * state_width; }
  long states_size(const Work& w) const { return (slots(w) + (w.kept ? 1 : 0)) * slot_size(w); }

  // Where the parts of the memory begin, one after the other. Without a backward pass, a layer's
  // output replaces its input, unless the other direction still reads that.
  T* outputs(const Work& w, int layer) const {
    const int own = w.kept ? layer : directions > 1 ? layer % 2 : 0;
    return w.at + rounded_up(w.rows * w.steps * inputs, kernels_.lanes) + own * directions * all(w);
  }
  T* dy(const Work& w, int layer) const {
    const int own = directions > 1 ? layer % 2 : 0;
    const int before = w.kept ? layers : directions > 1 ? 2 : 1;
    return outputs(w, 0) + (before + own) * directions * all(w);
  }
  T* last(const Work& w) const {
    const int gradients = !w.kept ? 0 : directions > 1 ? 2 : 1;
    return dy(w, 0) + gradients * directions * all(w);
  }
  T* slot(const Work& w, int layer, int d, int i, long number) const {
    return last(w) + 2 * directions * w.rows * width + (layer * directions + d) * states_size(w) +
           number * slot_size(w) + i * w.rows * state_width;
  }
  T* sums(const Work& w) const { return slot(w, layers, 0, 0, 0); }
  T* scratch(const Work& w) const { return sums(w) + (w.kept ? size_ : 0); }
  T* end(const Work& w) const {
    return scratch(w) + std::max(directions, layers) * scratch_size(w);
  }

  Rows<const T> output(const Work& w, int layer) const {
    return {outputs(w, layer), width, width, all(w), directions};
  }

  // Calls f(direction, row, step) with the last step that is read of each row, -1 for none.
  template <class F>
  void each_last_row(const Work& w, const F& f) const {
    for (int d = 0; d < directions; d++)
      for (long r = 0; r < w.rows; r++) {
        const long end = w.length ? w.length[r] : w.steps;
        f(d, r, d && end ? 0 : end - 1);
      }
  }

  // Multiplies steps of a layer's output, or of its gradient, by the dropout mask.
  void drop(const Work& w, int layer, T* at, long first, long steps) const {
    const float rate = static_cast<float>(w.dropout.rate);
    const T scale = static_cast<T>(1) / static_cast<T>(1 - w.dropout.rate);
    for (long r = 0; r < w.rows; r++) {
      const long row = layer * w.dropout.rows + w.dropout.first + r;
      Philox random(w.dropout.key, (row * w.steps + first) * directions * hidden);
      for (long t = first; t < first + steps; t++)
        for (int d = 0; d < directions; d++) {
          T* to = at + d * all(w) + (t * w.rows + r) * width;
          for (long i = 0; i < hidden; i++) to[i] = random() < rate ? 0 : to[i] * scale;
        }
    }
  }

  // Calls f(layer, segment) for all, each after the segment before it and after the same segment
  // of the layer before: segment by segment, or on several threads in waves, as many layers at
  // once.
  template <class F>
  void in_waves(const Work& w, long work, Stop stop, const F& f) const {
    const long n = segments(w);
    const bool alone = w.threads < 2 || layers < 2 || n < 2 || work < worth_a_thread;
    for (long i = 0; alone && i < n; i++)
      for (int layer = 0; layer < layers; layer++) {
        if (stop(work)) return;
        f(layer, i);
      }
    for (long wave = 0; !alone && wave < n + layers - 1; wave++) {
      const long first = std::max(0L, wave - n + 1), last = std::min(layers - 1L, wave);
      if (stop(work * (last - first + 1))) return;
      share(w, last - first + 1, [&](long k) { f(static_cast<int>(first + k), wave - first - k); });
    }
  }

  // Calls f(direction, how to stop) for both, on threads of their own if there are several.
  template <class F>
  void both_ways(const Work& w, Stop stop, const F& f) const {
    share(w, directions,
          [&](long d) { f(static_cast<int>(d), Team::member() ? stop.quiet() : stop); });
  }

  template <class F>
  void share(const Work& w, long n, const F& task) const {
    if (w.in_torch)
      share_out_in_torch(n, w.threads, task);
    else
      share_out(n, w.threads, task);
  }

  // Columns [from, from + n) of the gradient of what a layer reads, over all steps and directions.
  void input_gradient(const T* turned, const Work& w, int layer, long from, long n, T* out) const {
    for (int d = 0; d < directions; d++) {
      Product<T> p{};
      p.rows = w.steps * w.rows;
      p.a = {dy(w, layer) + d * all(w), width, width};
      p.w = turned + matrix(layer, d, LRU_WEIGHT_IN)->turned + from * width;
      p.blocks = n / kernels_.lanes;
      p.out = out;
      p.out_row = n;
      p.add = d > 0;
      kernels_.product(p);
    }
  }
};

}  // namespace hs
