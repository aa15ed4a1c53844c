#include "unit.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "base/uuid.h"

/* arena */

static void arena_gives_zeroed_aligned_memory(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 1 << 20);
    for (size_t size = 0; size < 3000; size += 7) {
        unsigned char *p = arena_alloc(&a, size);

        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, size);
    }
    arena_done(&a);
    assert_null(a.chunks);
    arena_done(&a);
}

static void arena_refuses_past_its_limit(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 1024);
    assert_null(arena_alloc(&a, 1025));
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_alloc(&a, SIZE_MAX - 8));
    assert_null(arena_copy(&a, "", SIZE_MAX));
    assert_non_null(arena_alloc(&a, 1024));
    assert_null(arena_alloc(&a, 1));
    assert_null(arena_strdup(&a, "x"));
    assert_null(arena_printf(&a, "%d", 1));
    arena_done(&a);

    /* tiny blocks count for what they occupy */
    arena_init(&a, 1024);
    for (int i = 0; i < 64; i++)
        assert_non_null(arena_alloc(&a, 1));
    assert_null(arena_alloc(&a, 1));
    arena_done(&a);

    arena_init(&a, 0);
    assert_null(arena_alloc(&a, 0));
    arena_done(&a);
}

static void arena_copies_and_formats(void **state)
{
    struct arena a;
    char long_text[2000];

    (void)state;
    arena_init(&a, 1 << 20);
    assert_string_equal(arena_copy(&a, "abcdef", 3), "abc");
    assert_string_equal(arena_copy(&a, NULL, 0), "");
    assert_string_equal(arena_strdup(&a, "hello"), "hello");
    assert_null(arena_strdup(&a, NULL));
    assert_string_equal(arena_printf(&a, "%s-%d", "x", 7), "x-7");
    memset(long_text, 'y', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    assert_string_equal(arena_printf(&a, "%s", long_text), long_text);
    arena_done(&a);
}

static char trace[16];
static struct arena *hooked;

static void hook(void *arg)
{
    strncat(trace, arg, sizeof(trace) - strlen(trace) - 1);
    if (strcmp(arg, "c") == 0)
        arena_defer(hooked, hook, (void *)"d");
}

static void arena_runs_hooks_newest_first(void **state)
{
    struct arena a;

    (void)state;
    trace[0] = '\0';
    hooked = &a;
    arena_init(&a, 0); /* a full arena still takes hooks */
    arena_defer(&a, hook, (void *)"a");
    arena_defer(&a, hook, (void *)"b");
    arena_defer(&a, hook, (void *)"c");
    arena_done(&a);
    assert_string_equal(trace, "cdba");
    arena_done(&a);
    assert_string_equal(trace, "cdba");
}

/* buf */

static void buf_appends_up_to_its_maximum(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 10);
    assert_string_equal(buf_text(&b), "");
    assert_true(buf_puts(&b, "hello"));
    assert_true(buf_putc(&b, ' '));
    assert_true(buf_printf(&b, "%s", "wor"));
    assert_true(buf_add(&b, "l", 1));
    assert_int_equal(b.len, 10);
    assert_false(b.failed);
    assert_true(buf_add(&b, "", 0));
    assert_false(buf_putc(&b, 'd'));
    assert_true(b.failed);
    assert_string_equal(buf_text(&b), "hello worl");
    assert_false(buf_puts(&b, ""));
    buf_clear(&b);
    assert_false(b.failed);
    assert_string_equal(buf_text(&b), "");
    assert_false(buf_printf(&b, "%011d", 1));
    assert_string_equal(buf_text(&b), "");
    buf_done(&b);
    buf_done(&b);

    buf_init(&b, 0);
    assert_true(buf_puts(&b, ""));
    assert_false(buf_putc(&b, 'x'));
    buf_done(&b);
}

static void buf_grows(void **state)
{
    struct buf b;
    char *text;
    size_t n;

    (void)state;
    buf_init(&b, 100000);
    for (int i = 0; i < 10000; i++)
        assert_true(buf_printf(&b, "%04d,", i));
    assert_int_equal(b.len, 50000);
    assert_memory_equal(b.text + 49990, "9998,9999,", 11);
    assert_true(buf_reserve(&b, 50000));
    memset(b.text + b.len, 'x', 50000);
    b.len += 50000;
    b.text[b.len] = '\0';
    assert_false(buf_reserve(&b, 1));
    text = buf_take(&b, &n);
    assert_int_equal(n, 100000);
    free(text);
    assert_false(b.failed);
    text = buf_take(&b, NULL);
    assert_string_equal(text, "");
    free(text);
    buf_init(&b, SIZE_MAX);
    assert_true(buf_puts(&b, "x"));
    buf_done(&b);
}

