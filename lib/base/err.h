/**
 * err - what went wrong, in the client's terms (RFC 9457) and, apart from that, in ours.
 *
 * A struct err lives in the arena of the call that it belongs to. All faults of a request are
 * collected before it is answered.
 */
#ifndef SLUICE_BASE_ERR_H
#define SLUICE_BASE_ERR_H

#include <stdbool.h>

struct arena;

enum err_code {
    ERR_NONE,
#define ERR(symbol, code, status, title, hint) ERR_##symbol,
#include "base/err.def"
#undef ERR
    ERR_COUNT
};

/** One thing that is wrong with a request. All strings belong to the arena or are literals. */
struct fault {
    struct fault *next;
    const char *in;      /* "body", "query", "path" or "header" */
    const char *pointer; /* JSON pointer into the body (RFC 6901), or the parameter's name */
    const char *code; /* "required", "type", "format", "enum", "range", "length", "unknown", ... */
    const char *detail;  /* one sentence for people */
    const char *hint;    /* how to mend it, or NULL */
    const char *got;     /* what was sent, as JSON text, or NULL */
    const char *allowed; /* what would do, as JSON text, or NULL */
};

struct err {
    struct arena *arena;
    enum err_code code;
    const char *detail;  /* for the client, or NULL for the title */
    const char *hint;    /* how to mend it, or NULL for that of the code */
    const char *log;     /* for the log only, or NULL */
    const char *members; /* further members of the problem as JSON text without braces
                            ("\"legal\":[...]"), or NULL */
    const char *allow;   /* value of the Allow header for 405, or NULL */
    int retry_after;     /* seconds, 0 for none */
    unsigned nfaults;
    struct fault *faults, *last;
};

#define ERR_FAULTS_MAX 100 /* further faults are counted, not kept */

/** Starts an empty err whose strings live in @a. */
void err_init(struct err *e, struct arena *a);

/** Sets code and detail (printf-like, may be NULL). Returns false, so that a check can end with it.
 */
bool err_set(struct err *e, enum err_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Adds a fault; the first one also sets the code if none is set yet. Returns false. The struct is
 * copied. */
bool err_fault(struct err *e, enum err_code code, struct fault fault);

/** Returns the hint "did you mean ...?" with that of the names (ending with NULL) which is nearest
 * to the word, in the arena; NULL when none is near. */
const char *err_suggest(struct arena *a, const char *word, const char *const *names);

/** HTTP status, stable code, title and hint of a row of err.def. */
int err_status(enum err_code code);
const char *err_slug(enum err_code code);
const char *err_title(enum err_code code);
const char *err_hint(enum err_code code);

/** Returns the row with this stable code, or ERR_NONE. */
enum err_code err_from_slug(const char *slug);

#endif
