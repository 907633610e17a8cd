// A convolutional stem over one shard: layers of convolution over time, batch normalisation and
// relu, with a mean over `pool` steps after the first.
//
// A convolution is a product whose input rows are the windows of the steps: rows made of `size`
// parts, one step apart, in memory with zeros before the first step and after the last.
//
// Of long sequences, the first layer is passed in segments of time, each computed again where it is
// needed: in memory are its input and the means over `pool` steps.
#pragma once

#include <numeric>
#include <vector>

#include "stack.h"

namespace hs {

// The sizes of a stem; without `channels` there is none.
struct StemShape {
  std::vector<int64_t> channels, sizes;  // outputs and kernel size of each layer
  int64_t pool = 1;
  bool causal = false;  // a step reads no later step
};

// The statistics of one layer's channels over a batch, each [blocks][lanes].
template <class T>
struct Moments {
  T *mean, *inverse;    // of the sums of the convolution; 1 / sqrt(variance + eps)
  T *mean_d, *mean_dx;  // of the gradient of relu's input, and of its product with that input
  T* variance;          // unbiased
};

template <class T>
class Stem {
 public:
  StemShape shape;
  int64_t inputs;
  std::vector<int64_t> widths;   // channels of each layer, padded
  std::vector<Matrix> matrices;  // of each layer: weight, bias, scale, shift, running mean and
                                 // running variance
  static constexpr size_t each = 6;
  std::vector<Grid<T>> grids;  // of what each layer gives, or none

  Stem(const Kernels<T>& kernels, Places& places, int64_t inputs, const StemShape& of)
      : shape(of), inputs(inputs), kernels_(kernels) {
    for (size_t i = 0; i < layers(); i++) {
      const int64_t out = shape.channels[i], size = shape.sizes[i];
      widths.push_back(rounded_up(out, kernels.lanes));
      if (i)
        matrices.push_back(places.padded_weight(size * shape.channels[i - 1], out, 1, 0,
                                                shape.channels[i - 1], true));
      else
        matrices.push_back(places.weight(size * inputs, out, 1, false));
      for (size_t k = 1; k < each; k++) matrices.push_back(places.bias(out, 1, 0));
    }
  }

  size_t layers() const { return shape.channels.size(); }
  int64_t outputs() const { return shape.channels.back(); }
  int64_t pooled(int64_t steps) const { return (steps + shape.pool - 1) / shape.pool; }
  // Whether the optimiser changes a matrix: all but the running moments.
  static bool trained(size_t index) { return index % each < 4; }
  // Whether its gradient is a sum over rows, as gradient() says.
  static bool summed(size_t index) { return index % each < 2; }

  int64_t channels(size_t i) const { return shape.channels[i]; }

  // The working memory of a shard; `kept` says whether a backward pass will follow. `length` is
  // that of the rows as read, `pooled_length` after the mean over `pool` steps; both may be null.
  struct Work {
    T* at;
    int64_t rows, steps;
    bool kept;
    const int64_t *length, *pooled_length;
    // If the first layer is passed in segments, their steps; else 0. Of one: its first step, the
    // steps that it has, and its memory, if that is not the shard's.
    int64_t segment = 0, from = 0, count = 0;
    T* part = nullptr;
  };

  int64_t work_size(int64_t rows, int64_t steps, bool kept, int64_t segment = 0) const {
    return place({nullptr, rows, steps, kept, nullptr, nullptr, segment}, layers()).start;
  }
  // Steps of a segment, whose products are in the tiles of a whole sequence.
  int64_t segment_steps(int64_t rows) const {
    const int64_t whole = stretch / std::gcd(stretch, rows);
    return rounded_up((segment_rows + rows - 1) / rows, whole);
  }
  int64_t part_size(int64_t rows, int64_t segment, bool kept) const {
    return (rows * segment * (kept ? 3 : 2) + 2) * widths[0];
  }
  // Where the caller writes the rows: T*R rows of `inputs` numbers.
  T* x(const Work& w) const { return interior(w, 0); }

  // Two vectors of all channels, and the number of rows that they are from.
  const T* sums(const Work& w, size_t i) const { return w.at + place(w, i).sums; }
  int64_t count(const Work& w, size_t i) const {
    const int64_t* length = i ? w.pooled_length : w.length;
    int64_t rows = 0;
    for (int64_t r = 0; r < w.rows; r++) rows += length ? length[r] : place(w, i).steps;
    return rows;
  }

