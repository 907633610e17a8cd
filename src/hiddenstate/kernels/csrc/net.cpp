#include "net.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace hs {

namespace {

// Only the calling thread may ask; a worker looks at the last answer.
Stop own(Stop stop, int threads) { return threads > 1 && Team::member() ? stop.quiet() : stop; }

// Numbers in a share of an update: small enough to balance the load, large enough to be worth it.
constexpr int64_t update_share = 16384;
// Inputs in a share of a gradient.
constexpr int64_t gradient_share = 96;

// 1 - beta^n, which is soon exactly 1 for a small beta.
double correction(double beta, int64_t n) {
  return beta < 0.95 && n > 1000 ? 1 : 1 - std::pow(beta, static_cast<double>(n));
}

// The steps that a shard of `rows` rows needs, of `steps`.
int64_t longest(const int64_t* length, int64_t rows, int64_t steps) {
  return length ? std::max<int64_t>(1, *std::max_element(length, length + rows)) : steps;
}

int worthwhile(double work, int threads) {
  return static_cast<int>(std::min<double>(threads, std::max(1.0, work / worth_a_thread)));
}

}  // namespace

}  // namespace hs

#include "net_factors.h"
#include "net_rows.h"
#include "net_segments.h"
#include "net_stem.h"
#include "net_update.h"

