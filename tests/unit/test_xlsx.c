/* xlsx - workbooks made here part by part, and what is refused of them. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

#include "base/scratch.h"
#include "sheet/csv.h"
#include "sheet/xlsx.h"
#include "sheet/xlsx_inner.h"

#define RELS "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
#define ROOT                                                                                       \
    "<Relationships><Relationship Id=\"r\" Type=\"" RELS "/officeDocument\" "                      \
    "Target=\"xl/workbook.xml\"/></Relationships>"
#define LINKS                                                                                      \
    "<Relationships><Relationship Id=\"r1\" Type=\"" RELS "/worksheet\" "                          \
    "Target=\"worksheets/one.xml\"/>"                                                              \
    "<Relationship Id=\"r2\" Type=\"" RELS "/worksheet\" Target=\"/xl/worksheets/two.xml\"/>"      \
    "<Relationship Id=\"s\" Type=\"" RELS "/sharedStrings\" Target=\"../xl/texts.xml\"/>"          \
    "<Relationship Id=\"t\" Type=\"" RELS "/styles\" Target=\"styles.xml\"/></Relationships>"
#define BOOK(properties)                                                                           \
    "<workbook xmlns:r=\"" RELS "\">" properties "<sheets><sheet name=\"One\" sheetId=\"1\" "      \
    "r:id=\"r1\"/><sheet name=\"Zwei &amp; drei\" sheetId=\"2\" r:id=\"r2\"/></sheets></workbook>"
#define TEXTS                                                                                      \
    "<sst><si><t>plain</t></si><si><r><t xml:space=\"preserve\">a </t></r><r><t>b</t></r>"         \
    "<rPh><t>no</t></rPh></si><si/><si><t>x_x000A_\"y\"_x005F_</t></si></sst>"
#define STYLES                                                                                     \
    "<styleSheet><numFmts><numFmt numFmtId=\"164\" formatCode=\"[$-415]d mmm yyyy;@\"/>"           \
    "<numFmt numFmtId=\"165\" formatCode=\"0.00&quot; days&quot;\"/></numFmts>"                    \
    "<cellStyleXfs><xf numFmtId=\"14\"/></cellStyleXfs><cellXfs><xf numFmtId=\"0\"/>"              \
    "<xf numFmtId=\"14\"/><xf numFmtId=\"22\"/><xf numFmtId=\"164\"/><xf numFmtId=\"165\"/>"       \
    "<xf numFmtId=\"21\"/></cellXfs></styleSheet>"
#define SHEET(rows) "<worksheet><sheetData>" rows "</sheetData></worksheet>"

struct book {
    const char *workbook, *one, *two;
    const char *sheet; /* that is asked for */
};

static void add(zip_t *z, const char *name, const char *text, size_t n)
{
    zip_source_t *source = zip_source_buffer(z, text, n, 0);

    assert_true(source && zip_file_add(z, name, source, 0) >= 0);
}

/* A file with the parts; the caller closes it. */
static int packed(const struct book *b)
{
    const char *parts[][2] = {{"_rels/.rels", ROOT},
                              {"xl/workbook.xml", b->workbook ? b->workbook : BOOK("")},
                              {"xl/_rels/workbook.xml.rels", LINKS},
                              {"xl/texts.xml", TEXTS},
                              {"xl/styles.xml", STYLES},
                              {"xl/worksheets/one.xml", b->one ? b->one : SHEET("")},
                              {"xl/worksheets/two.xml", b->two}};
    zip_error_t error;
    zip_source_t *whole;
    zip_int64_t n;
    char *bytes;
    zip_t *z;
    int fd = scratch_open("/tmp");

    zip_error_init(&error);
    whole = zip_source_buffer_create(NULL, 0, 0, &error);
    z = zip_open_from_source(whole, ZIP_TRUNCATE, &error);
    assert_true(fd >= 0 && z);
    zip_source_keep(whole);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (parts[i][1])
            add(z, parts[i][0], parts[i][1], strlen(parts[i][1]));
    assert_int_equal(zip_close(z), 0);
    assert_int_equal(zip_source_open(whole), 0);
    zip_source_seek(whole, 0, SEEK_END);
    n = zip_source_tell(whole);
    zip_source_seek(whole, 0, SEEK_SET);
    bytes = malloc((size_t)n);
    assert_int_equal(zip_source_read(whole, bytes, (zip_uint64_t)n), n);
    assert_true(scratch_write(fd, bytes, (size_t)n));
    free(bytes);
    zip_source_close(whole);
    zip_source_free(whole);
    return fd;
}

/* Reads it all, @enough bytes at a time; the fault is copied out. */
static void read_all(int fd, const char *sheet, size_t enough, struct buf *out, char fault[512])
{
    struct xlsx *x = xlsx_open(fd, sheet);

    buf_clear(out);
    while (xlsx_read(x, out, enough))
        ;
    (void)snprintf(fault, 512, "%s", xlsx_fault(x) ? xlsx_fault(x) : "");
    xlsx_close(x);
    close(fd);
}

