// h' = (1 - z) h + z n, with z the sigmoid of W_z x + b_z, and n = v + 1/2 if v = W_n x + b_n is
// not negative, else the sigmoid of v (Feng et al., 2024, "Were RNNs All We Needed?").
#pragma once

#include "../sequence.h"

namespace hs {
namespace HS_LEVEL {

// Kept are z and n, or -n where v is negative.
struct MinGru : LikeTorch {
  static constexpr OwnArrays own{{{"bias_ih", 'G', INPUTS}}};
  static constexpr Declaration about{"mingru", 2, 1, own, 2, 0, 0, 0, 0, false};

  template <class T>
  static HS_INLINE void begin(const Sequence<T>& q, int64_t block, V<T>* sum) {
    constexpr int lanes = Vec<T>::lanes;
    const T* bias = q.own[0] + block * 2 * lanes;
    sum[0] = load(bias);
    sum[1] = load(bias + lanes);
  }

  template <class T, bool Rounds = false>
  static void gates(const Sequence<T>& q, const Step<T>& s, int64_t block, int64_t row, int64_t n,
                    T* sums) {
    constexpr int lanes = Vec<T>::lanes;
    for (T* at = sums; at < sums + n * 2 * lanes; at += 2 * lanes) {
      const V<T> v = load(at + lanes);
      store(at, sigmoid<T>(load(at)));
      store(at + lanes, v < V<T>{} ? -sigmoid<T>(v) : v + all<T>(0.5));
    }
    for (int64_t r = 0; r < n; r++) {
      if (!is_read(q, s, row + r)) {
        pass_over<MinGru>(q, s, row + r, block);
        continue;
      }
      const T* at = sums + r * 2 * lanes;
      const V<T> before = load(from(q, s, row + r, block));
      store(to(q, s, row + r, block), before + load(at) * (size(load(at + lanes)) - before));
    }
  }

  template <class T>
  static HS_INLINE V<T> back(const Sequence<T>& q, const Step<T>& s, const Numbers<T>&, int64_t row,
                             int64_t block, V<T> dh) {
    constexpr int lanes = Vec<T>::lanes;
    const V<T> one = all<T>(1);
    T* keep = kept<MinGru>(q, s.t, row, block);
    const V<T> z = load(keep), signed_n = load(keep + lanes), n = size(signed_n);
    const V<T> before = load(from(q, s, row, block)), dn = dh * z;
    store(keep, dh * (n - before) * z * (one - z));
    store(keep + lanes, signed_n < all<T>(0.5) ? dn * n * (one - n) : dn);
    return dh * (one - z);
  }

 private:
  template <class U>
  static HS_INLINE U size(U x) {
    return x < U{} ? -x : x;
  }
};

}  // namespace HS_LEVEL
}  // namespace hs
