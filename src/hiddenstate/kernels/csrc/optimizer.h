// The update rules, on flat memory.
#pragma once

#include "contract.h"
#include "vec.h"

namespace hs {
namespace HS_LEVEL {

// Adam: Kingma and Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1, with the
// bias corrections of torch.optim.Adam: rate / correction1 * m over sqrt(v) / sqrt(correction2) +
// eps. AdamW decays the weights themselves (Loshchilov and Hutter, "Decoupled weight decay
// regularization", 2019, algorithm 2); the other rules add the decay to the gradient.
template <class T>
void adam(const Update<T>& u) {
  const V<T> size = all<T>((T)(u.rate / u.correction1));
  const V<T> inverse = all<T>((T)(1 / __builtin_sqrt(u.correction2)));
  // A smaller eps is denormal and counts as zero; 0/0 would then write NaN to the padding.
  constexpr T least = sizeof(T) == 4 ? (T)__FLT_MIN__ : (T)__DBL_MIN__;
  const V<T> eps = all<T>((T)u.eps > least ? (T)u.eps : least);
  const V<T> keep1 = all<T>((T)u.beta1), take1 = all<T>((T)(1 - u.beta1));
  const V<T> keep2 = all<T>((T)u.beta2), take2 = all<T>((T)(1 - u.beta2));
  const V<T> decay = all<T>((T)(u.rule == ADAM ? u.decay : 0));
  const V<T> shrink = all<T>((T)(u.rule == ADAMW ? 1 - u.rate * u.decay : 1));
  const V<T> scale = all<T>((T)u.scale);
  for (int64_t i = 0; i < u.n; i += Vec<T>::lanes) {
    const V<T> p = load(u.p + i) * shrink;
    const V<T> g = load(u.g + i) * scale + decay * p;
    const V<T> m = keep1 * load(u.m + i) + take1 * g;
    const V<T> v = keep2 * load(u.v + i) + take2 * g * g;
    store(u.m + i, m);
    store(u.v + i, v);
    store(u.p + i, p - size * m / (root(v) * inverse + eps));
  }
}

// p -= rate * b with b = momentum * b + g, as torch.optim.SGD without dampening.
template <class T>
void sgd(const Update<T>& u) {
  const V<T> rate = all<T>((T)u.rate), decay = all<T>((T)u.decay);
  const V<T> momentum = all<T>((T)u.momentum), scale = all<T>((T)u.scale);
  for (int64_t i = 0; i < u.n; i += Vec<T>::lanes) {
    const V<T> p = load(u.p + i);
    V<T> g = load(u.g + i) * scale + decay * p;
    if (u.m) store(u.m + i, g = momentum * load(u.m + i) + g);
    store(u.p + i, p - rate * g);
  }
}

template <class T>
void update(const Update<T>& u) {
  if (u.rule == SGD)
    sgd(u);
  else
    adam(u);
}

template <class T>
void only_weights(const T* p, T* g, int64_t n) {
  const V<T> none = all<T>(0);
  for (int64_t i = 0; i < n; i += Vec<T>::lanes)
    store(g + i, load(p + i) == none ? none : load(g + i));
}

template <class T>
double sum_of_squares(const T* g, int64_t n) {
  V<T> sum[4] = {};
  int64_t i = 0;
  constexpr int lanes = Vec<T>::lanes;
  for (; i + 4 * lanes <= n; i += 4 * lanes)
    for (int s = 0; s < 4; s++) {
      const V<T> x = load(g + i + s * lanes);
      sum[s] += x * x;
    }
  for (; i < n; i += lanes) sum[0] += load(g + i) * load(g + i);
  const V<T> whole = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  double total = 0;
  for (int lane = 0; lane < lanes; lane++) total += whole[lane];
  return total;
}

}  // namespace HS_LEVEL
}  // namespace hs
