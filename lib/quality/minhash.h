/**
 * minhash - how alike two names are, and an index that finds the alike ones.
 *
 * Pure and deterministic: the same text gives the same numbers in every build, so they can be kept.
 * Trigrams and similarity are those of PostgreSQL's pg_trgm: words of letters and digits, two
 * blanks in front and one behind, three characters each, doubles once; similarity is shared by all.
 *
 * Bands: 80 minima of 80 hashes of the trigrams (Broder, "On the resemblance and containment of
 * documents", 1997), five to a band. Two texts with similarity s have a minimum in common with
 * probability s. A text is kept by its 16 bands and looked for by these and its 80 probes, each of
 * them a band of which one minimum is left out for the next one, as if the text lacked that
 * trigram (Lv and others, "Multi-probe LSH", 2007): they meet with 1 - (1 - s^5 (1 + 5
 * (1-s)/2))^16, which is 0.93 at 0.6, 0.99 at 0.65 and 1.00 from 0.7 on. Five minima rather than
 * four, because names that have but a common word ("consulting") in common share all minima that
 * come of it.
 *
 * Print: a bit for each trigram, turned over once by every one that has it. Prints of two texts
 * differ in no more bits than the texts in trigrams, so with a and b trigrams a similarity of s or
 * more wants at most (a + b)(1 - s)/(1 + s) different bits: that costs next to nothing to see.
 */
#ifndef SLUICE_QUALITY_MINHASH_H
#define SLUICE_QUALITY_MINHASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

#define TRIGRAMS_MAX 512
#define BANDS 16
#define BAND_ROWS 5 /* minima of a band */
#define PROBES (BANDS * BAND_ROWS)

/** The trigrams of a text, ascending, each once. */
struct trigrams {
    size_t n;
    uint32_t all[TRIGRAMS_MAX];
};

/** Collects the trigrams of a folded text; beyond the limit they are left out. */
void trigrams_of(struct span folded, struct trigrams *ret);

/** Returns shared by all trigrams, 0 to 1, as pg_trgm's similarity(); 0 if either has none. */
float trigrams_similarity(const struct trigrams *a, const struct trigrams *b);

/** What a text is kept and looked for by. */
struct minhash {
    int32_t bands[BANDS];
    int32_t probes[PROBES];
    uint64_t print;
    size_t trigrams;
};

/** Fills it in; the number of a band is part of its hash, so any place may be compared with any
 * other. Returns false (and zeros) if there are no trigrams. */
bool minhash_of(const struct trigrams *t, struct minhash *ret);

#endif
