// Augmented rows: the loops of data/prepare/augment_maps.py and augment_numbers.py, which says
// whose numbers they are, rounded as numpy rounds them.
//
// This file is compiled once, without contraction, so its results are the same on all machines.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace hs::augment {

constexpr int knots = 6;
constexpr uint64_t golden = 0x9E3779B97F4A7C15;

inline uint64_t mixed_bits(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

inline uint64_t row_key(uint64_t key, int64_t draw, int64_t row) {
  return mixed_bits(mixed_bits(key + static_cast<uint64_t>(draw) * golden) +
                    static_cast<uint64_t>(row) * golden);
}

const double per_deviation = 1 / std::sqrt(4 * 4294967295.0 / 12);

// The sum of four numbers of 16 bits, of mean 0 and deviation 1.
inline double normal(uint64_t z) {
  const uint64_t low = 0x0000FFFF0000FFFF, pairs = (z & low) + ((z >> 16) & low);
  const uint32_t total = static_cast<uint32_t>(pairs + (pairs >> 32));
  return (static_cast<double>(total) - 131070.0) * per_deviation;
}

// Writes out [n][count].
inline void hashes(uint64_t key, const int64_t* draws, const int64_t* rows, int64_t n,
                   int64_t count, uint64_t* out) {
  for (int64_t r = 0; r < n; r++) {
    const uint64_t own = row_key(key, draws[r], rows[r]);
    for (int64_t i = 0; i < count; i++) *out++ = mixed_bits(own + (i + 1) * golden);
  }
}

// Adds noise to the rows `which` of x [..][numbers], in units of deviations[number % features].
template <class T>
void add_noise(uint64_t key, const int64_t* draws, const int64_t* rows, const int64_t* which,
               int64_t n, const T* size, const T* deviations, int64_t features, T* x,
               int64_t numbers) {
  for (int64_t k = 0; k < n; k++) {
    const uint64_t own = row_key(key, draws[which[k]], rows[which[k]]);
    T* to = x + which[k] * numbers;
    for (int64_t i = 0, f = 0; i < numbers; i++) {
      const T noise = static_cast<T>(normal(mixed_bits(own + (i + 1) * golden))) * size[k];
      to[i] += noise * deviations[f];
      f = f + 1 == features ? 0 : f + 1;
    }
  }
}

// The knot before a part of a row, and where the part is from there to the next.
struct Segment {
  int at;
  double rest;
  explicit Segment(double part) {
    const double scaled = part * (knots - 1);
    at = std::min(static_cast<int>(scaled), knots - 2);
    rest = scaled - at;
  }
};

// Each step's part of a row of n steps: 1 after its end.
inline double part_of(int64_t t, double last) { return std::min(t / std::max(last, 1.0), 1.0); }

constexpr double digits = 1048576.0;  // parts of a step that places are rounded to

// The nearest whole number, the even one of two, of 0 to 2^51.
inline double rounded(double value) {
  constexpr double shift = 6755399441055744.0;  // 1.5 * 2^52
  return value + shift - shift;
}

// What moves rows in time. Of `speed` [n][3][knots - 1] each segment has the numbers of a parabola;
// null if time is not warped.
struct Times {
  const int64_t* steps;
  const double *shift, *cut, *begin, *speed;
};

// Writes at [n][T], where each step of the result is read.
inline void time_map(const Times& times, int64_t n, int64_t T, double* at) {
  for (int64_t r = 0; r < n; r++, at += T) {
    const double last = static_cast<double>(times.steps[r] - 1), factor = last * digits;
    const double shift = times.shift[r], kept = 1 - times.cut[r], begin = times.begin[r];
    for (int64_t t = 0; t < T; t++) {
      const double part = std::min(std::max(part_of(t, last) + shift, 0.0), 1.0);
      at[t] = part * kept + begin;
    }
    if (times.speed) {
      const double* a = times.speed + r * 3 * (knots - 1);
      for (int64_t t = 0; t < T; t++) {
        const Segment s(at[t]);
        const double* here = a + s.at;
        at[t] = (here[0] * s.rest + here[knots - 1]) * s.rest + here[2 * (knots - 1)];
      }
    }
    for (int64_t t = 0; t < T; t++) {
      const double place = rounded(at[t] * factor) * (1 / digits);
      at[t] = std::min(std::max(place, 0.0), last);
    }
  }
}

// Writes out [n][T][I], rows x at the places `at`, between two steps in a straight line.
template <class T>
void rows_at(const T* x, const double* at, const int64_t* steps, int64_t n, int64_t length,
             int64_t features, T* out) {
  for (int64_t r = 0; r < n; r++, x += length * features, at += length) {
    const int64_t last = steps[r] - 1;
    for (int64_t t = 0; t < length; t++, out += features) {
      const int64_t before = static_cast<int64_t>(at[t]);
      const T rest = static_cast<T>(at[t] - static_cast<double>(before));
      const T *low = x + before * features, *high = x + std::min(before + 1, last) * features;
      for (int64_t f = 0; f < features; f++) out[f] = low[f] + (high[f] - low[f]) * rest;
    }
  }
}

// Multiplies the distance from the means in the rows `which` of x [..][length][features] by 1 and a
// smooth curve through knots.
template <class T>
void scale_rows(T* x, const int64_t* which, const int64_t* steps, const double* curve, int64_t n,
                int64_t length, int64_t features, const T* means) {
  for (int64_t k = 0; k < n; k++, curve += knots) {
    T* row = x + which[k] * length * features;
    for (int64_t t = 0; t < length; t++, row += features) {
      const Segment s(part_of(t, static_cast<double>(steps[k] - 1)));
      const double slope = curve[s.at + 1] - curve[s.at];
      const T factor = static_cast<T>(slope * s.rest + curve[s.at]);
      for (int64_t f = 0; f < features; f++) row[f] += (row[f] - means[f]) * factor;
    }
  }
}

// Adds to the rows `which` of x [..][length][features] a share of `others` [n][length][features],
// at the same parts of them. `at` has the places of x; those of row r have `steps[r]` steps, those
// of the others `own`. A null `at` is every step.
template <class T>
void mix_rows(T* x, const int64_t* which, const T* share, const T* others, const double* at,
              const int64_t* steps, const int64_t* own, int64_t n, int64_t length,
              int64_t features) {
  for (int64_t k = 0; k < n; k++, others += length * features) {
    T* row = x + which[k] * length * features;
    const T part = share[k], rest_part = 1 - part;
    if (!at) {
      for (int64_t i = 0; i < length * features; i++)
        row[i] = rest_part * row[i] + part * others[i];
      continue;
    }
    const double* places = at + which[k] * length;
    const double last = static_cast<double>(steps[which[k]] - 1);
    const double end = static_cast<double>(own[k] - 1), ratio = end / std::max(last, 1.0);
    for (int64_t t = 0; t < length; t++, row += features) {
      const double place = std::min(rounded(places[t] * ratio * digits) * (1 / digits), end);
      const int64_t before = static_cast<int64_t>(place);
      const T rest = static_cast<T>(place - static_cast<double>(before));
      const T* low = others + before * features;
      const T* high = others + std::min(before + 1, static_cast<int64_t>(own[k]) - 1) * features;
      for (int64_t f = 0; f < features; f++)
        row[f] = rest_part * row[f] + part * (low[f] + (high[f] - low[f]) * rest);
    }
  }
}

// Gives some features of x [n][length][features] mean 0 and deviation 1 in the steps of each row.
template <class T>
void standardise(T* x, const int64_t* steps, const bool* some, int64_t n, int64_t length,
                 int64_t features) {
  std::vector<double> mean(features), deviation(features);
  for (int64_t r = 0; r < n; r++, x += length * features) {
    const int64_t read = std::min(static_cast<int64_t>(steps[r]), length);
    const double count = static_cast<double>(std::max(static_cast<int64_t>(steps[r]), int64_t{1}));
    std::fill(mean.begin(), mean.end(), 0.0);
    std::fill(deviation.begin(), deviation.end(), 0.0);
    for (int64_t t = 0; t < read; t++)
      for (int64_t f = 0; f < features; f++) mean[f] += static_cast<double>(x[t * features + f]);
    for (int64_t f = 0; f < features; f++) mean[f] /= count;
    for (int64_t t = 0; t < read; t++)
      for (int64_t f = 0; f < features; f++) {
        const double value = static_cast<double>(x[t * features + f]) - mean[f];
        deviation[f] += value * value;
      }
    for (int64_t f = 0; f < features; f++) {
      deviation[f] = std::sqrt(deviation[f] / count);
      if (!(deviation[f] > 0)) deviation[f] = 1;
    }
    for (int64_t t = 0; t < length; t++)
      for (int64_t f = 0; f < features; f++)
        if (some[f]) {
          T& value = x[t * features + f];
          const double centred = static_cast<double>(value) - mean[f];
          value = t < read ? static_cast<T>(centred / deviation[f]) : T{0};
        }
  }
}

// What moves pictures of height * width: [n] each, and the shift [n][2]; of `grid` [n][2][knots]
// [knots] further shifts, null for none. Places are relative to the middle.
template <class T>
struct Turns {
  const T *cos, *sin, *middle, *grid;
};

// An axis of a picture: the knot before each pixel, and the part of the way to the next.
template <class T>
struct Axis {
  std::vector<int> knot;
  std::vector<T> rest, centred;
  explicit Axis(int64_t size) {
    for (int64_t i = 0; i < size; i++) {
      const Segment s(static_cast<double>(i) / static_cast<double>(std::max(size - 1, int64_t{1})));
      knot.push_back(s.at);
      rest.push_back(static_cast<T>(s.rest));
      centred.push_back(static_cast<T>(static_cast<double>(i) - static_cast<double>(size - 1) / 2));
    }
  }
};

// Adds to `to` [width] a line of a grid [knots][knots], in units of `size`.
template <class T>
void add_line(const T* grid, const Axis<T>& down, const Axis<T>& right, int64_t line, T size, T* to,
              int64_t width) {
  T between[knots];
  const T* above = grid + down.knot[line] * knots;
  for (int i = 0; i < knots; i++)
    between[i] = above[i] + (above[i + knots] - above[i]) * down.rest[line];
  for (int64_t j = 0; j < width; j++) {
    const T* low = between + right.knot[j];
    to[j] += (low[0] + (low[1] - low[0]) * right.rest[j]) * size;
  }
}

// Writes out [n][height][width], pictures x at other places; outside as at the edge.
template <class T>
void pictures_at(const T* x, const Turns<T>& turns, int64_t n, int64_t height, int64_t width,
                 T* out) {
  const Axis<T> down(height), right(width);
  const T bottom = static_cast<T>(height - 1), end = static_cast<T>(width - 1);
  std::vector<T> y(width), z(width);
  for (int64_t r = 0; r < n; r++, x += height * width) {
    const T cos = turns.cos[r], sin = turns.sin[r];
    const T *middle = turns.middle + 2 * r, *grid = turns.grid;
    if (grid) grid += r * 2 * knots * knots;
    for (int64_t i = 0; i < height; i++, out += width) {
      const T from = cos * down.centred[i], less = middle[1] - sin * down.centred[i];
      for (int64_t j = 0; j < width; j++) {
        y[j] = from + (sin * right.centred[j] + middle[0]);
        z[j] = cos * right.centred[j] + less;
      }
      if (grid) {
        add_line(grid, down, right, i, static_cast<T>(height), y.data(), width);
        add_line(grid + knots * knots, down, right, i, static_cast<T>(width), z.data(), width);
      }
      for (int64_t j = 0; j < width; j++) {
        const T v = std::min(std::max(y[j], T{0}), bottom), w = std::min(std::max(z[j], T{0}), end);
        const int top = static_cast<int>(v), left = static_cast<int>(w);
        const T below = v - static_cast<T>(top), beyond = w - static_cast<T>(left);
        const T *upper = x + top * width + left, *lower = upper + (top + 1 < height ? width : 0);
        const int next = left + 1 < width ? 1 : 0;
        const T one = (upper[next] - upper[0]) * beyond + upper[0];
        const T two = (lower[next] - lower[0]) * beyond + lower[0];
        out[j] = one + (two - one) * below;
      }
    }
  }
}

}  // namespace hs::augment
