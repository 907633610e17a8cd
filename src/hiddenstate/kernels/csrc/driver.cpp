// The kernels without Python, walked through odd shapes: what `make sanitize` runs.
//
//   driver [CASES [LEVEL ...]]    so many random cases of each kind, at these levels or at all
//
// Every array a kernel is given is as large as it must be and not a number larger, so that a
// sanitizer sees what is read or written beyond. Numbers of all float types pass through double
// here, which keeps their bits. Prints a line a group; ends at the first fact that does not hold.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <thread>
#include <utility>

#include "layer.h"
#include "net.h"

#if defined(__SANITIZE_THREAD__)
constexpr bool can_fork = false;  // a forked process is more than the thread sanitizer follows
#else
constexpr bool can_fork = true;
#endif

using namespace hs;

namespace {

using List = std::vector<double>;
using Lists = std::vector<List>;

const double unset = std::numeric_limits<double>::quiet_NaN();
char current[800];  // the case that runs

// Adds to `current`.
__attribute__((format(printf, 1, 2))) void say(const char* format, ...) {
  const size_t said = std::strlen(current);
  va_list words;
  va_start(words, format);
  std::vsnprintf(current + said, sizeof current - said, format, words);
  va_end(words);
}

template <class Case>
void begin(const char* group, long number, const char* level, const Case& c) {
  current[0] = 0;
  say("%s, case %ld, %s:", group, number, level);
  c.tell();
}

void require(bool holds, const char* fact) {
  if (holds) return;
  std::printf("does not hold: %s\n  in %s\n", fact, current);
  std::fflush(stdout);
  _exit(1);
}

class Dice {
 public:
  explicit Dice(uint64_t seed) : roll_(seed) {}
  long below(long n) { return static_cast<long>(roll_() % static_cast<uint64_t>(n)); }
  bool once_in(long n) { return below(n) == 0; }
  double number() { return static_cast<double>(roll_() >> 11) / (1L << 52) - 1; }  // in [-1, 1)
  List numbers(long n, double scale = 1) {
    List list(n);
    for (double& x : list) x = scale * number();
    return list;
  }
  template <class N>
  N pick(std::initializer_list<N> from) {
    return from.begin()[below(static_cast<long>(from.size()))];
  }

 private:
  std::mt19937_64 roll_;
};

template <class T>
std::vector<T> as(const List& list) {
  return std::vector<T>(list.begin(), list.end());
}

template <class T>
List doubles(const std::vector<T>& numbers) {
  return List(numbers.begin(), numbers.end());
}

template <class T>
T* at(std::vector<T>& numbers) {
  return numbers.empty() ? nullptr : numbers.data();
}

double dot(const Lists& a, const Lists& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); i++)
    for (size_t k = 0; k < a[i].size() && k < b[i].size(); k++) sum += a[i][k] * b[i][k];
  return sum;
}

double norm(const Lists& a) { return std::sqrt(dot(a, a)); }

Lists plus(Lists a, double factor, const Lists& b) {
  for (size_t i = 0; i < a.size(); i++)
    for (size_t k = 0; k < a[i].size() && k < b[i].size(); k++) a[i][k] += factor * b[i][k];
  return a;
}

double apart(const Lists& a, const Lists& b) { return norm(plus(a, -1, b)) / (1e-3 + norm(b)); }

bool all_set(const Lists& a) {
  for (const List& list : a)
    for (const double x : list)
      if (std::isnan(x)) return false;
  return true;
}

// A direction over all lists or, as often, over one.
Lists direction(const Lists& like, Dice& dice) {
  const long only = dice.once_in(2) ? dice.below(static_cast<long>(like.size())) : -1;
  Lists found;
  for (size_t i = 0; i < like.size(); i++) {
    const bool moves = only < 0 || only == static_cast<long>(i) || like[only].empty();
    found.push_back(moves ? dice.numbers(like[i].size()) : List(like[i].size()));
  }
  return found;
}

