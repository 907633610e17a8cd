// A stack of LRU blocks over one shard (cells/lru.h), and its memory layout.
//
// Segment after segment of steps passes through all layers. Kept are the input,
// the state before each segment in each layer and, if it is read, the output of
// the last layer; the backward pass computes all segments but the last again,
// and adds up the gradients of the weights. With two directions a
// layer needs all of what it reads: layer after layer passes over all segments,
// and the outputs of all layers are kept.
#pragma once

#include <algorithm>
#include <array>
#include <numeric>
#include <stdexcept>

#include "any_stack.h"

namespace hs {

// The memory of a segment, about, and its most steps.
constexpr int64_t segment_bytes = 640 << 10, most_segment_steps = 64;

// The segments that Net passes long sequences in, about, unless they would be shorter than it can.
constexpr int64_t most_segments = 128;

template <class T>
class LruStack : public AnyStack<T> {
 public:
  using Base = AnyStack<T>;
  using Base::directions, Base::hidden, Base::inputs, Base::layers, Base::matrices,
      Base::state_size, Base::state_width, Base::width, Base::x;
  using typename Base::Work;

  // `states` is S, the number of complex states of a layer and direction.
  LruStack(const Kernels<T>& kernels, Places& places, int64_t inputs, int64_t hidden,
           int64_t states, int layers, int directions, bool wants_dx)
      : Base(kernels, inputs, hidden, layers, directions, 2, states), first_(places.size) {
    if (states < 1) throw std::invalid_argument("states: expected at least 1");
    for (int layer = 0; layer < layers; layer++)
      for (int d = 0; d < directions; d++) add_matrices(places, layer, d, wants_dx);
    size_ = places.size - first_;
  }

  bool reads_inputs(size_t index) const override {
    for (int d = 0; d < directions; d++)
      if (index == static_cast<size_t>(index_[d][LRU_WEIGHT_IN])) return true;
    return false;
  }

  // Made of segments of this stack, whose products and sums are then those of a whole sequence. The
  // more of them, the more is computed again; the fewer, the more states are kept.
  int64_t segment_steps(int64_t rows, int64_t steps) const override {
    const int64_t own = steps_of_segment(rows);
    const int64_t least = own * (whole_tiles / std::gcd(whole_tiles, own * rows));
    return rounded_up(std::max<int64_t>(1, steps / most_segments), least);
  }
  // Of two directions, they take several times as long.
  int64_t segments_cost() const override { return directions > 1 ? 4 : 1; }
  bool is_summed(size_t) const override { return true; }
  int64_t sums_size() const override { return (size_ + layers - 1) / layers; }
  bool carries_output() const override { return false; }

  int64_t work_size(int64_t rows, int64_t steps, bool kept, bool = false) const override {
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

  Rows<const T> top_output(const Work& w) const override {
    return {outputs(w, layers - 1), width, width, all(w), directions};
  }
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
    std::memset(last(w), 0, directions * w.rows * width * sizeof(T));
    const int64_t n = n_segments(w);
    if (directions == 1) {
      in_waves(w, n, stop, [&](int layer, int64_t nth) {
        LruSegment<T> q = segment(params, w, layer, 0, nth);
        if (w.kept && nth == n - 1) {  // the backward pass begins with it
          q.keeps = true;
          q.scratch = scratch(w, nth, layer);
        }
        kernels_.lru_forward(q);
        if (layer == layers - 1)
          gather_last(w, 0, q.out, q.first, q.steps);
        else if (w.dropout.key)
          drop(w, layer, q.out, q.first, q.steps);
      });
      return;
    }
    for (int layer = 0; layer < layers; layer++) {
      both_ways(w, stop, [&](int d, Stop own) {
        for (int64_t i = 0; i < n && !own(work(w)); i++)
          kernels_.lru_forward(segment(params, w, layer, d, i));
      });
      if (w.dropout.key && layer < layers - 1) drop(w, layer, outputs(w, layer), 0, w.steps);
    }
    for (int d = 0; d < 2; d++) gather_last(w, d, outputs(w, layers - 1) + d * all(w), 0, w.steps);
  }

