/* intake - a landing page posts a lead.
 *
 * The key in the address is the only credential. What arrives is stored as it came before anything
 * is made of it: a submission that cannot become a lead stays, with the reasons. Source and
 * campaign are the form's, whatever the body says. Fields outside the form's list are kept beside
 * the lead and named in the answer. What was sent over a limit, or from a page that may not post
 * here, is not stored: a flood must not fill the disk.
 */
#include "service/intake/intake.h"

#include <string.h>

#include "asks.gen.h"
#include "call/reply.h"
#include "crypto/secret.h"
#include "crypto/ticket.h"
#include "schemas.gen.h"
#include "service/record/custom.h"
#include "service/record/match.h"

static json_t *new_object(struct call *c)
{
    json_t *o = json_object();

    keep_json(c, o);
    return o;
}

const char *const *intake_words(struct call *c, const char *json)
{
    json_t *array = json ? json_loads(json, 0, NULL) : NULL;
    const char **words = call_alloc(c, (json_array_size(array) + 1) * sizeof(*words));

    for (size_t i = 0; words && i < json_array_size(array); i++)
        words[i] = arena_strdup(&c->arena, json_string_value(json_array_get(array, i)));
    json_decref(array);
    return words;
}

bool intake_act_as(struct call *c, const struct intake *in, const char *name)
{
    struct principal *who = call_alloc(c, sizeof(*who));

    if (!who)
        return false;
    *who = *c->who;
    who->kind = ACTOR_INTAKE;
    who->id = in->form;
    who->name = name;
    c->who = who;
    return true;
}

/* The lead's members that this form may fill: what a birth misses among them its sender can give.
 */
static const struct schema *form_fields(struct call *c, const struct intake *in)
{
    struct schema *s = call_alloc(c, sizeof(*s));
    struct schema_member *members;
    size_t n = 0;

    while (schema_LeadCreate.members[n].name)
        n++;
    members = call_alloc(c, (n + 1) * sizeof(*members));
    if (!s || !members)
        return NULL;
    n = 0;
    for (const struct schema_member *m = schema_LeadCreate.members; m->name; m++)
        if (intake_listed(in->allowed, m->name) && strcmp(m->name, "source") != 0 &&
            strcmp(m->name, "campaign") != 0)
            members[n++] = *m;
    *s = (struct schema){.kind = SCHEMA_OBJECT, .members = members};
    return s;
}

static bool is_true(const struct result *r, const char *column)
{
    const char *text = result_get(r, 0, column);

    return text && *text == 't';
}

static int64_t number(const struct result *r, const char *column)
{
    const char *text = result_get(r, 0, column);
    int64_t n = 0;

    return text && text_parse_i64(span_of(text), &n) ? n : 0;
}

struct intake *intake_of(struct call *c, const struct result *r)
{
    const char *policy = result_get(r, 0, "on_duplicate");
    struct intake *in = call_alloc(c, sizeof(*in));

    if (!in)
        return NULL;
    *in = (struct intake){
        .allowed = intake_words(c, result_get(r, 0, "allowed")),
        .required = intake_words(c, result_get(r, 0, "required")),
        .mapping = read_json(c, result_get(r, 0, "mapping")),
        .honeypot = result_get(r, 0, "honeypot"),
        .redirect_url = result_get(r, 0, "redirect_url"),
        .error_url = result_get(r, 0, "error_url"),
        .on_duplicate = policy ? policy : "create",
        .consent_version = result_get(r, 0, "consent_version"),
        .consent_text = result_get(r, 0, "consent_text"),
        .consent_required = is_true(r, "consent_required"),
        .double_opt_in = is_true(r, "double_opt_in"),
        .limited = is_true(r, "limited"),
        .now = number(r, "now"),
        .confirm_hours = number(r, "confirm_hours"),
        .source = result_get(r, 0, "source"),
        .campaign = result_get(r, 0, "campaign"),
        .owner = result_get(r, 0, "owner_id"),
        .lead = new_object(c),
        .utm = new_object(c),
        .extra = new_object(c),
    };
    (void)uuid_parse(span_of(result_get(r, 0, "form_id")), &in->form);
    in->birth =
        (struct birth){.record = &record_lead, .members = form_fields(c, in), .pointer = ""};
    return in;
}

static enum step find_form(struct call *c)
{
    const char *key = call_param_text(c, "key");
    char hash[SHA256_TEXT];

