#include "db/cluster.h"

#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "db/cluster_files.h"
#include "db/cluster_run.h"

#define START_US 60000000
#define STOP_US 30000000
#define KILL_US 5000000
#define POLL_US 20000
#define RESTART_US 2000000 /* between two starts of a server that keeps dying */
#define START_TRIES 3
#define SUPERUSER "postgres"
#define APP_ROLE "sluice_app"
#define DATABASE "sluice"

struct cluster {
    struct cluster_paths paths;
    struct cluster_user user;
    int lock_fd;
    pid_t pid;
    bool child; /* else a server taken over */
    bool is_new;
    int64_t started_us;
    char *admin_url, *url, *app_url;
};

/* is it there? */

static PGPing ping(const struct cluster *c)
{
    return PQping(c->admin_url);
}

/* Tells whether the server has ended; collects our child. */
static bool has_ended(struct cluster *c)
{
    if (c->pid <= 0)
        return true;
    if (c->child ? waitpid(c->pid, NULL, WNOHANG) == 0 : cluster_pid_lives(c->pid))
        return false;
    c->pid = 0;
    return true;
}

static bool wait_end(struct cluster *c, int64_t us)
{
    int64_t end = clock_mono_us() + us;

    while (!has_ended(c)) {
        if (clock_mono_us() > end)
            return false;
        usleep(POLL_US);
    }
    return true;
}

/* starting */

static void spawn_server(struct cluster *c)
{
    char *sockets = NULL;
    char *postgres = cluster_program(&c->paths, "postgres");
    const char *argv[] = {postgres,
                          "-D",
                          c->paths.data,
                          "-c",
                          "listen_addresses=",
                          "-c",
                          NULL,
                          "-c",
                          "unix_socket_permissions=0700",
                          "-c",
                          "port=5432",
                          NULL};

    if (asprintf(&sockets, "unix_socket_directories=\"%s\"", c->paths.run) < 0)
        abort();
    argv[6] = sockets;
    c->pid = cluster_spawn(&c->user, argv, c->paths.start_log);
    c->child = true;
    c->started_us = clock_mono_us();
    free(sockets);
    free(postgres);
}

/* Waits until the server answers. Returns false when it ended or the time is over. */
static bool wait_ready(struct cluster *c)
{
    int64_t end = clock_mono_us() + START_US;

    while (clock_mono_us() < end) {
        if (ping(c) == PQPING_OK)
            return true;
        if (has_ended(c))
            return false;
        usleep(POLL_US);
    }
    return false;
}

static void say_log(const struct cluster *c, struct buf *why)
{
    buf_puts(why, ": ");
    cluster_tail(c->paths.start_log, why);
}

static bool start_server(struct cluster *c, struct buf *why)
{
    /* A server that died hard leaves processes that hold its memory for a moment. */
    for (unsigned i = 0; i < START_TRIES; i++) {
        spawn_server(c);
        if (c->pid < 0) {
            buf_printf(why, "cannot start a process: %s", strerror(errno));
            return false;
        }
        if (wait_ready(c))
            return true;
        if (!has_ended(c))
            break;
        usleep(500000);
    }
    buf_puts(why, "the private PostgreSQL does not start");
    say_log(c, why);
    return false;
}

/* A server of a daemon that was killed: either it answers, or it is on its way up or down. */
static bool take_over(struct cluster *c)
{
    pid_t pid = cluster_read_pid(&c->paths);
    int64_t end = clock_mono_us() + START_US;
    PGPing state = ping(c);

    while (state == PQPING_REJECT && clock_mono_us() < end) {
        usleep(POLL_US);
        state = ping(c);
    }
    if (state != PQPING_OK || pid <= 0)
        return false;
    c->pid = pid;
    c->child = false;
    log_info("private PostgreSQL taken over", LOG_NUM("pid", pid));
    return true;
}

static bool run_initdb(struct cluster *c, struct buf *why)
{
    char *initdb = cluster_program(&c->paths, "initdb");
    const char *argv[] = {initdb,
                          "-D",
                          c->paths.fresh,
                          "-U",
                          SUPERUSER,
                          "--auth-local=trust",
                          "--auth-host=reject",
                          "--encoding=UTF8",
                          "--locale=C.UTF-8",
                          "--data-checksums",
                          "--no-instructions",
                          NULL};
    pid_t pid = cluster_spawn(&c->user, argv, c->paths.start_log);
    int status = -1;

    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    free(initdb);
    if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    buf_puts(why, "initdb failed");
    say_log(c, why);
    return false;
}

/* Makes the data folder under another name first, so that one cut off half-way is never taken for
 * whole. */
static bool create(struct cluster *c, struct buf *why)
{
    cluster_remove_tree(c->paths.fresh);
    if (!cluster_make_folder(c->paths.fresh, 0700, &c->user, why) || !run_initdb(c, why))
        return false;
    if (!cluster_write_settings(&c->paths) || rename(c->paths.fresh, c->paths.data) != 0 ||
        !cluster_sync_folder(c->paths.data)) {
        buf_printf(why, "cannot finish %s: %s", c->paths.data, strerror(errno));
        return false;
    }
    c->is_new = true;
    return true;
}