  // The forward pass of layer i is `convolve`, then `normalise`; `moments` lies between if the
  // moments are those of the batch. The last `normalise` writes `out`: pooled(T)*R rows of the
  // last layer's channels, without padding.
  void convolve(const T* params, const Work& w, size_t i, Stop stop) const {
    const Place p = place(w, i);
    clear_margins(w, interior(w, i), p.in_row, left(i), right(i), p.steps);
    if (!in_parts(w, i)) sums_of_rows(params, w, i, stop);
  }
  // Writes the shard's mean of each channel and the sum of squares about it into sums().
  void moments(const T* params, const Work& w, size_t i, Stop stop) const {
    T* sums = w.at + place(w, i).sums;
    const T share = static_cast<T>(1) / static_cast<T>(std::max<int64_t>(1, count(w, i)));
    std::memset(sums, 0, 2 * widths[i] * sizeof(T));
    each_part(w, i, stop, [&](const Work& part) {
      if (in_parts(w, i)) sums_of_rows(params, part, i, stop);
      kernels_.add_rows(norm(nullptr, part, i, {}));
    });
    for (int64_t c = 0; c < widths[i]; c++) sums[c] *= share;
    each_part(w, i, stop, [&](const Work& part) {
      if (in_parts(w, i)) sums_of_rows(params, part, i, stop);
      kernels_.add_squares(norm(nullptr, part, i, {}));
    });
  }
  void normalise(const T* params, const Work& w, size_t i, const Moments<T>& m, T* out,
                 Stop stop) const {
    const bool last = i + 1 == layers();
    T* to = last ? out : interior(w, i + 1);
    each_part(w, i, stop, [&](const Work& part) {
      if (in_parts(w, i)) sums_of_rows(params, part, i, stop);
      kernels_.normalise(norm(params, part, i, m));
      if (i == 0) average_steps(part, to, last ? outputs() : widths[0]);
    });
    for (int64_t r = 0; i && last && r < steps_of(w, i) * w.rows; r++)
      copy(out + r * outputs(), y_at(w, i) + r * widths[i], outputs());
  }

  // The backward pass of layer i is `slopes`, then `backward`. The last layer's begins with the
  // gradient of `out`, in padded rows. `slopes` writes the sums over the shard of what Moments has
  // the means of into sums().
  void slopes(const T* params, const Work& w, size_t i, const Moments<T>& m, const T* dout,
              Stop stop) const {
    std::memset(w.at + place(w, i).sums, 0, 2 * widths[i] * sizeof(T));
    each_part(w, i, stop, [&](const Work& part) {
      if (in_parts(w, i)) again(params, part, m, stop);
      if (i == 0)
        spread_steps(part, dout);
      else if (i + 1 == layers())
        std::memcpy(gradient_at(w, i), dout, steps_of(w, i) * w.rows * widths[i] * sizeof(T));
      kernels_.normal_slopes(norm(params, part, i, {}));
    });
  }
  // Calls f(work) for each segment of the first layer, and for all of another one.
  template <class F>
  void each_part(const Work& w, size_t i, Stop stop, const F& f) const {
    if (!in_parts(w, i)) return f(w);
    Work part = w;
    for (; part.from < w.steps && !stop(0); part.from += w.segment) {
      part.count = std::min(w.segment, w.steps - part.from);
      f(part);
    }
  }
  // Computes the gradient of the sums of a segment, of which gradient() is the sum over the rows.
  void part_backward(const T* params, const Work& part, const Moments<T>& m, const T* dout,
                     Stop stop) const {
    again(params, part, m, stop);
    spread_steps(part, dout);
    Norm<T> n = norm(params, part, 0, m);
    n.sums = x_at(part, 0) + 3 * part.segment * part.rows * widths[0];
    std::memset(n.sums, 0, 2 * widths[0] * sizeof(T));
    kernels_.normal_slopes(n);
    kernels_.normalise_back(n);
  }
  // Computes the gradient of the sums, and from it the gradient of the layer below's output: at
  // step t the sum over parts j of the transposed weights times the gradient at t - j + left.
  void backward(const T* params, const T* turned, const Work& w, size_t i, const Moments<T>& m,
                Stop stop) const {
    if (in_parts(w, i)) return;
    const Place p = place(w, i);
    kernels_.normalise_back(norm(params, w, i, m));
    if (!i) return;
    clear_margins(w, gradient_at(w, i), widths[i], right(i), left(i), p.steps);
    T* to = i == 1 ? w.at + place(w, 0).pooled : gradient_at(w, i - 1);
    for (int64_t from = 0; from < p.steps * w.rows; from += stretch) {
      Product<T> product{};
      product.rows = std::min(stretch, p.steps * w.rows - from);
      product.blocks = widths[i - 1] / kernels_.lanes;
      product.out = to + from * widths[i - 1];
      product.out_row = widths[i - 1];
      for (int64_t j = 0; j < shape.sizes[i]; j++) {
        const int64_t first = from + (left(i) - j) * w.rows;
        product.a = {gradient_at(w, i) + first * widths[i], widths[i], widths[i]};
        product.w = turned + matrices[each * i].turned + j * widths[i - 1] * widths[i];
        product.add = j > 0;
        kernels_.product(product);
      }
      if (stop(product.rows * shape.sizes[i] * widths[i] * widths[i - 1])) return;
    }
  }

