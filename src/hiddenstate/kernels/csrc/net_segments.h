// A Net<T> that passes long sequences in segments of time, in little memory; included by net.cpp
// alone.
//
// In memory are the states at the borders of the segments and, in the backward pass, their
// gradients; what is between two borders is computed again where it is needed. A training step
// passes forward over all segments, then backward, and a third time in order, where each adds to
// the gradient of the weights: the sums over the steps are then those of a whole sequence to the
// last bit. A state of the second direction is that at the end of a segment. As each direction of
// each layer needs all of what it reads, a stack of two directions is passed once for each.
#pragma once

#include "net.h"

namespace hs {

// Whether the work of `shards` shards of whole sequences takes too much memory.
template <class T>
bool Net<T>::is_long(int64_t rows, int64_t steps, bool kept, bool dropout, int64_t shards) const {
  const int64_t pooled = stem_ ? stem_->pooled(steps) : steps;
  const int64_t outputs = shape_.every_step ? rows * pooled : rows;
  const int64_t numbers = (stem_ ? stem_->work_size(rows, steps, kept) : 0) +
                          stack_->work_size(rows, pooled, kept, dropout) +
                          dense_->work_size(outputs, kept) + (kept ? outputs * shape_.outputs : 0);
  const int64_t bytes = numbers * static_cast<int64_t>(sizeof(T));
  const int64_t losses = kept ? outputs * static_cast<int64_t>(sizeof(double)) : 0;
  // Predicting in segments repeats nothing, unless a stack of two directions is passed in them.
  const bool again = kept || (!stem_ && shape_.directions > 1);
  return shards * (bytes + losses) > most_bytes / (again ? 1 : 8) * stack_->segments_cost();
}

template <class T>
bool Net<T>::in_segments(int64_t rows, int64_t steps, bool kept, bool dropout,
                         int64_t shards) const {
  return recurrent() && !stem_ && stack_->segments(rows, steps) > 1 &&
         is_long(rows, steps, kept, dropout, shards);
}

// The state, or its gradient, before segment `number`: rows as in a Work.
template <class T>
T* Net<T>::border(const Shard& s, bool gradient, int64_t number, int layer, int d,
                  int state) const {
  const int64_t place = (gradient ? s.whole.n + 1 : 0) + number;
  const int64_t array = (place * stacked() + layer * shape_.directions + d) * states() + state;
  return s.borders.at() + array * s.rows * stack_->state_width;
}

template <class T>
void Net<T>::begin_segments(Shard& s, const Segments& whole, bool kept, const States<T>& begin) {
  s.whole = whole;
  const int64_t size = s.rows * stack_->state_width * stacked() * states() * (whole.n + 1);
  s.borders.need(kept ? 2 * size : size);
  std::memset(s.borders.at(), 0, (kept ? 2 * size : size) * sizeof(T));
  s.sums.need(shape_.layers * shape_.directions * stack_->sums_size());
  s.sums.zero();
  s.w.rows = s.rows;
  for (int i = 0; i < states(); i++)
    fill_rows(*stack_, s.w, s.first, begin, begin.at[i],
              [&](int l, int d) { return border(s, false, d ? whole.n : 0, l, d, i); });
  if (collects()) {
    const int64_t row = shape_.directions * stack_->width;
    s.mean.need(2 * s.rows * row);
    std::memset(s.mean.at(), 0, s.rows * row * sizeof(T));
  }
}

template <class T>
typename Net<T>::Segments Net<T>::segments_of(int64_t rows, int64_t steps, const int64_t* length,
                                              Dropout dropout, int threads) const {
  return {
      steps,  stack_->segments(rows, steps), stack_->segment_steps(rows, steps), length, dropout,
      threads};
}

template <class T>
void Net<T>::end_segments(const Shard& s, const States<T>& end) const {
  for (int i = 0; i < states(); i++)
    give_rows(*stack_, s.w, s.first, end, end.at[i],
              [&](int l, int d) { return border(s, false, d ? 0 : s.whole.n, l, d, i); });
}

// Calls f(layer, direction, number of the state, index of the border where the direction begins,
// and where it ends) for a segment.
template <class T, class F>
void at_borders(const AnyStack<T>& stack, int64_t number, const F& f) {
  for (int l = 0; l < stack.layers; l++)
    for (int d = 0; d < stack.directions; d++)
      for (int i = 0; i < stack.states(); i++) f(l, d, i, number + d, number + 1 - d);
}

// Passes forward over a segment of shard `all` in the memory of `s`, which may be the same.
template <class T>
template <class Read>
void Net<T>::segment_forward(const Shard& all, int64_t number, bool kept, Shard& s,
                             const Read& read, Stop stop) {
  const Segments& whole = all.whole;
  const bool last = number + 1 == whole.n;
  const int64_t from = number * whole.each;
  for (int64_t r = 0; whole.length && r < all.rows; r++) s.length[r] = whole.length[r] - from;
  Dropout dropout = whole.dropout;
  dropout.steps = whole.steps;
  dropout.from = from;
  s.first = all.first;
  lay_in(s, all.rows, last ? whole.steps - from : whole.each, whole.length ? s.length : nullptr,
         kept, dropout);
  s.from = from;
  s.until = last ? 0 : from + whole.each;
  s.w.threads = &s == &all ? whole.threads : 1;
  read(s);
  const int64_t bytes = s.rows * stack_->state_width * static_cast<int64_t>(sizeof(T));
  at_borders(*stack_, number, [&](int l, int d, int i, int64_t begin, int64_t) {
    std::memcpy(stack_->first_state(s.w, l, d, i), border(all, false, begin, l, d, i), bytes);
  });
  stack_->forward(params_.at(), s.w, stop);
}

// Computes the states at all borders. Only in the last pass are all of them right; with
// `each_counts` that is from the first segment to the last, and each(number) is called for each.
template <class T>
template <class Read, class Each>
void Net<T>::segments_forward(Shard& s, const Read& read, bool each_counts, const Each& each,
                              Stop stop) {
  const int64_t n = s.whole.n,
                bytes = s.rows * stack_->state_width * static_cast<int64_t>(sizeof(T));
  const int passes = shape_.directions == 1 ? 1 : 2 * shape_.layers + each_counts;
  for (int pass = 0; pass < passes; pass++)
    for (int64_t i = 0; i < n; i++) {
      const int64_t number = pass % 2 ? n - 1 - i : i;
      segment_forward(s, number, false, s, read, stop);
      if (stop(0)) return;
      at_borders(*stack_, number, [&](int l, int d, int state, int64_t, int64_t end) {
        std::memcpy(border(s, false, end, l, d, state), stack_->last_state(s.w, l, d, state),
                    bytes);
      });
      if (each_counts && pass + 1 == passes) each(number);
    }
}

// Whether the last step that a direction reads of a row is in a segment.
template <class T>
bool Net<T>::ends(const Segments& whole, int64_t number, int64_t row, int d) const {
  const int64_t steps = whole.length ? whole.length[row] : whole.steps;
  return steps > 0 && number == (d ? 0 : std::min((steps - 1) / whole.each, whole.n - 1));
}

// Adds a segment's outputs to the means, or copies those of the rows that end in it.
template <class T>
void Net<T>::collect(Shard& s, int64_t number) const {
  if (averages()) return add_outputs(*stack_, s.w, s.mean.at());
  const Rows<const T> last = stack_->top_last(s.w);
  T* to = s.mean.at();
  for (int64_t r = 0; r < s.rows; r++)
    for (int d = 0; d < shape_.directions; d++, to += last.width)
      if (ends(s.whole, number, r, d)) copy(to, last.at + r * last.row + d * last.part, last.width);
}

// The backward pass of `collect`.
template <class T>
void Net<T>::collect_back(const Shard& all, int64_t number, Shard& s) const {
  const int64_t width = stack_->width;
  const T* from = all.mean.at() + s.rows * shape_.directions * width;
  if (averages()) return repeat(*stack_, s.w, from);
  for (int64_t r = 0; r < s.rows; r++)
    for (int d = 0; d < shape_.directions; d++, from += width)
      if (ends(all.whole, number, r, d)) copy(stack_->top_dlast(s.w, d) + r * width, from, width);
}

// Sets what the head reads if it has one output for each row.
template <class T>
void Net<T>::head_of_segments(Shard& s) const {
  const int top = shape_.layers - 1;
  const int64_t width = stack_->width, row = shape_.directions * width;
  s.p.rows = s.rows;
  s.p.x = {s.mean.at(), row, width, width, shape_.directions};
  if (collects()) return;
  const T* last[2] = {border(s, false, s.whole.n, top, 0, 0), border(s, false, 0, top, 1, 0)};
  s.p.x = {last[0], width, width, shape_.directions > 1 ? last[1] - last[0] : 0, shape_.directions};
}

// Keeps how far the outputs of a segment's first and last step are from their targets.
template <class T>
void Net<T>::keep_edges(const Lesson<T>& lesson, const Orders& orders, int64_t number, Shard& s) {
  dense_->forward(params_.at(), s.p, 0, dense_->layers());
  const size_t top = dense_->layers() - 1;
  const int64_t n = dense_->widths.back(), row = dense_->row(top + 1), last = s.p.rows / s.rows - 1;
  const T* out = dense_->output(s.p, top);
  T* to = s.edges.at() + 2 * number * s.rows * n;
  for (const int64_t t : {int64_t{0}, last})
    for (int64_t r = 0; r < s.rows; r++, to += n) {
      const int64_t place = orders.rows[s.first + r] * lesson.steps + s.from + t;
      for (int64_t k = 0; k < n; k++)
        to[k] = out[(t * s.rows + r) * row + k] - lesson.targets[place * n + k];
    }
}

// Passes forward over a segment, for a backward pass, and through the head if it reads every step:
// `all` has the states at its borders.
template <class T>
void Net<T>::segment_head(const Lesson<T>& lesson, const Orders& orders, double count,
                          const Shard& all, int64_t number, Shard& s, Stop stop) {
  const auto read_rows = [&](Shard& shard) {
    read(lesson.x, orders.rows, shard);
    leave_out(lesson, orders, shard);
  };
  T* const of_own[2] = {s.w.sums[0], s.w.sums[1]};
  const bool resumes = s.w.resumes, pauses = s.w.pauses;
  segment_forward(all, number, true, s, read_rows, stop);
  if (stop(0)) return;
  std::copy(of_own, of_own + 2, s.w.sums);
  s.w.resumes = resumes;
  s.w.pauses = pauses;
  if (!shape_.every_step) return;
  if (lesson.loss == EMPHASISED) {
    const int64_t each = s.rows * dense_->widths.back();
    if (number > 0) s.before = all.edges.at() + (2 * number - 1) * each;
    if (number + 1 < all.whole.n) s.after = all.edges.at() + (2 * number + 2) * each;
  }
  dense_->forward(params_.at(), s.p, 0, dense_->layers());
  lose(lesson, orders, count, s);
  dense_->backward(turned_.at(), s.p);
}

// Passes backward over a segment: `all` has the gradients at its borders.
template <class T>
void Net<T>::segment_backward(const Shard& all, int64_t number, Shard& s, Stop stop) {
  const int64_t width = stack_->width;
  for (int d = 0; !stack_->carries_output() && d < shape_.directions; d++)
    std::memset(stack_->top_dlast(s.w, d), 0, s.rows * width * sizeof(T));
  for (int d = 0; shape_.every_step && d < shape_.directions; d++)
    dense_->into(turned_.at(), s.p, 0, d * width, width, stack_->top_dy(s.w) + d * s.p.rows * width,
                 width);
  if (collects()) collect_back(all, number, s);
  const int64_t bytes = s.rows * stack_->state_width * static_cast<int64_t>(sizeof(T));
  at_borders(*stack_, number, [&](int l, int d, int i, int64_t, int64_t end) {
    std::memcpy(stack_->dstate(s.w, l, d, i), border(all, true, end, l, d, i), bytes);
  });
  stack_->backward(params_.at(), turned_.at(), s.w, shape_.every_step || averages(), true, nullptr,
                   stop);
}

// Computes the states of a shard and their gradients at all borders and, but for a head that reads
// every step, its outputs and loss.
template <class T>
void Net<T>::learn_segments(const Lesson<T>& lesson, const Orders& orders, double count, Shard& s,
                            Stop stop, T* outputs) {
  begin_segments(s, Segments(s.whole), true, begin_of(lesson, orders));
  const auto read_rows = [&](Shard& shard) {
    read(lesson.x, orders.rows, shard);
    leave_out(lesson, orders, shard);
  };
  const bool edges = lesson.loss == EMPHASISED;
  if (edges) s.edges.need(2 * s.whole.n * s.rows * dense_->widths.back());
  segments_forward(
      s, read_rows, collects() || edges,
      [&](int64_t number) { edges ? keep_edges(lesson, orders, number, s) : collect(s, number); },
      stop);
  if (stop(0)) return;
  if (lesson.stateful) end_segments(s, end_of(lesson, orders));
  s.sum = 0;
  if (!shape_.every_step) {
    const int64_t width = stack_->width, row = shape_.directions * width;
    if (averages()) divide(*stack_, s.rows, s.whole.steps, s.whole.length, s.mean.at());
    if (averages()) round_means(s);
    s.dense.need(dense_->work_size(s.rows, true));
    s.p.at = s.dense.at();
    head_of_segments(s);
    dense_->forward(params_.at(), s.p, 0, dense_->layers());
    if (outputs) give_out(s, dense_->layers() - 1, lesson.steps, outputs);
    lose(lesson, orders, count, s);
    dense_->backward(turned_.at(), s.p);
    if (averages()) {
      T* dmean = s.mean.at() + s.rows * row;
      dense_->into(turned_.at(), s.p, 0, 0, row, dmean, row);
      divide(*stack_, s.rows, s.whole.steps, s.whole.length, dmean);
    }
    for (int d = 0; !averages() && d < shape_.directions; d++)
      if (collects())
        dense_->into(turned_.at(), s.p, 0, d * width, width, s.mean.at() + s.rows * row + d * width,
                     row);
      else
        dense_->into(turned_.at(), s.p, 0, d * width, width,
                     border(s, true, d ? 0 : s.whole.n, shape_.layers - 1, d, 0), width);
  }
  const int64_t n = s.whole.n,
                bytes = s.rows * stack_->state_width * static_cast<int64_t>(sizeof(T));
  const int passes = shape_.directions == 1 ? 1 : 2 * shape_.layers;
  for (int pass = 0; pass < passes; pass++)
    for (int64_t i = 0; i < n; i++) {
      const int along = pass % 2;  // the direction that this pass follows
      const int64_t number = along ? i : n - 1 - i;
      s.w.sums[along] = s.sums.at() + along * shape_.layers * stack_->sums_size();
      s.w.sums[1 - along] = nullptr;
      s.w.resumes = i > 0;
      s.w.pauses = i + 1 < n;
      segment_head(lesson, orders, count, s, number, s, stop);
      if (stop(0)) return;
      segment_backward(s, number, s, stop);
      if (stop(0)) return;
      at_borders(*stack_, number, [&](int l, int d, int state, int64_t begin, int64_t) {
        std::memcpy(border(s, true, begin, l, d, state), stack_->dstate(s.w, l, d, state), bytes);
      });
    }
  for (int d = 0; d < shape_.directions; d++)
    s.w.sums[d] = s.sums.at() + d * shape_.layers * stack_->sums_size();
  if (shape_.every_step)
    s.sum = 0;
  else
    head_of_segments(s);
}

// Whether the gradient of a share is a sum over segments, rather than what a shard ends with.
template <class T>
bool Net<T>::of_segments(const Share& share) const {
  const size_t own = stack_->matrices.size();
  if (between() && share.matrix >= factored_[0].out) return true;
  return share.matrix < own ? !stack_->is_summed(share.matrix) : shape_.every_step;
}

// Adds up the gradients of all segments, in order.
template <class T>
void Net<T>::gradient_of_segments(const Lesson<T>& lesson, const Orders& orders, double count,
                                  int64_t shards, int threads, Stop stop, T* outputs) {
  const bool through = !stack_->is_summed(0);  // else the first pass has added up all of the stack
  if (!through && !shape_.every_step) return;
  std::vector<std::pair<Shard*, int64_t>> all;
  for (int64_t i = 0; i < shards; i++)
    for (int64_t number = 0; number < shards_[i].whole.n; number++)
      all.emplace_back(&shards_[i], number);
  const int64_t most = std::max(1, threads);
  if (static_cast<int64_t>(pieces_.size()) < most) pieces_.resize(most);
  for (size_t at = 0; at < all.size(); at += most) {
    const int64_t n = std::min(most, static_cast<int64_t>(all.size() - at));
    share_out(n, threads, [&](int64_t i) {
      Shard& s = pieces_[i];
      s.w.sums[0] = s.w.sums[1] = nullptr;
      const auto [shard, segment] = all[at + i];
      const Stop mine = own(stop, threads);
      segment_head(lesson, orders, count, *shard, segment, s, mine);
      if (through && !mine(0)) segment_backward(*shard, segment, s, mine);
      if (outputs && shape_.every_step) give_out(s, dense_->layers() - 1, lesson.steps, outputs);
    });
    if (stop(0)) return;
    for (int64_t i = 0; shape_.every_step && i < n; i++)
      for (int64_t k = 0; k < pieces_[i].p.rows; k++)
        all[at + i].first->sum += pieces_[i].loss.at()[k];
    share_out(static_cast<int64_t>(gradients_.size()), threads, [&](int64_t number) {
      const Share& share = gradients_[number];
      for (int64_t i = 0; of_segments(share) && i < n; i++)
        gradient(share, pieces_[i], at > 0 || i > 0);
    });
  }
}

template <class T>
void Net<T>::predict_segments(const Table& x, int64_t steps, const Segments& whole,
                              const States<T>& begin, T* out, const States<T>& end, Shard& s,
                              Stop stop) {
  begin_segments(s, whole, false, begin);
  const auto read_rows = [&](Shard& shard) { read(x, nullptr, shard); };
  const auto each = [&](int64_t number) {
    if (collects()) return collect(s, number);
    dense_->forward(params_.at(), s.p, 0, 1);
    give_out(s, 0, steps, out);
  };
  segments_forward(s, read_rows, shape_.every_step || collects(), each, stop);
  if (stop(0)) return;
  end_segments(s, end);
  if (shape_.every_step) return;
  if (averages()) divide(*stack_, s.rows, whole.steps, whole.length, s.mean.at());
  if (averages()) round_means(s);
  head_of_segments(s);
  dense_->forward(params_.at(), s.p, 0, 1);
  give_out(s, 0, steps, out);
}

}  // namespace hs
