/**
 * xlsx_inner - what the files of the workbook reader share; nobody else includes it.
 */
#ifndef SLUICE_SHEET_XLSX_INNER_H
#define SLUICE_SHEET_XLSX_INNER_H

#include <expat.h>
#include <stdint.h>
#include <zip.h>

#include "sheet/xlsx.h"

/** What a number format shows of a number. */
enum shown { SHOWN_NUMBER, SHOWN_DATE, SHOWN_TIME };

#define XLSX_STYLES_MAX 65536 /* as Excel */
#define XLSX_PATH_MAX 512

/** A part that is being unpacked and parsed. */
struct part {
    zip_file_t *file;
    XML_Parser parser;
    size_t read, packed;
    bool suspended, over;
};

/** The cell and the row that are being read. */
struct at {
    int64_t row; /* of the last one begun */
    unsigned column, written;
    char type;      /* of the cell: the first letter of t, 'i' for inlineStr, 'n' */
    unsigned style; /* of the cell */
    bool in_data, in_cell, in_value, in_phonetic;
    size_t row_start;
    struct buf value;
};

struct xlsx {
    zip_t *zip;
    char fault[512];
    XML_Parser running; /* the last one begun */
    const char *sheet;  /* that is wanted */
    bool base_1904;
    char workbook[XLSX_PATH_MAX], path[XLSX_PATH_MAX];
    char strings_path[XLSX_PATH_MAX], styles_path[XLSX_PATH_MAX];
    /* workbook.xml */
    char sheet_id[128];
    struct buf sheet_names;
    /* sharedStrings.xml */
    struct buf texts;
    struct buf starts; /* of uint32_t: where each begins */
    bool in_item, in_text, in_phonetic;
    /* styles.xml */
    unsigned char *styles; /* enum shown */
    unsigned nstyles;
    bool in_formats;
    struct {
        unsigned id;
        enum shown shown;
    } formats[512];
    unsigned nformats;
    /* the sheet */
    struct part part;
    struct at at;
    struct buf *out;
    size_t out_begin, enough, written;
};

/** Says why, once: the first fault counts. Stops the parser that is running. */
void xlsx_fail(struct xlsx *x, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Opens a part for parsing. */
bool part_open(struct xlsx *x, struct part *p, const char *path);
void part_close(struct part *p);

/** Parses a window of it; false when it ended, was suspended, or is at fault. */
bool part_step(struct xlsx *x, struct part *p);

/** The name without its prefix. */
const char *xml_local(const char *name);

/** The attribute of that name, whatever its prefix, or NULL. */
const char *xml_attribute(const char **attributes, const char *name);

/* xlsx_parts.c */
bool xlsx_find_sheet(struct xlsx *x);
bool xlsx_read_texts(struct xlsx *x);
bool xlsx_read_styles(struct xlsx *x);

/* xlsx_number.c */
enum shown format_shown(unsigned id, const char *code);

/** Writes the number of a cell as a person would see it. */
void number_text(const char *value, enum shown shown, bool base_1904, char *out, size_t n);

/* xlsx_rows.c */
void rows_begin(struct xlsx *x);

#endif
