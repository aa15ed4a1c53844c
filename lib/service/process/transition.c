/* transition - which moves are there, what each still needs, and executing one.
 *
 * Read facts, decide here, write with the version and evidence that the decision saw. A write that
 * finds anything changed fails as a whole, and the engine starts again: the decision is made on
 * what is there now.
 */
#include <stdlib.h>
#include <string.h>

#include "asks.gen.h"
#include "call/reply.h"
#include "service/process/move.h"
#include "json/out.h"

/* GET /v1/leads/{id}/transitions */

static enum step list_ask_facts(struct call *c)
{
    const struct record *r = record_of(c);
    enum step rc = process_ask(c, r, r->may_read);

    if (rc == STEP_WAIT)
        process_of(c)->reads_named = true;
    return rc;
}

static void write_blueprint(struct out *o, const struct blueprint *b)
{
    out_key(o, "blueprint");
    if (b->id[0] == '\0') {
        out_null(o);
        return;
    }
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
    if (s->state)
        state_write(o, blueprint_state(s->blueprint, s->state), c->language);
    else
        out_null(o);
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

/* What the steps share; first, the process. */
struct asked {
    struct process process;
    struct move move;
};

static enum step request_ask(struct call *c)
{
    const struct record *r = record_of(c);
    struct asked *q = call_alloc(c, sizeof(*q));
    struct uuid id;

    if (!q || !call_path_uuid(c, "id", &id))
        return STEP_FAIL;
    q->process.reads_named = true;
    return process_ask_of(c, &q->process, r, id, r->may_write);
}

/* Others must agree first: what was asked for is kept with the question. */
static enum step request_approval(struct call *c, struct asked *q)
{
    struct uuid id = call_new_id(c);

    move_request(c, &q->move, id);
    approval_ask(c, id);
    return STEP_WAIT;
}

static enum step request_decide(struct call *c)
{
    const struct record *r = record_of(c);
    struct asked *q = c->state;
    struct move *m = &q->move;

    m->key = call_path(c, "key");
    m->body = c->body;
    m->force = move_force(c->body);
    call_forget(c);
    if (!process_is_current(c) || !move_decide(c, m))
        return process_refuse(c, r, m->key, m->failures);
    if (m->asks)
        return request_approval(c, q);
    move_write(c, m);
    process_forget(&q->process);
    record_ask_get(c, r, &q->process.id, r->may_write);
    return STEP_WAIT;
}

static enum step reply_approval(struct call *c)
{
    const struct result *r = call_result(c, 1);
    struct out *o;

    if (result_rows(r) == 0)
        return call_fail(c, ERR_INTERNAL, NULL);
    o = reply_json(c, 202);
    reply_write_row(o, r, 0, NULL);
    reply_header(c, "Location",
                 arena_printf(&c->arena, "/v1/approvals/%s", result_get(r, 0, "id")));
    return STEP_REPLY;
}

static enum step request_check(struct call *c)
{
    const struct asked *q = c->state;
    const char *outcome;

    if (c->err.code != ERR_NONE)
        return STEP_FAIL;
    outcome = result_get(call_result(c, 0), 0, "outcome");
    if (outcome && strcmp(outcome, q->move.asks ? "requested" : "applied") == 0)
        return q->move.asks ? reply_approval(c) : STEP_NEXT;
    /* somebody was faster: decide again on what is there now */
    if (call_restart(c))
        return STEP_NEXT;
    return call_fail(c, ERR_STALE, "the record keeps changing; try again");
}

step_fn *const record_transition_steps[] = {
    request_ask, process_blueprint, process_ready, request_decide, request_check, reply_row, NULL,
};
