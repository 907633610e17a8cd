// The losses of a regressor other than the squared error; included by net.cpp alone. A net has few
// outputs, so their numbers are computed one by one.
#pragma once

#include "net.h"

namespace hs {

// Outputs of a shard and their targets: step t of row r is line t * rows + r.
template <class T>
struct Compared {
  const T *out, *target;
  T* d;          // the gradient of `out`, times `scale`, with zero padding
  double* loss;  // of each line
  int64_t lines, rows, row, n;
  T scale;
  const T *before = nullptr, *after = nullptr;  // out - target of the steps next to them, if any
};

// over * (out - target) if that is positive, else under * (target - out): the absolute error, or
// the loss of a quantile q with 1 - q and q (Koenker and Bassett, "Regression quantiles", 1978).
template <class T>
void absolute_error(const Lesson<T>& lesson, Compared<T> c) {
  for (int64_t i = 0; i < c.lines; i++, c.out += c.row, c.d += c.row, c.target += c.n) {
    double sum = 0;
    for (int64_t k = 0; k < c.n; k++) {
      const T off = c.out[k] - c.target[k];
      const T slope = off > 0 ? lesson.over[k] : off < 0 ? -lesson.under[k] : 0;
      sum += static_cast<double>(slope) * off;
      c.d[k] = c.scale * slope;
    }
    for (int64_t k = c.n; k < c.row; k++) c.d[k] = 0;
    c.loss[i] = sum;
  }
}

// Half of the squared error up to 1, then the absolute error less a half: Huber, "Robust estimation
// of a location parameter", 1964.
template <class T>
void huber_error(Compared<T> c) {
  for (int64_t i = 0; i < c.lines; i++, c.out += c.row, c.d += c.row, c.target += c.n) {
    double sum = 0;
    for (int64_t k = 0; k < c.n; k++) {
      const T off = c.out[k] - c.target[k];
      const T near = std::min<T>(std::max<T>(off, -1), 1);
      sum += static_cast<double>(near) * (off - near / 2);
      c.d[k] = c.scale * near;
    }
    for (int64_t k = c.n; k < c.row; k++) c.d[k] = 0;
    c.loss[i] = sum;
  }
}

// The squares of errors with pre-emphasis, e_t - emphasis * e_(t-1), times `over`, where both steps
// of row r count: counts(r, t), also for the steps next to those that are compared.
template <class T, class Counts>
void emphasised_error(const Lesson<T>& lesson, const Compared<T>& c, const Counts& counts) {
  const T share = static_cast<T>(lesson.emphasis);
  const int64_t steps = c.lines / c.rows;
  std::memset(c.d, 0, c.lines * c.row * sizeof(T));
  std::fill_n(c.loss, c.lines, 0.0);
  const auto off = [&](int64_t t, int64_t r, int64_t k) {
    if (t < 0) return c.before[r * c.n + k];
    if (t == steps) return c.after[r * c.n + k];
    const int64_t line = t * c.rows + r;
    return c.out[line * c.row + k] - c.target[line * c.n + k];
  };
  for (int64_t t = c.before ? 0 : 1; t < (c.after ? steps + 1 : steps); t++)
    for (int64_t r = 0; r < c.rows; r++) {
      if (!counts(r, t) || !counts(r, t - 1)) continue;
      const int64_t line = t * c.rows + r;
      for (int64_t k = 0; k < c.n; k++) {
        const T high = off(t, r, k) - share * off(t - 1, r, k);
        const T slope = 2 * c.scale * lesson.over[k] * high;
        if (t < steps) {
          c.loss[line] += static_cast<double>(lesson.over[k]) * high * high;
          c.d[line * c.row + k] += slope;
        }
        if (t > 0) c.d[(line - c.rows) * c.row + k] -= share * slope;
      }
    }
}

}  // namespace hs