// Whether `slopes` are those of f at `from`, along `way`.
template <class F>
bool slopes_hold(F f, const Lists& from, const Lists& slopes, const Lists& way, bool kinks) {
  const double step = kinks ? 1e-7 : 1e-5, tolerance = kinks ? 1e-4 : 1e-6;
  const double measured = (f(plus(from, step, way)) - f(plus(from, -step, way))) / (2 * step);
  return std::abs(measured - dot(slopes, way)) < tolerance * (1 + norm(slopes) * norm(way) * 0.01 +
                                                              std::abs(measured));
}

// --- Layer --------------------------------------------------------------------------------------

struct LayerCase {
  int cell, layers, directions;
  long inputs, hidden, rows, steps;
  std::vector<int64_t> length, place;
  Lists in;  // x, h0, c0, weights; empty where null
  Lists up;  // gradients of y, hn, cn; empty where null

  explicit LayerCase(Dice& dice)
      : cell(static_cast<int>(dice.below(4))), layers(1 + static_cast<int>(dice.below(3))),
        directions(1 + static_cast<int>(dice.below(2))), inputs(dice.pick({1, 5, 28})),
        hidden(dice.pick({1, 3, 8, 17, 33, 64})) {
    reshape(dice);
    const double scale = 1 / std::sqrt(static_cast<double>(hidden));
    for (int i = 0; i < layers * directions; i++) {
      const long read = i < directions ? inputs : directions * hidden;
      const long gates = weight_gates(cell) * hidden;
      for (const long columns : {read, hidden}) in.push_back(dice.numbers(gates * columns, scale));
      for (int b = 0; b < 2; b++) in.push_back(dice.numbers(dice.once_in(4) ? 0 : gates, scale));
    }
  }

  // Other rows and steps, the same weights.
  void reshape(Dice& dice) {
    rows = dice.pick({1, 2, 15, 16, 17, 33, 70});
    steps = dice.pick({1, 2, 7});
    length.assign(dice.once_in(2) ? rows : 0, 0);
    place.clear();
    for (int64_t& n : length) n = dice.below(steps + 1);
    if (!length.empty() && dice.once_in(3)) pack();
    in.resize(std::max<size_t>(3, in.size()));
    const long states = layers * directions * rows * hidden, cells = cell == LSTM ? states : 0;
    in[0] = dice.numbers(rows * steps * inputs);
    in[1] = dice.numbers(dice.once_in(4) ? 0 : states);
    in[2] = dice.numbers(dice.once_in(4) ? 0 : cells);
    up = {dice.numbers(dice.once_in(4) ? 0 : rows * steps * outputs()),
          dice.numbers(dice.once_in(4) ? 0 : states), dice.numbers(dice.once_in(4) ? 0 : cells)};
  }

  // As torch packs: the longest first, none of length zero.
  void pack() {
    for (int64_t& n : length) n = std::max<int64_t>(1, n);
    length[0] = steps;
    std::sort(length.rbegin(), length.rend());
    for (long t = 0, at = 0; t < steps; t++) {
      place.push_back(at);
      for (const int64_t n : length) at += t < n;
    }
  }

  long outputs() const { return hidden * directions; }
  bool is_read(long r, long t) const { return length.empty() || t < length[r]; }
  void tell() const {
    say(" cell %d, %d layers, %d directions, %ld inputs, hidden %ld, %ld rows, %ld steps%s%s", cell,
        layers, directions, inputs, hidden, rows, steps, length.empty() ? "" : ", lengths",
        place.empty() ? "" : ", packed");
  }
};

// Numbers [R][T][n] in memory that ends with the last of them: packed where the case is, else
// with gaps, sequences or steps first. What is nowhere to be read or written is unset.
template <class T>
struct Grid {
  const LayerCase& c;
  long n, sequence, step;
  std::vector<T> numbers;

