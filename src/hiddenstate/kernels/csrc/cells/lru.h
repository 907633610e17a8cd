// Blocks of a linear recurrence: u + p sigmoid(q), with (p, q) = weight_glu
// gelu(y) + bias_glu, y = weight_ho [re; im] + skip n, s' = lambda s +
// exp(gamma) (weight_ih n) and n the layer norm of u; lambda = exp(-exp(nu) + i
// exp(theta)). Orvieto et al., "Resurrecting recurrent neural networks for long
// sequences", 2023, section 3 and figure 1.
//
// A segment of steps is computed at once: its products are of all rows, and
// between them it stays in the cache.
#pragma once

#include "../gemm.h"

namespace hs {
namespace HS_LEVEL {

constexpr Declaration lru{"lru", 2, 2, {}, 0};

// The sum of all lanes, in each lane.
template <class T>
HS_INLINE V<T> total(V<T> x) {
  constexpr int lanes = Vec<T>::lanes;
#pragma GCC unroll 4
  for (int apart = lanes / 2; apart > 0; apart /= 2) {
#if defined(__clang__)
    V<T> moved;
    for (int i = 0; i < lanes; i++) moved[i] = x[(i + apart) % lanes];
    x += moved;
#else
    typename Vec<T>::Bits from;
#pragma GCC unroll 16
    for (int i = 0; i < lanes; i++) from[i] = (i + apart) % lanes;
    x += __builtin_shuffle(x, from);
#endif
  }
  return x;
}

// pi / 2 in three parts, of which the first two have so few digits that n times
// them is exact (Cody and Waite, as `Exp`).
template <class T>
struct Quarter;

template <>
struct Quarter<float> {
  static constexpr float high = 1.5703125f, middle = 4.837512969970703e-4f, low = 7.549789955e-8f;
  static constexpr int degree = 11;
};

template <>
struct Quarter<double> {
  static constexpr double high = 1.570796251296997, middle = 7.549789415861596e-08,
                          low = 5.390302858158119e-15;
  static constexpr int degree = 21;
};

// Sine and cosine of numbers that are not large, by Taylor's series about the
// next quarter turn.
template <class T>
HS_INLINE void sine_cosine(V<T> x, V<T>& sine, V<T>& cosine) {
  typedef Quarter<T> Q;
  typedef typename Vec<T>::Bits Bits;
  const V<T> shifted = x * all<T>((T)0.6366197723675814) + all<T>(Exp<T>::shift);
  const V<T> n = shifted - all<T>(Exp<T>::shift);
  const Bits quarter = (Bits)shifted;
  const V<T> r = ((x - n * all<T>(Q::high)) - n * all<T>(Q::middle)) - n * all<T>(Q::low);
  constexpr Taylor<T, Q::degree> series;
  const V<T> square = -r * r;
  V<T> odd = all<T>(series.term[Q::degree]), even = all<T>(series.term[Q::degree - 1]);
#pragma GCC unroll 16
  for (int i = Q::degree - 2; i > 0; i -= 2) {
    odd = odd * square + all<T>(series.term[i]);
    even = even * square + all<T>(series.term[i - 1]);
  }
  odd *= r;
  const V<T> s = (quarter & 1) != 0 ? even : odd, c = (quarter & 1) != 0 ? odd : even;
  sine = (quarter & 2) != 0 ? -s : s;
  cosine = ((quarter + 1) & 2) != 0 ? -c : c;
}

// The tanh form of gelu (Hendrycks and Gimpel, "Gaussian error linear units",
// 2016, section 2): y p with p = sigmoid(2 sqrt(2 / pi) (y + 0.044715 y^3)),
// and its slope.
template <class T>
HS_INLINE V<T> gelu(V<T> y, V<T>& slope) {
  const V<T> scale = all<T>((T)1.5957691216057308), bend = all<T>((T)0.044715);
  const V<T> one = all<T>(1), square = y * y;
  const V<T> p = sigmoid<T>(scale * y * (one + bend * square));
  slope = p + y * p * (one - p) * scale * (one + all<T>(3) * bend * square);
  return y * p;
}

// What a segment has in its scratch memory: rows of every step and row.
template <class T>
struct LruMemory {
  int64_t n, width,
      row;            // rows; numbers of a row of channels, and of one of complex states
  T *lambda, *sums;   // real parts, imaginary parts, exp(gamma); the sums of
                      // their gradients
  T *mean, *inverse;  // of the rows of u
  T *u, *normal;      // u, if it is not the input itself; n
  T *in, *states;     // weight_ih n; s
  T *y, *g, *pq;      // y, then its slope; gelu(y); p and q
  T *dg,
      *dstates;  // the gradients of gelu(y), then y; and of s, then weight_ih n

