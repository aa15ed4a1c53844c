/* import_book - a workbook becomes text, once, when its mapping is proposed.
 *
 * The parts are put together in a file without a name, since a zip has its directory at the end;
 * then the sheet is unpacked a piece at a time on offload threads, and each piece goes to the
 * database. From there on rows are read as from any other file, by any daemon, from any byte on.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "asks.gen.h"
#include "base/scratch.h"
#include "call/call.h"
#include "loop/offload.h"
#include "service/import/import.h"
#include "sheet/csv.h"
#include "sheet/xlsx.h"

#define FETCHED ((int64_t)2 << 20) /* of the file in one ask */
#define PIECE ((size_t)1 << 20)    /* of the text in one ask */
#define OUT_MAX (PIECE + CSV_ROW_MAX * 8 + 2 * 1048576)
#define BOOKS_MAX 2 /* of a daemon: each may hold 128 MiB of texts */

struct import_book {
    struct job job; /* first: the offload thread knows nothing else */
    const char *folder, *sheet;
    struct uuid import, text;
    int fd;
    int64_t bytes, at; /* of the file */
    const char *hex;   /* a piece of it, as it came */
    struct xlsx *book;
    struct buf out;
    char *out_hex;
    bool more;
    int64_t pieces;
    const char *fault; /* in reading the file from the database */
    struct span sample;
    bool whole;
};

static atomic_int books;

static void book_free(void *arg)
{
    struct import_book *b = arg;

    xlsx_close(b->book);
    if (b->fd >= 0)
        close(b->fd);
    buf_done(&b->out);
    free(b->out_hex);
    atomic_fetch_sub(&books, 1);
}

struct import_book *import_book_begin(struct call *c, struct uuid import, int64_t bytes,
                                      const char *sheet)
{
    struct import_book *b = call_alloc(c, sizeof(*b));

    if (!b)
        return NULL;
    if (bytes > (int64_t)XLSX_FILE_MAX) {
        err_set(&c->err, ERR_FILE, "A workbook may have 128 MiB; save it as CSV.");
        return NULL;
    }
    if (atomic_fetch_add(&books, 1) >= BOOKS_MAX) {
        atomic_fetch_sub(&books, 1);
        c->err.retry_after = 5;
        err_set(&c->err, ERR_BUSY, "Other workbooks are being unpacked; try again in a moment.");
        return NULL;
    }
    *b = (struct import_book){.folder = c->env->temp_dir,
                              .sheet = sheet,
                              .import = import,
                              .text = uuid_v7(),
                              .fd = -1,
                              .bytes = bytes};
    buf_init(&b->out, OUT_MAX);
    arena_defer(&c->arena, book_free, b);
    return b;
}

/* fetching the file */

enum step import_book_ask(struct call *c, struct import_book *b)
{
    ask_import_piece(c, (struct q_import_piece){.import = b->import, .at = b->at, .most = FETCHED});
    return STEP_WAIT;
}

static void append(struct job *job)
{
    struct import_book *b = (struct import_book *)job;
    size_t n = b->hex ? strlen(b->hex) : 0;
    char *bytes = malloc(n + 1);

    if (!bytes)
        abort();
    memcpy(bytes, b->hex ? b->hex : "", n + 1);
    n = import_unhex(bytes, n);
    if (b->fd < 0)
        b->fd = scratch_open(b->folder);
    if (b->fd < 0 || !scratch_write(b->fd, bytes, n))
        b->fault = "no room for a workbook in temp_dir";
    b->at += (int64_t)n;
    if (n == 0)
        b->at = b->bytes; /* a part was replaced by a shorter one: what is there cannot be read */
    free(bytes);
}

enum step import_book_take(struct call *c, struct import_book *b)
{
    b->hex = result_get(call_result(c, 0), 0, "piece");
    b->job.work = append;
    return call_offload(c, &b->job) ? STEP_WAIT : STEP_FAIL;
}

enum step import_book_taken(struct call *c, struct import_book *b)
{
    call_forget(c);
    if (b->fault) {
        c->err.log = b->fault;
        return call_fail(c, ERR_INTERNAL, NULL);
    }
    if (b->at < b->bytes)
        call_repeat(c, 3);
    return STEP_NEXT;
}

/* unpacking it */

static void unpack(struct job *job)
{
    struct import_book *b = (struct import_book *)job;

    if (!b->book)
        b->book = xlsx_open(b->fd, b->sheet);
    buf_clear(&b->out);
    b->more = xlsx_read(b->book, &b->out, PIECE);
    free(b->out_hex);
    b->out_hex = malloc(b->out.len * 2 + 1);
    if (!b->out_hex)
        abort();
    text_hex(buf_text(&b->out), b->out.len, b->out_hex);
}

enum step import_book_unpack(struct call *c, struct import_book *b)
{
    b->job.work = unpack;
    return call_offload(c, &b->job) ? STEP_WAIT : STEP_FAIL;
}

static bool keep_sample(struct call *c, struct import_book *b)
{
    size_t n = b->out.len < IMPORT_SAMPLE ? b->out.len : IMPORT_SAMPLE;
    char *copy = arena_copy(&c->arena, buf_text(&b->out), n);

    b->sample = (struct span){copy, n};
    b->whole = !b->more && n == b->out.len;
    return copy;
}

enum step import_book_put(struct call *c, struct import_book *b)
{
    const char *fault = xlsx_fault(b->book);

    if (fault)
        return call_fail(c, ERR_FILE, "%s", fault);
    if (b->pieces == 0 && !keep_sample(c, b))
        return STEP_FAIL;
    ask_import_text_put(
        c, (struct q_import_text_put){
               .import = b->import, .text = b->text, .n = ++b->pieces, .data = b->out_hex});
    return STEP_WAIT;
}

enum step import_book_kept(struct call *c, struct import_book *b)
{
    call_forget(c);
    if (b->more)
        call_repeat(c, 3);
    return STEP_NEXT;
}

struct uuid import_book_text(const struct import_book *b, struct span *sample, bool *whole)
{
    *sample = b->sample;
    *whole = b->whole;
    return b->text;
}
