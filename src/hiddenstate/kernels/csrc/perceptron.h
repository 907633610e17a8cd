// Dense layers over one shard: an autoencoder, or the head of a recurrent stack.
#pragma once

#include <vector>

#include "any_stack.h"

namespace hs {

template <class T>
class Perceptron {
 public:
  std::vector<int64_t> widths;
  std::vector<int> activations;  // one for each layer
  std::vector<Matrix> matrices;  // weight and bias of each layer
  std::vector<Grid<T>> grids;    // of what each layer but the last gives, or none

  // The first layer reads `parts` parts of widths[0] / parts numbers, padded if `padded` is set.
  Perceptron(const Kernels<T>& kernels, Places& places, std::vector<int64_t> sizes,
             std::vector<int> functions, int parts, bool padded, bool wants_dx)
      : widths(std::move(sizes)), activations(std::move(functions)), kernels_(kernels) {
    for (size_t i = 0; i + 1 < widths.size(); i++) {
      const int64_t part = i ? widths[i] : widths[0] / parts;
      if (i || padded)
        matrices.push_back(
            places.padded_weight(widths[i], widths[i + 1], 1, 0, part, i || wants_dx));
      else
        matrices.push_back(places.weight(widths[i], widths[i + 1], 1, wants_dx));
      matrices.push_back(places.bias(widths[i + 1], 1, 0));
    }
  }

  size_t layers() const { return activations.size(); }
  int64_t row(size_t i) const { return rounded_up(widths[i], kernels_.lanes); }

  // The outputs of every layer and their gradients, for `rows` rows.
  struct Work {
    T* at;
    int64_t rows;
    Rows<const T> x;
    bool kept = false;
  };
  int64_t work_size(int64_t rows, bool kept) const {
    int64_t size = 0;
    for (size_t i = 1; i < widths.size(); i++) size += rows * row(i);
    return kept ? (grids.empty() ? 2 : 3) * size : size;
  }
  T* output(const Work& w, size_t layer) const {
    T* at = w.at;
    for (size_t i = 1; i <= layer; i++) at += w.rows * row(i);
    return at;
  }
  T* gradient(const Work& w, size_t layer) const {
    return output(w, layer) + work_size(w.rows, false);
  }

  // What a layer gives before it is rounded.
  T* whole(const Work& w, size_t layer) const {
    return output(w, layer) + (w.kept && rounds(layer) ? 2 * work_size(w.rows, false) : 0);
  }
  bool rounds(size_t layer) const { return layer < grids.size() && grids[layer].shift > 0; }

  // Computes layers `first` to `last` - 1; the first reads w.x. The last is not rounded.
  void forward(const T* params, const Work& w, size_t first, size_t last) const {
    for (size_t i = first; i < last; i++) {
      Product<T> p{};
      p.rows = w.rows;
      p.a = i == first ? w.x : Rows<const T>{output(w, i - 1), row(i), row(i)};
      p.w = params + matrices[2 * i].at;
      p.bias = params + matrices[2 * i + 1].at;
      p.blocks = row(i + 1) / kernels_.lanes;
      p.out = output(w, i);
      p.out_row = row(i + 1);
      const bool rounded = rounds(i) && i + 1 < last;
      if (rounded) p.out = whole(w, i);
      p.activation = rounded ? LINEAR : activations[i];
      kernels_.product(p);
      if (rounded)
        kernels_.activate(activations[i], grids[i], p.out, output(w, i), w.rows * row(i + 1));
      if (activations[i] == SIGMOID) clear_padding(w, i);  // the sigmoid of 0 is 1/2
    }
  }

  // Starts from the gradient of the last output, in gradient(w, layers() - 1).
  void backward(const T* turned, const Work& w) const {
    for (size_t i = layers(); i-- > 0;) {
      T* d = gradient(w, i);
      kernels_.through(activations[i], whole(w, i), d, w.rows * row(i + 1));
      if (rounds(i)) kernels_.cut_gradients(grids[i], whole(w, i), d, w.rows * row(i + 1));
      if (i) into(turned, w, i, 0, row(i), gradient(w, i - 1), row(i));
    }
  }

  // Computes columns [from, from + n) of the input gradient of layer i.
  void into(const T* turned, const Work& w, size_t i, int64_t from, int64_t n, T* out,
            int64_t out_row) const {
    Product<T> p{};
    p.rows = w.rows;
    p.a = {gradient(w, i), row(i + 1), row(i + 1)};
    p.w = turned + matrices[2 * i].turned + from * row(i + 1);
    p.blocks = n / kernels_.lanes;
    p.out = out;
    p.out_row = out_row;
    kernels_.product(p);
  }

  void clear_padding(const Work& w, size_t i) const {
    const int64_t n = widths[i + 1], padded = row(i + 1);
    for (int64_t r = 0; n < padded && r < w.rows; r++)
      std::memset(output(w, i) + r * padded + n, 0, (padded - n) * sizeof(T));
  }

  Outer<T> weight_gradient(const Work& w, size_t index) const {
    const size_t i = index / 2;
    Outer<T> o{};
    o.k = w.rows;
    o.gates = 1;
    o.a = i ? Rows<const T>{output(w, i - 1), row(i), row(i)} : w.x;
    o.d = gradient(w, i);
    o.d_row = row(i + 1);
    o.d_block = kernels_.lanes;
    return o;
  }

 private:
  const Kernels<T>& kernels_;
};

}  // namespace hs
