/**
 * xlsx - the rows of a workbook (ECMA-376, Office Open XML), as text that the CSV reader reads.
 *
 * A workbook is a zip of XML parts. Its directory is at its end and its texts lie apart from its
 * rows, so that rows cannot be read from any byte on: they are unpacked once, in order, as lines of
 * comma-separated UTF-8. A cell of text stands in quotes; numbers, dates, booleans and errors
 * (#N/A) do not, and are what they are whatever marks people use: numbers have a decimal point and
 * 15 digits, dates are YYYY-MM-DD, with HH:MM:SS behind if they have a time. Row n of the sheet is
 * the n-th record: rows that are not there are blank.
 *
 * What is refused: a document type (and so every entity), encrypted workbooks, parts that unpack to
 * more than XLSX_PART_MAX or to XLSX_RATIO times their size, more than XLSX_TEXTS_MAX of shared
 * texts. Memory: the shared texts and a window of the file.
 */
#ifndef SLUICE_SHEET_XLSX_H
#define SLUICE_SHEET_XLSX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define XLSX_FILE_MAX ((size_t)128 << 20)
#define XLSX_ENTRIES_MAX 4096
#define XLSX_PART_MAX ((size_t)2 << 30) /* of XML */
#define XLSX_RATIO 250                  /* of what is unpacked, above XLSX_RATIO_FROM */
#define XLSX_RATIO_FROM ((size_t)4 << 20)
#define XLSX_TEXTS_MAX ((size_t)128 << 20)
#define XLSX_OUT_MAX ((size_t)1 << 30) /* of text that a sheet becomes */

struct xlsx;

/** Opens the workbook in a file, which stays the caller's and must outlive it, and finds a sheet
 * (NULL: the first). Never NULL: see xlsx_fault(). */
struct xlsx *xlsx_open(int fd, const char *sheet);
void xlsx_close(struct xlsx *x);

/** Appends whole rows to @out until at least @enough bytes were added or the sheet ends. Returns
 * whether there is more to come; false at the end and at a fault. */
bool xlsx_read(struct xlsx *x, struct buf *out, size_t enough);

/** A sentence that says why the file cannot be read (any further), or NULL. */
const char *xlsx_fault(const struct xlsx *x);

#endif