/* uuid, clock */

static void uuids_parse_and_print(void **state)
{
    static const char *const bad[] = {
        "",
        "0190163d-8694-739b-aea5-966c26f8ad9",
        "0190163d-8694-739b-aea5-966c26f8ad910",
        "0190163d8694-739b-aea5-966c26f8ad91-",
        "0190163d-8694-739b-aea5-966c26f8ad9g",
        "{190163d-8694-739b-aea5-966c26f8ad91",
        "00000000-0000-0000-0000-000000000000",
    };
    struct uuid id, same;
    char text[UUID_TEXT];

    (void)state;
    assert_true(uuid_parse(SPAN("0190163D-8694-739b-aeA5-966c26f8ad91"), &id));
    uuid_format(&id, text);
    assert_string_equal(text, "0190163d-8694-739b-aea5-966c26f8ad91");
    assert_true(uuid_parse(span_of(text), &same));
    assert_true(uuid_equal(&id, &same));
    same.b[15] ^= 1;
    assert_false(uuid_equal(&id, &same));
    assert_false(uuid_is_none(&id));
    assert_true(uuid_is_none(&(struct uuid){{0}}));
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(uuid_parse(span_of(bad[i]), &id));
}

static void uuids_are_in_order(void **state)
{
    struct uuid last = {{0}};
    int64_t before = clock_wall_us() / 1000, after, ms = 0;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        struct uuid id = uuid_v7();

        assert_true(memcmp(&last, &id, sizeof(id)) < 0);
        assert_int_equal(id.b[6] >> 4, 7);
        assert_int_equal(id.b[8] >> 6, 2);
        last = id;
    }
    after = clock_wall_us() / 1000;
    for (int i = 0; i < 6; i++)
        ms = ms << 8 | last.b[i];
    assert_in_range(ms, before, after + 5); /* may run a little ahead */
}

static void clocks_format(void **state)
{
    static const struct {
        int64_t us;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000000Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
        {INT64_C(951782400000000), "2000-02-29T00:00:00.000000Z"},
        {INT64_C(1709210096123456), "2024-02-29T12:34:56.123456Z"},
        {INT64_C(1795292159000001), "2026-11-21T20:15:59.000001Z"},
        {INT64_C(4107542400000000), "2100-03-01T00:00:00.000000Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999999Z"},
        {INT64_MIN, "0001-01-01T00:00:00.000000Z"},
    };
    char out[CLOCK_TEXT];
    int64_t t = clock_mono_us();

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        clock_format(rows[i].us, out);
        assert_string_equal(out, rows[i].text);
    }
    assert_true(clock_mono_us() >= t);
    assert_in_range(clock_wall_us() / 1000000 - clock_wall_s() + 1, 0, 1);
}

/* err */

static void errors_collect_faults(void **state)
{
    struct arena a;
    struct err e;

    (void)state;
    arena_init(&a, 1 << 16);
    err_init(&e, &a);
    assert_false(err_fault(&e, ERR_INVALID, (struct fault){.pointer = "/a", .code = "type"}));
    assert_false(err_fault(&e, ERR_BAD_PARAMETER, (struct fault){.pointer = "/b", .code = "type"}));
    assert_int_equal(e.code, ERR_INVALID);
    assert_string_equal(e.faults->pointer, "/a");
    assert_string_equal(e.faults->next->pointer, "/b");
    for (int i = 0; i < 200; i++)
        err_fault(&e, ERR_INVALID, (struct fault){.pointer = "/c"});
    assert_int_equal(e.nfaults, 202);
    {
        unsigned kept = 0;

        for (const struct fault *f = e.faults; f != NULL; f = f->next)
            kept++;
        assert_int_equal(kept, ERR_FAULTS_MAX);
    }
    assert_false(err_set(&e, ERR_STALE, "version %d", 3));
    assert_string_equal(e.detail, "version 3");
    assert_false(err_set(&e, ERR_STALE, NULL));
    assert_null(e.detail);
    assert_int_equal(err_status(ERR_STALE), 412);
    assert_string_equal(err_slug(ERR_STALE), "stale");
    assert_string_equal(err_title(ERR_NOT_FOUND), "No such resource");
    for (int code = ERR_NONE + 1; code < ERR_COUNT; code++)
        assert_int_equal(err_from_slug(err_slug((enum err_code)code)), code);
    assert_int_equal(err_from_slug("nonsense"), ERR_NONE);
    arena_done(&a);
}

/* log */

