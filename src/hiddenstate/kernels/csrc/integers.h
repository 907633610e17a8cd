// Products and recurrent cells in integers, as program/integers.py has them; contract.h says what
// each reads and writes.
#pragma once

#include "vec.h"

namespace hs {
namespace HS_LEVEL {

typedef int32_t Whole __attribute__((vector_size(HS_BYTES)));
typedef int32_t AnyWhole __attribute__((vector_size(HS_BYTES), aligned(4), may_alias));
typedef int16_t Halves __attribute__((vector_size(HS_BYTES)));

constexpr int whole_lanes = HS_BYTES / 4;

// The products of pairs of int16, a sum of two in each lane.
HS_INLINE Whole of_pairs(Whole a, Whole b) {
#if defined(__AVX512BW__)
  return (Whole)_mm512_madd_epi16((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
  return (Whole)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
  return (Whole)_mm_madd_epi16((__m128i)a, (__m128i)b);
#else
  const Halves x = (Halves)a, y = (Halves)b;
  Whole sum;
  for (int i = 0; i < whole_lanes; i++) sum[i] = x[2 * i] * y[2 * i] + x[2 * i + 1] * y[2 * i + 1];
  return sum;
#endif
}

// The largest whole number not above x, |x| < 2^51: adding `shift` rounds to the nearest one.
HS_INLINE double whole_below(double x) {
  constexpr double shift = 6755399441055744.0;  // 1.5 * 2^52
  const double near = (x + shift) - shift;
  return near > x ? near - 1 : near;
}

HS_INLINE int32_t within(int32_t x, int32_t most) {
  return x < -most ? -most : x > most ? most : x;
}

// x / 2^n to the nearest integer, halves up; n < 0 multiplies.
HS_INLINE int32_t shifted(int32_t x, int n) {
  if (n > 31) return 0;
  return n > 0 ? (x >> n) + ((x >> (n - 1)) & 1) : static_cast<int32_t>((uint32_t)x << -n);
}

// The results of a block for R rows.
template <int R>
HS_INLINE void whole_tile(const IntegerProduct& p, const int16_t* x, long x_row, long block,
                          int32_t most, int32_t* out, long out_row) {
  const long pairs = (p.columns + 1) / 2;
  const int32_t* w = p.weight + block * pairs * whole_lanes;
  const long first = block * whole_lanes;
  Whole sum[R];
#pragma GCC unroll 4
  for (int r = 0; r < R; r++) sum[r] = *(const AnyWhole*)(p.bias + first);
  const auto add = [&](long k, int bytes) {
    const Whole weights = *(const AnyWhole*)(w + k * whole_lanes);
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) {
      int32_t pair = 0;
      if (bytes == 4)
        std::memcpy(&pair, x + r * x_row + 2 * k, 4);
      else
        std::memcpy(&pair, x + r * x_row + 2 * k, 2);
      sum[r] += of_pairs(pair - Whole{}, weights);
    }
  };
  for (long k = 0; k < p.columns / 2; k++) add(k, 4);
  if (p.columns % 2) add(pairs - 1, 2);
  for (int r = 0; r < R; r++) {
    int32_t* to = out + r * out_row + first;
    for (int i = 0; i < whole_lanes; i++) {
      const double s = sum[r][i], low = whole_below(s * p.low[first + i]);
      const double y =
          whole_below((s * p.high[first + i] + low + p.half[first + i]) * p.factor[first + i]);
      const double end = most;
      to[i] = static_cast<int32_t>(y < -end ? -end : y > end ? end : y);
    }
  }
}

inline void whole_product(const IntegerProduct& p, const int16_t* x, long rows, long x_row,
                          int32_t most, int32_t* out, long out_row) {
  for (long row = 0; row < rows; row += 4)
    for (long block = 0; block < p.blocks; block++) {
      const int16_t* from = x + row * x_row;
      int32_t* to = out + row * out_row;
      switch (rows - row) {
        case 1: whole_tile<1>(p, from, x_row, block, most, to, out_row); break;
        case 2: whole_tile<2>(p, from, x_row, block, most, to, out_row); break;
        case 3: whole_tile<3>(p, from, x_row, block, most, to, out_row); break;
        default: whole_tile<4>(p, from, x_row, block, most, to, out_row);
      }
    }
}

// One product, or two of low rank; `between` has room for the inner one.
inline void whole_factors(const IntegerFactors& f, const int16_t* x, long rows, long x_row,
                          int32_t* out, long out_row, int32_t* wide, int16_t* between) {
  if (!f.inner) return whole_product(*f.outer, x, rows, x_row, f.largest, out, out_row);
  const long width = f.inner->blocks * whole_lanes, n = f.outer->columns;
  whole_product(*f.inner, x, rows, x_row, f.most, wide, width);
  for (long r = 0; r < rows; r++)
    for (long i = 0; i < n; i++) between[r * n + i] = static_cast<int16_t>(wide[r * width + i]);
  whole_product(*f.outer, between, rows, n, f.largest, out, out_row);
}

// Sigmoid and tanh, 15 bits, of numbers with 12.
struct Curves {
  const int32_t* table;  // 258 numbers
  HS_INLINE int32_t sigmoid(int32_t x) const {
    const int32_t size = x < 0 ? -x : x, a = size > 65536 ? 65536 : size;
    const int32_t low = table[a >> 8], high = table[(a >> 8) + 1];
    const int32_t y = low + (((high - low) * (a & 255) + 128) >> 8);
    return x < 0 ? 32768 - y : y;
  }
  HS_INLINE int32_t tanh(int32_t x) const { return within(2 * sigmoid(2 * x) - 32768, 32767); }
};

// What the cells read of a row: its sums of W x and of U h, and its state, which they replace.
struct WholeRow {
  const IntegerCell& cell;
  long n;
  const int32_t *a, *b;
  int32_t *h, *c;
  HS_INLINE void give(long i, int32_t x, int bits) const {
    h[i] = within(shifted(x, bits - cell.bits), cell.most);
  }
};

inline void whole_step(const WholeRow& q) {
  const IntegerCell& cell = q.cell;
  const Curves curves{cell.table};
  const int32_t *a = q.a, *b = q.b;
  const long n = q.n;
  switch (cell.kind) {
    case WHOLE_TANH:
      for (long i = 0; i < n; i++) q.give(i, curves.tanh(a[i] + b[i]), 15);
      break;
    case WHOLE_RELU:
      for (long i = 0; i < n; i++) q.give(i, a[i] + b[i] > 0 ? a[i] + b[i] : 0, cell.sum_bits);
      break;
    case WHOLE_GRU:
      for (long i = 0; i < n; i++) {
        const int32_t r = curves.sigmoid(a[i] + b[i]), z = curves.sigmoid(a[n + i] + b[n + i]);
        const int32_t out = curves.tanh(a[2 * n + i] + shifted(r * b[2 * n + i], 15));
        q.give(i, z * shifted(q.h[i], cell.bits - 15) + (32768 - z) * out, 30);
      }
      break;
    case WHOLE_LSTM:
      for (long i = 0; i < n; i++) {
        const int32_t in = curves.sigmoid(a[i] + b[i]), keep = curves.sigmoid(a[n + i] + b[n + i]);
        const int32_t g = curves.tanh(a[2 * n + i] + b[2 * n + i]);
        const int32_t o = curves.sigmoid(a[3 * n + i] + b[3 * n + i]);
        const int32_t sum = keep * q.c[i] + shifted(in * g, 15 - cell.c_bits);
        const int32_t c = q.c[i] = within(shifted(sum, 15), cell.c_most);
        const int places = cell.c_bits < -4 ? -16 : cell.c_bits - 12;
        q.give(i, o * curves.tanh(within(shifted(c, places), 65535)), 30);
      }
      break;
    default:
      for (long i = 0; i < n; i++) {
        const int32_t sum = a[i] + b[i];
        const int32_t z = curves.sigmoid(sum + cell.own[0][i]);
        const int32_t c = curves.tanh(sum + cell.own[1][i]);
        const int32_t share = shifted(cell.own[2][0] * (32768 - z), 15) + cell.own[3][0];
        q.give(i, z * q.h[i] + shifted(share * c, 15 - cell.bits), 15 + cell.bits);
      }
  }
}

inline void whole_sweep(const IntegerCell& cell, const IntegerSequence& q) {
  const long n = cell.hidden, width = cell.sums;
  int32_t *a = q.memory, *b = a + q.rows * width, *wide = b + q.rows * width;
  int16_t* h = reinterpret_cast<int16_t*>(wide + q.rows * cell.wide);
  int16_t* between = h + q.rows * n;
  for (long r = 0; r < q.rows; r++)
    for (long i = 0; i < n; i++) h[r * n + i] = static_cast<int16_t>(q.h[r * n + i]);
  for (long nth = 0; nth < q.steps; nth++) {
    const long t = q.reverse ? q.steps - 1 - nth : nth;
    whole_factors(cell.inputs, q.x + t * q.inputs, q.rows, q.steps * q.inputs, a, width, wide,
                  between);
    whole_factors(cell.state, h, q.rows, n, b, width, wide, between);
    for (long r = 0; r < q.rows; r++) {
      int32_t* to = q.y + (r * q.steps + t) * n;
      if (q.length && t >= q.length[r]) {
        std::memset(to, 0, n * sizeof(int32_t));
        continue;
      }
      int32_t *now = q.h + r * n, *c = q.c ? q.c + r * n : nullptr;
      whole_step({cell, n, a + r * width, b + r * width, now, c});
      for (long i = 0; i < n; i++) h[r * n + i] = static_cast<int16_t>(to[i] = now[i]);
    }
  }
}

}  // namespace HS_LEVEL
}  // namespace hs
