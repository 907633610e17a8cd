// A stack of layers over one shard, whatever its cell, as nets and drop-in layers use it.
#pragma once

#include <algorithm>
#include <vector>

#include "contract.h"
#include "dropout.h"
#include "memory.h"
#include "team.h"

namespace hs {

// A multiple of the rows of every tile: of segments of so many rows, all products are in the tiles
// of a whole sequence.
constexpr int64_t whole_tiles = 48;

// The number of multiplications below which another thread costs more time than it saves.
constexpr double worth_a_thread = 4e5;

// A weight matrix or bias and its position in flat memory.
struct Matrix {
  Layout layout;
  int64_t at, size;
  int64_t turned = -1, turned_size = 0;  // position of the transposed matrix, -1 if there is none
  bool is_bias = false;
  bool decays = true;  // whether weight decay applies
  int64_t blocks(int64_t lanes) const {
    const int64_t rows = layout.rows_of_part();
    return layout.out / rows * (rounded_up(rows, lanes) / lanes);
  }
};

// Some blocks of a matrix, and the inputs in [m0, m1).
struct Part {
  int64_t block, blocks, m0, m1;
};

// Computes a part of a matrix or bias at `c`, or adds to it; what else the sums are of is in `o`.
template <class T>
void add_up(const Kernels<T>& kernels, bool is_bias, Outer<T> o, const Part& part, T* c, bool add) {
  o.block = part.block;
  o.blocks = part.blocks;
  o.m0 = part.m0;
  o.m1 = part.m1;
  o.c = c;
  o.add = add;
  (is_bias ? kernels.column_sums : kernels.outer)(o);
}

// Assigns positions in flat memory to matrices, one after the other.
struct Places {
  int64_t lanes, size = 0, turned_size = 0;

  Matrix weight(int64_t in, int64_t out, int gates, bool turned) {
    Matrix m{};
    m.layout = {in, out, gates, 0, in, in};
    return place(m, turned);
  }
  // A weight whose inputs are parts of `part` numbers, each padded to whole vectors.
  Matrix padded_weight(int64_t in, int64_t out, int gates, int first, int64_t part, bool turned) {
    Matrix m{};
    m.layout = {in, out, gates, first, part, rounded_up(part, lanes)};
    return place(m, turned);
  }
  // As `padded_weight`, of one gate, with `outs` parts of `out` rows.
  Matrix parted_weight(int64_t in, int64_t out, int64_t part, int outs) {
    Matrix m{};
    m.layout = {in, outs * out, 1, 0, part, rounded_up(part, lanes), out};
    return place(m, true);
  }
  Matrix parted_bias(int64_t out, int outs) {
    Matrix m{};
    m.layout = {1, outs * out, 1, 0, 1, 1, out};
    m.is_bias = true;
    return place(m, false);
  }
  Matrix bias(int64_t out, int gates, int first) {
    Matrix m{};
    m.layout = {1, out, gates, first, 1, 1};
    m.is_bias = true;
    return place(m, false);
  }
  // A weight with the inputs of another one, and one block.
  Matrix of_same_inputs(const Layout& other, int64_t out) {
    Matrix m{};
    m.layout = {other.in, out, 1, 0, other.part, other.padded};
    return place(m, true);
  }

 private:
  Matrix place(Matrix m, bool turned) {
    const int64_t columns = m.blocks(lanes) * m.layout.gates * lanes;
    m.at = size;
    m.size = m.layout.k() * columns;
    size += m.size;
    if (turned) {
      m.turned = turned_size;
      m.turned_size = rounded_up(m.layout.k(), lanes) * columns;
      turned_size += m.turned_size;
    }
    return m;
  }
};

template <class T>
class AnyStack {
 public:
  int layers, directions;
  int64_t inputs, hidden, width;    // width: the hidden size padded
  int64_t state_size, state_width;  // numbers of a row in each array of a state; the same padded
  std::vector<Matrix> matrices;     // of each layer and direction: the cell's arrays in order
  std::vector<CellGrids<T>> grids;  // of each layer, or none
  // For each matrix, the two whose product it is, if what stands between them is rounded.
  struct Factors {
    const Matrix *out = nullptr, *in = nullptr;
  };
  std::vector<Factors> factors;