/* Returns what one line on standard error looks like behind its time. */
static const char *logged(bool json, const char *message, const struct log_field *fields,
                          unsigned n)
{
    static char text[16384];
    int pipes[2], saved = dup(STDERR_FILENO);
    ssize_t got;
    char *mark;

    assert_int_equal(pipe(pipes), 0);
    dup2(pipes[1], STDERR_FILENO);
    log_setup(LOG_LEVEL_INFO, json);
    log_write(LOG_LEVEL_DEBUG, "not written", NULL, 0);
    log_write(LOG_LEVEL_WARN, message, fields, n);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(pipes[1]);
    got = read(pipes[0], text, sizeof(text) - 1);
    close(pipes[0]);
    assert_true(got > 0);
    text[got] = '\0';
    mark = strstr(text, "level");
    assert_non_null(mark);
    return mark;
}

static void log_lines_are_escaped(void **state)
{
    static char huge[20000];
    const char *line;

    (void)state;
    assert_string_equal(
        logged(true, "started",
               LOG_FIELDS(LOG_TEXT("url", "http://x/"), LOG_TEXT("none", NULL), LOG_NUM("n", -5))),
        "level\":\"warn\",\"message\":\"started\",\"url\":\"http://x/\",\"n\":-5}\n");
    assert_string_equal(
        logged(false, "all is well",
               LOG_FIELDS(LOG_TEXT("url", "http://x/"), LOG_TEXT("e", ""), LOG_TEXT("q", "a=\"b\""),
                          LOG_NUM("n", 5))),
        "level=warn message=\"all is well\" url=http://x/ e=\"\" q=\"a=\\\"b\\\"\" n=5\n");
    assert_string_equal(
        logged(true, "m", LOG_FIELDS(LOG_TEXT("k", "\x1b[2J\n\r\t\\\x7f\xc2\x9b|\xc5\xbc"))),
        "level\":\"warn\",\"message\":\"m\",\"k\":"
        "\"\\u001b[2J\\n\\r\\t\\\\\\u007f\\u009b|\xc5\xbc\"}\n");
    assert_string_equal(logged(true, "m",
                               LOG_FIELDS(LOG_TEXT("k", "a\xff"
                                                        "b"))),
                        "level\":\"warn\",\"message\":\"m\",\"k\":\"a\\ufffdb\"}\n");

    memset(huge, 'x', sizeof(huge) - 1);
    memcpy(huge + 2047, "\xc5\xbc", 2);
    line = logged(true, "m",
                  LOG_FIELDS(LOG_TEXT("a", huge), LOG_TEXT("b", huge), LOG_TEXT("c", huge),
                             LOG_TEXT("d", huge), LOG_TEXT("e", "end")));
    assert_non_null(strstr(line, "\"c\":\"x"));
    assert_null(strstr(line, "\"d\""));
    assert_non_null(strstr(line, "xxx\",\"e\":\"end\"}\n"));
}

/* Lines of a thread that holds them leave together, in order, and at the latest when it stops. */
static void log_lines_wait(void **state)
{
    char text[16384];
    int pipes[2], saved = dup(STDERR_FILENO);
    size_t lines = 0;
    ssize_t got;

    (void)state;
    assert_int_equal(pipe2(pipes, O_NONBLOCK), 0);
    dup2(pipes[1], STDERR_FILENO);
    log_setup(LOG_LEVEL_INFO, true);
    log_hold();
    log_info("a", LOG_NUM("n", 1));
    assert_int_equal(read(pipes[0], text, sizeof(text)), -1);
    log_warn("b", LOG_NUM("n", 2)); /* urgent */
    got = read(pipes[0], text, sizeof(text) - 1);
    assert_true(got > 0);
    text[got] = '\0';
    assert_non_null(strstr(text, "\"a\""));
    assert_true(strstr(text, "\"a\"") < strstr(text, "\"b\""));
    for (int i = 0; i < 100; i++)
        log_info("many", LOG_NUM("n", i));
    got = read(pipes[0], text, sizeof(text));
    assert_true(got > PIPE_BUF / 2 && text[got - 1] == '\n');
    for (ssize_t i = 0; i < got; i++)
        lines += text[i] == '\n';
    log_release();
    got = read(pipes[0], text, sizeof(text));
    assert_true(got > 0);
    for (ssize_t i = 0; i < got; i++)
        lines += text[i] == '\n';
    assert_int_equal(lines, 100);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(pipes[0]);
    close(pipes[1]);
}

/* Says how large a file of this process may become. Returns what was said before. */
static rlim_t files_end_at(rlim_t bytes)
{
    struct rlimit limit;
    rlim_t before;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    before = limit.rlim_cur;
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    return before;
}

