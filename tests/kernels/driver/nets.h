// Tests Net<T>: training steps, predictions, saved states, and stop requests.
#pragma once

#include <atomic>

#include "driver.h"
#include "net.h"

namespace hs::driver {

struct NetCase {
  Shape shape;
  int64_t steps = 0, rows, numbers, answers, batch, taken;
  Kind kind;
  int rule;
  double decay, momentum, clip, rate;
  bool stateful = false;
  std::vector<int64_t> classes, length, order;
  Lists weights;
  List x, targets, counts;  // counts: the weights of rows, or empty

  explicit NetCase(Dice& dice) {
    Shape& s = shape;
    rows = dice.pick({1, 2, 15, 16, 17, 33, 70});
    batch = 1 + dice.below(rows);
    taken = 4;
    if (dice.once_in(3)) {
      dense(dice);
    } else {
      s.cell = random_cell(dice);
      s.layers = 1 + static_cast<int>(dice.below(3));
      s.directions = 1 + static_cast<int>(dice.below(2));
      s.inputs = dice.pick({1, 5, 28});
      s.hidden = std::max(dice.pick<int64_t>({1, 3, 8, 17, 33, 64}), fewest_hidden(s.cell));
      s.states = dice.pick({1, 4, 9, 33});
      s.outputs = dice.pick({1, 2, 10, 17});
      if (cells()[s.cell]->blocks == 1 && dice.once_in(2)) s.rank = dice.pick({1, 3, 20});
      s.every_step = dice.once_in(2);
      s.mean = dice.once_in(2);
      s.classify = !s.every_step && dice.once_in(2);
      steps = rows < 20 && !has_kink(s.cell) && dice.once_in(3) ? dice.pick({100, 101, 196, 291})
                                                                : steps_of_case(dice, rows);
      if (is_lru(s.cell) && steps <= 99 && dice.once_in(2)) steps += most_segment_steps;
      numbers = steps * s.inputs;
      answers = s.outputs * (s.every_step ? steps : 1);
      stateful = dice.once_in(3);
      if (!stateful && dice.once_in(2)) stem(dice);
      if (!stateful && dice.once_in(2)) length.resize(rows);
      for (int64_t& n : length) n = 1 + dice.below(steps);
      if (s.classify)
        for (int64_t i = 0; i < rows; i++) classes.push_back(dice.below(s.outputs));
      else
        targets = dice.numbers(rows * answers);
    }
    if (dice.once_in(2)) counts.resize(rows);
    for (double& count : counts) count = dice.pick({0.0, 0.25, 1.0, 3.0});
    for (int64_t i = 0; i < taken * batch; i++) order.push_back(dice.below(rows));
    kind = dice.pick({BYTES, FLOATS, DOUBLES});
    x = dice.numbers(rows * numbers);
    for (double& value : x) value = kind == BYTES ? std::floor(128 + 128 * value) : (float)value;
    rule = dice.pick({SGD, ADAM, ADAMW});
    decay = dice.pick({0.0, 0.1});
    momentum = dice.pick({0.0, 0.9});
    clip = dice.pick({0.0, 0.5});
    rate = 0.05;
    const Net<double> net(*levels()[0], shape);
    for (size_t i = 0; i < net.arrays(); i++) {
      const Layout& l = net.array(i).layout;
      weights.push_back(dice.numbers(l.in * l.out * l.gates, 1 / std::sqrt(std::max(l.in, l.out))));
    }
    for (size_t i = 0; i < stem_layers(); i++)
      for (double& variance : weights[Stem<double>::each * i + 5]) variance = std::abs(variance);
  }

  void stem(Dice& dice) {
    for (int64_t i = 1 + dice.below(3); i-- > 0;) {
      shape.stem.channels.push_back(dice.pick({1, 3, 8, 17, 33}));
      shape.stem.sizes.push_back(dice.pick({1, 2, 3, 5}));
    }
    if (!shape.every_step) shape.stem.pool = dice.pick({1, 2, 3});
    shape.stem.causal = dice.once_in(2);
  }
  size_t stem_layers() const { return shape.stem.channels.size(); }

  void dense(Dice& dice) {
    Shape& s = shape;
    const int64_t depth = 1 + dice.below(3);
    for (int64_t i = 0; i <= depth; i++) s.widths.push_back(dice.pick({1, 3, 8, 17, 33, 64}));
    const int between = dice.pick({TANH, RELU, SIGMOID});
    for (int64_t i = depth; i-- > 0;) s.widths.push_back(s.widths[i]);
    s.activations.assign(2 * depth, between);
    s.activations[depth - 1] = LINEAR;
    s.activations[2 * depth - 1] = dice.pick({LINEAR, SIGMOID});
    numbers = answers = s.widths[0];
  }

