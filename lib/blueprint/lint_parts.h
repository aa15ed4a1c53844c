/**
 * lint_parts - what the files of lint share.
 *
 * Private to lint.
 */
#ifndef SLUICE_BLUEPRINT_LINT_PARTS_H
#define SLUICE_BLUEPRINT_LINT_PARTS_H

#include "blueprint/blueprint.h"
#include "blueprint/lint.h"

struct param;

struct linting {
    const json_t *doc, *states, *transitions;
    const struct lint_world *w;
    json_t *errors, *warnings;
    size_t n;                                               /* states */
    bool edge[BLUEPRINT_STATES_MAX][BLUEPRINT_STATES_MAX];  /* a transition leads from, to */
    bool leads[BLUEPRINT_STATES_MAX][BLUEPRINT_STATES_MAX]; /* any number of transitions, or none */
    size_t initial;                                         /* index of the state, n for none */
};

/** What a finding speaks of. */
struct about {
    const char *pointer;
    const json_t *state, *transition, *guard; /* the parts; NULL when it is not about one */
};

void lint_error(struct linting *l, const char *code, const struct about *at, const char *format,
                ...) __attribute__((format(printf, 4, 5)));
void lint_warning(struct linting *l, const char *code, const struct about *at, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));

/** The key of a part; "?" when it has none. */
const char *part_key(const json_t *part);
const char *part_text(const json_t *part, const char *name);

/** Returns the index of the state, l->n when there is none. */
size_t state_index(const struct linting *l, const char *key);

/** Tells whether the transition is where records begin. */
bool is_initial(const json_t *t);

/** Tells whether the transition may leave the state with this index. */
bool leaves_state(const struct linting *l, const json_t *t, size_t state);

/** Fills edge, leads and initial; says what is wrong with states and the way between them. */
void lint_graph(struct linting *l);

/** Says which guards can never pass, contradict each other, or say nothing. @t at @where. */
void lint_logic(struct linting *l, const json_t *t, const char *where);

/** Says which fields, roles and states of other processes are not there. */
void lint_names(struct linting *l, const json_t *t, const char *where);

/** The same for the criteria of the process. */
void lint_criteria(struct linting *l);

/** Says which users, teams, calendars are not there, and which values a field does not take. */
void lint_references(struct linting *l, const json_t *t, const char *where);

/** Judges a rule of the kind role or field. */
void lint_rule(struct linting *l, const struct about *at, const char *kind, const char *value);

/** Says that there is no such calendar. */
void lint_calendar(struct linting *l, const struct about *at, const char *key);

/** Says which of the users and teams who may are not there; @about says whose they are. */
void lint_people(struct linting *l, const json_t *part, const char *where,
                 const struct about *about);

/** The same for what a transition or a step collects and who may; @about says which it is. */
void lint_part_names(struct linting *l, const json_t *part, const char *where,
                     const struct about *about);

/** Returns the definition of a custom field of the entity; NULL with a finding at @at: there is
 * none, or nothing is known of them. */
const json_t *lint_custom_field(struct linting *l, const struct about *at, const char *entity,
                                const char *key);

/** Says what is wrong with what a field (NULL: none) is compared with, offers or is set to; @where
 * is the place of the parameters. */
void lint_custom_compared(struct linting *l, const struct about *about, const json_t *field,
                          const json_t *params, const char *where);
void lint_custom_choices(struct linting *l, const struct about *about, const json_t *field,
                         const json_t *params, const char *where);
void lint_custom_set(struct linting *l, const struct about *about, const json_t *field,
                     const json_t *params, const char *where);

/** Judges the custom fields of related records that a guard's conditions name. */
void lint_custom_where(struct linting *l, const struct about *about, const json_t *params,
                       const char *where);

/** Says which steps are asked for and not there, and which nobody asks for. */
void lint_steps(struct linting *l);

/** Says which roles and calendars of thresholds are not there. */
void lint_thresholds(struct linting *l);

/** Says where the order of processes of one entity leaves it to chance, or one without records. */
void lint_rivals(struct linting *l);

/** Says which other processes rely on a state that the document lacks. */
void lint_referrers(struct linting *l);

#endif
