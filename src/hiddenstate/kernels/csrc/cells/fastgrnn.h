// h' = z h + (sigmoid(zeta) (1 - z) + sigmoid(nu)) c, with z = sigmoid(a + bias_gate) and
// c = tanh(a + bias_update), a = W x + U h; zeta and nu are single numbers (Kusupati et al., 2018,
// "FastGRNN: A Fast, Accurate, Stable and Tiny Kilobyte Sized Gated Recurrent Neural Network",
// equations 3 to 5).
#pragma once

#include "../sequence.h"

namespace hs {
namespace HS_LEVEL {

// Kept are z and, as further rows, c.
struct FastGrnn {
  static constexpr OwnArrays own{
      {{"bias_gate", 'H'}, {"bias_update", 'H'}, {"zeta", '1'}, {"nu", '1'}}};
  static constexpr Declaration about{"fastgrnn", 1, 1, own, 1, 1};

  // The sigmoids of zeta and nu.
  template <class T>
  struct Numbers {
    V<T> zeta, nu;
    HS_INLINE explicit Numbers(const Sequence<T>& q)
        : zeta(sigmoid<T>(all<T>(q.own[2][0]))), nu(sigmoid<T>(all<T>(q.own[3][0]))) {}
  };

  template <class T>
  static HS_INLINE V<T> begin(const Sequence<T>&, int64_t) {
    return V<T>{};
  }

  template <class T, bool Rounds = false>
  static HS_INLINE V<T> next(const Sequence<T>& q, const Step<T>& s, const Numbers<T>& numbers,
                             int64_t row, int64_t block, V<T> a) {
    constexpr int lanes = Vec<T>::lanes;
    a = sum_of<Rounds>(q, a);
    const V<T> to_z = sum_of<Rounds>(q, a + load(q.own[0] + block * lanes));
    const V<T> to_c = sum_of<Rounds>(q, a + load(q.own[1] + block * lanes));
    const V<T> z = curve_of<Rounds>(q, sigmoid<T>(to_z));
    const V<T> c = curve_of<Rounds>(q, tanh<T>(to_c));
    const V<T> before = load(from(q, s, row, block));
    if (q.gates) {
      store(kept<FastGrnn>(q, s.t, row, block), z);
      store(more(q, s, row, block), c);
    }
    const V<T> h = (numbers.zeta * (all<T>(1) - z) + numbers.nu) * c + z * before;
    return Rounds ? on_grid<T>(h, q.grids.h) : h;
  }

  template <class T>
  static HS_INLINE V<T> back(const Sequence<T>& q, const Step<T>& s, const Numbers<T>& numbers,
                             int64_t row, int64_t block, V<T> dh) {
    constexpr int lanes = Vec<T>::lanes;
    const V<T> one = all<T>(1), zeta = numbers.zeta, nu = numbers.nu;
    T *keep = kept<FastGrnn>(q, s.t, row, block), *sum = sums<FastGrnn>(q, block);
    const V<T> z = load(keep), c = load(more(q, s, row, block));
    const V<T> before = load(from(q, s, row, block));
    if (q.rounds()) dh = uncut<T>((zeta * (one - z) + nu) * c + z * before, q.grids.h, dh);
    const V<T> dz = dh * (before - zeta * c) * z * (one - z);
    const V<T> dc = dh * (zeta * (one - z) + nu) * (one - c * c);
    store(keep, dz + dc);
    store(sum, load(sum) + dz);
    store(sum + lanes, load(sum + lanes) + dc);
    store(sum + 2 * lanes, load(sum + 2 * lanes) + zeta * (one - zeta) * dh * (one - z) * c);
    store(sum + 3 * lanes, load(sum + 3 * lanes) + nu * (one - nu) * dh * c);
    return dh * z;
  }
};

}  // namespace HS_LEVEL
}  // namespace hs
