#include "db/pooler.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "db/ask.h"

/* sql/queries/engine.sql */
extern const struct query query_session_set;
extern const struct query query_session_server;

#define SETTINGS_MAX 4096
#define LOOKS 3

/* The name of the zone is not one that a server has by itself: seeing it, the session is ours. */
bool pooler_is_between(const PGconn *pg)
{
    const char *zone = PQparameterStatus(pg, "TimeZone");

    return zone == NULL || strcmp(zone, DSN_ZONE) != 0;
}

bool pooler_send_settings(PGconn *pg, const struct dsn_session *s)
{
    const char *values[1];
    struct buf lines;
    bool ok;

    buf_init(&lines, SETTINGS_MAX);
    dsn_settings(s, &lines);
    values[0] = buf_text(&lines);
    ok = PQsetnonblocking(pg, 1) == 0 &&
         PQsendQueryParams(pg, query_session_set.text, 1, query_session_set.types, values, NULL,
                           NULL, 0) == 1 &&
         PQflush(pg) == 0; /* a few hundred bytes into an empty socket */
    buf_done(&lines);
    return ok;
}

enum pooler_answer pooler_settings_answered(PGconn *pg)
{
    bool set = true;

    if (PQconsumeInput(pg) != 1)
        return POOLER_FAILED;
    while (!PQisBusy(pg)) {
        PGresult *res = PQgetResult(pg);

        if (res == NULL)
            return set ? POOLER_SET : POOLER_FAILED;
        set = set && PQresultStatus(res) == PGRES_TUPLES_OK;
        PQclear(res);
        if (!set)
            return POOLER_FAILED;
    }
    return POOLER_PENDING;
}

bool pooler_set(PGconn *pg, const struct dsn_session *s)
{
    bool set = pooler_send_settings(pg, s);

    for (PGresult *res; (res = PQgetResult(pg)) != NULL; PQclear(res))
        set = set && PQresultStatus(res) == PGRES_TUPLES_OK;
    return PQsetnonblocking(pg, 0) == 0 && set;
}

/* The number of the server's process, 0 if it is not told. */
static int server_of(PGconn *pg)
{
    PGresult *res = PQexec(pg, query_session_server.text);
    int pid = 0;

    if (PQresultStatus(res) == PGRES_TUPLES_OK)
        pid = (int)strtol(PQgetvalue(res, 0, 0), NULL, 10);
    PQclear(res);
    return pid;
}

bool pooler_mixes(PGconn *one, PGconn *other)
{
    int first = server_of(one), second = server_of(other);

    for (int i = 0; i < LOOKS; i++)
        if (first == second || server_of(one) != first || server_of(other) != second)
            return true;
    return false;
}
