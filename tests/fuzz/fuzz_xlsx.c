/* Any bytes as a workbook, and any text as its sheet: lines are UTF-8 that the CSV reader takes, in
 * whatever pieces they are asked for. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zip.h>

#include "base/scratch.h"
#include "base/text.h"
#include "sheet/csv.h"
#include "sheet/xlsx.h"

#define TYPE "Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check(struct span text)
{
    struct csv r;

    require(text_is_utf8(text.p, text.n));
    csv_init(&r, ',', ENCODING_UTF8);
    r.by_row = true;
    csv_feed(&r, text, 1, true);
    for (enum csv_found found; (found = csv_next(&r)) != CSV_END;)
        require(found == CSV_ROW);
    csv_done(&r);
}

static bool read_all(int fd, size_t enough, struct buf *out)
{
    struct xlsx *x = xlsx_open(fd, NULL);
    bool fine;

    while (xlsx_read(x, out, enough))
        ;
    fine = !xlsx_fault(x) && !out->failed;
    xlsx_close(x);
    return fine;
}

static void read_twice(int fd)
{
    struct buf one, two;

    buf_init(&one, 1 << 22);
    buf_init(&two, 1 << 22);
    if (read_all(fd, 1, &one)) {
        require(read_all(fd, 1 << 20, &two) && one.len == two.len &&
                memcmp(buf_text(&one), buf_text(&two), one.len) == 0);
        check((struct span){buf_text(&one), one.len});
    }
    buf_done(&one);
    buf_done(&two);
}

static void add(zip_t *z, const char *name, const void *text, size_t n)
{
    require(zip_file_add(z, name, zip_source_buffer(z, text, n, 0), 0) >= 0);
}

/* The bytes as the sheet of a workbook that is sound. */
static void as_sheet(int fd, const uint8_t *data, size_t size)
{
    static const char root[] =
        "<R><Relationship Id=\"r\" " TYPE "officeDocument\" Target=\"w.xml\"/></R>";
    static const char book[] = "<w><sheets><sheet name=\"S\" id=\"r1\"/></sheets></w>";
    static const char links[] =
        "<R><Relationship Id=\"r1\" " TYPE "worksheet\" Target=\"s.xml\"/>"
        "<Relationship Id=\"r2\" " TYPE "sharedStrings\" Target=\"t.xml\"/></R>";
    static const char texts[] = "<sst><si><t>one</t></si><si><t>t,\"w\no</t></si></sst>";
    zip_error_t error;
    zip_source_t *whole = zip_source_buffer_create(NULL, 0, 0, &error);
    zip_t *z = zip_open_from_source(whole, ZIP_TRUNCATE, &error);
    static char bytes[1 << 16];
    zip_int64_t n;

    require(z);
    zip_source_keep(whole);
    add(z, "_rels/.rels", root, sizeof(root) - 1);
    add(z, "w.xml", book, sizeof(book) - 1);
    add(z, "_rels/w.xml.rels", links, sizeof(links) - 1);
    add(z, "t.xml", texts, sizeof(texts) - 1);
    add(z, "s.xml", data, size);
    require(zip_close(z) == 0 && zip_source_open(whole) == 0);
    n = zip_source_read(whole, bytes, sizeof(bytes));
    require(n > 0 && scratch_write(fd, bytes, (size_t)n));
    zip_source_close(whole);
    zip_source_free(whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("xlsx", MFD_CLOEXEC);

    if (size > 16384 || fd < 0) {
        close(fd);
        return 0;
    }
    if (size > 2 && memcmp(data, "PK", 2) == 0)
        require(scratch_write(fd, data, size));
    else
        as_sheet(fd, data, size);
    read_twice(fd);
    close(fd);
    return 0;
}
