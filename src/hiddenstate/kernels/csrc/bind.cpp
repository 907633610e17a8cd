// The Python module of the kernels: arrays in, arrays out. Python checks the arguments.
#include <atomic>
#include <chrono>
#include <stdexcept>

#include "bind.h"
#include "net.h"
#include "probe.h"
#include "stepper.h"

using namespace hs;

namespace {

// Bits, and the largest number of steps.
using GridPair = std::tuple<int, int64_t>;

// Calls a Python function now and then to learn whether to stop. Only the calling thread calls it;
// the others read its last answer.
class Asker {
 public:
  explicit Asker(nb::object callable) : callable_(std::move(callable)) {}
  Stop stop() {
    if (callable_.is_none()) return {};
    return {&Asker::ask, &Asker::look, this};
  }
  bool stopped() const { return stopped_; }
  // After the call, with Python's lock held: raises again what the callable raised.
  void rethrow() {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  static bool look(void* self, int64_t) {
    return static_cast<Asker*>(self)->stopped_.load(std::memory_order_relaxed);
  }
  static bool ask(void* self, int64_t work) { return static_cast<Asker*>(self)->ask(work); }
  bool ask(int64_t work) {
    if (stopped_.load(std::memory_order_relaxed)) return true;
    if ((left_ -= work) > 0) return false;
    left_ = multiplications;
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < pause) return false;
    last_ = now;
    nb::gil_scoped_acquire lock;
    try {
      stopped_ = nb::cast<bool>(callable_());
    } catch (...) {
      error_ = std::current_exception();
      stopped_ = true;
    }
    return stopped_;
  }

  static constexpr int64_t multiplications = 20'000'000;  // a few milliseconds
  static constexpr std::chrono::milliseconds pause{50};
  nb::object callable_;
  std::atomic<bool> stopped_{false};
  std::exception_ptr error_;
  int64_t left_ = multiplications;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

Table table_of(const Any& x, int64_t numbers) {
  if (x.dtype() == nb::dtype<uint8_t>()) return {x.data(), BYTES, numbers};
  if (x.dtype() == nb::dtype<float>()) return {x.data(), FLOATS, numbers};
  if (x.dtype() == nb::dtype<double>()) return {x.data(), DOUBLES, numbers};
  throw nb::type_error("expected uint8, float32 or float64");
}

// A network and the data it trains on, which is kept alive as long as the network.
template <class T>
struct Learner {
  Net<T> net;
  Lesson<T> lesson;
  std::vector<nb::object> held;
  std::vector<T> over, under;     // what the lesson points to
  std::vector<int64_t> counting;  // 0, 1, 2, ...

  Learner(const std::string& level, Shape shape) : net(level_named(level), std::move(shape)) {}

  void teach(Any x, int64_t steps, Maybe<const int64_t> classes, Maybe<const T> targets,
             Maybe<const int64_t> length, bool stateful, Maybe<const T> weights,
             Maybe<const T> soft, Maybe<const int32_t> counts_from) {
    int64_t numbers = 1;
    for (size_t i = 1; i < x.ndim(); i++) numbers *= static_cast<int64_t>(x.shape(i));
    lesson.x = table_of(x, numbers);
    lesson.steps = steps;
    lesson.classes = at(classes);
    lesson.targets = at(targets);
    lesson.length = at(length);
    lesson.counts_from = at(counts_from);
    lesson.weights = at(weights);
    lesson.soft = at(soft);
    lesson.stateful = stateful;
    held = {nb::cast(x),       nb::cast(classes), nb::cast(targets),    nb::cast(length),
            nb::cast(weights), nb::cast(soft),    nb::cast(counts_from)};
  }

  std::tuple<int64_t, int> train(Array<const int64_t> rows, Array<const int64_t> sizes,
                                 Array<const double> rates, Array<const double> clips,
                                 Array<const double> eps, Array<const bool> resets,
                                 Maybe<const uint64_t> keys, Array<double> losses, Maybe<T> outputs,
                                 int threads, nb::object ask) {
    Asker asker(std::move(ask));
    const int64_t* row = rows.data();
    T* out = at(outputs);
    const Shape& shape = net.shape();
    const int64_t answers = shape.outputs * (shape.every_step ? lesson.steps : 1);
    const int64_t n = static_cast<int64_t>(sizes.size());
    int64_t taken = 0;
    int ending = DONE;
    {
      nb::gil_scoped_release free;
      std::lock_guard<std::mutex> lock(net.guard());
      for (int64_t i = 0; i < n; i++) {
        const int64_t size = sizes.data()[i];
        const Orders orders{row,
                            size,
                            rates.data()[i],
                            clips.data()[i],
                            eps.data()[i],
                            resets.data()[i],
                            keys ? at(keys) + 2 * i : nullptr};
        ending = net.step(lesson, orders, threads, asker.stop(), losses.data()[i], out);
        if (ending == STOPPED) break;
        taken++;
        if (ending == NOT_FINITE) break;
        row += size;
        if (out) out += size * answers;
      }
    }
    asker.rethrow();
    return {taken, ending};
  }

