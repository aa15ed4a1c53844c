/**
 * guess - what a file of delimited text is, from its first bytes.
 */
#ifndef SLUICE_SHEET_GUESS_H
#define SLUICE_SHEET_GUESS_H

#include <stdbool.h>
#include <stddef.h>

#include "sheet/encoding.h"

struct guess {
    enum encoding encoding;
    char delimiter;
    size_t skip; /* bytes before the first row: a byte order mark, Excel's "sep=;" line */
    int skipped_lines;
};

/** Fills @g from a sample (@whole: it is all of the file). A member that is set in @known (non-zero
 * delimiter; @encoding_known) is taken as it is. Returns NULL, or a sentence that says why this is
 * no such file. */
const char *guess_file(struct span sample, bool whole, bool encoding_known, struct guess *g);

#endif
