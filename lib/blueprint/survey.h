/**
 * survey - what many records mean for a process: which facts are needed, which transitions are open
 * to a record, and what would change under another version.
 *
 * Pure logic; the same evaluator as for one record. Guards that ask who acts or at which hour
 * (actor_has_role, actor_differs, working_time) are nobody's yet: they count as satisfied.
 */
#ifndef SLUICE_BLUEPRINT_SURVEY_H
#define SLUICE_BLUEPRINT_SURVEY_H

#include <jansson.h>

#include "blueprint/blueprint.h"

struct verdict;

/** Adds to @needs (an object) what the guards of @b look at, as sluice.survey() takes it. */
void survey_needs(json_t *needs, const struct blueprint *b);

/** Tells whether the guards hold, as far as records have a say. */
bool survey_holds(const struct verdict *root);

/** Returns the kinds of guards of @t that count as satisfied, a new array in alphabetical order;
 * NULL when all of them were asked. */
json_t *survey_assumed(const struct transition *t);

/** Some records with the same facts. */
struct survey_row {
    const struct blueprint *own; /* the version that they live under; NULL: not known any more */
    const char *state, *via;
    const json_t *facts;
    json_int_t n;
    const json_t *ids; /* some of them */
};

/** Adds what @draft would change for the row to @sum, an object that begins empty:
 *   {"records": n, "states": {"<key>": {"records", "to", "out_of_scope", "stuck", "blocked",
 *    "examples": {"stuck": [ids], ...}}}, "transitions": {"<key>": {"before", "after", "gained",
 *    "lost", "examples": {"gained": [ids], "lost": [ids]}}}, "scope": {"left", "examples"}}
 * stuck: had a way on and has none; blocked: a way on was open and none is; scope: records that
 * meet the criteria of their version and not those of @draft. @mapping: object of states that
 * become others, or NULL. */
void survey_simulate(json_t *sum, const struct blueprint *draft, const json_t *mapping,
                     const struct survey_row *row);

/** Adds whether the row still satisfies what it once passed to @sum:
 *   {"records": n, "drifted": {"<state>": {"<transition>": {"records", "guards": {"<key>": n},
 *    "examples": [ids]}}}, "unknown": {"<state>": {"records", "examples"}}} */
void survey_drift(json_t *sum, const struct survey_row *row);

#endif
