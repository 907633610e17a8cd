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

// As many int32 as a vector has doubles.
typedef int32_t Narrow __attribute__((vector_size(HS_BYTES / 2)));
typedef int32_t AnyNarrow __attribute__((vector_size(HS_BYTES / 2), aligned(4), may_alias));

// The largest whole numbers not above x, |x| < 2^51.
HS_INLINE V<double> whole_below(V<double> x) {
  const V<double> shift = all<double>(Exp<double>::shift);
  const V<double> near = (x + shift) - shift;  // the nearest ones
  return near > x ? near - all<double>(1) : near;
}

// Rescales the sums of outputs `first` to `first` + lanes - 1, in place.
HS_INLINE void rescale(const IntegerProduct& p, int64_t first, double most, int32_t* sums) {
  constexpr int lanes = Vec<double>::lanes;
#pragma GCC unroll 2
  for (int i = 0; i < whole_lanes; i += lanes) {
    const V<double> s = __builtin_convertvector(*(const AnyNarrow*)(sums + i), V<double>);
    const V<double> low = whole_below(s * load(p.low + first + i));
    const V<double> sum = s * load(p.high + first + i) + low + load(p.half + first + i);
    const V<double> y = whole_below(sum * load(p.factor + first + i));
    *(AnyNarrow*)(sums + i) = __builtin_convertvector(clamp<double>(y, most), Narrow);
  }
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
HS_INLINE void whole_tile(const IntegerProduct& p, const int16_t* x, int64_t x_row, int64_t block,
                          int32_t most, int32_t* out, int64_t out_row) {
  const int64_t pairs = (p.columns + 1) / 2;
  const int32_t* w = p.weight + block * pairs * whole_lanes;
  const int64_t first = block * whole_lanes;
  Whole sum[R];
#pragma GCC unroll 4
  for (int r = 0; r < R; r++) sum[r] = *(const AnyWhole*)(p.bias + first);
  const auto add = [&](int64_t k, int bytes) {
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
  for (int64_t k = 0; k < p.columns / 2; k++) add(k, 4);
  if (p.columns % 2) add(pairs - 1, 2);
  for (int r = 0; r < R; r++) {
    int32_t* to = out + r * out_row + first;
    *(AnyWhole*)to = sum[r];
    rescale(p, first, most, to);
  }
}

inline void whole_product(const IntegerProduct& p, const int16_t* x, int64_t rows, int64_t x_row,
                          int32_t most, int32_t* out, int64_t out_row) {
  for (int64_t row = 0; row < rows; row += 4)
    for (int64_t block = 0; block < p.blocks; block++) {
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
inline void whole_factors(const IntegerFactors& f, const int16_t* x, int64_t rows, int64_t x_row,
                          int32_t* out, int64_t out_row, int32_t* wide, int16_t* between) {
  if (!f.inner) return whole_product(*f.outer, x, rows, x_row, f.largest, out, out_row);
  const int64_t width = f.inner->blocks * whole_lanes, n = f.outer->columns;
  whole_product(*f.inner, x, rows, x_row, f.most, wide, width);
  for (int64_t r = 0; r < rows; r++)
    for (int64_t i = 0; i < n; i++) between[r * n + i] = static_cast<int16_t>(wide[r * width + i]);
  whole_product(*f.outer, between, rows, n, f.largest, out, out_row);
}

// Numbers of a table, whose places are from 0 to 257.
HS_INLINE Whole lookup(const int32_t* table, Whole place) {
#if defined(__AVX512F__)
  return (Whole)_mm512_i32gather_epi32((__m512i)place, table, 4);
#elif defined(__AVX2__)
  return (Whole)_mm256_i32gather_epi32(table, (__m256i)place, 4);
#else
  Whole found;
  for (int i = 0; i < whole_lanes; i++) found[i] = table[place[i]];
  return found;
#endif
}

// Sigmoid, 15 bits, of numbers with 12; `table` has 258.
HS_INLINE Whole sigmoid_of(const int32_t* table, Whole x) {
  const Whole none{}, most = none + 65536, size = x < none ? -x : x;
  const Whole a = size > most ? most : size, place = a >> 8;
  const Whole low = lookup(table, place), high = lookup(table + 1, place);
  const Whole y = low + (((high - low) * (a & 255) + 128) >> 8);
  return x < none ? 32768 - y : y;
}

// The sigmoid or tanh of n numbers, in place.
template <bool Tanh>
void curve(const int32_t* table, int32_t* at, int64_t n) {
  for (int64_t i = 0; i < n; i += whole_lanes) {
    const int64_t some = n - i < whole_lanes ? n - i : whole_lanes;
    Whole x{};
    if (some == whole_lanes)
      x = *(const AnyWhole*)(at + i);
    else
      std::memcpy(&x, at + i, some * sizeof(int32_t));
    Whole y = sigmoid_of(table, Tanh ? 2 * x : x);
    if (Tanh) {
      const Whole most = Whole{} + 32767;
      y = 2 * y - 32768;
      y = y > most ? most : y < -most ? -most : y;
    }
    if (some == whole_lanes)
      *(AnyWhole*)(at + i) = y;
    else
      std::memcpy(at + i, &y, some * sizeof(int32_t));
  }
}
inline void sigmoids(const int32_t* table, int32_t* at, int64_t n) { curve<false>(table, at, n); }
inline void tanhs(const int32_t* table, int32_t* at, int64_t n) { curve<true>(table, at, n); }
inline void add(int32_t* __restrict a, const int32_t* __restrict b, int64_t n) {
  for (int64_t i = 0; i < n; i++) a[i] += b[i];
}

// Numbers with `from` bits in a format, in place.
inline void to_format(int32_t* at, int64_t n, int from, int bits, int32_t most) {
  const int places = from - bits;
  for (int64_t i = 0; i < n; i++) at[i] = within(shifted(at[i], places), most);
}

// The next state of a row of n units in place of the last; a and b are the sums of W x and of U h,
// in memory that it may use.
inline void whole_step(const IntegerCell& cell, int32_t* __restrict a, int32_t* __restrict b,
                       int32_t* __restrict h, int32_t* __restrict c) {
  const int64_t n = cell.hidden;
  const int bits = cell.bits, c_bits = cell.c_bits;
  const int32_t* table = cell.table;
  int from = 30;
  if (cell.kind == WHOLE_TANH || cell.kind == WHOLE_RELU) {
    from = cell.kind == WHOLE_TANH ? 15 : cell.sum_bits;
    for (int64_t i = 0; i < n; i++) h[i] = a[i] + b[i];
    if (cell.kind == WHOLE_TANH) tanhs(table, h, n);
    for (int64_t i = 0; i < n && cell.kind == WHOLE_RELU; i++) h[i] = h[i] < 0 ? 0 : h[i];
  } else if (cell.kind == WHOLE_GRU) {
    add(a, b, 2 * n);
    sigmoids(table, a, 2 * n);
    const int32_t *r = a, *z = a + n, *hidden = b + 2 * n;
    int32_t* out = a + 2 * n;
    for (int64_t i = 0; i < n; i++) out[i] += shifted(r[i] * hidden[i], 15);
    tanhs(table, out, n);
    for (int64_t i = 0; i < n; i++)
      h[i] = z[i] * (h[i] * (1 << (15 - bits))) + (32768 - z[i]) * out[i];
  } else if (cell.kind == WHOLE_LSTM) {
    add(a, b, 4 * n);
    sigmoids(table, a, 2 * n);
    tanhs(table, a + 2 * n, n);
    sigmoids(table, a + 3 * n, n);
    const int32_t *in = a, *keep = a + n, *g = a + 2 * n, *o = a + 3 * n;
    for (int64_t i = 0; i < n; i++) c[i] = keep[i] * c[i] + shifted(in[i] * g[i], 15 - c_bits);
    to_format(c, n, 15, 0, cell.c_most);
    const int places = c_bits < -4 ? -16 : c_bits - 12;  // more would be cut, too
    for (int64_t i = 0; i < n; i++) b[i] = within(shifted(c[i], places), 65535);
    tanhs(table, b, n);
    for (int64_t i = 0; i < n; i++) h[i] = o[i] * b[i];
  } else {
    const int32_t *gate = cell.own[0], *update = cell.own[1];
    const int32_t zeta = cell.own[2][0], nu = cell.own[3][0];
    for (int64_t i = 0; i < n; i++) {
      const int32_t sum = a[i] + b[i];
      a[i] = sum + gate[i];
      b[i] = sum + update[i];
    }
    sigmoids(table, a, n);
    tanhs(table, b, n);
    for (int64_t i = 0; i < n; i++) {
      const int32_t share = shifted(zeta * (32768 - a[i]), 15) + nu;
      h[i] = a[i] * h[i] + shifted(share * b[i], 15 - bits);
    }
    from = 15 + bits;
  }
  to_format(h, n, from, bits, cell.most);
}

inline void whole_sweep(const IntegerCell& cell, const IntegerSequence& q) {
  const int64_t n = cell.hidden, width = cell.sums;
  int32_t *a = q.memory, *b = a + q.rows * width, *wide = b + q.rows * width;
  int16_t* h = reinterpret_cast<int16_t*>(wide + q.rows * cell.wide);
  int16_t* between = h + q.rows * n;
  for (int64_t r = 0; r < q.rows; r++)
    for (int64_t i = 0; i < n; i++) h[r * n + i] = static_cast<int16_t>(q.h[r * n + i]);
  for (int64_t nth = 0; nth < q.steps; nth++) {
    const int64_t t = q.reverse ? q.steps - 1 - nth : nth;
    whole_factors(cell.inputs, q.x + t * q.inputs, q.rows, q.steps * q.inputs, a, width, wide,
                  between);
    whole_factors(cell.state, h, q.rows, n, b, width, wide, between);
    for (int64_t r = 0; r < q.rows; r++) {
      int32_t* to = q.y + (r * q.steps + t) * n;
      if (q.length && t >= q.length[r]) {
        std::memset(to, 0, n * sizeof(int32_t));
        continue;
      }
      int32_t *now = q.h + r * n, *c = q.c ? q.c + r * n : nullptr;
      whole_step(cell, a + r * width, b + r * width, now, c);
      for (int64_t i = 0; i < n; i++) h[r * n + i] = static_cast<int16_t>(to[i] = now[i]);
    }
  }
}

}  // namespace HS_LEVEL
}  // namespace hs
