/**
 * text - spans, numbers, UTF-8, percent and base64url coding, similarity.
 *
 * Pure functions. ret_ arguments are set on success only.
 */
#ifndef SLUICE_BASE_TEXT_H
#define SLUICE_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

/** Bytes that somebody else owns; not NUL-terminated. */
struct span {
    const char *p;
    size_t n;
};

#define SPAN(literal) ((struct span){(literal), sizeof(literal) - 1})

/** Returns a span over a NUL-terminated string (NULL gives an empty span). */
struct span span_of(const char *text);

/** Tells whether the span equals the string. */
bool span_is(struct span s, const char *text);

/** Same, ignoring ASCII case. */
bool span_is_nocase(struct span s, const char *text);

/** Returns the span without leading and trailing SP and HTAB (RFC 9110 OWS). */
struct span span_trim(struct span s);

/** Parses a decimal integer: optional '-', digits only, no overflow, nothing else. */
bool text_parse_i64(struct span in, int64_t *ret);

/** Tells whether the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlongs). */
bool text_is_utf8(const char *p, size_t n);

/** Counts code points of well-formed UTF-8. */
size_t text_utf8_length(const char *p, size_t n);

/** Decodes %XX (and '+' as space when @plus). Returns an arena string; NULL for a bad escape, a
 * zero byte, bad UTF-8, or an arena past its limit. */
char *text_percent_decode(struct arena *a, struct span in, bool plus);

/** Encodes as base64url without padding (RFC 4648 section 5). Arena string, NULL past the limit. */
char *text_base64url(struct arena *a, const void *bytes, size_t n);

/** Decodes strict base64url without padding: no other characters, no stray low bits. Returns the
 * bytes in the arena, or NULL. */
void *text_base64url_decode(struct arena *a, struct span in, size_t *ret_n);

/** Writes 2n lower-case hex digits and a NUL to @out. */
void text_hex(const void *bytes, size_t n, char *out);

/** Returns the entry of the list (ending with NULL) that is nearest to @word by edit distance with
 * transpositions, or NULL if none is near enough to suggest (distance above a third of its length).
 */
const char *text_nearest(const char *word, const char *const *list);

/** Tells whether the text is an RFC 3339 full-date of a real day (years 1 to 9999). */
bool text_is_date(const char *text);

/** Tells whether the text is an RFC 3339 date-time with offset of a real moment. */
bool text_is_date_time(const char *text);

/** Compares two such moments, whatever their offsets: below, at or above 0 as @a is before, at or
 * after @b. */
int text_compare_moments(const char *a, const char *b);

/** Tells whether the text is a plain decimal number: [-]digits[.digits], at most @whole digits
 * before and @fraction after the point. */
bool text_is_decimal(const char *text, unsigned whole, unsigned fraction);

#endif
