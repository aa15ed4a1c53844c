/* convert - a qualified lead becomes an account, a contact and, under stricter guards, an
 * opportunity.
 *
 * Converting is a transition like any other: the blueprint says from where and under which guards.
 * What it makes, links and moves is one transaction.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "asks.gen.h"
#include "call/reply.h"
#include "service/process.h"
#include "json/out.h"

#define MATCHES_MAX (64 * 1024)

static struct uuid viewer(const struct call *c)
{
    return c->who->kind == ACTOR_USER ? c->who->id : (struct uuid){0};
}

/* Members of the new account and contact that the lead knows: target member, lead's member. */
static const char *const account_map[][2] = {
    {"name", "company"},      {"tax_id", "tax_id"},   {"website", "website"},
    {"industry", "industry"}, {"street", "street"},   {"postcode", "postcode"},
    {"city", "city"},         {"country", "country"}, {NULL, NULL},
};
static const char *const contact_map[][2] = {
    {"first_name", "first_name"}, {"last_name", "last_name"}, {"email", "email"},
    {"phone", "phone"},           {"job_title", "job_title"}, {NULL, NULL},
};

static const char *lead_text(struct call *c, const char *name)
{
    return json_string_value(
        json_object_get(json_object_get(process_of(c)->facts, "record"), name));
}

static json_t *mapped(struct call *c, const char *const (*map)[2])
{
    json_t *made = json_object();

    keep_json(c, made);
    for (size_t i = 0; map[i][0]; i++)
        if (lead_text(c, map[i][1]))
            json_object_set_new(made, map[i][0], json_string(lead_text(c, map[i][1])));
    return made;
}

/* A lead without a company is a person who buys: the account bears the person's name. */
static json_t *mapped_account(struct call *c)
{
    json_t *account = mapped(c, account_map);
    const char *first = lead_text(c, "first_name");
    const char *last = lead_text(c, "last_name");

    if (json_object_get(account, "name") || (!first && !last))
        return account;
    json_object_set_new(account, "name",
                        json_string(arena_printf(&c->arena, "%s%s%s", first ? first : "",
                                                 first && last ? " " : "", last ? last : "")));
    return account;
}

/* What the caller may see of accounts and contacts decides what may be found and linked. */
static enum step ask_candidates(struct call *c)
{
    ask_lead_conversion_candidates(c, (struct q_lead_conversion_candidates){
                                          .id = process_of(c)->id,
                                          .viewer = viewer(c),
                                          .scope = call_scope(c, c->route->permission),
                                          .account_scope = call_scope(c, PERMISSION_ACCOUNT_READ),
                                          .contact_scope = call_scope(c, PERMISSION_CONTACT_READ),
                                      });
    return STEP_WAIT;
}

/* GET /v1/leads/{id}/conversion */

static enum step preview_ask(struct call *c)
{
    return process_ask(c, record_of(c), PERMISSION_LEAD_READ);
}

static bool is_conversion(const struct transition *t)
{
    return t->kind == TRANSITION_CONVERT || t->kind == TRANSITION_CONVERT_OPEN;
}

static void write_matches(struct out *o, const struct result *r)
{
    out_array(o);
    for (int i = 0; i < result_rows(r); i++)
        reply_write_row(o, r, i, NULL);
    out_array_end(o);
}

static enum step preview_reply(struct call *c)
{
    const struct process *s = process_of(c);
    struct out *o = reply_json(c, c->route->success);

    out_object(o);
    out_member_raw(o, "version", s->version);
    out_key(o, "transitions");
    out_array(o);
    for (size_t i = 0; i < s->blueprint->ntransitions; i++)
        if (is_conversion(&s->blueprint->transitions[i]) &&
            !process_write_option(c, o, &s->blueprint->transitions[i]))
            return call_fail(c, ERR_INTERNAL, NULL);
    out_array_end(o);
    out_key(o, "candidates");
    write_matches(o, call_result(c, 0));
    out_key(o, "mapped");
    out_object(o);
    out_member_raw(o, "account", call_json(c, mapped_account(c)));
    out_member_raw(o, "contact",
                   lead_text(c, "last_name") ? call_json(c, mapped(c, contact_map)) : "null");
    out_object_end(o);
    out_object_end(o);
    reply_header(c, "ETag", arena_printf(&c->arena, "\"%s\"", s->version));
    return STEP_REPLY;
}

const struct operation lead_conversion = {
    .steps = (step_fn *const[]){preview_ask, process_blueprint, process_ready, ask_candidates,
                                preview_reply, NULL},
    .of = &record_lead,
};

/* POST /v1/leads/{id}/conversion */

static enum step convert_ask(struct call *c)
{
    return process_ask(c, record_of(c), PERMISSION_LEAD_CONVERT);
}

