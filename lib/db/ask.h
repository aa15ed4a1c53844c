/**
 * ask - one question to PostgreSQL: up to ASK_MAX statements in one transaction, answered together.
 *
 * The statements of an ask go out in one pipeline sync, so they share one implicit transaction: if
 * one fails, all are rolled back.
 *
 * A held transaction is the exception: its first ask (HOLD_OPEN) begins it with a statement of its
 * own and keeps the connection, others (HOLD_MORE) follow on it, the last one (HOLD_CLOSE) commits
 * or rolls back. Whoever opened it must close it, also after an ask of it has failed; an ask that
 * ends with ASK_UNAVAILABLE has lost it, and the server rolls back.
 */
#ifndef SLUICE_DB_ASK_H
#define SLUICE_DB_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAW_PARAMS 8 /* of a statement that has a raw one, at most */
#define ASK_MAX 16

/** read: pipelined with other reads, bounded queries only. write: a connection of its own for the
 * time of the ask. slow: likewise, few connections, a longer statement timeout. standby: as slow,
 * on a server that follows the primary; what it cannot answer the slow lane is asked. */
enum lane { LANE_READ, LANE_WRITE, LANE_SLOW, LANE_STANDBY, LANE_COUNT };

enum query_shape { QUERY_NONE, QUERY_ONE, QUERY_MANY };

/** A named query; generated from sql/queries. `id` indexes the bits of prepared statements. */
struct query {
    const char *name;
    const char *text; /* parameters as $1... */
    unsigned id;
    enum query_shape shape;
    enum lane lane;
    int nparams;
    const unsigned *types; /* parameter OIDs */
};

/** A result, freed with the ask's owner. Rows and columns count from 0. */
struct result;

struct statement {
    const struct query *query; /* NULL for a composed statement (lists) */
    const char *text;          /* composed: the SQL text */
    const unsigned *types;     /* composed: parameter OIDs */
    int nparams;
    const char *const *values; /* text form, NULL for SQL NULL; must outlive the ask */
    int raw;                   /* the parameter, from 1, that is bytes as they are; 0: none is */
    size_t raw_size;           /* of them */
    struct result *result;     /* set when the ask is answered without an error; owner: the ask */
};

enum ask_outcome {
    ASK_OK,
    ASK_FAILED,      /* the database refused: see error */
    ASK_UNAVAILABLE, /* no connection, or it broke before the answer: the transaction's fate is
                        unknown when `sent` is set, else nothing happened */
    ASK_BUSY,        /* the lane's queue is full, or too long for the time that is left, or
                        nobody waits any more: nothing was sent */
};

enum ask_hold { HOLD_NONE, HOLD_OPEN, HOLD_MORE, HOLD_CLOSE };

/** The server's error fields; strings belong to the ask's results and may be NULL. */
struct ask_error {
    char sqlstate[6];
    const char *message;
    const char *detail;
    const char *hint;
    const char *constraint;
    const char *table;
    const char *column;
    int statement; /* which one failed, -1 if unknown */
};

struct ask {
    struct statement statements[ASK_MAX];
    int n;
    enum lane lane;
    bool rollback;      /* run everything, then roll back (a dry run); answers as if it were done */
    enum ask_hold hold; /* write lane only */
    const void *holder; /* whose transaction it is; the same in all its asks */
    bool marks;         /* also tell where the log of the server ends after the commit */
    int64_t until_us;   /* when nobody waits for it any more (clock_mono_us), 0: never. Until it is
                           sent this may become sooner. */
    bool sent;
    enum ask_outcome outcome;
    struct ask_error error;
    uint64_t mark; /* a position in the server's log behind what was written; 0 if unknown */
    int64_t queued_us, done_us;
    void (*done)(struct ask *ask, void *arg); /* on the worker's thread, exactly once, never from
                                                 inside db_ask() */
    void *arg;
    struct ask *next;   /* db's own */
    void *error_result; /* db's own: keeps the strings of error alive */
    bool retried;       /* db's own */
    bool suspect;       /* too: it may wait for a lock */
};

/** Frees the results of an answered ask (not the struct). Accepts an unanswered one that was never
 * sent. */
void ask_done(struct ask *a);

/* results */

enum column_kind {
    COLUMN_TEXT,   /* text, uuid, date, numeric (money is text), enums: a JSON string */
    COLUMN_NUMBER, /* int2, int4, int8, float8: a JSON number */
    COLUMN_BOOLEAN,
    COLUMN_JSON,      /* json, jsonb: verbatim */
    COLUMN_TIMESTAMP, /* timestamptz: RFC 3339 UTC */
    COLUMN_TEXT_ARRAY /* text[], uuid[]: a JSON array of strings */
};

int result_rows(const struct result *r);
int result_columns(const struct result *r);
const char *result_name(const struct result *r, int column);
enum column_kind result_kind(const struct result *r, int column);
unsigned result_type(const struct result *r, int column); /* its OID */

/** Returns the index of the column, or -1. */
int result_column(const struct result *r, const char *name);

/** Returns the text of a cell, NULL for SQL NULL or no such column; owned by the result. */
const char *result_text(const struct result *r, int row, int column);
size_t result_length(const struct result *r, int row, int column);

/** Both at once, for those who read every cell of a @row and @column that are there. */
const char *result_cell(const struct result *r, int row, int column, size_t *n);

/** Same, by name: result_get(r, 0, "id"). */
const char *result_get(const struct result *r, int row, const char *name);

/** For unit tests: builds a result of one text column set; values row by row, NULL allowed. */
struct result *result_fake(int columns, const char *const *names, const unsigned *types, int rows,
                           const char *const *values);
void result_free(struct result *r);

#endif