  Grid(const LayerCase& c, long n, Dice& dice) : c(c), n(n), sequence(n), step(n) {
    const long gap = dice.below(3);
    long size = (c.rows - 1) * n;
    if (!c.place.empty()) {
      size = 0;
      for (const int64_t length : c.length) size += length * n;
    } else {
      (dice.once_in(2) ? step = c.rows * (sequence += gap) : sequence = c.steps * (step += gap)) += gap;
      size = (c.rows - 1) * sequence + (c.steps - 1) * step + n;
    }
    numbers.assign(size, static_cast<T>(unset));
  }
  Batch<T> batch() { return {numbers.data(), sequence, step}; }
  template <class F>
  void each(F f) {  // f(number, its place in a plain list, whether it is read)
    for (long r = 0; r < c.rows; r++)
      for (long t = 0; t < c.steps; t++) {
        if (!c.place.empty() && !c.is_read(r, t)) continue;
        T* from = numbers.data() + r * sequence + (c.place.empty() ? t : c.place[t]) * step;
        for (long k = 0; k < n; k++) f(from[k], (r * c.steps + t) * n + k, c.is_read(r, t));
      }
  }
  void fill(const List& from) {
    each([&](T& x, long i, bool read) {
      if (read) x = static_cast<T>(from[i]);
    });
  }
  List take() {
    List list(c.rows * c.steps * n);
    each([&](T& x, long i, bool read) {
      require(read || x == 0, "what answers to nothing read is zero");
      list[i] = std::exchange(x, static_cast<T>(unset));
    });
    for (const T x : numbers) require(std::isnan(x), "what lies between is left alone");
    return list;
  }
};

struct LayerAnswer {
  Lists out;     // y, hn, cn
  Lists slopes;  // of what is in LayerCase::in, as far as asked for
};

// `asked`: which slopes, or empty where there is no way back.
template <class T>
LayerAnswer answer(Layer<T>& layer, const LayerCase& c, int threads, uint64_t seed,
                   const std::vector<bool>& asked) {
  Dice dice(seed);
  const long states = c.layers * c.directions * c.rows * c.hidden;
  const long cells = c.cell == LSTM ? states : 0;
  Grid<T> x(c, c.inputs, dice), y(c, c.outputs(), dice);
  std::vector<std::vector<T>> in, slopes;
  std::vector<const T*> weights;
  std::vector<T*> dweights;
  for (const List& list : c.in) in.push_back(as<T>(list));
  for (size_t i = 3; i < in.size(); i++) weights.push_back(at(in[i]));
  x.fill(c.in[0]);
  std::vector<T> hn(states, static_cast<T>(unset)), cn(cells, static_cast<T>(unset));
  const auto xs = x.batch();
  {  // both are copied
    const auto length = c.length, place = c.place;
    layer.forward({xs.at, xs.sequence, xs.step}, c.rows, c.steps,
                  length.empty() ? nullptr : length.data(), place.empty() ? nullptr : place.data(),
                  weights, {at(in[1]), at(in[2]), c.rows, c.hidden}, y.batch(),
                  {hn.data(), at(cn), c.rows, c.hidden}, !asked.empty(), threads);
  }
  LayerAnswer found{{y.take(), doubles(hn), doubles(cn)}, {}};
  require(all_set(found.out), "every output is written");
  if (asked.empty()) return found;

  Grid<T> dx(c, c.inputs, dice), dy(c, c.outputs(), dice);
  if (!c.up[0].empty()) dy.fill(c.up[0]);
  std::vector<T> dhn = as<T>(c.up[1]), dcn = as<T>(c.up[2]);
  for (size_t i = 0; i < in.size(); i++) {
    const long size = i == 0 ? 0 : i == 1 ? states : i == 2 ? cells : static_cast<long>(in[i].size());
    slopes.emplace_back(asked[i] ? size : 0, static_cast<T>(unset));
  }
  for (size_t i = 3; i < in.size(); i++) dweights.push_back(at(slopes[i]));
  const auto dys = dy.batch();
  layer.backward({c.up[0].empty() ? nullptr : dys.at, dys.sequence, dys.step},
                 {at(dhn), at(dcn), c.rows, c.hidden}, asked[0] ? dx.batch() : Batch<T>{},
                 {at(slopes[1]), at(slopes[2]), c.rows, c.hidden}, dweights, threads);
  for (const auto& list : slopes) found.slopes.push_back(doubles(list));
  if (asked[0]) found.slopes[0] = dx.take();
  require(all_set(found.slopes), "every gradient is written");
  return found;
}

