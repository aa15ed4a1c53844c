#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define LINE_MAX_BYTES 8192
#define VALUE_MAX 2048 /* source bytes of one value; the rest is cut */

static atomic_int log_level = LOG_LEVEL_INFO;
static atomic_bool log_json = true;

/* What standard error did not take: all lines of it, those that no line has told of yet, and
 * whether one broke in its middle. One thread writes at a time, as the system has it anyway: what
 * broke must be known before the next one begins. */
static atomic_uint_fast64_t dropped;
static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER; /* guards the two */
static uint64_t untold;
static bool broken;

/* Lines that wait for the end of a turn. */
static _Thread_local struct {
    char text[PIPE_BUF];
    size_t n;
    bool holding;
} held;

/* A line in the making. Full means that the last append did not fit. */
struct line {
    char text[LINE_MAX_BYTES];
    size_t n;
    bool full;
};

#define LINE_TAIL 2 /* "}\n" always fits */

static void put(struct line *l, const char *bytes, size_t n)
{
    if (n > sizeof(l->text) - LINE_TAIL - l->n) {
        l->full = true;
        return;
    }
    memcpy(l->text + l->n, bytes, n);
    l->n += n;
}

static void put_escape(struct line *l, unsigned c)
{
    char text[8];
    int n;

    switch (c) {
    case '"': put(l, "\\\"", 2); return;
    case '\\': put(l, "\\\\", 2); return;
    case '\n': put(l, "\\n", 2); return;
    case '\r': put(l, "\\r", 2); return;
    case '\t': put(l, "\\t", 2); return;
    default: n = snprintf(text, sizeof(text), "\\u%04x", c & 0xffff); put(l, text, (size_t)n);
    }
}

/* Nothing that a terminal obeys and nothing that breaks a line gets through, nor does bad UTF-8. */
static void put_quoted(struct line *l, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t n = strnlen(text, VALUE_MAX), run = 0, i;
    bool utf8;

    if (n == VALUE_MAX) {
        while (n > 0 && (p[n] & 0xc0) == 0x80)
            n--; /* not in the middle of a character */
    }
    utf8 = text_is_utf8(text, n);
    put(l, "\"", 1);
    for (i = 0; i < n; i++) {
        bool c1 = utf8 && p[i] == 0xc2 && p[i + 1] < 0xa0;

        if (p[i] >= 0x20 && p[i] != '"' && p[i] != '\\' && p[i] != 0x7f && (p[i] < 0x80 || utf8) &&
            !c1)
            continue;
        put(l, text + run, i - run);
        if (c1)
            put_escape(l, p[++i]);
        else
            put_escape(l, p[i] < 0x80 ? p[i] : 0xfffd);
        run = i + 1;
    }
    put(l, text + run, i - run);
    put(l, "\"", 1);
}

static bool is_plain(const char *text)
{
    size_t n =
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:+@,%?&");

    return n > 0 && n < VALUE_MAX && text[n] == '\0';
}

static void put_key(struct line *l, const char *key, bool json)
{
    if (l->n > 0 && l->text[l->n - 1] != '{')
        put(l, json ? "," : " ", 1);
    if (json)
        put(l, "\"", 1);
    put(l, key, strlen(key));
    put(l, json ? "\":" : "=", json ? 2 : 1);
}

static void put_field(struct line *l, const struct log_field *field, bool json)
{
    char number[24];
    size_t mark = l->n;

    if (field->text == NULL && !field->is_number)
        return;
    l->full = false;
    put_key(l, field->key, json);
    if (field->is_number) {
        int n = snprintf(number, sizeof(number), "%" PRId64, field->number);

        put(l, number, (size_t)n);
    } else if (!json && is_plain(field->text)) {
        put(l, field->text, strlen(field->text));
    } else {
        put_quoted(l, field->text);
    }
    if (l->full)
        l->n = mark; /* all of a pair or nothing of it: the line stays well-formed */
}

