// c' = f c + i g and h' = o tanh(c'), with g the tanh and i, f, o the sigmoids of
// W x + bias_ih + U h + bias_hh.
#pragma once

#include <initializer_list>

#include "../sequence.h"

namespace hs {
namespace HS_LEVEL {

// Kept are i, f, g, o and, as further rows, tanh(c').
struct Lstm : LikeTorch {
  static constexpr Declaration about{"lstm", 4, 2, biases, 4, 1};

  template <class T>
  static HS_INLINE void begin(const Sequence<T>& q, int64_t block, V<T>* sum) {
    add_biases<T, 4>(q, block, sum);
  }

  template <class T, bool Rounds = false>
  static void gates(const Sequence<T>& q, const Step<T>& s, int64_t block, int64_t row, int64_t n,
                    T* sums) {
    constexpr int lanes = Vec<T>::lanes;
    T* const end = sums + n * 4 * lanes;
    for (int g : {0, 1, 3})
      for (T* at = sums + g * lanes; at < end; at += 4 * lanes)
        store(at, curve_of<Rounds>(q, sigmoid<T>(sum_of<Rounds>(q, load(at)))));
    for (T* at = sums + 2 * lanes; at < end; at += 4 * lanes)
      store(at, curve_of<Rounds>(q, tanh<T>(sum_of<Rounds>(q, load(at)))));
    for (int64_t r = 0; r < n; r++) {
      if (!is_read(q, s, row + r)) {
        pass_over<Lstm>(q, s, row + r, block);
        continue;
      }
      const T* at = sums + r * 4 * lanes;
      const V<T> before = load(from(q, s, row + r, block, 1));
      V<T> c = load(at + lanes) * before + load(at) * load(at + 2 * lanes);
      if (Rounds) c = on_grid<T>(c, q.grids.c);
      const V<T> tanh_c = curve_of<Rounds>(q, tanh<T>(sum_of<Rounds>(q, c)));
      const V<T> h = load(at + 3 * lanes) * tanh_c;
      store(to(q, s, row + r, block, 1), c);
      store(to(q, s, row + r, block), Rounds ? on_grid<T>(h, q.grids.h) : h);
      if (q.gates) store(more(q, s, row + r, block), tanh_c);
    }
  }

  template <class T>
  static HS_INLINE V<T> back(const Sequence<T>& q, const Step<T>& s, const Numbers<T>&, int64_t row,
                             int64_t block, V<T> dh) {
    constexpr int lanes = Vec<T>::lanes;
    const V<T> one = all<T>(1);
    T *keep = kept<Lstm>(q, s.t, row, block), *dc_at = dstate(q, row, block, 1);
    const V<T> i = load(keep), f = load(keep + lanes), g = load(keep + 2 * lanes);
    const V<T> o = load(keep + 3 * lanes);
    const V<T> tanh_c = load(more(q, s, row, block));
    const V<T> before = load(from(q, s, row, block, 1));
    if (q.rounds()) dh = uncut<T>(o * tanh_c, q.grids.h, dh);
    V<T> dc = load(dc_at) + dh * o * (one - tanh_c * tanh_c);
    if (q.rounds()) dc = uncut<T>(f * before + i * g, q.grids.c, dc);
    store(keep, dc * g * i * (one - i));
    store(keep + lanes, dc * before * f * (one - f));
    store(keep + 2 * lanes, dc * i * (one - g * g));
    store(keep + 3 * lanes, dh * tanh_c * o * (one - o));
    store(dc_at, dc * f);
    return V<T>{};
  }
};

}  // namespace HS_LEVEL
}  // namespace hs
