/**
 * plan - which statements a connection has prepared, and under which names.
 *
 * Pure bookkeeping: no libpq. Named queries are `q<id>`; composed ones (lists) go through a small
 * cache with least-recently-used eviction and are `c<serial>`, a serial being used once per
 * connection. A plan counts as ready only when the server said so: inside the batch (the statements
 * up to one sync) that carries its Parse it may be used by name, in a later batch not before the
 * answer, because an error in front of the Parse makes the server skip it.
 */
#ifndef SLUICE_DB_PLAN_H
#define SLUICE_DB_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#define PLAN_NAME 16
#define PLAN_COMPOSED_MAX 64

struct statement;
struct plans;

enum plan_state { PLAN_NONE, PLAN_ASKED, PLAN_READY };

struct plan {
    enum plan_state state;
    uint32_t batch; /* of the Parse */
};

/** How to send a statement. */
struct plan_use {
    bool named;        /* execute by name; else send text and parameters unprepared */
    bool parse;        /* put a Parse in front */
    struct plan *plan; /* to be told with plan_answered(), when parse is set */
    char name[PLAN_NAME];
    char evicted[PLAN_NAME]; /* a statement to deallocate first, or "" */
};

/** Creates the books of one connection for queries with ids below @nqueries. */
struct plans *plans_create(unsigned nqueries);
void plans_destroy(struct plans *p);

/** Forgets everything: the connection is a new one. */
void plans_forget(struct plans *p);

/** Decides how to send @s as part of batch number @batch. */
void plans_use(struct plans *p, const struct statement *s, uint32_t batch, struct plan_use *ret);

/** Tells whether the Parse of a plan succeeded; false when it failed or was skipped. */
void plan_answered(struct plan *plan, bool ok);

#endif
