/**
 * guards - what the rows of the closed list of guard kinds point at.
 *
 * Private to blueprint. The promises are those of struct guard_kind.
 */
#ifndef SLUICE_BLUEPRINT_GUARDS_H
#define SLUICE_BLUEPRINT_GUARDS_H

#include <stdint.h>

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

bool related_exists_check(const json_t *params, const struct blueprint *b, struct buf *why);
bool related_exists_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                             struct verdict *v);
bool children_closed_check(const json_t *params, const struct blueprint *b, struct buf *why);
bool children_closed_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                              struct verdict *v);
json_t *none_expect(const json_t *params);
bool in_segment_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                         struct verdict *v);
bool duplicate_free_check(const json_t *params, const struct blueprint *b, struct buf *why);
bool duplicate_free_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                             struct verdict *v);

json_t *field_changed_expect(const json_t *params);
bool field_changed_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                            struct verdict *v);
bool matches_prepare(struct guard *g, const struct blueprint *b, const struct transition *t,
                     struct arena *a, struct buf *why);
json_t *matches_expect(const json_t *params);
bool matches_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                      struct verdict *v);
json_t *checklist_complete_expect(const json_t *params);
bool checklist_complete_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                                 struct verdict *v);
json_t *params_expect(const json_t *params);
bool working_time_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                           struct verdict *v);
bool score_at_least_check(const json_t *params, const struct blueprint *b, struct buf *why);
json_t *score_at_least_expect(const json_t *params);
bool score_at_least_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                             struct verdict *v);

bool approval_prepare(struct guard *g, const struct blueprint *b, const struct transition *own,
                      struct arena *a, struct buf *why);
bool approval_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                       struct verdict *v);
bool steps_done_check(const json_t *params, const struct blueprint *b, struct buf *why);
bool steps_done_prepare(struct guard *g, const struct blueprint *b, const struct transition *t,
                        struct arena *a, struct buf *why);
json_t *steps_done_expect(const json_t *params);
bool steps_done_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                         struct verdict *v);

/** The list of the facts that a guard with "of" looks at, and whether new items may come along with
 * a request. */
const char *related_list(const json_t *params);
bool related_is_brought(const json_t *params);

/** Tells whether the field's value is money's amount, which is text that is a number. */
bool field_is_amount(const char *field);

/** Checks a value that @op compares @field with; false writes the reason. */
bool compared_value_check(const char *op, const char *field, const json_t *value, struct buf *why);

/** Tells whether a checklist (items, or {"item", "done"}) has the item ticked. */
bool item_is_ticked(const json_t *list, const char *item);

/** When the state was entered, and the end of what can have happened by now; microseconds. */
struct stay {
    bool known;
    int64_t entered, until;
};

struct stay stay_of(const json_t *facts);

/** Tells whether an activity or a task is as young as the stay, or came with the request. */
bool is_since(const json_t *item, const struct stay *stay);
bool item_is_fresh(const json_t *item, const json_t *facts);

#endif
