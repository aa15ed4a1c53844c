/**
 * encoding - the encodings in which spreadsheets of Central and Eastern Europe are saved.
 */
#ifndef SLUICE_SHEET_ENCODING_H
#define SLUICE_SHEET_ENCODING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/text.h"

enum encoding { ENCODING_UTF8, ENCODING_WINDOWS_1250, ENCODING_WINDOWS_1251, ENCODING_COUNT };

/** Its name as in the contract: "utf-8", "windows-1250", "windows-1251". */
const char *encoding_name(enum encoding e);

/** Finds it by name; false if there is no such. */
bool encoding_find(const char *name, enum encoding *ret);

/** Says which one the bytes are most likely in. UTF-8 if they are valid UTF-8 (@whole: the sample
 * does not end within a character). Else by their words: Cyrillic ones have no Latin letters, in
 * Polish, Czech or Hungarian ones both kinds stand together. */
enum encoding encoding_guess(struct span sample, bool whole);

struct encoding_converter {
    enum encoding encoding;
    void *iconv; /* NULL for UTF-8 */
};

void encoding_open(struct encoding_converter *c, enum encoding e);
void encoding_close(struct encoding_converter *c);

/** Replaces the bytes from @start to the end of @b by UTF-8; false if they are no text. */
bool encoding_convert(struct encoding_converter *c, struct buf *b, size_t start);

#endif