  void backward(const T* params, const T* turned, const Work& w, bool has_dy, bool, T* dx,
                Stop stop) const override {
    for (int d = 0; d < directions; d++)
      if (!w.sums[d] || !w.resumes) std::memset(sums(w, d), 0, size_ * sizeof(T));
    const int64_t n = n_segments(w);
    if (directions == 1) {
      const int64_t padded = rounded_up(inputs, kernels_.lanes);
      const auto again = [&](int64_t nth) {
        for (int layer = 0; nth < n - 1 && layer < layers; layer++) {
          const bool inner = layer < layers - 1;
          const LruSegment<T> q = repeated(params, w, layer, 0, nth, inner);
          kernels_.lru_forward(q);
          if (w.dropout.key && inner) drop(w, layer, q.out, q.first, q.steps);
        }
      };
      const auto back = [&](int64_t nth) {
        T* dy = nullptr;
        for (int layer = layers - 1; layer >= 0; layer--) {
          const LruSegment<T> q = repeated(params, w, layer, 0, nth, false);
          if (!dy) dy = top_gradient(w, has_dy, nth, q);
          pass_back(turned, w, layer, 0, dy, q);
          const int64_t rows = q.steps * w.rows, from = q.first * w.rows;
          if (w.dropout.key && layer) drop(w, layer - 1, dy, q.first, q.steps);
          if (!layer && dx) input_gradient(turned, 0, 0, 0, padded, dy, rows, dx + from * padded);
        }
      };
      // While a thread passes back through a segment, another repeats the
      // segment before it.
      const bool both = w.threads > 1 && n > 1 && layers * work(w) > worth_a_thread;
      for (int64_t i = n - 1; i >= (both ? -1 : 0); i--) {
        if (stop(4 * layers * work(w))) return;
        if (both)
          share(w, 2, [&](int64_t task) {
            if (task && i >= 0) again(i);
            if (!task && i < n - 1) back(i + 1);
          });
        else
          again(i), back(i);
      }
      return;
    }
    for (int d = 0; d < 2; d++) {
      T* top = dy(w, layers - 1) + d * all(w);
      if (!has_dy) std::memset(top, 0, all(w) * sizeof(T));
      add_last(w, d, top, 0, w.steps);
    }
    for (int layer = layers - 1; layer >= 0; layer--) {
      both_ways(w, stop, [&](int d, Stop own) {
        for (int64_t i = n - 1; i >= 0 && !own(4 * work(w)); i--) {
          LruSegment<T> q = repeated(params, w, layer, d, i, false);
          kernels_.lru_forward(q);
          pass_back(turned, w, layer, d, dy(w, layer) + d * all(w) + q.first * w.rows * width, q);
        }
      });
      if (stop(0)) return;
      for (int d = 0; d < 2; d++) {
        const T* from = dy(w, layer) + d * all(w);
        for (int below = 0; layer && below < 2; below++)
          input_gradient(turned, layer, d, below * width, width, from, w.steps * w.rows,
                         dy(w, layer - 1) + below * all(w));
        if (!layer && dx)
          input_gradient(turned, 0, d, 0, rounded_up(inputs, kernels_.lanes), from,
                         w.steps * w.rows, dx);
      }
      if (w.dropout.key && layer) drop(w, layer - 1, dy(w, layer - 1), 0, w.steps);
    }
  }

  void give_gradient(const Work& w, size_t index, const Part& part, T* c, bool add) const override {
    const Matrix& m = matrices[index];
    const int64_t lanes = kernels_.lanes, panel = m.layout.k() * lanes;
    const T* from = sums(w, direction_[index]) + m.at - first_;
    for (int64_t block = part.block; block < part.block + part.blocks; block++)
      for (int64_t i = block * panel + part.m0 * lanes; i < block * panel + part.m1 * lanes; i++)
        c[i] = add ? c[i] + from[i] : from[i];
  }

