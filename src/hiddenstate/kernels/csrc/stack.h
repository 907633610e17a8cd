// A stack of recurrent layers over one shard, and its memory layout.
#pragma once

#include <algorithm>

#include "any_stack.h"

namespace hs {

template <class T>
class Stack : public AnyStack<T> {
 public:
  using Base = AnyStack<T>;
  using Base::directions, Base::hidden, Base::inputs, Base::layers, Base::matrices, Base::states,
      Base::width, Base::x;
  using typename Base::Work;
  const Declaration& cell;

  // `cell` is a number; `wants_dx` says whether backward() will compute the gradient of the input.
  Stack(const Kernels<T>& kernels, Places& places, int cell, int64_t inputs, int64_t hidden,
        int layers, int directions, bool wants_dx)
      : Base(kernels, inputs, hidden, layers, directions, kernels.cells[cell].about->states,
             hidden),
        cell(*kernels.cells[cell].about), passes_(kernels.cells[cell]) {
    for (int layer = 0; layer < layers; layer++)
      for (int d = 0; d < directions; d++) add_matrices(places, layer, wants_dx);
  }

  bool reads_inputs(size_t index) const override {
    return index % each() == 0 && index < directions * each();
  }

  // Also a multiple of the steps whose inputs are multiplied at once.
  int64_t segment_steps(int64_t, int64_t) const override { return 3 * steps_ahead; }
  // In the second direction, the steps whose inputs are multiplied at once are counted from the
  // end.
  int64_t segments(int64_t rows, int64_t steps) const override {
    const bool apart = directions > 1 && steps % steps_ahead && reads_ahead(rows, steps);
    return apart ? 1 : Base::segments(rows, steps);
  }
  bool carries_output() const override { return true; }
  bool is_summed(size_t index) const override {
    const int own = static_cast<int>(index % each()) - cell.products();
    return own >= 0 && cell.own.at[own].side == SUMMED;
  }
  int64_t sums_size() const override { return cell.summed() * width; }

  int64_t work_size(int64_t rows, int64_t steps, bool kept, bool dropout = false) const override {
    return dy_size(rows, steps, kept) * layers + x_size(rows, steps) +
           layers * directions * part_size(rows, steps, kept) +
           (dropout ? 2 * (layers - 1) * directions * steps * rows * width : 0);
  }

  // Slot `slot` of a state, R rows; slots as in Sequence.
  T* state(const Work& w, int layer, int d, int i, int64_t slot) const {
    return part(w, layer, d) + (i * (w.steps + 1) + slot) * w.rows * width;
  }
  T* h(const Work& w, int layer, int d, int64_t slot = 0) const {
    return state(w, layer, d, 0, slot);
  }
  T* first_state(const Work& w, int layer, int d, int i) const override {
    return state(w, layer, d, i, d ? w.steps : 0);
  }
  T* last_state(const Work& w, int layer, int d, int i) const override {
    return state(w, layer, d, i, d ? 0 : w.steps);
  }
  T* dstate(const Work& w, int layer, int d, int i) const override {
    return state(w, layer, d, states(), 0) + i * w.rows * width;
  }
  // The gradient of a layer's output, [directions][T*R] rows.
  T* dy(const Work& w, int layer) const {
    return w.at + x_size(w.rows, w.steps) + layer * dy_size(w.rows, w.steps, w.kept);
  }

  // The output of a layer over all steps, or its last state.
  Rows<const T> output(const Work& w, int layer) const {
    return pair(h(w, layer, 0, 1), directions > 1 ? h(w, layer, 1, 0) : nullptr);
  }
  Rows<const T> last_output(const Work& w, int layer) const {
    return pair(last_state(w, layer, 0, 0), directions > 1 ? last_state(w, layer, 1, 0) : nullptr);
  }

  Rows<const T> top_output(const Work& w) const override { return output(w, layers - 1); }
  Rows<const T> top_last(const Work& w) const override { return last_output(w, layers - 1); }
  T* top_dy(const Work& w) const override { return dy(w, layers - 1); }
  T* top_dlast(const Work& w, int d) const override { return dstate(w, layers - 1, d, 0); }

