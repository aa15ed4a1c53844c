#include "sheet/guess.h"

#include <string.h>
#include <strings.h>

#include "sheet/csv.h"

#define ROWS 50

static bool begins(struct span s, const char *bytes, size_t n)
{
    return s.n >= n && memcmp(s.p, bytes, n) == 0;
}

/* A workbook with a password is a compound file with a stream of this name ([MS-OFFCRYPTO] 1.3.2);
 * its directory may lie anywhere, but nearly always at the beginning. */
static bool is_encrypted(struct span s)
{
    static const char name[] = "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e";

    return memmem(s.p, s.n, name, sizeof(name)) != NULL;
}

/* How well a delimiter cuts the sample: rows that have as many cells as the first one, or 0 when it
 * has one only. */
static size_t fit(struct span sample, bool whole, enum encoding encoding, char delimiter)
{
    struct csv r;
    size_t columns = 0, same = 0, other = 0;

    csv_init(&r, delimiter, encoding);
    csv_feed(&r, sample, 1, whole);
    for (int i = 0; i < ROWS && csv_next(&r) == CSV_ROW; i++) {
        if (i == 0)
            columns = r.ncells;
        same += r.ncells == columns;
        other += r.ncells != columns;
    }
    csv_done(&r);
    if (columns < 2)
        return 0;
    return (same * 1000 / (same + other)) * CSV_COLUMNS_MAX + columns;
}

static char guess_delimiter(struct span sample, bool whole, enum encoding encoding)
{
    static const char candidates[] = {',', ';', '\t', '|'};
    size_t best = 0;
    char chosen = ',';

    for (size_t i = 0; i < sizeof(candidates); i++) {
        size_t n = fit(sample, whole, encoding, candidates[i]);

        if (n > best) {
            best = n;
            chosen = candidates[i];
        }
    }
    return chosen;
}

/* Excel writes "sep=;" where the list separator is not that of the reader. */
static void skip_sep(struct span *s, struct guess *g)
{
    if (s->n < 6 || strncasecmp(s->p, "sep=", 4) != 0 || (s->p[5] != '\r' && s->p[5] != '\n'))
        return;
    size_t n = s->p[5] == '\r' && s->n > 6 && s->p[6] == '\n' ? 7 : 6;

    if (!g->delimiter)
        g->delimiter = s->p[4];
    g->skip += n;
    g->skipped_lines = 1;
    *s = (struct span){s->p + n, s->n - n};
}

const char *guess_file(struct span sample, bool whole, bool encoding_known, struct guess *g)
{
    g->skip = 0;
    g->skipped_lines = 0;
    if (sample.n == 0)
        return "The file is empty.";
    if (begins(sample, "\xFF\xFE", 2) || begins(sample, "\xFE\xFF", 2))
        return "The file is UTF-16; save it as UTF-8.";
    if (begins(sample, "\xD0\xCF\x11\xE0", 4) && is_encrypted(sample))
        return "The workbook is protected by a password; save it without one.";
    if (begins(sample, "\xD0\xCF\x11\xE0", 4))
        return "This is an Excel 97 file (.xls); save it as .xlsx or .csv.";
    if (begins(sample, "PK\x03\x04", 4))
        return "This is a packed file; only .xlsx workbooks are read.";
    if (memchr(sample.p, 0, sample.n))
        return "The file is binary, not text.";
    if (begins(sample, "\xEF\xBB\xBF", 3)) {
        sample = (struct span){sample.p + 3, sample.n - 3};
        g->skip = 3;
        if (!encoding_known)
            g->encoding = ENCODING_UTF8;
    } else if (!encoding_known) {
        g->encoding = encoding_guess(sample, whole);
    }
    skip_sep(&sample, g);
    if (!g->delimiter)
        g->delimiter = guess_delimiter(sample, whole, g->encoding);
    return NULL;
}