static const struct transition *find_kind(const struct blueprint *b, enum transition_kind kind)
{
    for (size_t i = 0; i < b->ntransitions; i++)
        if (b->transitions[i].kind == kind)
            return &b->transitions[i];
    return NULL;
}

/* The transition that this request executes: the stricter one when it opens an opportunity. */
static const struct transition *conversion_of(struct call *c)
{
    bool open = json_is_object(json_object_get(c->body, "opportunity"));

    return find_kind(process_of(c)->blueprint, open ? TRANSITION_CONVERT_OPEN : TRANSITION_CONVERT);
}

static bool check_not_converted(struct call *c)
{
    const json_t *lead = json_object_get(process_of(c)->facts, "record");

    if (!json_is_string(json_object_get(lead, "converted_at")))
        return true;
    return err_set(&c->err, ERR_ALREADY_CONVERTED,
                   "the lead was converted before; \"current\" names what it became");
}

/* Being in the right state is the first guard of a conversion, and fails like one. */
static const char *state_failure(struct call *c, const struct transition *t)
{
    const struct process *s = process_of(c);
    struct buf b;
    struct out o;
    const char *text;

    buf_init(&b, MATCHES_MAX);
    out_init(&o, &b);
    out_array(&o);
    out_object(&o);
    out_member(&o, "guard", "from_state");
    out_member(&o, "kind", "state");
    out_member(&o, "path", "status");
    out_key(&o, "pointer");
    out_null(&o);
    out_member(&o, "message", "The lead must be in a state from which it can be converted.");
    out_member(&o, "observed", s->state);
    out_key(&o, "expected");
    out_array(&o);
    for (size_t i = 0; t && t->from[i]; i++)
        out_string(&o, t->from[i]);
    out_array_end(&o);
    out_object_end(&o);
    out_array_end(&o);
    text = arena_strdup(&c->arena, buf_text(&b));
    buf_done(&b);
    return text;
}

static enum step convert_decide(struct call *c)
{
    const struct record *r = record_of(c);
    const struct process *s = process_of(c);
    const struct transition *t = conversion_of(c);
    const char *key = t ? t->key : "conversion";
    const struct verdict *root;

    if (!check_not_converted(c) || !process_is_current(c))
        return process_refuse(c, r, key, NULL);
    if (!t || !transition_leaves(t, s->state)) {
        err_set(&c->err, ERR_GUARD, "a lead in \"%s\" cannot be converted",
                s->state ? s->state : "no state");
        return process_refuse(c, r, key, state_failure(c, t));
    }
    if (!evaluate_actor(t, s->facts)) {
        err_set(&c->err, ERR_NOT_ACTOR, "\"%s\" belongs to others", key);
        return process_refuse(c, r, key, NULL);
    }
    root = evaluate(t, s->facts, &c->arena);
    if (!root)
        return call_fail(c, ERR_INTERNAL, NULL);
    if (root->passed)
        return ask_candidates(c);
    err_set(&c->err, ERR_GUARD, "\"%s\" still needs what \"failures\" lists", key);
    return process_refuse(c, r, key, process_failures(c, root));
}

/* One exact match is linked, none means a new record, more are not guessed among. A match below 1
 * (the same web domain) is a hint for people: the preview shows it. */
static json_t *match_or_create(struct call *c, const struct result *r, const char *entity,
                               json_t *new_members)
{
    const char *only = NULL;
    int found = 0;

    for (int i = 0; i < result_rows(r); i++) {
        if (strcmp(result_get(r, i, "entity"), entity) != 0 ||
            strcmp(result_get(r, i, "score"), "1") != 0)
            continue;
        only = result_get(r, i, "id");
        found++;
    }
    if (found == 0)
        return json_pack("{s:O}", "create", new_members);
    if (found == 1)
        return json_pack("{s:s}", "id", only);
    err_set(&c->err, ERR_AMBIGUOUS,
            "%d %ss match: say which one with {\"%s\": {\"id\": ...}}, or "
            "{\"%s\": {\"create\": {...}}}",
            found, entity, entity, entity);
    return NULL;
}

static bool check_choice(struct call *c, const char *entity, const json_t *choice)
{
    if (json_object_get(choice, "id") && json_object_get(choice, "create"))
        return err_fault(&c->err, ERR_INVALID,
                         (struct fault){.in = "body",
                                        .pointer = arena_printf(&c->arena, "/%s", entity),
                                        .code = "exclusive",
                                        .detail = "give either \"id\" or \"create\", not both"});
    return true;
}

