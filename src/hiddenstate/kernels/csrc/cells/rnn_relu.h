// h' = max(0, W x + bias_ih + U h + bias_hh).
#pragma once

#include "../sequence.h"

namespace hs {
namespace HS_LEVEL {

struct RnnRelu : LikeTorch {
  static constexpr Declaration about{"rnn_relu", 1, 1, biases, 1};

  template <class T>
  static HS_INLINE V<T> begin(const Sequence<T>& q, long block) {
    return load(q.own[0] + block * Vec<T>::lanes) + load(q.own[1] + block * Vec<T>::lanes);
  }

  template <class T>
  static HS_INLINE V<T> next(const Sequence<T>&, const Step<T>&, const Numbers<T>&, long, long,
                             V<T> sum) {
    return relu<T>(sum);
  }

  template <class T>
  static HS_INLINE V<T> back(const Sequence<T>& q, const Step<T>& s, const Numbers<T>&, long row,
                             long block, V<T> dh) {
    const V<T> h = load(to(q, s, row, block));
    store(kept<RnnRelu>(q, s.t, row, block), h > V<T>{} ? dh : V<T>{});
    return V<T>{};
  }
};

}  // namespace HS_LEVEL
}  // namespace hs
