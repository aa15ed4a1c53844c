/* actor_has_role, actor_differs, and who may execute */
#include <string.h>

#include "base/buf.h"
#include "blueprint/guards.h"
#include "blueprint/value.h"

#define TRANSITION_PREFIX "transition:"

static const json_t *roles_wanted(const json_t *params)
{
    const json_t *roles = json_object_get(params, "roles");

    return roles != NULL ? roles : json_object_get(params, "role");
}

bool actor_has_role_check(const json_t *params, const struct blueprint *b, struct buf *why)
{
    (void)b;
    if ((json_object_get(params, "role") == NULL) == (json_object_get(params, "roles") == NULL))
        return buf_puts(why, ": needs either role or roles"), false;
    return true;
}

json_t *actor_has_role_expect(const json_t *params)
{
    json_t *wanted = (json_t *)roles_wanted(params), *list;

    if (json_is_array(wanted))
        return json_incref(wanted);
    list = json_array();
    (void)json_array_append(list, wanted);
    return list;
}

static bool list_has(const json_t *list, const char *text)
{
    return json_is_array(list) && value_has_key(list, text);
}

bool actor_has_role_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                             struct verdict *v)
{
    json_t *roles = value_at(facts, "actor.roles");

    (void)a;
    v->observed = value_ref(roles);
    for (size_t i = 0; i < json_array_size(g->expected); i++)
        if (list_has(roles, json_string_value(json_array_get(g->expected, i))))
            return true;
    return false;
}

static const char *from_of(const json_t *params)
{
    return json_string_value(json_object_get(params, "from"));
}

/* Returns the key behind "transition:", or NULL. */
static const char *transition_of(const char *from)
{
    size_t n = sizeof(TRANSITION_PREFIX) - 1;

    return strncmp(from, TRANSITION_PREFIX, n) == 0 ? from + n : NULL;
}

bool actor_differs_check(const json_t *params, const struct blueprint *b, struct buf *why)
{
    const char *key = transition_of(from_of(params));

    if (key != NULL && blueprint_transition(b, key) == NULL)
        return buf_printf(why, "/from: unknown transition \"%s\"", key), false;
    return true;
}

json_t *actor_differs_expect(const json_t *params)
{
    return json_pack("{s:s}", "other_than", from_of(params));
}

/* Whoever did it even once is not another pair of eyes. Shows the actor if found, else the last who
 * did. */
static json_t *who_did(const json_t *facts, const char *transition, const char *actor)
{
    const json_t *done = json_object_get(facts, "transitions_done");
    json_t *last = NULL;

    for (size_t i = 0; i < json_array_size(done); i++) {
        const json_t *entry = json_array_get(done, i);
        const char *key = json_string_value(json_object_get(entry, "transition"));

        if (key == NULL || strcmp(key, transition) != 0)
            continue;
        last = json_object_get(entry, "by");
        if (value_has_key(last, actor))
            return last;
    }
    return last;
}

bool actor_differs_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                            struct verdict *v)
{
    const char *from = from_of(g->params), *transition = transition_of(from);
    const char *actor = json_string_value(value_at(facts, "actor.id"));
    json_t *who;

    (void)a;
    if (transition != NULL)
        who = who_did(facts, transition, actor);
    else if (strcmp(from, "creator") == 0)
        who = json_object_get(facts, "created_by");
    else
        who = value_at(json_object_get(facts, "record"), from);
    v->observed = value_ref(who);
    if (value_blank(who))
        return true;
    return actor != NULL && json_is_string(who) && strcmp(json_string_value(who), actor) != 0;
}

/* Tells whether the actor stands in for the user. */
static bool is_deputy(const json_t *facts, const char *user)
{
    return list_has(json_object_get(facts, "deputy_for"), user);
}

/* The user whom the rule names, if it names one. */
static const char *user_named(const struct actor_rule *rule, const json_t *facts)
{
    if (rule->kind == ACTOR_RULE_USER)
        return rule->value;
    if (rule->kind == ACTOR_RULE_FIELD)
        return json_string_value(value_at(json_object_get(facts, "record"), rule->value));
    return NULL;
}

static bool rule_allows(const struct actor_rule *rule, const json_t *facts)
{
    const json_t *actor = json_object_get(facts, "actor");
    const char *id = json_string_value(json_object_get(actor, "id"));
    const char *named = user_named(rule, facts);

    switch (rule->kind) {
    case ACTOR_RULE_ROLE: return list_has(json_object_get(actor, "roles"), rule->value);
    case ACTOR_RULE_TEAM: return list_has(json_object_get(actor, "teams"), rule->value);
    case ACTOR_RULE_USER:
    case ACTOR_RULE_FIELD: return id != NULL && named != NULL && strcmp(id, named) == 0;
    }
    return false;
}

static bool any_allows(const struct transition *t, const json_t *facts)
{
    const char *kind = json_string_value(value_at(facts, "actor.kind"));

    if (kind != NULL && strcmp(kind, "timer") == 0)
        return true;
    if (t->automatic != NULL)
        return false;
    for (size_t i = 0; i < t->nactors; i++)
        if (rule_allows(&t->actors[i], facts))
            return true;
    return t->nactors == 0;
}

const char *evaluate_on_behalf(const struct transition *t, const json_t *facts)
{
    if (any_allows(t, facts))
        return NULL;
    for (size_t i = 0; i < t->nactors; i++) {
        const char *user = user_named(&t->actors[i], facts);

        if (user != NULL && is_deputy(facts, user))
            return user;
    }
    return NULL;
}

bool evaluate_actor(const struct transition *t, const json_t *facts)
{
    return any_allows(t, facts) || evaluate_on_behalf(t, facts) != NULL;
}
