#include "db/migrate.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "db/dsn.h"
#include "db/script.h"

#define LOCK_KEY "7310866230574163301" /* one migration at a time in a database */
#define LOCK_TIMEOUT_MS 300000         /* for another migration */
#define PATIENCE_US INT64_C(300000000) /* with those who use what is to be changed */
#define PAUSE_FIRST_MS 250
#define PAUSE_LAST_MS 5000

/* Daemons work meanwhile. Whoever wants a table behind one who waits for it to be his alone waits
 * as well: so the wait is short, and repeated. It is longer than a daemon's for a lock (db.c), and
 * so is the time until a deadlock is looked for (only a superuser may say so): what is given up
 * should be a request, which is told to come back, rather than the work of a second. */
static const char *const manners[] = {"set lock_timeout = '3s'", "set deadlock_timeout = '10s'"};

/* What was applied, in a schema of its own: the migrations create and own the other one. */
static const char books[] = "create schema if not exists sluice_meta;"
                            "create table if not exists sluice_meta.applied ("
                            " kind text not null, name text not null, hash text not null,"
                            " at timestamptz not null default now(), primary key (kind, name));"
                            "grant usage on schema sluice_meta to public;"
                            "grant select on sluice_meta.applied to public";

struct kind {
    const char *name;
    const struct sql_file *files;
};

struct applied {
    PGconn *pg;
    PGresult *rows; /* kind, name, hash */
    struct buf *why;
    bool changed;
    bool clashed; /* what failed may succeed when others are done */
};

/* asking, blocking */

static bool failed(struct applied *a, const char *what)
{
    buf_printf(a->why, "%s: ", what);
    dsn_why(a->pg, a->why);
    return false;
}

static bool run(struct applied *a, const char *text)
{
    PGresult *res = PQexec(a->pg, text);
    ExecStatusType status = PQresultStatus(res);

    PQclear(res);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* The server hashes: db has no cryptography of its own. Returns malloc()ed hex, or NULL. */
static char *hash_of(struct applied *a, const char *text)
{
    const char *values[] = {text};
    PGresult *res = PQexecParams(a->pg, "select encode(sha256(convert_to($1, 'UTF8')), 'hex')", 1,
                                 NULL, values, NULL, NULL, 0);
    char *hash = PQresultStatus(res) == PGRES_TUPLES_OK ? strdup(PQgetvalue(res, 0, 0)) : NULL;

    PQclear(res);
    if (hash == NULL)
        failed(a, "cannot hash a file");
    return hash;
}

static bool read_books(struct applied *a)
{
    PQclear(a->rows);
    a->rows = PQexec(a->pg, "select kind, name, hash from sluice_meta.applied");
    return PQresultStatus(a->rows) == PGRES_TUPLES_OK;
}

static const char *recorded(const struct applied *a, const char *kind, const char *name)
{
    for (int i = 0; i < PQntuples(a->rows); i++)
        if (strcmp(PQgetvalue(a->rows, i, 0), kind) == 0 &&
            strcmp(PQgetvalue(a->rows, i, 1), name) == 0)
            return PQgetvalue(a->rows, i, 2);
    return NULL;
}

static bool record(struct applied *a, const char *kind, const char *name, const char *hash)
{
    const char *values[] = {kind, name, hash};
    PGresult *res =
        PQexecParams(a->pg,
                     "insert into sluice_meta.applied (kind, name, hash) values ($1, $2, $3)"
                     " on conflict (kind, name) do update set hash = $3, at = now()",
                     3, NULL, values, NULL, NULL, 0);
    bool ok = PQresultStatus(res) == PGRES_COMMAND_OK;

    PQclear(res);
    return ok || failed(a, name);
}

/* one file */

/* A deadlock's victim, or a lock that was waited for in vain. */
static bool is_clash(const PGresult *res)
{
    const char *sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);

    return sqlstate != NULL && (strcmp(sqlstate, "40P01") == 0 || strcmp(sqlstate, "55P03") == 0);
}

/* Says where a file failed: the place that the server points at, else the statement that it was in.
 */