 private:
  using Base::kernels_;
  int64_t first_, size_;                            // of the stack's parameters in flat memory
  std::vector<std::array<int, LRU_ARRAYS>> index_;  // in `matrices`, -1 for none
  std::vector<int> direction_;                      // of each matrix

  void add_matrices(Places& places, int layer, int d, bool wants_dx) {
    const int64_t h = hidden, s = state_size;
    std::array<int, LRU_ARRAYS>& index = index_.emplace_back();
    index.fill(-1);
    const auto add = [&](int array, Matrix m) {
      m.decays = array != LRU_NU && array != LRU_THETA && array != LRU_GAMMA;
      index[array] = static_cast<int>(matrices.size());
      matrices.push_back(m);
      direction_.push_back(d);
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

  // About as many as the second-level cache holds.
  int64_t steps_of_segment(int64_t rows) const {
    const int64_t row = (7 * width + 6 * state_width) * static_cast<int64_t>(sizeof(T));
    return std::clamp(segment_bytes / row / rows, int64_t{8}, most_segment_steps);
  }
  int64_t n_segments(const Work& w) const {
    const int64_t steps = steps_of_segment(w.rows);
    return (w.steps + steps - 1) / steps;
  }
  // The nth segment that a direction reads.
  LruSegment<T> segment(const T* params, const Work& w, int layer, int d, int64_t nth) const {
    LruSegment<T> q{};
    const int64_t steps = steps_of_segment(w.rows), k = d ? n_segments(w) - 1 - nth : nth;
    q.rows = w.rows;
    q.first = k * steps;
    q.steps = std::min(steps, w.steps - q.first);
    q.blocks = width / kernels_.lanes;
    q.hidden = hidden;
    q.state_blocks = state_width / kernels_.lanes;
    q.reverse = d == 1;
    q.length = w.length;
    const int64_t from = q.first * w.rows;
    if (!layer)
      q.x = {x(w) + from * inputs, inputs, inputs};
    else if (directions == 1)
      q.x = {local_output(w, nth, layer - 1), width, width};
    else
      q.x = {outputs(w, layer - 1) + from * width, width, width, all(w), directions};
    for (int i = 0; i < LRU_ARRAYS; i++)
      if (const Matrix* m = matrix(layer, d, i)) q.params[i] = params + m->at;
    for (int i = 0; i < 2; i++) q.before[i] = slot(w, layer, d, i, w.kept ? nth : 1);
    for (int i = 0; i < 2; i++) q.after[i] = slot(w, layer, d, i, w.kept ? nth + 1 : 1);
    const bool local = directions == 1 && (layer < layers - 1 || !w.whole_output);
    q.out = local ? local_output(w, nth, layer) : outputs(w, layer) + d * all(w) + from * width;
    q.scratch = scratch(w, nth, directions > 1 ? d : w.threads > 1 ? layer : 0);
    return q;
  }
  // The same for another forward pass that keeps what the backward pass reads.
  LruSegment<T> repeated(const T* params, const Work& w, int layer, int d, int64_t nth,
                         bool wants_output) const {
    LruSegment<T> q = segment(params, w, layer, d, nth);
    q.keeps = true;
    q.after[0] = q.after[1] = nullptr;
    q.scratch = scratch(w, nth, directions > 1 ? d : layer);
    if (!wants_output) q.out = nullptr;
    return q;
  }
  // Replaces the gradient `dy` of a segment's output by that of its input.
  void pass_back(const T* turned, const Work& w, int layer, int d, T* dy, LruSegment<T> q) const {
    q.dy = dy;
    for (int k = 0; k < 2; k++) q.dstate[k] = dstate(w, layer, d, k);
    for (int k = 0; k < LRU_ARRAYS; k++) {
      const Matrix* m = matrix(layer, d, k);
      if (m && m->turned >= 0) q.turned[k] = turned + m->turned;
      if (m) q.sums[k] = sums(w, d) + m->at - first_;
    }
    kernels_.lru_backward(q);
  }
  int64_t work(const Work& w) const {
    return steps_of_segment(w.rows) * w.rows * size_ / (layers * directions);
  }

  // Numbers in a layer's output over all steps, and in that of a segment, in
  // one direction.
  int64_t all(const Work& w) const { return w.steps * w.rows * width; }
  int64_t local_size(const Work& w) const {
    return std::min(steps_of_segment(w.rows), w.steps) * w.rows * width;
  }
  int64_t scratch_size(const Work& w) const {
    const int64_t n = local_size(w) / width, row = 2 * state_width;
    return 4 * row + 2 * rounded_up(n, kernels_.lanes) +
           n * (w.kept ? 7 * width + 3 * row : 5 * width + row);
  }
  // Slots of the state: before each segment and after the last, or of all
  // segments one.
  int64_t slots(const Work& w) const { return w.kept ? n_segments(w) + 1 : 2; }
  int64_t slot_size(const Work& w) const { return 2 * w.rows * state_width; }
  int64_t states_size(const Work& w) const { return (slots(w) + (w.kept ? 1 : 0)) * slot_size(w); }

  // Where the parts of the memory begin, one after the other.
  T* outputs(const Work& w, int layer) const {
    const int own = directions == 1 ? 0 : w.kept ? layer : layer % 2;
    return w.at + rounded_up(w.rows * w.steps * inputs, kernels_.lanes) + own * directions * all(w);
  }
  T* dy(const Work& w, int layer) const {
    const int own = directions > 1 ? layer % 2 : 0;
    const int before = directions == 1 ? 1 : w.kept ? layers : 2;
    return outputs(w, 0) + (before + own) * directions * all(w);
  }
  T* last(const Work& w) const {
    const int gradients = !w.kept ? 0 : directions > 1 ? 2 : 1;
    return dy(w, 0) + gradients * directions * all(w);
  }
  T* slot(const Work& w, int layer, int d, int i, int64_t number) const {
    return last(w) + 2 * directions * w.rows * width + (layer * directions + d) * states_size(w) +
           number * slot_size(w) + i * w.rows * state_width;
  }
  T* sums(const Work& w) const { return slot(w, layers, 0, 0, 0); }
  T* sums(const Work& w, int d) const { return w.sums[d] ? w.sums[d] : sums(w); }
  // Of one direction there are two sets, for segments that several threads
  // compute at once. Each has scratch memory and an output for each layer, and
  // the gradient of an output.
  int64_t set_size(const Work& w) const {
    if (directions > 1) return 2 * scratch_size(w);
    return layers * (scratch_size(w) + local_size(w)) + local_size(w);
  }
  T* set(const Work& w, int64_t nth) const {
    const bool several = directions == 1 && w.threads > 1;
    const int64_t own =
        several ? (n_segments(w) - 1 - nth) % 2 : 0;  // of the last always the first
    return sums(w) + (w.kept ? size_ : 0) + own * set_size(w);
  }
  T* scratch(const Work& w, int64_t nth, int number) const {
    return set(w, nth) + number * scratch_size(w);
  }
  T* local_output(const Work& w, int64_t nth, int layer) const {
    return scratch(w, nth, layers) + layer * local_size(w);
  }
  T* end(const Work& w) const {
    return set(w, n_segments(w) - 1) + (directions > 1 ? 1 : 2) * set_size(w);
  }

  // Calls f(row, its place in the segment) for the rows of which a direction
  // reads the last step in a segment.
  template <class F>
  void each_last_row(const Work& w, int d, int64_t first, int64_t steps, const F& f) const {
    for (int64_t r = 0; r < w.rows; r++) {
      const int64_t end = w.length ? w.length[r] : w.steps, t = d && end ? 0 : end - 1;
      if (first <= t && t < first + steps) f(r, ((t - first) * w.rows + r) * width);
    }
  }
  void gather_last(const Work& w, int d, const T* out, int64_t first, int64_t steps) const {
    each_last_row(w, d, first, steps, [&](int64_t r, int64_t at) {
      copy(last(w) + (d * w.rows + r) * width, out + at, width);
    });
  }
  void add_last(const Work& w, int d, T* dy, int64_t first, int64_t steps) const {
    each_last_row(w, d, first, steps, [&](int64_t r, int64_t at) {
      const T* from = top_dlast(w, d) + r * width;
      for (int64_t i = 0; i < width; i++) dy[at + i] += from[i];
    });
  }
  // The gradient of the last layer's output in a segment, of one direction.
  T* top_gradient(const Work& w, bool has_dy, int64_t nth, const LruSegment<T>& q) const {
    T* dy = has_dy ? top_dy(w) + q.first * w.rows * width : local_output(w, nth, layers);
    if (!has_dy) std::memset(dy, 0, q.steps * w.rows * width * sizeof(T));
    add_last(w, 0, dy, q.first, q.steps);
    return dy;
  }

  // Multiplies steps of a layer's output, or of its gradient, by the dropout
  // mask.
  void drop(const Work& w, int layer, T* at, int64_t first, int64_t steps) const {
    const float rate = static_cast<float>(w.dropout.rate);
    const T scale = static_cast<T>(1) / static_cast<T>(1 - w.dropout.rate);
    for (int64_t r = 0; r < w.rows; r++) {
      const int64_t row = layer * w.dropout.rows + w.dropout.first + r;
      const int64_t from = row * w.dropout.steps + w.dropout.from + first;
      Philox random(w.dropout.key, from * directions * hidden);
      for (int64_t t = 0; t < steps; t++)
        for (int d = 0; d < directions; d++) {
          T* to = at + d * all(w) + (t * w.rows + r) * width;
          for (int64_t i = 0; i < hidden; i++) to[i] = random() < rate ? 0 : to[i] * scale;
        }
    }
  }

  // Calls f(layer, segment) for all, each after the segment before it and after
  // the same segment of the layer before: segment by segment, or on several
  // threads in waves, as many layers at once.
  template <class F>
  void in_waves(const Work& w, int64_t n, Stop stop, const F& f) const {
    const int64_t work = this->work(w);
    const bool alone = w.threads < 2 || layers < 2 || n < 2 || work < worth_a_thread;
    for (int64_t i = 0; alone && i < n; i++)
      for (int layer = 0; layer < layers; layer++) {
        if (stop(work)) return;
        f(layer, i);
      }
    for (int64_t wave = 0; !alone && wave < n + layers - 1; wave++) {
      const int64_t first = std::max<int64_t>(0, wave - n + 1),
                    last = std::min(layers - int64_t{1}, wave);
      if (stop(work * (last - first + 1))) return;
      share(w, last - first + 1,
            [&](int64_t k) { f(static_cast<int>(first + k), wave - first - k); });
    }
  }

  // Calls f(direction, how to stop) for both, on threads of their own if there
  // are several.
  template <class F>
  void both_ways(const Work& w, Stop stop, const F& f) const {
    share(w, directions,
          [&](int64_t d) { f(static_cast<int>(d), Team::member() ? stop.quiet() : stop); });
  }

  template <class F>
  void share(const Work& w, int64_t n, const F& task) const {
    if (w.in_torch)
      share_out_in_torch(n, w.threads, task);
    else
      share_out(n, w.threads, task);
  }

  // Columns [from, from + n) of the gradient of what a layer reads, from `rows`
  // rows of the gradient in a direction; the second direction adds to the
  // first.
  void input_gradient(const T* turned, int layer, int d, int64_t from, int64_t n, const T* dy,
                      int64_t rows, T* out) const {
    Product<T> p{};
    p.rows = rows;
    p.a = {dy, width, width};
    p.w = turned + matrix(layer, d, LRU_WEIGHT_IN)->turned + from * width;
    p.blocks = n / kernels_.lanes;
    p.out = out;
    p.out_row = n;
    p.add = d > 0;
    kernels_.product(p);
  }
};

}  // namespace hs
