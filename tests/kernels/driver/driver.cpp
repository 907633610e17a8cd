// Runs the kernels without Python on random, odd shapes and text: `make sanitize` runs this
// program.
//
//   driver [CASES [LEVEL ...]]    number of random cases of each kind, and the levels (default all)
//
// Every array that a kernel gets has exactly the size it must have, so that a sanitizer detects
// accesses beyond its end. Prints a line for each group and ends at the first fact that fails.
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <thread>

#include "convolution_rows.h"
#include "layers.h"
#include "nets.h"
#include "rows.h"

// Windows has no fork, and the thread sanitizer does not follow a forked process.
#if !defined(_WIN32) && !defined(__SANITIZE_THREAD__)
#define CAN_FORK
#include <sys/wait.h>
#include <unistd.h>
#endif

using namespace hs;
using namespace hs::driver;

namespace {

// Each task runs once, also if it runs other tasks or two callers run tasks at once.
void tasks_run_once(uint64_t seed, int64_t calls) {
  Dice dice(seed);
  for (int64_t call = 0; call < calls; call++) {
    const int64_t n = dice.below(20);
    std::vector<std::atomic<int>> ran(n);
    Team::shared().run(n, 1 + static_cast<int>(dice.below(4)), [&](int64_t number) {
      Team::shared().run(2, 2, [&](int64_t) { ran[number]++; });
    });
    for (const std::atomic<int>& times : ran) require(times == 2, "each task runs once");
    bool caught = false;
    try {
      Team::shared().run(n, 3, [&](int64_t number) {
        if (number % 4 == 3) throw number;
      });
    } catch (int64_t) {
      caught = true;
    }
    require(caught == (n > 3), "an exception in a task reaches the caller");
  }
}

template <class T>
Lists lesson(const Level& level, const NetCase& c) {
  Pupil<T> pupil(level, c);
  return pupil.train(3);
}

void teams(const std::vector<const Level*>& chosen, int64_t cases) {
  const Level& level = *chosen.back();
  for (int64_t i = 0; i < cases; i++) {
    Dice dice(2'000'000 + i);
    const NetCase a(dice), b(dice);
    begin("team", i, level.name, a);
    b.tell();
    const Lists one = lesson<float>(level, a), two = lesson<double>(level, b);
    Lists other;
    std::thread beside([&] {
      tasks_run_once(i, 50);
      other = lesson<double>(level, b);
    });
    const Lists mine = lesson<float>(level, a);
    tasks_run_once(i + 1, 50);
    beside.join();
    require(mine == one && other == two, "two callers at once do not disturb each other");
#if defined(CAN_FORK)
    if (i >= 10) continue;
    std::fflush(stdout);
    const pid_t child = fork();
    if (!child) {
      require(lesson<double>(level, b) == two, "a forked process computes the same");
      tasks_run_once(i, 50);
      _exit(0);
    }
    int status = 0;
    require(child > 0 && waitpid(child, &status, 0) == child && status == 0,
            "a forked process ends without an error");
#endif
  }
}

// Features of one row in memory of exactly its size. They do not depend on the level; half of the
// rows are far from zero.
void convolutions(const std::vector<const Level*>& chosen, int64_t cases) {
  for (int64_t i = 0; i < cases; i++) {
    Dice dice(3'000'000 + i);
    const int64_t channels = 1 + dice.below(3), steps = 1 + dice.below(70);
    const int64_t end = 1 + dice.below(steps);
    Convolutions c;
    for (int64_t dilation = 1; dilation < 40; dilation *= 1 + dice.pick({1, 2, 9})) {
      c.dilations.push_back(dilation);
      c.counts.push_back(dice.below(4));
    }
    const int64_t kernels = 84 * static_cast<int64_t>(c.dilations.size());
    const std::unique_ptr<bool[]> uses(new bool[kernels * channels]);
    for (int64_t k = 0; k < kernels * channels; k++) uses[k] = dice.once_in(2);
    const int64_t features = 84 * std::accumulate(c.counts.begin(), c.counts.end(), int64_t{0});
    const std::vector<float> biases = as<float>(dice.numbers(features));
    c.uses = uses.get();
    c.biases = biases.data();
    List row = dice.numbers(channels * steps);
    const bool far = dice.once_in(2);
    for (double& x : row) x = (far ? 1 << 20 : 0) + std::round(1024 * x) / 1024;
    List first;
    for (const Level* level : chosen) {
      current[0] = 0;
      say("convolutions, case %" PRId64 ", %s: %" PRId64 " channels, %" PRId64 " of %" PRId64
          " steps",
          i, level->name, channels, end, steps);
      const std::vector<float> x = as<float>(row);
      std::vector<float> out(features, static_cast<float>(unset));
      convolve_row(*level, c, x.data(), channels, steps, end, out.data(), features);
      const List found = doubles(out);
      require(all_set({found}), "every feature is written");
      if (level == chosen[0]) first = found;
      require(found == first, "levels agree on features");
    }
  }
}

void end_at_trap(int) { require(false, "no behaviour is undefined (a debugger shows where)"); }

}  // namespace

int main(int n, char** words) {
  std::signal(SIGILL, end_at_trap);  // the undefined-behaviour sanitizer traps
#ifdef SIGTRAP
  std::signal(SIGTRAP, end_at_trap);
#endif
  const int64_t cases = n > 1 ? std::atol(words[1]) : 50;
  std::vector<const Level*> chosen;
  for (const Level* level : levels()) {
    bool wanted = n < 3;
    for (int i = 2; i < n; i++) wanted |= !std::strcmp(level->name, words[i]);
    if (wanted) chosen.push_back(level);
  }
  require(cases > 0 && !chosen.empty(),
          "usage: driver [CASES [LEVEL ...]], with levels that this processor supports");
  const struct {
    const char* name;
    void (*walk)(const std::vector<const Level*>&, int64_t);
  } groups[] = {{"layers", layers},
                {"nets", nets},
                {"teams", teams},
                {"convolutions", convolutions},
                {"rows", text_rows}};
  for (const auto& group : groups) {
    const auto start = std::chrono::steady_clock::now();
    group.walk(chosen, cases);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    std::printf("%s: %" PRId64 " cases at %zu levels, %.1f s\n", group.name, cases, chosen.size(),
                took.count());
    std::fflush(stdout);
  }
}
