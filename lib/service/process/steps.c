/* steps - which there are in the present stay, completing one, and opening it again.
 *
 * Decided like a transition: facts are read, the decision is made here, and the write carries the
 * version and the evidence that it saw. What is answered is read in the transaction of the write.
 */
#include "service/process/steps.h"

#include <stdlib.h>
#include <string.h>

#include "asks.gen.h"
#include "base/buf.h"
#include "call/principal.h"
#include "call/reply.h"
#include "service/process/move.h"
#include "json/out.h"

#define WHO_MAX 2000

static const struct state *state_of(const struct process *s)
{
    return s->state ? blueprint_state(s->blueprint, s->state) : NULL;
}

static const char *step_address(struct call *c)
{
    const struct process *s = process_of(c);

    return steps_address(s->blueprint, s->facts, &c->arena);
}

static struct uuid viewer_of(const struct call *c)
{
    struct uuid none = {{0}};

    return c->who->kind == ACTOR_USER ? c->who->id : none;
}

/* writing */

static void write_text(struct out *o, const char *key, const char *text)
{
    out_key(o, key);
    out_string(o, text);
}

static void write_done(struct out *o, const json_t *done)
{
    static const char *const members[][2] = {
        {"done_at", "at"}, {"done_by", "by"}, {"done_by_name", "name"}, {"note", "note"}};

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        write_text(o, members[i][0], json_string_value(json_object_get(done, members[i][1])));
}

static const char *why_not(const json_t *done, bool allowed, bool may)
{
    if (done)
        return "done";
    if (!may)
        return "forbidden";
    return allowed ? NULL : "not_transition_owner";
}

static void write_item(struct call *c, struct out *o, const struct state_step *step)
{
    const struct process *s = process_of(c);
    const json_t *done = step_done(s->facts, step->work.key);
    bool allowed = evaluate_actor(&step->work, s->facts);
    const char *why = why_not(done, allowed, principal_may(c->who, s->record->may_write));

    out_object(o);
    out_member(o, "key", step->work.key);
    out_member(o, "label", label_in(&step->work.label, c->language));
    out_key(o, "required");
    out_bool(o, step->required);
    out_member(o, "status", done ? "done" : "open");
    out_key(o, "available");
    out_bool(o, why == NULL);
    write_text(o, "why", why);
    write_done(o, done);
    actors_write(o, step->work.actors, step->work.nactors);
    out_key(o, "inputs");
    inputs_write(o, s->blueprint, &step->work, json_object_get(s->facts, "custom_fields"),
                 c->language);
    out_object_end(o);
}

static enum step reply_steps(struct call *c)
{
    const struct process *s = process_of(c);
    const struct state *state = state_of(s);
    struct out *o;

    reply_header(c, "ETag", arena_printf(&c->arena, "\"%s\"", s->version));
    if (reply_is_minimal(c))
        return reply_empty(c);
    o = reply_json(c, 200);
    out_object(o);
    out_member_raw(o, "version", s->version);
    out_key(o, "state");
    if (state)
        state_write(o, state, c->language);
    else
        out_null(o);
    out_key(o, "items");
    out_array(o);
    for (size_t i = 0; state && i < state->nsteps; i++)
        write_item(c, o, &state->steps[i]);
    out_array_end(o);
    out_object_end(o);
    return STEP_REPLY;
}

void steps_write_refusal(struct call *c, struct out *o)
{
    const struct process *s = process_of(c);
    const struct state *state = state_of(s);
    const struct state_step *step = step_find(state, s->step);
    const json_t *done = step ? step_done(s->facts, s->step) : NULL;
    const struct state_step *open[BLUEPRINT_STEPS_MAX];
    size_t n = 0;

    for (size_t i = 0; state && i < state->nsteps; i++)
        if (!step_done(s->facts, state->steps[i].work.key))
            open[n++] = &state->steps[i];
    out_key(o, "steps");
    steps_write_open(o, open, n, step_address(c), c->language);
    if (step && c->err.code == ERR_NOT_ACTOR)
        actors_write(o, step->work.actors, step->work.nactors);
    if (!done)
        return;
    out_key(o, "done");
    out_object(o);
    write_done(o, done);
    out_object_end(o);
}

/* GET /v1/leads/{id}/steps */

static enum step list_ask_facts(struct call *c)
{
    const struct record *r = record_of(c);

    return process_ask(c, r, r->may_read);
}

step_fn *const record_steps_steps[] = {
    list_ask_facts, process_blueprint, process_ready, reply_steps, NULL,
};

/* POST and DELETE /v1/leads/{id}/steps/{key} */

static enum step ask_facts(struct call *c)
{
    const struct record *r = record_of(c);
    enum step next = process_ask(c, r, r->may_write);

    if (next == STEP_WAIT)
        process_of(c)->step = call_path(c, "key");
    return next;
}

/* "role legal, team 0190..." */
static const char *who_may(struct call *c, const struct transition *t)
{
    static const char *const kinds[] = {"role", "team", "user", "whoever stands in"};
    const char *text;
    struct buf b;

    buf_init(&b, WHO_MAX);
    for (size_t i = 0; i < t->nactors; i++)
        buf_printf(&b, "%s%s %s", i > 0 ? ", " : "", kinds[t->actors[i].kind], t->actors[i].value);
    text = b.failed ? "others" : arena_strdup(&c->arena, buf_text(&b));
    buf_done(&b);
    return text;
}

