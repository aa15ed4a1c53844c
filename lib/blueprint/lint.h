/**
 * lint - would this process work?
 *
 *   [{"severity": "error", "code": "dead_end", "pointer": "/states/3", "state": "waiting",
 *     "transition": null, "guard": null, "message": "..."}]
 *
 * An error forbids publishing; a warning is to be read. Codes:
 *
 *   errors    no_states, no_initial, second_initial, leaves_nothing, unreachable_state, dead_end,
 *             no_way_to_close, never_passes, contradiction, unknown_field, unknown_role,
 *             unknown_user, unknown_team, unknown_calendar, unknown_segment, wrong_value,
 * unknown_state, unknown_step, no_steps, still_referred_to, competing_automatic, wrong_kind,
 *             does_not_compile
 *   warnings  role_without_users, team_without_users, user_disabled, label_missing, never_asked,
 *             always_passes, step_never_asked, same_priority, never_governs,
 *             custom_unchecked
 *
 * Pure logic: what a document is judged by comes along.
 */
#ifndef SLUICE_BLUEPRINT_LINT_H
#define SLUICE_BLUEPRINT_LINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct schema;

/** The members of a record, and of those related to it, that guards may look at. */
struct lint_relation {
    const char *name; /* "account"; the first one is the record itself, NULL */
    const struct schema *members;
    const char *state; /* the member that a blueprint governs: "verification"; or NULL */
};

/** What a document is judged by. NULL members are not judged; of custom fields that are named
 * without any definitions a warning says so. */
struct lint_world {
    const struct lint_relation *relations; /* ends with NULL members */
    const struct schema *fields;           /* what a transition may fill */
    const json_t *roles;                   /* [{"key": "sales", "users": 3}] */
    const json_t *users;                   /* [{"key": "<id>", "disabled": false}] */
    const json_t *teams;                   /* [{"key": "<id>", "users": 3}] */
    const json_t *calendars;               /* [{"key": "default"}] */
    const json_t *segments;                /* [{"key": "regular"}] */
    const json_t *others;                  /* documents of the other processes in force */
    const json_t *custom; /* {"lead": [{...}]}: definitions of custom fields (custom.h) */
};

/** Judges a canonical document that document_check() passed. Returns the findings, errors first
 * (new reference). */
json_t *blueprint_lint(const json_t *doc, const struct lint_world *w);

/** Counts the findings of a severity ("error", "warning"). */
size_t lint_count(const json_t *findings, const char *severity);

#endif
