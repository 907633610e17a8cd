// Times parts of a training step, for benchmarks/limit.py.
#pragma once

#include <string>
#include <vector>

#include "levels.h"

namespace hs {

// Seconds of `part`, `repeats` times, on the calling thread. With `widths` it is a part of an
// autoencoder, otherwise of an LSTM: "input", "state", "gates", "forward", "back", "gradients" or
// "optimiser". "peak" are `steps` turns of `multiply_add`.
std::vector<double> probe(const Level& level, const std::string& part, int64_t rows, int64_t steps,
                          int64_t inputs, int64_t hidden, const std::vector<int64_t>& widths,
                          int repeats);

}  // namespace hs
