/**
 * call - one operation in flight: arena, deadline, principal, steps, ask and reply.
 *
 * An operation is a list of steps that run top to bottom. A step returns NEXT, WAIT (an ask or a
 * job is in flight; the following step runs when it is answered), REPLY (the reply is ready) or
 * FAIL (c->err says why). One engine owns replying, deadlines and freeing:
 *
 *               replied?   asking?    what happens
 *  running      no         no         steps run
 *  waiting      no         yes        answer -> steps run;  deadline -> reply 504, replied = yes
 *  orphaned     yes        yes        answer -> dropped, then freed
 *  over         yes        no         freed
 *
 * A write that lets records move by themselves is done in a transaction that is held open (held.c);
 * its operation does not notice.
 *
 * A call belongs to one worker. It knows neither sockets nor libpq: whoever creates it (HTTP, a
 * timer, sluicectl) gives it a way to tell the reply.
 */
#ifndef SLUICE_CALL_CALL_H
#define SLUICE_CALL_CALL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "base/uuid.h"
#include "call/route.h"
#include "db/ask.h"
#include "json/out.h"

struct call;
struct db;
struct worker;
struct offload;
struct job;
struct token_key;
struct timer;
struct principals;

enum step { STEP_NEXT, STEP_WAIT, STEP_REPLY, STEP_FAIL };
typedef enum step step_fn(struct call *c);

/** What the contract calls an operation. The list of steps ends with NULL; @of is what the steps
 * work on (a table row of the service), so that one list serves every resource of a kind. */
struct operation {
    step_fn *const *steps;
    const void *of;
};

enum scope { SCOPE_NONE, SCOPE_OWN, SCOPE_TEAM, SCOPE_ALL };

enum actor_kind {
    ACTOR_ANONYMOUS,
    ACTOR_USER,
    ACTOR_API_KEY,
    ACTOR_INTAKE,
    ACTOR_SYSTEM,
    ACTOR_TIMER /* nobody: what is due by the clock or by a change */
};

/** The word for it that the database and the history use. */
const char *actor_word(enum actor_kind kind);

/** Who calls. Loaded from the session or key, cached by the worker for a moment. */
struct principal {
    enum actor_kind kind;
    struct uuid id;      /* the user, the API key or the intake form */
    struct uuid session; /* the session of a user, else none */
    const char *name;
    const char *language;               /* en, pl, ru */
    enum scope scope[PERMISSION_COUNT]; /* by enum permission (generated) */
    const char *const *roles;           /* ends with NULL */
    const char *const *teams;           /* uuids, ends with NULL */
};

struct held;

/** What the worker lends to its calls. One per worker, immutable while calls run. Without a worker
 * (unit tests) there are no deadlines. */
struct call_env {
    struct worker *worker;
    struct db *db;
    struct offload *offload;
    const struct token_key *token_key;
    const unsigned char *cursor_key; /* 32 bytes */
    unsigned deadline_ms;
    size_t arena_limit;
    /** Steps that run once when an operation has found nothing (404): they reply with what they
     * know of it, or fail and leave c->err as it was. NULL: none. */
    step_fn *const *missing;
    const char *temp_dir;          /* for base/scratch.h */
    void *blueprints;              /* the worker's cache of compiled blueprints (service) */
    struct principals *principals; /* call/principal.h; NULL: nothing is cached */
    struct row_plans *row_plans;   /* call/row_plans.h; NULL: each is made anew */
    int64_t export_rows;           /* at most */
    const char *mail_dns; /* servers to ask about domains, "": the system's; NULL: none are asked */
    unsigned access_ttl_s, refresh_ttl_s, claim_ttl_s;
    unsigned principal_cache_ms;
    /** What runs in the transaction of a write that made records move by themselves, before it is
     * committed: steps that end with REPLY. NULL: such moves come later. */
    step_fn *const *settle;
    /** Sends an ask; db_ask unless a unit test says otherwise. */
    void (*ask)(struct db *db, struct ask *ask);
    /** Tells what a standby must have reached to be read from; NULL: there is none. */
    uint64_t (*standby)(const struct db *db);
    unsigned standby_wait_ms; /* for it to get there */
};