  void forward(const T* params, const Work& w, Stop stop) const override {
    for (int layer = 0; layer < layers; layer++) {
      const auto layer_forward = [&](int d, Stop own) {
        if (has_factors(layer, d, 0)) multiply_inputs(params, w, layer, d);
        return sequence(params, w, layer, d, own);
      };
      run(w, false, layer_forward, stop);
      if (w.dropout.key && layer < layers - 1) drop(w, layer);
    }
  }

  void backward(const T* params, const T* turned, const Work& w, bool has_dy, bool wants_first,
                T* dx, Stop stop) const override {
    for (int layer = layers - 1; layer >= 0; layer--) {
      const auto layer_back = [&](int d, Stop own) {
        Sequence<T> q = sequence(params, w, layer, d, own);
        if (cell.state_product) q.wh_back = turned + panels(layer, d, 1).turned;
        if (q.middle.w) q.middle.w_back = turned + factors(layer, d, 1).in->turned;
        if (has_dy || layer < layers - 1) q.dy = dy(w, layer) + d * w.steps * w.rows * width;
        for (int i = 0; i < states(); i++) q.dstate[i] = dstate(w, layer, d, i);
        q.sums = sums(w, layer, d);
        q.resumes = w.sums[d] && w.resumes;
        q.pauses = w.sums[d] && w.pauses;
        q.wants_first = wants_first || q.middle.w;
        return q;
      };
      run(w, true, layer_back, stop);
      for (int d = 0; d < directions; d++) {
        if (stop(w.steps * w.rows * matrix(layer, d, 0).size)) return;
        if (has_factors(layer, d, 0)) multiply_back(turned, w, layer, d);
        if (layer > 0)
          for (int below = 0; below < directions; below++)
            input_gradient(turned, w, layer, d, below * width, width,
                           dy(w, layer - 1) + below * w.steps * w.rows * width, width);
        else if (dx)
          input_gradient(turned, w, 0, d, 0, rounded_up(inputs, kernels_.lanes), dx,
                         rounded_up(inputs, kernels_.lanes));
      }
      if (w.dropout.key && layer > 0) {
        const T* factor = dropped(w, layer - 1) + masked_size(w);
        T* gradient = dy(w, layer - 1);
        for (int64_t i = 0; i < masked_size(w); i++) gradient[i] *= factor[i];
      }
    }
  }

  void give_gradient(const Work& w, size_t index, const Part& part, T* c, bool add) const override {
    add_up(kernels_, matrices[index].is_bias, gradient(w, index), part, c, add);
  }

  void give_factor_gradient(const Work& w, size_t index, bool reads, const Part& part, T* c,
                            bool add) const override {
    const auto [layer, d, which] = position(index);
    const Middle<T> middle = middle_of(w, layer, d, which);
    const int64_t row = middle.blocks * kernels_.lanes;
    Outer<T> o{};
    o.k = w.steps * w.rows;
    o.gates = 1;
    o.d = reads ? middle.d : gates(w, layer, d);
    o.d_row = reads ? row : width;
    o.d_block = kernels_.lanes;
    if (!reads)
      o.a = {middle.at, row, row};
    else if (which)
      o.a = {h(w, layer, d, d ? 1 : 0), width, width};
    else
      o.a = input(w, layer);
    add_up(kernels_, false, o, part, c, add);
  }

  // The sum that gives the gradient of a matrix in this shard; the caller sets block, m and c.
  Outer<T> gradient(const Work& w, size_t index) const {
    const auto [layer, d, which] = position(index);
    const int own = which - cell.products();
    if (is_summed(index)) return sum(w, layer, d, own);
    const Side side = own < 0 ? (which ? STATE : INPUTS) : cell.own.at[own].side;
    Outer<T> o{};
    o.k = w.steps * w.rows;
    o.gates = cell.blocks;
    o.d = gates(w, layer, d) + (side == STATE ? cell.state_at : cell.inputs_at) * kernels_.lanes;
    o.d_row = cell.gated() ? cell.kept * kernels_.lanes : width;
    o.d_block = cell.gated() ? o.k * cell.kept * kernels_.lanes : kernels_.lanes;
    if (which == 0)
      o.a = input(w, layer);
    else if (own < 0)
      o.a = {h(w, layer, d, d ? 1 : 0), width, width};
    return o;
  }

