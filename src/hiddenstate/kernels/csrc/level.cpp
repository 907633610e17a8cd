// One instruction level's kernels. Built once a level, with HS_LEVEL, HS_NAME and HS_BYTES set
// and the compiler told which instructions it may use.
#include "dense.h"
#include "optimizer.h"
#include "recurrent.h"

namespace hs {
namespace HS_LEVEL {

template <class T>
constexpr Kernels<T> table = {
    Vec<T>::lanes,     forward<T>, backward<T>,      product<T>,       outer<T>,
    column_sums<T>,    through<T>, cross_entropy<T>, squared_error<T>, update<T>,
    sum_of_squares<T>, pack<T>,    unpack<T>,        turn<T>,          fractions<T>,
};

extern const Level level;
const Level level = {HS_NAME, &table<float>, &table<double>};

}  // namespace HS_LEVEL
}  // namespace hs
