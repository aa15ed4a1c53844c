/* intake - a landing page posts a lead.
 *
 * The key in the address is the only credential. What arrives is stored as it came before anything
 * is made of it: a submission that cannot become a lead stays, with the reasons. Source and
 * campaign are the form's, whatever the body says. Fields outside the form's list are kept beside
 * the lead and named in the answer.
 */
#include <math.h>
#include <string.h>

#include "asks.gen.h"
#include "call/reply.h"
#include "crypto/secret.h"
#include "schemas.gen.h"
#include "service/birth.h"
#include "service/match.h"
#include "json/body.h"
#include "json/out.h"
#include "json/schema.h"

struct intake {
    struct uuid form;
    const char *const *allowed; /* lead fields that the form takes, NULL at the end */
    const char *const *required;
    json_t *lead; /* what becomes the lead */
    json_t *utm;
    json_t *extra; /* everything else, as it came */
    struct uuid submission, lead_id;
    const char *source, *campaign, *owner; /* of the form */
    struct birth birth;
    bool judged, held;
    int accepted; /* the statement */
};

static json_t *new_object(struct call *c)
{
    json_t *o = json_object();

    keep_json(c, o);
    return o;
}

/* A JSON array of strings as a list of words that ends with NULL. */
static const char *const *words_of(struct call *c, const char *json)
{
    json_t *array = json ? json_loads(json, 0, NULL) : NULL;
    const char **words = call_alloc(c, (json_array_size(array) + 1) * sizeof(*words));

    for (size_t i = 0; words && i < json_array_size(array); i++)
        words[i] = arena_strdup(&c->arena, json_string_value(json_array_get(array, i)));
    json_decref(array);
    return words;
}

static bool listed(const char *const *words, const char *word)
{
    for (size_t i = 0; words && words[i]; i++)
        if (strcmp(words[i], word) == 0)
            return true;
    return false;
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
    return STEP_WAIT;
}

/* From here on the form is the actor: audit entries and idempotency keys are its own. */
static bool act_as_form(struct call *c, const struct intake *in, const char *name)
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

static json_t *parse(struct call *c)
{
    const char *type = c->request.media_type;

    if (type && strcmp(type, "application/x-www-form-urlencoded") == 0)
        return body_parse_form(&c->arena, c->request.raw_body, &c->err);
    return body_parse_json(&c->arena, c->request.raw_body, &json_default_limits, &c->err);
}

static const struct schema *member_schema(const char *name)
{
    for (const struct schema_member *m = schema_LeadCreate.members; m->name; m++)
        if (strcmp(m->name, name) == 0 && m->access == ACCESS_WRITE)
            return m->schema;
    return NULL;
}

/* An empty field is an absent one. */
static bool is_empty(const json_t *value)
{
    const char *text = json_string_value(value);

    return !value || json_is_null(value) || (text && !*text);
}

/* A form sends text only: it becomes the type that the lead's field has. */
static void take_field(struct call *c, struct intake *in, const char *name, json_t *value)
{
    const struct schema *s = member_schema(name);
    const char *text = json_string_value(value);
    bool form = c->request.media_type && strstr(c->request.media_type, "form");

    if (is_empty(value))
        return;
    if (form && text && s) {
        value = schema_from_text(s, text, "body", arena_printf(&c->arena, "/%s", name), &c->err);
        if (value)
            json_object_set_new(in->lead, name, value);
        return;
    }
    json_object_set(in->lead, name, value);
}

/* Returns @value (a reference) with numbers that no integer holds as text: PostgreSQL writes 1e300
 * out as 301 digits, and whoever reads the lead's facts takes that for an integer out of all
 * bounds. */
static json_t *keepable(json_t *value)
{
    const char *name;
    json_t *part;
    size_t i;
    void *next;

    if (json_is_real(value) && fabs(json_real_value(value)) >= 1e18)
        return json_sprintf("%.17g", json_real_value(value));
    json_object_foreach_safe(value, next, name, part)
        json_object_set_new(value, name, keepable(part));
    json_array_foreach (value, i, part)
        json_array_set_new(value, i, keepable(part));
    return json_incref(value);
}

