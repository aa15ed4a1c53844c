/**
 * table - writing spreadsheets row by row: CSV, and workbooks that stay small in memory.
 *
 * CSV is RFC 4180 in UTF-8. A spreadsheet program takes text that begins with = + - @ TAB or CR for
 * a formula, which a stranger may have typed into a form ("CSV injection", OWASP): such text gets
 * an apostrophe in front, which those programs do not show. A workbook says of each cell what it is
 * and needs none.
 */
#ifndef SLUICE_SHEET_TABLE_H
#define SLUICE_SHEET_TABLE_H

#include <stdbool.h>
#include <stddef.h>

enum table_cell { TABLE_TEXT, TABLE_NUMBER, TABLE_BOOLEAN, TABLE_PLAIN /* text of ours */ };

struct table;

/** Begins a table in an empty file, which stays the caller's. @book: a workbook, else CSV with that
 * delimiter, with a byte order mark if @mark. @folder: for temporary files. */
struct table *table_begin(int fd, bool book, char delimiter, bool mark, const char *folder);

/** Adds a cell to the row; NULL is an empty one. */
void table_add(struct table *t, enum table_cell kind, const char *text);
void table_end_row(struct table *t);

/** Writes what is left and frees it; false: not all of it is in the file. */
bool table_finish(struct table *t);

/** Tells whether text would be taken for a formula. */
bool table_is_formula(const char *text);

#endif
