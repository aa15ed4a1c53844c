/**
 * blueprint - a published process, compiled: states, transitions, guards and inputs.
 *
 * Compiled once per worker from the JSON document that the query blueprint_load returns, then
 * immutable (a published version never changes, so a compiled one is never stale). Pure logic: no
 * I/O, no clock.
 *
 *   {"id": "<of the version>", "entity": "lead", "key": "lead_default", "number": 1,
 *    "states": [{"key": "open", "label": {"en": "Open", "pl": "...", "ru": "..."},
 *                "category": "open", "position": 1, "pausing": false,
 *                "sla": [{"key": "first_response", "after": "PT8H" (or "after_s": 28800),
 *                         "since": "entry" (the default) or "touch",
 *                         "calendar": "default" or null, "what": "warn", "escalate", "task" or
 *                         "move", "params": {...}}],
 *                "steps": [{"key": "legal_check", "label": {...}, "required": true (the default),
 *                           "actors": [...], "inputs": [...]}]}],
 *    "transitions": [{"key": "contacted", "label": {...}, "kind": "manual" (the default),
 *                     "to": "contacted", "position": 2, "from_any": false, "from": ["open"],
 *                     "except": [], "actors": [{"kind": "role", "value": "sales"}],
 *                     "auto": {"after": "P3D", "calendar": "default"},
 *                     "approval": {"needed": 2, "actors": [{"kind": "role", "value": "manager"}]},
 *                     "guards": [...], "inputs": [...]}]}
 *
 * Guards are rows, not a tree: {"id": 7 (any string or integer; default: the key), "parent": null
 * or an id, "position": 1, "key": "call_logged", "op": "all", "any" or "none" for a group (null or
 * "leaf": a leaf), "kind": "related_count", "params": {...}, "message": null or {"en": ...}}.
 *
 * Actions of a transition: {"key": "...", "phase": "in_tx" or "outbox" (follows from the kind),
 * "kind": "set_field", "assign", "tag", "create_task", "close_tasks", "step_done", "step_open" or
 * "event", "params":
 * {...}}.
 * They are checked here and run by the database.
 *
 * Inputs: {"key": "...", "kind": "field", "note", "checklist", "activity", "task" or "file",
 * "label":
 * {...}, "required": false, "position": 1, "params": {...}}.
 *
 * "criteria" is a list of guards as trees ("guards" in a group), which say which records the
 * blueprint governs. Other members are ignored. Rows are put in order of position.
 */
#ifndef SLUICE_BLUEPRINT_BLUEPRINT_H
#define SLUICE_BLUEPRINT_BLUEPRINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct buf;
struct schema;

#define BLUEPRINT_STATES_MAX 200
#define BLUEPRINT_TRANSITIONS_MAX 1000
#define BLUEPRINT_GUARDS_MAX 1000 /* of one transition */
#define BLUEPRINT_DEPTH_MAX 16    /* groups around a guard */
#define BLUEPRINT_INPUTS_MAX 100
#define BLUEPRINT_SLAS_MAX 20 /* of one state */
#define BLUEPRINT_STEPS_MAX 50

/** Text in the three languages; a missing one falls back to English. */
struct label {
    const char *en, *pl, *ru;
};

enum language { LANGUAGE_EN, LANGUAGE_PL, LANGUAGE_RU, LANGUAGES };

extern const char *const language_codes[LANGUAGES + 1]; /* ends with NULL */

/** Returns the language of "en", "pl" or "ru"; of anything else, and of NULL, it is English. */
static inline enum language language_of(const char *code)
{
    if (code != NULL && strcmp(code, "pl") == 0)
        return LANGUAGE_PL;
    return code != NULL && strcmp(code, "ru") == 0 ? LANGUAGE_RU : LANGUAGE_EN;
}

/** Returns the text in the language that language_of() says; NULL when no language has one. */
const char *label_in(const struct label *l, const char *language);

enum state_category {
    STATE_OPEN,
    STATE_WON,
    STATE_LOST,
    STATE_CANCELLED,
    STATE_POSTPONED,
    STATE_DONE
};

struct state_step;

struct state {
    const char *key;
    struct label label;
    enum state_category category;
    int position;
    bool pausing; /* a stay here does not count for thresholds */
    const struct state_step *steps;
    size_t nsteps;
};

enum transition_kind {
    TRANSITION_MANUAL,
    TRANSITION_INITIAL,      /* how a record is born; never executed by name */
    TRANSITION_CONVERT,      /* the lead becomes account and contact */
    TRANSITION_CONVERT_OPEN, /* the same, and an opportunity is opened */
    TRANSITION_STEP,         /* none: the work of a step */
};

