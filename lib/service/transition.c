/* transition - which moves are there, what each still needs, and executing one.
 *
 * Read facts, decide here, write with the version and evidence that the decision saw. A write that
 * finds anything changed does nothing and the decision is made again on what is there now.
 */
#include <string.h>

#include "asks.gen.h"
#include "call/reply.h"
#include "service/process.h"
#include "json/out.h"

static void decref(void *json)
{
    json_decref(json);
}

/* GET /v1/leads/{id}/transitions */

static enum step list_ask_facts(struct call *c)
{
    const struct record *r = record_of(c);

    return process_ask(c, r, r->may_read);
}

static void write_blueprint(struct out *o, const struct blueprint *b)
{
    out_key(o, "blueprint");
    out_object(o);
    out_member(o, "id", b->id);
    out_member(o, "key", b->key);
    out_key(o, "number");
    out_int(o, b->number);
    out_object_end(o);
}

static enum step list_reply_all(struct call *c)
{
    struct process *s = process_of(c);
    struct out *o = reply_json(c, 200);

    out_object(o);
    out_member_raw(o, "version", s->version);
    out_key(o, "state");
    state_write(o, blueprint_state(s->blueprint, s->state), c->language);
    write_blueprint(o, s->blueprint);
    out_key(o, "items");
    out_array(o);
    for (size_t i = 0; i < s->blueprint->ntransitions; i++)
        if (!process_write_option(c, o, &s->blueprint->transitions[i]))
            return call_fail(c, ERR_INTERNAL, NULL);
    out_array_end(o);
    out_object_end(o);
    reply_header(c, "ETag", arena_printf(&c->arena, "\"%s\"", s->version));
    return STEP_REPLY;
}

step_fn *const record_transitions_steps[] = {
    list_ask_facts, process_blueprint, process_ready, list_reply_all, NULL,
};

/* POST /v1/leads/{id}/transitions/{key} */

static enum step move_ask_facts(struct call *c)
{
    const struct record *r = record_of(c);

    return process_ask(c, r, r->may_write);
}

static bool check_declared(struct call *c, const struct transition *t, const char *key)
{
    const struct process *s = process_of(c);

    if (!t || !transition_leaves(t, s->state))
        return err_set(&c->err, ERR_NO_TRANSITION,
                       "from \"%s\" there is no transition \"%s\"; \"legal\" lists those there are",
                       s->state, key);
    if (t->kind != TRANSITION_MANUAL)
        return err_set(&c->err, ERR_USE_CONVERSION,
                       "\"%s\" is executed by POST /v1/leads/{id}/conversion", key);
    if (t->automatic)
        return err_set(&c->err, ERR_NOT_ACTOR,
                       "\"%s\" happens by itself; the listing of transitions says when", key);
    if (!evaluate_actor(t, s->facts))
        return err_set(&c->err, ERR_NOT_ACTOR,
                       "\"%s\" belongs to others; the listing of "
                       "transitions names them",
                       key);
    return true;
}

/* New ids for the visit and for every activity and task that comes along, as a uuid[] literal. */
static const char *new_ids(struct call *c)
{
    size_t n = 1 + json_array_size(json_object_get(c->body, "activities")) +
               json_array_size(json_object_get(c->body, "tasks"));
    const char **words = call_alloc(c, (n + 1) * sizeof(*words));

    if (!words)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        struct uuid id = uuid_v7();

        words[i] = uuid_text(c, &id);
    }
    return text_array(c, words);
}

static enum step move_write(struct call *c, const struct transition *t, const struct verdict *root)
{
    const struct record *r = record_of(c);
    const struct process *s = process_of(c);
    const char *const values[] = {
        r->entity,
        uuid_text(c, &s->id),
        s->version,
        s->state,
        t->key,
        call_json(c, json_object_get(c->body, "fields")),
        call_json(c, json_object_get(c->body, "activities")),
        call_json(c, json_object_get(c->body, "tasks")),
        call_body_text(c, "note"),
        process_verdict(c, root),
        s->evidence,
        caller_id(c),
        call_scope(c, r->may_write),
        new_ids(c),
        call_json(c, json_object_get(c->body, "checklist")),
        process_more(c, t),
    };

    call_ask(c, &query_transition_apply, values);
    record_ask_get(c, r, &s->id, r->may_write);
    return STEP_WAIT;
}

static enum step move_decide(struct call *c)
{
    const struct record *r = record_of(c);
    const struct process *s = process_of(c);
    const char *key = call_path(c, "key");
    const struct transition *t = blueprint_transition(s->blueprint, key);
    const struct verdict *root;
    json_t *facts;

    if (!process_is_current(c) || !check_declared(c, t, key))
        return process_refuse(c, r, key, NULL);
    facts = facts_with_inputs(s->facts, c->body);
    arena_defer(&c->arena, decref, facts);
    root = evaluate(t, facts, &c->arena);
    if (!root)
        return call_fail(c, ERR_INTERNAL, NULL);
    if (inputs_check(s->blueprint, t, facts, c->body, root, &c->err) && root->passed)
        return move_write(c, t, root);
    if (c->err.code == ERR_NONE)
        err_set(&c->err, ERR_GUARD, "\"%s\" still needs what \"failures\" lists", key);
    return process_refuse(c, r, key, root->passed ? NULL : process_failures(c, root));
}

static enum step move_check(struct call *c)
{
    const char *outcome;

    if (c->err.code != ERR_NONE)
        return STEP_FAIL;
    outcome = result_get(call_result(c, 0), 0, "outcome");
    if (outcome && strcmp(outcome, "applied") == 0)
        return STEP_NEXT;
    if (outcome && strcmp(outcome, "gone") == 0)
        return call_fail(c, ERR_NOT_FOUND, "the record is gone");
    /* somebody was faster: decide again on what is there now */
    if (call_restart(c))
        return STEP_NEXT;
    return call_fail(c, ERR_STALE, "the record keeps changing; try again");
}

step_fn *const record_transition_steps[] = {
    move_ask_facts, process_blueprint, process_ready, move_decide, move_check, reply_row, NULL,
};
