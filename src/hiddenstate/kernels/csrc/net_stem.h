// The stem of a Net<T>; included by net.cpp alone.
//
// Batch normalisation couples the rows of a batch: between two layers all shards meet, and their
// sums are combined in the order of the shards, whatever thread computed them.
#pragma once

#include "net.h"

namespace hs {

// As torch.nn.BatchNorm1d: the term added to a variance, and the weight of the last batch in the
// running moments.
constexpr double norm_eps = 1e-5, norm_momentum = 0.1;

template <class T>
void Net<T>::lay_in_stem(Shard& s, int64_t rows, int64_t steps, const int64_t* length, bool kept) {
  const int64_t segment = stem_segments_ ? stem_->segment_steps(rows) : 0;
  s.stem.need(stem_->work_size(rows, steps, kept, segment));
  s.e = {s.stem.at(), rows, steps, kept, nullptr, nullptr, segment};
  if (!length) return;
  for (int64_t r = 0; r < rows; r++) {
    s.read[r] = length[r];
    s.length[r] = s.pooled[r] = stem_->pooled(length[r]);
  }
  s.e.length = s.read;
  s.e.pooled_length = s.pooled;
}

// A row of weight 0 has no influence on the moments of a batch.
template <class T>
void Net<T>::leave_out_of_stem(Shard& s, int64_t row) const {
  for (int64_t r = 0; !s.e.length && r < s.rows; r++) {
    s.read[r] = s.e.steps;
    s.pooled[r] = stem_->pooled(s.e.steps);
  }
  s.e.length = s.read;
  s.e.pooled_length = s.pooled;
  s.read[row] = s.pooled[row] = 0;
}

// What the head reads: the means of the states, without padding, then those of the stem's output.
template <class T>
void Net<T>::gather_means(Shard& s) const {
  const int64_t hidden = shape_.hidden, width = stack_->width, n = stem_->outputs();
  const T *means = s.mean.at(), *x = stack_->x(s.w);
  T* to = s.mean.at() + 2 * s.rows * shape_.directions * width;
  std::memset(to, 0, s.rows * dense_->row(0) * sizeof(T));
  for (int64_t r = 0; r < s.rows; r++, to += dense_->row(0)) {
    for (int d = 0; d < shape_.directions; d++)
      copy(to + d * hidden, means + (r * shape_.directions + d) * width, hidden);
    T* mean = to + shape_.directions * hidden;
    const int64_t steps = s.w.length ? s.w.length[r] : s.w.steps;
    for (int64_t t = 0; t < steps; t++)
      for (int64_t i = 0; i < n; i++) mean[i] += x[(t * s.rows + r) * n + i];
    for (int64_t i = 0; i < n; i++) mean[i] /= static_cast<T>(steps);
  }
}

// The backward pass of gather_means: into dy of the stack's last layer, and for spread_stem_mean.
template <class T>
void Net<T>::spread_means(Shard& s) const {
  const int64_t hidden = shape_.hidden, width = stack_->width, row = dense_->row(0);
  const int64_t states = s.rows * shape_.directions * width;
  T *dmean = s.mean.at() + states, *d = s.mean.at() + 2 * states + s.rows * row;
  dense_->into(turned_.at(), s.p, 0, 0, row, d, row);
  std::memset(dmean, 0, states * sizeof(T));
  for (int64_t r = 0; r < s.rows; r++)
    for (int k = 0; k < shape_.directions; k++)
      copy(dmean + (r * shape_.directions + k) * width, d + r * row + k * hidden, hidden);
  spread(*stack_, s.w, dmean);
}

// Adds the gradient of the mean of the stem's output to that of the output.
template <class T>
void Net<T>::spread_stem_mean(Shard& s) const {
  const int64_t n = stem_->outputs(), width = rounded_up(n, kernels_.lanes), row = dense_->row(0);
  const int64_t states = s.rows * shape_.directions * stack_->width;
  const T* d = s.mean.at() + 2 * states + s.rows * row + shape_.directions * shape_.hidden;
  for (int64_t t = 0; t < s.w.steps; t++)
    for (int64_t r = 0; r < s.rows; r++) {
      const int64_t steps = s.w.length ? s.w.length[r] : s.w.steps;
      T* to = s.dinput.at() + (t * s.rows + r) * width;
      for (int64_t i = 0; i < n; i++) to[i] += d[r * row + i] / static_cast<T>(steps);
    }
}

// The statistics of a layer, one vector of all channels after the other.
template <class T>
Moments<T> Net<T>::batch_moments(size_t layer) const {
  T* at = moments_.at();
  for (size_t i = 0; i < layer; i++) at += 5 * stem_->widths[i];
  const int64_t n = stem_->widths[layer];
  return {at, at + n, at + 2 * n, at + 3 * n, at + 4 * n};
}

// Before predicting: the running moments count as the batch's.
template <class T>
void Net<T>::running_moments() {
  for (size_t i = 0; i < stem_->layers(); i++) {
    const Moments<T> m = batch_moments(i);
    const T* mean = params_.at() + matrices_[Stem<T>::each * i + 4].at;
    const T* variance = params_.at() + matrices_[Stem<T>::each * i + 5].at;
    for (int64_t c = 0; c < stem_->widths[i]; c++) {
      m.mean[c] = mean[c];
      m.inverse[c] = static_cast<T>(1 / std::sqrt(variance[c] + norm_eps));
    }
  }
}

template <class T>
void Net<T>::predict_stem(Shard& s, Stop stop) const {
  for (size_t i = 0; i < stem_->layers(); i++) {
    stem_->convolve(params_.at(), s.e, i, stop);
    stem_->normalise(params_.at(), s.e, i, batch_moments(i), stack_->x(s.w), stop);
  }
}

template <class T>
void Net<T>::stem_forward(int64_t shards, int threads, Stop stop) {
  for (size_t i = 0; i < stem_->layers(); i++) {
    share_out(shards, threads, [&](int64_t number) {
      Shard& s = shards_[number];
      const Stop mine = own(stop, threads);
      if (i) stem_->normalise(params_.at(), s.e, i - 1, batch_moments(i - 1), nullptr, mine);
      stem_->convolve(params_.at(), s.e, i, mine);
      if (!mine(0)) stem_->moments(params_.at(), s.e, i, mine);
    });
    if (stop(0)) return;
    combine_moments(i, shards);
  }
}

// Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample
// variances", 1979, equation 2.1.
template <class T>
void Net<T>::combine_moments(size_t layer, int64_t shards) {
  const Moments<T> m = batch_moments(layer);
  const T* running_mean = params_.at() + matrices_[Stem<T>::each * layer + 4].at;
  const T* running_variance = params_.at() + matrices_[Stem<T>::each * layer + 5].at;
  for (int64_t c = 0; c < stem_->widths[layer]; c++) {
    double count = 0, mean = 0, squares = 0;
    for (int64_t i = 0; i < shards; i++) {
      const T* sums = stem_->sums(shards_[i].e, layer);
      const double n = static_cast<double>(stem_->count(shards_[i].e, layer));
      if (n == 0) continue;
      const double off = sums[c] - mean, share = n / (count + n);
      squares += sums[stem_->widths[layer] + c] + off * off * count * share;
      mean += off * share;
      count += n;
    }
    const double variance = count > 0 ? squares / count : running_variance[c];
    m.mean[c] = count > 0 ? static_cast<T>(mean) : running_mean[c];
    m.inverse[c] = static_cast<T>(1 / std::sqrt(variance + norm_eps));
    m.variance[c] = static_cast<T>(count > 1 ? squares / (count - 1) : variance);
  }
}

// From the gradient of the stem's output in each shard to those of all its matrices but weights
// and biases.
template <class T>
void Net<T>::stem_backward(int64_t shards, int threads, Stop stop) {
  for (size_t i = stem_->layers(); i-- > 0;) {
    share_out(shards, threads, [&](int64_t number) {
      Shard& s = shards_[number];
      const Stop mine = own(stop, threads);
      if (i + 1 < stem_->layers())
        stem_->backward(params_.at(), turned_.at(), s.e, i + 1, batch_moments(i + 1), mine);
      stem_->slopes(params_.at(), s.e, i, batch_moments(i), s.dinput.at(), mine);
    });
    if (stop(0)) return;
    combine_slopes(i, shards);
  }
  share_out(shards, threads, [&](int64_t number) {
    stem_->backward(params_.at(), turned_.at(), shards_[number].e, 0, batch_moments(0),
                    own(stop, threads));
  });
}

// Adds up the gradients of the first layer over all segments, in order.
template <class T>
void Net<T>::gradient_of_stem_segments(int64_t shards, int threads, Stop stop) {
  std::vector<std::pair<Shard*, typename Stem<T>::Work>> all;
  for (int64_t i = 0; i < shards; i++)
    stem_->each_part(shards_[i].e, 0, stop, [&](const typename Stem<T>::Work& part) {
      all.emplace_back(&shards_[i], part);
    });
  const int64_t most = std::max(1, threads);
  if (static_cast<int64_t>(pieces_.size()) < most) pieces_.resize(most);
  for (size_t at = 0; at < all.size() && !stop(0); at += most) {
    const int64_t n = std::min(most, static_cast<int64_t>(all.size() - at));
    for (int64_t i = 0; i < n; i++) {
      Shard& s = pieces_[i];
      s.e = all[at + i].second;
      s.stem.need(stem_->part_size(s.e.rows, s.e.segment, true));
      s.e.part = s.stem.at();
    }
    share_out(n, threads, [&](int64_t i) {
      stem_->part_backward(params_.at(), pieces_[i].e, batch_moments(0),
                           all[at + i].first->dinput.at(), own(stop, threads));
    });
    share_out(static_cast<int64_t>(gradients_.size()), threads, [&](int64_t number) {
      const Share& share = gradients_[number];
      for (int64_t i = 0; of_stem_segments(share) && i < n; i++)
        gradient(share, pieces_[i], at > 0 || i > 0);
    });
  }
}

template <class T>
void Net<T>::combine_slopes(size_t layer, int64_t shards) {
  const Moments<T> m = batch_moments(layer);
  const int64_t width = stem_->widths[layer];
  T* scale = grads_.at() + matrices_[Stem<T>::each * layer + 2].at;
  T* shift = grads_.at() + matrices_[Stem<T>::each * layer + 3].at;
  double count = 0;
  for (int64_t i = 0; i < shards; i++) count += stem_->count(shards_[i].e, layer);
  for (int64_t c = 0; c < width; c++) {
    double d = 0, dx = 0;
    for (int64_t i = 0; i < shards; i++) {
      const T* sums = stem_->sums(shards_[i].e, layer);
      d += sums[c];
      dx += sums[width + c];
    }
    shift[c] = static_cast<T>(d);
    scale[c] = static_cast<T>(dx);
    m.mean_d[c] = static_cast<T>(d / std::max(1.0, count));
    m.mean_dx[c] = static_cast<T>(dx / std::max(1.0, count));
  }
}

template <class T>
void Net<T>::update_moments() {
  for (size_t i = 0; i < stem_->layers(); i++) {
    const Moments<T> m = batch_moments(i);
    T* mean = params_.at() + matrices_[Stem<T>::each * i + 4].at;
    T* variance = params_.at() + matrices_[Stem<T>::each * i + 5].at;
    for (int64_t c = 0; c < stem_->channels(i); c++) {
      mean[c] += static_cast<T>(norm_momentum * (m.mean[c] - mean[c]));
      variance[c] += static_cast<T>(norm_momentum * (m.variance[c] - variance[c]));
    }
  }
}

}  // namespace hs
