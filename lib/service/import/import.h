/**
 * import - spreadsheets that become records: what the files of this service share.
 */
#ifndef SLUICE_SERVICE_IMPORT_H
#define SLUICE_SERVICE_IMPORT_H

#include <jansson.h>

#include "base/buf.h"
#include "service/record/fields.h"
#include "service/record/record.h"
#include "sheet/encoding.h"
#include "json/schema.h"

#define IMPORT_PIECE ((size_t)384 * 1024)  /* of the file, for one slice; a row fits in */
#define IMPORT_FETCH ((size_t)1024 * 1024) /* of the file, for one call: some slices */
#define IMPORT_JUDGED 200                  /* of a slice whose births are decided one by one */
#define IMPORT_SAMPLE ((size_t)320 * 1024) /* what a mapping is proposed from; a row fits in */
#define IMPORT_ROWS 2000                   /* of a slice, at most */
#define IMPORT_ATTEMPTS 20                 /* at a slice, each half as large as the last */

/** What can be imported. */
struct import_entity {
    const char *name;
    const struct record *record;
    const struct schema *schema; /* of a create: the same table that a POST is checked against */
};

const struct import_entity *import_entity_find(const char *name);

/* columns: import_columns.c */

/** Returns the field that a header most likely means, or NULL, and how sure that is (0 to 1). */
const char *import_propose(const struct fields *of, const char *header, struct arena *a,
                           double *confidence);

/* rows: import_rows.c */

/** What rows are read with, all of it plain data for another thread. */
struct import_plan {
    const struct import_entity *of;
    struct fields fields;
    const json_t *columns; /* of the import: [{"header", "field"}] */
    const json_t *options;
    const char *owner; /* who owns what no column gives an owner; may be NULL */
    enum encoding encoding;
    char delimiter;
    bool book;     /* the text of a workbook: a line is a row, and what is not quoted is no text */
    unsigned rows; /* at most */
    const char *const *own; /* kinds of words by which rows are compared with each other */
    bool compares;          /* rules want more of a row than its words: keys and names go along */
};

/** A slice of rows, ready for the database. */
struct import_slice {
    size_t consumed;   /* bytes of the piece */
    int64_t next_line; /* where the next slice begins */
    unsigned rows;
    const char *broken; /* the file makes no sense behind these rows: why */
    int64_t broken_line;
    unsigned valid;                         /* of them */
    bool refers;                            /* some name an owner or an account */
    struct buf lines, ids, bodies, changes; /* array literals of the valid rows: their records as
                                               JSON, and what their entries of history say */
    struct buf ns, kinds, keys; /* of their words, row after row: the number of the row, from 1 */
    struct buf sent;            /* what they are compared by: a JSON array */
    json_t *bad;                /* [{"line", "errors", "cells"}] */
};

/** Reads, converts and checks the rows of a piece. Touches nothing but its arguments. */
void import_read(const struct import_plan *plan, struct span piece, int64_t line, bool last,
                 struct import_slice *ret);
void import_slice_done(struct import_slice *s);

/** Fills the plan from an import's columns, options, encoding and delimiter; false if a column
 * names a field that is not there any more. */
bool import_plan_fill(struct import_plan *plan, const struct import_entity *of,
                      const struct fields *fields, const json_t *columns, const json_t *options,
                      const char *format, const char *encoding, const char *delimiter);

/* workbooks: import_book.c */

struct import_book;

/** Begins to unpack the workbook of an import into text that rows are read from; NULL with the
 * error: it is too large, or too many are being unpacked. */
struct import_book *import_book_begin(struct call *c, struct uuid import, int64_t bytes,
                                      const char *sheet);

/* The steps that do it, one after another. The first three fetch the file, the others write the
 * text down; both run as often as it takes. */
enum step import_book_ask(struct call *c, struct import_book *b);
enum step import_book_take(struct call *c, struct import_book *b);
enum step import_book_taken(struct call *c, struct import_book *b);
enum step import_book_unpack(struct call *c, struct import_book *b);
enum step import_book_put(struct call *c, struct import_book *b);
enum step import_book_kept(struct call *c, struct import_book *b);

/** Returns the id of the text, and its beginning. */
struct uuid import_book_text(const struct import_book *b, struct span *sample, bool *whole);

/** Decodes hex, in place. Returns the number of bytes. */
size_t import_unhex(char *text, size_t n);

/** Adds the statement that reads the import that the path names; true unless the id is none. */
bool import_ask_get(struct call *c, struct uuid id);

#endif
