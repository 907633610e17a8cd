// Rows of delimited text for Python: numbers, and the different texts of all other columns.
#include "bind.h"
#include "text_rows.h"

namespace hs {
namespace {

double as_python(const char* number) {
  const double value = PyOS_string_to_double(number, nullptr, nullptr);
  if (PyErr_Occurred()) throw nb::python_error();
  return value;
}

nb::object read_rows(nb::bytes text, const std::string& marks, std::vector<std::string> missing,
                     Array<double> values, Array<int64_t> lines, Array<bool> is_text,
                     Array<bool> plain) {
  const int64_t columns = static_cast<int64_t>(is_text.size());
  const int64_t room = static_cast<int64_t>(std::min(values.shape(0), lines.size()));
  RowBlock block{nullptr,
                 nullptr,
                 marks[0],
                 marks[1],
                 columns,
                 room,
                 as_python,
                 std::move(missing),
                 values.data(),
                 lines.data(),
                 is_text.data(),
                 plain.data(),
                 {}};
  const int64_t rows = block.read(text.c_str(), text.size());
  if (rows < 0) return nb::none();
  nb::dict found;
  for (int64_t j = 0; j < columns; ++j) {
    if (!is_text.data()[j]) continue;
    nb::list list;
    for (const Text& one : block.texts[static_cast<size_t>(j)].all)
      list.append(nb::str(one.data(), one.size()));
    found[nb::int_(j)] = list;
  }
  return nb::make_tuple(rows, found);
}

}  // namespace

void bind_rows(nb::module_& m) {
  m.def("read_rows", &read_rows, nb::arg("text"), nb::arg("marks"), nb::arg("missing"),
        nb::arg("values").noconvert(), nb::arg("lines").noconvert(), nb::arg("is_text").noconvert(),
        nb::arg("plain").noconvert());
}

}  // namespace hs
