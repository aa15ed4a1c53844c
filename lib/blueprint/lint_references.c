/* people, teams, calendars and segments that are named, and are not there; values that a field does
 * not take
 */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "blueprint/custom.h"
#include "blueprint/document.h"
#include "blueprint/lint_parts.h"
#include "json/schema.h"

#define POINTER_MAX 512
#define FAULT_MEMORY (1U << 16)

/* people */

static void judge_user(struct linting *l, const struct about *at, const char *id)
{
    const json_t *user;

    if (l->w->users == NULL || id == NULL)
        return;
    user = document_part(l->w->users, id, NULL);
    if (user == NULL)
        lint_error(l, "unknown_user", at, "There is no user with the id \"%.40s\".", id);
    else if (json_is_true(json_object_get(user, "disabled")))
        lint_warning(l, "user_disabled", at, "The user \"%.40s\" may not sign in any more.", id);
}

static void judge_team(struct linting *l, const struct about *at, const char *id)
{
    const json_t *team;

    if (l->w->teams == NULL || id == NULL)
        return;
    team = document_part(l->w->teams, id, NULL);
    if (team == NULL)
        lint_error(l, "unknown_team", at, "There is no team with the id \"%.40s\".", id);
    else if (json_integer_value(json_object_get(team, "users")) == 0)
        lint_warning(l, "team_without_users", at, "Nobody is in the team \"%.40s\".", id);
}

static void judge_rules(struct linting *l, const struct about *about, const json_t *rules,
                        const char *where, bool names_too)
{
    struct about at = *about;
    const json_t *rule;
    size_t i;

    json_array_foreach (rules, i, rule) {
        const char *kind = part_text(rule, "kind"), *value = part_text(rule, "value");
        char pointer[POINTER_MAX];

        at.pointer = pointer;
        (void)snprintf(pointer, sizeof(pointer), "%s/actors/%zu/value", where, i);
        if (kind != NULL && strcmp(kind, "user") == 0)
            judge_user(l, &at, value);
        else if (kind != NULL && strcmp(kind, "team") == 0)
            judge_team(l, &at, value);
        else if (names_too)
            lint_rule(l, &at, kind, value);
    }
}

void lint_people(struct linting *l, const json_t *part, const char *where,
                 const struct about *about)
{
    judge_rules(l, about, json_object_get(part, "actors"), where, false);
}

/* calendars and segments */

static void judge_segment(struct linting *l, const struct about *at, const char *key)
{
    if (l->w->segments != NULL && key != NULL && document_part(l->w->segments, key, NULL) == NULL)
        lint_error(l, "unknown_segment", at, "There is no segment \"%.64s\".", key);
}

static void judge_guards(struct linting *l, const json_t *t, const json_t *list, const char *where)
{
    const json_t *guard;
    size_t i;

    json_array_foreach (list, i, guard) {
        char pointer[POINTER_MAX], group[POINTER_MAX];

        (void)snprintf(group, sizeof(group), "%.400s/guards/%zu", where, i);
        (void)snprintf(pointer, sizeof(pointer), "%.480s/params/calendar", group);
        lint_calendar(l, &(struct about){.pointer = pointer, .transition = t, .guard = guard},
                      part_text(json_object_get(guard, "params"), "calendar"));
        (void)snprintf(pointer, sizeof(pointer), "%.480s/params/segment", group);
        judge_segment(l, &(struct about){.pointer = pointer, .transition = t, .guard = guard},
                      part_text(json_object_get(guard, "params"), "segment"));
        judge_guards(l, t, json_object_get(guard, "guards"), group);
    }
}

/* actions */

static void judge_value(struct linting *l, const struct about *at, const json_t *params)
{
    const char *field = part_text(params, "field");
    json_t *value = json_object_get(params, "value");
    const struct schema_member *m = l->w->fields != NULL ? l->w->fields->members : NULL;
    struct arena a;
    struct err e;

    while (m != NULL && m->name != NULL && (field == NULL || strcmp(m->name, field) != 0))
        m++;
    if (m == NULL || m->name == NULL || value == NULL)
        return;
    arena_init(&a, FAULT_MEMORY);
    err_init(&e, &a);
    if (!schema_check(m->schema, value, "", &e))
        lint_error(l, "wrong_value", at, "The field \"%s\" takes no such value: %s", field,
                   e.faults != NULL ? e.faults->detail : "it is of another type.");
    arena_done(&a);
}

/* @at: the value. */
static void judge_set(struct linting *l, const struct about *at, const json_t *params)
{
    const char *field = part_text(params, "field");
    const char *key = field != NULL ? custom_key(field) : NULL;
    char pointer[POINTER_MAX], place[POINTER_MAX];
    struct about named = *at;

    if (key == NULL) {
        judge_value(l, at, params);
        return;
    }
    (void)snprintf(place, sizeof(place), "%.*s", (int)(strrchr(at->pointer, '/') - at->pointer),
                   at->pointer);
    (void)snprintf(pointer, sizeof(pointer), "%.480s/field", place);
    named.pointer = pointer;
    lint_custom_set(l, &named, lint_custom_field(l, &named, part_text(l->doc, "entity"), key),
                    params, place);
}

static void judge_actions(struct linting *l, const json_t *t, const char *where)
{
    const json_t *action;
    size_t i;

    json_array_foreach (json_object_get(t, "actions"), i, action) {
        const json_t *params = json_object_get(action, "params");
        const char *assignee = part_text(params, "assignee");
        char pointer[POINTER_MAX];
        const struct about at = {.pointer = pointer, .transition = t};

        (void)snprintf(pointer, sizeof(pointer), "%s/actions/%zu/params/calendar", where, i);
        lint_calendar(l, &at, part_text(params, "calendar"));
        (void)snprintf(pointer, sizeof(pointer), "%s/actions/%zu/params/user", where, i);
        judge_user(l, &at, part_text(params, "user"));
        (void)snprintf(pointer, sizeof(pointer), "%s/actions/%zu/params/assignee", where, i);
        if (assignee != NULL && strchr(assignee, '-') != NULL) /* an id, not a word */
            judge_user(l, &at, assignee);
        (void)snprintf(pointer, sizeof(pointer), "%s/actions/%zu/params/value", where, i);
        if (part_text(action, "kind") != NULL &&
            strcmp(part_text(action, "kind"), "set_field") == 0)
            judge_set(l, &at, params);
    }
}

void lint_references(struct linting *l, const json_t *t, const char *where)
{
    char pointer[POINTER_MAX];

    lint_people(l, t, where, &(struct about){.transition = t});
    (void)snprintf(pointer, sizeof(pointer), "%s/approval", where);
    judge_rules(l, &(struct about){.transition = t},
                json_object_get(json_object_get(t, "approval"), "actors"), pointer, true);
    (void)snprintf(pointer, sizeof(pointer), "%s/auto/calendar", where);
    lint_calendar(l, &(struct about){.pointer = pointer, .transition = t},
                  part_text(json_object_get(t, "auto"), "calendar"));
    judge_guards(l, t, json_object_get(t, "guards"), where);
    judge_actions(l, t, where);
}
