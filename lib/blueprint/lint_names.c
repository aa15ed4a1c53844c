/* fields, roles and states that are named, and are not there */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "blueprint/custom.h"
#include "blueprint/document.h"
#include "blueprint/evaluate.h"
#include "blueprint/lint_parts.h"
#include "json/schema.h"

#define NAMES_MAX 200
#define POINTER_MAX 512
#define NAME_MAX_BYTES 160

/* fields */

static const struct schema_member *member_find(const struct schema *s, const char *name, size_t n)
{
    for (const struct schema_member *m = s->members; m != NULL && m->name != NULL; m++)
        if (strncmp(m->name, name, n) == 0 && m->name[n] == '\0')
            return m;
    return NULL;
}

/* Returns the member behind a dotted path; sets @known to whether there may be such a thing. */
static const struct schema_member *field_find(const struct schema *s, const char *path, bool *known)
{
    size_t n = strcspn(path, ".");
    const struct schema_member *m = member_find(s, path, n);

    *known = m != NULL || s->open;
    if (m == NULL || path[n] == '\0' || m->schema->members == NULL)
        return m;
    return field_find(m->schema, path + n + 1, known);
}

static void unknown_field(struct linting *l, const struct about *at, const struct schema *s,
                          const char *field)
{
    const char *names[NAMES_MAX + 1] = {NULL};
    const char *near;
    size_t n = 0;

    for (const struct schema_member *m = s->members; m && m->name && n < NAMES_MAX; m++)
        names[n++] = m->name;
    near = text_nearest(field, names);
    lint_error(l, "unknown_field", at, "There is no field \"%s\"%s%s%s.", field,
               near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
               near != NULL ? "\"?" : "");
}

static const struct lint_relation *relation_find(const struct linting *l, const char *name,
                                                 size_t n)
{
    const struct lint_relation *r = l->w->relations;

    for (r = r != NULL ? r + 1 : NULL; r != NULL && r->members != NULL; r++)
        if (strncmp(r->name, name, n) == 0 && r->name[n] == '\0')
            return r;
    return NULL;
}

/* states that a guard compares a governed field with */

static bool process_has(const json_t *doc, const char *state)
{
    return document_part(json_object_get(doc, "states"), state, NULL) != NULL;
}

static bool others_have(const struct linting *l, const char *entity, const char *state)
{
    const json_t *doc;
    size_t i;

    json_array_foreach (l->w->others, i, doc) {
        const char *its = part_text(doc, "entity");

        if (its != NULL && strcmp(its, entity) == 0 && process_has(doc, state))
            return true;
    }
    return false;
}

static void judge_state_value(struct linting *l, const struct about *at, const char *entity,
                              const json_t *value)
{
    const char *own = part_text(l->doc, "entity"), *state = json_string_value(value);
    const json_t *item;
    size_t i;

    json_array_foreach (value, i, item)
        judge_state_value(l, at, entity, item);
    if (state == NULL || l->w->others == NULL || others_have(l, entity, state))
        return;
    if (own == NULL || strcmp(own, entity) != 0 || !process_has(l->doc, state))
        lint_error(l, "unknown_state", at, "No process of %s in force has a state \"%s\".", entity,
                   state);
}

/* roles */

static void judge_role(struct linting *l, const struct about *at, const char *key)
{
    const json_t *role;

    if (l->w->roles == NULL || key == NULL)
        return;
    role = document_part(l->w->roles, key, NULL);
    if (role == NULL)
        lint_error(l, "unknown_role", at, "There is no role \"%s\".", key);
    else if (json_integer_value(json_object_get(role, "users")) == 0)
        lint_warning(l, "role_without_users", at, "Nobody has the role \"%s\".", key);
}

static void judge_roles(struct linting *l, const struct about *at, const json_t *v)
{
    const json_t *item;
    size_t i;

    if (json_is_string(v))
        judge_role(l, at, json_string_value(v));
    json_array_foreach (v, i, item)
        judge_role(l, at, json_string_value(item));
}

/* guards */

/* The place of the parameters, of which @at names one. */
static void place_of(const struct about *at, char place[POINTER_MAX])
{
    const char *slash = strrchr(at->pointer, '/');

    (void)snprintf(place, POINTER_MAX, "%.*s", (int)(slash - at->pointer), at->pointer);
}

static void judge_custom(struct linting *l, const struct about *at, const char *entity,
                         const char *key, const json_t *params)
{
    char place[POINTER_MAX];

    place_of(at, place);
    lint_custom_compared(l, at, lint_custom_field(l, at, entity, key), params, place);
}