  bool recurrent() const { return shape.layers > 0; }
  bool averages() const { return shape.mean && !shape.every_step; }
  // Whether a row has no influence at all.
  bool out(int64_t row) const { return !counts.empty() && counts[row] == 0 && !stateful; }
  bool kinks() const {
    if (recurrent()) return has_kink(shape.cell) || stem_layers();
    return shape.activations[0] == RELU;
  }
  void tell() const {
    const Shape& s = shape;
    if (recurrent())
      say(" %s, %d layers, %d directions, %" PRId64 " inputs, hidden %" PRId64 ", %" PRId64
          " outputs%s%s%s%s%s",
          cells()[s.cell]->name, s.layers, s.directions, s.inputs, s.hidden, s.outputs,
          s.every_step ? ", every step" : "", s.mean ? ", mean" : "", s.classify ? ", classes" : "",
          stateful ? ", stateful" : "", length.empty() ? "" : ", lengths");
    for (size_t i = 0; i < stem_layers(); i++)
      say(", stem %" PRId64 " of %" PRId64, s.stem.channels[i], s.stem.sizes[i]);
    if (stem_layers()) say(", pool %" PRId64 "%s", s.stem.pool, s.stem.causal ? ", causal" : "");
    if (s.rank) say(", rank %" PRId64, s.rank);
    for (const int64_t width : s.widths) say(" %" PRId64, width);
    for (const int activation : s.activations) say(" /%d", activation);
    say(", %" PRId64 " steps, %" PRId64 " of %" PRId64
        " rows%s, kind %d, rule %d, momentum %g, decay %g, clip %g",
        steps, batch, rows, counts.empty() ? "" : " weighted", kind, rule, momentum, decay, clip);
  }
};

// A stop function that returns true from the given number of calls on.
struct Patience {
  int64_t left;
  std::atomic<bool> stopped{false};
  explicit Patience(int64_t times) : left(times) {}
  static bool ask(void* self, int64_t) {
    Patience& p = *static_cast<Patience*>(self);
    if (p.left-- <= 0) p.stopped = true;
    return p.stopped;
  }
  static bool look(void* self, int64_t) { return static_cast<Patience*>(self)->stopped; }
  Stop stop() { return {ask, look, this}; }
};

// A network and arrays of exactly the right sizes.
template <class T>
struct Pupil {
  const NetCase& c;
  Net<T> net;
  Lesson<T> lesson;
  std::vector<uint8_t> bytes;
  std::vector<float> floats;
  std::vector<double> numbers;
  std::vector<T> targets, counts;

