// Reads rows of delimited text: numbers, and the different texts of all other columns.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace hs {

using Text = std::string_view;

using Slow = double (*)(const char*);  // converts a number that ends in a zero byte

constexpr double EXACT = 9007199254740992;  // 2^53; from here on not every whole number is a double
constexpr double TENS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                           1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr ptrdiff_t LONGEST = 131072;  // bytes of a cell, as in Python's csv module

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A number as Python reads it. With at most 53 bits of digits and a power of ten that is a double,
// one operation rounds it correctly (Clinger, How to read floating point numbers accurately, 1990).
struct Number {
  double value = 0;
  bool plain = false;  // a whole number as Python writes it

  // Returns false if `cell` is none. `slow` converts what one operation does not.
  bool read(Text cell, char mark, Slow slow) {
    const char *p = cell.data(), *end = p + cell.size();
    const bool sign = p < end && (*p == '-' || *p == '+'), negative = sign && *p == '-';
    p += sign;
    const char* first = p;
    uint64_t digits = 0;
    int n = 0, power = 0;
    for (; p < end && is_digit(*p); ++p, ++n) digits = shifted(digits, *p);
    plain = n == 1 || (n > 1 && *first != '0');
    plain = plain && p == end && (!sign || (negative && digits));
    if (p < end && *p == mark)
      for (++p; p < end && is_digit(*p); ++p, ++n, --power) digits = shifted(digits, *p);
    if (!n) return false;
    if (p < end && (*p == 'e' || *p == 'E')) {
      const bool down = ++p < end && *p == '-';
      if (p < end && (*p == '-' || *p == '+')) ++p;
      if (p == end) return false;
      int own = 0;
      for (; p < end && is_digit(*p); ++p) own = std::min(10 * own + (*p - '0'), 100000);
      power += down ? -own : own;
    }
    if (p != end) return false;
    if (digits > uint64_t{1} << 53 || std::abs(power) > 22) return read_slowly(cell, mark, slow);
    const double whole = static_cast<double>(digits);
    value = power < 0 ? whole / TENS[-power] : whole * TENS[power];
    if (negative) value = -value;
    return std::abs(value) < EXACT;
  }

 private:
  // Digits with one more; more than 2^53 of them stay so.
  static uint64_t shifted(uint64_t digits, char c) {
    return digits > uint64_t{1} << 56 ? digits : 10 * digits + static_cast<uint64_t>(c - '0');
  }

  bool read_slowly(Text cell, char mark, Slow slow) {
    std::string copy(cell);
    std::replace(copy.begin(), copy.end(), mark, '.');
    value = slow(copy.c_str());
    return std::abs(value) < EXACT;
  }
};

// The different texts of a column, in the order of the rows.
struct Texts {
  std::unordered_map<Text, int64_t> codes;
  std::vector<Text> all;

  int64_t code(Text cell) {
    const auto [place, is_new] = codes.try_emplace(cell, static_cast<int64_t>(all.size()));
    if (is_new) all.push_back(cell);
    return place->second;
  }
};

// Lines of text with `room` for as many rows: `values` (room, columns), of columns of text their
// codes, and the `lines` (room,) that the rows are on. `is_text` and `plain` (columns,) say which
// columns are text, and which hold only whole numbers as Python writes them; both are read too.
struct RowBlock {
  const char *p, *end;
  char delimiter, mark;
  int64_t columns, room;
  Slow slow;
  std::vector<std::string> missing;
  double* values;
  int64_t* lines;
  bool *is_text, *plain;
  std::vector<Texts> texts;

  // Returns false at a quote within a cell or around a line's end, and at a cell that is too long.
  bool next(Text& cell) {
    const char* first = p;
    if (p < end && *p == '"') {
      ++first;
      p = static_cast<const char*>(std::memchr(first, '"', static_cast<size_t>(end - first)));
      if (!p) return false;
      cell = Text(first, static_cast<size_t>(p - first));
      ++p;
      return p - first <= LONGEST && cell.find('\n') == Text::npos;
    }
    for (; p < end && *p != delimiter && *p != '\n'; ++p)
      if (*p == '"') return false;
    cell = Text(first, static_cast<size_t>(p - first));
    return p - first <= LONGEST;
  }

  bool is_missing(Text cell) const {
    const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; };
    return std::any_of(missing.begin(), missing.end(), [&](const std::string& word) {
      return std::equal(cell.begin(), cell.end(), word.begin(), word.end(), same);
    });
  }

  // Reads a cell into `value`; returns false if its column is text, and was not before.
  bool keep(Text cell, int64_t column, double& value) {
    Number number;
    if (is_text[column]) {
      value = static_cast<double>(texts[column].code(cell));
    } else if (number.read(cell, mark, slow)) {
      value = number.value;
      plain[column] = plain[column] && number.plain;
    } else if (is_missing(cell)) {
      value = std::nan("");
    } else {
      is_text[column] = true;
      return false;
    }
    return true;
  }

  // Reads all rows of `size` bytes of text; returns their number, -1 if one is unlike the others or
  // has no room.
  int64_t read(const char* text, size_t size) {
    for (bool again = true; again;) {
      again = false;
      p = text;
      end = text + size;
      const int64_t rows = read_once(again);
      if (rows < 0 || !again) return rows;
    }
    return -1;
  }

 private:
  // `again` is set if a column turned out to be text after its first rows were read as numbers.
  int64_t read_once(bool& again) {
    int64_t row = 0;
    Text cell;
    texts.assign(static_cast<size_t>(columns), Texts());
    for (int64_t line = 0; p <= end; ++line) {
      if (p == end || *p == '\n') {
        ++p;
        continue;
      }
      if (row == room) return -1;
      double* out = values + row * columns;
      for (int64_t j = 0; j < columns; ++j) {
        if (!next(cell)) return -1;
        const bool last = j == columns - 1, ends = p == end || *p == '\n';
        if (last != ends || (!last && *p != delimiter)) return -1;
        ++p;
        if (columns == 1 && std::none_of(cell.begin(), cell.end(), [](char c) { return c > ' '; }))
          return -1;
        if (!keep(cell, j, out[j])) {
          if (row == 0) keep(cell, j, out[j]);
          again = again || row > 0;
        }
      }
      lines[row++] = line;
    }
    return row;
  }
};

}  // namespace hs