static void judge_record_field(struct linting *l, const struct about *at, const char *field,
                               const json_t *params)
{
    const struct lint_relation *own = l->w->relations;
    bool known;

    if (field != NULL && custom_key(field) != NULL) {
        judge_custom(l, at, part_text(l->doc, "entity"), custom_key(field), params);
        return;
    }

    if (own == NULL || field == NULL)
        return;
    (void)field_find(own->members, field, &known);
    if (!known)
        unknown_field(l, at, own->members, field);
    else if (own->state != NULL && strcmp(own->state, field) == 0)
        judge_state_value(l, at, part_text(l->doc, "entity"), json_object_get(params, "value"));
}

static void judge_related_field(struct linting *l, const struct about *at, const char *field,
                                const json_t *params)
{
    size_t n = field != NULL ? strcspn(field, ".") : 0;
    const struct lint_relation *r;
    bool known;

    if (l->w->relations == NULL || field == NULL)
        return;
    r = relation_find(l, field, n);
    if (r == NULL) {
        lint_error(l, "unknown_field", at, "No record \"%.*s\" is related to it.", (int)n, field);
        return;
    }
    if (field[n] == '\0')
        return;
    if (custom_key(field + n + 1) != NULL) {
        judge_custom(l, at, r->name, custom_key(field + n + 1), params);
        return;
    }
    (void)field_find(r->members, field + n + 1, &known);
    if (!known)
        unknown_field(l, at, r->members, field + n + 1);
    else if (r->state != NULL && strcmp(r->state, field + n + 1) == 0)
        judge_state_value(l, at, r->name, json_object_get(params, "value"));
}

static void judge_actor(struct linting *l, const struct about *at, const char *who)
{
    if (who != NULL && strcmp(who, "creator") != 0 && strchr(who, ':') == NULL)
        judge_record_field(l, at, who, NULL);
}

static void judge_leaf(struct linting *l, const json_t *t, const json_t *guard, const char *where)
{
    const struct guard_kind *kind = guard_kind_find(part_text(guard, "kind"));
    const json_t *params = json_object_get(guard, "params");
    char pointer[POINTER_MAX], place[POINTER_MAX];
    const struct about at = {.pointer = pointer, .transition = t, .guard = guard};

    for (const struct param *p = kind != NULL ? kind->params : NULL; p && p->name; p++) {
        const json_t *v = json_object_get(params, p->name);

        (void)snprintf(pointer, sizeof(pointer), "%.400s/params/%.100s", where, p->name);
        if (p->type == PARAM_FIELD)
            judge_record_field(l, &at, json_string_value(v), params);
        else if (p->type == PARAM_RELATED)
            judge_related_field(l, &at, json_string_value(v), params);
        else if (p->type == PARAM_ACTOR)
            judge_actor(l, &at, json_string_value(v));
        else if (strcmp(p->name, "role") == 0 || strcmp(p->name, "roles") == 0)
            judge_roles(l, &at, v);
        else if (p->type == PARAM_WHERE && v != NULL) {
            place_of(&at, place);
            lint_custom_where(l, &at, params, place);
        }
    }
}

static void judge_guards(struct linting *l, const json_t *t, const json_t *list, const char *where)
{
    const json_t *guard;
    size_t i;

    json_array_foreach (list, i, guard) {
        char at[POINTER_MAX];

        (void)snprintf(at, sizeof(at), "%s/guards/%zu", where, i);
        if (part_text(guard, "kind") != NULL)
            judge_leaf(l, t, guard, at);
        judge_guards(l, t, json_object_get(guard, "guards"), at);
    }
}

void lint_criteria(struct linting *l)
{
    const json_t *guard;
    size_t i;

    json_array_foreach (json_object_get(l->doc, "criteria"), i, guard) {
        char at[POINTER_MAX];

        (void)snprintf(at, sizeof(at), "/criteria/%zu", i);
        if (part_text(guard, "kind") != NULL)
            judge_leaf(l, NULL, guard, at);
        judge_guards(l, NULL, json_object_get(guard, "guards"), at);
    }
}

/* inputs and actors */

static void judge_inputs(struct linting *l, const json_t *t, const char *where,
                         const struct about *about)
{
    struct about at = *about;
    const json_t *input;
    size_t i;

    json_array_foreach (json_object_get(t, "inputs"), i, input) {
        const json_t *params = json_object_get(input, "params");
        const char *field = part_text(params, "field");
        char pointer[POINTER_MAX], place[POINTER_MAX];

        if (field == NULL || l->w->fields == NULL)
            continue;
        (void)snprintf(place, sizeof(place), "%.400s/inputs/%zu/params", where, i);
        (void)snprintf(pointer, sizeof(pointer), "%.480s/field", place);
        at.pointer = pointer;
        if (custom_key(field) != NULL)
            lint_custom_choices(
                l, &at, lint_custom_field(l, &at, part_text(l->doc, "entity"), custom_key(field)),
                params, place);
        else if (member_find(l->w->fields, field, strlen(field)) == NULL)
            unknown_field(l, &at, l->w->fields, field);
    }
}

