// The stack of layers for a cell.
#pragma once

#include <memory>

#include "stack.h"

namespace hs {

// `cell` is a number; `wants_dx` says whether backward() will compute the gradient of the input.
template <class T>
std::unique_ptr<AnyStack<T>> make_stack(const Kernels<T>& kernels, Places& places, int cell,
                                        long inputs, long hidden, int layers, int directions,
                                        bool wants_dx) {
  return std::make_unique<Stack<T>>(kernels, places, cell, inputs, hidden, layers, directions,
                                    wants_dx);
}

}  // namespace hs
