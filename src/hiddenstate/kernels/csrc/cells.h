// All cells. The position of a cell in the list is its number; LRU blocks, which are no cell of
// this kind, follow.
//
// A cell is a type with these members:
//   about    its declaration;
//   Numbers  what a pass computes once from the own arrays;
//   back     replaces what is kept of a block of a row by gradients, given the gradient of h, and
//            returns the part of the gradient of the previous h that passes through no weight;
// of one sum:
//   begin    returns the sum of a block before the products;
//   next     returns h', and keeps what `back` needs if Sequence::gates is not null, also of a row
//            that has ended;
// of several sums:
//   begin    writes those of a block before the products;
//   gates    replaces those of a block for `n` rows by gates, and computes the next state. Each
//            function has a loop of its own, so that its constants stay in registers.
#pragma once

#include "cells/fastgrnn.h"
#include "cells/gru.h"
#include "cells/lru.h"
#include "cells/lstm.h"
#include "cells/mingru.h"
#include "cells/rnn.h"

namespace hs {
namespace HS_LEVEL {

template <class... C>
struct List {};

using Cells = List<Rnn<Tanh>, Rnn<Relu>, Gru, Lstm, FastGrnn, MinGru>;

}  // namespace HS_LEVEL
}  // namespace hs
