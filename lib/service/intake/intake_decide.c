/* intake_decide - what was held becomes a lead after all, or does not: its sender confirms it, or
 * somebody releases or rejects it. It goes the way that every submission goes: birth, duplicates,
 * the same function of the database.
 *
 * The link in a mail is followed by programs too (scanners, previews). Following it changes
 * nothing: it shows a page with a button.
 */
#include <string.h>

#include "asks.gen.h"
#include "base/clock.h"
#include "call/reply.h"
#include "crypto/ticket.h"
#include "service/intake/intake.h"
#include "service/record/links.h"
#include "service/record/match.h"

static struct uuid viewer(const struct call *c)
{
    return c->who->kind == ACTOR_USER ? c->who->id : (struct uuid){{0}};
}

static bool ticket_of(struct call *c, struct ticket *ret)
{
    const char *token = call_param_text(c, "token");

    switch (ticket_read(&c->arena, c->env->cursor_key, span_of(token), TICKET_CONFIRM,
                        clock_wall_s(), ret)) {
    case TICKET_OK: return true;
    case TICKET_EXPIRED:
        return err_set(&c->err, ERR_TOKEN_EXPIRED, "The link is too old; fill in the form again.");
    case TICKET_FORGED: break;
    }
    return err_set(&c->err, ERR_BAD_TOKEN, "This is no link of ours.");
}

static enum step refuse(struct call *c)
{
    return intake_page(c, err_status(c->err.code), err_title(c->err.code), c->err.detail, NULL);
}

/* GET /v1/intake/{form}/confirm */

static enum step show_button(struct call *c)
{
    struct ticket t;

    if (!ticket_of(c, &t))
        return refuse(c);
    return intake_page(c, 200, "One more step", "Please confirm that you sent this form.",
                       "Confirm");
}

const struct operation intake_confirm_page = {.steps = (step_fn *const[]){show_button, NULL}};

/* Reads what is held and what its birth needs. */
static void ask_waiting(struct call *c, struct uuid id, const char *form, enum permission p)
{
    ask_intake_waiting(c, (struct q_intake_waiting){
                              .id = id,
                              .form = form,
                              .viewer = viewer(c),
                              .scope = form ? "all" : call_scope(c, p),
                          });
    birth_ask(c, &record_lead);
}

static struct intake *take_waiting(struct call *c, const struct uuid *id)
{
    const struct result *r = call_result(c, 0);
    struct intake *in;

    if (result_rows(r) == 0) {
        err_set(&c->err, ERR_NOT_FOUND, NULL);
        return NULL;
    }
    in = intake_of(c, r);
    if (!in)
        return NULL;
    in->submission = *id;
    in->lead = read_json(c, result_get(r, 0, "fields"));
    in->utm = read_json(c, result_get(r, 0, "utm"));
    in->extra = read_json(c, result_get(r, 0, "extra"));
    in->lead = in->lead ? in->lead : keep_json(c, json_object());
    in->utm = in->utm ? in->utm : keep_json(c, json_object());
    in->extra = in->extra ? in->extra : keep_json(c, json_object());
    in->judged = birth_is_judged(&in->birth, call_result(c, 1));
    c->state = in;
    return in;
}

/* POST /v1/intake/{form}/confirm */

static enum step confirm_find(struct call *c)
{
    struct ticket t;

    if (!ticket_of(c, &t))
        return c->request.media_type ? refuse(c) : STEP_FAIL;
    ask_waiting(c, t.about, call_path(c, "form"), PERMISSION_PUBLIC);
    return STEP_WAIT;
}

static enum step confirm_take(struct call *c)
{
    const struct result *r = call_result(c, 0);
    struct intake *in;
    struct ticket t;

    if (!ticket_of(c, &t))
        return STEP_FAIL;
    in = take_waiting(c, &t.about);
    if (!in)
        return STEP_FAIL;
    in->as_page = c->request.media_type != NULL;
    if (!intake_act_as(c, in, result_get(r, 0, "name")))
        return STEP_FAIL;
    return intake_ask_birth(c, in);
}

static enum step confirm_decide(struct call *c)
{
    return intake_decide_birth(c, c->state) ? STEP_NEXT : STEP_FAIL;
}

static enum step confirm_write(struct call *c)
{
    struct intake *in = c->state;
    const char *faults = intake_faults(c, in);
    bool guards = c->err.code == ERR_GUARD;

    in->lead_id = call_new_id(c);
    if (!faults) {
        birth_choose(c, &in->birth);
        (void)match_send_one(c, "lead", &in->lead_id, in->lead);
    }
    err_init(&c->err, &c->arena);
    in->accepted = ask_intake_confirm(c, (struct q_intake_confirm){
                                             .id = in->submission,
                                             .lead_id = in->lead_id,
                                             .faults = faults,
                                             .verdict = faults ? "held" : "take",
                                             .reason = !faults  ? NULL
                                                       : guards ? "guards"
                                                                : "actor",
                                         });
    return STEP_WAIT;
}