static const struct row {
    struct book book;
    const char *text, *fault;
} rows[] = {
    /* texts: shared, rich without its reading, empty, spelled characters, inline, of a formula */
    {{.one = SHEET("<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"B1\" t=\"s\"><v>1</v></c>"
                   "<c r=\"C1\" t=\"s\"><v>2</v></c><c r=\"D1\" t=\"s\"><v>3</v></c></row>")},
     "\"plain\",\"a b\",\"\",\"x\n\"\"y\"\"_\"\n",
     ""},
    {{.one = SHEET("<row><c t=\"inlineStr\"><is><t>in, line</t></is></c>"
                   "<c t=\"str\"><f>A1</f><v>made</v></c></row>")},
     "\"in, line\",\"made\"\n",
     ""},
    /* numbers as people see them */
    {{.one = SHEET("<row><c><v>0.30000000000000004</v></c><c><v>48600100200</v></c><c><v>1.5E-3</v>"
                   "</c><c><v>1E20</v></c><c><v>-0.00001</v></c><c s=\"4\"><v>2.5</v></c></row>")},
     "0.3,48600100200,0.0015,100000000000000000000,-0.00001,2.5\n",
     ""},
    {{.one = SHEET("<row><c t=\"b\"><v>1</v></c><c t=\"b\"><v>0</v></c><c t=\"e\"><v>#N/A</v></c>"
                   "</row>")},
     "true,false,#N/A\n",
     ""},
    /* dates: the day that never was and those around it, times, rounding up to the next day */
    {{.one = SHEET("<row><c s=\"1\"><v>1</v></c><c s=\"1\"><v>59</v></c><c s=\"1\"><v>60</v></c>"
                   "<c s=\"1\"><v>61</v></c><c s=\"3\"><v>46347</v></c></row>")},
     "1900-01-01,1900-02-28,1900-02-29,1900-03-01,2026-11-21\n",
     ""},
    {{.one = SHEET("<row><c s=\"2\"><v>46347.5</v></c><c s=\"5\"><v>0.75</v></c>"
                   "<c s=\"2\"><v>46347.999999999</v></c><c s=\"1\"><v>-1</v></c></row>")},
     "2026-11-21 12:00:00,18:00:00,2026-11-22,-1\n",
     ""},
    {{.workbook = BOOK("<workbookPr date1904=\"1\"/>"),
      .one = SHEET("<row><c s=\"1\"><v>0</v></c><c s=\"1\"><v>44885</v></c></row>")},
     "1904-01-01,2026-11-21\n",
     ""},
    /* places: rows and cells that are not there */
    {{.one = SHEET("<row r=\"3\"><c r=\"C3\"><v>1</v></c><c r=\"D3\"/></row><row r=\"4\"/>")},
     "\n\n,,1\n\n",
     ""},
    {{.two = SHEET("<row><c><v>2</v></c></row>"), .sheet = "Zwei & drei"}, "2\n", ""},
    {{.one = "<x:worksheet xmlns:x=\"u\"><x:sheetData><x:row><x:c><x:v>1</x:v></x:c></x:row>"
             "</x:sheetData></x:worksheet>"},
     "1\n",
     ""},
    {{.one = SHEET("")}, "", ""},
    /* refused */
    {{.sheet = "Three"},
     "",
     "There is no sheet \"Three\"; the workbook has \"One\", \"Zwei & drei\"."},
    {{.sheet = "Zwei & drei"}, "", "The workbook lacks its part \"xl/worksheets/two.xml\"."},
    {{.workbook = "<workbook/>"}, "", "The workbook has no sheets."},
    {{.one = SHEET("<row r=\"2\"/><row r=\"2\"/>")},
     "\n\n",
     "The rows of the sheet are not in order."},
    {{.one = SHEET("<row r=\"1048577\"/>")}, "", "The rows of the sheet are not in order."},
    {{.one = SHEET("<row><c r=\"B1\"><v>1</v></c><c r=\"A1\"/></row>")},
     ",1",
     "The cells of row 1 of the sheet are not in order."},
    {{.one = SHEET("<row><c t=\"s\"><v>4</v></c></row>")},
     "",
     "Row 1 of the sheet names a text that the workbook lacks."},
    {{.one = "<worksheet><sheetData><row>"}, "", "The workbook is damaged: no element found."},
    {{.one = "<!DOCTYPE w [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>" SHEET(
          "<row><c t=\"str\"><v>&a;</v></c></row>")},
     "",
     "A part of the workbook has a document type, which no spreadsheet program writes."},
};

