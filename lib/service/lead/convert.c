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
#include "service/lead/conversion.h"
#include "service/record/match.h"
#include "json/out.h"

#define MATCHES_MAX (64 * 1024)

/* POST /v1/leads/{id}/conversion */

static enum step convert_ask(struct call *c)
{
    return conversion_ask(c, PERMISSION_LEAD_CONVERT);
}

static const struct transition *find_kind(const struct blueprint *b, enum transition_kind kind)
{
    for (size_t i = 0; i < b->ntransitions; i++)
        if (b->transitions[i].kind == kind)
            return &b->transitions[i];
    return NULL;
}

/* The transition that this request executes: the stricter one when it opens an opportunity. */
static const struct transition *transition_of(struct call *c)
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
    const struct transition *t = transition_of(c);
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
        return conversion_candidates(c);
    err_set(&c->err, ERR_GUARD, "\"%s\" still needs what \"failures\" lists", key);
    return process_refuse(c, r, key, process_failures(c, root));
}

static const char *matches_json(struct call *c, const struct result *r)
{
    struct buf b;
    struct out o;
    const char *text;

    buf_init(&b, MATCHES_MAX);
    out_init(&o, &b);
    conversion_write_matches(&o, r);
    text = b.failed ? "[]" : arena_strdup(&c->arena, buf_text(&b));
    buf_done(&b);
    return text;
}

/* Linking fills what is empty, which may be what keys are made of: what the others are made of. */
static int ask_source(struct call *c, const char *entity, const json_t *spec)
{
    const char *text = json_string_value(json_object_get(spec, "id"));
    struct uuid id;

    if (!text || !uuid_parse(span_of(text), &id))
        return -1;
    return ask_match_source(c, (struct q_match_source){.entity = entity, .id = id});
}

static enum step ask_sources(struct call *c, struct conversion *v, enum step births)
{
    v->account_source = ask_source(c, "account", v->account);
    v->contact_source = ask_source(c, "contact", v->contact);
    return v->account_source < 0 && v->contact_source < 0 ? births : STEP_WAIT;
}

/* What to make and what to link is known now: may it be made? */
static enum step convert_births(struct call *c)
{
    struct conversion *v = conversion_of(c);
    const struct result *candidates;
    const json_t *opportunity = json_object_get(c->body, "opportunity");
    const struct transition *t = transition_of(c);

    if (c->err.code != ERR_NONE)
        return STEP_FAIL; /* refused, and written down */
    conversion_found(c);
    candidates = v->candidates;
    v->account = conversion_account(c, candidates);
    if (v->account)
        v->contact = conversion_contact(c, candidates);
    v->opportunity = json_is_object(opportunity) ? opportunity : NULL;
    if (c->err.code == ERR_AMBIGUOUS) {
        c->err.members = matches_json(c, candidates);
        return process_refuse(c, record_of(c), t ? t->key : NULL, NULL);
    }
    return c->err.code == ERR_NONE ? ask_sources(c, v, conversion_births(c)) : STEP_FAIL;
}

/* A linked record with what the lead fills in, as sluice.lead_convert() does. */
static void announce_linked(struct call *c, json_t *records, const char *entity, const json_t *spec,
                            int source_at, const char *account)
{
    const char *source = source_at < 0 ? NULL : result_get(call_result(c, source_at), 0, "source");
    json_t *members = read_json(c, source);
    struct uuid id;

    if (!members || !uuid_parse(span_of(json_string_value(json_object_get(spec, "id"))), &id))
        return;
    if (account && !json_object_get(members, "account_id"))
        json_object_set_new(members, "account_id", json_string(account));
    json_object_update_missing(members, conversion_mapped(c, entity));
    json_object_update(members, conversion_mapped(c, arena_printf(&c->arena, "%s_over", entity)));
    json_array_append_new(records, match_record(c, entity, &id, members));
}

/* Announces what is made: the same members as sluice.lead_convert() writes. */
static bool announce(struct call *c, const struct conversion *v)
{
    json_t *records = json_array(), *person = json_object_get(v->contact, "create");
    const json_t *company = json_object_get(v->account, "create");
    const char *account = company ? uuid_text(c, &v->new_account)
                                  : json_string_value(json_object_get(v->account, "id"));

    if (company)
        json_array_append_new(records, match_record(c, "account", &v->new_account, company));
    if (person && !json_is_string(json_object_get(person, "last_name"))) {
        json_t *first = json_object_get(person, "first_name"); /* one name is a name */

        person = keep_json(c, json_copy(person));
        json_object_set(person, "last_name", first);
        json_object_del(person, "first_name");
    }
    if (person) {
        person = keep_json(c, json_copy(person));
        json_object_set_new(person, "account_id", account ? json_string(account) : json_null());
        json_array_append_new(records, match_record(c, "contact", &v->new_contact, person));
    }
    announce_linked(c, records, "account", v->account, v->account_source, NULL);
    announce_linked(c, records, "contact", v->contact, v->contact_source, account);
    return match_send(c, records, c->body, false);
}

static enum step convert_write(struct call *c)
{
    struct conversion *v = conversion_of(c);
    const struct process *s = &v->process;
    const struct transition *t = transition_of(c);
    const char *failures;

    if (c->err.code != ERR_NONE)
        return STEP_FAIL; /* refused, and written down */
    if (!conversion_decide(c, &failures)) {
        if (c->err.code != ERR_GUARD && c->err.code != ERR_NOT_ACTOR)
            return STEP_FAIL;
        return process_refuse(c, record_of(c), t->key, c->err.code == ERR_GUARD ? failures : NULL);
    }
    if (!announce(c, v))
        return STEP_FAIL;
    for (int i = 0; i < BIRTHS; i++)
        if (v->born[i])
            birth_choose(c, &v->births[i]);
    v->written =
        ask_lead_convert(c, (struct q_lead_convert){
                                .lead_id = s->id,
                                .expected_version = strtoll(s->version, NULL, 10),
                                .from_state = s->state,
                                .transition = t->key,
                                .evidence = s->evidence,
                                .viewer = conversion_viewer(c),
                                .scope = call_scope(c, PERMISSION_LEAD_CONVERT),
                                .account = call_json(c, v->account),
                                .contact = v->contact ? call_json(c, v->contact) : NULL,
                                .opportunity = v->opportunity ? call_json(c, v->opportunity) : NULL,
                                .new_account = v->new_account,
                                .new_contact = v->new_contact,
                                .new_opportunity = v->new_opportunity,
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
    const struct result *r = call_result(c, conversion_of(c)->written);
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
    const struct result *lead = call_result(c, -1);
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
    out_member_raw(o, "conflicts",
                   result_get(call_result(c, conversion_of(c)->written), 0, "conflicts"));
    out_object_end(o);
    return STEP_REPLY;
}

const struct operation lead_convert = {
    .steps =
        (step_fn *const[]){convert_ask, process_blueprint, process_ready, convert_decide,
                           convert_births, convert_write, process_refused, convert_reply, NULL},
    .of = &record_lead,
};