/* Source and campaign are the form's own. */
static bool takes(const struct intake *in, const char *name)
{
    return listed(in->allowed, name) && strcmp(name, "source") != 0 &&
           strcmp(name, "campaign") != 0;
}

static void sort_fields(struct call *c, struct intake *in, json_t *body)
{
    const char *name;
    json_t *value;

    json_object_foreach (body, name, value) {
        if (strncmp(name, "utm_", 4) == 0 && json_is_string(value) && strlen(name) < 64)
            json_object_set(in->utm, name + 4, value);
        else if (takes(in, name))
            take_field(c, in, name, value);
        else
            json_object_set_new(in->extra, name, keepable(value));
    }
}

static void check_required(struct call *c, const struct intake *in, const json_t *body)
{
    for (size_t i = 0; in->required && in->required[i]; i++) {
        const char *name = in->required[i];

        if (!is_empty(json_object_get(body, name)))
            continue;
        err_fault(&c->err, ERR_INVALID,
                  (struct fault){.in = "body",
                                 .pointer = arena_printf(&c->arena, "/%s", name),
                                 .code = "required",
                                 .detail = "this form asks for it"});
    }
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
        if (takes(in, m->name))
            members[n++] = *m;
    *s = (struct schema){.kind = SCHEMA_OBJECT, .members = members};
    return s;
}

static enum step map_fields(struct call *c)
{
    const struct result *r = call_result(c, 0);
    struct intake *in = call_alloc(c, sizeof(*in));
    json_t *body;

    if (!in)
        return STEP_FAIL;
    if (result_rows(r) == 0)
        return call_fail(c, ERR_BAD_TOKEN, "no such form, or the key is not this form's");
    c->state = in;
    (void)uuid_parse(span_of(result_get(r, 0, "id")), &in->form);
    in->allowed = words_of(c, result_get(r, 0, "fields"));
    in->required = words_of(c, result_get(r, 0, "required"));
    in->source = result_get(r, 0, "source");
    in->campaign = result_get(r, 0, "campaign");
    in->owner = result_get(r, 0, "owner_id");
    in->birth =
        (struct birth){.record = &record_lead, .members = form_fields(c, in), .pointer = ""};
    in->judged = birth_is_judged(&in->birth, call_result(c, 1));
    if (!act_as_form(c, in, arena_strdup(&c->arena, result_get(r, 0, "name"))))
        return STEP_FAIL;
    in->lead = new_object(c);
    in->utm = new_object(c);
    in->extra = new_object(c);
    body = parse(c);
    if (body && !json_is_object(body))
        err_fault(&c->err, ERR_INVALID,
                  (struct fault){.in = "body",
                                 .pointer = "",
                                 .code = "type",
                                 .detail = "the body must be an object of fields"});
    if (!body || !json_is_object(body))
        return STEP_NEXT;
    sort_fields(c, in, body);
    if (json_object_size(in->lead) > 0 || c->err.code == ERR_NONE)
        schema_check(&schema_LeadCreate, in->lead, "", &c->err);
    check_required(c, in, body);
    return STEP_NEXT;
}