/** Who may execute: any one row. No rows: whoever may write the record. */
struct actor_rule {
    enum { ACTOR_RULE_ROLE, ACTOR_RULE_TEAM, ACTOR_RULE_USER, ACTOR_RULE_FIELD } kind;
    const char
        *value; /* role key, team id, user id, or the name of a user-valued field ("owner_id") */
};

enum guard_op { GUARD_LEAF, GUARD_ALL, GUARD_ANY, GUARD_NONE };

struct guard_kind;
struct memo;

struct guard {
    const char *key; /* stable name, e.g. "industry_filled" */
    enum guard_op op;
    const struct guard_kind *kind; /* leaves only */
    const json_t *params;
    struct label message; /* all NULL: the kind's own sentence */
    const struct guard *children;
    size_t nchildren;
    const void *prepared; /* what the kind made of the params, or NULL */
    /* leaves only, found out once by compiling */
    const json_t *expected;    /* what a verdict shows as expected */
    const char *expected_text; /* the same as JSON text, once for all */
    struct memo *memo;         /* what was last written of a verdict */
    const char *path;
    const char
        *pointer; /* where the request can supply it: only what the transition collects; or NULL */
};

enum input_kind {
    INPUT_FIELD,
    INPUT_NOTE,
    INPUT_CHECKLIST,
    INPUT_ACTIVITY,
    INPUT_TASK,
    INPUT_FILE
};

struct input {
    const char *key;
    enum input_kind kind;
    struct label label;
    bool required;
    const json_t *params; /* field: {"field", "choices": ["..."]?}; activity: {"kind"?}; checklist:
                             {"item"}; note, task and file: {} */
    const char *params_text; /* the same as a listing shows them, once for all */
    const char
        *pointer; /* "/fields/industry", "/note", "/checklist", "/activities", "/tasks", "/files" */
};

struct transition {
    const char *key;
    struct label label;
    enum transition_kind kind;
    const char *to;
    bool from_any;           /* from every state but those in `except` */
    const char *const *from; /* ends with NULL; empty for initial */
    const char *const *except;
    const struct actor_rule *actors;
    size_t nactors;
    struct guard guards; /* the root, always GUARD_ALL, possibly without children */
    const struct input *inputs;
    size_t ninputs;
    unsigned approvals; /* how many of the approvers must agree; 0: nobody is asked */
    const struct actor_rule *approvers;
    size_t napprovers;
    const json_t *actions; /* what it does beside moving, as in the document; NULL: nothing */
    struct memo *head, *who, *collects; /* parts of a listing that were written */
    const json_t *automatic; /* how it happens by itself: {"after", "calendar"}, {"at_field",
                                "calendar"} or {"when": true}; NULL: somebody executes it */
};

/** Work inside a state, done once in a stay, in any order. */
struct state_step {
    struct transition work; /* key, label, who may, what it collects; no edges, no guards */
    bool required;
};

struct blueprint {
    const char *id;     /* of the version */
    const char *entity; /* "lead", "account", "opportunity" */
    const char *key;
    int number;
    const struct state *states;
    size_t nstates;
    const struct transition *transitions; /* in order of position */
    size_t ntransitions;
    struct transition entry; /* its guards are the criteria: which records it governs */
    const struct schema
        *fields; /* how the entity's fields look: set by the owner after compiling, or NULL.
                    Gives inputs their type and checks the values that come with a request */
};

/** Compiles the document; copies what it needs. Returns NULL and says why ("/transitions/1/to:
 * unknown state
 * ...") when it is not a blueprint: unknown guard kind, wrong parameter, cycle, unknown state, not
 * exactly one initial transition. Free with blueprint_destroy. */
struct blueprint *blueprint_compile(const json_t *doc, struct buf *why);
void blueprint_destroy(struct blueprint *b);

const struct state *blueprint_state(const struct blueprint *b, const char *key);
const struct transition *blueprint_transition(const struct blueprint *b, const char *key);

/** Tells whether the process may look at this field of its record: it is named anywhere in the
 * document, alone or in front of a dot, or guards look at it without a name. */
bool blueprint_looks_at(const struct blueprint *b, const char *field);

/** Returns the step, or NULL; @s may be NULL. */
const struct state_step *step_find(const struct state *s, const char *key);

/** Returns the field of a record of this kind that is its state; NULL: a kind that has none. */
const char *governed_field(const char *entity);

/** Tells whether the field of a record of this kind is its state, which only transitions write. */
bool field_is_governed(const char *entity, const char *field);

/** Tells whether the transition is declared from this state. Never true for TRANSITION_INITIAL. */
bool transition_leaves(const struct transition *t, const char *state);

#endif