/* What to do about the account or contact: {"id"} or {"create": {...}}; NULL with err set. */
static json_t *spec_of(struct call *c, const struct result *r, const char *entity,
                       json_t *new_members)
{
    const json_t *choice = json_object_get(c->body, entity);
    const json_t *create = json_object_get(choice, "create");
    const json_t *id = json_object_get(choice, "id");
    json_t *spec;

    if (!check_choice(c, entity, choice))
        return NULL;
    if (id) {
        spec = json_pack("{s:O}", "id", id);
    } else if (create) {
        json_object_update(new_members, (json_t *)create);
        spec = json_pack("{s:O}", "create", new_members);
    } else {
        spec = match_or_create(c, r, entity, new_members);
    }
    if (spec)
        keep_json(c, spec);
    return spec;
}

static const char *matches_json(struct call *c, const struct result *r)
{
    struct buf b;
    struct out o;
    const char *text;

    buf_init(&b, MATCHES_MAX);
    out_init(&o, &b);
    write_matches(&o, r);
    text = b.failed ? "[]" : arena_strdup(&c->arena, buf_text(&b));
    buf_done(&b);
    return text;
}

/* A lead that names no person becomes an account only, unless the request brings one. */
static bool wants_contact(struct call *c)
{
    return lead_text(c, "last_name") || json_object_get(c->body, "contact");
}

static enum step convert_write(struct call *c)
{
    const struct process *s = process_of(c);
    const struct result *candidates;
    const json_t *opportunity = json_object_get(c->body, "opportunity");
    const struct transition *t = conversion_of(c);
    json_t *account, *contact = NULL;

    if (c->err.code != ERR_NONE)
        return STEP_FAIL; /* refused, and written down */
    candidates = call_result(c, 0);
    account = spec_of(c, candidates, "account", mapped_account(c));
    if (account && wants_contact(c))
        contact = spec_of(c, candidates, "contact", mapped(c, contact_map));
    if (c->err.code == ERR_AMBIGUOUS) {
        c->err.members = matches_json(c, candidates);
        return process_refuse(c, record_of(c), t->key, NULL);
    }
    if (c->err.code != ERR_NONE)
        return STEP_FAIL;
    ask_lead_convert(
        c, (struct q_lead_convert){
               .lead_id = s->id,
               .expected_version = strtoll(s->version, NULL, 10),
               .from_state = s->state,
               .transition = t->key,
               .evidence = s->evidence,
               .viewer = viewer(c),
               .scope = call_scope(c, PERMISSION_LEAD_CONVERT),
               .account = call_json(c, account),
               .contact = contact ? call_json(c, contact) : NULL,
               .opportunity = json_is_object(opportunity) ? call_json(c, opportunity) : NULL,
               .new_account = uuid_v7(),
               .new_contact = uuid_v7(),
               .new_opportunity = uuid_v7(),
               .verdicts = process_verdict(c, evaluate(t, s->facts, &c->arena)),
               .note = call_body_text(c, "note"),
               .account_scope = call_scope(c, PERMISSION_ACCOUNT_READ),
               .contact_scope = call_scope(c, PERMISSION_CONTACT_READ),
               .more = process_more(c, t, c->body, NULL),
           });
    record_ask_get(c, record_of(c), &s->id, PERMISSION_LEAD_CONVERT);
    return STEP_WAIT;
}

static void write_part(struct call *c, struct out *o, const char *entity)
{
    static const char *const members[] = {"id", "name", "outcome"};
    const struct result *r = call_result(c, 0);
    char column[40];

    out_key(o, entity);
    snprintf(column, sizeof(column), "%s_id", entity);
    if (!result_get(r, 0, column)) {
        out_null(o);
        return;
    }
    out_object(o);
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        snprintf(column, sizeof(column), "%s_%s", entity, members[i]);
        out_member(o, members[i], result_get(r, 0, column));
    }
    out_object_end(o);
}

static enum step convert_reply(struct call *c)
{
    const struct result *lead = call_result(c, 1);
    struct out *o;

    reply_header(c, "ETag", arena_printf(&c->arena, "\"%s\"", result_get(lead, 0, "version")));
    if (reply_is_minimal(c))
        return reply_empty(c);
    o = reply_json(c, c->route->success);
    out_object(o);
    out_key(o, "lead");
    reply_write_row(o, lead, 0, NULL);
    write_part(c, o, "account");
    write_part(c, o, "contact");
    write_part(c, o, "opportunity");
    out_member_raw(o, "conflicts", result_get(call_result(c, 0), 0, "conflicts"));
    out_object_end(o);
    return STEP_REPLY;
}

const struct operation lead_convert = {
    .steps = (step_fn *const[]){convert_ask, process_blueprint, process_ready, convert_decide,
                                convert_write, process_refused, convert_reply, NULL},
    .of = &record_lead,
};