template <class T>
LayerAnswer layer_case(const Level& level, const LayerCase& c, uint64_t seed) {
  Dice dice(seed);
  Layer<T> layer(level, c.cell, c.inputs, c.hidden, c.layers, c.directions);
  const std::vector<bool> all(c.in.size(), true), none;
  const LayerAnswer found = answer(layer, c, 1, seed, all);

  LayerCase other = c;
  other.reshape(dice);
  answer(layer, other, 2, seed, dice.once_in(2) ? all : none);
  for (int threads = 2; threads < 4; threads++) {
    std::vector<bool> some = all;
    for (size_t i = 0; i < some.size(); i++) some[i] = threads == 2 || dice.once_in(2);
    Lists expected = found.slopes;
    for (size_t i = 0; i < some.size(); i++)
      if (!some[i]) expected[i].clear();
    const LayerAnswer again = answer(layer, c, threads, dice.below(1 << 30), some);
    require(again.out == found.out, "outputs are the same on any number of threads");
    require(again.slopes == expected, "gradients are the same whatever else is asked for");
  }
  const LayerAnswer forward = answer(layer, c, 2, seed, none);
  require(forward.out == found.out, "outputs are the same without a way back");
  return found;
}

void layers(const std::vector<const Level*>& chosen, long cases) {
  for (long i = 0; i < cases; i++) {
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
      const double loose = c.cell == RNN_RELU ? 1e-2 : 1e-4;  // a kink may be on either side
      require(apart(f32.out, f64.out) < 1e-5, "float's outputs are near double's");
      require(apart(f32.slopes, f64.slopes) < loose, "float's gradients are near double's");
    }
    Layer<double> layer(*chosen.back(), c.cell, c.inputs, c.hidden, c.layers, c.directions);
    const auto value = [&](const Lists& in) {
      LayerCase moved = c;
      moved.in = in;
      return dot(answer(layer, moved, 1, i, {}).out, c.up);
    };
    require(slopes_hold(value, c.in, first.slopes, direction(c.in, dice), c.cell == RNN_RELU),
            "gradients are slopes");
  }
}

// --- Net ----------------------------------------------------------------------------------------

struct NetCase {
  Shape shape;
  long steps = 0, rows, numbers, answers, batch, taken;
  Kind kind;
  int rule;
  double decay, momentum, clip, rate;
  bool stateful = false;
  std::vector<int64_t> classes, length, order;
  Lists weights;
  List x, targets;

  explicit NetCase(Dice& dice) {
    Shape& s = shape;
    rows = dice.pick({1, 2, 15, 16, 17, 33, 70});
    batch = 1 + dice.below(rows);
    taken = 4;
    if (dice.once_in(3)) {
      dense(dice);
    } else {
      s.cell = static_cast<int>(dice.below(4));
      s.layers = 1 + static_cast<int>(dice.below(3));
      s.directions = 1 + static_cast<int>(dice.below(2));
      s.inputs = dice.pick({1, 5, 28});
      s.hidden = dice.pick({1, 3, 8, 17, 33, 64});
      s.outputs = dice.pick({1, 2, 10, 17});
      s.every_step = dice.once_in(2);
      s.classify = !s.every_step && dice.once_in(2);
      steps = dice.pick({1, 2, 7});
      numbers = steps * s.inputs;
      answers = s.outputs * (s.every_step ? steps : 1);
      stateful = dice.once_in(3);
      if (!stateful && dice.once_in(2)) length.resize(rows);
      for (int64_t& n : length) n = 1 + dice.below(steps);
      if (s.classify)
        for (long i = 0; i < rows; i++) classes.push_back(dice.below(s.outputs));
      else
        targets = dice.numbers(rows * answers);
    }
    for (long i = 0; i < taken * batch; i++) order.push_back(dice.below(rows));
    kind = dice.pick({BYTES, FLOATS, DOUBLES});
    x = dice.numbers(rows * numbers);
    for (double& value : x) value = kind == BYTES ? std::floor(128 + 128 * value) : (float)value;
    rule = dice.pick({SGD, ADAM, ADAMW});
    decay = dice.pick({0.0, 0.1});
    momentum = dice.pick({0.0, 0.9});
    clip = dice.pick({0.0, 0.5});
    rate = 0.05;
    const Net<double> net(*levels()[0], shape);
    for (const Matrix& m : net.matrices())
      weights.push_back(dice.numbers(m.layout.in * m.layout.out * m.layout.gates,
                                     1 / std::sqrt(1.0 * std::max(m.layout.in, m.layout.out))));
  }

