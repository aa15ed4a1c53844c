#include "db/once.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "db/ask.h"
#include "db/dsn.h"
#include "db/sqlstate.h"

#define STATEMENT_TIMEOUT_MS 60000
#define LOCK_TIMEOUT_MS 10000

/* Whether it is a refusal of ours, which then is in @e. */
static bool is_refusal(const PGresult *res, struct err *e)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    struct ask_error from = {.message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY),
                             .detail = PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL),
                             .hint = PQresultErrorField(res, PG_DIAG_MESSAGE_HINT),
                             .column = PQresultErrorField(res, PG_DIAG_COLUMN_NAME),
                             .statement = -1};

    if (e == NULL || state == NULL || strncmp(state, "SL", 2) != 0)
        return false;
    (void)snprintf(from.sqlstate, sizeof(from.sqlstate), "%s", state);
    (void)sqlstate_to_err(&from, e);
    return true;
}

struct result *db_once_refused(const char *url, const char *role, const struct query *q,
                               const char *const *values, struct buf *why, struct err *refused)
{
    const struct dsn_session session = {.role = role,
                                        .statement_timeout_ms = STATEMENT_TIMEOUT_MS,
                                        .lock_timeout_ms = LOCK_TIMEOUT_MS};
    PGconn *pg = dsn_connect(url, &session, why);
    PGresult *res;

    if (pg == NULL)
        return NULL;
    res = PQexecParams(pg, q->text, q->nparams, q->types, values, NULL, NULL, 0);
    if (PQresultStatus(res) != PGRES_TUPLES_OK && PQresultStatus(res) != PGRES_COMMAND_OK) {
        if (!is_refusal(res, refused)) {
            buf_printf(why, "%s: ", q->name);
            dsn_why(pg, why);
        }
        PQclear(res);
        res = NULL;
    }
    PQfinish(pg);
    return (struct result *)(void *)res;
}

struct result *db_once(const char *url, const char *role, const struct query *q,
                       const char *const *values, struct buf *why)
{
    return db_once_refused(url, role, q, values, why, NULL);
}