  explicit LruMemory(const LruSegment<T>& q) {
    constexpr int lanes = Vec<T>::lanes;
    n = q.rows * q.steps;
    width = q.blocks * lanes;
    row = 2 * q.state_blocks * lanes;
    T* at = q.scratch;
    const auto take = [&](int64_t size) { return (at += size) - size; };
    lambda = take(2 * row);
    sums = take(2 * row);
    mean = take((n + lanes - 1) / lanes * lanes);
    inverse = take((n + lanes - 1) / lanes * lanes);
    u = take(q.params[LRU_WEIGHT_IN] ? n * width : 0);
    normal = take(n * width);
    in = take(n * row);
    y = take(n * width);
    pq = take(2 * n * width);
    states = q.keeps ? take(n * row) : in;
    g = q.keeps ? take(n * width) : y;
    // Of the backward pass alone:
    dg = take(n * width);
    dstates = take(n * row);
  }
  // The rows of u.
  const T* inputs(const LruSegment<T>& q, int64_t i) const {
    return q.params[LRU_WEIGHT_IN] ? u + i * width : q.x.at + i * q.x.row;
  }
};

template <class T>
HS_INLINE bool is_read(const LruSegment<T>& q, int64_t t, int64_t row) {
  return !q.length || q.first + t < q.length[row];
}

template <class T>
void lru_product(int64_t rows, const Rows<const T>& a, const T* w, const T* bias, int64_t blocks,
                 T* out, bool add = false) {
  product(Product<T>{rows, a, w, bias, blocks, out, blocks * Vec<T>::lanes, LINEAR, add});
}

// Adds the gradient of a matrix to its sum: of rows `a` that it reads and
// gradients `d`.
template <class T>
void lru_outer(int64_t k, const Rows<const T>& a, const T* d, int64_t blocks, T* sum) {
  constexpr int lanes = Vec<T>::lanes;
  outer(Outer<T>{k, a, d, lanes, blocks * lanes, 1, 0, blocks, 0, a.columns(), sum, true});
}

template <class T>
void lru_eigenvalues(const LruSegment<T>& q, const LruMemory<T>& m) {
  constexpr int lanes = Vec<T>::lanes;
  const int64_t half = m.row / 2;
  for (int64_t i = 0; i < half; i += lanes) {
    V<T> sine, cosine;
    sine_cosine<T>(exponential<T>(load(q.params[LRU_THETA] + i)), sine, cosine);
    const V<T> radius = exponential<T>(-exponential<T>(load(q.params[LRU_NU] + i)));
    store(m.lambda + i, radius * cosine);
    store(m.lambda + half + i, radius * sine);
    store(m.lambda + m.row + i, exponential<T>(load(q.params[LRU_GAMMA] + i)));
  }
}

// Ba, Kiros and Hinton, "Layer normalization", 2016, section 3; the variance is
// about the mean.
template <class T>
void lru_norm(const LruSegment<T>& q, const LruMemory<T>& m) {
  constexpr int lanes = Vec<T>::lanes;
  const V<T> share = all<T>((T)1 / (T)q.hidden);
  const int64_t last = m.width - lanes, rest = q.hidden - last;
  const T *weight = q.params[LRU_NORM_WEIGHT], *bias = q.params[LRU_NORM_BIAS];
  for (int64_t i = 0; i < m.n; i++) {
    const T* u = m.inputs(q, i);
    T* to = m.normal + i * m.width;
    V<T> sum{}, squares{};
    for (int64_t k = 0; k <= last; k += lanes) sum += load(u + k);
    const V<T> mean = total<T>(sum) * share;
    for (int64_t k = 0; k < last; k += lanes) {
      const V<T> off = load(u + k) - mean;
      squares += off * off;
    }
    const V<T> off = first_lanes<T>(load(u + last) - mean, rest);
    squares += off * off;
    const V<T> variance = total<T>(squares) * share + all<T>((T)1e-5);
    // Infinity less infinity is NaN: without it, channels that overflow would have the norm 0.
    const V<T> inverse = all<T>(1) / root(variance) + (variance - variance);
    for (int64_t k = 0; k <= last; k += lanes)
      store(to + k, (load(u + k) - mean) * inverse * load(weight + k) + load(bias + k));
    m.mean[i] = mean[0];
    m.inverse[i] = inverse[0];
  }
}

// The steps of a segment in the order in which they are read.
template <class T>
HS_INLINE int64_t step_of(const LruSegment<T>& q, int64_t nth) {
  return q.reverse ? q.steps - 1 - nth : nth;
}

// The state before the nth step of a row: in the caller's memory, or in the row
// of the step before.
template <class T>
HS_INLINE const T* before(const LruSegment<T>& q, const LruMemory<T>& m, int64_t nth, int64_t row,
                          int part) {
  const int64_t half = m.row / 2;
  if (!nth) return q.before[part] + row * half;
  return m.states + (step_of(q, nth - 1) * q.rows + row) * m.row + part * half;
}

template <class T>
void lru_advance(const LruSegment<T>& q, const LruMemory<T>& m) {
  constexpr int lanes = Vec<T>::lanes;
  const int64_t half = m.row / 2;
  for (int64_t nth = 0; nth < q.steps; nth++) {
    const int64_t t = step_of(q, nth);
    for (int64_t r = 0; r < q.rows; r++) {
      const T *re = before(q, m, nth, r, 0), *im = before(q, m, nth, r, 1);
      const T* in = m.in + (t * q.rows + r) * m.row;
      T* to = m.states + (t * q.rows + r) * m.row;
      if (!is_read(q, t, r)) {
        for (int64_t i = 0; i < half; i += lanes) {
          const V<T> real = load(re + i), imaginary = load(im + i);
          store(to + i, real);
          store(to + half + i, imaginary);
        }
        continue;
      }
      for (int64_t i = 0; i < half; i += lanes) {
        const V<T> a = load(m.lambda + i), b = load(m.lambda + half + i);
        const V<T> scale = load(m.lambda + m.row + i), real = load(re + i),
                   imaginary = load(im + i);
        const V<T> in_re = load(in + i), in_im = load(in + half + i);
        store(to + i, a * real - b * imaginary + scale * in_re);
        store(to + half + i, a * imaginary + b * real + scale * in_im);
      }
    }
  }
}

// To y, the part of it that passes through no state.
template <class T>
void lru_skip(const LruSegment<T>& q, const LruMemory<T>& m) {
  const T* skip = q.params[LRU_SKIP];
  for (int64_t i = 0; i < m.n; i++)
    for (int64_t k = 0; k < m.width; k += Vec<T>::lanes)
      store(m.y + i * m.width + k, load(skip + k) * load(m.normal + i * m.width + k));
}

// Writes the output: u + p sigmoid(q).
template <class T>
void lru_output(const LruSegment<T>& q, const LruMemory<T>& m) {
  for (int64_t t = 0, i = 0; t < q.steps; t++)
    for (int64_t r = 0; r < q.rows; r++, i++) {
      T* out = q.out + i * m.width;
      if (!is_read(q, t, r)) {
        std::memset(out, 0, m.width * sizeof(T));
        continue;
      }
      const T *u = m.inputs(q, i), *p = m.pq + 2 * i * m.width;
      for (int64_t k = 0; k < m.width; k += Vec<T>::lanes)
        store(out + k, load(u + k) + load(p + k) * sigmoid<T>(load(p + m.width + k)));
    }
}

template <class T>
void lru_forward(const LruSegment<T>& q) {
  const LruMemory<T> m(q);
  const int64_t blocks = q.blocks, in_row = 2 * q.state_blocks;
  lru_eigenvalues(q, m);
  if (q.params[LRU_WEIGHT_IN])
    lru_product<T>(m.n, q.x, q.params[LRU_WEIGHT_IN], q.params[LRU_BIAS_IN], blocks, m.u);
  lru_norm(q, m);
  lru_product<T>(m.n, {m.normal, m.width, m.width}, q.params[LRU_WEIGHT_IH], nullptr, in_row, m.in);
  lru_advance(q, m);
  lru_skip(q, m);
  lru_product<T>(m.n, {m.states, m.row, m.row}, q.params[LRU_WEIGHT_HO], nullptr, blocks, m.y,
                 true);
  for (int64_t i = 0; i < m.n * m.width; i += Vec<T>::lanes) {
    V<T> slope;
    const V<T> out = gelu<T>(load(m.y + i), slope);
    if (q.keeps) store(m.y + i, slope);
    store(m.g + i, out);
  }
  lru_product<T>(m.n, {m.g, m.width, m.width}, q.params[LRU_WEIGHT_GLU], q.params[LRU_BIAS_GLU],
                 2 * blocks, m.pq);
  if (q.out) lru_output(q, m);
  for (int64_t r = 0; q.after[0] && r < q.rows; r++)
    for (int part = 0; part < 2; part++)
      std::memcpy(q.after[part] + r * m.row / 2, before(q, m, q.steps, r, part),
                  m.row / 2 * sizeof(T));
}

// From the gradient of the output to those of p and q, in their place, and of
// their bias.
template <class T>
void lru_gate_back(const LruSegment<T>& q, const LruMemory<T>& m) {
  constexpr int lanes = Vec<T>::lanes;
  T* bias = q.sums[LRU_BIAS_GLU];
  for (int64_t t = 0, i = 0; t < q.steps; t++)
    for (int64_t r = 0; r < q.rows; r++, i++) {
      T *d = q.dy + i * m.width, *p = m.pq + 2 * i * m.width;
      if (!is_read(q, t, r)) {
        std::memset(d, 0, m.width * sizeof(T));
        std::memset(p, 0, 2 * m.width * sizeof(T));
        continue;
      }
      for (int64_t k = 0; k < m.width; k += lanes) {
        const V<T> open = sigmoid<T>(load(p + m.width + k)), dp = load(d + k) * open;
        const V<T> dq = dp * load(p + k) * (all<T>(1) - open);
        store(p + k, dp);
        store(p + m.width + k, dq);
        store(bias + k, load(bias + k) + dp);
        store(bias + m.width + k, load(bias + m.width + k) + dq);
      }
    }
}

// From the gradient of gelu(y) to that of y, in its place, of `skip` and,
// through it, of n.
template <class T>
void lru_skip_back(const LruSegment<T>& q, const LruMemory<T>& m) {
  const T* skip = q.params[LRU_SKIP];
  T* sum = q.sums[LRU_SKIP];
  for (int64_t i = 0; i < m.n; i++)
    for (int64_t k = 0; k < m.width; k += Vec<T>::lanes) {
      const int64_t at = i * m.width + k;
      const V<T> d = load(m.dg + at) * load(m.y + at);
      store(m.dg + at, d);
      store(sum + k, load(sum + k) + d * load(m.normal + at));
      store(m.y + at, d * load(skip + k));
    }
}

// Through the states, from the last step to the first: g = ds + conj(lambda) g
// of the step after.
template <class T>
void lru_advance_back(const LruSegment<T>& q, const LruMemory<T>& m) {
  constexpr int lanes = Vec<T>::lanes;
  const int64_t half = m.row / 2;
  for (int64_t nth = q.steps - 1; nth >= 0; nth--) {
    const int64_t t = step_of(q, nth);
    for (int64_t r = 0; r < q.rows; r++) {
      T* d = m.dstates + (t * q.rows + r) * m.row;
      if (!is_read(q, t, r)) {
        std::memset(d, 0, m.row * sizeof(T));
        continue;
      }
      const T *re = before(q, m, nth, r, 0), *im = before(q, m, nth, r, 1);
      const T* in = m.in + (t * q.rows + r) * m.row;
      T *late_re = q.dstate[0] + r * half, *late_im = q.dstate[1] + r * half;
      for (int64_t i = 0; i < half; i += lanes) {
        const V<T> a = load(m.lambda + i), b = load(m.lambda + half + i);
        const V<T> scale = load(m.lambda + m.row + i), real = load(re + i),
                   imaginary = load(im + i);
        const V<T> g_re = load(d + i) + load(late_re + i);
        const V<T> g_im = load(d + half + i) + load(late_im + i);
        T *sum_a = m.sums + i, *sum_b = sum_a + half, *sum_scale = sum_a + m.row;
        store(sum_a, load(sum_a) + g_re * real + g_im * imaginary);
        store(sum_b, load(sum_b) + g_im * real - g_re * imaginary);
        store(sum_scale, load(sum_scale) + g_re * load(in + i) + g_im * load(in + half + i));
        store(d + i, scale * g_re);
        store(d + half + i, scale * g_im);
        store(late_re + i, a * g_re + b * g_im);
        store(late_im + i, a * g_im - b * g_re);
      }
    }
  }
  for (int64_t i = 0; i < half; i += lanes) {
    const V<T> a = load(m.lambda + i), b = load(m.lambda + half + i);
    const V<T> da = load(m.sums + i), db = load(m.sums + half + i);
    T *nu = q.sums[LRU_NU] + i, *theta = q.sums[LRU_THETA] + i, *gamma = q.sums[LRU_GAMMA] + i;
    store(nu, load(nu) - exponential<T>(load(q.params[LRU_NU] + i)) * (da * a + db * b));
    store(theta, load(theta) + exponential<T>(load(q.params[LRU_THETA] + i)) * (db * a - da * b));
    store(gamma, load(gamma) + load(m.lambda + m.row + i) * load(m.sums + m.row + i));
  }
}

// From the gradient of n, in the place of y, and of the output to that of u, in
// q.dy.
template <class T>
void lru_norm_back(const LruSegment<T>& q, const LruMemory<T>& m) {
  constexpr int lanes = Vec<T>::lanes;
  const V<T> share = all<T>((T)1 / (T)q.hidden);
  const int64_t last = m.width - lanes, rest = q.hidden - last;
  const T* weight = q.params[LRU_NORM_WEIGHT];
  T *dweight = q.sums[LRU_NORM_WEIGHT], *dbias = q.sums[LRU_NORM_BIAS];
  for (int64_t i = 0; i < m.n; i++) {
    const T *u = m.inputs(q, i), *dn = m.y + i * m.width;
    T* du = q.dy + i * m.width;
    const V<T> mean = all<T>(m.mean[i]), inverse = all<T>(m.inverse[i]);
    V<T> sum{}, along{};
    for (int64_t k = 0; k <= last; k += lanes) {
      const V<T> hat = (load(u + k) - mean) * inverse, d = load(dn + k);
      store(dweight + k, load(dweight + k) + d * hat);
      store(dbias + k, load(dbias + k) + d);
      sum += d * load(weight + k);
      along += d * load(weight + k) * hat;
    }
    const V<T> mean_d = total<T>(sum) * share, mean_along = total<T>(along) * share;
    for (int64_t k = 0; k <= last; k += lanes) {
      const V<T> hat = (load(u + k) - mean) * inverse;
      const V<T> d = load(dn + k) * load(weight + k) - mean_d - hat * mean_along;
      store(du + k, load(du + k) + d * inverse);
    }
    store(du + last, first_lanes<T>(load(du + last), rest));
  }
}

template <class T>
void lru_backward(const LruSegment<T>& q) {
  const LruMemory<T> m(q);
  const int64_t blocks = q.blocks, in_row = 2 * q.state_blocks;
  const Rows<const T> normal{m.normal, m.width, m.width}, g{m.g, m.width, m.width};
  lru_gate_back(q, m);
  lru_outer<T>(m.n, g, m.pq, 2 * blocks, q.sums[LRU_WEIGHT_GLU]);
  lru_product<T>(m.n, {m.pq, 2 * m.width, 2 * m.width}, q.turned[LRU_WEIGHT_GLU], nullptr, blocks,
                 m.dg);
  lru_skip_back(q, m);
  lru_outer<T>(m.n, {m.states, m.row, m.row}, m.dg, blocks, q.sums[LRU_WEIGHT_HO]);
  lru_product<T>(m.n, {m.dg, m.width, m.width}, q.turned[LRU_WEIGHT_HO], nullptr, in_row,
                 m.dstates);
  std::memset(m.sums, 0, 2 * m.row * sizeof(T));
  lru_advance_back(q, m);
  lru_outer<T>(m.n, normal, m.dstates, in_row, q.sums[LRU_WEIGHT_IH]);
  lru_product<T>(m.n, {m.dstates, m.row, m.row}, q.turned[LRU_WEIGHT_IH], nullptr, blocks, m.y,
                 true);
  lru_norm_back(q, m);
  if (!q.params[LRU_WEIGHT_IN]) return;
  lru_outer<T>(m.n, q.x, q.dy, blocks, q.sums[LRU_WEIGHT_IN]);
  column_sums(Outer<T>{
      m.n, {}, q.dy, Vec<T>::lanes, m.width, 1, 0, blocks, 0, 1, q.sums[LRU_BIAS_IN], true});
}

}  // namespace HS_LEVEL
}  // namespace hs
