// A team of threads that run numbered tasks.
//
// A task computes what its number says, no matter which thread runs it, so results do not depend on
// the number or the speed of threads. Waiting threads spin for a moment and then sleep, so that
// they do not take the core from another process.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace hs {

// A reference to a callable, which must outlive it. Needs no allocation.
class Task {
 public:
  template <class F>
  Task(const F& f)
      : at_(&f), call_([](const void* at, int64_t n) { (*static_cast<const F*>(at))(n); }) {}
  void operator()(int64_t number) const { call_(at_, number); }

 private:
  const void* at_;
  void (*call_)(const void*, int64_t);
};

class Team {
 public:
  // The team of the process. A forked child gets a new one: threads do not survive a fork.
  static Team& shared();

  // Calls task(0) ... task(n - 1) once each, on at most `threads` threads including the caller's,
  // and returns when all are done. If the team is busy for another caller, or this is called from a
  // task, the caller runs all tasks. An exception in a task is rethrown once all are done.
  void run(int64_t n, int threads, Task task);

  // The same on the threads of GNU OpenMP, if a library of this process has loaded them: torch's
  // threads spin for milliseconds after each operation of its own and would take the cores from
  // ours. Returns false, having done nothing, if there are none.
  static bool run_on_openmp(int64_t n, int threads, Task task);

  // The number of the thread in its team: 0 for a caller, from 1 for workers.
  static int member();

  Team() = default;
  Team(const Team&) = delete;
  ~Team();

 private:
  void grow(int workers);
  void work(int member);
  bool take(int member, int64_t& number);
  void attempt(int64_t number);

  std::vector<std::thread> workers_;
  std::mutex owner_;  // locked by the caller whose tasks are running

  // High half: the number of the call. Low half: tasks not taken yet. One word, so that a thread
  // takes a task and learns its call atomically.
  std::atomic<uint64_t> open_{0};
  std::atomic<int64_t> left_{0};  // tasks not finished
  std::atomic<int> wanted_{0};
  std::atomic<bool> ended_{false};
  const Task* task_ = nullptr;
  std::exception_ptr error_;  // the first exception in a task; guarded by `sleep_`
  uint32_t call_ = 0;

  std::mutex sleep_;
  std::condition_variable awake_, done_;
  int sleepers_ = 0;
  bool caller_sleeps_ = false;
};

// Runs tasks on the shared team, or on the caller's thread if one is enough.
template <class F>
void share_out(int64_t n, int threads, const F& task) {
  if (threads > 1)
    Team::shared().run(n, threads, task);
  else
    for (int64_t number = 0; number < n; number++) task(number);
}

// The same, for code that runs between torch's own operations.
template <class F>
void share_out_in_torch(int64_t n, int threads, const F& task) {
  if (threads < 2 || n < 2 || !Team::run_on_openmp(n, threads, task)) share_out(n, threads, task);
}

}  // namespace hs