static const char *faults_json(struct call *c)
{
    struct buf b;
    struct out o;
    const char *text;

    if (c->err.code == ERR_NONE)
        return NULL;
    buf_init(&b, 256 * 1024);
    out_init(&o, &b);
    out_array(&o);
    for (const struct fault *f = c->err.faults; f; f = f->next) {
        out_object(&o);
        out_member(&o, "pointer", f->pointer);
        out_member(&o, "code", f->code);
        out_member(&o, "detail", f->detail);
        out_object_end(&o);
    }
    if (!c->err.faults) {
        out_object(&o);
        out_member(&o, "code", err_slug(c->err.code));
        out_member(&o, "detail", c->err.detail ? c->err.detail : err_title(c->err.code));
        out_object_end(&o);
    }
    out_array_end(&o);
    text = b.failed ? "[]" : arena_strdup(&c->arena, buf_text(&b));
    buf_done(&b);
    return text;
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

static enum step ask_birth(struct call *c)
{
    struct intake *in = c->state;

    in->judged = in->judged && c->err.code == ERR_NONE;
    if (!in->judged)
        return STEP_NEXT;
    birth_facts(c, &in->birth, unborn_lead(c, in));
    return STEP_WAIT;
}

/* Guards that do not hold are told to the sender, like other faults. About an actor rule no sender
 * can do anything: such a submission is held for somebody to look at. */
static enum step decide_birth(struct call *c)
{
    struct intake *in = c->state;
    json_t *facts;

    if (!in->judged)
        return STEP_NEXT;
    facts = read_json(c, result_get(call_result(c, 0), 0, "facts"));
    if (!facts)
        return call_fail(c, ERR_INTERNAL, NULL);
    if (birth_decide(c, &in->birth, facts))
        return STEP_NEXT;
    if (c->err.code != ERR_GUARD && c->err.code != ERR_NOT_ACTOR)
        return STEP_FAIL;
    in->held = c->err.code == ERR_NOT_ACTOR;
    return STEP_NEXT;
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

static enum step accept_submission(struct call *c)
{
    struct intake *in = c->state;
    const char *faults = c->err.code == ERR_GUARD ? in->birth.failures : faults_json(c);

    if (in->held)
        err_init(&c->err, &c->arena);
    in->submission = uuid_v7();
    in->lead_id = call_new_id(c);
    if (faults && !in->held)
        call_ask_aside(c);
    if (!faults) {
        birth_choose(c, &in->birth);
        (void)match_send_one(c, "lead", &in->lead_id, in->lead);
    }
    in->accepted = ask_intake_accept(c, (struct q_intake_accept){
                                            .id = in->submission,
                                            .form = in->form,
                                            .lead_id = in->lead_id,
                                            .content_type = c->request.media_type,
                                            .raw = raw_text(c),
                                            .lead = call_json(c, in->lead),
                                            .utm = call_json(c, in->utm),
                                            .extra = call_json(c, in->extra),
                                            .faults = faults,
                                            .outcome = in->held ? "held" : "refused",
                                            .address = c->request.address,
                                            .user_agent = c->request.user_agent,
                                            .referer = c->request.referer,
                                        });
    ask_intake_lead(c, (struct q_intake_lead){.id = in->lead_id});
    return STEP_WAIT;
}

static void write_names(struct out *o, const char *key, json_t *object)
{
    const char *name;
    json_t *value;

    out_key(o, key);
    out_array(o);
    json_object_foreach (object, name, value)
        out_string(o, name);
    out_array_end(o);
}

static enum step answer(struct call *c)
{
    const struct intake *in = c->state;
    const struct result *r = call_result(c, in->accepted);
    const char *failures = c->err.members;
    struct out *o;

    if (c->err.code != ERR_NONE) {
        c->err.members = arena_printf(
            &c->arena, "%s%s\"submission_id\":\"%s\",\"outcome\":\"refused\"",
            failures ? failures : "", failures ? "," : "", uuid_text(c, &in->submission));
        return STEP_FAIL;
    }
    /* held: stored, but the database would not take the lead; somebody has to look at it */
    o = reply_json(c, result_get(r, 0, "lead_id") ? c->route->success : 202);
    out_object(o);
    out_key(o, "id");
    out_string(o, result_get(r, 0, "lead_id"));
    out_key(o, "status");
    out_string(o, result_get(call_result(c, -1), 0, "status"));
    out_member(o, "source", result_get(r, 0, "source"));
    out_member(o, "campaign", result_get(r, 0, "campaign"));
    out_member(o, "outcome", result_get(r, 0, "outcome"));
    out_member(o, "submission_id", uuid_text(c, &in->submission));
    write_names(o, "ignored", in->extra);
    out_object_end(o);
    return STEP_REPLY;
}

const struct operation intake_submit = {
    .steps = (step_fn *const[]){find_form, map_fields, ask_birth, decide_birth, accept_submission,
                                answer, NULL},
};
