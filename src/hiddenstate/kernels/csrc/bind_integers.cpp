// Nets in integers for Python: products and recurrent layers of one direction, over shards of rows.
#include <cmath>

#include "bind.h"
#include "memory.h"
#include "team.h"

namespace hs {
namespace {

constexpr int64_t shard = 16;  // rows of a task

class WholeProduct {
 public:
  WholeProduct(const std::string& level, Array<const int8_t> weight, Array<const int32_t> bias,
               Array<const int32_t> multiplier, Array<const int8_t> shift)
      : level_(level_named(level)), outputs_(static_cast<int64_t>(weight.shape(0))) {
    const int64_t lanes = level_.whole_lanes, columns = static_cast<int64_t>(weight.shape(1));
    const int64_t blocks = (outputs_ + lanes - 1) / lanes, pairs = (columns + 1) / 2;
    weight_.assign(blocks * pairs * lanes * 2, 0);
    bias_.assign(blocks * lanes, 0);
    numbers_.assign(4 * blocks * lanes, 0);
    if (bias.size() != weight.shape(0) || multiplier.size() != weight.shape(0) ||
        shift.size() != weight.shape(0))
      throw nb::value_error("product: expected a bias, a multiplier and a shift for each row");
    double *high = numbers_.data(), *low = high + blocks * lanes, *half = low + blocks * lanes,
           *factor = half + blocks * lanes;
    for (int64_t c = 0; c < outputs_; c++) {
      for (int64_t k = 0; k < columns; k++)
        weight_[((c / lanes * pairs + k / 2) * lanes + c % lanes) * 2 + k % 2] =
            weight.data()[c * columns + k];
      const int32_t m = multiplier.data()[c];
      const int n = shift.data()[c];
      bias_[c] = bias.data()[c];
      high[c] = m >> 16;
      low[c] = (m & 65535) / 65536.0;
      half[c] = std::ldexp(1.0, n - 17);
      factor[c] = std::ldexp(1.0, 16 - n);
    }
    about = {columns,      blocks, reinterpret_cast<const int32_t*>(weight_.data()),
             bias_.data(), high,   low,
             half,         factor};
  }
  WholeProduct(const WholeProduct&) = delete;

  int64_t width() const { return about.blocks * level_.whole_lanes; }

  // Rows x [N][columns] to `out` [N][C].
  void of(Array<const int16_t> x, Array<int32_t> out, int threads) const {
    const int64_t n = static_cast<int64_t>(x.shape(0));
    if (static_cast<int64_t>(x.size()) != n * about.columns ||
        static_cast<int64_t>(out.size()) != n * outputs_)
      throw nb::value_error("product: expected rows of its columns and outputs");
    const int16_t* from = x.data();
    int32_t* to = out.data();
    nb::gil_scoped_release free;
    share_out((n + shard - 1) / shard, threads, [&](int64_t number) {
      const int64_t first = number * shard, rows = std::min(shard, n - first);
      std::vector<int32_t> padded(rows * width());
      level_.whole_product(about, from + first * about.columns, rows, about.columns, INT32_MAX,
                           padded.data(), width());
      for (int64_t r = 0; r < rows; r++)
        std::copy_n(padded.data() + r * width(), outputs_, to + (first + r) * outputs_);
    });
  }

  IntegerProduct about;

 private:
  const Level& level_;
  const int64_t outputs_;
  std::vector<int16_t> weight_;
  std::vector<int32_t> bias_;
  std::vector<double> numbers_;
};

class WholeCell {
 public:
  WholeCell(const std::string& level, int kind, int64_t hidden, const nb::list& inputs,
            const nb::list& state, const std::vector<int32_t>& between, std::vector<int> bits,
            const std::vector<int32_t>& most, std::vector<std::vector<int32_t>> own,
            std::vector<int32_t> table)
      : level_(level_named(level)), own_(std::move(own)), table_(std::move(table)) {
    about_.kind = kind;
    about_.hidden = hidden;
    about_.inputs = factors(inputs, between.at(0), most.at(2));
    about_.state = factors(state, between.at(1), most.at(2));
    about_.bits = bits.at(0);
    about_.c_bits = bits.at(1);
    about_.sum_bits = bits.at(2);
    about_.most = most.at(0);
    about_.c_most = most.at(1);
    own_.resize(4);
    for (int i = 0; i < 4; i++) about_.own[i] = own_[i].data();
    about_.table = table_.data();
    about_.sums = padded(*about_.inputs.outer);
    if (padded(*about_.state.outer) != about_.sums || table_.size() != 258)
      throw nb::value_error("cell: expected two products of one size, and a table of 258");
  }
  WholeCell(const WholeCell&) = delete;

