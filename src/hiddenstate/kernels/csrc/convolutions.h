// Shares of positive values of 84 fixed convolutions of a series: the features of MiniRocket.
#pragma once

#include "contract.h"
#include "vec.h"

namespace hs {
namespace HS_LEVEL {

// A kernel has nine weights, -1 but for three of 2: -1 everywhere, plus 3 at those. So all 84
// kernels are sums of the series shifted by nine distances: Dempster, Schmidt and Webb,
// "MiniRocket: a very fast (almost) deterministic transform for time series classification", 2021,
// section 3.2.
template <class T>
void proportions(const Proportions<T>& p) {
  const int64_t steps = p.steps, middle = 4 * p.dilation;
  T* sum = p.memory;      // of one kernel
  T* base = sum + steps;  // of each channel: minus all nine, then three times each of them
  for (int64_t c = 0; c < p.channels; c++) {
    const T* x = p.x + c * p.x_channel;
    T* all = base + c * 10 * steps;
    std::memset(all, 0, 10 * steps * sizeof(T));
    for (int j = 0; j < 9; j++) {
      const int64_t shift = (j - 4) * p.dilation;
      const int64_t from = shift < 0 ? -shift : 0, to = shift > 0 ? steps - shift : steps;
      T* one = all + (j + 1) * steps;
      for (int64_t t = from; t < to; t++) {
        all[t] -= x[t + shift];
        one[t] = 3 * x[t + shift];
      }
    }
  }
  int64_t kernel = 0;
  for (int a = 0; a < 9; a++)
    for (int b = a + 1; b < 9; b++)
      for (int e = b + 1; e < 9; e++, kernel++) {
        std::memset(sum, 0, steps * sizeof(T));
        for (int64_t c = 0; c < p.channels; c++) {
          if (!p.uses[kernel * p.channels + c]) continue;
          const T *all = base + c * 10 * steps, *at_a = all + (a + 1) * steps;
          const T *at_b = all + (b + 1) * steps, *at_e = all + (e + 1) * steps;
          for (int64_t t = 0; t < steps; t++) sum[t] += all[t] + at_a[t] + at_b[t] + at_e[t];
        }
        // Every second kernel leaves out the ends, where zeros stand for steps outside the series.
        const bool whole = (kernel + p.first) % 2 == 0 || steps <= 2 * middle;
        const int64_t from = whole ? 0 : middle, to = whole ? steps : steps - middle;
        for (int64_t i = 0; i < p.count; i++) {
          const T bias = p.biases[kernel * p.count + i];
          int32_t above = 0;
          for (int64_t t = from; t < to; t++) above += sum[t] > bias;
          p.out[kernel * p.count + i] = (T)above / (T)(to - from);
        }
      }
}

}  // namespace HS_LEVEL
}  // namespace hs