  // One step on the given rows; the state is carried if the lesson says so.
  double step(Any x, Any y, double rate, double clip, double eps, int threads,
              Maybe<const uint64_t> key) {
    Lesson<T> now = lesson;
    const Shape& shape = net.shape();
    const int64_t n = static_cast<int64_t>(x.shape(0));
    now.x = table_of(x, lesson.x.numbers);
    now.length = nullptr;
    now.counts_from = nullptr;
    now.weights = now.soft = nullptr;
    int64_t answers =
        shape.classify ? n : n * shape.outputs * (shape.every_step ? lesson.steps : 1);
    if (shape.layers == 0) answers = 0;  // rows are their own targets
    const bool fits = y.dtype() == (shape.classify ? nb::dtype<int64_t>() : nb::dtype<T>());
    if (static_cast<int64_t>(x.size()) != n * lesson.x.numbers)
      throw nb::value_error("x: expected rows of the shape that the engine was made with");
    if (answers && (!fits || static_cast<int64_t>(y.size()) != answers))
      throw nb::value_error("y: expected int64 classes, or targets in the network's float type");
    if (shape.classify)
      now.classes = static_cast<const int64_t*>(y.data());
    else
      now.targets = static_cast<const T*>(y.data());
    double loss = 0;
    nb::gil_scoped_release free;
    std::lock_guard<std::mutex> lock(net.guard());
    for (int64_t i = static_cast<int64_t>(counting.size()); i < n; i++) counting.push_back(i);
    net.step(now, {counting.data(), n, rate, clip, eps, false, at(key)}, threads, Stop{}, loss,
             nullptr);
    return loss;
  }

