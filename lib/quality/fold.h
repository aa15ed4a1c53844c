/**
 * fold - text as it is compared: plain lower-case words.
 *
 * Pure. What every key in this module starts from:
 *   1. compatibility decomposition (Unicode Standard Annex 15, NFKD) and lower case, letter by
 * letter;
 *   2. marks with a combining class are dropped (diacritics, Arabic and Hebrew points);
 *   3. Latin letters without a decomposition become their base (l for l with stroke, ss, ae, oe,
 * th);
 *   4. Cyrillic is transliterated as in passports (ICAO Doc 9303 part 3, section 6, table B; the
 *      Russian reading where languages differ);
 *   5. decimal digits of any script become 0-9;
 *   6. apostrophes and invisible characters vanish, all else that is neither letter nor digit
 *      separates words. Bytes that are no UTF-8 separate as well.
 * The result is words parted by one space; folding it again changes nothing. Other scripts stay as
 * they are, decomposed.
 */
#ifndef SLUICE_QUALITY_FOLD_H
#define SLUICE_QUALITY_FOLD_H

#include <stddef.h>

#include "base/text.h"

/** Writes the folded text and a NUL to @out, at most @cap bytes, cut after a whole letter. ASCII
 * symbols of @keep stand as words of their own. Returns the length. */
size_t fold_text(struct span in, const char *keep, char *out, size_t cap);

/** Same, without spaces and in upper case (ASCII letters only): for numbers and codes. */
size_t fold_code(struct span in, char *out, size_t cap);

#endif