  Pupil(const Level& level, const NetCase& c) : c(c), net(level, c.shape) {
    lesson.x = table(c.x);
    lesson.steps = c.steps;
    targets = as<T>(c.targets);
    lesson.targets = at(targets);
    lesson.classes = c.classes.empty() ? nullptr : c.classes.data();
    lesson.length = c.length.empty() ? nullptr : c.length.data();
    counts = as<T>(c.counts);
    lesson.weights = at(counts);
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
  int64_t states(int64_t rows) const {
    return c.shape.layers * c.shape.directions * rows * net.state_size();
  }
  Arrays<T> arrays(int64_t rows) const {  // for a state
    return Arrays<T>(net.states(), std::vector<T>(states(rows), unset));
  }
  Lists state() const {
    Arrays<T> state = arrays(net.state_rows());
    if (net.state_rows()) net.save_state(pointers<T>(state));
    return doubles(state);
  }
  // Everything that a checkpoint contains.
  Lists all() const {
    Lists lists;
    for (const Lists& part : {save(0), save(1), save(2), state()})
      lists.insert(lists.end(), part.begin(), part.end());
    return lists;
  }

  Ending step(int64_t n, const int64_t* order, double rate, bool reset, int threads, Stop stop,
              double& loss, List* answers = nullptr) {
    std::vector<T> out(answers ? n * c.answers : 0, unset);
    const std::vector<int64_t> rows(order, order + n);
    const Ending ending =
        net.step(lesson, {rows.data(), n, rate, c.clip, 1e-8, reset}, threads, stop, loss, at(out));
    if (answers && ending == DONE) *answers = doubles(out);
    return ending;
  }

  // Runs the steps of the case and returns losses and outputs. With `patience`, each step is first
  // stopped after that many checks.
  Lists train(int threads, int64_t patience = -1) {
    Lists result;
    for (int64_t i = 0; i < c.taken; i++) {
      const int64_t* order = c.order.data() + i * c.batch;
      const bool reset = i == 2;
      const int64_t n = c.stateful || i < 3 ? c.batch : 1 + c.batch / 2;
      double loss = unset;
      List out;
      bool done = false;
      if (patience >= 0) {
        const Lists before = all();
        Patience p(patience + 3 * i);
        done = step(n, order, c.rate, reset, threads, p.stop(), loss, &out) == DONE;
        require(done || all() == before, "a stopped step changes nothing");
      }
      if (!done) done = step(n, order, c.rate, reset, threads, Stop{}, loss, &out) == DONE;
      require(done, "steps are completed");
      result.push_back({loss});
      result.push_back(out);
    }
    return result;
  }

  struct Outcome {
    List out;
    Lists state;
  };
  Outcome predict(const Table& x, int64_t n, int64_t steps, bool lengths, size_t first, size_t last,
                  int64_t width, int threads, const Outcome* from = nullptr) {
    std::vector<T> out(n * width, unset);
    Arrays<T> begin = as<T>(from ? from->state : Lists{}), end = arrays(n);
    const bool done =
        net.predict(x, n, steps, lengths ? lesson.length : nullptr, first, last,
                    states_in(begin, 0, begin.size(), n, net.state_size()), out.data(),
                    states_in(end, 0, end.size(), n, net.state_size()), threads, Stop{});
    require(done, "a prediction without a stop request is completed");
    return {doubles(out), doubles(end)};
  }
};

template <class T>
void check_predictions(Pupil<T>& pupil, const NetCase& c, int threads) {
  const size_t layers = c.recurrent() ? 1 : c.shape.activations.size();
  const auto whole =
      pupil.predict(pupil.lesson.x, c.rows, c.steps, true, 0, layers, c.answers, threads);
  require(all_set({whole.out}) && all_set(whole.state), "every number of a prediction is written");

  std::vector<int64_t> order(c.rows);
  for (int64_t i = 0; i < c.rows; i++) order[i] = i;
  double loss;
  List out;
  require(pupil.step(c.rows, order.data(), 0, true, threads, Stop{}, loss, &out) == DONE,
          "a step with a rate of 0 is completed");
  // With a stem, training normalises by the moments of the batch.
  for (int64_t i = 0; !c.stem_layers() && i < c.rows * c.answers; i++)
    require(c.out(i / c.answers) || out[i] == whole.out[i],
            "training and predicting compute the same outputs");
  if (c.stateful)
    require(pupil.state() == whole.state, "training and predicting end in the same state");

  if (!c.recurrent()) {
    const size_t half = layers / 2;
    const int64_t codes = c.shape.widths[half];
    const auto code = pupil.predict(pupil.lesson.x, c.rows, 0, false, 0, half, codes, threads);
    std::vector<T> given = as<T>(code.out);
    const Table table{given.data(), sizeof(T) == 4 ? FLOATS : DOUBLES, codes};
    const auto back = pupil.predict(table, c.rows, 0, false, half, layers, c.answers, threads);
    require(apart({back.out}, {whole.out}) < 1e-5, "decoding the codes equals predicting");
  } else if (c.shape.directions == 1 && c.steps > 1 && c.length.empty() && !c.stem_layers()) {
    const bool stretches = c.steps > steps_ahead;
    const int64_t cut = stretches ? steps_ahead : c.steps / 2;
    const int64_t early = cut * c.shape.inputs, late = c.numbers - early;
    List parts[2];
    for (int64_t i = 0; i < static_cast<int64_t>(c.x.size()); i++)
      parts[i % c.numbers >= early].push_back(c.x[i]);
    typename Pupil<T>::Outcome outcome;
    for (int i = 0; i < 2; i++) {
      Table table = pupil.table(parts[i]);
      table.numbers = i ? late : early;
      const int64_t steps = table.numbers / c.shape.inputs;
      const int64_t width = c.shape.outputs * (c.shape.every_step ? steps : 1);
      outcome =
          pupil.predict(table, c.rows, steps, false, 0, 1, width, threads, i ? &outcome : nullptr);
    }
    const bool equal = outcome.state == whole.state;
    require(apart(outcome.state, whole.state) < 1e-5, "a state continues a sequence");
    // The tiles of several steps depend on where a stretch or a segment begins.
    const bool in_tiles = cells()[c.shape.cell]->gated() && !stretches;
    require(equal || in_tiles || is_lru(c.shape.cell), "so it does to the last bit");
    List tail;
    const int64_t n = static_cast<int64_t>(outcome.out.size()) / c.rows;
    for (int64_t i = 0; i < c.rows * c.answers; i++)
      if (i % c.answers >= c.answers - n) tail.push_back(whole.out[i]);
    require(c.averages() || apart({outcome.out}, {tail}) < 1e-5,
            "the outputs continue with the state");
    pupil.lesson.x = pupil.table(c.x);
  }
  Patience none(0);
  std::vector<T> nowhere(c.rows * c.answers);
  const bool done = pupil.net.predict(pupil.lesson.x, c.rows, c.steps, nullptr, 0, layers, {},
                                      nowhere.data(), {}, threads, none.stop());
  require(!done, "a prediction can be stopped");
}

// Long sequences that are passed in segments have the same results as whole ones.
template <class T>
void check_segments(const Level& level, const NetCase& c, const Lists& result, Pupil<T>& alone) {
  Lists outcome;
  for (int threads = 1; threads < 4; threads += 2) {
    Pupil<T> pupil(level, c);
    pupil.net.most_bytes = 0;
    require(pupil.train(threads) == result, "segments have the losses and outputs of the whole");
    require(pupil.all() == alone.all(), "segments have the gradients of the whole");
    for (Pupil<T>* one : {&alone, &pupil}) {
      const auto out = one->predict(one->lesson.x, c.rows, c.steps, true, 0, 1, c.answers, threads);
      Lists all = out.state;
      all.push_back(out.out);
      require(one == &alone || all == outcome, "segments predict as the whole");
      outcome = all;
    }
  }
}

// Facts about weights of rows that the gradients do not show.
template <class T>
void check_weights(const Level& level, const NetCase& c, const Lists& result) {
  NetCase other = c;
  if (c.counts.empty()) {
    other.counts.assign(c.rows, 1);
    require(Pupil<T>(level, other).train(2) == result, "weights of 1 change nothing");
    return;
  }
  if (c.stateful) return;
  for (int64_t r = 0; r < c.rows; r++) {
    if (!c.out(r)) continue;
    const int64_t n = static_cast<int64_t>(c.targets.size()) / c.rows;
    for (int64_t i = 0; i < c.numbers; i++)
      other.x[r * c.numbers + i] = c.kind == BYTES ? 7 : i % 2 ? unset : HUGE_VAL;
    for (int64_t i = 0; i < n; i++) other.targets[r * n + i] = unset;
    if (c.shape.classify) other.classes[r] = 0;
  }
  Pupil<T> one(level, c), two(level, other);
  for (int64_t i = 0; i < c.taken; i++) {
    double losses[2] = {unset, unset};
    int at = 0;
    for (Pupil<T>* pupil : {&one, &two})
      require(pupil->step(c.batch, c.order.data() + i * c.batch, c.rate, true, 2, Stop{},
                          losses[at++]) == DONE,
              "weighted steps are completed");
    require(losses[0] == losses[1], "a row of weight 0 counts in no loss");
  }
  require(one.all() == two.all(), "a row of weight 0 changes no weight");
}

template <class T>
Lists net_case(const Level& level, const NetCase& c, Dice dice) {
  Pupil<T> alone(level, c);
  Lists result = alone.train(1);
  for (int threads = 2; threads < 4; threads++) {
    Pupil<T> pupil(level, c);
    require(pupil.train(threads, threads == 2 ? dice.below(30) : -1) == result,
            "losses and outputs are the same for any number of threads");
    require(pupil.all() == alone.all(), "weights are the same for any number of threads");
  }
  // A saved and loaded network continues as the original. So the padding has stayed zero.
  Pupil<T> loaded(level, c);
  loaded.load(0, alone.save(0));
  loaded.load(1, alone.save(1));
  loaded.load(2, alone.save(2));
  loaded.net.updates = alone.net.updates;
  if (alone.net.state_rows()) {
    Arrays<T> state = as<T>(alone.state());
    loaded.net.load_state(pointers<const T>(state), alone.net.state_rows());
  }
  require(loaded.train(2) == alone.train(3), "a loaded network continues as the saved one");
  require(loaded.all() == alone.all(), "a loaded network trains as the saved one");
  if (c.steps > 99) {
    Pupil<T> same(level, c);
    same.train(1);
    check_segments(level, c, result, same);
  }
  check_weights<T>(level, c, result);
  check_predictions(alone, c, 1 + static_cast<int>(dice.below(3)));
  const Lists saved = alone.save(0);
  result.insert(result.end(), saved.begin(), saved.end());
  return result;
}

inline void nets(const std::vector<const Level*>& chosen, int64_t cases) {
  for (int64_t i = 0; i < cases; i++) {
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
    if (c.steps > 99 && !is_lru(c.shape.cell))
      continue;  // differences of so long sequences are inexact
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
    Lists slopes = plus(c.weights, -1, pupil.save(0));
    for (size_t k = 0; k < Stem<double>::each * c.stem_layers(); k++)
      if (!Stem<double>::trained(k)) slopes[k].assign(slopes[k].size(), 0);
    require(slopes_hold(value, c.weights, slopes, direction(c.weights, dice), c.kinks()),
            "an update follows the gradient of the loss");
  }
}

}  // namespace hs::driver
