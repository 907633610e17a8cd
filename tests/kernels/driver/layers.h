// Tests Layer<T> forward and backward: at every level, in both float types, on several threads.
#pragma once

#include <numeric>
#include <utility>

#include "driver.h"
#include "layer.h"

namespace hs::driver {

struct LayerCase {
  int cell, layers, directions;
  int64_t inputs, hidden, units, state_row, rows, steps;  // units: the states of an LRU
  std::vector<int64_t> length, place;
  Lists in;  // x, the initial state, weights; empty where null
  Lists up;  // gradients of y and of the last state; empty where null

  explicit LayerCase(Dice& dice)
      : cell(random_cell(dice)), layers(1 + static_cast<int>(dice.below(3))),
        directions(1 + static_cast<int>(dice.below(2))), inputs(dice.pick({1, 5, 28})),
        hidden(dice.pick({1, 3, 8, 17, 33, 64})) {
    hidden = std::max(hidden, fewest_hidden(cell));
    units = dice.pick({1, 4, 9, 33});
    Places places{levels()[0]->f64->lanes};
    const auto stack = make_stack(*levels()[0]->f64, places, cell, inputs, hidden, units, layers,
                                  directions, true);
    state_row = stack->state_size;
    reshape(dice);
    const double scale = 1 / std::sqrt(static_cast<double>(hidden));
    for (const Matrix& m : stack->matrices) {
      const bool missing = m.is_bias && dice.once_in(4);
      in.push_back(dice.numbers(missing ? 0 : m.layout.in * m.layout.out * m.layout.gates, scale));
    }
  }

  // Other rows and steps with the same weights.
  void reshape(Dice& dice) {
    rows = dice.pick({1, 2, 15, 16, 17, 33, 70});
    steps = steps_of_case(dice, rows);
    if (is_lru(cell) && dice.once_in(2)) {  // of few rows: sanitized, many take most of the time
      steps += most_segment_steps;
      rows = std::min(rows, int64_t{17});
    }
    length.assign(dice.once_in(2) ? rows : 0, 0);
    place.clear();
    for (int64_t& n : length) n = dice.below(steps + 1);
    if (!length.empty() && dice.once_in(3)) pack();
    in.resize(std::max(first_weight(), in.size()));
    in[0] = dice.numbers(rows * steps * inputs);
    up = {dice.numbers(dice.once_in(4) ? 0 : rows * steps * outputs())};
    for (size_t i = 1; i < first_weight(); i++) {
      in[i] = dice.numbers(dice.once_in(4) ? 0 : state_size());
      up.push_back(dice.numbers(dice.once_in(4) ? 0 : state_size()));
    }
  }

  // Packed as torch does: the longest first, none of length zero.
  void pack() {
    for (int64_t& n : length) n = std::max<int64_t>(1, n);
    length[0] = steps;
    std::sort(length.rbegin(), length.rend());
    for (int64_t t = 0, at = 0; t < steps; t++) {
      place.push_back(at);
      for (const int64_t n : length) at += t < n;
    }
  }

  const Declaration& declaration() const { return *cells()[cell]; }
  size_t states() const { return declaration().states; }
  size_t first_weight() const { return 1 + states(); }  // its number in `in`
  int64_t state_size() const { return layers * directions * rows * state_row; }
  int64_t outputs() const { return hidden * directions; }
  bool is_read(int64_t r, int64_t t) const { return length.empty() || t < length[r]; }
  void tell() const {
    say(" %s, %d layers, %d directions, %" PRId64 " inputs, hidden %" PRId64 ", %" PRId64
        " rows, %" PRId64 " steps%s%s",
        declaration().name, layers, directions, inputs, hidden, rows, steps,
        length.empty() ? "" : ", lengths", place.empty() ? "" : ", packed");
  }
};

// Numbers [R][T][n] in memory that ends with the last number: packed if the case is, else with
// gaps, by sequences or by steps. Numbers that must not be read or written are unset (NaN).
template <class T>
struct Grid {
  const LayerCase& c;
  int64_t n, sequence, step;
  std::vector<T> numbers;

