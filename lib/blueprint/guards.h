/**
 * guards - what the rows of the closed list of guard kinds point at.
 *
 * Private to blueprint. The promises are those of struct guard_kind.
 */
#ifndef SLUICE_BLUEPRINT_GUARDS_H
#define SLUICE_BLUEPRINT_GUARDS_H

#include "blueprint/evaluate.h"

/** The operator of a comparing guard; "eq" when it names none. */
const char *guard_op_name(const json_t *params);

bool field_present_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                            struct verdict *v);
json_t *field_present_expect(const json_t *params);

bool field_compare_check(const json_t *params, const struct blueprint *b, struct buf *why);
json_t *field_compare_expect(const json_t *params);
bool field_compare_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                            struct verdict *v);
bool related_field_check(const json_t *params, const struct blueprint *b, struct buf *why);
bool related_field_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                            struct verdict *v);

bool related_count_check(const json_t *params, const struct blueprint *b, struct buf *why);
json_t *related_count_expect(const json_t *params);
bool related_count_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                            struct verdict *v);
json_t *open_tasks_expect(const json_t *params);
bool open_tasks_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                         struct verdict *v);

bool visited_state_check(const json_t *params, const struct blueprint *b, struct buf *why);
json_t *visited_state_expect(const json_t *params);
bool visited_state_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                            struct verdict *v);
bool time_in_state_check(const json_t *params, const struct blueprint *b, struct buf *why);
json_t *time_in_state_expect(const json_t *params);
bool time_in_state_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                            struct verdict *v);

bool actor_has_role_check(const json_t *params, const struct blueprint *b, struct buf *why);
json_t *actor_has_role_expect(const json_t *params);
bool actor_has_role_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                             struct verdict *v);
bool actor_differs_check(const json_t *params, const struct blueprint *b, struct buf *why);
json_t *actor_differs_expect(const json_t *params);
bool actor_differs_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                            struct verdict *v);

/** The activities, or tasks, that a related_count guard counts. */
const char *related_list(const json_t *params);

/** Tells whether an activity or a task is as young as the visit of the state, or came with the
 * request. */
bool item_is_fresh(const json_t *item, const json_t *facts);

#endif
