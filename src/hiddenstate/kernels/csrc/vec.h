// Portable vectors of HS_BYTES bytes, and the functions on them that the kernels need.
//
// Compiled once for each instruction level, in that level's own namespace, so that no function
// compiled for one level can be linked into another's code. Uses the vector extensions of GCC and
// Clang; only the square root and the limits need intrinsics.
#pragma once

#include <cstring>

#include "contract.h"

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#define HS_INLINE HS_ALWAYS

namespace hs {
namespace HS_LEVEL {

template <class T>
struct Vec;

template <>
struct Vec<float> {
  typedef float V __attribute__((vector_size(HS_BYTES)));
  typedef float Unaligned __attribute__((vector_size(HS_BYTES), aligned(4), may_alias));
  typedef int32_t Bits __attribute__((vector_size(HS_BYTES)));
  static constexpr int lanes = HS_BYTES / 4;
};

template <>
struct Vec<double> {
  typedef double V __attribute__((vector_size(HS_BYTES)));
  typedef double Unaligned __attribute__((vector_size(HS_BYTES), aligned(8), may_alias));
  typedef int64_t Bits __attribute__((vector_size(HS_BYTES)));
  static constexpr int lanes = HS_BYTES / 8;
};

template <class T>
using V = typename Vec<T>::V;

template <class T>
HS_INLINE V<T> load(const T* at) {
  return *reinterpret_cast<const typename Vec<T>::Unaligned*>(at);
}

template <class T>
HS_INLINE void store(T* at, V<T> value) {
  *reinterpret_cast<typename Vec<T>::Unaligned*>(at) = value;
}

template <class T>
HS_INLINE V<T> all(T value) {
  return value - V<T>{};  // x - 0 is x; every compiler makes it a broadcast
}

// The square root, and the larger and the smaller of a limit and x; a NaN in x stays NaN.
#if defined(__AVX512F__)
HS_INLINE V<float> root(V<float> x) { return (V<float>)_mm512_sqrt_ps((__m512)x); }
HS_INLINE V<double> root(V<double> x) { return (V<double>)_mm512_sqrt_pd((__m512d)x); }
HS_INLINE V<float> at_least(V<float> a, V<float> x) { return (V<float>)_mm512_max_ps(a, x); }
HS_INLINE V<double> at_least(V<double> a, V<double> x) { return (V<double>)_mm512_max_pd(a, x); }
HS_INLINE V<float> at_most(V<float> a, V<float> x) { return (V<float>)_mm512_min_ps(a, x); }
HS_INLINE V<double> at_most(V<double> a, V<double> x) { return (V<double>)_mm512_min_pd(a, x); }
#elif defined(__AVX2__)
HS_INLINE V<float> root(V<float> x) { return (V<float>)_mm256_sqrt_ps((__m256)x); }
HS_INLINE V<double> root(V<double> x) { return (V<double>)_mm256_sqrt_pd((__m256d)x); }
HS_INLINE V<float> at_least(V<float> a, V<float> x) { return (V<float>)_mm256_max_ps(a, x); }
HS_INLINE V<double> at_least(V<double> a, V<double> x) { return (V<double>)_mm256_max_pd(a, x); }
HS_INLINE V<float> at_most(V<float> a, V<float> x) { return (V<float>)_mm256_min_ps(a, x); }
HS_INLINE V<double> at_most(V<double> a, V<double> x) { return (V<double>)_mm256_min_pd(a, x); }
#elif defined(__SSE2__)
HS_INLINE V<float> root(V<float> x) { return (V<float>)_mm_sqrt_ps((__m128)x); }
HS_INLINE V<double> root(V<double> x) { return (V<double>)_mm_sqrt_pd((__m128d)x); }
HS_INLINE V<float> at_least(V<float> a, V<float> x) { return (V<float>)_mm_max_ps(a, x); }
HS_INLINE V<double> at_least(V<double> a, V<double> x) { return (V<double>)_mm_max_pd(a, x); }
HS_INLINE V<float> at_most(V<float> a, V<float> x) { return (V<float>)_mm_min_ps(a, x); }
HS_INLINE V<double> at_most(V<double> a, V<double> x) { return (V<double>)_mm_min_pd(a, x); }
#elif defined(__ARM_NEON) && defined(__aarch64__)
HS_INLINE V<float> root(V<float> x) { return (V<float>)vsqrtq_f32((float32x4_t)x); }
HS_INLINE V<double> root(V<double> x) { return (V<double>)vsqrtq_f64((float64x2_t)x); }
HS_INLINE V<float> at_least(V<float> a, V<float> x) {
  return (V<float>)vmaxq_f32((float32x4_t)a, (float32x4_t)x);
}
HS_INLINE V<double> at_least(V<double> a, V<double> x) {
  return (V<double>)vmaxq_f64((float64x2_t)a, (float64x2_t)x);
}
HS_INLINE V<float> at_most(V<float> a, V<float> x) {
  return (V<float>)vminq_f32((float32x4_t)a, (float32x4_t)x);
}
HS_INLINE V<double> at_most(V<double> a, V<double> x) {
  return (V<double>)vminq_f64((float64x2_t)a, (float64x2_t)x);
}
#else
template <class U>
HS_INLINE U root(U x) {
  for (unsigned i = 0; i < sizeof(U) / sizeof(x[0]); i++) x[i] = __builtin_sqrt(x[i]);
  return x;
}
template <class U>
HS_INLINE U at_least(U a, U x) {
  return x < a ? a : x;
}
template <class U>
HS_INLINE U at_most(U a, U x) {
  return x > a ? a : x;
}
#endif

// Constants of e^x: x = n ln 2 + r with |r| <= ln(2)/2, and e^r - 1 by its truncated Taylor series.
// The first omitted term is below 2e-8 of the result in float, 2e-17 in double. ln 2 is split in
// two so that n * ln2_high is exact (Cody and Waite, "Software Manual for the Elementary
// Functions", 1980, chapter 6). Adding `shift` rounds to the nearest integer and leaves it in the
// low bits.
template <class T>
struct Exp;

template <>
struct Exp<float> {
  static constexpr float log2_e = 1.44269504f, ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
  static constexpr float shift = 12582912.0f;  // 1.5 * 2^23
  static constexpr float largest = 87.0f;      // e^87 and e^-87 are normal numbers
  static constexpr float flat = 20.0f;         // tanh(10) rounds to 1
  static constexpr int bias = 127, mantissa = 23, degree = 7;
};

template <>
struct Exp<double> {
  static constexpr double log2_e = 1.4426950408889634, ln2_high = 6.93147180369123816490e-01,
                          ln2_low = 1.90821492927058770002e-10;
  static constexpr double shift = 6755399441055744.0;  // 1.5 * 2^52
  static constexpr double largest = 708.0, flat = 40.0;
  static constexpr int bias = 1023, mantissa = 52, degree = 13;
};

// 1/i! for i up to Degree.
template <class T, int Degree>
struct Taylor {
  T term[Degree + 1];
  constexpr Taylor() : term() {
    double factorial = 1;
    for (int i = 0; i <= Degree; i++) {
      if (i) factorial *= i;
      term[i] = static_cast<T>(1 / factorial);
    }
  }
};

// x limited to [-limit, limit]; a NaN stays NaN.
template <class T>
HS_INLINE V<T> clamp(V<T> x, T limit) {
  return at_most(all<T>(limit), at_least(all<T>(-limit), x));
}

// 2^n and e^r - 1 for x within +-Exp::largest.
template <class T>
HS_INLINE void split_exp(V<T> x, V<T>& power, V<T>& rest) {
  typedef Exp<T> E;
  typedef typename Vec<T>::Bits Bits;
  const V<T> shifted = x * all<T>(E::log2_e) + all<T>(E::shift);
  const V<T> n = shifted - all<T>(E::shift);
  power = (V<T>)(((Bits)shifted + E::bias) << E::mantissa);
  const V<T> r = (x - n * all<T>(E::ln2_high)) - n * all<T>(E::ln2_low);
  // Even and odd powers separately: half the latency of one long chain.
  constexpr Taylor<T, E::degree> series;
  const V<T> square = r * r;
  V<T> even = all<T>(series.term[E::degree - 1]), odd = all<T>(series.term[E::degree]);
#pragma GCC unroll 8
  for (int i = E::degree - 2; i > 2; i -= 2) {
    even = even * square + all<T>(series.term[i - 1]);
    odd = odd * square + all<T>(series.term[i]);
  }
  rest = r + square * (even + r * odd);
}

template <class T>
HS_INLINE V<T> exponential(V<T> x) {
  V<T> power, rest;
  split_exp<T>(clamp<T>(x, Exp<T>::largest), power, rest);
  return power + power * rest;
}

// 0 where it would be smaller than any normal number, so that no infinity survives a closed gate.
template <class T>
HS_INLINE V<T> sigmoid(V<T> x) {
  const V<T> open = all<T>(1) / (all<T>(1) + exponential<T>(-x));
  return x < all<T>(-Exp<T>::largest) ? V<T>{} : open;
}

// Computed from e^2x - 1, which is accurate for small x.
template <class T>
HS_INLINE V<T> tanh(V<T> x) {
  V<T> power, rest;
  split_exp<T>(clamp<T>(x + x, Exp<T>::flat), power, rest);
  const V<T> grown = power * rest + (power - all<T>(1));
  return grown / (grown + all<T>(2));
}

// The first n numbers of x, and zeros in the other lanes, even where x has NaN.
template <class T>
HS_INLINE V<T> first_lanes(V<T> x, int64_t n) {
  typedef typename Vec<T>::Bits Bits;
  Bits lane, end;
#pragma GCC unroll 16
  for (int i = 0; i < Vec<T>::lanes; i++) {
    lane[i] = i;
    end[i] = n;
  }
  return lane < end ? x : V<T>{};
}

// Transposes a square of lanes x lanes numbers in place: halves are swapped between rows 1 apart,
// then 2, 4, ... (Eklundh, "A fast computer method for matrix transposing", 1972).
template <class T>
HS_INLINE void turn_square(V<T> (&row)[Vec<T>::lanes]) {
  constexpr int lanes = Vec<T>::lanes;
  typedef typename Vec<T>::Bits Bits;
#pragma GCC unroll 4
  for (int apart = 1; apart < lanes; apart *= 2) {
    Bits upper, lower;
#pragma GCC unroll 16
    for (int i = 0; i < lanes; i++) {
      upper[i] = i & apart ? lanes + i - apart : i;
      lower[i] = i & apart ? lanes + i : i + apart;
    }
#pragma GCC unroll 16
    for (int i = 0; i < lanes; i++)
      if (!(i & apart)) {
        const V<T> a = row[i], b = row[i + apart];
#if defined(__clang__)
        for (int k = 0; k < lanes; k++) {
          row[i][k] = k & apart ? b[k - apart] : a[k];
          row[i + apart][k] = k & apart ? b[k] : a[k + apart];
        }
#else
        row[i] = __builtin_shuffle(a, b, upper);
        row[i + apart] = __builtin_shuffle(a, b, lower);
#endif
      }
  }
}

template <class T>
HS_INLINE V<T> relu(V<T> x) {
  return x < V<T>{} ? V<T>{} : x;  // a NaN stays NaN, as in torch
}

}  // namespace HS_LEVEL
}  // namespace hs
