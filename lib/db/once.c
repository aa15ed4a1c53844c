#include "db/once.h"

#include <libpq-fe.h>

#include "base/buf.h"
#include "db/ask.h"
#include "db/dsn.h"

#define STATEMENT_TIMEOUT_MS 60000
#define LOCK_TIMEOUT_MS 10000

struct result *db_once(const char *url, const char *role, const struct query *q,
                       const char *const *values, struct buf *why)
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
        buf_printf(why, "%s: ", q->name);
        dsn_why(pg, why);
        PQclear(res);
        res = NULL;
    }
    PQfinish(pg);
    return (struct result *)(void *)res;
}