  bool predict(Any x, int64_t steps, Maybe<const int64_t> length, size_t first, size_t last,
               const Arrays<T>& begin, Array<T> out, const Arrays<T>& end, int threads,
               nb::object ask) {
    const auto from = checked(pointers<T>(begin), net.states());
    const auto to = checked(pointers<T>(end), net.states());
    Asker asker(std::move(ask));
    const int64_t n = static_cast<int64_t>(x.shape(0)), row = net.state_size();
    int64_t numbers = 1;
    for (size_t i = 1; i < x.ndim(); i++) numbers *= static_cast<int64_t>(x.shape(i));
    const Table table = table_of(x, numbers);
    bool done;
    {
      nb::gil_scoped_release free;
      std::lock_guard<std::mutex> lock(net.guard());
      done = net.predict(table, n, steps, at(length), first, last, states_at(from, n, row),
                         out.data(), states_at(to, n, row), threads, asker.stop());
    }
    asker.rethrow();
    return done;
  }
};

template <class T>
void bind_learner(nb::module_& m, const char* name) {
  using L = Learner<T>;
  nb::class_<L>(m, name)
      .def(
          "__init__",
          [](L* self, const std::string& level, const std::string& cell, int layers, int directions,
             int64_t inputs, int64_t hidden, int64_t outputs, bool every_step, bool mean,
             std::vector<int64_t> widths, std::vector<int> activations, bool classify,
             double dropout, std::vector<int64_t> stem, std::vector<int64_t> stem_sizes,
             int64_t pool, bool causal, int64_t rank, int64_t states) {
            Shape s;
            if (layers) s.cell = cell_named(cell);
            s.layers = layers;
            s.directions = directions;
            s.inputs = inputs;
            s.hidden = hidden;
            s.states = states;
            s.outputs = outputs;
            s.every_step = every_step;
            s.mean = mean;
            s.widths = std::move(widths);
            s.activations = std::move(activations);
            s.classify = classify;
            s.dropout = dropout;
            s.rank = rank;
            s.stem = {std::move(stem), std::move(stem_sizes), pool, causal};
            new (self) L(level, std::move(s));
          },
          nb::kw_only(), nb::arg("level"), nb::arg("cell") = "", nb::arg("layers") = 0,
          nb::arg("directions") = 1, nb::arg("inputs") = 0, nb::arg("hidden") = 0,
          nb::arg("outputs") = 0, nb::arg("every_step") = false, nb::arg("mean") = false,
          nb::arg("widths") = std::vector<int64_t>{}, nb::arg("activations") = std::vector<int>{},
          nb::arg("classify") = false, nb::arg("dropout") = 0.0,
          nb::arg("stem") = std::vector<int64_t>{}, nb::arg("stem_sizes") = std::vector<int64_t>{},
          nb::arg("pool") = 1, nb::arg("causal") = false, nb::arg("rank") = 0,
          nb::arg("states") = 0)
      .def("load",
           [](L& l, int which, size_t i, Array<const T> a) {
             nb::gil_scoped_release free;  // before the lock: its holder may wait for Python
             std::lock_guard<std::mutex> lock(l.net.guard());
             l.net.load(which, i, a.data());
           })
      .def(
          "save",
          [](L& l, int which, size_t i, Array<T> a) {
            nb::gil_scoped_release free;
            std::lock_guard<std::mutex> lock(l.net.guard());
            l.net.save(which, i, a.data());
          },
          nb::arg(), nb::arg(), nb::arg().noconvert())
      .def(
          "load_state",
          [](L& l, const Arrays<const T>& state) {
            const auto from = checked(pointers<const T>(state), l.net.states());
            nb::gil_scoped_release free;
            std::lock_guard<std::mutex> lock(l.net.guard());
            l.net.load_state(from, from.empty() ? 0 : static_cast<int64_t>(state[0].shape(1)));
          },
          nb::arg("state"))
      .def(
          "save_state",
          [](L& l, const Arrays<T>& state) {
            const auto to = checked(pointers<T>(state), l.net.states());
            nb::gil_scoped_release free;
            std::lock_guard<std::mutex> lock(l.net.guard());
            l.net.save_state(to);
          },
          nb::arg("state").noconvert())
      .def(
          "quantise",
          // Grids are pairs of bits and the largest number of steps, 0 for none; of a layer there
          // are those of h, c and what stands between factors, and the bits of sums.
          [](L& l, GridPair inputs, const std::vector<GridPair>& stem,
             const std::vector<std::tuple<GridPair, GridPair, GridPair, GridPair, int>>& layers,
             const std::vector<GridPair>& dense) {
            const auto grid = [](const GridPair& of) {
              return grid_of<T>(std::get<0>(of), static_cast<double>(std::get<1>(of)));
            };
            Grids<T> all;
            all.inputs = grid(inputs);
            for (const GridPair& of : stem) all.stem.push_back(grid(of));
            for (const auto& [h, c, read, hidden, sums] : layers)
              all.layers.push_back({grid(h), grid(c), grid(read), grid(hidden),
                                    grid_of<T>(sums, 1).shift, grid_of<T>(15, 1).shift});
            for (const GridPair& of : dense) all.dense.push_back(grid(of));
            const Shape& shape = l.net.shape();
            const size_t widths = shape.widths.size();
            if (static_cast<int>(layers.size()) != shape.layers ||
                stem.size() != shape.stem.channels.size() ||
                dense.size() != (widths > 2 ? widths - 2 : 0))
              throw nb::value_error("quantise: expected a grid for each layer");
            nb::gil_scoped_release free;
            std::lock_guard<std::mutex> lock(l.net.guard());
            l.net.quantise(all);
          },
          nb::arg("inputs"), nb::arg("stem"), nb::arg("layers"), nb::arg("dense"))
      .def_prop_ro("state_rows", [](L& l) { return l.net.state_rows(); })
      .def_prop_rw(
          "updates", [](L& l) { return l.net.updates; }, [](L& l, int64_t n) { l.net.updates = n; })
      .def_prop_rw(
          "sparse", [](L& l) { return l.net.sparse; }, [](L& l, bool is) { l.net.sparse = is; })
      .def_prop_rw(
          "most_bytes", [](L& l) { return l.net.most_bytes; },
          [](L& l, int64_t n) { l.net.most_bytes = n; })
      // Python without its lock takes that of the object for what changes the lesson.
      .def("teach", &L::teach, nb::lock_self(), nb::arg("x"), nb::arg("steps"),
           nb::arg("classes").none(), nb::arg("targets").none(), nb::arg("length").none(),
           nb::arg("stateful"), nb::arg("weights") = nb::none(), nb::arg("soft") = nb::none(),
           nb::arg("counts_from") = nb::none())
      .def(
          "rule",
          [](L& l, int rule, double beta1, double beta2, double decay, double momentum,
             double smooth, double temperature, double hard) {
            l.lesson.rule = rule;
            l.lesson.beta1 = beta1;
            l.lesson.beta2 = beta2;
            l.lesson.decay = decay;
            l.lesson.momentum = momentum;
            l.lesson.smooth = smooth;
            l.lesson.temperature = temperature;
            l.lesson.hard = hard;
          },
          nb::lock_self(), nb::arg("rule"), nb::arg("beta1"), nb::arg("beta2"), nb::arg("decay"),
          nb::arg("momentum"), nb::arg("smooth"), nb::arg("temperature") = 1.0,
          nb::arg("hard") = 1.0)
      .def(
          "loss",
          [](L& l, int loss, std::vector<T> over, std::vector<T> under, double emphasis) {
            const size_t n = loss == ABSOLUTE || loss == EMPHASISED ? l.net.shape().outputs : 0;
            if (over.size() < n || (loss == ABSOLUTE && under.size() < n))
              throw nb::value_error("loss: expected a factor for each output");
            l.over = std::move(over);
            l.under = std::move(under);
            l.lesson.loss = loss;
            l.lesson.over = l.over.data();
            l.lesson.under = l.under.data();
            l.lesson.emphasis = emphasis;
          },
          nb::lock_self(), nb::arg("loss"), nb::arg("over"), nb::arg("under"),
          nb::arg("emphasis") = 0.0)
      .def("train", &L::train, nb::arg("rows"), nb::arg("sizes"), nb::arg("rates"),
           nb::arg("clips"), nb::arg("eps"), nb::arg("resets"), nb::arg("keys").none(),
           nb::arg("losses").noconvert(), nb::arg("outputs").none().noconvert(), nb::arg("threads"),
           nb::arg("ask").none())
      .def("step", &L::step, nb::arg("x"), nb::arg("y"), nb::arg("rate"), nb::arg("clip"),
           nb::arg("eps"), nb::arg("threads"), nb::arg("key").none() = nb::none())
      .def("predict", &L::predict, nb::arg("x"), nb::arg("steps"), nb::arg("length").none(),
           nb::arg("first"), nb::arg("last"), nb::arg("begin").noconvert(),
           nb::arg("out").noconvert(), nb::arg("end").noconvert(), nb::arg("threads"),
           nb::arg("ask").none());
}

// A stepper, and the network and the arrays that it uses.
template <class T>
struct Steps {
  Stepper<T> stepper;
  std::mutex& guard;
  int threads;
  std::vector<nb::object> held;