#define REPLY_HEADERS_MAX 12

struct reply_header {
    const char *name;
    const char *value;
};

struct reply {
    int status;
    const char *media_type; /* NULL: application/json */
    struct buf body;
    const int *file; /* the body is this file, whatever its place; owned by the call. NULL: none */
    struct reply_header headers[REPLY_HEADERS_MAX];
    unsigned nheaders;
};

/** What the client said, set by whoever creates the call. Strings live in the call's arena. */
struct request {
    char id[UUID_TEXT];       /* request id, a uuid of ours or the client's Request-Id */
    const char *const *path;  /* decoded values of the route's path parameters, in order */
    const char *const *query; /* decoded: name, value, name, value, ..., NULL */
    const char *credentials;  /* value of Authorization, or NULL */
    const char *media_type;   /* of the body, lower case, without parameters; NULL without body */
    const char *media_params; /* what follows it: "; boundary=...", or NULL */
    struct span raw_body;
    const char *if_match, *if_none_match;
    const char *commit_token; /* of a write that this read must see */
    const char *idempotency_key;
    const char *prefer;
    const char *accept;
    const char *accept_language;
    const char *origin, *user_agent, *referer;
    struct address client; /* who asks, beyond proxies that are trusted */
};

struct call {
    struct arena arena;
    const struct call_env *env;
    const struct route *route;
    struct request request;
    const struct principal *who; /* never NULL once steps run; anonymous for public operations */
    json_t *body;                /* checked against the route's schema; NULL without body */
    json_t *params;       /* checked query parameters: an object of name -> value (or array) */
    bool dry;             /* Prefer: tx=rollback */
    bool minimal;         /* Prefer: return=minimal */
    const char *language; /* en, pl or ru, by Accept-Language, then the user's */
    struct err err;
    struct reply reply;
    struct ask
        *ask;    /* being filled, or in flight, or answered; all asks live as long as the call */
    void *state; /* the operation's own, in the arena */
    struct uuid resource;  /* what a POST makes or changes: see call_new_id() */
    struct held *held;     /* the transaction that is held open, or NULL */
    struct held *was_held; /* ... that the answered ask was part of */

    /* the engine's own */
    step_fn *const *steps;
    unsigned next;
    unsigned restarts, pauses;
    bool started, asking, replied;
    bool pauses_now;         /* it is a timer that is waited for */
    bool beside, awaits;     /* call_beside() is at work; is waited for */
    bool filling;            /* the ask collects statements and was not sent yet */
    bool aside;              /* see call_ask_aside() */
    bool catches;            /* see call_catch() */
    bool overfull;           /* a statement found no room: the step fails whatever it returns */
    int first, own;          /* the operation's statements in the ask: index of the first, number */
    int lookup_at, claim_at; /* the engine's, -1 when not in the ask */
    bool keyed;              /* an Idempotency-Key counts for this request */
    bool looked_up, claimed; /* ... is known to be new; was claimed by a write that is done */
    bool in_parts;           /* see call_claim_part() */
    bool resumed;            /* ... by one that did not come to its end: this call does the rest */
    unsigned conflicts;      /* how often the ask met a deadlock */
    const char *key_owner;   /* whose key it is */
    int64_t must_see;        /* what the Commit-Token says, or 0 */
    uint64_t mark;           /* behind the last write of this call, or 0 */
    bool minimized;          /* Prefer: return=minimal was followed */
    bool missed;             /* env->missing has begun */
    struct out out;          /* reply_json() */
    void *page;              /* list.c, between its two steps */
    const void *more;        /* struct list_more, or NULL */
    int64_t started_us, db_us;
    int64_t until_us; /* its deadline, 0: it has none */
    struct timer *deadline;
    struct timer *pause;
    void (*told)(struct call *c, void *arg); /* the reply (or problem) is ready */
    void *told_arg;
    void (*ended)(struct call *c, void *arg);
};