  // The sum that gives the gradient of a weight or a bias in this shard; the caller sets block, m
  // and c.
  Outer<T> gradient(const Work& w, size_t index) const {
    const size_t i = index / each;
    Outer<T> o{};
    o.gates = 1;
    o.k = steps_of(w, i) * w.rows;
    o.d = gradient_at(w, i);
    o.d_row = widths[i];
    o.d_block = kernels_.lanes;
    if (index % each == 0) o.a = windows(w, i, i ? 0 : w.from * w.rows);
    return o;
  }

 private:
  // Rows at a time of a product with several blocks of weights, so that they stay in the cache.
  static constexpr int64_t stretch = 256;
  // Rows of a segment, about as many as the second-level cache holds.
  static constexpr int64_t segment_rows = 1024;

  // Offsets of a layer's arrays in the working memory, and the size of its input.
  struct Place {
    int64_t start = 0, steps = 0, in_row = 0;
    int64_t in = 0, x = 0, y = 0, sums = 0;
    int64_t d = 0, pooled = 0;  // kept: the gradient with margins; of layer 0's pooled output
    int64_t part = 0;           // in place of x, y and d of a layer that is passed in segments
  };

  const Kernels<T>& kernels_;

  // Steps before and after a step that a window reads.
  int64_t left(size_t i) const {
    return shape.causal ? shape.sizes[i] - 1 : (shape.sizes[i] - 1) / 2;
  }
  int64_t right(size_t i) const { return shape.sizes[i] - 1 - left(i); }

  Place place(const Work& w, size_t layer) const {
    Place p;
    int64_t end = 0;
    const auto take = [&](int64_t numbers) {
      const int64_t from = end;
      end += rounded_up(numbers, kernels_.lanes);
      return from;
    };
    for (size_t i = 0; i < layer || (i == layer && i < layers()); i++) {
      p.start = end;
      p.steps = i ? pooled(w.steps) : w.steps;
      p.in_row = i ? widths[i - 1] : inputs;
      const int64_t more = shape.sizes[i] - 1, rows = p.steps * w.rows;
      p.in = take((p.steps + more) * w.rows * p.in_row);
      p.sums = take(2 * widths[i]);
      p.pooled = w.kept && !i ? take(pooled(w.steps) * w.rows * widths[0]) : 0;
      if (in_parts(w, i)) {
        p.part = take(part_size(w.rows, w.segment, w.kept));
        continue;
      }
      p.x = take(rows * widths[i]);
      p.d = w.kept ? take((rows + more * w.rows) * widths[i]) : 0;
      // The output of an inner layer is the interior of the next layer's input.
      const bool own = !i || i + 1 == layers();
      p.y = own ? take(rows * widths[i]) : end + left(i + 1) * w.rows * widths[i];
    }
    if (layer == layers()) p.start = end;
    return p;
  }

  // Step 0 of a layer's input, and of the gradient of its sums.
  T* interior(const Work& w, size_t i) const {
    const Place p = place(w, i);
    return w.at + p.in + left(i) * w.rows * p.in_row;
  }
  T* gradient_at(const Work& w, size_t i) const {
    if (in_parts(w, i)) return x_at(w, i) + 2 * w.segment * w.rows * widths[i];
    return w.at + place(w, i).d + right(i) * w.rows * widths[i];
  }
  T* x_at(const Work& w, size_t i) const {
    if (in_parts(w, i)) return w.part ? w.part : w.at + place(w, i).part;
    return w.at + place(w, i).x;
  }
  T* y_at(const Work& w, size_t i) const {
    if (in_parts(w, i)) return x_at(w, i) + w.segment * w.rows * widths[i];
    return w.at + place(w, i).y;
  }
  bool in_parts(const Work& w, size_t i) const { return !i && w.segment; }
  // The steps of a layer that are in memory, but for its input.
  int64_t steps_of(const Work& w, size_t i) const {
    return in_parts(w, i) ? w.count : place(w, i).steps;
  }

