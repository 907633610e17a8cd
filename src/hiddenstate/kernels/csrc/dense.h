// Derivatives of activations, losses, and the conversion of matrices to panels and back.
#pragma once

#include "gemm.h"
#include "grid.h"

namespace hs {
namespace HS_LEVEL {

template <class T>
void through(int activation, const T* y, T* d, int64_t n) {
  if (activation == LINEAR) return;
  const V<T> one = all<T>(1);
  for (int64_t i = 0; i < n; i += Vec<T>::lanes) {
    const V<T> out = load(y + i);
    V<T> slope = one - out * out;
    if (activation == SIGMOID) slope = out * (one - out);
    if (activation == RELU) slope = out > V<T>{} ? one : V<T>{};
    store(d + i, load(d + i) * slope);
  }
}

// Sums that a curve reads, and what it gives, have the bits of those in integers.
template <class T>
void activate(int activation, const Grid<T>& grid, T* x, T* y, int64_t n) {
  const bool curve = activation == TANH || activation == SIGMOID;
  for (int64_t i = 0; i < n; i += Vec<T>::lanes) {
    V<T> out = load(x + i);
    if (curve)
      out = rounded<T>(activate<T>(activation, rounded<T>(out, sums_shift<T>)), curves_shift<T>);
    else
      out = activate<T>(activation, out);
    store(x + i, out);
    store(y + i, on_grid<T>(out, grid));
  }
}

// -log of the softmax at the target; the largest logit is subtracted so that nothing overflows.
// With `smooth`, the target is (1 - smooth) at its class plus smooth / C at each: Szegedy et al.,
// "Rethinking the Inception architecture for computer vision", 2016, section 7.
template <class T>
void cross_entropy(const T* logits, int64_t rows, int64_t row, int64_t classes,
                   const int64_t* target, double smooth, T scale, T* d, double* loss) {
  constexpr int lanes = Vec<T>::lanes;
  const T everywhere = (T)(smooth / (double)classes) * scale;
  for (int64_t r = 0; r < rows; r++, logits += row, d += row) {
    T largest = logits[0];
    for (int64_t c = 1; c < classes; c++) largest = logits[c] > largest ? logits[c] : largest;
    for (int64_t c = 0; c < row; c += lanes)
      store(d + c, exponential<T>(load(logits + c) - all<T>(largest)));
    double sum = 0;
    for (int64_t c = 0; c < classes; c++) sum += d[c];
    if (target[r] < 0) {
      loss[r] = 0;
      for (int64_t c = 0; c < row; c++) d[c] = 0;
      continue;
    }
    loss[r] = __builtin_log(sum) + (double)largest - (double)logits[target[r]];
    const T share = scale / (T)sum;
    for (int64_t c = 0; c < classes; c++) d[c] *= share;
    for (int64_t c = classes; c < row; c++) d[c] = 0;
    if (smooth == 0) {
      d[target[r]] -= scale;
      continue;
    }
    double all = 0;
    for (int64_t c = 0; c < classes; c++) {
      all += logits[c];
      d[c] -= everywhere;
    }
    d[target[r]] -= (T)(1 - smooth) * scale;
    loss[r] += smooth * ((double)logits[target[r]] - all / (double)classes);
  }
}

// Adds the divergence of the net's answer from soft answers p, both at temperature t, times t^2:
// loss = hard loss + t^2 sum p log(p / softmax(z / t)), whose slope is t (softmax(z / t) - p).
// Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural Network", 2015, section 2.
template <class T>
void soften(const T* logits, int64_t rows, int64_t row, int64_t classes, const T* const* soft,
            double temperature, double hard, T scale, T* d, double* loss) {
  constexpr int lanes = Vec<T>::lanes;
  const V<T> colder = all<T>((T)(1 / temperature));
  T power[lanes];
  for (int64_t r = 0; r < rows; r++, logits += row, d += row) {
    const T* p = soft[r];
    loss[r] *= hard;
    double total = 0;
    for (int64_t c = 0; c < classes; c++) total += p[c];
    if (total == 0) continue;
    T largest = logits[0];
    for (int64_t c = 1; c < classes; c++) largest = logits[c] > largest ? logits[c] : largest;
    const auto powers = [&](int64_t c) {
      store(power, exponential<T>((load(logits + c) - all<T>(largest)) * colder));
      return classes - c < lanes ? classes - c : lanes;
    };
    double sum = 0, entropy = 0, mean = 0;
    for (int64_t c = 0; c < row; c += lanes)
      for (int64_t i = 0, n = powers(c); i < n; i++) sum += power[i];
    const T share = (T)(total / sum), slope = (T)temperature * scale;
    for (int64_t c = 0; c < row; c += lanes)
      for (int64_t i = 0, n = powers(c); i < n; i++) {
        d[c + i] += slope * (power[i] * share - p[c + i]);
        mean += p[c + i] * ((double)logits[c + i] - (double)largest);
        if (p[c + i] > 0) entropy += p[c + i] * __builtin_log((double)p[c + i]);
      }
    const double surprise = total * __builtin_log(sum) - mean / temperature;
    loss[r] += temperature * temperature * (surprise + entropy);
  }
}

template <class T>
void squared_error(const T* out, int64_t rows, int64_t row, int64_t width, const T* target,
                   int64_t target_row, T scale, T* d, double* loss) {
  constexpr int lanes = Vec<T>::lanes;
  const V<T> twice = all<T>(2 * scale);
  for (int64_t r = 0; r < rows; r++, out += row, d += row, target += target_row) {
    V<T> squares{};
    int64_t i = 0;
    for (; i + lanes <= width; i += lanes) {
      const V<T> off = load(out + i) - load(target + i);
      squares += off * off;
      store(d + i, twice * off);
    }
    double sum = 0;
    for (int lane = 0; lane < lanes; lane++) sum += squares[lane];
    for (; i < width; i++) {
      const T off = out[i] - target[i];
      sum += (double)off * off;
      d[i] = 2 * scale * off;
    }
    for (; i < row; i++) d[i] = 0;
    loss[r] = sum;
  }
}

// Calls f(from, to, n) for each run of n adjacent inputs of the matrix: `from` is their offset
// there for unit 0 of the gate, `to` their row in the panel.
template <class F>
HS_INLINE void each_part(const Layout& l, F f) {
  for (int64_t part = 0; part < l.in / l.part; part++) f(part * l.part, part * l.padded, l.part);
}

// Both directions move squares of lanes x lanes, so that neither side is accessed by single
// numbers.
template <class T, class F>
HS_INLINE void each_square(const Layout& l, int64_t first, int64_t last, F f) {
  constexpr int lanes = Vec<T>::lanes;
  const int64_t k = l.k(), step = l.gates * lanes, rows = l.rows_of_part();
  const int64_t each = (rows + lanes - 1) / lanes;
  for (int64_t block = first; block < last && block < l.out / rows * each; block++) {
    const int64_t unit = block % each * lanes, from_row = block / each * rows + unit;
    const int64_t units = rows - unit < lanes ? rows - unit : lanes;
    for (int g = 0; g < l.gates; g++) {
      const int64_t line = ((g + l.first) % l.gates * l.out + from_row) * l.in;
      const int64_t panel = (block * k * l.gates + g) * lanes;
      each_part(l, [&](int64_t from, int64_t to, int64_t n) {
        for (int64_t i = 0; i < n; i += lanes)
          f(line + from + i, panel + (to + i) * step, units, n - i < lanes ? n - i : lanes);
      });
    }
  }
}

// Moves a square, transposed, from rows `from_step` apart to rows `to_step` apart.
template <class T>
HS_INLINE void move_square(const T* from, int64_t from_step, T* to, int64_t to_step) {
  constexpr int lanes = Vec<T>::lanes;
  V<T> row[lanes];
#pragma GCC unroll 16
  for (int i = 0; i < lanes; i++) row[i] = load(from + i * from_step);
  turn_square<T>(row);
#pragma GCC unroll 16
  for (int i = 0; i < lanes; i++) store(to + i * to_step, row[i]);
}

template <class T>
void pack(const T* matrix, const Layout& l, int64_t first, int64_t last, T* panels) {
  constexpr int lanes = Vec<T>::lanes;
  const int64_t step = l.gates * lanes, panel = l.k() * step;
  if (l.padded != l.part || l.rows_of_part() % lanes)
    std::memset(panels + first * panel, 0, (last - first) * panel * sizeof(T));
  each_square<T>(l, first, last, [&](int64_t at, int64_t to, int64_t units, int64_t inputs) {
    if (units == lanes && inputs == lanes) return move_square(matrix + at, l.in, panels + to, step);
    for (int64_t i = 0; i < inputs; i++)
      for (int64_t u = 0; u < units; u++) panels[to + i * step + u] = matrix[at + u * l.in + i];
  });
}

template <class T>
void unpack(const T* panels, const Layout& l, int64_t first, int64_t last, T* matrix) {
  constexpr int lanes = Vec<T>::lanes;
  const int64_t step = l.gates * lanes;
  each_square<T>(l, first, last, [&](int64_t at, int64_t from, int64_t units, int64_t inputs) {
    if (units == lanes && inputs == lanes)
      return move_square(panels + from, step, matrix + at, l.in);
    for (int64_t u = 0; u < units; u++)
      for (int64_t i = 0; i < inputs; i++) matrix[at + u * l.in + i] = panels[from + i * step + u];
  });
}

template <class T>
void turn(const T* panels, int64_t k, int64_t blocks, int gates, int64_t first_block,
          int64_t last_block, T* turned) {
  constexpr int lanes = Vec<T>::lanes;
  const int64_t columns = blocks * gates * lanes, step = gates * lanes;
  for (int64_t first = 0; first < k; first += lanes) {
    const int64_t in = k - first < lanes ? k - first : lanes;
    for (int64_t block = first_block; block < last_block; block++)
      for (int g = 0; g < gates; g++) {
        const T* from = panels + ((block * k + first) * gates + g) * lanes;
        T* to = turned + (first * columns + (block * gates + g) * lanes * lanes);
        if (in == lanes) {
          move_square(from, step, to, lanes);
          continue;
        }
        for (int lane = 0; lane < lanes; lane++)
          for (int64_t i = 0; i < lanes; i++)
            to[lane * lanes + i] = i < in ? from[i * step + lane] : 0;
      }
  }
}

template <class T>
void fractions(const uint8_t* bytes, T* numbers, int64_t n) {
  for (int64_t i = 0; i < n; i++) numbers[i] = (T)bytes[i] / 255;
}

}  // namespace HS_LEVEL
}  // namespace hs