  // What the kernels read and write of a layer and direction.
  Sequence<T> sequence(const T* params, const Work& w, int layer, int d, Stop stop) const {
    Sequence<T> q{};
    q.rows = w.rows;
    q.steps = w.steps;
    q.blocks = width / kernels_.lanes;
    q.hidden = hidden;
    q.reverse = d == 1;
    q.length = w.length;
    q.x = input(w, layer);
    if (has_factors(layer, d, 0)) {
      const Middle<T> middle = middle_of(w, layer, d, 0);
      const int64_t row = middle.blocks * kernels_.lanes;
      q.x = {middle.at, row, row};
    }
    q.wx = params + panels(layer, d, 0).at;
    if (cell.state_product) q.wh = params + panels(layer, d, 1).at;
    if (has_factors(layer, d, 1)) {
      q.middle = middle_of(w, layer, d, 1);
      q.middle.w = params + factors(layer, d, 1).in->at;
    }
    for (int i = 0; i < cell.owned(); i++)
      q.own[i] = params + matrix(layer, d, cell.products() + i).at;
    for (int i = 0; i < states(); i++) q.state[i] = state(w, layer, d, i, 0);
    q.gates = w.kept ? gates(w, layer, d) : nullptr;
    // Where the gradients of the states are in a pass that keeps the gates.
    q.ahead = !w.kept && reads_ahead(w.rows, w.steps) ? dstate(w, layer, d, 0) : nullptr;
    q.more = w.kept ? more(w, layer, d) : nullptr;
    if (!Base::grids.empty()) q.grids = Base::grids[layer];
    q.stop = stop;
    return q;
  }

 private:
  using Base::kernels_;
  const Passes<T>& passes_;

  void add_matrices(Places& places, int layer, bool wants_dx) {
    const int blocks = cell.blocks;
    if (layer == 0)
      matrices.push_back(places.weight(inputs, hidden, blocks, wants_dx));
    else
      matrices.push_back(
          places.padded_weight(hidden * directions, hidden, blocks, 0, hidden, true));
    if (cell.state_product)
      matrices.push_back(places.padded_weight(hidden, hidden, blocks, cell.rotated, hidden, true));
    for (int i = 0; i < cell.owned(); i++) {
      const Own& own = cell.own.at[i];
      const int rotated = own.side == STATE ? cell.rotated : 0;
      matrices.push_back(places.bias(own.axis == '1' ? 1 : hidden, cell.vectors(i), rotated));
    }
  }
  // The gradient of an own array that backward() has added up.
  Outer<T> sum(const Work& w, int layer, int d, int own) const {
    Outer<T> o{};
    const int64_t row = cell.summed() * kernels_.lanes;
    const bool number = cell.own.at[own].axis == '1';
    o.k = number ? width / kernels_.lanes : 1;
    o.gates = cell.vectors(own);
    o.d = sums(w, layer, d) + cell.summed(own) * kernels_.lanes;
    o.d_row = o.d_block = row;
    return o;
  }

