// Which instruction levels were built, and which of them this processor has.
#pragma once

#include <vector>

#include "contract.h"

namespace hs {

// Levels that are built and can run here, the plainest first.
const std::vector<const Level*>& levels();

}  // namespace hs
