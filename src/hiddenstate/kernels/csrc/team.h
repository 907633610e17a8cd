// A few threads that share out numbered tasks.
//
// A task's number alone decides what it computes, never who runs it, so results do not depend
// on how many threads there are or on which of them is slow. Waiting threads spin for a moment
// and then sleep, so a busy neighbour is not fought for its core.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace hs {

// A callable that is somewhere else, for as long as it lives there. Costs no allocation.
class Task {
 public:
  template <class F>
  Task(const F& f)
      : at_(&f), call_([](const void* at, long n) { (*static_cast<const F*>(at))(n); }) {}
  void operator()(long number) const { call_(at_, number); }

 private:
  const void* at_;
  void (*call_)(const void*, long);
};

class Team {
 public:
  // The process's team. A forked child gets a new one: threads do not survive a fork.
  static Team& shared();

  // Calls task(0) ... task(n - 1), each once, by at most `threads` threads with the caller among
  // them, and returns when all are done. Where the team is busy for another caller, or in a task
  // already, the caller does it alone. What a task throws the caller gets, once all are done.
  void run(long n, int threads, Task task);

  // The same on GNU OpenMP's threads, if a library of this process has brought them: torch's
  // spin for milliseconds after each of its own operations, and would keep the cores from ours.
  // False where there are none, and nothing was done.
  static bool run_on_openmp(long n, int threads, Task task);

  // Which of the team runs this code: 0 for a caller, 1 and up for its workers.
  static int member();

  Team() = default;
  Team(const Team&) = delete;
  ~Team();

 private:
  void grow(int workers);
  void work(int member);
  bool take(int member, long& number);
  void attempt(long number);

  std::vector<std::thread> workers_;
  std::mutex owner_;  // held by the caller whose tasks run

  // High half: the call's number. Low half: tasks nobody has taken. One word, so that taking a
  // task and knowing whose it is are the same act.
  std::atomic<uint64_t> open_{0};
  std::atomic<long> left_{0};  // tasks not finished
  std::atomic<int> wanted_{0};
  std::atomic<bool> ended_{false};
  const Task* task_ = nullptr;
  std::exception_ptr error_;  // what a task threw first; `sleep_` guards it
  uint32_t call_ = 0;

  std::mutex sleep_;
  std::condition_variable awake_, done_;
  int sleepers_ = 0;
  bool caller_sleeps_ = false;
};

// The same by the shared team, or by the caller alone where one thread is enough.
template <class F>
void share_out(long n, int threads, const F& task) {
  if (threads > 1)
    Team::shared().run(n, threads, task);
  else
    for (long number = 0; number < n; number++) task(number);
}

// The same between torch's own operations.
template <class F>
void share_out_in_torch(long n, int threads, const F& task) {
  if (threads < 2 || n < 2 || !Team::run_on_openmp(n, threads, task)) share_out(n, threads, task);
}

}  // namespace hs
