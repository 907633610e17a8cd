// Parts of the LSTM kernel alone, and the processor's own limit, for benchmarks.
#pragma once

#include "recurrent.h"

namespace hs {
namespace HS_LEVEL {

// Independent chains of multiplications and additions, enough to hide their latency: 2 * lanes *
// chains operations in each of n turns.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int chains = 24;
#else
constexpr int chains = 12;
#endif

inline double multiply_add(int64_t n) {
  V<float> sum[chains];
  const V<float> factor = all<float>(0.999f), more = all<float>(0.001f);
#pragma GCC unroll 24
  for (int k = 0; k < chains; k++) sum[k] = all<float>(k);
  for (int64_t i = 0; i < n; i++)
#pragma GCC unroll 24
    for (int k = 0; k < chains; k++) sum[k] = sum[k] * factor + more;
  V<float> total{};
#pragma GCC unroll 24
  for (int k = 0; k < chains; k++) total += sum[k];
  return total[0];
}

// One part of `forward` for an LSTM: the products with the input, those with the state, or the
// gates. Each reads and writes what it does there.
inline void lstm_part(int part, const Sequence<float>& q) {
  constexpr int lanes = Vec<float>::lanes;
  for (int64_t nth = 0; nth < q.steps; nth++) {
    const Step<float> s(q, nth);
    for (int64_t block = 0; block < q.blocks; block++) {
      float* sums = kept<Lstm>(q, s.t, 0, block);
      if (part == 2) {
        Lstm::gates(q, s, block, 0, q.rows, sums);
        continue;
      }
      const Rows<const float> a = part ? state(q, s) : inputs(q, s.t);
      const float* w = (part ? q.wh : q.wx) + block * a.columns() * 4 * lanes;
      in_tiles<tile_rows(4)>(q.rows, [&](int64_t row, auto size) {
        constexpr int R = decltype(size)::value;
        V<float> sum[R][4];
        for (int r = 0; r < R; r++)
          for (int g = 0; g < 4; g++) sum[r][g] = V<float>{};
        multiply<float, R, 4>(sum, a, row, w, lanes, 4 * lanes);
        for (int r = 0; r < R; r++)
          for (int g = 0; g < 4; g++) store(sums + ((row + r) * 4 + g) * lanes, sum[r][g]);
      });
    }
  }
}

}  // namespace HS_LEVEL
}  // namespace hs
