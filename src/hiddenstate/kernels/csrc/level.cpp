// The kernels of one instruction level. Compiled once for each level, with HS_LEVEL, HS_NAME and
// HS_BYTES defined and with the compiler options for its instructions.
#include "convolutions.h"
#include "dense.h"
#include "integers.h"
#include "norm.h"
#include "optimizer.h"
#include "parts.h"
#include "recurrent.h"

namespace hs {
namespace HS_LEVEL {

template <class T>
using Recurrent = PassesOf<T, Cells>;

template <class T>
constexpr Kernels<T> table = {
    Vec<T>::lanes,    few_rows,          Recurrent<T>::all, Recurrent<T>::n,  product<T>,
    outer<T>,         column_sums<T>,    through<T>,        cross_entropy<T>, soften<T>,
    squared_error<T>, lru_forward<T>,    lru_backward<T>,   update<T>,        only_weights<T>,
    add_rows<T>,      add_squares<T>,    normalise<T>,      normal_slopes<T>, normalise_back<T>,
    proportions<T>,   sum_of_squares<T>, pack<T>,           unpack<T>,        turn<T>,
    to_grid<T>,       on_grid<T>,        activate<T>,       cut_gradients<T>, fractions<T>,
};

extern const Level level;
const Level level = {
    HS_NAME,   &table<float>, &table<double>, chains,      multiply_add,
    lstm_part, whole_lanes,   whole_product,  whole_sweep,
};

}  // namespace HS_LEVEL
}  // namespace hs