  AnyStack(const Kernels<T>& kernels, int64_t inputs, int64_t hidden, int layers, int directions,
           int states, int64_t state_size)
      : layers(layers), directions(directions), inputs(inputs), hidden(hidden),
        width(rounded_up(hidden, kernels.lanes)), state_size(state_size),
        state_width(rounded_up(state_size, kernels.lanes)), kernels_(kernels), states_(states) {}
  virtual ~AnyStack() = default;
  AnyStack(const AnyStack&) = delete;

  // The working memory of a shard. The caller fills `x` before forward(); `kept` says whether
  // backward() will follow.
  struct Work {
    T* at;
    int64_t rows, steps;
    bool kept;
    const int64_t* length;
    Dropout dropout = {};
    int threads = 1;           // for this shard, which is then the only one
    bool in_torch = false;     // between torch's own operations
    bool whole_output = true;  // whether top_output() is read, and not top_last() alone
    // Of sequences that are passed in segments, where the sums of own arrays of a direction are, or
    // null; see Sequence.
    T* sums[2] = {};
    bool resumes = false, pauses = false;
  };
  virtual int64_t work_size(int64_t rows, int64_t steps, bool kept, bool dropout = false) const = 0;

  // Sequences can be passed in segments of so many steps, one after the other, with the same
  // numbers as at once.
  virtual int64_t segment_steps(int64_t rows, int64_t steps) const = 0;
  // The number of these segments. The last has at least four steps: fewer rows could be in other
  // tiles.
  virtual int64_t segments(int64_t rows, int64_t steps) const {
    return std::max<int64_t>(1, (steps - 4) / segment_steps(rows, steps) + 1);
  }
  // How many times more memory whole sequences may take before they are passed in segments.
  virtual int64_t segments_cost() const { return 1; }
  // Whether backward() itself adds up the gradient of a matrix, and numbers of a layer and
  // direction in these sums.
  virtual bool is_summed(size_t index) const = 0;
  virtual int64_t sums_size() const = 0;
  // Whether what the last layer gives is the first array of its state.
  virtual bool carries_output() const = 0;

  // How many arrays the cell carries.
  int states() const { return states_; }

  // Whether a matrix multiplies the inputs of the first layer.
  virtual bool reads_inputs(size_t index) const = 0;

  T* x(const Work& w) const { return w.at; }
  // An array of the state before the first step that is read, and after the last: R rows.
  virtual T* first_state(const Work& w, int layer, int d, int i) const = 0;
  virtual T* last_state(const Work& w, int layer, int d, int i) const = 0;
  // Gradients of the last state, which backward() replaces by those of the initial state.
  virtual T* dstate(const Work& w, int layer, int d, int i) const = 0;
  // Of the last layer: its output over all steps, and after the last step that is read; and the
  // gradients of these, [directions][T*R] rows, and R rows of each direction.
  virtual Rows<const T> top_output(const Work& w) const = 0;
  virtual Rows<const T> top_last(const Work& w) const = 0;
  virtual T* top_dy(const Work& w) const = 0;
  virtual T* top_dlast(const Work& w, int d) const = 0;

  virtual void forward(const T* params, const Work& w, Stop stop) const = 0;
  // Starts from the gradients of the last state, top_dlast() and, if `has_dy` is set, top_dy().
  // `dx` is T*R padded rows of inputs, or null.
  virtual void backward(const T* params, const T* turned, const Work& w, bool has_dy,
                        bool wants_first, T* dx, Stop stop) const = 0;

  // Writes the gradient of a part of a matrix in this shard into the panels `c`, or adds it.
  virtual void give_gradient(const Work& w, size_t index, const Part& part, T* c,
                             bool add) const = 0;
  // The same of a factor of a matrix: the one that reads, or the other.
  virtual void give_factor_gradient(const Work&, size_t, bool /*reads*/, const Part&, T*,
                                    bool) const {}

 protected:
  const Kernels<T>& kernels_;

 private:
  int states_;
};

}  // namespace hs
