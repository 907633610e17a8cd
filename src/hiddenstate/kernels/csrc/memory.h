// Aligned memory, and the floating-point state of the processor while kernels run.
#pragma once

#include <cstdint>
#include <cstring>
#include <new>
#include <utility>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace hs {

constexpr std::size_t cache_line = 64;

inline int64_t rounded_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

// A single number is the most frequent case, and not worth a call.
template <class T>
inline void copy(T* to, const T* from, int64_t n) {
  if (n == 1)
    *to = *from;
  else
    std::memcpy(to, from, n * sizeof(T));
}

// Numbers aligned to a cache line. A buffer grows and never shrinks; growing discards its content.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(int64_t size) { need(size); }
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { release(); }

  // Makes room for `size` numbers; their values are undefined if the buffer grew.
  void need(int64_t size) {
    if (size <= size_) return;
    release();
    at_ = static_cast<T*>(::operator new(size * sizeof(T), std::align_val_t(cache_line)));
    size_ = size;
  }
  void zero() {
    if (size_) std::memset(at_, 0, size_ * sizeof(T));
  }
  T* at() const { return at_; }
  int64_t size() const { return size_; }

 private:
  void swap(Buffer& other) {
    std::swap(at_, other.at_);
    std::swap(size_, other.size_);
  }
  void release() {
    if (at_) ::operator delete(at_, std::align_val_t(cache_line));
    at_ = nullptr;
    size_ = 0;
  }
  T* at_ = nullptr;
  int64_t size_ = 0;
};

// Denormal numbers count as zero during the lifetime of this object; then the previous state is
// restored. Some processors need a hundred times as long for a denormal as for a normal number.
class FlushDenormals {
 public:
#if defined(__SSE2__)
  FlushDenormals() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040); }  // FTZ and DAZ
  ~FlushDenormals() { _mm_setcsr(before_); }

 private:
  unsigned before_;
#elif defined(__aarch64__)
  FlushDenormals() {
    asm volatile("mrs %0, fpcr" : "=r"(before_));
    asm volatile("msr fpcr, %0" : : "r"(before_ | (1ull << 24)));  // FZ
  }
  ~FlushDenormals() { asm volatile("msr fpcr, %0" : : "r"(before_)); }

 private:
  uint64_t before_;
#else
  FlushDenormals() {}
#endif
};

}  // namespace hs
