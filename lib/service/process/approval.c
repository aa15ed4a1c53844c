/* approval - transitions that wait for others to agree.
 *
 * A vote that decides nothing is one ask. The last one is a decision: the move is decided anew, on
 * what is there now and as who asked for it, and written together with the vote; or the approval
 * ends with the reason why it is not possible any more.
 */
#include <stdlib.h>
#include <string.h>

#include "asks.gen.h"
#include "call/pgarray.h"
#include "call/principal.h"
#include "call/reply.h"
#include "service/process/move.h"

/* GET /v1/approvals, /v1/approvals/{id} */

static enum step list_ask_page(struct call *c)
{
    const char *const fixed[] = {uuid_text(c, &c->who->id)};

    return list_ask(c, &list_approval_list, fixed);
}

const struct operation approval_list = {
    .steps = (step_fn *const[]){list_ask_page, list_reply, NULL},
};

/* Whoever may break the glass sees what others asked for. */
void approval_ask(struct call *c, struct uuid id)
{
    ask_approval_get(c, (struct q_approval_get){
                            .id = id,
                            .viewer = c->who->id,
                            .any = c->who->scope[PERMISSION_TRANSITION_FORCE] == SCOPE_ALL,
                        });
}

static enum step get_ask(struct call *c)
{
    struct uuid id;

    if (!call_path_uuid(c, "id", &id))
        return STEP_FAIL;
    approval_ask(c, id);
    return STEP_WAIT;
}

const struct operation approval_get = {.steps = (step_fn *const[]){get_ask, reply_row, NULL}};

/* POST /v1/approvals/{id}/approve, /reject */

struct vote {
    struct process process; /* first: c->state is both */
    struct move move;
    struct principal requester;
    struct uuid id;
    int64_t votes;
    bool last; /* it carries the move out */
};

static enum step vote_load(struct call *c)
{
    struct vote *v = call_alloc(c, sizeof(*v));

    if (!v || !call_path_uuid(c, "id", &v->id))
        return STEP_FAIL;
    c->state = v;
    ask_approval_load(c, (struct q_approval_load){.id = v->id, .viewer = c->who->id});
    return STEP_WAIT;
}

static bool check_asked(struct call *c, const struct result *r)
{
    const char *status = result_get(r, 0, "status"), *asked = result_get(r, 0, "requested_by");
    const char *may = result_get(r, 0, "may"), *own = uuid_text(c, &c->who->id);

    if (strcmp(status, "pending") != 0)
        return err_set(&c->err, ERR_CONFLICT, "The approval is not pending any more: %s.", status);
    if (may && *may == 't')
        return true;
    if (own && strcmp(own, asked) == 0)
        return err_set(&c->err, ERR_NOT_ACTOR, "Who asked for approval does not give it.");
    return err_set(&c->err, ERR_CONFLICT, "You have voted already.");
}

/* Who asked, as a caller: the move is decided with their rights. */
static bool load_requester(struct call *c, struct vote *v, const struct result *r)
{
    struct principal *p = &v->requester;
    const char *const *granted;

    p->kind = strcmp(result_get(r, 0, "requested_kind"), "user") == 0 ? ACTOR_USER : ACTOR_API_KEY;
    p->name = "";
    p->language = c->language;
    p->roles = pgarray_strings(&c->arena, result_get(r, 0, "roles"));
    p->teams = pgarray_strings(&c->arena, result_get(r, 0, "teams"));
    granted = pgarray_strings(&c->arena, result_get(r, 0, "permissions"));
    if (!p->roles || !p->teams || !granted ||
        !uuid_parse(span_of(result_get(r, 0, "requested_by")), &p->id))
        return false;
    while (*granted)
        principal_grant(p, *granted++);
    return true;
}

static json_t *votes_json(struct call *c, const struct result *r)
{
    const char *const *voters = pgarray_strings(&c->arena, result_get(r, 0, "voters"));
    json_t *by = json_array();

    for (; voters && *voters; voters++)
        json_array_append_new(by, json_string(*voters));
    json_array_append_new(by, json_string(uuid_text(c, &c->who->id)));
    return json_pack("{s:s, s:s, s:o}", "id", call_path(c, "id"), "requested_by",
                     result_get(r, 0, "requested_by"), "approved_by", by);
}

static enum step ask_facts(struct call *c, struct vote *v, const struct result *r)
{
    const struct record *record = record_governed(result_get(r, 0, "entity"));
    const struct principal *approver = c->who;
    struct uuid id;
    enum step rc;

    v->move.key = arena_strdup(&c->arena, result_get(r, 0, "transition"));
    v->move.body = json_loads(result_get(r, 0, "body"), JSON_REJECT_DUPLICATES, NULL);
    keep_json(c, v->move.body);
    v->move.approval = votes_json(c, r);
    keep_json(c, v->move.approval);
    if (!record || !load_requester(c, v, r) ||
        !uuid_parse(span_of(result_get(r, 0, "record_id")), &id))
        return call_fail(c, ERR_INTERNAL, NULL);
    c->who = &v->requester; /* the facts show the one who asked as the actor */
    rc = process_ask_of(c, &v->process, record, id, record->may_write);
    c->who = approver;
    return rc;
}