static void sheets_become_lines(void **state)
{
    struct buf out;
    char fault[512];

    (void)state;
    buf_init(&out, 1 << 20);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (size_t enough = 1; enough < 10000; enough *= 5000) {
            read_all(packed(&rows[i].book), rows[i].book.sheet, enough, &out, fault);
            if (strcmp(buf_text(&out), rows[i].text) != 0 || strcmp(fault, rows[i].fault) != 0)
                fail_msg("row %zu: %s %s", i, buf_text(&out), fault);
        }
    buf_done(&out);
}

static void pieces_are_whole_rows(void **state)
{
    const struct book book = {.one = SHEET("<row><c><v>1</v></c></row><row><c><v>2</v></c></row>"
                                           "<row><c><v>3</v></c></row>")};
    int fd = packed(&book);
    struct xlsx *x = xlsx_open(fd, NULL);
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    assert_true(xlsx_read(x, &out, 3));
    assert_string_equal(buf_text(&out), "1\n2\n");
    buf_clear(&out);
    assert_false(xlsx_read(x, &out, 3));
    assert_string_equal(buf_text(&out), "3\n");
    assert_false(xlsx_read(x, &out, 3));
    assert_string_equal(buf_text(&out), "3\n");
    assert_null(xlsx_fault(x));
    xlsx_close(x);
    close(fd);
    buf_done(&out);
}

static void bombs_are_refused(void **state)
{
    size_t n = XLSX_RATIO_FROM * 3;
    char *spaces = malloc(n + 100), fault[512];
    struct book book = {.one = spaces};
    struct buf out;

    (void)state;
    buf_init(&out, 1 << 20);
    memcpy(spaces, "<worksheet>", 11);
    memset(spaces + 11, ' ', n);
    memcpy(spaces + 11 + n, "</worksheet>", 13);
    read_all(packed(&book), NULL, 1, &out, fault);
    assert_string_equal(
        fault, "A part of the workbook unpacks to far more than its size; that is no spreadsheet.");
    buf_done(&out);
    free(spaces);
}

static void files_that_are_cut_off(void **state)
{
    const struct book book = {.one = SHEET("<row><c><v>1</v></c></row>")};
    char fault[512];
    struct buf out;
    int fd = packed(&book);
    off_t n = lseek(fd, 0, SEEK_END);

    (void)state;
    buf_init(&out, 1 << 20);
    close(fd);
    for (off_t cut = 0; cut < n; cut += 97) {
        fd = packed(&book);
        assert_int_equal(ftruncate(fd, cut), 0);
        read_all(fd, NULL, 1, &out, fault);
        if (strncmp(fault, "The workbook is damaged", 23) != 0 &&
            strncmp(fault, "This is a packed file", 21) != 0)
            fail_msg("cut at %lld: %s", (long long)cut, fault);
        assert_int_equal(out.len, 0);
    }
    buf_done(&out);
}

static void a_row_is_a_line(void **state)
{
    static const char text[] = "\"a\nb\",1.234\n\n\"c\"\n";
    struct csv r;

    (void)state;
    csv_init(&r, ',', ENCODING_UTF8);
    r.by_row = true;
    csv_feed(&r, (struct span){text, sizeof(text) - 1}, 1, true);
    assert_int_equal(csv_next(&r), CSV_ROW);
    assert_int_equal(r.row_line, 1);
    assert_true(r.quoted[0] && !r.quoted[1]);
    assert_int_equal(csv_next(&r), CSV_ROW);
    assert_int_equal(r.row_line, 3);
    assert_int_equal(csv_next(&r), CSV_END);
    csv_done(&r);
}

static void formats_are_understood(void **state)
{
    static const struct {
        const char *code;
        enum shown shown;
    } codes[] = {{"General", SHOWN_NUMBER},
                 {"0.00", SHOWN_NUMBER},
                 {"yyyy-mm-dd", SHOWN_DATE},
                 {"[h]:mm", SHOWN_TIME},
                 {"mmmm", SHOWN_DATE},
                 {"mm:ss.0", SHOWN_TIME},
                 {"h:mm AM/PM", SHOWN_TIME},
                 {"[Red]0;[Blue]-0", SHOWN_NUMBER},
                 {"\\d\\a\\y 0", SHOWN_NUMBER},
                 {"#,##0 \"days\"", SHOWN_NUMBER},
                 {"_d0_y", SHOWN_NUMBER},
                 {"dd/mm/yyyy hh:mm", SHOWN_DATE},
                 {"[$-F800]dddd", SHOWN_DATE},
                 {"0;yyyy", SHOWN_NUMBER},
                 {"\"never closed yy", SHOWN_NUMBER}};

    (void)state;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (format_shown(200, codes[i].code) != codes[i].shown)
            fail_msg("%s", codes[i].code);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sheets_become_lines),    cmocka_unit_test(pieces_are_whole_rows),
        cmocka_unit_test(bombs_are_refused),      cmocka_unit_test(files_that_are_cut_off),
        cmocka_unit_test(formats_are_understood), cmocka_unit_test(a_row_is_a_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
