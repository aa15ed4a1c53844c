/* birth - which process governs a new record, and whether it may be born; POST of a governed one.
 */
#include "service/process/birth.h"

#include <string.h>

#include "asks.gen.h"
#include "call/reply.h"
#include "service/process/known.h"
#include "service/record/custom.h"
#include "service/record/links.h"
#include "json/schema.h"

int birth_ask(struct call *c, const struct record *r)
{
    return ask_birth_versions(c, (struct q_birth_versions){
                                     .entity = r->entity,
                                     .known = text_array(c, blueprints_known(c)),
                                 });
}

bool birth_is_judged(struct birth *b, const struct result *versions)
{
    b->versions = result_rows(versions) > 0 ? versions : NULL;
    return b->versions;
}

int birth_facts(struct call *c, const struct birth *b, const char *body)
{
    const struct uuid nobody = {{0}};

    return ask_birth_facts(c, (struct q_birth_facts){
                                  .entity = b->record->entity,
                                  .body = body,
                                  .actor_kind = actor_word(c->who->kind),
                                  .viewer = c->who->kind == ACTOR_USER ? c->who->id : nobody,
                                  .roles = text_array(c, c->who->roles),
                                  .teams = text_array(c, c->who->teams),
                              });
}

/* The first version whose criteria hold; NULL with err set, or when none does. */
static const struct blueprint *choose(struct call *c, const struct birth *birth,
                                      const json_t *facts)
{
    const struct result *r = birth->versions;

    for (int i = 0; i < result_rows(r); i++) {
        const char *doc = result_get(r, i, "doc");
        const struct blueprint *b = doc ? blueprint_learn(c, birth->record, doc)
                                        : blueprint_known(c, result_get(r, i, "id"));
        const struct verdict *root = b ? evaluate(&b->entry, facts, &c->arena) : NULL;

        if (!root) {
            err_set(&c->err, ERR_INTERNAL, NULL);
            return NULL;
        }
        if (root->passed)
            return b;
    }
    return NULL;
}

static const struct transition *initial_of(const struct blueprint *b)
{
    for (size_t i = 0; i < b->ntransitions; i++)
        if (b->transitions[i].kind == TRANSITION_INITIAL)
            return &b->transitions[i];
    return NULL;
}

static bool is_member(const struct schema *s, const char *name, size_t n)
{
    for (const struct schema_member *m = s->members; m && m->name; m++)
        if (m->access == ACCESS_WRITE && strlen(m->name) == n && memcmp(m->name, name, n) == 0)
            return true;
    return false;
}

/* Where the request can supply what @failure misses: the member of the body that it looks at. */
static void point(struct call *c, const struct birth *b, json_t *failure)
{
    const char *path = json_string_value(json_object_get(failure, "path"));
    json_t *branch;
    char *at;
    size_t i;

    json_array_foreach (json_object_get(failure, "branches"), i, branch)
        point(c, b, branch);
    if (!json_object_get(failure, "pointer"))
        return; /* a group */
    if (!path || !is_member(b->members, path, strcspn(path, "."))) {
        json_object_set_new(failure, "pointer", json_null());
        return;
    }
    at = arena_printf(&c->arena, "%s/%s", b->pointer, path);
    for (char *p = at ? at + strlen(b->pointer) : NULL; p && *p; p++)
        if (*p == '.')
            *p = '/';
    json_object_set_new(failure, "pointer", at ? json_string(at) : json_null());
}

/* A birth collects nothing: what it needs is in the body that makes the record. */
static const char *failures_of(struct call *c, const struct birth *b, const struct verdict *root)
{
    json_t *all = read_json(c, process_failures(c, root)), *failure;
    size_t i;

    json_array_foreach (all, i, failure)
        point(c, b, failure);
    return call_json(c, all);
}

bool birth_decide(struct call *c, struct birth *b, const json_t *facts)
{
    const struct verdict *root;

    b->governs = choose(c, b, facts);
    if (!b->governs)
        return c->err.code == ERR_NONE;
    b->initial = initial_of(b->governs);
    root = b->initial ? evaluate(b->initial, facts, &c->arena) : NULL;
    if (!root)
        return err_set(&c->err, ERR_INTERNAL, NULL);
    b->actor_allowed = evaluate_actor(b->initial, facts);
    if (!root->passed)
        b->failures = failures_of(c, b, root);
    if (!b->actor_allowed)
        return err_set(&c->err, ERR_NOT_ACTOR, "\"%s\" belongs to others", b->initial->key);
    if (root->passed)
        return true;
    c->err.members = arena_printf(&c->arena, "\"failures\":%s", b->failures);
    return err_set(&c->err, ERR_GUARD, "\"%s\" still needs what \"failures\" lists",
                   b->initial->key);
}

void birth_choose(struct call *c, const struct birth *b)
{
    if (b->versions)
        ask_birth_choose(c,
                         (struct q_birth_choose){.entity = b->record->entity,
                                                 .version = b->governs ? b->governs->id : "none"});
}

const struct state *birth_state(const struct birth *b)
{
    return b->initial ? blueprint_state(b->governs, b->initial->to) : NULL;
}

/* POST /v1/leads: processes and facts are asked together */

static enum step ask_birth(struct call *c)
{
    struct birth *b = call_alloc(c, sizeof(*b));

    if (!b)
        return STEP_FAIL;
    *b = (struct birth){.record = record_of(c), .members = c->route->body, .pointer = ""};
    c->state = b;
    birth_ask(c, b->record);
    birth_facts(c, b, call_json(c, c->body));
    custom_ask(c, b->record->entity);
    return links_ask(c, b->record->entity, NULL, c->body, "") ? STEP_WAIT : STEP_FAIL;
}

static enum step decide(struct call *c)
{
    struct birth *b = c->state;
    const json_t *values = json_object_get(c->body, "custom");
    json_t *facts;

    if (!custom_judge(c, call_result(c, 2), values, "/custom", true))
        return STEP_FAIL;
    if (!birth_is_judged(b, call_result(c, 0)))
        return STEP_NEXT;
    facts = read_json(c, result_get(call_result(c, 1), 0, "facts"));
    if (!facts)
        return call_fail(c, ERR_INTERNAL, NULL);
    return birth_decide(c, b, facts) ? STEP_NEXT : STEP_FAIL;
}

static enum step create(struct call *c)
{
    birth_choose(c, c->state);
    return record_create(c);
}

step_fn *const record_birth_steps[] = {ask_birth, decide, create, reply_created, NULL};