namespace hs {

template <class T>
Net<T>::Net(const Level& level, Shape shape)
    : shape_(std::move(shape)), kernels_(kernels_of<T>(level)), places_{kernels_.lanes} {
  const Shape& s = shape_;
  if (s.classify && s.every_step)
    throw std::invalid_argument("a classifier has one output for each row");
  if (recurrent()) {
    const bool stem = !s.stem.channels.empty();
    if (stem) stem_ = std::make_unique<Stem<T>>(kernels_, places_, s.inputs, s.stem);
    stack_ = make_stack(kernels_, places_, s.cell, stem ? stem_->outputs() : s.inputs, s.hidden,
                        s.states, s.layers, s.directions, stem);
    // With a stem, the means of states and of the stem's output are one part, else each direction.
    const bool joined = stem && averages();
    const int64_t width = s.hidden * s.directions + (joined ? stem_->outputs() : 0);
    dense_ = std::make_unique<Perceptron<T>>(
        kernels_, places_, std::vector<int64_t>{width, s.outputs}, std::vector<int>{LINEAR},
        joined ? 1 : s.directions, true, true);
    if (stem) matrices_ = stem_->matrices;
    matrices_.insert(matrices_.end(), stack_->matrices.begin(), stack_->matrices.end());
  } else {
    dense_ = std::make_unique<Perceptron<T>>(kernels_, places_, s.widths, s.activations, 1, false,
                                             false);
  }
  matrices_.insert(matrices_.end(), dense_->matrices.begin(), dense_->matrices.end());
  list_arrays();
  for (Buffer<T>* flat : {&params_, &grads_, &m_, &v_}) {
    flat->need(places_.size);
    flat->zero();
  }
  turned_.need(places_.turned_size);
  int64_t channels = 0;
  for (size_t i = 0; stem_ && i < stem_->layers(); i++) channels += stem_->widths[i];
  moments_.need(5 * channels);
  list_shares();
}

template <class T>
void Net<T>::list_shares() {
  for (size_t i = 0; i < matrices_.size(); i++) {
    const Matrix& m = matrices_[i];
    const bool of_stem = stem_ && i < stem_->matrices.size();
    if (of_stem && !Stem<T>::trained(i)) continue;
    const bool is_factor = !factored_.empty() && i >= factored_[0].out;
    const bool is_product = std::any_of(factored_.begin(), factored_.end(),
                                        [&](const Factored& f) { return f.whole == i; });
    const int64_t blocks = m.blocks(kernels_.lanes), k = m.layout.k();
    const int64_t at_once = m.is_bias ? blocks : m.layout.gates > 1 ? 1 : 4;
    const bool sums = of_stem ? Stem<T>::summed(i) : between() ? !is_product : !is_factor;
    for (int64_t block = 0; sums && block < blocks; block += at_once)
      for (int64_t from = 0; from < k; from += gradient_share)
        gradients_.push_back(
            {{block, std::min(at_once, blocks - block), from, std::min(from + gradient_share, k)},
             i});
    const int64_t some = std::max<int64_t>(1, update_share / (k * m.layout.gates * kernels_.lanes));
    for (int64_t block = 0; !is_product && block < blocks; block += some)
      updates_.push_back({{block, std::min(some, blocks - block), 0, k}, i});
  }
  squares_.resize(updates_.size());
}

template <class T>
void Net<T>::load(int which, size_t number, const T* values) {
  const Matrix& m = array(number);
  T* flat = which == 0 ? trained(m) : which == 1 ? m_.at() : v_.at();
  kernels_.pack(values, m.layout, 0, m.blocks(kernels_.lanes), flat + m.at);
  stale_ = true;
}

template <class T>
void Net<T>::save(int which, size_t number, T* values) const {
  const Matrix& m = array(number);
  const T* flat = which == 0 ? trained(m) : which == 1 ? m_.at() : v_.at();
  kernels_.unpack(flat + m.at, m.layout, 0, m.blocks(kernels_.lanes), values);
}

template <class T>
void Net<T>::quantise(const Grids<T>& grids) {
  grid_ = grids.inputs;
  dense_->grids = grids.dense;
  if (stack_) {
    stack_->grids = grids.layers;
    mean_ = grids.layers.back().h;
    if (stem_) {
      stem_->grids = grids.stem;
      if (grids.stem.back().shift > mean_.shift) mean_ = grids.stem.back();
    }
    mean_.most = mean_.limit = std::numeric_limits<T>::infinity();
    const size_t first = stem_ ? stem_->matrices.size() : 0;
    if (!factored_.empty()) stack_->factors.resize(stack_->matrices.size());
    for (const Factored& f : factored_)
      stack_->factors[f.whole - first] = {&matrices_[f.out], &matrices_[f.in]};
    gradients_.clear();
    updates_.clear();
    list_shares();
  }
  floats_.need(places_.size);
  std::memcpy(floats_.at(), params_.at(), places_.size * sizeof(T));
  quantised_ = stale_ = true;
}

template <class T>
void Net<T>::load_state(const std::vector<const T*>& arrays, int64_t rows) {
  const int64_t width = stack_->state_width, size = state_size(), n = stacked() * rows;
  for (size_t part = 0; part < arrays.size(); part++) {
    state_[part].need(n * width);
    state_[part].zero();
    for (int64_t i = 0; i < n; i++)
      std::memcpy(state_[part].at() + i * width, arrays[part] + i * size, size * sizeof(T));
  }
  state_rows_ = rows;
}

template <class T>
void Net<T>::save_state(const std::vector<T*>& arrays) const {
  const int64_t width = stack_->state_width, size = state_size();
  for (size_t part = 0; part < arrays.size(); part++)
    for (int64_t i = 0; i < stacked() * state_rows_; i++)
      std::memcpy(arrays[part] + i * size, state_[part].at() + i * width, size * sizeof(T));
}

// The states in a step's buffers.
template <class T>
States<T> Net<T>::states_in(const std::array<Buffer<T>, most_states>& buffers, int64_t rows) const {
  States<T> all{{}, rows, stack_->state_width};
  for (int i = 0; i < states(); i++) all.at[i] = buffers[i].at();
  return all;
}

// The rows of the carried state that a step begins with, 0 for zero. It changes the first ones,
// those of the step's own rows.
template <class T>
int64_t Net<T>::begins_with(const Lesson<T>& lesson, const Orders& orders) const {
  return orders.reset || !lesson.stateful || state_rows_ < orders.n ? 0 : state_rows_;
}

template <class T>
States<T> Net<T>::begin_of(const Lesson<T>& lesson, const Orders& orders) const {
  const int64_t rows = begins_with(lesson, orders);
  return rows ? states_in(state_, rows) : States<T>{};
}

template <class T>
States<T> Net<T>::end_of(const Lesson<T>& lesson, const Orders& orders) const {
  return states_in(next_, std::max(orders.n, begins_with(lesson, orders)));
}

// Allocates memory for `rows` rows and sets the pointers into it.
template <class T>
void Net<T>::lay_in(Shard& s, int64_t rows, int64_t steps, const int64_t* length, bool kept,
                    Dropout dropout) {
  s.rows = rows;
  s.p.rows = rows;
  s.p.kept = kept;
  s.from = s.until = 0;
  s.before = s.after = nullptr;
  if (recurrent()) {
    s.table.need(steps * shape_.inputs);
    if (stem_) {
      lay_in_stem(s, rows, steps, length, kept);
      steps = stem_->pooled(steps);
      if (length) length = s.length;
      if (kept) s.dinput.need(steps * rows * rounded_up(stem_->outputs(), kernels_.lanes));
    }
    if (!dropout.steps) dropout.steps = steps;
    s.stack.need(stack_->work_size(rows, steps, kept, dropout.key));
    s.w = {s.stack.at(), rows, steps, kept, length, dropout};
    s.w.whole_output = shape_.every_step || averages();
    if (shape_.every_step) s.p.rows = rows * steps;
    head_reads(s);
  } else {
    s.table.need(rows * shape_.widths[0]);
    s.p.x = {s.table.at(), shape_.widths[0], shape_.widths[0]};
  }
  s.dense.need(dense_->work_size(s.p.rows, kept));
  s.p.at = s.dense.at();
}

template <class T>
void Net<T>::head_reads(Shard& s) const {
  if (averages()) {
    const int64_t width = stack_->width, row = shape_.directions * width, joined = dense_->row(0);
    s.mean.need(2 * s.rows * (row + (stem_ ? joined : 0)));
    if (stem_)
      s.p.x = {s.mean.at() + 2 * s.rows * row, joined, joined};
    else
      s.p.x = {s.mean.at(), row, width, width, shape_.directions};
    return;
  }
  s.p.x = shape_.every_step ? stack_->top_output(s.w) : stack_->top_last(s.w);
}

template <class T>
void Net<T>::through_stack(Shard& s, Stop stop) {
  stack_->forward(params_.at(), s.w, stop);
  if (!averages()) return;
  average(*stack_, s.w, s.mean.at());
  if (stem_) gather_means(s);
  round_means(s);
}

// Rounds what the head reads.
template <class T>
void Net<T>::round_means(Shard& s) const {
  const int64_t states = s.rows * shape_.directions * stack_->width;
  T* at = s.mean.at() + (stem_ ? 2 * states : 0);
  if (quantised_) kernels_.on_grid(mean_, at, at, stem_ ? s.rows * dense_->row(0) : states);
}

template <class T>
bool Net<T>::predict(const Table& x, int64_t n, int64_t steps, const int64_t* length, size_t first,
                     size_t last, const States<T>& begin, T* out, const States<T>& end, int threads,
                     Stop stop) {
  threads =
      worthwhile(static_cast<double>(n) * std::max<int64_t>(1, steps) * places_.size, threads);
  if (static_cast<int>(scratch_.size()) < threads) scratch_.resize(threads);
  FlushDenormals flush;
  if (quantised_ || !factored_.empty()) complete();
  if (stem_) running_moments();
  stem_segments_ = stem_ && is_long(std::min(shard_of(n), n), steps, false, false,
                                    std::min<int64_t>(threads, shards_of(n)));
  std::atomic<bool> stopped{false};
  share_out(shards_of(n), threads, [&](int64_t number) {
    Shard& s = scratch_[Team::member()];
    s.first = number * shard_of(n);
    const int64_t rows = std::min(shard_of(n), n - s.first);
    const Stop mine = own(stop, threads);
    if (stopped || mine(0)) {
      stopped = true;
      return;
    }
    const int64_t* own_length = length ? length + s.first : nullptr;
    const int64_t read_steps = longest(own_length, rows, steps);
    const int own_threads = rows == n ? threads : 1;
    if (in_segments(rows, read_steps, false, false, threads)) {
      s.rows = rows;
      predict_segments(x, steps, segments_of(rows, read_steps, own_length, {}, own_threads), begin,
                       out, end, s, mine);
      return;
    }
    lay_in(s, rows, read_steps, own_length, false);
    s.w.threads = own_threads;
    if (!recurrent()) {
      const int64_t row = first ? dense_->row(first) : x.numbers;  // later layers read padded rows
      s.table.need(rows * row);
      std::memset(s.table.at(), 0, rows * row * sizeof(T));
      s.p.x = {s.table.at(), row, row};
    }
    read(x, nullptr, s, first && first <= dense_->grids.size() ? dense_->grids[first - 1] : grid_);
    if (recurrent()) {
      fill_states(*stack_, s.w, s.first, begin);
      if (stem_) predict_stem(s, mine);
      through_stack(s, mine);
      give_states(*stack_, s.w, s.first, end);
    }
    dense_->forward(params_.at(), s.p, first, last);
    give_out(s, last - 1, steps, out);
  });
  return !stopped && !stop(0);
}

// Forward and backward pass over one shard; the gradients of the sums stay in its memory.
template <class T>
void Net<T>::learn(const Lesson<T>& lesson, const Orders& orders, double count, Shard& s, Stop stop,
                   T* outputs) {
  if (recurrent()) {
    fill_states(*stack_, s.w, s.first, begin_of(lesson, orders));
    through_stack(s, stop);
    if (lesson.stateful) give_states(*stack_, s.w, s.first, end_of(lesson, orders));
  }
  if (stop(0)) return;
  dense_->forward(params_.at(), s.p, 0, dense_->layers());
  if (outputs) give_out(s, dense_->layers() - 1, lesson.steps, outputs);
  lose(lesson, orders, count, s);
  dense_->backward(turned_.at(), s.p);
  if (!recurrent()) return;
  const int64_t width = stack_->width;
  fill_gradients(*stack_, s.w, s.first, States<T>{});
  if (averages() && stem_) {
    spread_means(s);
  } else if (averages()) {
    T* dmean = s.mean.at() + s.rows * s.p.x.row;
    dense_->into(turned_.at(), s.p, 0, 0, s.p.x.row, dmean, s.p.x.row);
    spread(*stack_, s.w, dmean);
  }
  for (int d = 0; !averages() && d < shape_.directions; d++)
    dense_->into(
        turned_.at(), s.p, 0, d * width, width,
        shape_.every_step ? stack_->top_dy(s.w) + d * s.p.rows * width : stack_->top_dlast(s.w, d),
        width);
  stack_->backward(params_.at(), turned_.at(), s.w, shape_.every_step || averages(), false,
                   stem_ ? s.dinput.at() : nullptr, stop);
  if (stem_ && averages()) spread_stem_mean(s);
}

// The rows of a batch with the longest first, so that the shards of short ones need few steps.
template <class T>
Orders Net<T>::by_length(const Lesson<T>& lesson, Orders orders) {
  sorted_.assign(orders.rows, orders.rows + orders.n);
  std::stable_sort(sorted_.begin(), sorted_.end(),
                   [&](int64_t a, int64_t b) { return lesson.length[a] > lesson.length[b]; });
  orders.rows = sorted_.data();
  return orders;
}

// The number of multiplications of a step, about.
template <class T>
double Net<T>::work(const Lesson<T>& lesson, int64_t n) const {
  return 3.0 * n * std::max<int64_t>(1, lesson.steps) * places_.size;
}

// How many numbers the loss of a step is the mean of; also lists the lengths of its rows.
template <class T>
double Net<T>::counted(const Lesson<T>& lesson, const Orders& orders) {
  double count = shape_.classify ? 1.0 * orders.n : 1.0 * orders.n * dense_->widths.back();
  double read = 0, left_out = 0;
  if (lesson.length) {
    lengths_.resize(orders.n);
    for (int64_t r = 0; r < orders.n; r++) read += lengths_[r] = lesson.length[orders.rows[r]];
  }
  if (!shape_.every_step) return count;
  for (int64_t r = 0; lesson.counts_from && r < orders.n; r++)
    left_out += std::min<double>(lesson.counts_from[orders.rows[r]],
                                 static_cast<double>(lesson.length ? lengths_[r] : lesson.steps));
  count *= lesson.length ? read / orders.n : lesson.steps;
  return left_out == 0 ? count : std::max(1.0, count - left_out * dense_->widths.back());
}

template <class T>
Ending Net<T>::step(const Lesson<T>& lesson, const Orders& given, int threads, Stop stop,
                    double& loss, T* outputs) {
  // Rows stay in order if it matters: for outputs, for the state that they carry, and for dropout.
  const bool in_order = !lesson.length || outputs || lesson.stateful || given.key;
  const Orders orders = in_order ? given : by_length(lesson, given);
  FlushDenormals flush;
  const int64_t shards = shards_of(orders.n);
  threads = worthwhile(work(lesson, orders.n), threads);
  if (static_cast<int64_t>(shards_.size()) < shards) shards_.resize(shards);
  complete();
  const double count = counted(lesson, orders);
  if (lesson.stateful) {
    const int64_t size = stacked() * end_of(lesson, orders).rows * stack_->state_width;
    for (int i = 0; i < states(); i++)
      if (next_[i].size() < size) {
        next_[i].need(size);
        next_[i].zero();
      }
  }
  const int64_t largest = shard_of(orders.n);
  const bool segments = in_segments(largest, lesson.steps, true, orders.key, shards);
  stem_segments_ = stem_ && is_long(largest, lesson.steps, true, orders.key, shards);
  share_out(shards, threads, [&](int64_t number) {
    Shard& s = shards_[number];
    s.first = number * shard_of(orders.n);
    const int64_t rows = std::min(shard_of(orders.n), orders.n - s.first);
    const int64_t* length = lesson.length ? lengths_.data() + s.first : nullptr;
    const int64_t steps = orders.key ? lesson.steps : longest(length, rows, lesson.steps);
    const Dropout dropout{orders.key, shape_.dropout, s.first, orders.n};
    const int own_threads = shards == 1 ? threads : 1;
    if (segments) {
      s.rows = rows;
      s.whole = segments_of(rows, steps, length, dropout, own_threads);
      learn_segments(lesson, orders, count, s, own(stop, threads), outputs);
      return;
    }
    lay_in(s, rows, steps, length, true, dropout);
    s.w.threads = own_threads;
    read(lesson.x, orders.rows, s);
    leave_out(lesson, orders, s);
    if (!stem_) learn(lesson, orders, count, s, own(stop, threads), outputs);
  });
  if (stem_) {
    stem_forward(shards, threads, stop);
    if (stop(0)) return STOPPED;
    share_out(shards, threads, [&](int64_t number) {
      Shard& s = shards_[number];
      const size_t last = stem_->layers() - 1;
      const Stop mine = own(stop, threads);
      stem_->normalise(params_.at(), s.e, last, batch_moments(last), stack_->x(s.w), mine);
      learn(lesson, orders, count, s, mine, outputs);
    });
    if (stop(0)) return STOPPED;
    stem_backward(shards, threads, stop);
    if (stem_segments_) gradient_of_stem_segments(shards, threads, stop);
  }
  if (segments && !stop(0))
    gradient_of_segments(lesson, orders, count, shards, threads, stop, outputs);
  if (stop(0)) return STOPPED;
  loss = 0;
  for (int64_t i = 0; i < shards; i++) loss += shards_[i].sum;
  loss /= count;
  if (!std::isfinite(loss)) return NOT_FINITE;
  share_out(static_cast<int64_t>(gradients_.size()), threads, [&](int64_t number) {
    const Share& share = gradients_[number];
    if (of_stem_segments(share) || (segments && of_segments(share))) return;
    if (own(stop, threads)(work_of(share))) return;
    for (int64_t i = 0; i < shards; i++) gradient(share, shards_[i], i > 0);
  });
  if (stop(0)) return STOPPED;
  for (const Factored& f : factored_)
    if (!between()) split(f);
  if (orders.clip > 0)
    share_out(static_cast<int64_t>(updates_.size()), threads,
              [&](int64_t number) { squares_[number] = squares(updates_[number]); });
  double squares = 0;
  for (size_t i = 0; orders.clip > 0 && i < squares_.size(); i++) squares += squares_[i];
  if (!std::isfinite(squares)) {  // the loss may be finite, but no update is possible
    loss = squares;
    return NOT_FINITE;
  }
  const Update<T> u = rule(lesson, orders, squares);
  share_out(static_cast<int64_t>(updates_.size()), threads,
            [&](int64_t number) { update(updates_[number], u); });
  multiply_factors();
  updates++;
  if (stem_) update_moments();
  if (lesson.stateful) {
    const States<T> before = begin_of(lesson, orders), after = end_of(lesson, orders);
    const int64_t ended = (after.rows - orders.n) * after.row;
    for (int part = 0; ended && part < states(); part++)
      for (int64_t i = 0; i < stacked(); i++) {
        const int64_t from = (i * after.rows + orders.n) * after.row;
        copy(after.at[part] + from, before.at[part] + from, ended);
      }
    std::swap(state_, next_);
    state_rows_ = after.rows;
  }
  return DONE;
}

template class Net<float>;
template class Net<double>;

}  // namespace hs
