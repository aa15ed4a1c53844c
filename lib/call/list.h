/**
 * list - filters, sorting and keyset pages, composed from the fragments of a list query.
 *
 * The fragments are text from sql/queries (`-- query: x list`); this file only joins those that the
 * request asks for, with numbered parameters. Values never become text of a statement, but for the
 * words on which its plan hangs (a state, a scope), and then only as what cannot be anything else:
 * small letters, digits and underscores.
 */
#ifndef SLUICE_CALL_LIST_H
#define SLUICE_CALL_LIST_H

#include "call/call.h"

/** One operator of one filter. The statement gets `before` $n `after`. */
struct list_filter {
    const char *param;  /* "created_at[gte]", "status" */
    const char *before; /* " and l.created_at >= " */
    const char *after;  /* "::timestamptz" */
    unsigned type;      /* OID of the parameter; an array type takes every repetition */
    const char *one;    /* " and l.owner_id = (": before a single value, whose array `after` and
                         * "[1]" take apart; NULL: `before` for any number. An index gives rows in
                         * its order behind an equality, and not behind any(). */
    bool known; /* the plan hangs on the values (sluice.known): a few that are words stand in
                 * the text, so that it is planned once for them and not at each request */
};

/** A condition that holds unless one of the filters is given. */
struct list_default {
    const char *condition;     /* " and (r.status_category <> 'cancelled')" */
    const char *const *unless; /* parameters; NULL-terminated */
};

struct list_sort {
    const char *name; /* "created_at" */
    const char *expr; /* "l.created_at"; never NULL */
    const char *cast; /* "timestamptz" */
};

struct list_include {
    const char *name;
    const char *columns; /* ", a.id as \"account.id\", ..." */
    const char *join;
};

struct list_query {
    const char *name;
    enum lane lane;
    const char *select; /* "select l.id, ..." without includes */
    const char *from;   /* " from ... where ..." with $1... for the fixed parameters */
    const char *where;
    const char *id; /* "l.id": breaks ties */
    int nfixed;     /* fixed parameters: $1...$nfixed */
    const unsigned *fixed_types;
    unsigned words; /* bit n: the fixed parameter $n+1 is one of few words (a scope), on which the
                     * plan hangs: it stands in the text */
    const struct list_filter *filters;   /* ends with a NULL param */
    const struct list_default *defaults; /* ends with a NULL condition; NULL: none */
    const struct list_sort *sorts; /* ends with a NULL name; the first is the default, descending */
    const struct list_include *includes; /* ends with a NULL name */
};

#define LIST_LIMIT_DEFAULT 50
#define LIST_LIMIT_MAX 200

/** What a list gets beside its own fragments: filters whose values are given, and an order. */
struct list_more {
    const struct list_filter *filters; /* ends with a NULL param, which names it in cursors */
    const char *const *values;         /* of the filters, in their order */
    const struct list_sort *sort;      /* what the parameter `sort` names, or NULL */
    bool descending;
    const char *join; /* of the sort: join, then the filter `joined` of `join_value` */
    const struct list_filter *joined;
    const char *join_value;
};

/** Gives the call's list more, until the call ends. */
void list_more(struct call *c, const struct list_more *more);

/** Asks for the page that the call's parameters describe: filters, `sort`, `limit`, `cursor`,
 * `include`, `count=exact`. @fixed has nfixed values. Returns STEP_WAIT, or STEP_FAIL with the
 * fault. */
enum step list_ask(struct call *c, const struct list_query *q, const char *const *fixed);

/** Asks for the ids that the call's parameters keep (filters only), in their order, at most @most:
 * rows of one column. Returns as list_ask. */
enum step list_ask_ids(struct call *c, const struct list_query *q, const char *const *fixed,
                       int most);

/** Asks for the first page of at most @limit rows, or, after list_advance(), for the next one: for
 * work on a whole list, in the slow lane. Returns as list_ask. */
enum step list_ask_next(struct call *c, const struct list_query *q, const char *const *fixed,
                        int limit);

/** How many rows the page has that list_ask_next() asked for, and whether others follow. */
int list_rows(const struct call *c);
bool list_has_more(const struct call *c);

/** Goes on behind its last row; false with the error. */
bool list_advance(struct call *c);

/** The step after it: {"items": [...], "next_cursor": "..." or null, "count": n if asked}, and
 * Link. */
enum step list_reply(struct call *c);

/** Returns the parameter as the text that SQL takes for the type (an array type: every repetition,
 * `me` for a user: the caller), or NULL if it was not given; arena. */
const char *list_value(struct call *c, const char *param, unsigned type);

#endif