  void dense(Dice& dice) {
    Shape& s = shape;
    const long depth = 1 + dice.below(3);
    for (long i = 0; i <= depth; i++) s.widths.push_back(dice.pick({1, 3, 8, 17, 33, 64}));
    const int between = dice.pick({TANH, RELU, SIGMOID});
    for (long i = depth; i-- > 0;) s.widths.push_back(s.widths[i]);
    s.activations.assign(2 * depth, between);
    s.activations[depth - 1] = LINEAR;
    s.activations[2 * depth - 1] = dice.pick({LINEAR, SIGMOID});
    numbers = answers = s.widths[0];
  }

  bool recurrent() const { return shape.layers > 0; }
  bool kinks() const {
    if (recurrent()) return shape.cell == RNN_RELU;
    return shape.activations[0] == RELU;
  }
  void tell() const {
    const Shape& s = shape;
    if (recurrent())
      say(" cell %d, %d layers, %d directions, %ld inputs, hidden %ld, %ld outputs%s%s%s%s, %ld steps",
          s.cell, s.layers, s.directions, s.inputs, s.hidden, s.outputs,
          s.every_step ? ", every step" : "", s.classify ? ", classes" : "",
          stateful ? ", stateful" : "", length.empty() ? "" : ", lengths", steps);
    for (const long width : s.widths) say(" %ld", width);
    for (const int activation : s.activations) say(" /%d", activation);
    say(", %ld of %ld rows, kind %d, rule %d, momentum %g, decay %g, clip %g", batch, rows, kind,
        rule, momentum, decay, clip);
  }
};

// Asked so many times, it says stop, and keeps to it.
struct Patience {
  long left;
  std::atomic<bool> gone{false};
  explicit Patience(long times) : left(times) {}
  static bool ask(void* self, long) {
    Patience& p = *static_cast<Patience*>(self);
    if (p.left-- <= 0) p.gone = true;
    return p.gone;
  }
  static bool look(void* self, long) { return static_cast<Patience*>(self)->gone; }
  Stop stop() { return {ask, look, this}; }
};

// A net with arrays of the right size around it.
template <class T>
struct Pupil {
  const NetCase& c;
  Net<T> net;
  Lesson<T> lesson;
  std::vector<uint8_t> bytes;
  std::vector<float> floats;
  std::vector<double> numbers;
  std::vector<T> targets;

  Pupil(const Level& level, const NetCase& c) : c(c), net(level, c.shape) {
    lesson.x = table(c.x);
    lesson.steps = c.steps;
    targets = as<T>(c.targets);
    lesson.targets = at(targets);
    lesson.classes = c.classes.empty() ? nullptr : c.classes.data();
    lesson.length = c.length.empty() ? nullptr : c.length.data();
    lesson.stateful = c.stateful;
    lesson.rule = c.rule;
    lesson.decay = c.decay;
    lesson.momentum = c.momentum;
    load(0, c.weights);
  }