static const char *const level_names[] = {"error", "warn", "info", "debug"};

enum log_level log_level_of(const char *name)
{
    for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++) {
        if (strcmp(level_names[i], name) == 0)
            return (enum log_level)i;
    }
    return LOG_LEVEL_INFO;
}

void log_setup(enum log_level level, bool json)
{
    atomic_store(&log_level, (int)level);
    atomic_store(&log_json, json);
}

static void compose(struct line *line, enum log_level level, const char *message,
                    const struct log_field *fields, unsigned n)
{
    bool json = atomic_load_explicit(&log_json, memory_order_relaxed);
    char now[CLOCK_TEXT];

    line->n = 0;
    line->full = false;
    if (json)
        put(line, "{", 1);
    clock_format(clock_wall_us(), now);
    put_field(line, &LOG_TEXT("time", now), json);
    put_field(line, &LOG_TEXT("level", level_names[level]), json);
    put_field(line, &LOG_TEXT("message", message), json);
    for (unsigned i = 0; i < n; i++)
        put_field(line, &fields[i], json);
    if (json)
        line->text[line->n++] = '}';
    line->text[line->n++] = '\n';
}

/* Returns how many bytes were taken: fewer than @n when there is no space, or nobody reads. */
static size_t write_all(const char *text, size_t n)
{
    size_t done = 0;

    while (done < n) {
        ssize_t wrote = write(STDERR_FILENO, text + done, n - done);

        if (wrote > 0)
            done += (size_t)wrote;
        else if (wrote == 0 || errno != EINTR)
            break;
    }
    return done;
}

/* Nobody waits for a log: what cannot be written is dropped and counted. */
static void drop(const char *text, size_t n, size_t done)
{
    uint64_t lines = 0;

    for (size_t i = done; i < n; i++)
        lines += text[i] == '\n';
    if (done > 0 && text[done - 1] != '\n')
        broken = true;
    atomic_fetch_add(&dropped, lines);
    untold += lines;
}

/* The first line after others were lost tells how many. */
static void tell_dropped(void)
{
    struct line line;
    size_t done;

    compose(&line, LOG_LEVEL_WARN, "lines of the log were lost",
            LOG_FIELDS(LOG_NUM("lines", untold)));
    done = write_all(line.text, line.n);
    if (done == line.n)
        untold = 0;
    else
        broken = done > 0;
}

/* Returns how many bytes were taken. */
static size_t write_next(const char *text, size_t n)
{
    if (broken && write_all("\n", 1) < 1)
        return 0;
    broken = false;
    if (untold > 0)
        tell_dropped();
    return broken ? 0 : write_all(text, n);
}

static void write_out(const char *text, size_t n)
{
    size_t done;

    pthread_mutex_lock(&writing);
    done = write_next(text, n);
    if (done < n)
        drop(text, n, done);
    pthread_mutex_unlock(&writing);
}

uint64_t log_dropped(void)
{
    return atomic_load_explicit(&dropped, memory_order_relaxed);
}

void log_flush(void)
{
    if (held.n > 0)
        write_out(held.text, held.n);
    held.n = 0;
}

void log_hold(void)
{
    held.holding = true;
}

void log_release(void)
{
    log_flush();
    held.holding = false;
}

/* Lines leave in the order in which they were written. */
static void put_out(const struct line *line, bool urgent)
{
    if (line->n > sizeof(held.text) - held.n)
        log_flush();
    if (!held.holding || line->n > sizeof(held.text)) {
        write_out(line->text, line->n);
        return;
    }
    memcpy(held.text + held.n, line->text, line->n);
    held.n += line->n;
    if (urgent)
        log_flush();
}

void log_write(enum log_level level, const char *message, const struct log_field *fields,
               unsigned n)
{
    struct line line;

    if ((int)level > atomic_load_explicit(&log_level, memory_order_relaxed))
        return;
    compose(&line, level, message, fields, n);
    put_out(&line, level <= LOG_LEVEL_WARN);
}