  // Matrices of a layer and direction.
  size_t each() const { return cell.products() + cell.owned(); }
  struct Position {
    int layer, d, which;
  };
  Position position(size_t index) const {
    const int of_all = static_cast<int>(index / each());
    return {of_all / directions, of_all % directions, static_cast<int>(index % each())};
  }
  const Matrix& matrix(int layer, int d, int which) const {
    return matrices[(layer * directions + d) * each() + which];
  }
  int64_t x_size(int64_t rows, int64_t steps) const {
    return rounded_up(rows * steps * inputs, kernels_.lanes);
  }
  int64_t dy_size(int64_t rows, int64_t steps, bool kept) const {
    return kept ? directions * steps * rows * width : 0;
  }
  int64_t part_size(int64_t rows, int64_t steps, bool kept) const {
    return own_size(rows, steps, kept) + 2 * middle_size(rows, steps) * (kept ? 3 : 1);
  }
  // Without what stands between factors.
  int64_t own_size(int64_t rows, int64_t steps, bool kept) const {
    int64_t size = (steps + 1) * rows * width * states();
    if (kept)
      size += (states() * rows + steps * rows * (cell.kept + cell.more) + cell.summed()) * width;
    else if (reads_ahead(rows, steps))
      size += steps_ahead * rows * width * cell.kept;
    return size;
  }
  bool reads_ahead(int64_t rows, int64_t steps) const {
    return cell.reads_ahead(rows, steps, kernels_.few_rows);
  }
  T* part(const Work& w, int layer, int d) const {
    return dy(w, layers) + (layer * directions + d) * part_size(w.rows, w.steps, w.kept);
  }
  T* gates(const Work& w, int layer, int d) const { return dstate(w, layer, d, states()); }
  T* more(const Work& w, int layer, int d) const {
    return gates(w, layer, d) + w.steps * w.rows * width * cell.kept;
  }
  T* sums(const Work& w, int layer, int d) const {
    if (w.sums[d]) return w.sums[d] + layer * sums_size();
    return more(w, layer, d) + w.steps * w.rows * width * cell.more;
  }
  // The two whose product a matrix is, if what stands between them is rounded.
  const typename Base::Factors& factors(int layer, int d, int which) const {
    return Base::factors[(layer * directions + d) * each() + which];
  }
  bool has_factors(int layer, int d, int which) const {
    return !Base::factors.empty() && factors(layer, d, which).out;
  }
  // The weight that gives the sums of a product: that matrix, or the first of two.
  const Matrix& panels(int layer, int d, int which) const {
    return has_factors(layer, d, which) ? *factors(layer, d, which).out : matrix(layer, d, which);
  }
  // Numbers between two factors over all steps.
  int64_t middle_size(int64_t rows, int64_t steps) const {
    int64_t rank = 0;
    for (const typename Base::Factors& f : Base::factors)
      if (f.out) rank = f.out->layout.in;
    return rows * steps * rounded_up(rank, kernels_.lanes);
  }
  Middle<T> middle_of(const Work& w, int layer, int d, int which) const {
    const int64_t size = middle_size(w.rows, w.steps), copies = w.kept ? 3 : 1;
    Middle<T> m;
    m.blocks = rounded_up(factors(layer, d, which).out->layout.in, kernels_.lanes) / kernels_.lanes;
    m.at = part(w, layer, d) + own_size(w.rows, w.steps, w.kept) + which * copies * size;
    m.before = w.kept ? m.at + size : m.at;
    m.d = w.kept ? m.at + 2 * size : nullptr;
    m.grid = which ? Base::grids[layer].hidden : Base::grids[layer].inputs;
    return m;
  }
  // What stands between the factors of W, over all steps.
  void multiply_inputs(const T* params, const Work& w, int layer, int d) const {
    const Middle<T> m = middle_of(w, layer, d, 0);
    Product<T> p{};
    p.rows = w.steps * w.rows;
    p.a = input(w, layer);
    p.w = params + factors(layer, d, 0).in->at;
    p.blocks = m.blocks;
    p.out = m.before;
    p.out_row = m.blocks * kernels_.lanes;
    kernels_.product(p);
    kernels_.on_grid(m.grid, m.before, m.at, p.rows * p.out_row);
  }
  void multiply_back(const T* turned, const Work& w, int layer, int d) const {
    const Middle<T> m = middle_of(w, layer, d, 0);
    Product<T> p{};
    p.rows = w.steps * w.rows;
    p.a = {gates(w, layer, d), width, width};
    p.w = turned + factors(layer, d, 0).out->turned;
    p.blocks = m.blocks;
    p.out = m.d;
    p.out_row = m.blocks * kernels_.lanes;
    kernels_.product(p);
    kernels_.cut_gradients(m.grid, m.before, m.d, p.rows * p.out_row);
  }
  // Numbers in a layer's output over all steps: [directions][T*R] rows.
  int64_t masked_size(const Work& w) const { return directions * w.steps * w.rows * width; }
  // A layer's output times its dropout mask, followed by the mask.
  T* dropped(const Work& w, int layer) const {
    return part(w, layers, 0) + layer * 2 * masked_size(w);
  }
  // What a layer reads.
  Rows<const T> input(const Work& w, int layer) const {
    if (!layer) return {x(w), inputs, inputs};
    if (!w.dropout.key) return output(w, layer - 1);
    return {dropped(w, layer - 1), width, width, w.steps * w.rows * width, directions};
  }