  Table table(const List& x) {
    bytes.clear();
    if (c.kind == BYTES) bytes.assign(x.begin(), x.end());
    if (c.kind == FLOATS) floats = as<float>(x);
    if (c.kind == DOUBLES) numbers = x;
    const void* from = c.kind == BYTES    ? static_cast<void*>(bytes.data())
                       : c.kind == FLOATS ? static_cast<void*>(floats.data())
                                          : static_cast<void*>(numbers.data());
    return {from, c.kind, c.numbers};
  }
  void load(int which, const Lists& lists) {
    for (size_t i = 0; i < lists.size(); i++) net.load(which, i, as<T>(lists[i]).data());
  }
  Lists save(int which) const {
    Lists lists;
    for (size_t i = 0; i < c.weights.size(); i++) {
      std::vector<T> values(c.weights[i].size(), unset);
      net.save(which, i, values.data());
      lists.push_back(doubles(values));
    }
    return lists;
  }
  long states(long rows) const {
    return c.shape.layers * c.shape.directions * rows * c.shape.hidden;
  }
  Lists state() const {
    const bool lstm = c.shape.cell == LSTM;
    std::vector<T> h(states(net.state_rows()), unset), cell(lstm ? h.size() : 0, unset);
    if (net.state_rows()) net.save_state(h.data(), at(cell));
    return {doubles(h), doubles(cell)};
  }
  // All that a checkpoint holds.
  Lists all() const {
    Lists found;
    for (const Lists& part : {save(0), save(1), save(2), state()})
      found.insert(found.end(), part.begin(), part.end());
    return found;
  }

  Ending step(long n, const int64_t* order, double rate, bool reset, int threads, Stop stop,
              double& loss, List* answers = nullptr) {
    std::vector<T> out(answers ? n * c.answers : 0, unset);
    const std::vector<int64_t> rows(order, order + n);
    const Ending ending = net.step(lesson, {rows.data(), n, rate, c.clip, 1e-8, reset}, threads,
                                   stop, loss, at(out));
    if (answers && ending == DONE) *answers = doubles(out);
    return ending;
  }

  // The case's steps; losses and answers. With `patience`, each is first stopped on its way.
  Lists train(int threads, long patience = -1) {
    Lists found;
    for (long i = 0; i < c.taken; i++) {
      const int64_t* order = c.order.data() + i * c.batch;
      const bool reset = i == 2;
      const long n = c.stateful || i < 3 ? c.batch : 1 + c.batch / 2;
      double loss = unset;
      List out;
      for (bool done = false; patience >= 0 && !done;) {
        const Lists before = all();
        Patience p(patience * i);
        done = step(n, order, c.rate, reset, threads, p.stop(), loss, &out) == DONE;
        if (done) break;
        require(all() == before, "a step that was stopped changes nothing");
        patience = -1;
      }
      if (patience < 0)
        require(step(n, order, c.rate, reset, threads, Stop{}, loss, &out) == DONE, "steps end well");
      found.push_back({loss});
      found.push_back(out);
    }
    return found;
  }

  struct Outcome {
    List out, h, cell;
  };
  Outcome predict(const Table& x, long n, long steps, bool lengths, size_t first, size_t last,
                  long width, int threads, const Outcome* from = nullptr) {
    const bool lstm = c.shape.cell == LSTM;
    std::vector<T> out(n * width, unset), h(states(n), unset), cell(lstm ? h.size() : 0, unset);
    std::vector<T> h0 = as<T>(from ? from->h : List{}), c0 = as<T>(from ? from->cell : List{});
    const bool done = net.predict(x, n, steps, lengths ? lesson.length : nullptr, first, last,
                                  {at(h0), at(c0), n, c.shape.hidden}, out.data(),
                                  {at(h), at(cell), n, c.shape.hidden}, threads, Stop{});
    require(done, "a prediction nobody stops is made");
    return {doubles(out), doubles(h), doubles(cell)};
  }
};

