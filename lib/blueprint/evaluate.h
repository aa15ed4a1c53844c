/**
 * evaluate - do the guards of a transition hold for these facts?
 *
 * One evaluator serves listing, refusal, dry run and everything later that asks the question. It
 * reads facts, a JSON object that one query returns, with what the request brings along laid over
 * it:
 *
 *   {"now": "2026-11-21T20:15:59.123456Z",
 *    "actor": {"kind": "user", "id": "...", "roles": ["sales"], "teams": ["..."]},
 *    "state": "open", "state_entered_at": "...",
 *    "record": {"industry": null, ...},            API names and values
 *    "related": {"account": {"verification": "to_verify", ...}, ...},
 *    "activities": [{"kind": "call", "subject": "...", "outcome": "reached", "at": "...", ...}],
 *    "tasks": [{"status": "open", "created_at": "...", ...}],
 *    "visits": [{"state": "open", "entered_at": "...", "left_at": null, ...}],
 *    "transitions_done": [{"transition": "qualified", "by": "...", "at": "..."}],
 *    "created_by": "..."}
 *
 * What costs more is brought only for a process that looks at it (sluice.version_needs):
 *
 *    changed          "changed_since_entry": ["industry"]      fields changed in this state
 *    contacts, opportunities, leads                            those of the account, as records
 *    duplicates       "duplicates": 2                          living records with the same keys
 *    ticks            "ticks": [{"item": "papers", "at": "...", "by": "..."}]
 *    deputies         "deputy_for": ["<user>"]                 for whom the actor stands in
 *    approvals        "approvals": {"grant": ["<user>"]}      who agreed to it in this state
 *    steps            "steps": [{"key": "legal_check", "at": "...", "by": "..."}]   what is done
 *    custom           "custom_fields": [{...}]     definitions of the record's custom fields
 * (custom.h) calendars        "calendars": {"office": {"open": false, "opens_at": "..."}}
 *
 * An activity or task that came with the request carries "pointer" ("/activities/0") and counts as
 * of its "occurred_at", else as of now.
 *
 * What a kind shows as observed and as expected, and where it looks (path):
 *
 *   field_present    the value or null        "a value"                   industry
 *   field_compare    the value or null        eq: the value; {"gte": 5}   budget_confirmed
 *   related_field    the value or null        the aim, else as above      account.verification
 *   related_count    how many                 params, with min or max     activities, tasks
 *   open_tasks       how many                 {"max": 0}                  tasks
 *   visited_state    states, as first visited {"visited": "contacted"},   visits
 *                                             {"not_visited": ...}
 *   actor_has_role   the actor's roles        ["verifier", "admin"]       actor.roles
 *   actor_differs    who did it, or null      {"other_than": "creator"}   actor
 *   time_in_state    whole seconds            {"min_seconds": 3600}       time_in_state
 *   related_exists   how many                 params, with min or max     contacts, tasks, ...
 *   children_closed  how many are not         {"max": 0}                  opportunities, tasks
 *   duplicate_free   how many                 {"max": 0}                  duplicates
 *   in_segment       whether the account is   {"segment": "at_risk"}      segments
 *   field_changed    whether it was           {"changed": true}           industry
 *   matches          the value or null        {"pattern": "^PL"}          tax_id
 *   checklist_complete  the wanted ones that are ticked  the wanted ones  checklist
 *   working_time     true, or when it begins  {"calendar": "office"}      now
 *   score_at_least   the score (0 if none)    {"gte": 50}                 score
 *   approval         how many agreed          {"transition": "grant",     approvals
 *                                              "min": 2}
 *   steps_done       those that are done      {"steps": ["..."] or        steps
 *                                              "required", "min": 2}
 *
 * A pointer says where the request may supply it: "/fields/industry" when the transition collects
 * the field, "/activities" or "/tasks" for related_count and related_exists, "/checklist" when the
 * transition collects an item, or, when one that came along misses by
 * one thing only, that thing: "/activities/0/subject". Other kinds have none.
 *
 * Comparing: a number in the guard, or a field whose last name is "amount", compares as exact
 * decimals; two dates or times compare as
 * moments (a date is its first moment, UTC); other strings byte by byte. Fields of several values
 * (tags, choices) are asked whether they have any or all of a list. A null never satisfies a
 * comparison. Blank text is not a value. actor_differs passes when nobody did it, and must differ
 * from everybody who did. Tasks that come with the request do not count as open ones.
 */
#ifndef SLUICE_BLUEPRINT_EVALUATE_H
#define SLUICE_BLUEPRINT_EVALUATE_H