/** Creates a call with an arena and an empty err. Fill in c->request, then call_start() or, to give
 * it up, call_abandon(). */
struct call *call_create(const struct call_env *env, const struct route *route);

/** Starts the deadline and runs it: principal, permission, parameters, body, idempotency, then the
 * operation's steps. @told runs exactly once (possibly before call_start() returns), with c->reply
 * complete: a problem is a reply too. The call frees itself after @told returned and nothing is in
 * flight, with c->ended, if set, as the last thing; after call_start() it must not be touched but
 * in these two. */
void call_start(struct call *c, void (*told)(struct call *c, void *arg), void *arg);

/** The client left before the reply (or the call was never started): nothing will be told; work in
 * flight ends by itself. Not from inside @told. */
void call_abandon(struct call *c);

/** Runs the steps of the operation again from the first one (the record changed between two asks).
 * Returns false after 3 times. */
bool call_restart(struct call *c);

/** Goes back, for work that is done page by page: after this step the last @steps run again, this
 * one included. */
void call_repeat(struct call *c, unsigned steps);

/** Frees the results of the answered ask before the call ends: many pages would fill the memory. */
void call_forget(struct call *c);

/* what steps use */

/** Adds a statement to the call's ask. Generated ask_<query>() functions end here. Returns the
 * index of the statement among the operation's own (0 for the first of this ask), or -1 when there
 * is no room.
 * @values is copied; strings are not. */
int call_ask(struct call *c, const struct query *q, const char *const *values);

/** Adds a statement ahead of the operation's own, in their transaction: it prepares them, is not
 * numbered among them, and its result is not read. Returns false when there is no room. */
bool call_ask_ahead(struct call *c, const struct query *q, const char *const *values);

/** Same for a composed statement. */
int call_ask_composed(struct call *c, enum lane lane, const char *text, int nparams,
                      const unsigned *types, const char *const *values);

/** Says that a refusal of the ask being filled does not end the operation: the next step runs, with
 * c->err set and no results. For work on many records, each of which has a verdict of its own. */
void call_catch(struct call *c);

/** The last parameter of the statement that was added last is these bytes as they are, a bytea that
 * need not be written as text, which is twice as long. They must outlive the ask. */
void call_ask_raw(struct call *c, struct span bytes);

/** Marks the ask being filled as a note beside the operation (a refusal to record): it claims no
 * Idempotency-Key, so that the request may be repeated. */
void call_ask_aside(struct call *c);

/** For operations that write in several transactions, and say so by c->in_parts before they ask: a
 * repeat with the same Idempotency-Key does what is left if the first run did not come to its end.
 * call_claim_part() adds to a write that this request did its part @part
 * with it; in a call that goes on (c->resumed) call_ask_part() asks whether that was done before,
 * and call_part_is_done() reads the answer, which must be the last of the ask. Without an
 * Idempotency-Key they do nothing. @made: the id of what the part
 * made, or none. call_claim_part() returns false when there is no room. */
bool call_claim_part(struct call *c, const char *part, struct uuid made);
void call_ask_part(struct call *c, const char *part);
bool call_part_is_done(const struct call *c, struct uuid *made);

/** For those that choose what they work on: a call that goes on works on what the first run chose.
 * call_keep_choice() fills an ask that claims the key and keeps the text with it; false: there is
 * no key, or no room. call_ask_choice() and call_choice() are as call_ask_part() and
 * call_part_is_done(); NULL: nothing was kept. */
bool call_keep_choice(struct call *c, const char *text);
void call_ask_choice(struct call *c);
const char *call_choice(const struct call *c);

