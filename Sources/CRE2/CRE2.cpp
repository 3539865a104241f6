#include "CRE2.h"

#include <re2/re2.h>

#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <string>

struct sluice_re2 {
  re2::RE2 expression;
  sluice_re2(const re2::StringPiece &pattern, const re2::RE2::Options &options) : expression(pattern, options) {}
};

namespace {

void describe(sluice_re2_error *error, size_t offset, size_t length, const std::string &words) {
  error->offset = offset;
  error->length = length;
  size_t count = words.size() < sizeof(error->message) - 1 ? words.size() : sizeof(error->message) - 1;
  std::memcpy(error->message, words.data(), count);
  error->message[count] = 0;
}

bool is_ascii(const char *text, size_t length) {
  size_t index = 0;
  for (; index + 8 <= length; index += 8) {
    uint64_t word;
    std::memcpy(&word, text + index, 8);
    if (word & 0x8080808080808080u) return false;
  }
  for (; index < length; index++) {
    if (static_cast<unsigned char>(text[index]) >= 0x80) return false;
  }
  return true;
}

}  // namespace

extern "C" {

sluice_re2 *sluice_re2_create(const char *pattern, size_t length, int ignore_case, int64_t memory_bytes_max,
                              sluice_re2_error *error) {
  try {
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_case_sensitive(!ignore_case);
    options.set_max_mem(memory_bytes_max);
    re2::StringPiece source(pattern, length);
    std::unique_ptr<sluice_re2> made(new sluice_re2(source, options));
    if (made->expression.ok()) return made.release();
    // RE2 says what offends, not where; its first occurrence is where, or at least looks the same.
    const std::string &offending = made->expression.error_arg();
    size_t found = offending.empty() ? re2::StringPiece::npos : source.find(offending, 0);
    bool placed = found != re2::StringPiece::npos;
    describe(error, placed ? found : 0, placed ? offending.size() : length, made->expression.error());
  } catch (const std::exception &) {
    describe(error, 0, length, "out of memory");
  }
  return nullptr;
}

void sluice_re2_destroy(sluice_re2 *expression) { delete expression; }

int sluice_re2_group_count(const sluice_re2 *expression) { return expression->expression.NumberOfCapturingGroups(); }

int sluice_re2_group_index(const sluice_re2 *expression, const char *name, size_t length) {
  try {
    const auto &groups = expression->expression.NamedCapturingGroups();
    auto found = groups.find(std::string(name, length));
    return found == groups.end() ? -1 : found->second;
  } catch (const std::exception &) {
    return -1;
  }
}

int sluice_re2_matches(const sluice_re2 *expression, const char *text, size_t length) {
  try {
    re2::StringPiece piece(text, length);
    bool well_formed = is_ascii(text, length);
    for (size_t index = 0; !well_formed;) {
      size_t width = sluice_re2_character_length(reinterpret_cast<const unsigned char *>(text) + index, length - index);
      if (width == 0) break;
      index += width;
      well_formed = index == length;
    }
    if (well_formed) {
      return expression->expression.Match(piece, 0, length, re2::RE2::UNANCHORED, nullptr, 0);
    }
    // Go's regexp sees each stray byte as U+FFFD; RE2 has no character for it, so that `^/a.*$` would miss a path
    // that Go, and the operator, take for matched. Only a hostile text pays for the copy.
    std::string repaired;
    repaired.reserve(length + 64);
    for (size_t index = 0; index < length;) {
      size_t width = sluice_re2_character_length(reinterpret_cast<const unsigned char *>(text) + index, length - index);
      if (width == 0) {
        repaired.append("\xEF\xBF\xBD");
        index += 1;
      } else {
        repaired.append(text + index, width);
        index += width;
      }
    }
    return expression->expression.Match(repaired, 0, repaired.size(), re2::RE2::UNANCHORED, nullptr, 0);
  } catch (const std::exception &) {
    return 0;
  }
}

int sluice_re2_search(const sluice_re2 *expression, const char *text, size_t length, size_t start,
                      sluice_re2_span *spans, int count) {
  re2::StringPiece pieces[SLUICE_RE2_GROUPS_MAX + 1];
  if (count > SLUICE_RE2_GROUPS_MAX + 1) count = SLUICE_RE2_GROUPS_MAX + 1;
  // An empty text needs an address, or a group that matched nothing looks like one that took no part.
  if (text == nullptr) text = "";
  try {
    re2::StringPiece piece(text, length);
    if (!expression->expression.Match(piece, start, length, re2::RE2::UNANCHORED, pieces, count)) return 0;
  } catch (const std::exception &) {
    return 0;
  }
  for (int index = 0; index < count; index++) {
    bool took_part = pieces[index].data() != nullptr;
    spans[index].start = took_part ? pieces[index].data() - text : -1;
    spans[index].end = took_part ? spans[index].start + static_cast<ptrdiff_t>(pieces[index].size()) : -1;
  }
  return 1;
}

size_t sluice_re2_character_length(const unsigned char *text, size_t length) {
  // RFC 3629 section 4.
  if (length == 0) return 0;
  unsigned char first = text[0];
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4) return 0;
  size_t width = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (length < width) return 0;
  unsigned char low = 0x80, high = 0xBF;
  if (first == 0xE0) low = 0xA0;
  if (first == 0xED) high = 0x9F;
  if (first == 0xF0) low = 0x90;
  if (first == 0xF4) high = 0x8F;
  if (text[1] < low || text[1] > high) return 0;
  for (size_t index = 2; index < width; index++) {
    if ((text[index] & 0xC0) != 0x80) return 0;
  }
  return width;
}

}  // extern "C"
