#include "probe.h"

#include <chrono>
#include <stdexcept>

#include "levels.h"
#include "perceptron.h"
#include "stack.h"

namespace hs {

namespace {

template <class F>
std::vector<double> timed(int repeats, const F& f) {
  FlushDenormals flush;
  f();
  std::vector<double> seconds;
  for (int i = 0; i < repeats; i++) {
    const auto began = std::chrono::steady_clock::now();
    f();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    seconds.push_back(took.count());
  }
  return seconds;
}

// Memory with small numbers.
struct Numbers : Buffer<float> {
  explicit Numbers(int64_t n) : Buffer<float>(n) {
    for (int64_t i = 0; i < n; i++) at()[i] = static_cast<float>(i * 7919 % 101 - 50) * 2e-3f;
  }
};

// The arrays of an optimiser, and one update of all of them.
struct Optimiser {
  Numbers params, turned, grads, m, v;
  explicit Optimiser(const Places& places)
      : params(places.size), turned(std::max<int64_t>(1, places.turned_size)), grads(places.size),
        m(places.size), v(places.size) {
    for (int64_t i = 0; i < places.size; i++) v.at()[i] *= v.at()[i];
  }
  void update(const Kernels<float>& kernels, const std::vector<Matrix>& matrices) {
    Update<float> u{};
    u.rule = ADAM;
    u.n = params.size();
    u.p = params.at();
    u.g = grads.at();
    u.m = m.at();
    u.v = v.at();
    u.rate = 1e-6;
    u.beta1 = 0.9;
    u.beta2 = 0.999;
    u.eps = 1e-8;
    u.correction1 = u.correction2 = u.scale = 1;
    kernels.update(u);
    for (const Matrix& x : matrices)
      if (x.turned >= 0)
        kernels.turn(params.at() + x.at, x.layout.k(), x.blocks(kernels.lanes), x.layout.gates, 0,
                     x.blocks(kernels.lanes), turned.at() + x.turned);
  }
};

// The gradients of all matrices of a stack or a perceptron, after a backward pass.
template <class F>
void gradients(const Kernels<float>& kernels, const std::vector<Matrix>& matrices,
               const F& outer_of, Buffer<float>& to) {
  for (size_t i = 0; i < matrices.size(); i++) {
    const Matrix& m = matrices[i];
    Outer<float> g = outer_of(i);
    g.blocks = m.blocks(kernels.lanes);
    g.m1 = m.layout.k();
    g.c = to.at() + m.at;
    (m.is_bias ? kernels.column_sums : kernels.outer)(g);
  }
}

std::vector<double> probe_lstm(const Level& level, const std::string& part, int64_t rows,
                               int64_t steps, int64_t inputs, int64_t hidden, int repeats) {
  const Kernels<float>& kernels = *level.f32;
  Places places{kernels.lanes};
  const Stack<float> stack(kernels, places, cell_named("lstm"), inputs, hidden, 1, 1, false);
  Optimiser o(places);
  const Numbers work(stack.work_size(rows, steps, true));
  const Stack<float>::Work w{work.at(), rows, steps, true, nullptr};
  float *params = o.params.at(), *turned = o.turned.at();
  if (part == "forward") return timed(repeats, [&] { stack.forward(params, w, {}); });
  if (part == "back")
    return timed(repeats, [&] { stack.backward(params, turned, w, false, false, nullptr, {}); });
  if (part == "optimiser") return timed(repeats, [&] { o.update(kernels, stack.matrices); });
  const auto outer_of = [&](size_t i) { return stack.gradient(w, i); };
  if (part == "gradients")
    return timed(repeats, [&] { gradients(kernels, stack.matrices, outer_of, o.grads); });
  const int which = part == "input" ? 0 : part == "state" ? 1 : part == "gates" ? 2 : -1;
  if (which < 0) throw std::invalid_argument("unknown part: " + part);
  const Sequence<float> q = stack.sequence(params, w, 0, 0, {});
  return timed(repeats, [&] { level.lstm_part(which, q); });
}

std::vector<double> probe_dense(const Level& level, const std::string& part, int64_t rows,
                                const std::vector<int64_t>& widths, int repeats) {
  const Kernels<float>& kernels = *level.f32;
  Places places{kernels.lanes};
  std::vector<int> activations(widths.size() - 1, TANH);
  activations.back() = SIGMOID;
  const Perceptron<float> net(kernels, places, widths, activations, 1, false, false);
  Optimiser o(places);
  const Numbers x(rows * widths[0]), work(net.work_size(rows, true));
  const Perceptron<float>::Work w{work.at(), rows, {x.at(), widths[0], widths[0]}};
  if (part == "forward")
    return timed(repeats, [&] { net.forward(o.params.at(), w, 0, net.layers()); });
  if (part == "back") return timed(repeats, [&] { net.backward(o.turned.at(), w); });
  if (part == "optimiser") return timed(repeats, [&] { o.update(kernels, net.matrices); });
  if (part != "gradients") throw std::invalid_argument("unknown part: " + part);
  const auto outer_of = [&](size_t i) { return net.weight_gradient(w, i); };
  return timed(repeats, [&] { gradients(kernels, net.matrices, outer_of, o.grads); });
}

}  // namespace

std::vector<double> probe(const Level& level, const std::string& part, int64_t rows, int64_t steps,
                          int64_t inputs, int64_t hidden, const std::vector<int64_t>& widths,
                          int repeats) {
  if (part == "peak") {
    volatile double sink = 0;
    return timed(repeats, [&] { sink = level.multiply_add(steps); });
  }
  if (!widths.empty()) return probe_dense(level, part, rows, widths, repeats);
  return probe_lstm(level, part, rows, steps, inputs, hidden, repeats);
}

}  // namespace hs