static enum step confirm_answer(struct call *c)
{
    struct intake *in = c->state;
    const struct result *r = call_result(c, in->accepted);
    struct out *o;

    if (in->as_page && in->redirect_url)
        return intake_redirect(c, in->redirect_url);
    if (in->as_page)
        return intake_page(c, 200, "Thank you", "You have confirmed it.", NULL);
    o = reply_json(c, 200);
    out_object(o);
    out_member(o, "submission_id", uuid_text(c, &in->submission));
    out_member(o, "outcome", "confirmed");
    out_member(o, "source", result_get(r, 0, "source"));
    out_member(o, "campaign", result_get(r, 0, "campaign"));
    out_object_end(o);
    return STEP_REPLY;
}

const struct operation intake_confirm = {
    .steps = (step_fn *const[]){confirm_find, confirm_take, confirm_decide, confirm_write,
                                confirm_answer, NULL},
};

/* POST /v1/intake-submissions/{id}/release: as whoever asks, so that actor rules can be met */

static void ask_submission(struct call *c, struct uuid id)
{
    ask_intake_submission_get(c, (struct q_intake_submission_get){
                                     .id = id,
                                     .viewer = viewer(c),
                                     .scope = call_scope(c, PERMISSION_INTAKE_REVIEW),
                                 });
}

static enum step release_find(struct call *c)
{
    struct uuid id;

    if (!call_path_uuid(c, "id", &id))
        return STEP_FAIL;
    ask_waiting(c, id, NULL, PERMISSION_INTAKE_REVIEW);
    return STEP_WAIT;
}

static enum step release_take(struct call *c)
{
    struct intake *in;
    struct uuid id;

    if (!call_path_uuid(c, "id", &id))
        return STEP_FAIL;
    in = take_waiting(c, &id);
    if (!in)
        return STEP_FAIL;
    if (call_body_text(c, "lead_id")) /* it joins one that is born already */
        in->judged = false;
    return intake_ask_birth(c, in);
}

static enum step release_write(struct call *c)
{
    struct intake *in = c->state;
    const char *into = call_body_text(c, "lead_id");
    struct uuid into_id = {{0}};

    if (!intake_decide_birth(c, in) || c->err.code != ERR_NONE)
        return STEP_FAIL;
    if (!links_ask(c, "lead", NULL, c->body, ""))
        return STEP_FAIL;
    if (into)
        (void)uuid_parse(span_of(into), &into_id);
    in->lead_id = call_new_id(c);
    if (!into) {
        birth_choose(c, &in->birth);
        if (!match_send_one(c, "lead", &in->lead_id, in->lead))
            return STEP_FAIL;
    }
    ask_intake_release(c, (struct q_intake_release){.id = in->submission,
                                                    .lead_id = in->lead_id,
                                                    .into = into_id,
                                                    .note = call_body_text(c, "note")});
    ask_submission(c, in->submission);
    return STEP_WAIT;
}

const struct operation intake_submission_release = {
    .steps = (step_fn *const[]){release_find, release_take, release_write, reply_row, NULL},
};

/* POST /v1/intake-submissions/{id}/reject */

static enum step reject_find(struct call *c)
{
    struct uuid id;

    if (!call_path_uuid(c, "id", &id))
        return STEP_FAIL;
    ask_submission(c, id);
    return STEP_WAIT;
}

static enum step reject_write(struct call *c)
{
    struct uuid id;

    if (!call_path_uuid(c, "id", &id))
        return STEP_FAIL;
    if (result_rows(call_result(c, 0)) == 0)
        return call_fail(c, ERR_NOT_FOUND, NULL);
    ask_intake_reject(c, (struct q_intake_reject){.id = id, .note = call_body_text(c, "note")});
    ask_submission(c, id);
    return STEP_WAIT;
}

const struct operation intake_submission_reject = {
    .steps = (step_fn *const[]){reject_find, reject_write, reply_row, NULL},
};

/* GET /v1/leads/{id}/touches: a lead has at least none, one that cannot be seen is not there */

static enum step touches_ask(struct call *c)
{
    struct uuid id;

    if (!call_path_uuid(c, "id", &id))
        return STEP_FAIL;
    record_ask_get(c, &record_lead, &id, PERMISSION_LEAD_READ);
    ask_lead_touch_list(c, (struct q_lead_touch_list){
                               .id = id,
                               .viewer = viewer(c),
                               .scope = call_scope(c, PERMISSION_LEAD_READ),
                           });
    return STEP_WAIT;
}

static enum step touches_reply(struct call *c)
{
    if (result_rows(call_result(c, 0)) == 0)
        return call_fail(c, ERR_NOT_FOUND, NULL);
    return reply_rows(c);
}

const struct operation lead_touch_list = {
    .steps = (step_fn *const[]){touches_ask, touches_reply, NULL},
};