  bool advance(Any x, bool raw, Maybe<const bool> active, Array<T> out) {
    const bool doubles = x.dtype() == nb::dtype<double>();
    const bool pixels = x.dtype() == nb::dtype<uint8_t>();
    if (!doubles && !pixels && x.dtype() != nb::dtype<T>())
      throw nb::type_error("x: expected float64 or uint8");
    const int64_t row = stepper.inputs(), n = static_cast<int64_t>(x.shape(0));
    const int64_t steps = n ? static_cast<int64_t>(x.size()) / (n * row) : 0;
    if (n * steps * row != static_cast<int64_t>(x.size()) ||
        static_cast<int64_t>(out.size()) != stepper.rows() * steps * stepper.answers())
      throw nb::value_error("x and out: expected rows of inputs and of answers");
    const auto* which = reinterpret_cast<const uint8_t*>(at(active));
    nb::gil_scoped_release free;
    std::lock_guard<std::mutex> lock(guard);
    if (pixels)
      return stepper.advance(static_cast<const uint8_t*>(x.data()), raw, steps, which, out.data(),
                             threads);
    if (doubles)
      return stepper.advance(static_cast<const double*>(x.data()), raw, steps, which, out.data(),
                             threads);
    return stepper.advance(static_cast<const T*>(x.data()), raw, steps, which, out.data(), threads);
  }
};

template <class T>
using Pair = std::tuple<std::vector<T>, std::vector<T>>;

template <class T>
void bind_stepper(nb::module_& m, const char* name) {
  using S = Steps<T>;
  using Mean = std::optional<std::tuple<Array<double>, Array<int64_t>>>;  // sum and count
  using Stem = std::vector<std::tuple<Array<const T>, Array<const T>>>;   // weight and bias
  nb::class_<S>(m, name)
      .def(
          "__init__",
          [](S* self, nb::object learner, const Arrays<T>& state, const Mean& mean,
             const Arrays<T>& stem_state, Maybe<int64_t> phase, const Stem& stem, int64_t pool,
             const Pair<double>& scaling, double limit, const std::vector<double>& largest,
             const Pair<T>& head, const std::vector<int64_t>& change,
             const Pair<double>& target_scaling, bool probabilities, int threads) {
            Net<T>& net = nb::cast<Learner<T>&>(learner).net;
            if (state.empty()) throw nb::value_error("state: expected arrays");
            std::vector<nb::object> held{learner, nb::cast(mean), nb::cast(phase)};
            for (const Arrays<T>* arrays : {&state, &stem_state})
              for (const Array<T>& array : *arrays) held.push_back(nb::cast(array));
            std::vector<typename StemSteps<T>::Layer> layers;
            for (const auto& [weight, bias] : stem)
              layers.push_back({static_cast<int64_t>(weight.shape(0)),
                                static_cast<int64_t>(weight.shape(1)),
                                static_cast<int64_t>(weight.shape(2)), weight.data(), bias.data()});
            StemSteps<T> steps(net.kernels(), layers, pool);
            Carried<T> carried{checked(pointers<T>(state), net.states())};
            if (mean) carried.sum = std::get<0>(*mean).data();
            if (mean) carried.count = std::get<1>(*mean).data();
            carried.stem = steps.remembered(pointers<T>(stem_state), at(phase));
            const auto& [offset, factor] = scaling;
            const auto& [target_offset, target_factor] = target_scaling;
            const auto& [weights, biases] = head;
            const Meaning<T> meaning{offset, factor, limit,         largest,       weights,
                                     biases, change, target_offset, target_factor, probabilities};
            new (self) S{Stepper<T>(net, std::move(steps), meaning,
                                    static_cast<int64_t>(state[0].shape(1)), std::move(carried)),
                         net.guard(), threads, std::move(held)};
          },
          nb::arg("learner"), nb::arg("state").noconvert(), nb::arg("mean").none().noconvert(),
          nb::arg("stem_state").noconvert(), nb::arg("phase").none().noconvert(), nb::kw_only(),
          nb::arg("stem"), nb::arg("pool"), nb::arg("scaling"), nb::arg("limit"),
          nb::arg("largest"), nb::arg("head"), nb::arg("change"), nb::arg("target_scaling"),
          nb::arg("probabilities"), nb::arg("threads"))
      .def("advance", &S::advance, nb::arg("x"), nb::arg("raw"), nb::arg("active").none(),
           nb::arg("out").noconvert());
}

}  // namespace

NB_MODULE(_native, m) {
  // A torch graph that lives until the process ends keeps its layer; that is not a leak.
  nb::set_leak_warnings(false);
  m.def("levels", [] {
    std::vector<std::string> names;
    for (const Level* level : levels()) names.push_back(level->name);
    return names;
  });
  // Each cell's number of blocks and of arrays in its state, and the names and axes of its own
  // arrays: what program/cells.py declares.
  m.def("cells", [] {
    nb::dict list;
    for (const Declaration* cell : cells()) {
      std::vector<std::tuple<std::string, std::string>> own;
      for (int i = 0; i < cell->owned(); i++)
        own.emplace_back(cell->own.at[i].name, std::string(1, cell->own.at[i].axis));
      list[cell->name] = nb::make_tuple(cell->blocks, cell->states, own);
    }
    return list;
  });
  // For benchmarks: seconds of a part of a step, and what a turn of "peak" multiplies and adds.
  m.def(
      "probe",
      [](const std::string& level, const std::string& part, int64_t rows, int64_t steps,
         int64_t inputs, int64_t hidden, const std::vector<int64_t>& widths, int repeats) {
        return probe(level_named(level), part, rows, steps, inputs, hidden, widths, repeats);
      },
      nb::arg("level"), nb::arg("part"), nb::arg("rows") = 16, nb::arg("steps") = 28,
      nb::arg("inputs") = 28, nb::arg("hidden") = 64, nb::arg("widths") = std::vector<int64_t>{},
      nb::arg("repeats") = 1);
  m.def("peak_operations", [](const std::string& level) {
    const Level& one = level_named(level);
    return 2 * one.chains * one.f32->lanes;
  });
  bind_learner<float>(m, "Learner32");
  bind_learner<double>(m, "Learner64");
  bind_stepper<float>(m, "Stepper32");
  bind_stepper<double>(m, "Stepper64");
  bind_layers(m);
  bind_augment(m);
  bind_rows(m);
  bind_integers(m);
}