static bool file_failed(struct applied *a, const struct sql_file *f, const PGresult *res,
                        unsigned done)
{
    const char *at = PQresultErrorField(res, PG_DIAG_STATEMENT_POSITION);
    const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL);
    const char *context = PQresultErrorField(res, PG_DIAG_CONTEXT);
    unsigned line = at != NULL ? script_line_of_character(f->text, strtoul(at, NULL, 10))
                               : script_line_of_statement(f->text, done);

    a->clashed = a->clashed || is_clash(res);
    buf_printf(a->why, "%s:%u: %s", f->name, line, message == NULL ? "" : message);
    if (message == NULL)
        dsn_why(a->pg, a->why);
    if (detail != NULL)
        buf_printf(a->why, ": %s", detail);
    if (context != NULL)
        buf_printf(a->why, " (%s)", context);
    return false;
}

/* Runs the statements of a file in the transaction that is open. */
static bool run_file(struct applied *a, const struct sql_file *f)
{
    unsigned done = 0;
    bool ok = true;
    PGresult *res;

    if (PQsendQuery(a->pg, f->text) != 1)
        return failed(a, f->name);
    while ((res = PQgetResult(a->pg)) != NULL) {
        ExecStatusType status = PQresultStatus(res);

        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY)
            ok = ok && file_failed(a, f, res, done);
        done++;
        PQclear(res);
    }
    if (!ok)
        return false;
    if (PQtransactionStatus(a->pg) != PQTRANS_INTRANS) {
        buf_printf(a->why, "%s: ends the transaction that it runs in", f->name);
        return false;
    }
    return run(a, "reset role") || failed(a, f->name);
}

/* Applies and records one file in the transaction that is open. */
static bool apply_file(struct applied *a, const char *kind, const struct sql_file *f,
                       const char *hash)
{
    if (!run_file(a, f) || !record(a, kind, f->name, hash))
        return false;
    a->changed = true;
    log_info("applied", LOG_TEXT("kind", kind), LOG_TEXT("file", f->name));
    return true;
}

static bool begin(struct applied *a)
{
    return run(a, "begin") || failed(a, "begin");
}

/* Ends the transaction, for good when @ok. */
static bool end(struct applied *a, bool ok)
{
    if (!ok) {
        run(a, "rollback");
        return false;
    }
    return run(a, "commit") || failed(a, "commit");
}

/* Returns 1 if the file is recorded with its present hash, 0 if not, -1 if that cannot be told.
 * *@ret_hash is the caller's to free. */
static int is_current(struct applied *a, const char *kind, const struct sql_file *f,
                      char **ret_hash)
{
    const char *before = recorded(a, kind, f->name);

    *ret_hash = hash_of(a, f->text);
    if (*ret_hash == NULL)
        return -1;
    return before != NULL && strcmp(before, *ret_hash) == 0;
}

/* the three kinds */

/* A database that knows migrations which this build does not is a newer one's. */
static bool none_is_newer(struct applied *a)
{
    for (int i = 0; i < PQntuples(a->rows); i++) {
        const struct sql_file *f = sql_migrations;
        const char *name = PQgetvalue(a->rows, i, 1);

        if (strcmp(PQgetvalue(a->rows, i, 0), "migration") != 0)
            continue;
        while (f->name != NULL && strcmp(f->name, name) != 0)
            f++;
        if (f->name == NULL) {
            buf_printf(a->why, "the database was migrated by a newer build: %s is unknown here",
                       name);
            return false;
        }
    }
    return true;
}

static bool apply_migration(struct applied *a, const struct sql_file *f)
{
    char *hash;
    int current = is_current(a, "migration", f, &hash);
    bool ok = current == 1;

    if (current == 0 && recorded(a, "migration", f->name) != NULL)
        buf_printf(a->why, "%s: has been changed after it was applied", f->name);
    else if (current == 0)
        ok = begin(a) && end(a, apply_file(a, "migration", f, hash));
    free(hash);
    return ok;
}

/* All or none: functions call each other, so a change of one applies them all in one transaction,
 * after new migrations too. */
