// A C view of RE2, the regular expression library whose search time is linear in the text and whose memory has a
// bound (https://github.com/google/re2). Its syntax and its leftmost-first choice are those of Go's regexp, which
// Traefik's rules are written for. Nothing here throws; nothing is kept between calls but the compiled expression.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// A compiled expression. Immutable to its users and safe to use from many threads at once.
typedef struct sluice_re2 sluice_re2;

// Groups of one expression that a search can report, the whole match not counted.
enum { SLUICE_RE2_GROUPS_MAX = 99 };

// Where a group matched, in bytes from the start of the text; -1 and -1 when it took no part.
typedef struct {
  ptrdiff_t start;
  ptrdiff_t end;
} sluice_re2_span;

// What was wrong with a pattern.
typedef struct {
  // Where the offending part begins in the pattern, and its length, in bytes.
  size_t offset;
  size_t length;
  // RE2's words, cut to fit, ending in NUL.
  char message[160];
} sluice_re2_error;

// Compiles a pattern of UTF-8. `memory_bytes_max` bounds the program and the automata it grows while searching.
// Returns NULL and fills `error` when the pattern is wrong or too large.
sluice_re2 *sluice_re2_create(const char *pattern, size_t length, int ignore_case, int64_t memory_bytes_max,
                              sluice_re2_error *error);
void sluice_re2_destroy(sluice_re2 *expression);

// The number of groups, and the index of a named one (-1 when there is none of that name).
int sluice_re2_group_count(const sluice_re2 *expression);
int sluice_re2_group_index(const sluice_re2 *expression, const char *name, size_t length);

// 1 when the expression matches anywhere in the text, 0 when not. The text may hold any bytes.
int sluice_re2_matches(const sluice_re2 *expression, const char *text, size_t length);

// Searches from `start` on (what is before it still counts for \b and ^). Fills `count` spans, the whole match first.
// The text must be well-formed UTF-8 for `.` and classes to see every character.
int sluice_re2_search(const sluice_re2 *expression, const char *text, size_t length, size_t start,
                      sluice_re2_span *spans, int count);

// The length of the well-formed UTF-8 sequence that text begins with, 0 when it begins with none.
size_t sluice_re2_character_length(const unsigned char *text, size_t length);

#ifdef __cplusplus
}
#endif
