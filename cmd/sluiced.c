/* sluiced - the daemon: settings, database, workers, signals. */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/log.h"
#include "conf/conf.h"
#include "crew.h"
#include "db/cluster.h"
#include "ready.h"
#include "site.h"
#include "json/memory.h"

#define READY_MS 15000
#define TEND_S 1
#define LARGE_PIECE (1 << 20)

static const char usage[] =
    "usage: sluiced [--SETTING VALUE]...\n"
    "\n"
    "Runs a company's path from lead to closed deal, over HTTP. Without settings it keeps a "
    "private\n"
    "PostgreSQL under its data folder; the first start prints the administrator's password.\n"
    "\n"
    "  --help           this text\n"
    "  --version        the version\n"
    "  --check-config   print every setting with its origin, secrets masked, and exit\n"
    "\n"
    "SIGTERM and SIGINT finish what is in flight and stop; SIGHUP reads the certificate again.\n"
    "\n"
    "Settings (file: name = value; environment: SLUICE_NAME; command line: --name VALUE):\n\n";

static bool fail(const char *what, const struct buf *why)
{
    log_error(what, LOG_TEXT("why", buf_text(why)));
    return false;
}

/* Memory that cannot be had and broken assertions end the process: the last line says that this was
 * no kill. Logging does not allocate, and whoever writes at the moment gets on. */
static void say_abort(int number)
{
    (void)number;
    /* NOLINTNEXTLINE(bugprone-signal-handler): abort() raises it, so it interrupts nothing */
    log_error("aborted: memory ran out, or an assertion failed; what was answered is stored");
}

/* The signals are waited for in one place; no handler ever runs, but for the one of the end. */
static void block_signals(sigset_t *set)
{
    (void)signal(SIGABRT, say_abort);
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void reload(struct crew *crew, const struct conf *conf)
{
    struct buf why;

    buf_init(&why, 4096);
    if (crew_reload(crew, conf, &why))
        log_info("reloaded", LOG_TEXT("certificate", conf->tls_certificate));
    else
        log_warn("kept the old certificate", LOG_TEXT("why", buf_text(&why)));
    buf_done(&why);
}

static void serve_until_signal(const struct conf *conf, const struct site *site, struct crew *crew,
                               const sigset_t *signals)
{
    const struct timespec tick = {.tv_sec = TEND_S};

    for (;;) {
        int sig = sigtimedwait(signals, NULL, &tick);

        if (sig == SIGTERM || sig == SIGINT)
            return;
        if (sig == SIGHUP)
            reload(crew, conf);
        if (site->cluster)
            cluster_tend(site->cluster);
    }
}

static bool run(const struct conf *conf)
{
    struct site site;
    struct crew *crew;
    struct buf why;
    sigset_t signals;
    bool done = false;

    buf_init(&why, 64 * 1024);
    block_signals(&signals);
    raise_descriptor_limit();
    if (!site_open(&site, conf, &why)) {
        fail("cannot open the database", &why);
        buf_done(&why);
        return false;
    }
    crew = crew_start(conf, &site, &why);
    if (!crew) {
        fail("cannot start", &why);
    } else {
        if (!crew_wait_ready(crew, READY_MS))
            log_warn("serving while the database is away", LOG_NUM("waited_ms", READY_MS));
        done = ready_tell(conf, &site, crew, &why) || fail("cannot tell", &why);
        if (done)
            serve_until_signal(conf, &site, crew, &signals);
        log_info("stopping", LOG_NUM("drain_ms", conf->drain_timeout_ms));
        crew_stop(crew, (unsigned)conf->drain_timeout_ms);
        ready_forget(conf);
    }
    site_close(&site);
    buf_done(&why);
    return done;
}

/* glibc keeps what it once mapped and got back: after the first sign-in the 19 MiB of a password's
 * hash would stay for good, and as much as the largest upload. Large pieces go back at once. */
static void give_back_large_pieces(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, LARGE_PIECE);
}

int main(int argc, char **argv)
{
    struct conf conf;
    struct buf text;
    enum conf_wish wish;
    int code = EXIT_SUCCESS;

    give_back_large_pieces();
    json_object_seed(0);
    json_memory_setup();
    buf_init(&text, 1024 * 1024);
    wish = conf_load(&conf, argc, argv, &text);
    switch (wish) {
    case CONF_WRONG:
        (void)fputs(buf_text(&text), stderr);
        code = EXIT_FAILURE;
        break;
    case CONF_HELP:
        conf_help(&text);
        printf("%s%s", usage, buf_text(&text));
        break;
    case CONF_VERSION: puts("sluiced " SLUICE_VERSION); break;
    case CONF_CHECK:
        conf_print(&conf, &text);
        (void)fputs(buf_text(&text), stdout);
        break;
    case CONF_RUN:
        log_setup(log_level_of(conf.log_level), strcmp(conf.log_format, "json") == 0);
        code = run(&conf) ? EXIT_SUCCESS : EXIT_FAILURE;
        break;
    }
    buf_done(&text);
    conf_done(&conf);
    return code;
}