/* A field that says who may must hold a user. */
static void judge_user_field(struct linting *l, const struct about *at, const char *field)
{
    const struct lint_relation *own = l->w->relations;
    const struct schema_member *m;
    const json_t *custom;
    bool known;

    if (own == NULL || field == NULL)
        return;
    if (custom_key(field) != NULL) {
        custom = lint_custom_field(l, at, part_text(l->doc, "entity"), custom_key(field));
        if (custom != NULL && strcmp(part_text(custom, "type"), "user") != 0)
            lint_error(l, "unknown_field", at, "The field \"%s\" holds no user.", field);
        return;
    }
    m = field_find(own->members, field, &known);
    if (!known)
        unknown_field(l, at, own->members, field);
    else if (m != NULL && m->schema->kind != SCHEMA_ANY && m->schema->format != FORMAT_USER &&
             m->schema->format != FORMAT_UUID)
        lint_error(l, "unknown_field", at, "The field \"%s\" holds no user.", field);
}

void lint_rule(struct linting *l, const struct about *at, const char *kind, const char *value)
{
    if (kind != NULL && strcmp(kind, "role") == 0)
        judge_role(l, at, value);
    else if (kind != NULL && strcmp(kind, "field") == 0)
        judge_user_field(l, at, value);
}

static void judge_actors(struct linting *l, const json_t *t, const char *where,
                         const struct about *about)
{
    struct about at = *about;
    const json_t *rule;
    size_t i;

    json_array_foreach (json_object_get(t, "actors"), i, rule) {
        const char *kind = part_text(rule, "kind"), *value = part_text(rule, "value");
        char pointer[POINTER_MAX];

        at.pointer = pointer;
        (void)snprintf(pointer, sizeof(pointer), "%s/actors/%zu/value", where, i);
        lint_rule(l, &at, kind, value);
    }
}

void lint_part_names(struct linting *l, const json_t *part, const char *where,
                     const struct about *about)
{
    judge_inputs(l, part, where, about);
    judge_actors(l, part, where, about);
}

void lint_names(struct linting *l, const json_t *t, const char *where)
{
    judge_guards(l, t, json_object_get(t, "guards"), where);
    lint_part_names(l, t, where, &(struct about){.transition = t});
}

void lint_thresholds(struct linting *l)
{
    const json_t *state, *threshold;
    size_t i, k;

    json_array_foreach (l->states, i, state)
        json_array_foreach (json_object_get(state, "sla"), k, threshold) {
            char pointer[POINTER_MAX];

            (void)snprintf(pointer, sizeof(pointer), "/states/%zu/sla/%zu/params/role", i, k);
            judge_role(l, &(struct about){.pointer = pointer, .state = state},
                       part_text(json_object_get(threshold, "params"), "role"));
            (void)snprintf(pointer, sizeof(pointer), "/states/%zu/sla/%zu/calendar", i, k);
            lint_calendar(l, &(struct about){.pointer = pointer, .state = state},
                          part_text(threshold, "calendar"));
        }
}

/* who relies on us */

static void judge_referrer_value(struct linting *l, const json_t *doc, const json_t *t,
                                 const json_t *guard, const json_t *value)
{
    const char *state = json_string_value(value);
    const json_t *item;
    size_t i;

    json_array_foreach (value, i, item)
        judge_referrer_value(l, doc, t, guard, item);
    if (state == NULL || process_has(l->doc, state) ||
        others_have(l, part_text(l->doc, "entity"), state))
        return;
    lint_error(l, "still_referred_to", &(struct about){.pointer = "/states"},
               "Guard `%s` of `%s` in the process `%s` asks for the state `%s`.", part_key(guard),
               part_key(t), part_key(doc), state);
}

static void judge_referrer_guards(struct linting *l, const json_t *doc, const json_t *t,
                                  const json_t *list, const char *field)
{
    const json_t *guard;
    size_t i;

    json_array_foreach (list, i, guard) {
        const json_t *params = json_object_get(guard, "params");
        const char *looks_at = part_text(params, "field");

        judge_referrer_guards(l, doc, t, json_object_get(guard, "guards"), field);
        if (looks_at != NULL && strcmp(looks_at, field) == 0)
            judge_referrer_value(l, doc, t, guard, json_object_get(params, "value"));
    }
}

void lint_referrers(struct linting *l)
{
    const struct lint_relation *own = l->w->relations;
    const char *entity = part_text(l->doc, "entity");
    char field[NAME_MAX_BYTES];
    const json_t *doc, *t;
    size_t i, k;

    if (own == NULL || own->state == NULL || entity == NULL || l->n == 0)
        return;
    (void)snprintf(field, sizeof(field), "%s.%s", entity, own->state);
    json_array_foreach (l->w->others, i, doc)
        json_array_foreach (json_object_get(doc, "transitions"), k, t)
            judge_referrer_guards(l, doc, t, json_object_get(t, "guards"), field);
}