#include "blueprint/blueprint.h"

struct arena;
struct err;
struct out;

/** What a guard found. Lives in the arena given to evaluate(). */
struct verdict {
    const struct guard *guard;
    bool passed;
    json_t *observed;       /* what is there; NULL for groups. Tied to the arena */
    const json_t *expected; /* what is needed; NULL for groups. Belongs to the blueprint */
    const char *path;       /* "industry", "account.verification", "activities"; NULL for groups */
    const char *pointer;    /* where in the request's body it can be supplied; NULL if it cannot */
    const struct verdict *children;
    size_t nchildren;
    const struct state_step *const *open; /* steps_done: those that are asked for and open */
    size_t nopen;
    const char *steps_at; /* ... and where they are done: "/v1/leads/0193.../steps"; or NULL */
};

enum param_type {
    PARAM_FIELD,   /* "industry", "amount.amount" */
    PARAM_RELATED, /* a field of a related record: "account.verification" */
    PARAM_KEY,     /* "call" */
    PARAM_KEYS,    /* a key or a list of keys */
    PARAM_ACTOR,   /* "creator", "transition:<key>" or a field */
    PARAM_INTEGER, /* 0 or more */
    PARAM_BOOLEAN,
    PARAM_SCALAR,  /* string, number or boolean */
    PARAM_VALUE,   /* a scalar or a list of scalars */
    PARAM_STRINGS, /* a list of strings */
    PARAM_TEXT,    /* not blank */
    PARAM_OBJECT,
    PARAM_DURATION, /* "P2D", "PT4H" */
    PARAM_PATTERN,  /* a regular expression */
    PARAM_SETTABLE, /* what a field may be set to: a scalar, money, or several choices */
    PARAM_MEMBER,   /* what one value fills: "industry", "custom.seats" */
    PARAM_WHERE, /* a list of {"field", "op"?, "value"} or {"field", "is": "present" | "email"} */
};

/** A parameter of a guard or an input. Lists end with a NULL name. */
struct param {
    const char *name;
    enum param_type type;
    bool required;
    const char *const *values; /* the allowed ones, ending with NULL; or NULL */
};

/** A guard kind: a row of the closed list. */
struct guard_kind {
    const char *name;
    const struct param *params;
    /** Checks what the table of parameters cannot say; false writes the reason, starting with the
     * pointer inside the params ("/value: ..."), to @why. May be NULL. */
    bool (*check)(const json_t *params, const struct blueprint *b, struct buf *why);
    /** Sets guard.prepared, which lives in the arena of the blueprint, for a guard of the
     * transition
     * @t; fails like check. May set guard.expected, also the arena's. May be NULL. */
    bool (*prepare)(struct guard *g, const struct blueprint *b, const struct transition *t,
                    struct arena *a, struct buf *why);
    /** Returns what the guard wants, as it is shown (new reference). NULL when prepare says it. */
    json_t *(*expect)(const json_t *params);
    /** Returns whether the guard holds and sets observed (a new reference), and pointer if a nearer
     * one than the guard's is known or none applies. */
    bool (*evaluate)(const struct guard *g, const json_t *facts, struct arena *a,
                     struct verdict *v);
    const char *path; /* NULL: the "field" parameter */
    /** The sentences shown when the guard has no message of its own, and when it says "not": true.
     * "{field}" and the like are replaced by parameters, "{observed}" by what was found. */
    struct label message, opposite;
    const char *example; /* parameters, as JSON */
};

extern const struct guard_kind guard_kinds[]; /* ends with a NULL name */

/** Returns the row, or NULL. */
const struct guard_kind *guard_kind_find(const char *name);

/** Writes the JSON Schema of the kind's parameters, for docs and API. */
void guard_kind_write_params(struct out *o, const struct guard_kind *k);

/** Evaluates all guards (no short cut: everybody is told everything). Returns the root's verdict,
 * or NULL when the arena is full. NONE passes when no child passes. */
const struct verdict *evaluate(const struct transition *t, const json_t *facts, struct arena *a);

/** Tells whether the actor in the facts may execute: one of the transition's actor rules, or none
 * given. What happens by itself belongs to the timer, which may execute everything. */
bool evaluate_actor(const struct transition *t, const json_t *facts);

/** Returns the user on whose behalf the actor may execute as a deputy; NULL when the actor may in
 * their own right, or not at all. */
const char *evaluate_on_behalf(const struct transition *t, const json_t *facts);

/** Tells whether guards of the transition ask whether it was approved itself: then it is asked for
 * only when they need it. */