template <class T>
void check_predictions(Pupil<T>& pupil, const NetCase& c, int threads) {
  const size_t layers = c.recurrent() ? 1 : c.shape.activations.size();
  const auto whole =
      pupil.predict(pupil.lesson.x, c.rows, c.steps, true, 0, layers, c.answers, threads);
  require(all_set({whole.out, whole.h, whole.cell}), "every number of a prediction is written");

  std::vector<int64_t> order(c.rows);
  for (long i = 0; i < c.rows; i++) order[i] = i;
  double loss;
  List out;
  Pupil<T> same(*levels()[0], c);
  require(pupil.step(c.rows, order.data(), 0, true, threads, Stop{}, loss, &out) == DONE,
          "a step that learns nothing ends well");
  require(out == whole.out, "training and predicting answer the same");
  if (c.stateful) require(pupil.state() == Lists{whole.h, whole.cell}, "both end in one state");

  if (!c.recurrent()) {
    const long codes = c.shape.widths[layers / 2];
    const auto code = pupil.predict(pupil.lesson.x, c.rows, 0, false, 0, layers / 2, codes, threads);
    std::vector<T> given = as<T>(code.out);
    const Table table{given.data(), sizeof(T) == 4 ? FLOATS : DOUBLES, codes};
    const auto back = pupil.predict(table, c.rows, 0, false, layers / 2, layers, c.answers, threads);
    require(apart({back.out}, {whole.out}) < 1e-5, "decoding what was encoded is predicting");
  } else if (c.shape.directions == 1 && c.steps > 1 && c.length.empty()) {
    const long early = c.steps / 2 * c.shape.inputs, late = c.numbers - early;
    List parts[2];
    for (long i = 0; i < static_cast<long>(c.x.size()); i++)
      parts[i % c.numbers >= early].push_back(c.x[i]);
    typename Pupil<T>::Outcome outcome;
    List all[2];
    for (int i = 0; i < 2; i++) {
      Table table = pupil.table(parts[i]);
      table.numbers = i ? late : early;
      const long steps = table.numbers / c.shape.inputs;
      const long width = c.shape.outputs * (c.shape.every_step ? steps : 1);
      outcome = pupil.predict(table, c.rows, steps, false, 0, 1, width, threads,
                              i ? &outcome : nullptr);
    }
    require(outcome.h == whole.h && outcome.cell == whole.cell, "a state carries over");
    List tail;
    const long n = static_cast<long>(outcome.out.size()) / c.rows;
    for (long i = 0; i < c.rows * c.answers; i++)
      if (i % c.answers >= c.answers - n) tail.push_back(whole.out[i]);
    require(apart({outcome.out}, {tail}) < 1e-5, "a state carries over to the outputs");
    pupil.lesson.x = pupil.table(c.x);
  }
  Patience none(0);
  std::vector<T> nowhere(c.rows * c.answers);
  require(!pupil.net.predict(pupil.lesson.x, c.rows, c.steps, nullptr, 0, layers, {}, nowhere.data(),
                             {}, threads, none.stop()),
          "a prediction can be stopped");
}

template <class T>
Lists net_case(const Level& level, const NetCase& c, Dice dice) {
  Pupil<T> alone(level, c);
  Lists found = alone.train(1);
  for (int threads = 2; threads < 4; threads++) {
    Pupil<T> pupil(level, c);
    require(pupil.train(threads, threads == 2 ? dice.below(40) : -1) == found,
            "losses and answers are the same on any number of threads");
    require(pupil.all() == alone.all(), "weights are the same on any number of threads");
  }
  // What was saved and loaded goes on as what was not. So nothing grew where no number belongs.
  Pupil<T> loaded(level, c);
  loaded.load(0, alone.save(0));
  loaded.load(1, alone.save(1));
  loaded.load(2, alone.save(2));
  loaded.net.updates = alone.net.updates;
  if (alone.net.state_rows()) {
    const Lists state = alone.state();
    std::vector<T> h = as<T>(state[0]), cell = as<T>(state[1]);
    loaded.net.load_state(h.data(), at(cell), alone.net.state_rows());
  }
  require(loaded.train(2) == alone.train(3), "a loaded net goes on as the saved one");
  require(loaded.all() == alone.all(), "a loaded net learns as the saved one");
  check_predictions(alone, c, 1 + static_cast<int>(dice.below(3)));
  const Lists saved = alone.save(0);
  found.insert(found.end(), saved.begin(), saved.end());
  return found;
}

