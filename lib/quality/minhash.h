/**
 * minhash - how alike two names are, and an index that finds the alike ones.
 *
 * Pure and deterministic: the same text gives the same numbers in every build, so they can be kept.
 * Trigrams and similarity are those of PostgreSQL's pg_trgm: words of letters and digits, two
 * blanks in front and one behind, three characters each, doubles once; similarity is shared by all.
 *
 * Bands: 64 minima of 64 hashes of the trigrams (Broder, "On the resemblance and containment of
 * documents", 1997), four to a band. Two texts with similarity s have a minimum in common with
 * probability s, hence at least one of 16 bands with 1 - (1 - s^4)^16: 0.90 at 0.6, 0.99 at 0.7,
 * 1.00 at 0.8.
 */
#ifndef SLUICE_QUALITY_MINHASH_H
#define SLUICE_QUALITY_MINHASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

#define TRIGRAMS_MAX 512
#define BANDS 16

/** The trigrams of a text, ascending, each once. */
struct trigrams {
    size_t n;
    uint32_t all[TRIGRAMS_MAX];
};

/** Collects the trigrams of a folded text; beyond the limit they are left out. */
void trigrams_of(struct span folded, struct trigrams *ret);

/** Returns shared by all trigrams, 0 to 1, as pg_trgm's similarity(); 0 if either has none. */
float trigrams_similarity(const struct trigrams *a, const struct trigrams *b);

/** Writes the bands; the number of a band is part of its hash, so any place may be compared with
 * any other. Returns BANDS, or 0 (and zeros) if there are no trigrams. */
size_t minhash_bands(const struct trigrams *t, int32_t out[BANDS]);

#endif