static bool apply_functions(struct applied *a)
{
    bool needed = a->changed, ok;
    const struct sql_file *f;

    for (f = sql_functions; f->name != NULL && !needed; f++) {
        char *hash;
        int current = is_current(a, "function", f, &hash);

        free(hash);
        if (current < 0)
            return false;
        needed = current == 0;
    }
    if (!needed)
        return true;
    ok = begin(a);
    for (f = sql_functions; f->name != NULL && ok; f++) {
        char *hash = hash_of(a, f->text);

        ok = hash != NULL && apply_file(a, "function", f, hash);
        free(hash);
    }
    return end(a, ok);
}

static bool apply_blueprint(struct applied *a, const struct sql_file *f)
{
    char *hash;
    int current = is_current(a, "blueprint", f, &hash);
    bool ok =
        current == 1 || (current == 0 && begin(a) && end(a, apply_file(a, "blueprint", f, hash)));

    free(hash);
    return ok;
}

static bool apply_all(struct applied *a)
{
    bool ok;

    a->clashed = false; /* of this round: books that cannot be read are no clash */
    ok = (read_books(a) || failed(a, "cannot read what was applied")) && none_is_newer(a);
    for (const struct sql_file *f = sql_migrations; f->name != NULL && ok; f++)
        ok = apply_migration(a, f);
    ok = ok && apply_functions(a);
    for (const struct sql_file *f = sql_blueprints; f->name != NULL && ok; f++)
        ok = apply_blueprint(a, f);
    return ok;
}

static void pause_for(unsigned ms)
{
    const struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    (void)nanosleep(&span, NULL);
}

/* Again and again where others are in the way; what was applied before stays. */
static bool apply_patiently(struct applied *a)
{
    int64_t until = clock_mono_us() + PATIENCE_US;
    unsigned ms = PAUSE_FIRST_MS;

    while (!apply_all(a)) {
        if (!a->clashed || clock_mono_us() > until)
            return false;
        log_warn("others are in the way of a migration", LOG_TEXT("why", buf_text(a->why)));
        buf_clear(a->why);
        pause_for(ms);
        ms = 2 * ms < PAUSE_LAST_MS ? 2 * ms : PAUSE_LAST_MS;
    }
    return true;
}

static bool apply_alone(struct applied *a)
{
    if (!run(a, "select pg_advisory_lock(" LOCK_KEY ")"))
        return failed(a, "another migration is running");
    for (size_t i = 0; i < sizeof manners / sizeof manners[0]; i++)
        (void)run(a, manners[i]);
    return (run(a, books) || failed(a, "cannot keep books of migrations")) && apply_patiently(a);
}

static bool open_books(struct applied *a, const char *url, struct buf *why)
{
    const struct dsn_session session = {.lock_timeout_ms = LOCK_TIMEOUT_MS};

    *a = (struct applied){.pg = dsn_connect(url, &session, why), .why = why};
    return a->pg != NULL;
}

static void close_books(struct applied *a)
{
    PQclear(a->rows);
    PQfinish(a->pg); /* ends the lock too */
}

enum migrate_result migrate(const char *url, struct buf *why)
{
    struct applied a;
    bool ok;

    if (!open_books(&a, url, why))
        return MIGRATE_FAILED;
    ok = apply_alone(&a);
    close_books(&a);
    if (!ok)
        return MIGRATE_FAILED;
    return a.changed ? MIGRATE_DONE : MIGRATE_CURRENT;
}

static bool check_kind(struct applied *a, const struct kind *kind)
{
    for (const struct sql_file *f = kind->files; f->name != NULL; f++) {
        char *hash;
        int current = is_current(a, kind->name, f, &hash);

        free(hash);
        if (current == 1)
            continue;
        if (current == 0)
            buf_printf(a->why,
                       "the database is not migrated to this build: %s %s is missing or differs",
                       kind->name, f->name);
        return false;
    }
    return true;
}

bool migrate_check(const char *url, struct buf *why)
{
    const struct kind kinds[] = {
        {"migration", sql_migrations}, {"function", sql_functions}, {"blueprint", sql_blueprints}};
    struct applied a;
    bool ok;

    if (!open_books(&a, url, why))
        return false;
    ok = read_books(&a);
    if (!ok)
        buf_puts(why, "the database is not migrated");
    ok = ok && none_is_newer(&a);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && ok; i++)
        ok = check_kind(&a, &kinds[i]);
    close_books(&a);
    return ok;
}
