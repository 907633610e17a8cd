// Augmented rows for Python, which checks shapes and places; see augment.h.
#include "augment.h"

#include "bind.h"

namespace hs {
namespace {

using Whole = Array<const int64_t>;

template <class T>
int64_t axis(const Array<T>& array, size_t number) {
  return static_cast<int64_t>(array.shape(number));
}

template <class T>
void bind_type(nb::module_& m) {
  m.def(
      "add_noise",
      [](uint64_t key, Whole draws, Whole rows, Whole which, Array<const T> size,
         Array<const T> deviations, Array<T> x) {
        const int64_t numbers = static_cast<int64_t>(x.size() / std::max<size_t>(x.shape(0), 1));
        nb::gil_scoped_release free;
        augment::add_noise(key, draws.data(), rows.data(), which.data(), axis(which, 0),
                           size.data(), deviations.data(), axis(deviations, 0), x.data(), numbers);
      },
      nb::arg("key"), nb::arg("draws"), nb::arg("rows"), nb::arg("which"),
      nb::arg("size").noconvert(), nb::arg("deviations").noconvert(), nb::arg("x").noconvert());
  m.def(
      "rows_at",
      [](Array<const T> x, Array<const double> at, Whole steps, Array<T> out) {
        nb::gil_scoped_release free;
        augment::rows_at(x.data(), at.data(), steps.data(), axis(x, 0), axis(x, 1), axis(x, 2),
                         out.data());
      },
      nb::arg("x").noconvert(), nb::arg("at"), nb::arg("steps"), nb::arg("out").noconvert());
  m.def(
      "scale_rows",
      [](Array<T> x, Whole which, Whole steps, Array<const double> curve, Array<const T> means) {
        nb::gil_scoped_release free;
        augment::scale_rows(x.data(), which.data(), steps.data(), curve.data(), axis(which, 0),
                            axis(x, 1), axis(x, 2), means.data());
      },
      nb::arg("x").noconvert(), nb::arg("which"), nb::arg("steps"), nb::arg("curve"),
      nb::arg("means").noconvert());
  m.def(
      "mix_rows",
      [](Array<T> x, Whole which, Array<const T> share, Array<const T> others,
         Maybe<const double> places, Whole steps, Whole own) {
        nb::gil_scoped_release free;
        augment::mix_rows(x.data(), which.data(), share.data(), others.data(), at(places),
                          steps.data(), own.data(), axis(which, 0), axis(x, 1), axis(x, 2));
      },
      nb::arg("x").noconvert(), nb::arg("which"), nb::arg("share").noconvert(),
      nb::arg("others").noconvert(), nb::arg("at").none(), nb::arg("steps"), nb::arg("own"));
  m.def(
      "standardise",
      [](Array<T> x, Whole steps, Array<const bool> some) {
        nb::gil_scoped_release free;
        augment::standardise(x.data(), steps.data(), some.data(), axis(x, 0), axis(x, 1),
                             axis(x, 2));
      },
      nb::arg("x").noconvert(), nb::arg("steps"), nb::arg("some"));
  m.def(
      "pictures_at",
      [](Array<const T> x, Array<const T> cos, Array<const T> sin, Array<const T> middle,
         Maybe<const T> grid, Array<T> out) {
        const augment::Turns<T> turns{cos.data(), sin.data(), middle.data(), at(grid)};
        nb::gil_scoped_release free;
        augment::pictures_at(x.data(), turns, axis(x, 0), axis(x, 1), axis(x, 2), out.data());
      },
      nb::arg("x").noconvert(), nb::arg("cos").noconvert(), nb::arg("sin").noconvert(),
      nb::arg("middle").noconvert(), nb::arg("grid").noconvert().none(),
      nb::arg("out").noconvert());
}

}  // namespace

void bind_augment(nb::module_& all) {
  nb::module_ m = all.def_submodule("augment");
  m.def(
      "hashes",
      [](uint64_t key, Whole draws, Whole rows, Array<uint64_t> out) {
        augment::hashes(key, draws.data(), rows.data(), axis(rows, 0), axis(out, 1), out.data());
      },
      nb::arg("key"), nb::arg("draws"), nb::arg("rows"), nb::arg("out").noconvert());
  m.def(
      "time_map",
      [](Whole steps, Array<const double> shift, Array<const double> cut, Array<const double> begin,
         Maybe<const double> speed, Array<double> out) {
        const augment::Times times{steps.data(), shift.data(), cut.data(), begin.data(), at(speed)};
        nb::gil_scoped_release free;
        augment::time_map(times, axis(out, 0), axis(out, 1), out.data());
      },
      nb::arg("steps"), nb::arg("shift"), nb::arg("cut"), nb::arg("begin"), nb::arg("speed").none(),
      nb::arg("out").noconvert());
  bind_type<float>(m);
  bind_type<double>(m);
}

}  // namespace hs