  // Computes the sums of the convolution for the steps in memory.
  void sums_of_rows(const T* params, const Work& w, size_t i, Stop stop) const {
    const int64_t rows = steps_of(w, i) * w.rows, first = i ? 0 : w.from * w.rows;
    T* out = x_at(w, i);
    for (int64_t from = 0; from < rows; from += stretch) {
      Product<T> product{};
      product.rows = std::min(stretch, rows - from);
      product.a = windows(w, i, first + from);
      product.w = params + matrices[each * i].at;
      product.bias = params + matrices[each * i + 1].at;
      product.blocks = widths[i] / kernels_.lanes;
      product.out = out + from * widths[i];
      product.out_row = widths[i];
      kernels_.product(product);
      if (stop(product.rows * product.a.columns() * widths[i])) return;
    }
  }
  // Repeats the forward pass of a segment, but for the mean of its steps.
  void again(const T* params, const Work& part, const Moments<T>& m, Stop stop) const {
    sums_of_rows(params, part, 0, stop);
    kernels_.normalise(norm(params, part, 0, m));
  }

  Rows<const T> windows(const Work& w, size_t i, int64_t from) const {
    const int64_t row = place(w, i).in_row;
    return {interior(w, i) + (from - left(i) * w.rows) * row, row, row, w.rows * row,
            static_cast<int>(shape.sizes[i])};
  }

  void clear_margins(const Work& w, T* first, int64_t row, int64_t before, int64_t after,
                     int64_t steps) const {
    const int64_t step = w.rows * row;
    std::memset(first - before * step, 0, before * step * sizeof(T));
    std::memset(first + steps * step, 0, after * step * sizeof(T));
  }

  Norm<T> norm(const T* params, const Work& w, size_t i, const Moments<T>& m) const {
    Norm<T> n{};
    n.rows = w.rows;
    n.first = i ? 0 : w.from;
    n.steps = steps_of(w, i);
    n.length = i ? w.pooled_length : w.length;
    n.blocks = widths[i] / kernels_.lanes;
    n.x = x_at(w, i);
    n.y = y_at(w, i);
    n.sums = w.at + place(w, i).sums;
    if (w.kept) n.d = gradient_at(w, i);
    if (params) n.scale = params + matrices[each * i + 2].at;
    if (params) n.shift = params + matrices[each * i + 3].at;
    n.mean = m.mean;
    n.inverse = m.inverse;
    n.mean_d = m.mean_d;
    n.mean_dx = m.mean_dx;
    if (!grids.empty()) n.grid = grids[i];
    return n;
  }

  // The steps of row r that step t of the pooled output is the mean of.
  int64_t steps_in(const Work& w, int64_t t, int64_t r) const {
    const int64_t end = w.length ? w.length[r] : w.steps;
    return std::max<int64_t>(0, std::min(shape.pool, end - t * shape.pool));
  }

  // Adds the steps in memory to the means that they belong to.
  void average_steps(const Work& w, T* means, int64_t to_row) const {
    const int64_t n = std::min(widths[0], to_row), end = w.from + steps_of(w, 0);
    const T* from = y_at(w, 0);
    for (int64_t t = w.from; t < end; t++) {
      const int64_t number = t / shape.pool, nth = t % shape.pool;
      const bool ends = nth + 1 == shape.pool || t + 1 == w.steps;
      T* to = means + number * w.rows * to_row;
      for (int64_t r = 0; r < w.rows; r++, from += widths[0], to += to_row) {
        const int64_t steps = steps_in(w, number, r);
        if (!nth) std::memset(to, 0, n * sizeof(T));
        for (int64_t i = 0; nth < steps && i < n; i++) to[i] += from[i];
        const T share = static_cast<T>(1) / static_cast<T>(std::max<int64_t>(1, steps));
        for (int64_t i = 0; ends && i < n; i++) to[i] *= share;
        if (ends && !grids.empty()) kernels_.on_grid(grids[0], to, to, n);
      }
    }
  }

  // The backward pass of average_steps, from padded rows: the gradient of the last layer's output,
  // if that is this one.
  void spread_steps(const Work& w, const T* dout) const {
    const T* d = layers() == 1 ? dout : w.at + place(w, 0).pooled;
    T* to = gradient_at(w, 0);
    for (int64_t t = w.from, end = w.from + steps_of(w, 0); t < end; t++)
      for (int64_t r = 0; r < w.rows; r++, to += widths[0]) {
        const int64_t steps = steps_in(w, t / shape.pool, r);
        const T share = static_cast<T>(1) / static_cast<T>(std::max<int64_t>(1, steps));
        const T* from = d + (t / shape.pool * w.rows + r) * widths[0];
        for (int64_t i = 0; i < widths[0]; i++) to[i] = from[i] * share;
      }
  }
};

}  // namespace hs
