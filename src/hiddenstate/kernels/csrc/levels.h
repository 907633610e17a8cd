// The instruction levels that were compiled and that this processor supports.
#pragma once

#include <string>
#include <vector>

#include "contract.h"

namespace hs {

// The levels that can run on this processor, the simplest first.
const std::vector<const Level*>& levels();

// The declarations of all cells, by number, and the number of one.
std::vector<const Declaration*> cells();
int cell_named(const std::string& name);

}  // namespace hs