/* A log without space loses lines, counts them, goes on when there is space, and says how many. */
static void log_lines_are_lost(void **state)
{
    char text[16384];
    int saved = dup(STDERR_FILENO);
    uint64_t before = log_dropped();
    FILE *file = tmpfile();
    rlim_t end;
    char *line, *rest = text;
    size_t n;

    (void)state;
    assert_non_null(file);
    (void)signal(SIGXFSZ, SIG_IGN);
    dup2(fileno(file), STDERR_FILENO);
    log_setup(LOG_LEVEL_INFO, true);
    log_info("a", LOG_NUM("n", 1));
    end = files_end_at((rlim_t)lseek(fileno(file), 0, SEEK_CUR) + 20);
    log_info("b", LOG_NUM("n", 2)); /* its beginning is taken */
    log_info("c", LOG_NUM("n", 3));
    log_hold();
    log_info("d", LOG_NUM("n", 4));
    log_info("e", LOG_NUM("n", 5));
    log_release();
    (void)files_end_at(end);
    assert_int_equal(log_dropped() - before, 4);
    log_info("f", LOG_NUM("n", 6));
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    n = fread(text, 1, sizeof(text) - 1, file);
    text[n] = '\0';
    (void)fclose(file);
    assert_non_null(strstr(strsep(&rest, "\n"), "\"message\":\"a\",\"n\":1}"));
    assert_int_equal(strlen(strsep(&rest, "\n")), 20);
    line = strsep(&rest, "\n");
    assert_non_null(strstr(line, "\"message\":\"lines of the log were lost\",\"lines\":4}"));
    assert_non_null(strstr(strsep(&rest, "\n"), "\"message\":\"f\",\"n\":6}"));
    assert_string_equal(rest, "");
    assert_int_equal(log_dropped() - before, 4);
}

static atomic_bool stopping;
static atomic_uint said;

static void *chatter(void *arg)
{
    (void)arg;
    while (!atomic_load(&stopping)) {
        log_info("chatter", LOG_NUM("n", atomic_fetch_add(&said, 1)));
    }
    return NULL;
}

static void wait_until_said(unsigned more)
{
    unsigned until = atomic_load(&said) + more;

    while (atomic_load(&said) < until)
        (void)sched_yield();
}

/* The lines of a log that tell of lost ones; each must stand alone, as whoever reads it wants it.
 */
static uint64_t lines_told(FILE *file)
{
    char line[16384];
    uint64_t sum = 0;

    rewind(file);
    while (fgets(line, sizeof(line), file)) {
        const char *told = strstr(line, "\"lines of the log were lost\"");

        if (!told)
            continue;
        assert_int_equal(strncmp(line, "{\"time\":", 8), 0);
        assert_null(strstr(line + 8, "{\"time\":"));
        sum += strtoull(strstr(told, "\"lines\":") + 8, NULL, 10);
    }
    return sum;
}

/* While several threads write: none takes a line for ended that another one is only about to end.
 */
static void log_lines_are_lost_by_many(void **state)
{
    int saved = dup(STDERR_FILENO);
    uint64_t before = log_dropped(), told;
    FILE *file = tmpfile();
    pthread_t threads[4];

    (void)state;
    assert_non_null(file);
    (void)fcntl(fileno(file), F_SETFL, O_APPEND);
    (void)signal(SIGXFSZ, SIG_IGN);
    dup2(fileno(file), STDERR_FILENO);
    log_setup(LOG_LEVEL_INFO, true);
    atomic_store(&stopping, false);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, chatter, NULL), 0);
    for (unsigned i = 0; i < 100; i++) {
        struct stat at;
        rlim_t end;

        assert_int_equal(fstat(fileno(file), &at), 0);
        end = files_end_at((rlim_t)at.st_size + 300 + i);
        wait_until_said(40);
        (void)files_end_at(end);
        wait_until_said(40);
    }
    atomic_store(&stopping, true);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    log_info("last");
    dup2(saved, STDERR_FILENO);
    close(saved);
    told = lines_told(file);
    (void)fclose(file);
    assert_true(told > 0);
    assert_int_equal(told, log_dropped() - before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_gives_zeroed_aligned_memory),
        cmocka_unit_test(arena_refuses_past_its_limit),
        cmocka_unit_test(arena_copies_and_formats),
        cmocka_unit_test(arena_runs_hooks_newest_first),
        cmocka_unit_test(buf_appends_up_to_its_maximum),
        cmocka_unit_test(buf_grows),
        cmocka_unit_test(uuids_parse_and_print),
        cmocka_unit_test(uuids_are_in_order),
        cmocka_unit_test(clocks_format),
        cmocka_unit_test(errors_collect_faults),
        cmocka_unit_test(log_lines_are_escaped),
        cmocka_unit_test(log_lines_wait),
        cmocka_unit_test(log_lines_are_lost),
        cmocka_unit_test(log_lines_are_lost_by_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
