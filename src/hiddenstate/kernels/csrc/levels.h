// The instruction levels that were compiled and that this processor supports.
#pragma once

#include <vector>

#include "contract.h"

namespace hs {

// The levels that can run on this processor, the simplest first.
const std::vector<const Level*>& levels();

}  // namespace hs
