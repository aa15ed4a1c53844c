/**
 * conditions - guards about a lead outside of a process: rules that score leads and rules that
 * assign them say with these when they apply.
 *
 * The language is that of guards, as trees ("guards" in a group); of its kinds those that look at
 * nothing but the lead with its activities and tasks. All must hold; none always do.
 */
#ifndef SLUICE_BLUEPRINT_CONDITIONS_H
#define SLUICE_BLUEPRINT_CONDITIONS_H

#include <jansson.h>
#include <stdbool.h>

struct arena;
struct buf;
struct err;
struct schema;
struct transition;
struct verdict;

/** Which kinds may stand there: the score is a fact for those who assign, not for those who score.
 */
enum conditions_of { CONDITIONS_SCORE, CONDITIONS_ASSIGNMENT };

/** What conditions may name. */
struct conditions_world {
    enum conditions_of of;
    const struct schema *members; /* of a lead */
    const json_t *custom;         /* definitions of its custom fields */
};

/** Checks a list of a body that may name no other members than those. Adds a fault whose pointer
 * begins with @where for the first thing that is wrong; returns whether there was none. */
bool conditions_check(const json_t *list, const struct conditions_world *w, const char *where,
                      struct err *e);

/** Tells whether one of the conditions names a custom field. */
bool conditions_name_custom(const json_t *list);

/** Compiles a list that was checked, in the arena, which keeps it; NULL when it is none. Its
 * guards are what evaluate() takes. */
const struct transition *conditions_compile(const json_t *list, struct arena *a);

/** Returns what the leaves of a verdict looked at, as [{"path", "observed"}] (new reference). */
json_t *conditions_evidence(const struct verdict *root);

#endif