  // Rows x [B][T][I] from the states [B][H], which it replaces, to y [B][T][H].
  void sweep(Array<const int16_t> x, Maybe<const int64_t> length, Array<int32_t> h,
             Maybe<int32_t> c, Array<int32_t> y, bool reverse, int threads) const {
    const int64_t n = static_cast<int64_t>(x.shape(0)), T = static_cast<int64_t>(x.shape(1));
    const int64_t inputs = static_cast<int64_t>(x.shape(2)), H = about_.hidden;
    const int64_t columns =
        (about_.inputs.inner ? about_.inputs.inner : about_.inputs.outer)->columns;
    if (inputs != columns || static_cast<int64_t>(h.size()) != n * H ||
        static_cast<int64_t>(y.size()) != n * T * H || (about_.kind == WHOLE_LSTM && !c))
      throw nb::value_error("cell: expected rows of its inputs, and its states");
    const int64_t* lengths = at(length);
    int32_t* cells = at(c);
    nb::gil_scoped_release free;
    share_out((n + shard - 1) / shard, threads, [&](int64_t number) {
      const int64_t first = number * shard, rows = std::min(shard, n - first);
      std::vector<int32_t> memory(rows * (2 * about_.sums + about_.wide + H + between_));
      level_.whole_sweep(
          about_, {rows, T, inputs, reverse, lengths ? lengths + first : nullptr,
                   x.data() + first * T * inputs, h.data() + first * H,
                   cells ? cells + first * H : nullptr, y.data() + first * T * H, memory.data()});
    });
  }

 private:
  int64_t padded(const IntegerProduct& product) const {
    return product.blocks * level_.whole_lanes;
  }

  IntegerFactors factors(const nb::list& products, int32_t most, int32_t largest) {
    IntegerFactors all{nullptr, nullptr, most, largest};
    for (nb::handle one : products) {
      held_.push_back(nb::borrow(one));
      (all.outer ? all.inner : all.outer) = &nb::cast<WholeProduct&>(one).about;
    }
    if (!all.outer) throw nb::value_error("cell: expected one product or two");
    if (all.inner) {
      about_.wide = std::max(about_.wide, padded(*all.inner));
      between_ = std::max(between_, all.outer->columns);
    }
    return all;
  }

  const Level& level_;
  IntegerCell about_{};
  int64_t between_ = 0;
  std::vector<std::vector<int32_t>> own_;
  std::vector<int32_t> table_;
  std::vector<nb::object> held_;
};

}  // namespace

void bind_integers(nb::module_& m) {
  nb::class_<WholeProduct>(m, "WholeProduct")
      .def(nb::init<const std::string&, Array<const int8_t>, Array<const int32_t>,
                    Array<const int32_t>, Array<const int8_t>>(),
           nb::arg("level"), nb::arg("weight"), nb::arg("bias"), nb::arg("multiplier"),
           nb::arg("shift"))
      .def("of", &WholeProduct::of, nb::arg("x"), nb::arg("out").noconvert(), nb::arg("threads"));
  nb::class_<WholeCell>(m, "WholeCell")
      .def(nb::init<const std::string&, int, int64_t, const nb::list&, const nb::list&,
                    const std::vector<int32_t>&, std::vector<int>, const std::vector<int32_t>&,
                    std::vector<std::vector<int32_t>>, std::vector<int32_t>>(),
           nb::arg("level"), nb::arg("kind"), nb::arg("hidden"), nb::arg("inputs"),
           nb::arg("state"), nb::arg("between"), nb::arg("bits"), nb::arg("most"), nb::arg("own"),
           nb::arg("table"))
      .def("sweep", &WholeCell::sweep, nb::arg("x"), nb::arg("length").none(),
           nb::arg("h").noconvert(), nb::arg("c").none().noconvert(), nb::arg("y").noconvert(),
           nb::arg("reverse"), nb::arg("threads"));
}

}  // namespace hs
