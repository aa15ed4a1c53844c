/**
 * evaluate - do the guards of a transition hold for these facts?
 *
 * One evaluator serves listing, refusal, dry run and everything later that asks the question. It reads
 * facts, a JSON object that one query returns, with what the request brings along laid over it:
 *
 *   {"now": "2026-11-21T20:15:59.123456Z",
 *    "actor": {"kind": "user", "id": "...", "roles": ["sales"], "teams": ["..."]},
 *    "state": "open", "state_entered_at": "...",
 *    "record": {"industry": null, ...},            API names and values
 *    "related": {"account": {"verification": "to_verify", ...}, ...},
 *    "activities": [{"kind": "call", "subject": "...", "outcome": "reached", "at": "...", "created_at": "..."}],
 *    "tasks": [{"status": "open", ...}],
 *    "visits": [{"state": "open", "entered_at": "...", "left_at": null, "entered_by": "...", "transition": "..."}],
 *    "transitions_done": [{"transition": "qualified", "by": "...", "at": "..."}],
 *    "created_by": "..."}
 *
 * An activity or task that came with the request carries "pointer" ("/activities/0") and no times: it
 * counts as of now.
 */
#ifndef SLUICE_BLUEPRINT_EVALUATE_H
#define SLUICE_BLUEPRINT_EVALUATE_H

#include "blueprint/blueprint.h"

/** What a guard found. Lives in the arena given to evaluate(); JSON values are tied to it. */
struct verdict {
    const struct guard *guard;
    bool passed;
    json_t *observed;     /* what is there (any JSON, never NULL for leaves) */
    json_t *expected;     /* what is needed */
    const char *path;     /* "industry", "account.verification", "activities"; NULL for groups */
    const char *pointer;  /* where in the request's body it can be supplied: "/fields/industry",
                             "/activities", "/activities/0/subject"; NULL if it cannot */
    const struct verdict *children;
    size_t nchildren;
};

/** A guard kind: a row of the closed list. */
struct guard_kind {
    const char *name;
    /** Checks parameters at compile time; false writes the reason to @why. */
    bool (*check)(const json_t *params, struct buf *why);
    /** Fills passed, observed, expected, path and pointer. */
    void (*evaluate)(const struct guard *g, const json_t *facts, struct arena *a, struct verdict *v);
    /** The sentence shown when the guard has no message of its own; "{field}" and the like are replaced by
     * parameters. */
    struct label message;
    const char *params_help; /* JSON Schema of the parameters, as text, for docs and API */
};

extern const struct guard_kind guard_kinds[]; /* ends with a NULL name */

/** Evaluates all guards (no short cut: everybody is told everything). Returns the root's verdict, or NULL
 * when the arena is full. */
const struct verdict *evaluate(const struct transition *t, const json_t *facts, struct arena *a);

/** Tells whether the actor in the facts may execute: one of the transition's actor rules, or none given. */
bool evaluate_actor(const struct transition *t, const json_t *facts);

/** Returns facts with the request's inputs laid over: "fields" over "record", "activities" and "tasks"
 * appended with their pointers, "checklist" and "note". New reference; @facts is not changed. @inputs may be
 * NULL. */
json_t *facts_with_inputs(const json_t *facts, const json_t *inputs);

/** Checks what the request supplies against the transition's inputs: required ones present, choices
 * respected, nothing that the transition does not collect. Collects every fault; returns whether none. */
struct err;
bool inputs_check(const struct transition *t, const json_t *facts, const json_t *inputs, struct err *e);

/** The verdict as JSON for listings: {"guard", "kind" or "op", "passed", "message", "path", "pointer",
 * "observed", "expected", "guards": [...]}. */
struct out;
void verdict_write(struct out *o, const struct verdict *v, const char *language);

/** The failed parts as JSON array elements: {"guard", "kind", "path", "pointer", "message", "observed",
 * "expected", "branches"?}. Every unsatisfied child of ALL is named, descending through nested ALL groups;
 * a failed ANY is one failure of kind "group" with op "any" and its branches; a failed NONE is one failure
 * of kind "group" with op "none" naming the children that hold. Nothing that is satisfied is named. */
void verdict_write_failures(struct out *o, const struct verdict *root, const char *language);

/** The blueprint's transitions that leave @state, as the "legal" array of refusals: [{"key", "label", "to"}]. */
void blueprint_write_legal(struct out *o, const struct blueprint *b, const char *state, const char *language);

/** One transition as JSON for listings: {"key", "label", "kind", "to": {"key", "label", "category"},
 * "available", "actor_allowed", "actors": [...], "guards": [...], "inputs": [...]}. `available` is
 * actor_allowed and guards passed. */
void transition_write(struct out *o, const struct blueprint *b, const struct transition *t, const struct verdict *root,
                      bool actor_allowed, const char *language);

#endif
