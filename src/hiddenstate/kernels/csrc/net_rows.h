// What passes between a Net<T> and the rows of the caller: inputs, targets, losses, outputs;
// included by net.cpp alone.
#pragma once

#include "net.h"
#include "net_losses.h"

namespace hs {

template <class T, class From>
void convert(const From* from, T* to, int64_t n) {
  for (int64_t i = 0; i < n; i++) to[i] = static_cast<T>(from[i]);
}

// Copies rows of the table into the shard, on a grid: for an autoencoder as they are, and also
// unchanged, as its targets; else with time first.
template <class T>
void Net<T>::read(const Table& x, const int64_t* rows, Shard& s, const Grid<T>& grid) {
  const int64_t inputs = shape_.inputs, n = recurrent() ? input_steps(s) * inputs : x.numbers;
  const bool alone = s.rows == 1;  // then both layouts are the same
  if (!recurrent() && grid.shift > 0) s.target.need(s.rows * n);
  for (int64_t r = 0; r < s.rows; r++) {
    const int64_t from = (rows ? rows[s.first + r] : s.first + r) * x.numbers + s.from * inputs;
    T* line = !recurrent() ? s.table.at() + r * s.p.x.row : alone ? input(s) : s.table.at();
    if (x.kind == BYTES)
      kernels_.fractions(static_cast<const uint8_t*>(x.at) + from, line, n);
    else if (x.kind == FLOATS)
      convert(static_cast<const float*>(x.at) + from, line, n);
    else
      convert(static_cast<const double*>(x.at) + from, line, n);
    if (!recurrent() && grid.shift > 0) copy(s.target.at() + r * n, line, n);
    if (grid.shift > 0) kernels_.on_grid(grid, line, line, n);
    if (!recurrent()) continue;
    if (input_length(s)) {  // numbers after the end of a row may be anything
      const int64_t end = std::min<int64_t>(std::max<int64_t>(input_length(s)[r], 0) * inputs, n);
      std::memset(line + end, 0, (n - end) * sizeof(T));
    }
    if (alone) continue;
    T* to = input(s) + r * inputs;
    for (int64_t t = 0; t < input_steps(s); t++)
      copy(to + t * s.rows * inputs, line + t * inputs, inputs);
  }
}

// Rows of weight 0 may contain anything, which must not get into any sum. If the state is carried,
// they are read, because the state affects the outputs of later rows.
template <class T>
void Net<T>::leave_out(const Lesson<T>& lesson, const Orders& orders, Shard& s) {
  if (!lesson.weights || lesson.stateful) return;
  for (int64_t r = 0; r < s.rows; r++) {
    if (lesson.weights[orders.rows[s.first + r]] != 0) continue;
    if (!recurrent()) std::memset(s.table.at() + r * s.p.x.row, 0, s.p.x.row * sizeof(T));
    if (!recurrent() && grid_.shift > 0)
      std::memset(s.target.at() + r * s.p.x.row, 0, s.p.x.row * sizeof(T));
    for (int64_t t = 0; recurrent() && t < input_steps(s); t++)
      std::memset(input(s) + (t * s.rows + r) * shape_.inputs, 0, shape_.inputs * sizeof(T));
    if (stem_) leave_out_of_stem(s, r);
  }
}

// Copies a shard's outputs of dense layer `layer`: unpadded, rows before `steps` steps, zero after
// a row ends; those of the steps that are in memory.
template <class T>
void Net<T>::give_out(const Shard& s, size_t layer, int64_t steps, T* out) const {
  const int64_t n = dense_->widths[layer + 1], row = dense_->row(layer + 1);
  if (!recurrent() || !shape_.every_step) steps = 1;
  if (stem_) steps = stem_->pooled(steps);
  const bool part = steps > 1;
  const T* from = dense_->output(s.p, layer);
  const int64_t begin = part ? s.from : 0, end = part && s.until ? s.until : steps;
  for (int64_t t = 0; t < end - begin; t++)
    for (int64_t r = 0; r < s.rows; r++) {
      T* to = out + ((s.first + r) * steps + begin + t) * n;
      if (part && s.w.length && t >= s.w.length[r])
        std::memset(to, 0, n * sizeof(T));
      else
        copy(to, from + (t * s.rows + r) * row, n);
    }
}

// Computes the shard's loss and the gradient of the last layer's output.
template <class T>
void Net<T>::lose(const Lesson<T>& lesson, const Orders& orders, double count, Shard& s) {
  const size_t top = dense_->layers() - 1;
  const int64_t n = dense_->widths.back(), row = dense_->row(top + 1);
  const T *out = dense_->output(s.p, top), scale = static_cast<T>(1 / count);
  T* d = dense_->gradient(s.p, top);
  s.loss.need(s.p.rows);
  if (shape_.classify) {
    int64_t target[shard_rows];
    for (int64_t r = 0; r < s.rows; r++) target[r] = lesson.classes[orders.rows[s.first + r]];
    const T hard = lesson.soft ? static_cast<T>(lesson.hard / count) : scale;
    kernels_.cross_entropy(out, s.rows, row, n, target, lesson.smooth, hard, d, s.loss.at());
    if (lesson.soft) {
      const T* soft[shard_rows];
      for (int64_t r = 0; r < s.rows; r++) soft[r] = lesson.soft + orders.rows[s.first + r] * n;
      kernels_.soften(out, s.rows, row, n, soft, lesson.temperature, lesson.hard, scale, d,
                      s.loss.at());
    }
  } else if (!recurrent()) {
    const T* target = grid_.shift > 0 ? s.target.at() : s.table.at();
    kernels_.squared_error(out, s.rows, row, n, target, n, scale, d, s.loss.at());
  } else {
    const int64_t steps = s.p.rows / s.rows, all = shape_.every_step ? lesson.steps : 1;
    const int64_t begin = shape_.every_step ? s.from : 0;
    s.target.need(s.p.rows * n);
    for (int64_t r = 0; r < s.rows; r++)
      for (int64_t t = 0; t < steps; t++)
        copy(s.target.at() + (t * s.rows + r) * n,
             lesson.targets + (orders.rows[s.first + r] * all + begin + t) * n, n);
    const int32_t* from = lesson.counts_from;
    const auto counts = [&](int64_t r, int64_t t) {
      return !(s.w.length && t >= s.w.length[r]) &&
             !(from && begin + t < from[orders.rows[s.first + r]]);
    };
    const Compared<T> c{out, s.target.at(), d,        s.loss.at(), s.p.rows, s.rows, row,
                        n,   scale,         s.before, s.after};
    if (lesson.loss == SQUARED)
      kernels_.squared_error(out, c.lines, row, n, c.target, n, scale, d, c.loss);
    else if (lesson.loss == ABSOLUTE)
      absolute_error(lesson, c);
    else if (lesson.loss == HUBER)
      huber_error(c);
    else
      emphasised_error(lesson, c, counts);
    for (int64_t i = 0; shape_.every_step && (s.w.length || from) && i < s.p.rows; i++)
      if (!counts(i % s.rows, i / s.rows)) {
        s.loss.at()[i] = 0;
        std::memset(d + i * row, 0, row * sizeof(T));
      }
  }
  weigh(lesson, orders, s);
  s.sum = 0;
  for (int64_t i = 0; i < s.p.rows; i++) s.sum += s.loss.at()[i];
}

// Applies the weights of rows to losses and gradients. A weight of 0 gives 0, even times NaN.
template <class T>
void Net<T>::weigh(const Lesson<T>& lesson, const Orders& orders, Shard& s) {
  if (!lesson.weights) return;
  const size_t top = dense_->layers() - 1;
  const int64_t row = dense_->row(top + 1);
  T* d = dense_->gradient(s.p, top);
  for (int64_t i = 0; i < s.p.rows; i++, d += row) {
    const T weight = lesson.weights[orders.rows[s.first + i % s.rows]];
    double& loss = s.loss.at()[i];
    loss = weight == 0 ? 0 : loss * weight;
    for (int64_t k = 0; k < row; k++) d[k] = weight == 0 ? 0 : d[k] * weight;
  }
}

}  // namespace hs
