/**
 * csv - rows of delimited text, read from pieces of a file that need not end where rows do.
 *
 * RFC 4180 as spreadsheets write it: any one-byte delimiter, cells in double quotes with doubled
 * quotes and line breaks inside, LF, CR LF or CR, a last line without an end. Cells come out as
 * UTF-8. Our own and not libcsv: that one pushes cells from inside a callback and cannot say at
 * which byte a row ended, which is what a job needs to go on in another process.
 */
#ifndef SLUICE_SHEET_CSV_H
#define SLUICE_SHEET_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/text.h"
#include "sheet/encoding.h"

#define CSV_COLUMNS_MAX 256
#define CSV_CELL_MAX ((size_t)64 * 1024)
#define CSV_ROW_MAX ((size_t)256 * 1024)

enum csv_found {
    CSV_ROW,   /* the row is in the reader */
    CSV_MORE,  /* the piece ends within a row: it begins at csv_consumed() */
    CSV_END,   /* nothing is left of the last piece */
    CSV_BROKEN /* the file makes no sense from here on: see `fault` */
};

struct csv {
    char delimiter;
    bool by_row; /* a line is a row, whatever line breaks its cells have */
    struct encoding_converter converter;
    struct span piece;
    size_t at; /* where the next row begins */
    bool last;
    int64_t line; /* on which the next row begins, from 1 */
    /* the row */
    int64_t row_line;
    size_t ncells;
    struct buf text;
    size_t starts[CSV_COLUMNS_MAX];
    bool quoted[CSV_COLUMNS_MAX]; /* the cell stood in quotes */
    const char *fault; /* the row cannot be used, or (CSV_BROKEN) nothing after it; NULL: none */
};

/** Starts a reader of text in that encoding. */
void csv_init(struct csv *r, char delimiter, enum encoding encoding);
void csv_done(struct csv *r);

/** Gives it a piece that begins at the beginning of a row, on that line; @last: nothing follows. */
void csv_feed(struct csv *r, struct span piece, int64_t line, bool last);

/** Reads the next row that is not blank. */
enum csv_found csv_next(struct csv *r);

/** Returns how many bytes of the piece were read as whole rows. */
size_t csv_consumed(const struct csv *r);

/** Returns a cell of the row, without white space around it; "" past the last one. */
const char *csv_cell(const struct csv *r, size_t i);

#endif
