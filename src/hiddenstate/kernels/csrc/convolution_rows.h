// The features of fixed convolutions of whole rows, in float or, far from zero, in double.
#pragma once

#include <cmath>
#include <vector>

#include "contract.h"
#include "memory.h"

namespace hs {

// Convolutions of all dilations, which have counts[d] biases for each of the 84 kernels.
struct Convolutions {
  std::vector<int64_t> dilations, counts;
  const bool* uses;     // [dilations][84][channels]
  const float* biases;  // by dilation, kernel and number
};

// Mean in deviations from which a channel is added up in double. The weights of a kernel add up to
// zero, so a mean cancels out but for the rounding of nine numbers of its size: with float's 24
// bits, less than a hundredth of a deviation up to here.
constexpr double far_mean = 1000;

inline bool is_far(const float* x, int64_t n) {
  double mean = 0, squares = 0;
  for (int64_t t = 0; t < n; t++) mean += x[t];
  mean /= static_cast<double>(n);
  for (int64_t t = 0; t < n; t++) squares += (x[t] - mean) * (x[t] - mean);
  return std::fabs(mean) > far_mean * std::sqrt(squares / static_cast<double>(n));
}

// Writes the features of a row x [channels][steps], of which `end` steps are read.
template <class T>
void convolve_row(const Kernels<T>& kernels, const Convolutions& c, const T* x, const T* biases,
                  int64_t channels, int64_t steps, int64_t end, T* out) {
  Buffer<T> memory((10 * channels + 1) * end);
  Proportions<T> p{};
  p.x = x;
  p.x_channel = steps;
  p.channels = channels;
  p.steps = end;
  p.memory = memory.at();
  for (size_t d = 0; d < c.dilations.size(); d++) {
    p.dilation = c.dilations[d];
    p.first = static_cast<int>(d % 2);
    p.count = c.counts[d];
    p.uses = c.uses + static_cast<int64_t>(d) * 84 * channels;
    p.biases = biases;
    p.out = out;
    kernels.proportions(p);
    biases += 84 * p.count;
    out += 84 * p.count;
  }
}

// The same in double if a channel is far from zero: its rounding would drown the others, which are
// added to it.
inline void convolve_row(const Level& level, const Convolutions& c, const float* x,
                         int64_t channels, int64_t steps, int64_t end, float* out,
                         int64_t features) {
  bool far = false;
  for (int64_t i = 0; i < channels; i++) far |= is_far(x + i * steps, end);
  if (!far) return convolve_row(*level.f32, c, x, c.biases, channels, steps, end, out);
  const std::vector<double> wide(x, x + channels * steps), biases(c.biases, c.biases + features);
  std::vector<double> shares(features);
  convolve_row(*level.f64, c, wide.data(), biases.data(), channels, steps, end, shares.data());
  for (int64_t i = 0; i < features; i++) out[i] = static_cast<float>(shares[i]);
}

}  // namespace hs
