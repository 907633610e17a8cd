// Dropout masks between the layers of a stack, which follow from a key and a place alone.
#pragma once

#include <cstdint>

#include "contract.h"

namespace hs {

// The numbers that numpy's Generator(Philox(key)).random(dtype=float32) returns, from number `at`
// on: Philox4x64-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011,
// section 4.3), whose counter numpy increments before the first block. A block is 4 words, a word
// two numbers, the low half first, each the top 24 bits of its half.
class Philox {
 public:
  Philox(const uint64_t* key, uint64_t at)
      : key_{key[0], key[1]}, block_(at / 8), next_(static_cast<int>(at % 8)) {
    fill();
  }

  float operator()() {
    if (next_ == 8) {
      block_++;
      next_ = 0;
      fill();
    }
    const uint64_t half = words_[next_ / 2] >> (next_ % 2 ? 32 : 0);
    next_++;
    return static_cast<float>(static_cast<uint32_t>(half) >> 8) * 0x1p-24f;
  }

 private:
  uint64_t key_[2], block_, words_[4];
  int next_;

  void fill() {
    constexpr uint64_t m0 = 0xD2E7470EE14C6C93, m1 = 0xCA5A826395121157;
    constexpr uint64_t w0 = 0x9E3779B97F4A7C15, w1 = 0xBB67AE8584CAA73B;
    uint64_t c[4] = {block_ + 1, 0, 0, 0}, k0 = key_[0], k1 = key_[1];
    for (int round = 0; round < 10; round++, k0 += w0, k1 += w1) {
      const Wide a = static_cast<Wide>(m0) * c[0], b = static_cast<Wide>(m1) * c[2];
      const uint64_t c1 = c[1], c3 = c[3];
      c[0] = static_cast<uint64_t>(b >> 64) ^ c1 ^ k0;
      c[1] = static_cast<uint64_t>(b);
      c[2] = static_cast<uint64_t>(a >> 64) ^ c3 ^ k1;
      c[3] = static_cast<uint64_t>(a);
    }
    for (int i = 0; i < 4; i++) words_[i] = c[i];
  }

  __extension__ typedef unsigned __int128 Wide;
};

// What masks a shard whose first row is number `first` of a batch of `rows` rows. The mask of a
// step is an array (L-1, rows, T, D*H) of numbers from one stream: an output is kept where its
// number is not below `rate`, and multiplied by 1 / (1 - rate). Without a key nothing is masked.
struct Dropout {
  const uint64_t* key = nullptr;
  double rate = 0;
  int64_t first = 0, rows = 0;
  int64_t steps = 0, from = 0;  // T, and the first step that the shard has
};

}  // namespace hs
