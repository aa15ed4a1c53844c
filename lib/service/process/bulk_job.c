/* bulk_job - the items of a bulk in the background, one a slice, with the rights of who asked.
 *
 * What an item did and that it is done are one transaction: a daemon that dies in between leaves
 * the item to the next one.
 */
#include <stdlib.h>
#include <string.h>

#include "asks.gen.h"
#include "call/pgarray.h"
#include "call/principal.h"
#include "service/process/bulk.h"
#include "service/record/jobs.h"

struct item {
    struct process process; /* first: c->state is this while the record's process is asked */
    struct move move;
    struct principal who;
    int64_t position;
    bool missing;
};

static enum step bulk_ask(struct call *c)
{
    ask_bulk_next(c, (struct q_bulk_next){.job = work_of(c)->id});
    return STEP_WAIT;
}

static bool load_who(struct call *c, struct principal *p, const struct result *r)
{
    const char *const *granted;

    p->kind = strcmp(result_get(r, 0, "actor"), "user") == 0 ? ACTOR_USER : ACTOR_API_KEY;
    p->name = "";
    p->language = "en";
    p->roles = pgarray_strings(&c->arena, result_get(r, 0, "roles"));
    p->teams = pgarray_strings(&c->arena, result_get(r, 0, "teams"));
    granted = pgarray_strings(&c->arena, result_get(r, 0, "permissions"));
    if (!p->roles || !p->teams || !granted ||
        !uuid_parse(span_of(result_get(r, 0, "created_by")), &p->id))
        return false;
    while (*granted)
        principal_grant(p, *granted++);
    return true;
}

static enum step bulk_facts(struct call *c, struct work *w, const struct result *r)
{
    const struct record *record = record_governed(result_get(r, 0, "entity"));
    struct item *i = call_alloc(c, sizeof(*i));
    struct uuid id;
    enum step rc;

    if (!i || !record || !load_who(c, &i->who, r) ||
        !uuid_parse(span_of(result_get(r, 0, "record_id")), &id))
        return call_fail(c, ERR_INTERNAL, NULL);
    w->own = i;
    i->position = strtoll(result_get(r, 0, "position"), NULL, 10);
    i->move.key = arena_strdup(&c->arena, result_get(r, 0, "transition"));
    i->move.body =
        bulk_body(read_json(c, result_get(r, 0, "body")), read_json(c, result_get(r, 0, "own")));
    keep_json(c, i->move.body);
    c->who = &i->who;
    rc = process_ask_of(c, &i->process, record, id, record->may_write);
    c->state = w;
    return rc;
}

static enum step bulk_page(struct call *c)
{
    const struct result *r = call_result(c, 0);
    struct work *w = work_of(c);
    const char *alive;

    if (result_rows(r) == 0) {
        ask_bulk_tally(c, (struct q_bulk_tally){.job = w->id});
        return STEP_WAIT;
    }
    alive = result_get(r, 0, "alive");
    if (!alive || *alive != 't') {
        w->error = "who asked for it may not sign in any more";
        return STEP_NEXT;
    }
    return bulk_facts(c, w, r);
}

static json_t *tally_of(const struct result *r)
{
    json_int_t done = strtoll(result_get(r, 0, "done"), NULL, 10);
    json_int_t requested = strtoll(result_get(r, 0, "requested"), NULL, 10);
    json_t *tally = json_pack("{s:I, s:I}", "moved", done - requested, "refused",
                              (json_int_t)strtoll(result_get(r, 0, "failed"), NULL, 10));

    if (requested > 0)
        json_object_set_new(tally, "requested", json_integer(requested));
    return tally;
}

static enum step bulk_evaluate(struct call *c)
{
    struct work *w = work_of(c);
    struct item *i = w->own;
    const struct result *r = call_result(c, 0);
    enum step rc;

    if (!i) {
        w->over = true;
        w->done = strtoll(result_get(r, 0, "total"), NULL, 10);
        w->result = tally_of(r);
        return STEP_NEXT;
    }
    if (result_rows(r) == 0) {
        i->missing = true;
        return STEP_NEXT;
    }
    c->state = i;
    rc = process_blueprint(c);
    c->state = w;
    return rc;
}

static void item_refuse(struct call *c, const struct work *w, const struct item *i)
{
    const char *code = err_slug(c->err.code);

    ask_bulk_refuse(c, (struct q_bulk_refuse){
                           .job = w->id,
                           .position = i->position,
                           .entity = i->process.record->entity,
                           .record_id = i->process.id,
                           .transition = i->move.key,
                           .from_state = i->missing ? NULL : i->process.state,
                           .code = code,
                           .failures = i->move.failures,
                           .verdict = bulk_refusal(c, NULL),
                       });
}

static void item_apply(struct call *c, const struct work *w, const struct item *i)
{
    const struct process *s = &i->process;
    const struct move *m = &i->move;

    move_announce(c, m);
    ask_bulk_apply(c, (struct q_bulk_apply){
                          .job = w->id,
                          .position = i->position,
                          .entity = s->record->entity,
                          .record_id = s->id,
                          .expected_version = strtoll(s->version, NULL, 10),
                          .from_state = s->state,
                          .transition = m->transition->key,
                          .fields = move_part(c, m, "fields"),
                          .activities = move_part(c, m, "activities"),
                          .tasks = move_part(c, m, "tasks"),
                          .note = json_string_value(json_object_get(m->body, "note")),
                          .verdicts = process_verdict(c, m->root),
                          .evidence = s->evidence,
                          .ids = move_ids(c, m),
                          .checklist = move_part(c, m, "checklist"),
                          .more = move_more(c, m),
                      });
}

static void item_request(struct call *c, const struct work *w, const struct item *i)
{
    const struct process *s = &i->process;

    ask_bulk_request(c, (struct q_bulk_request){
                            .job = w->id,
                            .position = i->position,
                            .id = uuid_v7(),
                            .entity = s->record->entity,
                            .record_id = s->id,
                            .expected_version = strtoll(s->version, NULL, 10),
                            .from_state = s->state,
                            .transition = i->move.key,
                            .body = call_json(c, i->move.body),
                        });
}

/* Not settled (the record changed meanwhile): the item is still waiting, and comes next again. */
static enum step bulk_conclude(struct call *c)
{
    struct work *w = work_of(c);
    struct item *i = w->own;
    enum step rc;

    if (!i)
        return STEP_NEXT;
    c->state = i;
    if (i->missing) {
        err_set(&c->err, ERR_NOT_FOUND, "no such record, or it is not yours to see");
        item_refuse(c, w, i);
        return STEP_WAIT;
    }
    rc = process_ready(c);
    if (rc != STEP_NEXT)
        return rc;
    if (bulk_decide(c, &i->move) && i->move.asks)
        item_request(c, w, i);
    else if (c->err.code == ERR_NONE)
        item_apply(c, w, i);
    else if (c->err.code == ERR_INTERNAL)
        return STEP_FAIL;
    else
        item_refuse(c, w, i);
    return STEP_WAIT;
}

const struct job_kind job_bulk = {"bulk", bulk_ask, bulk_page, bulk_evaluate, bulk_conclude};
