// h' = f(W x + bias_ih + U h + bias_hh), with f the hyperbolic tangent or max(0, x).
#pragma once

#include "../sequence.h"

namespace hs {
namespace HS_LEVEL {

struct Tanh {
  static constexpr const char* name = "rnn_tanh";
  static constexpr bool is_curve = true;

  template <class T>
  static HS_INLINE V<T> next(V<T> sum) {
    return tanh<T>(sum);
  }

  // The gradient of the sum, given that of h.
  template <class T>
  static HS_INLINE V<T> back(V<T> h, V<T> dh) {
    return dh * (all<T>(1) - h * h);
  }
};

struct Relu {
  static constexpr const char* name = "rnn_relu";
  static constexpr bool is_curve = false;

  template <class T>
  static HS_INLINE V<T> next(V<T> sum) {
    return relu<T>(sum);
  }

  template <class T>
  static HS_INLINE V<T> back(V<T> h, V<T> dh) {
    return h > V<T>{} ? dh : V<T>{};
  }
};

template <class F>
struct Rnn : LikeTorch {
  static constexpr Declaration about{F::name, 1, 1, biases, 1};

  template <class T>
  static HS_INLINE V<T> begin(const Sequence<T>& q, int64_t block) {
    return load(q.own[0] + block * Vec<T>::lanes) + load(q.own[1] + block * Vec<T>::lanes);
  }

  // With a grid, what is kept at first is h before it is rounded.
  template <class T, bool Rounds = false>
  static HS_INLINE V<T> next(const Sequence<T>& q, const Step<T>& s, const Numbers<T>&, int64_t row,
                             int64_t block, V<T> sum) {
    if (!Rounds) return F::template next<T>(sum);
    V<T> h = F::template next<T>(sum_of<Rounds>(q, sum));
    if (F::is_curve) h = curve_of<Rounds>(q, h);
    if (q.gates) store(kept<Rnn>(q, s.t, row, block), h);
    return on_grid<T>(h, q.grids.h);
  }

  template <class T>
  static HS_INLINE V<T> back(const Sequence<T>& q, const Step<T>& s, const Numbers<T>&, int64_t row,
                             int64_t block, V<T> dh) {
    const V<T> h = load(q.rounds() ? kept<Rnn>(q, s.t, row, block) : to(q, s, row, block));
    if (q.rounds()) dh = uncut<T>(h, q.grids.h, dh);
    store(kept<Rnn>(q, s.t, row, block), F::template back<T>(h, dh));
    return V<T>{};
  }
};

}  // namespace HS_LEVEL
}  // namespace hs
