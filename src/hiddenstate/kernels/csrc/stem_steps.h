// A causal stem step by step: what each layer read last, and a mean of steps that is not complete.
#pragma once

#include <stdexcept>
#include <vector>

#include "contract.h"
#include "memory.h"

namespace hs {

// What a stem carries of n rows, each array [n][...]: the last size - 1 inputs of each layer, one
// layer after the other, and with a pool the sum of the first layer's outputs since the last
// complete mean, and their number.
template <class T>
struct Remembered {
  T *recent = nullptr, *pooled = nullptr;
  int64_t* phase = nullptr;
};

template <class T>
class StemSteps {
 public:
  // A layer gives relu(bias + weight x), with x the last `size` steps of `inputs` numbers. Weights
  // are [channels][size][inputs].
  struct Layer {
    int64_t channels, size, inputs;
    const T *weight, *bias;
  };

  // Without layers there is no stem. A mean of `pool` steps follows the first layer.
  StemSteps(const Kernels<T>& kernels, const std::vector<Layer>& layers, int64_t pool)
      : pool_(pool), kernels_(kernels) {
    for (const Layer& layer : layers) layers_.push_back(packed(layer));
  }

  StemSteps(StemSteps&&) = default;
  StemSteps(const StemSteps&) = delete;

  explicit operator bool() const { return !layers_.empty(); }
  bool pools() const { return pool_ > 1; }
  int64_t inputs() const { return layers_[0].inputs; }
  int64_t outputs() const { return layers_.back().channels; }
  int64_t pooled() const { return pools() ? layers_[0].channels : 0; }
  int64_t recent() const {
    int64_t numbers = 0;
    for (const Packed& p : layers_) numbers += p.recent();
    return numbers;
  }

  // What the stem carries, in these arrays: `recent` if there is any, and `pooled` with a pool.
  Remembered<T> remembered(const std::vector<T*>& arrays, int64_t* phase) const {
    const size_t first = recent() ? 1 : 0, n = first + (pools() ? 1 : 0);
    if (arrays.size() != n || (phase != nullptr) != pools())
      throw std::invalid_argument("stem_state: expected the arrays that the stem carries");
    return {first ? arrays[0] : nullptr, pools() ? arrays[first] : nullptr, phase};
  }

  // Reads a step x [n][inputs] of n rows; returns what follows, [n][outputs]. With a pool that is
  // from a mean so far, and only the rows in which it is `complete` are remembered after it.
  const T* read(const T* x, int64_t n, const Remembered<T>& of, uint8_t* complete) {
    const int64_t all = recent();
    int64_t at = 0;
    for (size_t i = 0; i < layers_.size(); i++) {
      x = read(layers_[i], x, n, of.recent + at, all, i && pools() ? complete : nullptr);
      at += layers_[i].recent();
      if (!i && pools()) x = average(n, of, complete);
    }
    return x;
  }

 private:
  struct Packed {
    int64_t channels, size, inputs, blocks;
    Buffer<T> weight, bias;  // panels
    Buffer<T> windows, sums, out;
    int64_t columns() const { return size * inputs; }
    int64_t recent() const { return (size - 1) * inputs; }
  };

  Packed packed(const Layer& layer) const {
    const int64_t lanes = kernels_.lanes;
    Packed p{layer.channels, layer.size, layer.inputs, (layer.channels + lanes - 1) / lanes};
    p.weight.need(p.blocks * p.columns() * lanes);
    p.bias.need(p.blocks * lanes);
    p.weight.zero();
    p.bias.zero();
    for (int64_t c = 0; c < layer.channels; c++) {
      const int64_t block = c / lanes, lane = c % lanes;
      p.bias.at()[c] = layer.bias[c];
      for (int64_t k = 0; k < p.columns(); k++)
        p.weight.at()[(block * p.columns() + k) * lanes + lane] = layer.weight[c * p.columns() + k];
    }
    return p;
  }

  // `which` says in which rows the step is remembered; null for all.
  const T* read(Packed& p, const T* x, int64_t n, T* recent, int64_t row, const uint8_t* which) {
    const int64_t before = p.recent(), columns = p.columns(), width = p.blocks * kernels_.lanes;
    p.windows.need(n * columns);
    p.sums.need(n * width);
    p.out.need(n * p.channels);
    for (int64_t i = 0; i < n; i++) {
      T *window = p.windows.at() + i * columns, *own = recent + i * row;
      copy(window, own, before);
      copy(window + before, x + i * p.inputs, p.inputs);
      if (!which || which[i]) copy(own, window + p.inputs, before);
    }
    Product<T> product{};
    product.rows = n;
    product.a = {p.windows.at(), columns, columns};
    product.w = p.weight.at();
    product.bias = p.bias.at();
    product.blocks = p.blocks;
    product.out = p.sums.at();
    product.out_row = width;
    product.activation = RELU;
    kernels_.product(product);
    for (int64_t i = 0; i < n; i++)
      copy(p.out.at() + i * p.channels, p.sums.at() + i * width, p.channels);
    return p.out.at();
  }

  const T* average(int64_t n, const Remembered<T>& of, uint8_t* complete) {
    Packed& p = layers_[0];
    for (int64_t i = 0; i < n; i++) {
      T *x = p.out.at() + i * p.channels, *sum = of.pooled + i * p.channels;
      const T steps = static_cast<T>(++of.phase[i]);
      complete[i] = of.phase[i] == pool_;
      for (int64_t c = 0; c < p.channels; c++) {
        sum[c] += x[c];
        x[c] = sum[c] / steps;
        if (complete[i]) sum[c] = 0;
      }
      if (complete[i]) of.phase[i] = 0;
    }
    return p.out.at();
  }

  std::vector<Packed> layers_;
  const int64_t pool_;
  const Kernels<T>& kernels_;
};

}  // namespace hs