static bool refuse_done(struct call *c, const json_t *done)
{
    const char *name = json_string_value(json_object_get(done, "name"));

    return err_set(&c->err, ERR_STEP_DONE, "\"%s\" was done by %s at %s", process_of(c)->step,
                   name ? name : "a move", json_string_value(json_object_get(done, "at")));
}

static const struct state_step *find_step(struct call *c)
{
    const struct process *s = process_of(c);
    const struct state_step *step = step_find(state_of(s), s->step);

    if (!step)
        err_set(&c->err, ERR_NO_STEP,
                "\"%s\" has no step \"%s\"; \"steps\" lists those that are open",
                s->state ? s->state : "no state", s->step);
    return step;
}

static bool decide(struct call *c, const struct state_step *step)
{
    const struct process *s = process_of(c);
    const json_t *done;
    json_t *facts;

    if (!step)
        return false;
    done = step_done(s->facts, s->step);
    if (done)
        return refuse_done(c, done);
    if (!evaluate_actor(&step->work, s->facts))
        return err_set(&c->err, ERR_NOT_ACTOR, "\"%s\" belongs to others: %s", s->step,
                       who_may(c, &step->work));
    facts = facts_with_inputs(s->facts, c->body);
    keep_json(c, facts);
    return inputs_check(s->blueprint, &step->work, facts, c->body, NULL, &c->err);
}

static void ask_again(struct call *c)
{
    struct process *s = process_of(c);

    process_ask_of(c, s, s->record, s->id, s->record->may_write);
}

static enum step done_write(struct call *c)
{
    const struct process *s = process_of(c);
    const struct record *r = s->record;
    const struct state_step *step;
    struct move m = {.key = s->step, .body = c->body};

    if (!process_is_current(c))
        return process_refuse(c, r, s->step, NULL);
    step = find_step(c);
    if (!decide(c, step))
        return process_refuse(c, r, s->step, NULL);
    m.transition = &step->work;
    move_links(c, &m);
    ask_step_apply(c, (struct q_step_apply){
                          .entity = r->entity,
                          .record_id = s->id,
                          .expected_version = strtoll(s->version, NULL, 10),
                          .from_state = s->state,
                          .step = s->step,
                          .fields = move_part(c, &m, "fields"),
                          .activities = move_part(c, &m, "activities"),
                          .tasks = move_part(c, &m, "tasks"),
                          .note = json_string_value(json_object_get(c->body, "note")),
                          .evidence = s->evidence,
                          .viewer = viewer_of(c),
                          .scope = call_scope(c, r->may_write),
                          .ids = move_ids(c, &m),
                          .checklist = move_part(c, &m, "checklist"),
                          .more = process_more(c, m.transition, c->body, NULL),
                      });
    ask_again(c);
    return STEP_WAIT;
}

/* Only who did it takes it back; whoever else it belongs to would undo others' work. */
static bool decide_open(struct call *c, const struct state_step *step)
{
    const struct process *s = process_of(c);
    const char *actor = uuid_text(c, &c->who->id), *by;
    const json_t *done;

    if (!step)
        return false;
    done = step_done(s->facts, s->step);
    if (!done)
        return err_set(&c->err, ERR_CONFLICT, "\"%s\" is not done", s->step);
    by = json_string_value(json_object_get(done, "by"));
    if (by && actor && strcmp(by, actor) == 0)
        return true;
    by = json_string_value(json_object_get(done, "name"));
    return err_set(&c->err, ERR_NOT_ACTOR, "\"%s\" was done by %s, who may open it again", s->step,
                   by ? by : "a move");
}

static enum step open_write(struct call *c)
{
    const struct process *s = process_of(c);
    const struct record *r = s->record;

    if (!process_is_current(c) || !decide_open(c, find_step(c)))
        return process_refuse(c, r, s->step, NULL);
    ask_step_reopen(c, (struct q_step_reopen){
                           .entity = r->entity,
                           .record_id = s->id,
                           .expected_version = strtoll(s->version, NULL, 10),
                           .from_state = s->state,
                           .step = s->step,
                           .evidence = s->evidence,
                           .viewer = viewer_of(c),
                           .scope = call_scope(c, r->may_write),
                       });
    ask_again(c);
    return STEP_WAIT;
}

/* What the step changed may take the record out of the caller's sight: then there is nothing to
 * show. */
static enum step reply_written(struct call *c)
{
    const struct result *facts;

    if (c->err.code != ERR_NONE)
        return STEP_FAIL;
    facts = call_result(c, 1);
    if (result_rows(facts) == 0)
        return reply_empty(c);
    if (!process_read(c, facts))
        return STEP_FAIL;
    return reply_steps(c);
}

step_fn *const record_step_done_steps[] = {
    ask_facts, process_blueprint, process_ready, done_write, reply_written, NULL,
};

step_fn *const record_step_open_steps[] = {
    ask_facts, process_blueprint, process_ready, open_write, reply_written, NULL,
};