    if (!key || !secret_well_formed("ik", span_of(key)))
        return call_fail(c, ERR_BAD_TOKEN,
                         "the address needs the form's key: /v1/intake/{form}?key=ik_...");
    sha256_hex(key, strlen(key), hash);
    ask_intake_form_by_key(c, (struct q_intake_form_by_key){
                                  .form = call_path(c, "form"),
                                  .key_hash = arena_strdup(&c->arena, hash),
                              });
    birth_ask(c, &record_lead);
    custom_ask(c, record_lead.entity);
    return STEP_WAIT;
}

/* Counting comes before everything else that costs: in a transaction of its own, so that
 * submissions of one form do not wait for each other. */
static enum step limit(struct call *c)
{
    const struct result *r = call_result(c, 0);
    const json_t *definitions;
    struct intake *in;

    if (result_rows(r) == 0)
        return call_fail(c, ERR_BAD_TOKEN, "no such form, or the key is not this form's");
    in = intake_of(c, r);
    definitions = custom_definitions(c, call_result(c, 2));
    if (!in || !definitions)
        return STEP_FAIL;
    c->state = in;
    in->fields = fields_of(&schema_LeadCreate, definitions, &c->arena);
    in->judged = birth_is_judged(&in->birth, call_result(c, 1));
    in->as_page = c->request.media_type && strstr(c->request.media_type, "form") && !c->keyed;
    if (!intake_origin(c, intake_words(c, result_get(r, 0, "origins"))))
        return STEP_FAIL;
    if (!intake_act_as(c, in, arena_strdup(&c->arena, result_get(r, 0, "name"))))
        return STEP_FAIL;
    if (!in->limited)
        return STEP_NEXT;
    call_ask_aside(c);
    ask_intake_hits(
        c, (struct q_intake_hits){.form = in->form, .address = intake_digest(c, call_network(c))});
    return STEP_WAIT;
}

static enum step read_body(struct call *c)
{
    struct intake *in = c->state;

    if (in->limited) {
        c->err.retry_after = (int)number(call_result(c, 0), "wait");
        if (c->err.retry_after > 0) {
            err_set(&c->err, ERR_RATE_LIMITED, "This form takes only so much a minute.");
            return intake_refuse(c, in);
        }
    }
    intake_fields(c, in);
    return STEP_NEXT;
}

/* The lead as it will be. */
static const char *unborn_lead(struct call *c, const struct intake *in)
{
    json_t *lead = keep_json(c, json_copy(in->lead));

    json_object_set(lead, "utm", in->utm);
    json_object_set(lead, "extra", in->extra);
    json_object_set_new(lead, "source", json_string(in->source));
    json_object_set_new(lead, "campaign", json_string(in->campaign));
    if (in->owner)
        json_object_set_new(lead, "owner_id", json_string(in->owner));
    return call_json(c, lead);
}

enum step intake_ask_birth(struct call *c, struct intake *in)
{
    in->judged = in->judged && c->err.code == ERR_NONE;
    if (!in->judged)
        return STEP_NEXT;
    birth_facts(c, &in->birth, unborn_lead(c, in));
    return STEP_WAIT;
}

bool intake_decide_birth(struct call *c, struct intake *in)
{
    json_t *facts;

    if (!in->judged)
        return true;
    facts = read_json(c, result_get(call_result(c, 0), 0, "facts"));
    if (!facts)
        return err_set(&c->err, ERR_INTERNAL, NULL);
    if (birth_decide(c, &in->birth, facts))
        return true;
    in->held = c->err.code == ERR_NOT_ACTOR;
    return c->err.code == ERR_GUARD || in->held;
}

/* Of what waits for its confirmation nothing is born yet: its birth is decided then. */
static enum step ask_birth(struct call *c)
{
    struct intake *in = c->state;

    in->judged = in->judged && !in->double_opt_in && !in->trapped;
    return intake_ask_birth(c, in);
}

static enum step decide_birth(struct call *c)
{
    return intake_decide_birth(c, c->state) ? STEP_NEXT : STEP_FAIL;
}

/* Whatever text came is stored; bytes that no text column can hold are escaped (%XX). */
static const char *raw_text(struct call *c)
{
    struct span raw = c->request.raw_body.p ? c->request.raw_body : SPAN("");
    struct buf b;
    const char *text;

    if (text_is_utf8(raw.p, raw.n) && !memchr(raw.p, 0, raw.n))
        return arena_copy(&c->arena, raw.p, raw.n);
    buf_init(&b, raw.n * 3 + 1);
    for (size_t i = 0; i < raw.n; i++) {
        unsigned char byte = (unsigned char)raw.p[i];

        if (byte >= 0x20 && byte < 0x7f && byte != '%')
            buf_putc(&b, (char)byte);
        else
            buf_printf(&b, "%%%02X", byte);
    }
    text = arena_strdup(&c->arena, buf_text(&b));
    buf_done(&b);
    return text;
}