/** Returns the result of statement @i (as call_ask numbered it; -1 is the last) of the answered
 * ask. It and its strings live as long as the call. What to do when the database refuses is the
 * engine's business: a step sees successful answers only. */
const struct result *call_result(const struct call *c, int i);

/** For the steps of call_env.settle: the row of the last statement of the answered ask (held_first,
 * held_next). */
const struct result *call_pending(const struct call *c);

/** Says that the ask being filled does not carry out the request but notes something about it (a
 * refusal): it does not claim the Idempotency-Key, so that the request may be repeated. */
void call_ask_aside(struct call *c);

/** Returns a new uuid v7 and remembers it as the id of what this request makes, so that a replay
 * knows it even if the daemon dies before the answer was kept. */
struct uuid call_new_id(struct call *c);

/** Runs @job->work on an offload thread; return STEP_WAIT after it. Returns false with c->err set
 * when the queue is full. The job must live in the arena. */
bool call_offload(struct call *c, struct job *job);

/** Runs @job->work on an offload thread while the call goes on, one at a time; the call is not
 * freed before it is done. Returns false when the queue is full: nothing was begun. */
bool call_beside(struct call *c, struct job *job);

/** Waits for what call_beside() began; for "return call_await(c)". */
enum step call_await(struct call *c);

/** Comes back to the next step after @ms: return STEP_WAIT after it. */
void call_pause(struct call *c, unsigned ms);

/** Says that something is on its way that the engine does not know: return STEP_WAIT after it. The
 * call goes on with call_resume(), in the worker's thread and after the step returned; until then
 * it is not freed. */
void call_suspend(struct call *c);
void call_resume(struct call *c);

/** Fails with the code; for "return call_fail(c, ERR_..., ...)". */
enum step call_fail(struct call *c, enum err_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Memory from the call's arena; aborts the step flow by returning NULL past the limit (the engine
 * answers 413 then). */
void *call_alloc(struct call *c, size_t size);

/* parameters, all checked before the first step */

/** Path parameter @name as uuid; false with ERR_NOT_FOUND set if it is none. */
bool call_path_uuid(struct call *c, const char *name, struct uuid *ret);
const char *call_path(const struct call *c, const char *name);

/** Query parameter as checked JSON (a repeatable one is an array), or NULL; and as text if it is a
 * string. Raw operations: the first value as it was sent. */
const json_t *call_param(const struct call *c, const char *name);
const char *call_param_text(const struct call *c, const char *name);

/** Return the client's address in digits, and what limits count it by: IPv4 itself, IPv6 its /64;
 * NULL past the arena's limit. */
const char *call_client(struct call *c);
const char *call_network(struct call *c);

/** Returns the words of a parameter that lists names ("id,name", or repeated), ending with NULL;
 * NULL if it is absent, or with c->err set past the arena's limit. */
const char *const *call_words(struct call *c, const char *param);

/** If-Match as a version number; 0 when absent or "*"; false with err set when malformed. */
bool call_if_match(struct call *c, int64_t *ret);

/** Tells whether the client's copy (If-None-Match) is the one with this entity tag, given without
 * quotes: then 304 is the answer. */
bool call_has_copy(const struct call *c, const char *tag);

/** The address as it was asked for, without the query: "/v1/leads/0193...". Arena. */
const char *call_address(struct call *c);

/** Returns the query string without the parameter @drop, "a=b&" each; arena. */
const char *call_query_without(struct call *c, const char *drop);

/** Member of the body as string / the body as JSON text (in the arena). */
const char *call_body_text(const struct call *c, const char *name);
const char *call_json(struct call *c, const json_t *value);

/** Returns the names (ending with NULL) as a JSON array; arena. */
const char *call_names_json(struct call *c, const char *const *names);

/** The scope that the principal has for the permission, as the text that queries take: "all",
 * "team", "own" or "none". */
const char *call_scope(const struct call *c, enum permission p);

#endif
