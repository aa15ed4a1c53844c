#include "sheet/xlsx.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sheet/xlsx_inner.h"

#define WINDOW (32 * 1024)

void xlsx_fail(struct xlsx *x, const char *format, ...)
{
    va_list args;

    if (!*x->fault) {
        va_start(args, format);
        (void)vsnprintf(x->fault, sizeof(x->fault), format, args);
        va_end(args);
    }
}

const char *xlsx_fault(const struct xlsx *x)
{
    return *x->fault ? x->fault : NULL;
}

const char *xml_local(const char *name)
{
    const char *colon = strrchr(name, ':');

    return colon ? colon + 1 : name;
}

const char *xml_attribute(const char **attributes, const char *name)
{
    for (; attributes[0]; attributes += 2)
        if (strcmp(xml_local(attributes[0]), name) == 0)
            return attributes[1];
    return NULL;
}

/* Entities are declared in a document type, so that none can be without one. */
static void no_doctype(void *arg, const XML_Char *name, const XML_Char *system,
                       const XML_Char *public, int internal)
{
    struct xlsx *x = arg;

    (void)name, (void)system, (void)public, (void)internal;
    xlsx_fail(x,
              "A part of the workbook has a document type, which no spreadsheet program writes.");
    XML_StopParser(x->running, XML_FALSE);
}

bool part_open(struct xlsx *x, struct part *p, const char *path)
{
    struct zip_stat st;

    *p = (struct part){0};
    if (zip_stat(x->zip, path, 0, &st) != 0) {
        xlsx_fail(x, "The workbook lacks its part \"%.200s\".", path);
        return false;
    }
    if ((st.valid & ZIP_STAT_ENCRYPTION_METHOD) && st.encryption_method != ZIP_EM_NONE) {
        xlsx_fail(x, "The workbook is protected by a password; save it without one.");
        return false;
    }
    p->packed = (size_t)st.comp_size;
    p->file = zip_fopen_index(x->zip, st.index, 0);
    p->parser = XML_ParserCreate(NULL);
    if (!p->parser)
        abort();
    x->running = p->parser;
    XML_SetUserData(p->parser, x);
    XML_SetStartDoctypeDeclHandler(p->parser, no_doctype);
    if (!p->file)
        xlsx_fail(x, "The part \"%.200s\" of the workbook cannot be unpacked.", path);
    return p->file != NULL;
}

void part_close(struct part *p)
{
    if (p->file)
        zip_fclose(p->file);
    if (p->parser)
        XML_ParserFree(p->parser);
    *p = (struct part){0};
}

static bool is_bomb(const struct part *p)
{
    return p->read > XLSX_PART_MAX ||
           (p->read > XLSX_RATIO_FROM && p->read / XLSX_RATIO > p->packed);
}

static bool parsed(struct xlsx *x, struct part *p, enum XML_Status status)
{
    if (*x->fault)
        return false;
    p->suspended = status == XML_STATUS_SUSPENDED;
    if (status == XML_STATUS_ERROR) {
        xlsx_fail(x, "The workbook is damaged: %s.", XML_ErrorString(XML_GetErrorCode(p->parser)));
        return false;
    }
    return !p->suspended && !p->over;
}

bool part_step(struct xlsx *x, struct part *p)
{
    zip_int64_t n;
    void *window;

    if (p->suspended)
        return parsed(x, p, XML_ResumeParser(p->parser));
    if (p->over)
        return false;
    window = XML_GetBuffer(p->parser, WINDOW);
    if (!window)
        abort();
    n = zip_fread(p->file, window, WINDOW);
    if (n < 0) {
        xlsx_fail(x, "The workbook is damaged: a part of it cannot be unpacked.");
        return false;
    }
    p->read += (size_t)n;
    if (is_bomb(p)) {
        xlsx_fail(
            x, "A part of the workbook unpacks to far more than its size; that is no spreadsheet.");
        return false;
    }
    p->over = n == 0;
    return parsed(x, p, XML_ParseBuffer(p->parser, (int)n, n == 0));
}

/* opening */

static bool open_zip(struct xlsx *x, int fd)
{
    int copy = dup(fd), why = 0;
    zip_error_t error;

    if (copy < 0 || lseek(copy, 0, SEEK_SET) < 0) {
        xlsx_fail(x, "The file cannot be read.");
    } else {
        x->zip = zip_fdopen(copy, 0, &why);
        if (x->zip)
            return true;
        zip_error_init_with_code(&error, why);
        xlsx_fail(x, "The workbook is damaged or was cut off: %s.", zip_error_strerror(&error));
        zip_error_fini(&error);
    }
    if (copy >= 0)
        close(copy);
    return false;
}

struct xlsx *xlsx_open(int fd, const char *sheet)
{
    struct xlsx *x = calloc(1, sizeof(*x));

    if (!x)
        abort();
    x->sheet = sheet;
    buf_init(&x->sheet_names, 300);
    buf_init(&x->texts, XLSX_TEXTS_MAX);
    buf_init(&x->starts, XLSX_TEXTS_MAX);
    buf_init(&x->at.value, (size_t)128 * 1024);
    if (!open_zip(x, fd))
        return x;
    if (zip_get_num_entries(x->zip, 0) > XLSX_ENTRIES_MAX)
        xlsx_fail(x, "The workbook has more than %d parts.", XLSX_ENTRIES_MAX);
    else if (xlsx_find_sheet(x) && xlsx_read_texts(x) && xlsx_read_styles(x) &&
             part_open(x, &x->part, x->path))
        rows_begin(x);
    return x;
}

void xlsx_close(struct xlsx *x)
{
    if (!x)
        return;
    part_close(&x->part);
    if (x->zip)
        zip_discard(x->zip);
    buf_done(&x->sheet_names);
    buf_done(&x->texts);
    buf_done(&x->starts);
    buf_done(&x->at.value);
    free(x->styles);
    free(x);
}

bool xlsx_read(struct xlsx *x, struct buf *out, size_t enough)
{
    if (*x->fault || !x->part.parser || (x->part.over && !x->part.suspended))
        return false;
    x->out = out;
    x->out_begin = out->len;
    x->enough = enough;
    while (part_step(x, &x->part))
        ;
    x->written += out->len - x->out_begin;
    if (x->written > XLSX_OUT_MAX)
        xlsx_fail(x, "The sheet has more than 1 GiB of text.");
    return !*x->fault && x->part.suspended;
}
