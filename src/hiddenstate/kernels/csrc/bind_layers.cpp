// Parts of the Python module that compute without a net: drop-in layers and fixed convolutions.
#include "bind.h"
#include "convolution_rows.h"
#include "layer.h"

namespace hs {
namespace {

// The features of N series (N, C, T) for each dilation, into `out` (N, features): the 84 kernels of
// a dilation with counts[d] biases each, then the next.
void proportions(const std::string& level, Array<const float> x, Array<const int64_t> lengths,
                 Array<const int64_t> dilations, Array<const int64_t> counts,
                 Array<const bool> uses, Array<const float> biases, Array<float> out, int threads) {
  const Level& kernels = level_named(level);
  const int64_t n = static_cast<int64_t>(x.shape(0)), channels = static_cast<int64_t>(x.shape(1));
  const int64_t steps = static_cast<int64_t>(x.shape(2)),
                features = static_cast<int64_t>(out.shape(1));
  const Convolutions all{{dilations.data(), dilations.data() + dilations.size()},
                         {counts.data(), counts.data() + counts.size()},
                         uses.data(),
                         biases.data()};
  nb::gil_scoped_release free;
  share_out(n, threads, [&](int64_t row) {
    convolve_row(kernels, all, x.data() + row * channels * steps, channels, steps,
                 static_cast<int64_t>(lengths.data()[row]), out.data() + row * features, features);
  });
}

// Addresses as integers: a drop-in layer is called often, with little data, by code that has
// checked the tensors.
template <class P>
P* pointer(uintptr_t address) {
  return reinterpret_cast<P*>(address);
}

using Place =
    std::tuple<uintptr_t, int64_t, int64_t>;  // address, strides of sequences and of steps
using Addresses = std::vector<uintptr_t>;     // 0 for null

template <class P>
std::vector<P*> pointers(const Addresses& addresses) {
  std::vector<P*> list;
  for (const uintptr_t address : addresses) list.push_back(pointer<P>(address));
  return list;
}

template <class T>
Batch<T> batch(const Place& p) {
  return {pointer<T>(std::get<0>(p)), std::get<1>(p), std::get<2>(p)};
}

template <class T>
void bind_layer(nb::module_& m, const char* name) {
  using L = Layer<T>;
  nb::class_<L>(m, name)
      .def(
          "__init__",
          [](L* self, const std::string& level, const std::string& cell, int64_t inputs,
             int64_t hidden, int layers, int directions, int64_t states) {
            new (self)
                L(level_named(level), cell_named(cell), inputs, hidden, states, layers, directions);
          },
          nb::arg("level"), nb::arg("cell"), nb::arg("inputs"), nb::arg("hidden"),
          nb::arg("layers"), nb::arg("directions"), nb::arg("states") = 0)
      .def("forward",
           [](L& l, Place x, int64_t rows, int64_t steps, uintptr_t length, uintptr_t place,
              const Addresses& weights, const Addresses& begin, Place y, const Addresses& end,
              int64_t size, bool kept, int threads) {
             nb::gil_scoped_release free;
             l.forward(batch<const T>(x), rows, steps, pointer<const int64_t>(length),
                       pointer<const int64_t>(place), pointers<const T>(weights),
                       states_at(pointers<T>(begin), rows, size), batch<T>(y),
                       states_at(pointers<T>(end), rows, size), kept, threads);
           })
      .def("backward", [](L& l, Place dy, const Addresses& dend, Place dx, const Addresses& dbegin,
                          const Addresses& dweights, int64_t rows, int64_t size, int threads) {
        nb::gil_scoped_release free;
        l.backward(batch<const T>(dy), states_at(pointers<T>(dend), rows, size), batch<T>(dx),
                   states_at(pointers<T>(dbegin), rows, size), pointers<T>(dweights), threads);
      });
}

}  // namespace

void bind_layers(nb::module_& m) {
  m.def("proportions", &proportions, nb::arg("level"), nb::arg("x"), nb::arg("lengths"),
        nb::arg("dilations"), nb::arg("counts"), nb::arg("uses"), nb::arg("biases"),
        nb::arg("out").noconvert(), nb::arg("threads"));
  bind_layer<float>(m, "Layer32");
  bind_layer<double>(m, "Layer64");
}

}  // namespace hs
