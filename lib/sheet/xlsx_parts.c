/* What must be known before the rows: where the sheet lies, shared texts, formats of numbers. */
#include <stdlib.h>
#include <string.h>

#include "sheet/xlsx_inner.h"

static bool is_end(const char *text, const char *end)
{
    size_t n = text ? strlen(text) : 0, m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

static bool is_true(const char *text)
{
    return text && (strcmp(text, "1") == 0 || strcmp(text, "true") == 0);
}

/* Parses all of a part with these handlers. */
static bool read_part(struct xlsx *x, const char *path, XML_StartElementHandler start,
                      XML_EndElementHandler end, XML_CharacterDataHandler text)
{
    struct part p;

    if (part_open(x, &p, path)) {
        XML_SetElementHandler(p.parser, start, end);
        XML_SetCharacterDataHandler(p.parser, text);
        while (part_step(x, &p))
            ;
    }
    part_close(&p);
    return !*x->fault;
}

/* A target of a relationship, from the folder of the part that has it. */
static void resolve(struct xlsx *x, const char *from, const char *target, char out[XLSX_PATH_MAX])
{
    const char *slash = strrchr(from, '/');
    size_t n = slash && *target != '/' ? (size_t)(slash - from) + 1 : 0;

    target += *target == '/';
    for (; strncmp(target, "../", 3) == 0; target += 3)
        for (n -= n > 0; n > 0 && from[n - 1] != '/'; n--)
            ;
    if (n + strlen(target) >= XLSX_PATH_MAX) {
        xlsx_fail(x, "The workbook names a part by too long a path.");
        return;
    }
    memcpy(out, from, n);
    memcpy(out + n, target, strlen(target) + 1);
}

/* _rels/.rels: where the workbook is */
static void root_start(void *arg, const char *name, const char **attributes)
{
    struct xlsx *x = arg;
    const char *target = xml_attribute(attributes, "Target");

    if (strcmp(xml_local(name), "Relationship") == 0 && target &&
        is_end(xml_attribute(attributes, "Type"), "/officeDocument"))
        resolve(x, "", target, x->workbook);
}

/* workbook.xml: the sheets and the date system */
static void workbook_start(void *arg, const char *name, const char **attributes)
{
    struct xlsx *x = arg;
    const char *sheet = xml_attribute(attributes, "name"), *id = xml_attribute(attributes, "id");

    name = xml_local(name);
    if (strcmp(name, "workbookPr") == 0)
        x->base_1904 = is_true(xml_attribute(attributes, "date1904"));
    if (strcmp(name, "sheet") != 0 || !sheet || !id)
        return;
    if (!*x->sheet_id && strlen(id) < sizeof(x->sheet_id) &&
        (!x->sheet || strcmp(sheet, x->sheet) == 0))
        memcpy(x->sheet_id, id, strlen(id) + 1);
    buf_printf(&x->sheet_names, "%s\"%s\"", x->sheet_names.len ? ", " : "", sheet);
}

/* workbook.xml.rels: the parts that belong to it */
static void links_start(void *arg, const char *name, const char **attributes)
{
    struct xlsx *x = arg;
    const char *target = xml_attribute(attributes, "Target");
    const char *type = xml_attribute(attributes, "Type"), *id = xml_attribute(attributes, "Id");

    if (strcmp(xml_local(name), "Relationship") != 0 || !target || !type || !id)
        return;
    if (strcmp(id, x->sheet_id) == 0 && is_end(type, "/worksheet"))
        resolve(x, x->workbook, target, x->path);
    else if (is_end(type, "/sharedStrings"))
        resolve(x, x->workbook, target, x->strings_path);
    else if (is_end(type, "/styles"))
        resolve(x, x->workbook, target, x->styles_path);
}

static bool read_links(struct xlsx *x)
{
    const char *slash = strrchr(x->workbook, '/');
    size_t n = slash ? (size_t)(slash - x->workbook) + 1 : 0;
    char path[XLSX_PATH_MAX + 16];

    memcpy(path, x->workbook, n);
    /* NOLINTBEGIN(bugprone-not-null-terminated-result): the last piece ends it */
    memcpy(path + n, "_rels/", 6);
    memcpy(path + n + 6, x->workbook + n, strlen(x->workbook) - n);
    /* NOLINTEND(bugprone-not-null-terminated-result) */
    memcpy(path + strlen(x->workbook) + 6, ".rels", 6);
    return read_part(x, path, links_start, NULL, NULL);
}

bool xlsx_find_sheet(struct xlsx *x)
{
    if (zip_name_locate(x->zip, "_rels/.rels", 0) < 0) {
        xlsx_fail(x, "This is a packed file; only .xlsx workbooks are read.");
        return false;
    }
    if (!read_part(x, "_rels/.rels", root_start, NULL, NULL))
        return false;
    if (!*x->workbook || !read_part(x, x->workbook, workbook_start, NULL, NULL)) {
        xlsx_fail(x, "This is a packed file; only .xlsx workbooks are read.");
        return false;
    }
    if (!*x->sheet_id && x->sheet)
        xlsx_fail(x, "There is no sheet \"%.100s\"; the workbook has %s.", x->sheet,
                  x->sheet_names.len ? buf_text(&x->sheet_names) : "none");
    if (!*x->sheet_id)
        xlsx_fail(x, "The workbook has no sheets.");
    if (*x->fault || !read_links(x))
        return false;
    if (!*x->path)
        xlsx_fail(x, "This sheet has no cells; a chart cannot be imported.");
    return !*x->fault;
}

/* sharedStrings.xml */

static void texts_start(void *arg, const char *name, const char **attributes)
{
    struct xlsx *x = arg;
    uint32_t at = (uint32_t)x->texts.len;

    (void)attributes;
    name = xml_local(name);
    if (strcmp(name, "si") == 0) {
        x->in_item = true;
        buf_add(&x->starts, &at, sizeof(at));
    }
    x->in_phonetic = x->in_phonetic || strcmp(name, "rPh") == 0;
    x->in_text = x->in_item && !x->in_phonetic && strcmp(name, "t") == 0;
}

static void texts_end(void *arg, const char *name)
{
    struct xlsx *x = arg;

    name = xml_local(name);
    x->in_text = false;
    if (strcmp(name, "rPh") == 0)
        x->in_phonetic = false;
    if (strcmp(name, "si") == 0) {
        x->in_item = false;
        buf_putc(&x->texts, '\0');
    }
    if (x->texts.failed || x->starts.failed)
        xlsx_fail(x, "The workbook has more than 128 MiB of different texts.");
    if (*x->fault)
        XML_StopParser(x->running, XML_FALSE);
}

static void texts_text(void *arg, const char *text, int n)
{
    struct xlsx *x = arg;

    if (x->in_text)
        buf_add(&x->texts, text, (size_t)n);
}

bool xlsx_read_texts(struct xlsx *x)
{
    return !*x->strings_path || read_part(x, x->strings_path, texts_start, texts_end, texts_text);
}

/* styles.xml */

static unsigned number_of(const char *text)
{
    unsigned long n = text ? strtoul(text, NULL, 10) : 0;

    return n < 1000000 ? (unsigned)n : 0;
}

static enum shown shown_of(const struct xlsx *x, unsigned id)
{
    for (unsigned i = 0; i < x->nformats; i++)
        if (x->formats[i].id == id)
            return x->formats[i].shown;
    return format_shown(id, NULL);
}

static void styles_start(void *arg, const char *name, const char **attributes)
{
    struct xlsx *x = arg;
    unsigned id = number_of(xml_attribute(attributes, "numFmtId"));
    const char *code = xml_attribute(attributes, "formatCode");

    name = xml_local(name);
    if (strcmp(name, "cellXfs") == 0)
        x->in_formats = true;
    if (strcmp(name, "numFmt") == 0 && code &&
        x->nformats < sizeof(x->formats) / sizeof(x->formats[0])) {
        x->formats[x->nformats].id = id;
        x->formats[x->nformats++].shown = format_shown(id, code);
    }
    if (strcmp(name, "xf") == 0 && x->in_formats && x->nstyles < XLSX_STYLES_MAX)
        x->styles[x->nstyles++] = (unsigned char)shown_of(x, id);
}

static void styles_end(void *arg, const char *name)
{
    struct xlsx *x = arg;

    if (strcmp(xml_local(name), "cellXfs") == 0)
        x->in_formats = false;
}

bool xlsx_read_styles(struct xlsx *x)
{
    x->styles = calloc(XLSX_STYLES_MAX, 1);
    if (!x->styles)
        abort();
    return !*x->styles_path || read_part(x, x->styles_path, styles_start, styles_end, NULL);
}
