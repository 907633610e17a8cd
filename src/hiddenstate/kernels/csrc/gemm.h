// The two matrix products that all kernels use: rows times panels, and the sum of outer products.
//
// Both keep a tile of sums in registers during the whole inner loop.
#pragma once

#include "contract.h"
#include "vec.h"

namespace hs {
namespace HS_LEVEL {

// Rows of a tile with the given number of vectors, so that the sums, a row of weights and a factor
// fit in the registers: 32 for AVX-512 and NEON, 16 for the others. SSE2 cannot multiply and add in
// one instruction, and needs more of them for the products.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int tile_rows(int vectors) { return vectors >= 3 ? 6 : vectors == 2 ? 8 : 16; }
#elif defined(__AVX2__)
constexpr int tile_rows(int vectors) { return vectors == 1 ? 8 : 12 / vectors; }
#else
constexpr int tile_rows(int vectors) { return vectors >= 3 ? 2 : vectors == 2 ? 4 : 8; }
#endif

// sum[r][First + v] += a[row + r] times the N vectors of a panel. The rows of the panel are `w_row`
// numbers apart, its vectors `w_vector` numbers.
//
// A small tile has too few sums to hide the latency of an addition; then the sum over k is split
// into a few interleaved strands.
template <class T, int R, int N, int First = 0, int All = N>
HS_INLINE void multiply(V<T> (&sum)[R][All], const Rows<const T>& a, int64_t row, const T* w,
                        int64_t w_vector, int64_t w_row) {
  constexpr int strands = R * N >= 8 ? 1 : R * N >= 4 ? 2 : 4;
  V<T> strand[strands][R][N];
#pragma GCC unroll 4
  for (int s = 0; s < strands; s++)
#pragma GCC unroll 16
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
      for (int v = 0; v < N; v++) strand[s][r][v] = s ? V<T>{} : sum[r][First + v];
  for (int part = 0; part < a.n; part++) {
    const T* at = a.at + row * a.row + part * a.part;
    int64_t k = 0;
    for (; k + strands <= a.width; k += strands, w += strands * w_row) {
#pragma GCC unroll 4
      for (int s = 0; s < strands; s++) {
        V<T> weight[N];
#pragma GCC unroll 4
        for (int v = 0; v < N; v++) weight[v] = load(w + s * w_row + v * w_vector);
#pragma GCC unroll 16
        for (int r = 0; r < R; r++) {
          const V<T> factor = all<T>(at[r * a.row + k + s]);
#pragma GCC unroll 4
          for (int v = 0; v < N; v++) strand[s][r][v] += factor * weight[v];
        }
      }
    }
    // Not unrolled, for the last bits of a single sum depend on it: whether the compiler multiplies
    // and adds in one instruction.
#pragma GCC unroll 1
    for (; k < a.width; k++, w += w_row)
#pragma GCC unroll 16
      for (int r = 0; r < R; r++)
#pragma GCC unroll 4
        for (int v = 0; v < N; v++)
          strand[0][r][v] += all<T>(at[r * a.row + k]) * load(w + v * w_vector);
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int v = 0; v < N; v++) {
      sum[r][First + v] = strand[0][r][v];
#pragma GCC unroll 4
      for (int s = 1; s < strands; s++) sum[r][First + v] += strand[s][r][v];
    }
}

// Splits `n` into the largest tiles that fit and calls f(first, size as a constant) for each. A row
// alone has too few sums to keep the processor busy: four rows are two tiles of two.
template <int Size>
struct Constant {
  static constexpr int value = Size;
};

template <int Most, class F>
HS_INLINE void in_tiles(int64_t n, F f) {
  int64_t done = 0;
  for (; done + Most <= n && (Most != 3 || n - done != 4); done += Most) f(done, Constant<Most>());
  if constexpr (Most > 8)
    for (; done + 8 <= n; done += 8) f(done, Constant<8>());
  if constexpr (Most > 4)
    for (; done + 4 <= n; done += 4) f(done, Constant<4>());
  if constexpr (Most > 2)
    for (; done + 2 <= n; done += 2) f(done, Constant<2>());
  if constexpr (Most > 1)
    for (; done + 1 <= n; done += 1) f(done, Constant<1>());
}

template <class T>
HS_INLINE V<T> activate(int activation, V<T> x) {
  switch (activation) {
    case TANH: return tanh<T>(x);
    case RELU: return relu<T>(x);
    case SIGMOID: return sigmoid<T>(x);
    default: return x;
  }
}

template <class T, int N>
void product_of_blocks(const Product<T>& p, int64_t block) {
  constexpr int lanes = Vec<T>::lanes;
  const int64_t k = p.a.columns();
  const T* w = p.w + block * k * lanes;
  in_tiles<tile_rows(N)>(p.rows, [&](int64_t row, auto size) {
    constexpr int R = decltype(size)::value;
    V<T> sum[R][N];
    T* out = p.out + row * p.out_row + block * lanes;
#pragma GCC unroll 16
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
      for (int v = 0; v < N; v++)
        sum[r][v] = p.add    ? load(out + r * p.out_row + v * lanes)
                    : p.bias ? load(p.bias + (block + v) * lanes)
                             : V<T>{};
    multiply<T, R, N>(sum, p.a, row, w, k * lanes, lanes);
#pragma GCC unroll 16
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
      for (int v = 0; v < N; v++)
        store(out + r * p.out_row + v * lanes, activate<T>(p.activation, sum[r][v]));
  });
}

template <class T>
void product(const Product<T>& p) {
  in_tiles<4>(p.blocks, [&](int64_t block, auto size) {
    product_of_blocks<T, decltype(size)::value>(p, block);
  });
}

// Rows of d that are read before the sums are stored, so that they stay in the first-level cache.
constexpr int64_t outer_stretch = 96;

template <class T, int N>
void outer_of_vectors(const Outer<T>& o, const T* d, int64_t d_vector, T* c, int64_t c_vector) {
  constexpr int lanes = Vec<T>::lanes;
  for (int64_t from = 0; from < o.k; from += outer_stretch) {
    const int64_t to = from + outer_stretch < o.k ? from + outer_stretch : o.k;
    for (int part = 0; part < o.a.n; part++) {
      const int64_t begin = o.a.width * part, end = begin + o.a.width;
      const int64_t m0 = o.m0 > begin ? o.m0 : begin, m1 = o.m1 < end ? o.m1 : end;
      const T* column = o.a.at + part * o.a.part - begin;
      in_tiles<tile_rows(N)>(m1 - m0, [&](int64_t m, auto size) {
        constexpr int R = decltype(size)::value;
        const T* a = column + m0 + m + from * o.a.row;
        const T* row = d + from * o.d_row;
        T* out = c + (m0 + m) * o.gates * lanes;
        V<T> sum[R][N];
#pragma GCC unroll 16
        for (int r = 0; r < R; r++)
#pragma GCC unroll 4
          for (int v = 0; v < N; v++)
            sum[r][v] = from || o.add ? load(out + r * o.gates * lanes + v * c_vector) : V<T>{};
        for (int64_t k = from; k < to; k++, a += o.a.row, row += o.d_row) {
          V<T> right[N];
#pragma GCC unroll 4
          for (int v = 0; v < N; v++) right[v] = load(row + v * d_vector);
#pragma GCC unroll 16
          for (int r = 0; r < R; r++) {
            const V<T> factor = all<T>(a[r]);
#pragma GCC unroll 4
            for (int v = 0; v < N; v++) sum[r][v] += factor * right[v];
          }
        }
#pragma GCC unroll 16
        for (int r = 0; r < R; r++)
#pragma GCC unroll 4
          for (int v = 0; v < N; v++) store(out + r * o.gates * lanes + v * c_vector, sum[r][v]);
      });
    }
  }
}

template <class T>
void outer(const Outer<T>& o) {
  constexpr int lanes = Vec<T>::lanes;
  const int64_t panel = o.a.columns() * o.gates * lanes;
  if (o.gates == 1) {
    in_tiles<4>(o.blocks, [&](int64_t more, auto size) {
      const int64_t block = o.block + more;
      outer_of_vectors<T, decltype(size)::value>(o, o.d + block * o.d_block, o.d_block,
                                                 o.c + block * panel, panel);
    });
    return;
  }
  for (int64_t block = o.block; block < o.block + o.blocks; block++) {
    const T* d = o.d + block * o.d_block;
    T* c = o.c + block * panel;
    if (o.gates == 2)
      outer_of_vectors<T, 2>(o, d, lanes, c, lanes);
    else if (o.gates == 3)
      outer_of_vectors<T, 3>(o, d, lanes, c, lanes);
    else
      outer_of_vectors<T, 4>(o, d, lanes, c, lanes);
  }
}

template <class T, int G>
void column_sums_of(const Outer<T>& o) {
  constexpr int lanes = Vec<T>::lanes;
  for (int64_t block = o.block; block < o.block + o.blocks; block++) {
    const T* d = o.d + block * o.d_block;
    T* c = o.c + block * G * lanes;
    V<T> sum[G];
#pragma GCC unroll 4
    for (int g = 0; g < G; g++) sum[g] = o.add ? load(c + g * lanes) : V<T>{};
    for (int64_t k = 0; k < o.k; k++, d += o.d_row)
#pragma GCC unroll 4
      for (int g = 0; g < G; g++) sum[g] += load(d + g * lanes);
#pragma GCC unroll 4
    for (int g = 0; g < G; g++) store(c + g * lanes, sum[g]);
  }
}

template <class T>
void column_sums(const Outer<T>& o) {
  if (o.gates == 1) return column_sums_of<T, 1>(o);
  if (o.gates == 2) return column_sums_of<T, 2>(o);
  if (o.gates == 3) return column_sums_of<T, 3>(o);
  column_sums_of<T, 4>(o);
}

}  // namespace HS_LEVEL
}  // namespace hs