  Grid(const LayerCase& c, int64_t n, Dice& dice) : c(c), n(n), sequence(n), step(n) {
    const int64_t gap = dice.below(3);
    if (c.place.empty() && dice.once_in(2)) {
      sequence += gap;
      step = c.rows * sequence + gap;
    } else if (c.place.empty()) {
      step += gap;
      sequence = c.steps * step + gap;
    }
    int64_t size = (c.rows - 1) * sequence + (c.steps - 1) * step + n;
    if (!c.place.empty()) size = n * std::accumulate(c.length.begin(), c.length.end(), int64_t{0});
    numbers.assign(size, static_cast<T>(unset));
  }
  Batch<T> batch() { return {numbers.data(), sequence, step}; }
  template <class F>
  void each(F f) {  // f(number, its index in a plain list, whether it is read)
    for (int64_t r = 0; r < c.rows; r++)
      for (int64_t t = 0; t < c.steps; t++) {
        if (!c.place.empty() && !c.is_read(r, t)) continue;
        T* from = numbers.data() + r * sequence + (c.place.empty() ? t : c.place[t]) * step;
        for (int64_t k = 0; k < n; k++) f(from[k], (r * c.steps + t) * n + k, c.is_read(r, t));
      }
  }
  void fill(const List& from) {
    each([&](T& x, int64_t i, bool read) {
      if (read) x = static_cast<T>(from[i]);
    });
  }
  List take() {
    List list(c.rows * c.steps * n);
    each([&](T& x, int64_t i, bool read) {
      require(read || x == 0, "an output of a step that is not read is zero");
      list[i] = std::exchange(x, static_cast<T>(unset));
    });
    for (const T x : numbers) require(std::isnan(x), "numbers in the gaps do not change");
    return list;
  }
};

struct LayerAnswer {
  Lists out;     // y and the last state
  Lists slopes;  // gradients of LayerCase::in, those asked for
};

// `asked`: which gradients to compute; empty means no backward pass.
template <class T>
LayerAnswer answer(Layer<T>& layer, const LayerCase& c, int threads, uint64_t seed,
                   const std::vector<bool>& asked) {
  Dice dice(seed);
  Grid<T> x(c, c.inputs, dice), y(c, c.outputs(), dice);
  const size_t n = c.states();
  const std::vector<T> state(c.state_size(), static_cast<T>(unset));
  Arrays<T> in = as<T>(c.in), last(n, state), slopes;
  std::vector<const T*> weights = pointers<const T>(in);
  weights.erase(weights.begin(), weights.begin() + c.first_weight());
  x.fill(c.in[0]);
  const auto xs = x.batch();
  {  // `forward` copies both
    const auto length = c.length, place = c.place;
    layer.forward({xs.at, xs.sequence, xs.step}, c.rows, c.steps,
                  length.empty() ? nullptr : length.data(), place.empty() ? nullptr : place.data(),
                  weights, states_in(in, 1, n, c.rows, c.state_row), y.batch(),
                  states_in(last, 0, n, c.rows, c.state_row), !asked.empty(), threads);
  }
  LayerAnswer result{doubles(last), {}};
  result.out.insert(result.out.begin(), y.take());
  require(all_set(result.out), "every output is written");
  if (asked.empty()) return result;

  Grid<T> dx(c, c.inputs, dice), dy(c, c.outputs(), dice);
  if (!c.up[0].empty()) dy.fill(c.up[0]);
  Arrays<T> dlast = as<T>(c.up);
  for (size_t i = 0; i < in.size(); i++) {
    const size_t size = i == 0 ? 0 : i <= n ? state.size() : in[i].size();
    slopes.emplace_back(asked[i] ? size : 0, static_cast<T>(unset));
  }
  std::vector<T*> dweights = pointers<T>(slopes);
  dweights.erase(dweights.begin(), dweights.begin() + c.first_weight());
  const auto dys = dy.batch();
  layer.backward({c.up[0].empty() ? nullptr : dys.at, dys.sequence, dys.step},
                 states_in(dlast, 1, n, c.rows, c.state_row), asked[0] ? dx.batch() : Batch<T>{},
                 states_in(slopes, 1, n, c.rows, c.state_row), dweights, threads);
  result.slopes = doubles(slopes);
  if (asked[0]) result.slopes[0] = dx.take();
  require(all_set(result.slopes), "every gradient is written");
  return result;
}

template <class T>
LayerAnswer layer_case(const Level& level, const LayerCase& c, uint64_t seed) {
  Dice dice(seed);
  Layer<T> layer(level, c.cell, c.inputs, c.hidden, c.units, c.layers, c.directions);
  const std::vector<bool> all(c.in.size(), true), none;
  const LayerAnswer result = answer(layer, c, 1, seed, all);

  LayerCase other = c;
  other.reshape(dice);
  answer(layer, other, 2, seed, dice.once_in(2) ? all : none);
  for (int threads = 2; threads < 4; threads++) {
    std::vector<bool> some = all;
    for (size_t i = 0; i < some.size(); i++) some[i] = threads == 2 || dice.once_in(2);
    Lists expected = result.slopes;
    for (size_t i = 0; i < some.size(); i++)
      if (!some[i]) expected[i].clear();
    const LayerAnswer again = answer(layer, c, threads, dice.below(1 << 30), some);
    require(again.out == result.out, "outputs are the same for any number of threads");
    require(again.slopes == expected, "a gradient does not depend on which others are computed");
  }
  const LayerAnswer forward = answer(layer, c, 2, seed, none);
  require(forward.out == result.out, "outputs are the same without a backward pass");
  return result;
}

inline void layers(const std::vector<const Level*>& chosen, int64_t cases) {
  for (int64_t i = 0; i < cases; i++) {
    Dice dice(i);
    const LayerCase c(dice);
    LayerAnswer first;
    for (const Level* level : chosen) {
      begin("layer", i, level->name, c);
      const LayerAnswer f64 = layer_case<double>(*level, c, i);
      if (level == chosen[0]) first = f64;
      require(apart(f64.out, first.out) < 1e-12, "levels agree on outputs");
      require(apart(f64.slopes, first.slopes) < 1e-11, "levels agree on gradients");
      const LayerAnswer f32 = layer_case<float>(*level, c, i);
      const double loose = has_kink(c.cell) ? 1e-2 : 1e-4;  // rounding may cross the kink
      require(apart(f32.out, f64.out) < 1e-5, "outputs in float are near those in double");
      require(apart(f32.slopes, f64.slopes) < loose, "gradients in float are near those in double");
    }
    Layer<double> layer(*chosen.back(), c.cell, c.inputs, c.hidden, c.units, c.layers,
                        c.directions);
    const auto value = [&](const Lists& in) {
      LayerCase moved = c;
      moved.in = in;
      return dot(answer(layer, moved, 1, i, {}).out, c.up);
    };
    require(slopes_hold(value, c.in, first.slopes, direction(c.in, dice), has_kink(c.cell)),
            "gradients equal finite differences");
  }
}

}  // namespace hs::driver