static const char *consent_json(struct call *c, const struct intake *in)
{
    json_t *consent;

    if (!in->consents)
        return NULL;
    consent =
        keep_json(c, json_pack("{s:s, s:s?, s:s}", "version", in->consent_version, "text",
                               in->consent_text, "address", intake_digest(c, call_client(c))));
    return call_json(c, consent);
}

/* What is to be done with the submission; the word that sluice.intake_accept() takes. */
static const char *verdict(const struct call *c, const struct intake *in)
{
    if (in->trapped)
        return "trap";
    if (in->held)
        return "held";
    if (c->err.code != ERR_NONE)
        return "refused";
    return in->double_opt_in ? "confirm" : "take";
}

static const char *reason(const struct call *c, const struct intake *in)
{
    if (in->held)
        return "actor";
    if (c->err.code == ERR_GUARD)
        return "guards";
    return c->err.code == ERR_NONE ? NULL : "invalid";
}

static const char *confirm_token(struct call *c, const struct intake *in)
{
    return ticket_make(&c->arena, c->env->cursor_key,
                       &(struct ticket){.purpose = TICKET_CONFIRM,
                                        .about = in->submission,
                                        .once = in->form,
                                        .expires = in->now + in->confirm_hours * 3600});
}

static enum step accept_submission(struct call *c)
{
    struct intake *in = c->state;
    const char *what = verdict(c, in), *why = reason(c, in);
    const char *faults = intake_faults(c, in);

    if (in->held || in->trapped)
        err_init(&c->err, &c->arena);
    in->submission = uuid_v7();
    in->lead_id = call_new_id(c);
    if (strcmp(what, "refused") == 0)
        call_ask_aside(c);
    if (strcmp(what, "take") == 0) {
        birth_choose(c, &in->birth);
        (void)match_send_one(c, "lead", &in->lead_id, in->lead);
    }
    in->accepted = ask_intake_accept(
        c, (struct q_intake_accept){
               .id = in->submission,
               .form = in->form,
               .lead_id = in->lead_id,
               .content_type = c->request.media_type,
               .raw = raw_text(c),
               .lead = call_json(c, in->lead),
               .utm = call_json(c, in->utm),
               .extra = call_json(c, in->extra),
               .faults = faults,
               .verdict = what,
               .reason = why,
               .consent = consent_json(c, in),
               .token = strcmp(what, "confirm") == 0 ? confirm_token(c, in) : NULL,
               .address = call_client(c),
               .user_agent = c->request.user_agent,
               .referer = c->request.referer,
           });
    ask_intake_status(c, (struct q_intake_status){.lead_id = in->lead_id});
    return STEP_WAIT;
}

static enum step answer(struct call *c)
{
    struct intake *in = c->state;
    const char *failures = c->err.members;

    if (c->err.code == ERR_NONE)
        return intake_reply(c, in, call_result(c, in->accepted));
    c->err.members =
        arena_printf(&c->arena, "%s%s\"submission_id\":\"%s\",\"outcome\":\"refused\"",
                     failures ? failures : "", failures ? "," : "", uuid_text(c, &in->submission));
    return intake_refuse(c, in);
}

const struct operation intake_submit = {
    .steps = (step_fn *const[]){find_form, limit, read_body, ask_birth, decide_birth,
                                accept_submission, answer, NULL},
};

/* OPTIONS: a browser asks whether a page may post */

static enum step ask_origins(struct call *c)
{
    ask_intake_form_origins(c, (struct q_intake_form_origins){.form = call_path(c, "form")});
    return STEP_WAIT;
}

static enum step tell_origins(struct call *c)
{
    const struct result *r = call_result(c, 0);

    if (result_rows(r) > 0 && !intake_origin(c, intake_words(c, result_get(r, 0, "origins"))))
        err_init(&c->err, &c->arena); /* a browser takes silence for no */
    reply_header(c, "Allow", "POST, OPTIONS");
    c->reply.status = 204;
    return STEP_REPLY;
}

const struct operation intake_preflight = {
    .steps = (step_fn *const[]){ask_origins, tell_origins, NULL},
};