bool approval_is_guarded(const struct transition *t);

/** Returns facts in which these users have agreed to the transition, or, with NULL, as many as it
 * takes (new reference). */
json_t *facts_with_approval(const json_t *facts, const struct transition *t, const json_t *voters);

/** Returns what the facts say of a step that was done in this stay, or NULL. */
const json_t *step_done(const json_t *facts, const char *key);

/** Returns the address of the record's steps, in the arena; NULL when the record has no id yet. */
const char *steps_address(const struct blueprint *b, const json_t *facts, struct arena *a);

/** Returns facts with the request's inputs laid over: "fields" over "record" (custom fields one by
 * one, as in a patch), "activities" and "tasks" appended with their pointers, "checklist" and
 * "note". New reference; @facts is not changed. @inputs may be NULL. */
json_t *facts_with_inputs(const json_t *facts, const json_t *inputs);

/** Checks what the request supplies against the transition's inputs: required ones present in the
 * request or on the record, choices respected, values as the entity's schema wants them
 * (blueprint.fields; of custom fields their definitions in the facts), no field or checklist item
 * that the transition does not collect; activities,
 * tasks and a note may always come along. A missing input that a failed guard of @root (may be
 * NULL) demands as well is left to the guard. "checklist" lists the items that are ticked: "item"
 * or {"item": "...", "done": true}. Collects every fault; returns whether there was none. */
bool inputs_check(const struct blueprint *b, const struct transition *t, const json_t *facts,
                  const json_t *inputs, const struct verdict *root, struct err *e);

/** Returns how much of what the transition collects is there, in percent: of the required inputs,
 * or of all when none is required. @ret_missing has room for all inputs and gets those that are
 * not. */
unsigned inputs_progress(const struct transition *t, const json_t *facts, const json_t *inputs,
                         const struct input **ret_missing, size_t *ret_n);

/** Writes the guard's own message, or its kind's sentence, in the language, with placeholders
 * replaced. */
void verdict_message(struct buf *b, const struct verdict *v, const char *language);

/** The verdict as JSON for listings: {"guard", "kind" or "op", "passed", "message", "path",
 * "pointer", "observed", "expected"} for a leaf, {"guard", "op", "passed", "message", "guards":
 * [...]} for a group. */
void verdict_write(struct out *o, const struct verdict *v, const char *language);

/** The failed parts as JSON array elements: {"guard", "kind", "path", "pointer", "message",
 * "observed", "expected"}, groups with "op" and "branches". Every unsatisfied child of ALL is
 * named, descending through nested ALL groups; a failed ANY is one failure of kind "group" with op
 * "any" and its branches (observed: how many hold, expected {"min": 1}); a failed NONE is one
 * failure of kind "group" with op "none" (expected {"max": 0}) whose branches are the children that
 * hold. Nothing that is satisfied is named. */
void verdict_write_failures(struct out *o, const struct verdict *v, const char *language);

/** The blueprint's transitions that leave @state, as the "legal" array of refusals: [{"key",
 * "label", "to"}]. */
void blueprint_write_legal(struct out *o, const struct blueprint *b, const char *state,
                           const char *language);

/** Steps that are open, as the "steps" array of refusals: [{"step", "label", "actors", "call"}];
 * call is "POST <address>/<step>". */
void steps_write_open(struct out *o, const struct state_step *const *open, size_t n,
                      const char *address, const char *language);

/** Who may, as the member "actors". */
void actors_write(struct out *o, const struct actor_rule *actors, size_t n);

/** What is collected, as an array: see transition_write. @custom: definitions of the record's
 * custom fields, which say their types and choices; or NULL. */
void inputs_write(struct out *o, const struct blueprint *b, const struct transition *t,
                  const json_t *custom, const char *language);

/** A state as JSON: {"key", "label", "category"}. */
void state_write(struct out *o, const struct state *s, const char *language);

/** What a listing says beside the transition itself. */
struct listing {
    bool open, actor_allowed;
    const json_t *custom; /* as inputs_write */
    const char *language;
};

/** One transition as JSON for listings: {"key", "label", "kind", "to": {"key", "label",
 * "category"}, "available", "actor_allowed", "actors": [{"kind", "value"}], "guards": [...],
 * "inputs": [{"key", "kind", "type", "label", "required", "pointer", "params"}]}. `available` is
 * actor_allowed and open: guards passed, or fail for an approval only that executing asks for. */
void transition_write(struct out *o, const struct blueprint *b, const struct transition *t,
                      const struct verdict *root, const struct listing *l);

#endif
