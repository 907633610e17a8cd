// The gradients and the update of a Net<T>, a share of a matrix at a time; included by net.cpp
// alone.
#pragma once

#include "net.h"

namespace hs {

// The number of multiplications of a share of the gradient.
template <class T>
int64_t Net<T>::work_of(const Share& share) const {
  const Matrix& m = matrices_[share.matrix];
  const int64_t rows = shards_[0].rows * std::max<int64_t>(1, shards_[0].w.steps);
  return rows * share.blocks * (share.m1 - share.m0) * m.layout.gates * kernels_.lanes;
}

// Computes a share of the gradient, the sum over the rows and steps in memory. With `add` it goes
// on from that of those before.
template <class T>
void Net<T>::gradient(const Share& share, const Shard& s, bool add) {
  const Matrix& m = matrices_[share.matrix];
  const size_t first = stem_ ? stem_->matrices.size() : 0;
  const size_t own = first + (recurrent() ? stack_->matrices.size() : 0);
  if (between() && share.matrix >= factored_[0].out) {
    const size_t nth = share.matrix - factored_[0].out;
    stack_->give_factor_gradient(s.w, factored_[nth / 2].whole - first, nth % 2, share,
                                 grads_.at() + m.at, add);
    return;
  }
  if (share.matrix >= first && share.matrix < own) {
    stack_->give_gradient(s.w, share.matrix - first, share, grads_.at() + m.at, add);
    return;
  }
  const Outer<T> o = share.matrix < first ? stem_->gradient(s.e, share.matrix)
                                          : dense_->weight_gradient(s.p, share.matrix - own);
  add_up(kernels_, m.is_bias, o, share, grads_.at() + m.at, add);
}

// Of a sparse net: a share of the gradient becomes 0 where weights are.
template <class T>
void Net<T>::drop_gradients(const Share& share) {
  const Matrix& m = matrices_[share.matrix];
  if (!sparse || m.is_bias) return;
  const int64_t panel = m.layout.k() * m.layout.gates * kernels_.lanes;
  const int64_t at = m.at + share.block * panel;
  kernels_.only_weights(trained(m) + at, grads_.at() + at, share.blocks * panel);
}

template <class T>
double Net<T>::squares(const Share& share) {
  drop_gradients(share);
  const Matrix& m = matrices_[share.matrix];
  const int64_t panel = m.layout.k() * m.layout.gates * kernels_.lanes;
  return kernels_.sum_of_squares(grads_.at() + m.at + share.block * panel, share.blocks * panel);
}

// Rounds some blocks of a weight, if they are rounded, and transposes them.
template <class T>
void Net<T>::turn(const Share& share) {
  const Matrix& m = matrices_[share.matrix];
  const int64_t panel = m.layout.k() * m.layout.gates * kernels_.lanes;
  const int64_t at = m.at + share.block * panel;
  const bool is_product = std::any_of(factored_.begin(), factored_.end(),
                                      [&](const Factored& f) { return f.whole == share.matrix; });
  if (rounds(m) && !is_product)
    kernels_.to_grid(floats_.at() + at, m.layout.k(), m.layout.gates, share.blocks,
                     params_.at() + at);
  if (m.turned < 0) return;
  kernels_.turn(params_.at() + m.at, m.layout.k(), m.blocks(kernels_.lanes), m.layout.gates,
                share.block, share.block + share.blocks, turned_.at() + m.turned);
}

template <class T>
void Net<T>::update(const Share& share, Update<T> u) {
  const Matrix& m = matrices_[share.matrix];
  const int64_t panel = m.layout.k() * m.layout.gates * kernels_.lanes;
  const int64_t at = m.at + share.block * panel;
  u.n = share.blocks * panel;
  u.p = trained(m) + at;
  u.g = grads_.at() + at;
  if (!m.decays) u.decay = 0;
  if (u.m) u.m += at;
  if (u.v) u.v += at;
  drop_gradients(share);
  kernels_.update(u);
  turn(share);
}

template <class T>
Update<T> Net<T>::rule(const Lesson<T>& lesson, const Orders& orders, double squares) const {
  Update<T> u{};
  u.rule = lesson.rule;
  if (lesson.rule != SGD || lesson.momentum > 0) u.m = m_.at();
  if (lesson.rule != SGD) u.v = v_.at();
  u.rate = orders.rate;
  u.beta1 = lesson.beta1;
  u.beta2 = lesson.beta2;
  u.eps = orders.eps;
  u.decay = lesson.decay;
  u.momentum = lesson.momentum;
  u.correction1 = correction(lesson.beta1, updates + 1);
  u.correction2 = correction(lesson.beta2, updates + 1);
  u.scale = 1;
  // As torch.nn.utils.clip_grad_norm_, which adds 1e-6 to the norm.
  if (orders.clip > 0) u.scale = std::min(1.0, orders.clip / (std::sqrt(squares) + 1e-6));
  return u;
}

}  // namespace hs
