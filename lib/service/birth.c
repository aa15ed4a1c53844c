/* birth - creating a record that a process may govern: which one does, and whether it may be born.
 *
 * The processes are asked in order of priority; the first one whose criteria hold governs the
 * record. Its initial transition has guards and actors like any other. Where no process asks for a
 * decision, none is made here: the database gives the record its state.
 */
#include <string.h>

#include "asks.gen.h"
#include "call/reply.h"
#include "service/process.h"

struct birth {
    const char *chosen; /* id of a version, "none", or NULL: nothing is to be decided */
};

static enum step ask_versions(struct call *c)
{
    const struct record *r = record_of(c);
    struct birth *b = call_alloc(c, sizeof(*b));
    const char *body = call_json(c, c->body);
    const struct uuid nobody = {{0}};

    if (!b)
        return STEP_FAIL;
    c->state = b;
    ask_birth_versions(c, (struct q_birth_versions){.entity = r->entity,
                                                    .known = text_array(c, blueprints_known(c))});
    ask_birth_facts(c, (struct q_birth_facts){
                           .entity = r->entity,
                           .body = body,
                           .actor_kind = c->who->kind == ACTOR_USER ? "user" : "api_key",
                           .viewer = c->who->kind == ACTOR_USER ? c->who->id : nobody,
                           .roles = text_array(c, c->who->roles),
                           .teams = text_array(c, c->who->teams),
                       });
    return STEP_WAIT;
}

/* The first version whose criteria hold; NULL with err set, or when none does. */
static const struct blueprint *choose(struct call *c, const json_t *facts)
{
    const struct result *r = call_result(c, 0);

    for (int i = 0; i < result_rows(r); i++) {
        const char *doc = result_get(r, i, "doc");
        const struct blueprint *b = doc ? blueprint_learn(c, record_of(c), doc)
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

static bool may_be_born(struct call *c, const struct blueprint *b, const json_t *facts)
{
    const struct transition *t = initial_of(b);
    const struct verdict *root = t ? evaluate(t, facts, &c->arena) : NULL;

    if (!root)
        return err_set(&c->err, ERR_INTERNAL, NULL);
    if (!evaluate_actor(t, facts))
        return err_set(&c->err, ERR_NOT_ACTOR, "\"%s\" belongs to others", t->key);
    if (root->passed)
        return true;
    c->err.members = arena_printf(&c->arena, "\"failures\":%s", process_failures(c, root));
    return err_set(&c->err, ERR_GUARD, "\"%s\" still needs what \"failures\" lists", t->key);
}

static enum step decide(struct call *c)
{
    struct birth *b = c->state;
    const struct blueprint *governs;
    json_t *facts;

    if (result_rows(call_result(c, 0)) == 0)
        return STEP_NEXT;
    facts = json_loads(result_get(call_result(c, 1), 0, "facts"), 0, NULL);
    if (!facts)
        return call_fail(c, ERR_INTERNAL, NULL);
    keep_json(c, facts);
    governs = choose(c, facts);
    if (c->err.code != ERR_NONE || (governs && !may_be_born(c, governs, facts)))
        return STEP_FAIL;
    b->chosen = governs ? governs->id : "none";
    return STEP_NEXT;
}

static enum step create(struct call *c)
{
    const struct birth *b = c->state;

    if (b->chosen)
        ask_birth_choose(c, (struct q_birth_choose){.version = b->chosen});
    return record_create_steps[0](c);
}

step_fn *const record_birth_steps[] = {ask_versions, decide, create, reply_created, NULL};
