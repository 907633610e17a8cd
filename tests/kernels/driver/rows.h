// Tests the reading of delimited text: known cells are read back, and odd bytes never lead beyond
// the text or the arrays.
#pragma once

#include <cstdlib>
#include <memory>
#include <string>

#include "driver.h"
#include "text_rows.h"

namespace hs::driver {

struct RowsCase {
  char delimiter, mark;
  int64_t columns, rows;
  std::string text;
  std::vector<int64_t> lines;                   // of each row
  std::vector<std::vector<std::string>> cells;  // of each row, without quotes
  ptrdiff_t longest = 0;                        // bytes of a word

  explicit RowsCase(Dice& dice)
      : delimiter(dice.pick({',', ';', '\t', '|'})),
        mark(delimiter == ',' || dice.once_in(2) ? '.' : ','), columns(1 + dice.below(4)),
        rows(dice.below(12)) {
    std::vector<int64_t> kinds;
    for (int64_t j = 0; j < columns; j++) kinds.push_back(dice.below(4));
    for (int64_t i = 0, line = 0; i < rows; i++, line++) {
      while (dice.once_in(6)) {
        text += '\n';
        line++;
      }
      lines.push_back(line);
      cells.emplace_back();
      for (int64_t j = 0; j < columns; j++) {
        std::string cell = dice.once_in(9) ? "NA" : kinds[j] ? number(dice) : word(dice);
        const bool quoted = dice.once_in(5);
        if (!quoted) std::replace(cell.begin(), cell.end(), delimiter, '_');
        text += quoted ? '"' + cell + '"' : cell;
        text += j + 1 < columns ? delimiter : '\n';
        cells.back().push_back(cell);
      }
    }
    if (!text.empty() && dice.once_in(3)) text.pop_back();  // no newline at the end
  }

  std::string number(Dice& dice) const {
    char digits[400];
    const double value = dice.number() * dice.pick({1.0, 40.0, 1e6, 1e-30, 1e12});
    const int places = static_cast<int>(dice.below(20));
    std::snprintf(digits, sizeof digits, dice.pick({"%.*f", "%+.*e", "%.*g"}), places, value);
    std::string cell(digits);
    std::replace(cell.begin(), cell.end(), '.', mark);
    return cell;
  }

  // Text with bytes that are not ASCII, not UTF-8, or zero; now and then as long as it may be.
  std::string word(Dice& dice) {
    std::string cell = "x";
    for (int64_t n = dice.below(6); n > 0; n--)
      cell += dice.pick({"\xef\xbb\xbf", "\xff", "\xc3", "\r", " ", "a", ",", "'", "1"});
    if (dice.once_in(4)) cell += '\0';
    if (dice.once_in(300)) cell.resize(LONGEST - 2 + static_cast<size_t>(dice.below(4)), 'z');
    longest = std::max(longest, static_cast<ptrdiff_t>(cell.size()));
    return cell;
  }

  void tell() const { say(" %" PRId64 " rows of %" PRId64 " columns", rows, columns); }
};

// Reads text that lies in memory of exactly its size, into arrays of exactly theirs.
struct Reading {
  std::vector<double> values;
  std::vector<int64_t> lines;
  std::unique_ptr<bool[]> is_text, plain;
  std::unique_ptr<char[]> copy;
  RowBlock block;
  int64_t rows;

  Reading(const RowsCase& c, const std::string& text, int64_t room)
      : values(room * c.columns, unset), lines(room), is_text(new bool[c.columns]()),
        plain(new bool[c.columns]), copy(new char[text.size()]),
        block{nullptr,
              nullptr,
              c.delimiter,
              c.mark,
              c.columns,
              room,
              [](const char* number) { return std::strtod(number, nullptr); },
              {"", "na"},
              values.data(),
              lines.data(),
              is_text.get(),
              plain.get(),
              {}} {
    std::fill_n(plain.get(), c.columns, true);
    std::copy(text.begin(), text.end(), copy.get());
    rows = block.read(copy.get(), text.size());
  }
};

inline void check_cells(const RowsCase& c, const Reading& read) {
  require(read.rows == c.rows && std::equal(c.lines.begin(), c.lines.end(), read.lines.begin()),
          "each row is read, and its line");
  for (int64_t j = 0; j < c.columns; j++)
    for (int64_t i = 0; i < c.rows; i++) {
      const std::string& cell = c.cells[i][j];
      const double value = read.values[i * c.columns + j];
      if (read.is_text[j]) {
        const auto& all = read.block.texts[j].all;
        require(all[static_cast<size_t>(value)] == Text(cell), "a text is as in the file");
      } else if (cell == "NA") {
        require(std::isnan(value), "a missing number is NaN");
      } else {
        std::string point(cell);
        std::replace(point.begin(), point.end(), c.mark, '.');
        require(value == std::strtod(point.c_str(), nullptr), "a number is the nearest double");
      }
    }
}

// The same text with odd bytes in it, cut anywhere, read into arrays with room for its lines or
// less.
inline void check_odd_bytes(const RowsCase& c, Dice& dice) {
  std::string text = c.text.substr(0, dice.below(static_cast<int64_t>(c.text.size()) + 1));
  for (int64_t n = dice.below(5); n > 0; n--) {
    const char odd = dice.pick({'"', '\n', '\r', '\0', '\xff', ',', ';', 'e', '-', '.', '9'});
    const size_t at = static_cast<size_t>(dice.below(static_cast<int64_t>(text.size()) + 1));
    if (dice.once_in(2) && at < text.size())
      text[at] = odd;
    else
      text.insert(at, 1, odd);
  }
  const int64_t all = 1 + std::count(text.begin(), text.end(), '\n');
  const int64_t room = dice.once_in(4) ? dice.below(all) : all;
  const Reading read(c, text, room);
  require(read.rows >= -1 && read.rows <= room, "no more rows than there is room for");
  for (int64_t i = 0; i < read.rows; i++) {
    require(read.lines[i] < all && (!i || read.lines[i] > read.lines[i - 1]), "lines rise");
    for (int64_t j = 0; j < c.columns; j++) {
      const double value = read.values[i * c.columns + j];
      const double known = static_cast<double>(read.block.texts[j].all.size());
      require(!read.is_text[j] || (value >= 0 && value < known), "a code is that of a text");
    }
  }
  for (const Texts& texts : read.block.texts)
    for (const Text& cell : texts.all)
      require(cell.find('\n') == Text::npos || read.rows < 0, "a cell is on one line");
}

inline void text_rows(const std::vector<const Level*>&, int64_t cases) {
  for (int64_t i = 0; i < 40 * cases; i++) {
    Dice dice(4'000'000 + i);
    const RowsCase c(dice);
    begin("rows", i, "any level", c);
    const Reading read(c, c.text, 1 + std::count(c.text.begin(), c.text.end(), '\n'));
    if (c.longest < LONGEST) check_cells(c, read);  // a quote counts, too
    require(c.longest <= LONGEST || read.rows == -1, "a cell that is too long is refused");
    for (int64_t k = 0; k < 4; k++) check_odd_bytes(c, dice);
  }
}

}  // namespace hs::driver