static bool create_database(struct cluster *c, struct buf *why)
{
    PGconn *pg = PQconnectdb(c->admin_url);
    PGresult *res = PQexec(pg, "select 1 from pg_database where datname = '" DATABASE "'");
    bool ok = PQresultStatus(res) == PGRES_TUPLES_OK;

    if (ok && PQntuples(res) == 0) {
        PQclear(res);
        res = PQexec(pg, "create database " DATABASE);
        ok = PQresultStatus(res) == PGRES_COMMAND_OK;
    }
    if (!ok)
        buf_printf(why, "cannot create the database: %s", PQerrorMessage(pg));
    PQclear(res);
    PQfinish(pg);
    return ok;
}

/* life */

static bool take_lock(struct cluster *c, struct buf *why)
{
    c->lock_fd = open(c->paths.lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (c->lock_fd < 0) {
        buf_printf(why, "cannot open %s: %s", c->paths.lock, strerror(errno));
        return false;
    }
    if (flock(c->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    buf_printf(why, "another process uses the data folder (%s is locked)", c->paths.lock);
    return false;
}

static void set_urls(struct cluster *c)
{
    struct buf host;

    buf_init(&host, 1024);
    for (const char *p = c->paths.run; *p != '\0'; p++) {
        if (*p == '\'' || *p == '\\')
            buf_putc(&host, '\\');
        buf_putc(&host, *p);
    }
    if (asprintf(&c->admin_url,
                 "host='%s' port=5432 user=" SUPERUSER " dbname=postgres connect_timeout=5",
                 buf_text(&host)) < 0 ||
        asprintf(&c->url, "host='%s' port=5432 user=" SUPERUSER " dbname=" DATABASE,
                 buf_text(&host)) < 0 ||
        asprintf(&c->app_url, "host='%s' port=5432 user=" APP_ROLE " dbname=" DATABASE,
                 buf_text(&host)) < 0)
        abort();
    buf_done(&host);
}

static void cluster_free(struct cluster *c)
{
    if (c->lock_fd >= 0)
        close(c->lock_fd);
    cluster_paths_done(&c->paths);
    cluster_user_done(&c->user);
    free(c->admin_url);
    free(c->url);
    free(c->app_url);
    free(c);
}

/* A tool that looks in the wrong folder must not leave a database there. */
static bool is_there(const char *data_dir, struct buf *why)
{
    struct buf path;
    bool found;

    buf_init(&path, 4096);
    buf_printf(&path, "%s/postgres/PG_VERSION", data_dir);
    found = access(buf_text(&path), F_OK) == 0;
    buf_done(&path);
    if (!found)
        buf_printf(why,
                   "there is no database in %s: name one with --database-url or "
                   "SLUICE_DATABASE_URL, or the folder of the daemon's own with --data-dir",
                   data_dir);
    return found;
}

/* The daemon that has the lock looks after the server; we only ask it. */
static bool join(struct cluster *c, struct buf *why)
{
    int64_t end = clock_mono_us() + START_US;
    PGPing state = ping(c);

    while (state == PQPING_REJECT && clock_mono_us() < end) {
        usleep(POLL_US);
        state = ping(c);
    }
    if (state == PQPING_OK)
        buf_clear(why);
    return state == PQPING_OK;
}

static bool start(struct cluster *c, const struct cluster_options *o, struct buf *why)
{
    if (o->existing && !is_there(o->data_dir, why))
        return false;
    if (!cluster_user_find(&c->user, o->user, why) ||
        !cluster_paths_make(&c->paths, o, &c->user, why))
        return false;
    set_urls(c);
    if (!take_lock(c, why))
        return o->existing && join(c, why);
    if (!cluster_has_data(&c->paths) && !create(c, why))
        return false;
    if (!take_over(c) && !start_server(c, why))
        return false;
    return create_database(c, why);
}

struct cluster *cluster_start(const struct cluster_options *o, struct buf *why)
{
    struct cluster *c = calloc(1, sizeof *c);

    if (c == NULL)
        abort();
    c->lock_fd = -1;
    if (start(c, o, why))
        return c;
    cluster_stop(c);
    return NULL;
}

const char *cluster_app_url(const struct cluster *c)
{
    return c->app_url;
}

const char *cluster_url(const struct cluster *c)
{
    return c->url;
}

bool cluster_is_new(const struct cluster *c)
{
    return c->is_new;
}

void cluster_tend(struct cluster *c)
{
    if (!has_ended(c) || clock_mono_us() - c->started_us < RESTART_US)
        return;
    spawn_server(c);
    log_warn("private PostgreSQL had ended; started again", LOG_NUM("pid", c->pid));
}

void cluster_stop(struct cluster *c)
{
    if (c == NULL)
        return;
    if (c->pid > 0) {
        kill(c->pid, SIGINT); /* fast shutdown: sessions are ended, a checkpoint is written */
        if (!wait_end(c, STOP_US)) {
            log_warn("private PostgreSQL does not stop", LOG_NUM("pid", c->pid));
            kill(c->pid, SIGQUIT);
            wait_end(c, KILL_US);
        }
    }
    cluster_free(c);
}
