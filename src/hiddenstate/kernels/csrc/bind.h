// What the files of the Python module share: arrays of Python as arguments, and what they hold.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "levels.h"
#include "states.h"

namespace hs {

namespace nb = nanobind;

template <class T>
using Array = nb::ndarray<T, nb::c_contig, nb::device::cpu>;
using Any = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;
template <class T>
using Maybe = std::optional<Array<T>>;

template <class T>
T* at(const Maybe<T>& array) {
  return array ? array->data() : nullptr;
}

// The arrays of a state, in the order in which the cell declares them; none for a zero state.
template <class T>
using Arrays = std::vector<Array<T>>;

template <class P, class T>
std::vector<P*> pointers(const Arrays<T>& arrays) {
  std::vector<P*> list;
  for (const Array<T>& array : arrays) list.push_back(array.data());
  return list;
}

// `arrays` must have one for each array of the state, or be empty.
template <class P>
std::vector<P*> checked(std::vector<P*> arrays, int states) {
  if (!arrays.empty() && static_cast<int>(arrays.size()) != states)
    throw nb::value_error("state: expected an array for each that the cell carries");
  return arrays;
}

template <class T>
States<T> states_at(const std::vector<T*>& arrays, int64_t rows, int64_t row) {
  States<T> states{{}, rows, row};
  std::copy(arrays.begin(), arrays.end(), states.at);
  return states;
}

inline const Level& level_named(const std::string& name) {
  for (const Level* level : levels())
    if (name == level->name) return *level;
  throw nb::value_error(("unsupported instruction level: " + name).c_str());
}

// Adds to the module what computes without a net: drop-in layers and fixed convolutions.
void bind_layers(nb::module_& m);

// Adds the module `augment`, which computes augmented rows.
void bind_augment(nb::module_& m);

// Adds nets in integers.
void bind_integers(nb::module_& m);

// Adds the function that reads rows of delimited text.
void bind_rows(nb::module_& m);

}  // namespace hs