static const char *note_of(struct call *c)
{
    return c->body ? call_body_text(c, "note") : NULL;
}

static void ask_again(struct call *c, const struct vote *v)
{
    approval_ask(c, v->id);
}

static enum step vote_take(struct call *c, bool approve)
{
    const struct result *r = call_result(c, 0);
    struct vote *v = c->state;

    if (result_rows(r) == 0)
        return call_fail(c, ERR_NOT_FOUND, "no such approval, or it is not yours to see");
    if (!check_asked(c, r))
        return STEP_FAIL;
    v->votes = strtoll(result_get(r, 0, "votes"), NULL, 10);
    v->last = approve && v->votes + 1 >= strtoll(result_get(r, 0, "needed"), NULL, 10);
    if (v->last)
        return ask_facts(c, v, r);
    ask_approval_vote(
        c, (struct q_approval_vote){
               .id = v->id, .expected_votes = v->votes, .approve = approve, .note = note_of(c)});
    ask_again(c, v);
    return STEP_WAIT;
}

static enum step approve_take(struct call *c)
{
    return vote_take(c, true);
}

static enum step reject_take(struct call *c)
{
    return vote_take(c, false);
}

static enum step vote_fail(struct call *c, const struct vote *v)
{
    ask_approval_fail(c, (struct q_approval_fail){
                             .id = v->id,
                             .expected_votes = v->votes,
                             .note = note_of(c),
                             .code = err_slug(c->err.code),
                             .detail = c->err.detail,
                             .failures = v->move.failures,
                         });
    err_init(&c->err, &c->arena);
    ask_again(c, v);
    return STEP_WAIT;
}

static enum step vote_blueprint(struct call *c)
{
    struct vote *v = c->state;

    if (!v->last)
        return STEP_NEXT;
    if (result_rows(call_result(c, 0)) > 0)
        return process_blueprint(c);
    v->last = false; /* nothing is to be carried out */
    err_set(&c->err, ERR_FORBIDDEN, "Who asked may not write the record any more.");
    return vote_fail(c, v);
}

static enum step vote_ready(struct call *c)
{
    return ((struct vote *)c->state)->last ? process_ready(c) : STEP_NEXT;
}

static enum step vote_decide(struct call *c)
{
    struct vote *v = c->state;
    const struct process *s = &v->process;
    struct move *m = &v->move;

    if (!v->last)
        return STEP_NEXT;
    if (!move_decide(c, m))
        return c->err.code == ERR_INTERNAL ? STEP_FAIL : vote_fail(c, v);
    move_announce(c, m);
    ask_approval_complete(c, (struct q_approval_complete){
                                 .id = v->id,
                                 .expected_votes = v->votes,
                                 .vote_note = note_of(c),
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
    ask_again(c, v);
    return STEP_WAIT;
}

static enum step vote_check(struct call *c)
{
    const char *outcome = result_get(call_result(c, 0), 0, "outcome");

    if (outcome && (strcmp(outcome, "voted") == 0 || strcmp(outcome, "applied") == 0 ||
                    strcmp(outcome, "failed") == 0))
        return STEP_NEXT;
    if (outcome && strcmp(outcome, "gone") == 0)
        return call_fail(c, ERR_NOT_FOUND, "the record is gone");
    /* somebody was faster: look again */
    if (call_restart(c))
        return STEP_NEXT;
    return call_fail(c, ERR_STALE, "the record keeps changing; try again");
}

const struct operation approval_approve = {
    .steps = (step_fn *const[]){vote_load, approve_take, vote_blueprint, vote_ready, vote_decide,
                                vote_check, reply_row, NULL},
};
const struct operation approval_reject = {
    .steps = (step_fn *const[]){vote_load, reject_take, vote_blueprint, vote_ready, vote_decide,
                                vote_check, reply_row, NULL},
};

/* POST /v1/approvals/{id}/withdraw */

static enum step withdraw_ask(struct call *c)
{
    struct uuid id;

    if (!call_path_uuid(c, "id", &id))
        return STEP_FAIL;
    ask_approval_withdraw(c, (struct q_approval_withdraw){
                                 .id = id,
                                 .any = c->who->scope[PERMISSION_TRANSITION_FORCE] == SCOPE_ALL,
                                 .reason = call_body_text(c, "reason"),
                             });
    approval_ask(c, id);
    return STEP_WAIT;
}

static enum step withdraw_check(struct call *c)
{
    const char *outcome = result_get(call_result(c, 0), 0, "outcome");

    if (outcome && strcmp(outcome, "withdrawn") == 0)
        return STEP_NEXT;
    if (outcome && strcmp(outcome, "closed") == 0)
        return call_fail(c, ERR_CONFLICT, "The approval is not pending any more.");
    if (outcome && strcmp(outcome, "others") == 0)
        return call_fail(c, ERR_NOT_ACTOR, "Only who asked for approval takes that back.");
    return call_fail(c, ERR_NOT_FOUND, "no such approval, or it is not yours to see");
}

const struct operation approval_withdraw = {
    .steps = (step_fn *const[]){withdraw_ask, withdraw_check, reply_row, NULL},
};