void nets(const std::vector<const Level*>& chosen, long cases) {
  for (long i = 0; i < cases; i++) {
    Dice dice(1'000'000 + i);
    const NetCase c(dice);
    Lists first;
    for (const Level* level : chosen) {
      begin("net", i, level->name, c);
      const Lists f64 = net_case<double>(*level, c, dice);
      if (level == chosen[0]) first = f64;
      require(apart(f64, first) < (c.rule == SGD ? 1e-9 : 1e-3), "levels agree");
      net_case<float>(*level, c, dice);
    }
    NetCase plain = c;
    plain.rule = SGD;
    plain.decay = plain.momentum = plain.clip = 0;
    Pupil<double> pupil(*chosen.back(), plain);
    const auto value = [&](const Lists& weights) {
      double loss = unset;
      pupil.load(0, weights);
      pupil.step(c.batch, c.order.data(), 0, true, 2, Stop{}, loss);
      return loss;
    };
    double loss;
    pupil.step(c.batch, c.order.data(), 1, true, 1, Stop{}, loss);
    const Lists slopes = plus(c.weights, -1, pupil.save(0));
    require(slopes_hold(value, c.weights, slopes, direction(c.weights, dice), c.kinks()),
            "an update follows the loss's slopes");
  }
}

// --- Team ---------------------------------------------------------------------------------------

// Each task runs once, also where it runs others and where two callers come at once.
void share_out(uint64_t seed, long calls) {
  Dice dice(seed);
  for (long call = 0; call < calls; call++) {
    const long n = dice.below(20);
    std::vector<std::atomic<int>> ran(n);
    Team::shared().run(n, 1 + static_cast<int>(dice.below(4)), [&](long number) {
      Team::shared().run(2, 2, [&](long) { ran[number]++; });
    });
    for (const std::atomic<int>& times : ran) require(times == 2, "each task runs once");
  }
}

template <class T>
Lists lesson(const Level& level, const NetCase& c) {
  Pupil<T> pupil(level, c);
  return pupil.train(3);
}

void teams(const std::vector<const Level*>& chosen, long cases) {
  const Level& level = *chosen.back();
  for (long i = 0; i < cases; i++) {
    Dice dice(2'000'000 + i);
    const NetCase a(dice), b(dice);
    begin("team", i, level.name, a);
    b.tell();
    const Lists one = lesson<float>(level, a), two = lesson<double>(level, b);
    Lists other;
    std::thread beside([&] {
      share_out(i, 50);
      other = lesson<double>(level, b);
    });
    const Lists mine = lesson<float>(level, a);
    share_out(i + 1, 50);
    beside.join();
    require(mine == one && other == two, "two callers at once do not disturb each other");
    if (!can_fork || i >= 10) continue;
    std::fflush(stdout);
    const pid_t child = fork();
    if (!child) {
      require(lesson<double>(level, b) == two, "a forked process computes the same");
      share_out(i, 50);
      _exit(0);
    }
    int status = 0;
    require(child > 0 && waitpid(child, &status, 0) == child && status == 0, "a fork goes well");
  }
}

}  // namespace

int main(int n, char** words) {
  const long cases = n > 1 ? std::atol(words[1]) : 100;
  std::vector<const Level*> chosen;
  for (const Level* level : levels()) {
    bool wanted = n < 3;
    for (int i = 2; i < n; i++) wanted |= !std::strcmp(level->name, words[i]);
    if (wanted) chosen.push_back(level);
  }
  require(cases > 0 && !chosen.empty(), "usage: driver [CASES [LEVEL ...]], levels of this processor");
  const struct {
    const char* name;
    void (*walk)(const std::vector<const Level*>&, long);
  } groups[] = {{"layers", layers}, {"nets", nets}, {"teams", teams}};
  for (const auto& group : groups) {
    const auto start = std::chrono::steady_clock::now();
    group.walk(chosen, cases);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    std::printf("%s: %ld cases at %zu levels, %.1f s\n", group.name, cases, chosen.size(),
                took.count());
    std::fflush(stdout);
  }
}
