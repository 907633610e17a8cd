#include "team.h"

// Windows and browsers fork no process and have no OpenMP of GCC.
#if !defined(_WIN32) && !defined(__EMSCRIPTEN__)
#define HS_FORKS
#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>
#endif

#include <chrono>
#include <system_error>
#include <utility>

#include "memory.h"

namespace hs {

namespace {

thread_local int this_member = 0;
thread_local bool in_a_task = false;

// About as long as a sleeping thread takes to wake up.
constexpr auto spin_time = std::chrono::microseconds(40);

inline void breathe() {
#if defined(__SSE2__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Spins until `ready` returns true or it is time to sleep; returns whether it is ready.
template <class F>
bool spin(F ready) {
  const auto end = std::chrono::steady_clock::now() + spin_time;
  for (;;) {
    for (int i = 0; i < 64; i++) {
      if (ready()) return true;
      breathe();
    }
    if (std::chrono::steady_clock::now() >= end) return ready();
  }
}

#if defined(HS_FORKS)
pid_t this_process() { return getpid(); }
#else
int this_process() { return 0; }
#endif

}  // namespace

Team& Team::shared() {
  // Never deleted, on purpose: after a fork its threads do not exist and cannot be joined, and at
  // exit they may still sleep.
  static std::mutex guard;
  static Team* team = nullptr;
  static auto owner = this_process();
  std::lock_guard<std::mutex> lock(guard);
  if (!team || owner != this_process()) {
    team = new Team();
    owner = this_process();
  }
  return *team;
}

int Team::member() { return this_member; }

Team::~Team() {
  ended_ = true;
  {
    std::lock_guard<std::mutex> lock(sleep_);
    awake_.notify_all();
  }
  for (auto& worker : workers_) worker.join();
}

void Team::grow(int workers) {
  while (static_cast<int>(workers_.size()) < workers) {
    const int member = static_cast<int>(workers_.size()) + 1;
    try {
      workers_.emplace_back([this, member] { work(member); });
    } catch (const std::system_error&) {  // no more threads available: fewer compute the same
      return;
    }
  }
}

bool Team::take(int member, int64_t& number) {
  uint64_t open = open_.load(std::memory_order_acquire);
  while (open & 0xffffffffu) {
    if (member > wanted_.load(std::memory_order_relaxed)) return false;
    if (open_.compare_exchange_weak(open, open - 1, std::memory_order_acq_rel)) {
      number = static_cast<int64_t>(open & 0xffffffffu) - 1;
      return true;
    }
  }
  return false;
}

void Team::attempt(int64_t number) {
  try {
    (*task_)(number);
  } catch (...) {
    std::lock_guard<std::mutex> lock(sleep_);
    if (!error_) error_ = std::current_exception();
  }
  if (left_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  std::lock_guard<std::mutex> lock(sleep_);
  if (caller_sleeps_) done_.notify_one();
}

void Team::work(int member) {
  this_member = member;
  in_a_task = true;
  FlushDenormals flush;
  int64_t number;
  const auto ready = [&] {
    return ended_.load(std::memory_order_relaxed) ||
           ((open_.load(std::memory_order_acquire) & 0xffffffffu) &&
            member <= wanted_.load(std::memory_order_relaxed));
  };
  while (!ended_) {
    if (take(member, number)) {
      attempt(number);
    } else if (!spin(ready)) {
      std::unique_lock<std::mutex> lock(sleep_);
      sleepers_++;
      awake_.wait(lock, ready);
      sleepers_--;
    }
  }
}

namespace {

// Starts a parallel region: the ABI of libgomp since GCC 4.9, used by `#pragma omp parallel`.
using Region = void (*)(void (*body)(void*), void* data, unsigned threads, unsigned flags);

// Only looks for a library that is already loaded: only its threads may be spinning.
#if defined(HS_FORKS)
std::atomic<bool> forked{false};

Region openmp() {
  static const Region region = [] {
    void* library = dlopen("libgomp.so.1", RTLD_LAZY | RTLD_NOLOAD);
    pthread_atfork(nullptr, nullptr, [] { forked = true; });  // its threads do not survive a fork
    return library ? reinterpret_cast<Region>(dlsym(library, "GOMP_parallel")) : nullptr;
  }();
  return forked ? nullptr : region;
}
#else
Region openmp() { return nullptr; }
#endif

// Shared by the threads of a region.
struct Crew {
  Task task;
  int64_t n;
  std::atomic<int64_t> next{0};
  std::atomic<int> members{0};
  std::mutex guard;
  std::exception_ptr error;

  Crew(Task task, int64_t n) : task(task), n(n) {}

  static void body(void* crew) { static_cast<Crew*>(crew)->work(); }
  void work() {
    FlushDenormals flush;
    const int before = std::exchange(this_member, members.fetch_add(1));
    in_a_task = true;
    try {
      for (int64_t number; (number = next.fetch_add(1)) < n;) task(number);
    } catch (...) {
      std::lock_guard<std::mutex> lock(guard);
      error = std::current_exception();
    }
    in_a_task = false;
    this_member = before;
  }
};

}  // namespace

bool Team::run_on_openmp(int64_t n, int threads, Task task) {
  const Region region = openmp();
  if (!region || in_a_task) return false;
  Crew crew(task, n);
  region(&Crew::body, &crew, static_cast<unsigned>(n < threads ? n : threads), 0);
  if (crew.error) std::rethrow_exception(crew.error);
  return true;
}

void Team::run(int64_t n, int threads, Task task) {
  std::unique_lock<std::mutex> owner(owner_, std::defer_lock);
  if (n < 2 || threads < 2 || in_a_task || !owner.try_lock()) {
    for (int64_t number = 0; number < n; number++) task(number);
    return;
  }
  const int workers = static_cast<int>(n < threads ? n : threads) - 1;
  grow(workers);
  in_a_task = true;
  task_ = &task;
  left_.store(n, std::memory_order_relaxed);
  wanted_.store(workers, std::memory_order_relaxed);
  open_.store((static_cast<uint64_t>(++call_) << 32) | static_cast<uint64_t>(n),
              std::memory_order_seq_cst);
  {
    std::lock_guard<std::mutex> lock(sleep_);
    if (sleepers_) awake_.notify_all();
  }
  int64_t number;
  while (take(0, number)) attempt(number);
  if (!spin([&] { return left_.load(std::memory_order_acquire) == 0; })) {
    std::unique_lock<std::mutex> lock(sleep_);
    caller_sleeps_ = true;
    done_.wait(lock, [&] { return left_.load(std::memory_order_acquire) == 0; });
    caller_sleeps_ = false;
  }
  in_a_task = false;
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

}  // namespace hs