  // Writes dropped() of a layer, from its output.
  void drop(const Work& w, int layer) const {
    const Rows<const T> y = output(w, layer);
    const float rate = static_cast<float>(w.dropout.rate);
    const T scale = static_cast<T>(1) / static_cast<T>(1 - w.dropout.rate);
    T *to = dropped(w, layer), *factor = to + masked_size(w);
    std::memset(to, 0, 2 * masked_size(w) * sizeof(T));
    for (int64_t r = 0; r < w.rows; r++) {
      const int64_t row = layer * w.dropout.rows + w.dropout.first + r;
      Philox random(w.dropout.key, (row * w.dropout.steps + w.dropout.from) * directions * hidden);
      for (int64_t t = 0; t < w.steps; t++)
        for (int d = 0; d < directions; d++) {
          const int64_t at = (t * w.rows + r) * width, mine = d * w.steps * w.rows * width + at;
          for (int64_t i = 0; i < hidden; i++) {
            if (random() < rate) continue;
            factor[mine + i] = scale;
            to[mine + i] = y.at[at + d * y.part + i] * scale;
          }
        }
    }
  }

  // Runs all directions of a layer. On several threads, each direction has one, or all take blocks
  // of each step, if these are many; the numbers are the same. The steps do not run on the threads
  // of torch, because a region of OpenMP waits for all of its threads, also for one that another
  // program has taken the processor from.
  template <class F>
  void run(const Work& w, bool back, const F& sequence_of, Stop stop) const {
    const auto whole = back ? passes_.backward : passes_.forward;
    const double work = 1.0 * w.rows * cell.blocks * width * (inputs + width);
    const auto direction = [&](int64_t d) {
      whole(sequence_of(static_cast<int>(d), Team::member() ? stop.quiet() : stop));
    };
    if (w.threads == 1) {
      for (int d = 0; d < directions; d++) direction(d);
    } else if (directions > 1 && w.in_torch) {
      share_out_in_torch(directions, w.threads, direction);
    } else if (directions > 1) {
      share_out(directions, w.threads, direction);
    } else if (work < worth_a_thread || !Base::factors.empty()) {
      direction(0);
    } else {
      const Sequence<T> q = sequence_of(0, stop);
      const auto step = back ? passes_.backward_step : passes_.forward_step;
      const int64_t n = w.steps + (back && q.wants_first);
      // Without a product of the state, blocks do not wait for one another.
      const int64_t at_once = cell.state_product ? 1 : 8 * steps_ahead;
      for (int64_t i = 0; i < n; i += at_once) {
        if (stop(static_cast<int64_t>(work) * at_once)) return;
        share_out((q.blocks + 3) / 4, w.threads, [&](int64_t four) {
          for (int64_t k = i; k < std::min(n, i + at_once); k++)
            step(q, back ? w.steps - 1 - k : k, 4 * four, std::min(q.blocks, 4 * four + 4));
        });
      }
    }
  }

  Rows<const T> pair(const T* first, const T* second) const {
    return {first, width, width, second ? second - first : 0, directions};
  }

  // Computes columns [from, from + n) of the layer's input gradient over all steps; the second
  // direction adds to the first.
  void input_gradient(const T* turned, const Work& w, int layer, int d, int64_t from, int64_t n,
                      T* out, int64_t out_row) const {
    const int64_t lanes = kernels_.lanes, columns = cell.blocks * width;
    Product<T> p{};
    p.rows = w.steps * w.rows;
    const T* from_gates = gates(w, layer, d) + cell.inputs_at * lanes;
    if (cell.gated())
      p.a = {from_gates, cell.kept * lanes, cell.blocks * lanes, p.rows * cell.kept * lanes,
             static_cast<int>(width / lanes)};
    else
      p.a = {from_gates, width, width};
    p.w = turned + matrix(layer, d, 0).turned + from * columns;
    if (has_factors(layer, d, 0)) {
      const Middle<T> middle = middle_of(w, layer, d, 0);
      const int64_t row = middle.blocks * lanes;
      p.a = {middle.d, row, row};
      p.w = turned + factors(layer, d, 0).in->turned + from * row;
    }
    p.blocks = n / lanes;
    p.out = out;
    p.out_row = out_row;
    p.add = d > 0;
    kernels_.product(p);
  }
};

}  // namespace hs
