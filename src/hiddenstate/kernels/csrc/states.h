// States of a batch in the caller's memory and in a shard's, and means of a stack's outputs.
#pragma once

#include <algorithm>

#include "any_stack.h"

namespace hs {

// The mean of the last layer's output over the steps of each row: R rows, all directions. A pass
// over a part of the steps adds its outputs to `mean`; then the sums are divided.
template <class T>
void add_outputs(const AnyStack<T>& stack, const typename AnyStack<T>::Work& w, T* mean) {
  const Rows<const T> y = stack.top_output(w);
  const int64_t row = y.columns();
  for (int64_t t = 0; t < w.steps; t++)
    for (int64_t r = 0; r < w.rows; r++) {
      if (w.length && t >= w.length[r]) continue;
      for (int d = 0; d < y.n; d++) {
        const T* from = y.at + (t * w.rows + r) * y.row + d * y.part;
        T* to = mean + r * row + d * y.width;
        for (int64_t i = 0; i < y.width; i++) to[i] += from[i];
      }
    }
}

// Divides sums over the steps of each row by their number: lengths, or `steps` if that is null.
// Also the gradient of a mean, which becomes that of each step.
template <class T>
void divide(const AnyStack<T>& stack, int64_t rows, int64_t steps, const int64_t* length, T* sums) {
  const int64_t row = stack.directions * stack.width;
  for (int64_t r = 0; r < rows; r++) {
    const T share = static_cast<T>(1) / static_cast<T>(length ? length[r] : steps);
    for (int64_t i = 0; i < row; i++) sums[r * row + i] *= share;
  }
}

template <class T>
void average(const AnyStack<T>& stack, const typename AnyStack<T>::Work& w, T* mean) {
  std::memset(mean, 0, w.rows * stack.directions * stack.width * sizeof(T));
  add_outputs(stack, w, mean);
  divide(stack, w.rows, w.steps, w.length, mean);
}

// Writes dy of the last layer, the same for all steps of a row. That after the end of a row is not
// read.
template <class T>
void repeat(const AnyStack<T>& stack, const typename AnyStack<T>::Work& w, const T* dstep) {
  const int64_t width = stack.width, row = stack.directions * width;
  T* to = stack.top_dy(w);
  for (int d = 0; d < stack.directions; d++)
    for (int64_t i = 0; i < w.steps * w.rows; i++, to += width)
      std::memcpy(to, dstep + i % w.rows * row + d * width, width * sizeof(T));
}

// The backward pass of `average`, from the gradient of the mean, which is scaled in place.
template <class T>
void spread(const AnyStack<T>& stack, const typename AnyStack<T>::Work& w, T* dmean) {
  divide(stack, w.rows, w.steps, w.length, dmean);
  repeat(stack, w, dmean);
}

// States of `rows` sequences: an array [layers*directions][rows][row] for each that the cell
// carries; null if zero or not needed.
template <class T>
struct States {
  T* at[most_states] = {};
  int64_t rows = 0, row = 0;
};

template <class T>
bool any(const States<T>& states) {
  return std::any_of(std::begin(states.at), std::end(states.at), [](const T* at) { return at; });
}

// Copies states of a batch into a shard whose first row is row `first` of the batch. `place`
// returns the shard's state of a layer and direction; it is filled with zeros if `numbers` is null.
template <class T, class Place>
void fill_rows(const AnyStack<T>& stack, const typename AnyStack<T>::Work& w, int64_t first,
               const States<T>& from, const T* numbers, Place place) {
  for (int i = 0; i < stack.layers * stack.directions; i++) {
    T* to = place(i / stack.directions, i % stack.directions);
    std::memset(to, 0, w.rows * stack.state_width * sizeof(T));
    for (int64_t r = 0; numbers && r < w.rows; r++)
      std::memcpy(to + r * stack.state_width, numbers + (i * from.rows + first + r) * from.row,
                  stack.state_size * sizeof(T));
  }
}

template <class T, class Place>
void give_rows(const AnyStack<T>& stack, const typename AnyStack<T>::Work& w, int64_t first,
               const States<T>& to, T* numbers, Place place) {
  for (int i = 0; numbers && i < stack.layers * stack.directions; i++) {
    const T* from = place(i / stack.directions, i % stack.directions);
    for (int64_t r = 0; r < w.rows; r++)
      std::memcpy(numbers + (i * to.rows + first + r) * to.row, from + r * stack.state_width,
                  stack.state_size * sizeof(T));
  }
}

template <class T>
void fill_states(const AnyStack<T>& stack, const typename AnyStack<T>::Work& w, int64_t first,
                 const States<T>& from) {
  for (int i = 0; i < stack.states(); i++)
    fill_rows(stack, w, first, from, from.at[i],
              [&](int l, int d) { return stack.first_state(w, l, d, i); });
}

template <class T>
void give_states(const AnyStack<T>& stack, const typename AnyStack<T>::Work& w, int64_t first,
                 const States<T>& to) {
  for (int i = 0; i < stack.states(); i++)
    give_rows(stack, w, first, to, to.at[i],
              [&](int l, int d) { return stack.last_state(w, l, d, i); });
}

// Copy the gradients of the last states before backward(), with top_dlast() zero but for them, and
// those of the initial states after it.
template <class T>
void fill_gradients(const AnyStack<T>& stack, const typename AnyStack<T>::Work& w, int64_t first,
                    const States<T>& from) {
  for (int d = 0; d < stack.directions; d++)
    std::memset(stack.top_dlast(w, d), 0, w.rows * stack.width * sizeof(T));
  for (int i = 0; i < stack.states(); i++)
    fill_rows(stack, w, first, from, from.at[i],
              [&](int l, int d) { return stack.dstate(w, l, d, i); });
}

template <class T>
void give_gradients(const AnyStack<T>& stack, const typename AnyStack<T>::Work& w, int64_t first,
                    const States<T>& to) {
  for (int i = 0; i < stack.states(); i++)
    give_rows(stack, w, first, to, to.at[i],
              [&](int l, int d) { return stack.dstate(w, l, d, i); });
}

}  // namespace hs
