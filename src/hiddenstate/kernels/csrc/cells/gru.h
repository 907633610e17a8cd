// h' = (1 - z) n + z h, n = tanh(a_n + r b_n), r and z the sigmoids of a + b, with a = W x +
// bias_ih and b = U h + bias_hh.
#pragma once

#include "../sequence.h"

namespace hs {
namespace HS_LEVEL {

// Kept are b_n, r, z and, at first, a_n, then n. The backward pass replaces them by the gradients
// of b_n, r, z and a_n, so that the three for U are adjacent, and the three for W too. Therefore
// panels of the state have the order n, r, z.
struct Gru : LikeTorch {
  static constexpr Declaration about{"gru", 3, 1, biases, 4, 0, 1, 0, 2};

  template <class T>
  static HS_INLINE void begin(const Sequence<T>& q, int64_t block, V<T>* sum) {
    constexpr int lanes = Vec<T>::lanes;
    const T *bx = q.own[0] + block * 3 * lanes, *bh = q.own[1] + block * 3 * lanes;
    sum[0] = load(bh);
    sum[1] = load(bh + lanes) + load(bx);
    sum[2] = load(bh + 2 * lanes) + load(bx + lanes);
    sum[3] = load(bx + 2 * lanes);
  }

  template <class T, bool Rounds = false>
  static void gates(const Sequence<T>& q, const Step<T>& s, int64_t block, int64_t row, int64_t n,
                    T* sums) {
    constexpr int lanes = Vec<T>::lanes;
    for (T* at = sums + lanes; at < sums + n * 4 * lanes; at += 4 * lanes) {
      store(at, curve_of<Rounds>(q, sigmoid<T>(sum_of<Rounds>(q, load(at)))));
      store(at + lanes, curve_of<Rounds>(q, sigmoid<T>(sum_of<Rounds>(q, load(at + lanes)))));
    }
    for (int64_t r = 0; r < n; r++) {
      if (!is_read(q, s, row + r)) {
        pass_over<Gru>(q, s, row + r, block);
        continue;
      }
      T* at = sums + r * 4 * lanes;
      V<T> sum = load(at + 3 * lanes) + load(at + lanes) * load(at);
      if (Rounds) {
        store(at, sum_of<Rounds>(q, load(at)));
        sum = sum_of<Rounds>(q, load(at + lanes) * load(at));
        sum += sum_of<Rounds>(q, load(at + 3 * lanes));
      }
      const V<T> out = curve_of<Rounds>(q, tanh<T>(sum));
      const V<T> before = load(from(q, s, row + r, block));
      const V<T> h = out + load(at + 2 * lanes) * (before - out);
      store(at + 3 * lanes, out);
      store(to(q, s, row + r, block), Rounds ? on_grid<T>(h, q.grids.h) : h);
    }
  }

  template <class T>
  static HS_INLINE V<T> back(const Sequence<T>& q, const Step<T>& s, const Numbers<T>&, int64_t row,
                             int64_t block, V<T> dh) {
    constexpr int lanes = Vec<T>::lanes;
    const V<T> one = all<T>(1);
    T* keep = kept<Gru>(q, s.t, row, block);
    const V<T> hidden = load(keep), r = load(keep + lanes), z = load(keep + 2 * lanes);
    const V<T> n = load(keep + 3 * lanes);
    const V<T> before = load(from(q, s, row, block));
    if (q.rounds()) dh = uncut<T>(n + z * (before - n), q.grids.h, dh);
    const V<T> dn = dh * (one - z) * (one - n * n);
    store(keep, dn * r);
    store(keep + lanes, dn * hidden * r * (one - r));
    store(keep + 2 * lanes, dh * (before - n) * z * (one - z));
    store(keep + 3 * lanes, dn);
    return dh * z;
  }
};

}  // namespace HS_LEVEL
}  // namespace hs
