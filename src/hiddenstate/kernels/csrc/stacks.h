// The stack of layers for a cell.
#pragma once

#include <memory>

#include "lru_stack.h"
#include "stack.h"

namespace hs {

// `cell` is a number; `states` are the complex states of an LRU; `wants_dx` says whether backward()
// will compute the gradient of the input.
template <class T>
std::unique_ptr<AnyStack<T>> make_stack(const Kernels<T>& kernels, Places& places, int cell,
                                        int64_t inputs, int64_t hidden, int64_t states, int layers,
                                        int directions, bool wants_dx) {
  if (!kernels.cells[cell].forward)
    return std::make_unique<LruStack<T>>(kernels, places, inputs, hidden, states, layers,
                                         directions, wants_dx);
  return std::make_unique<Stack<T>>(kernels, places, cell, inputs, hidden, layers, directions,
                                    wants_dx);
}

}  // namespace hs
