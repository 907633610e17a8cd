// Shared by the parts of the driver: random numbers, lists of numbers, and facts that must hold.
//
// Numbers of all float types are converted to double here, which keeps their bits.
#pragma once

#include <algorithm>
#include <cinttypes>
#include <cmath>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <random>
#include <vector>

#include "levels.h"
#include "states.h"

namespace hs::driver {

using List = std::vector<double>;
using Lists = std::vector<List>;

template <class T>
using Arrays = std::vector<std::vector<T>>;

inline const double unset = std::numeric_limits<double>::quiet_NaN();
inline char current[800];  // description of the case that is running

// Adds to `current`.
inline __attribute__((format(printf, 1, 2))) void say(const char* format, ...) {
  const size_t said = std::strlen(current);
  va_list words;
  va_start(words, format);
  std::vsnprintf(current + said, sizeof current - said, format, words);
  va_end(words);
}

template <class Case>
void begin(const char* group, int64_t number, const char* level, const Case& c) {
  current[0] = 0;
  say("%s, case %" PRId64 ", %s:", group, number, level);
  c.tell();
}

inline void require(bool holds, const char* fact) {
  if (holds) return;
  std::printf("failed: %s\n  in %s\n", fact, current);
  std::fflush(stdout);
  std::_Exit(1);
}

class Dice {
 public:
  explicit Dice(uint64_t seed) : roll_(seed) {}
  int64_t below(int64_t n) { return static_cast<int64_t>(roll_() % static_cast<uint64_t>(n)); }
  bool once_in(int64_t n) { return below(n) == 0; }
  double number() {
    return static_cast<double>(roll_() >> 11) / (int64_t{1} << 52) - 1;
  }  // in [-1, 1)
  List numbers(int64_t n, double scale = 1) {
    List list(n);
    for (double& x : list) x = scale * number();
    return list;
  }
  template <class N>
  N pick(std::initializer_list<N> from) {
    return from.begin()[below(static_cast<int64_t>(from.size()))];
  }

 private:
  std::mt19937_64 roll_;
};

// Few steps or, of few rows, more than the kernels multiply the inputs of at once.
inline int64_t steps_of_case(Dice& dice, int64_t rows) {
  return rows < 3 && dice.once_in(2) ? steps_ahead + 5 : dice.pick({1, 2, 7});
}

template <class T>
std::vector<T> as(const List& list) {
  return std::vector<T>(list.begin(), list.end());
}

template <class T>
List doubles(const std::vector<T>& numbers) {
  return List(numbers.begin(), numbers.end());
}

template <class T>
Arrays<T> as(const Lists& lists) {
  Arrays<T> arrays;
  for (const List& list : lists) arrays.push_back(as<T>(list));
  return arrays;
}

template <class T>
Lists doubles(const Arrays<T>& arrays) {
  Lists lists;
  for (const std::vector<T>& array : arrays) lists.push_back(doubles(array));
  return lists;
}

template <class T>
T* at(std::vector<T>& numbers) {
  return numbers.empty() ? nullptr : numbers.data();
}

template <class P, class T>
std::vector<P*> pointers(Arrays<T>& arrays) {
  std::vector<P*> list;
  for (std::vector<T>& array : arrays) list.push_back(at(array));
  return list;
}

// States of the `n` arrays from number `first` on.
template <class T>
States<T> states_in(Arrays<T>& arrays, size_t first, size_t n, int64_t rows, int64_t hidden) {
  States<T> states{{}, rows, hidden};
  for (size_t i = 0; i < n; i++) states.at[i] = at(arrays[first + i]);
  return states;
}

inline int random_cell(Dice& dice) { return static_cast<int>(dice.below(cells().size())); }

// Whether the slope of a cell's activation jumps.
inline bool has_kink(int cell) {
  return cell == cell_named("rnn_relu") || cell == cell_named("mingru");
}

inline bool is_lru(int cell) { return cell == cell_named("lru"); }

// The norm of few channels hardly depends on them: its gradient is mostly rounding.
inline int64_t fewest_hidden(int cell) { return is_lru(cell) ? 3 : 1; }

inline double dot(const Lists& a, const Lists& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); i++)
    for (size_t k = 0; k < a[i].size() && k < b[i].size(); k++) sum += a[i][k] * b[i][k];
  return sum;
}

inline double norm(const Lists& a) { return std::sqrt(dot(a, a)); }

inline Lists plus(Lists a, double factor, const Lists& b) {
  for (size_t i = 0; i < a.size(); i++)
    for (size_t k = 0; k < a[i].size() && k < b[i].size(); k++) a[i][k] += factor * b[i][k];
  return a;
}

inline double apart(const Lists& a, const Lists& b) {
  return norm(plus(a, -1, b)) / (1e-3 + norm(b));
}

inline bool all_set(const Lists& a) {
  for (const List& list : a)
    for (const double x : list)
      if (std::isnan(x)) return false;
  return true;
}

// A random direction in all lists or, half of the time, in one of them.
inline Lists direction(const Lists& like, Dice& dice) {
  const int64_t only = dice.once_in(2) ? dice.below(static_cast<int64_t>(like.size())) : -1;
  Lists way;
  for (size_t i = 0; i < like.size(); i++) {
    const bool moves = only < 0 || only == static_cast<int64_t>(i) || like[only].empty();
    way.push_back(moves ? dice.numbers(like[i].size()) : List(like[i].size()));
  }
  return way;
}

// Whether `slopes` are the gradient of f at `from`, checked by differences along `way`.
template <class F>
bool slopes_hold(F f, const Lists& from, const Lists& slopes, const Lists& way, bool kinks) {
  const double step = kinks ? 1e-7 : 1e-5, tolerance = kinks ? 1e-4 : 1e-6;
  const double measured = (f(plus(from, step, way)) - f(plus(from, -step, way))) / (2 * step);
  return std::abs(measured - dot(slopes, way)) <
         tolerance * (1 + norm(slopes) * norm(way) * 0.01 + std::abs(measured));
}

}  // namespace hs::driver
