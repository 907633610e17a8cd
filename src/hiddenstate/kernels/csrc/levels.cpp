#include "levels.h"

#include <stdexcept>

namespace hs {

// Each is defined in level.cpp, compiled with the macros for its name; see CMakeLists.txt.
namespace baseline {
extern const Level level;
}
#if defined(HS_WITH_X86)
namespace avx2 {
extern const Level level;
}
namespace avx512 {
extern const Level level;
}
#endif

const std::vector<const Level*>& levels() {
  static const std::vector<const Level*> supported = [] {
    std::vector<const Level*> all{&baseline::level};
#if defined(HS_WITH_X86)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
      all.push_back(&avx2::level);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
      all.push_back(&avx512::level);
#endif
    return all;
  }();
  return supported;
}

std::vector<const Declaration*> cells() {
  std::vector<const Declaration*> all;
  const Kernels<float>& kernels = *levels()[0]->f32;
  for (int i = 0; i < kernels.n_cells; i++) all.push_back(kernels.cells[i].about);
  return all;
}

int cell_named(const std::string& name) {
  const auto all = cells();
  for (size_t i = 0; i < all.size(); i++)
    if (name == all[i]->name) return static_cast<int>(i);
  throw std::invalid_argument("no cell of the kernels: " + name);
}

}  // namespace hs
