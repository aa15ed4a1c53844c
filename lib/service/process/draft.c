/* draft - the half-filled form of a transition: private to who fills it in, and in nobody's way. */
#include "asks.gen.h"
#include "call/reply.h"
#include "service/process/process.h"

static enum step ask_facts(struct call *c)
{
    const struct record *r = record_of(c);

    return process_ask(c, r, r->may_write);
}

static const struct transition *find(struct call *c)
{
    const char *key = call_path(c, "key");
    const struct transition *t = blueprint_transition(process_of(c)->blueprint, key);

    if (!t || t->kind == TRANSITION_INITIAL) {
        err_set(&c->err, ERR_NOT_FOUND, "the process of this record has no transition \"%s\"", key);
        return NULL;
    }
    return t;
}

static void ask_draft(struct call *c)
{
    ask_draft_get(c, (struct q_draft_get){.principal = c->who->id,
                                          .record_id = process_of(c)->id,
                                          .transition = call_path(c, "key")});
}

static void write_missing(struct call *c, struct out *o, const struct transition *t,
                          const json_t *body)
{
    const struct input **missing = call_alloc(c, (t->ninputs + 1) * sizeof(struct input *));
    unsigned percent;
    size_t n = 0;

    if (!missing)
        return;
    percent = inputs_progress(t, process_of(c)->facts, body, missing, &n);
    out_key(o, "complete");
    out_int(o, percent);
    out_key(o, "missing");
    out_array(o);
    for (size_t i = 0; i < n; i++) {
        out_object(o);
        out_member(o, "key", missing[i]->key);
        out_member(o, "label", label_in(&missing[i]->label, c->language));
        out_member(o, "pointer", missing[i]->pointer);
        out_object_end(o);
    }
    out_array_end(o);
}

static enum step reply_draft(struct call *c, const struct result *r)
{
    const struct transition *t = find(c);
    const char *text = result_get(r, 0, "body");
    json_t *body = text ? json_loads(text, 0, NULL) : NULL;
    struct out *o;

    if (!t)
        return STEP_FAIL;
    if (!body)
        return call_fail(c, ERR_NOT_FOUND, "you have begun no form for this transition");
    keep_json(c, body);
    o = reply_json(c, c->route->success);
    out_object(o);
    out_member(o, "record_id", uuid_text(c, &process_of(c)->id));
    out_member(o, "transition", t->key);
    out_member_raw(o, "body", text);
    write_missing(c, o, t, body);
    out_member(o, "saved_at", result_get(r, 0, "saved_at"));
    out_member(o, "expires_at", result_get(r, 0, "expires_at"));
    out_object_end(o);
    return STEP_REPLY;
}

/* GET /v1/leads/{id}/transitions/{key}/draft */

static enum step get_ask(struct call *c)
{
    if (!find(c))
        return STEP_FAIL;
    ask_draft(c);
    return STEP_WAIT;
}

static enum step get_reply(struct call *c)
{
    return reply_draft(c, call_result(c, 0));
}

step_fn *const record_draft_get_steps[] = {
    ask_facts, process_blueprint, process_ready, get_ask, get_reply, NULL,
};

/* PUT */

static enum step put_ask(struct call *c)
{
    if (!find(c))
        return STEP_FAIL;
    ask_draft_put(c, (struct q_draft_put){.entity = record_of(c)->entity,
                                          .record_id = process_of(c)->id,
                                          .transition = call_path(c, "key"),
                                          .body = c->body ? call_json(c, c->body) : "{}"});
    ask_draft(c);
    return STEP_WAIT;
}

static enum step put_reply(struct call *c)
{
    return reply_draft(c, call_result(c, 1));
}

step_fn *const record_draft_put_steps[] = {
    ask_facts, process_blueprint, process_ready, put_ask, put_reply, NULL,
};

/* DELETE: gone is gone, whether it was there or not */

static enum step delete_ask(struct call *c)
{
    if (!find(c))
        return STEP_FAIL;
    ask_draft_delete(c, (struct q_draft_delete){.principal = c->who->id,
                                                .record_id = process_of(c)->id,
                                                .transition = call_path(c, "key")});
    return STEP_WAIT;
}

step_fn *const record_draft_delete_steps[] = {
    ask_facts, process_blueprint, process_ready, delete_ask, reply_empty, NULL,
};
