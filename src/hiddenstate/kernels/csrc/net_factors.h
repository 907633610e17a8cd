// Weights of a Net<T> of low rank: each is the product of two factors, which are what is trained,
// saved and loaded. Included by net.cpp alone.
#pragma once

#include "net.h"

namespace hs {

// Lists the matrices of the caller's arrays. Two factors replace a weight of the stack if they are
// fewer numbers.
template <class T>
void Net<T>::list_arrays() {
  const int64_t rank = shape_.rank;
  const size_t first = stem_ ? stem_->matrices.size() : 0;
  const size_t last = first + (recurrent() ? stack_->matrices.size() : 0), n = matrices_.size();
  for (size_t i = 0; i < n; i++) {
    const Layout l = matrices_[i].layout;
    const bool of_stack = first <= i && i < last && !matrices_[i].is_bias;
    if (!rank || !of_stack || rank * (l.in + l.out) >= l.in * l.out) {
      arrays_.push_back(i);
      continue;
    }
    if (l.gates > 1) throw std::invalid_argument("a rank is for a cell of one block");
    factored_.push_back({i, matrices_.size(), matrices_.size() + 1});
    matrices_.push_back(places_.padded_weight(rank, l.out, 1, 0, rank, true));
    matrices_.push_back(places_.of_same_inputs(l, rank));
    arrays_.insert(arrays_.end(), {factored_.back().out, factored_.back().in});
  }
}

// A matrix of one block as rows of its inputs: number k is a row of all outputs.
template <class T>
Rows<const T> by_input(const T* flat, const Matrix& m, int64_t lanes) {
  return {flat + m.at, lanes, lanes, m.layout.k() * lanes, static_cast<int>(m.blocks(lanes))};
}

// Computes the weight: row k of its panels is the product of `out` and row k of `in`.
template <class T>
void Net<T>::multiply(const Factored& f) {
  const Matrix &whole = matrices_[f.whole], &out = matrices_[f.out], &in = matrices_[f.in];
  const int64_t lanes = kernels_.lanes, blocks = whole.blocks(lanes);
  Product<T> p{};
  p.rows = whole.layout.k();
  p.a = by_input<T>(params_.at(), in, lanes);
  p.blocks = 1;
  p.out_row = lanes;
  for (int64_t block = 0; block < blocks; block++) {
    p.w = params_.at() + out.at + block * out.layout.k() * lanes;
    p.out = params_.at() + whole.at + block * p.rows * lanes;
    kernels_.product(p);
  }
  turn({{0, blocks, 0, p.rows}, f.whole});
}

// Computes the gradients of both factors from that of the weight: d out = d in^T, d in = out^T d.
template <class T>
void Net<T>::split(const Factored& f) {
  const Matrix &whole = matrices_[f.whole], &out = matrices_[f.out], &in = matrices_[f.in];
  const int64_t lanes = kernels_.lanes;
  Outer<T> o{};
  o.k = whole.layout.k();
  o.a = by_input<T>(params_.at(), in, lanes);
  o.d = grads_.at() + whole.at;
  o.d_row = lanes;
  o.d_block = o.k * lanes;
  o.gates = 1;
  o.blocks = whole.blocks(lanes);
  o.m1 = out.layout.k();
  o.c = grads_.at() + out.at;
  kernels_.outer(o);
  Product<T> p{};
  p.rows = o.k;
  p.a = by_input<T>(grads_.at(), whole, lanes);
  p.blocks = 1;
  p.out_row = lanes;
  for (int64_t block = 0; block < in.blocks(lanes); block++) {
    p.w = turned_.at() + out.turned + block * p.a.columns() * lanes;
    p.out = grads_.at() + in.at + block * p.rows * lanes;
    kernels_.product(p);
  }
}

// Computes what follows from the weights after they were loaded.
template <class T>
void Net<T>::complete() {
  if (!stale_) return;
  for (const Share& share : updates_) turn(share);
  multiply_factors();
  stale_ = false;
}

template <class T>
void Net<T>::multiply_factors() {
  for (const Factored& f : factored_)
    if (!between()) multiply(f);
}

}  // namespace hs
