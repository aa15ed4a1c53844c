/* conversion - what converting a lead would do: what the lead brings, what matches, what may be
 * made.
 */
#include "service/lead/conversion.h"

#include <string.h>

#include "asks.gen.h"
#include "call/reply.h"
#include "schemas.gen.h"
#include "json/out.h"
#include "json/schema.h"

struct conversion *conversion_of(const struct call *c)
{
    return c->state;
}

enum step conversion_ask(struct call *c, enum permission p)
{
    struct conversion *v = call_alloc(c, sizeof(*v));
    struct uuid id;

    if (!v || !call_path_uuid(c, "id", &id))
        return STEP_FAIL;
    v->new_account = uuid_v7();
    v->new_contact = uuid_v7();
    v->new_opportunity = uuid_v7();
    return process_ask_of(c, &v->process, record_of(c), id, p);
}

struct uuid conversion_viewer(const struct call *c)
{
    return c->who->kind == ACTOR_USER ? c->who->id : (struct uuid){0};
}

static const char *lead_text(struct call *c, const char *name)
{
    return json_string_value(
        json_object_get(json_object_get(process_of(c)->facts, "record"), name));
}

json_t *conversion_mapped(struct call *c, const char *column)
{
    json_t *members = read_json(c, result_get(conversion_of(c)->mapped, 0, column));

    return members ? members : keep_json(c, json_object());
}

/* A lead without a company is a person who buys: the account bears the person's name. */
static json_t *mapped_account(struct call *c)
{
    json_t *account = conversion_mapped(c, "account");
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
enum step conversion_candidates(struct call *c)
{
    ask_lead_conversion_candidates(c, (struct q_lead_conversion_candidates){
                                          .id = process_of(c)->id,
                                          .viewer = conversion_viewer(c),
                                          .scope = call_scope(c, c->route->permission),
                                          .account_scope = call_scope(c, PERMISSION_ACCOUNT_READ),
                                          .contact_scope = call_scope(c, PERMISSION_CONTACT_READ),
                                      });
    birth_ask(c, &record_account);
    birth_ask(c, &record_opportunity);
    ask_lead_mapped(c, (struct q_lead_mapped){.id = process_of(c)->id});
    return STEP_WAIT;
}

/* Keeps what was found: the answers that conversion_candidates() asked for. */
void conversion_found(struct call *c)
{
    conversion_of(c)->candidates = call_result(c, 0);
    conversion_of(c)->mapped = call_result(c, -1);
}

/* what to do about account and contact */

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

/* A lead that names no person becomes an account only, unless the request brings one. */
static bool wants_contact(struct call *c)
{
    return lead_text(c, "last_name") || json_object_get(c->body, "contact");
}

json_t *conversion_account(struct call *c, const struct result *candidates)
{
    return spec_of(c, candidates, "account", mapped_account(c));
}

json_t *conversion_contact(struct call *c, const struct result *candidates)
{
    return wants_contact(c) ? spec_of(c, candidates, "contact", conversion_mapped(c, "contact"))
                            : NULL;
}

/* births: which processes govern what the conversion makes, and whether it may be made */

static const struct schema *member_of(const struct schema *s, const char *name)
{
    for (const struct schema_member *m = s ? s->members : NULL; m && m->name; m++)
        if (strcmp(m->name, name) == 0)
            return m->schema;
    return NULL;
}

/* Adds the question for the facts of what will be made, if there is something to decide. */
enum step conversion_births(struct call *c)
{
    struct conversion *v = conversion_of(c);
    const struct schema *body = &schema_ConversionRequest;

    v->births[BIRTH_ACCOUNT] = (struct birth){
        .record = &record_account,
        .members = member_of(member_of(body, "account"), "create"),
        .pointer = "/account/create",
    };
    v->births[BIRTH_OPPORTUNITY] = (struct birth){
        .record = &record_opportunity,
        .members = member_of(body, "opportunity"),
        .pointer = "/opportunity",
    };
    v->born[BIRTH_ACCOUNT] = json_object_get(v->account, "create") != NULL;
    v->born[BIRTH_OPPORTUNITY] = v->opportunity != NULL;
    for (int i = 0; i < BIRTHS; i++)
        v->born[i] = birth_is_judged(&v->births[i], call_result(c, 1 + i)) && v->born[i];
    if (!v->born[BIRTH_ACCOUNT] && !v->born[BIRTH_OPPORTUNITY])
        return STEP_NEXT;
    ask_lead_conversion_births(
        c, (struct q_lead_conversion_births){
               .lead_id = v->process.id,
               .account = v->account ? call_json(c, v->account) : NULL,
               .contact = v->contact ? call_json(c, v->contact) : NULL,
               .opportunity = v->opportunity ? call_json(c, v->opportunity) : NULL,
               .new_account = v->new_account,
               .new_contact = v->new_contact,
               .actor_kind = actor_word(c->who->kind),
               .viewer = conversion_viewer(c),
               .roles = text_array(c, c->who->roles),
               .teams = text_array(c, c->who->teams),
               .account_scope = call_scope(c, PERMISSION_ACCOUNT_READ),
               .contact_scope = call_scope(c, PERMISSION_CONTACT_READ),
           });
    return STEP_WAIT;
}

/* The opportunity sees its account as it will be. */
static void show_account(json_t *facts, const struct birth *b)
{
    json_t *account = json_object_get(json_object_get(facts, "related"), "account");
    const struct state *s = birth_state(b);

    json_object_set_new(account, "verification", s ? json_string(s->key) : json_null());
}

/* Decides what is to be decided; the failures of both, as a JSON array. False with c->err set. */
bool conversion_decide(struct call *c, const char **ret_failures)
{
    static const char *const columns[] = {"account_facts", "opportunity_facts"};
    struct conversion *v = conversion_of(c);
    json_t *failures = keep_json(c, json_array());
    bool may = true;

    for (int i = 0; i < BIRTHS; i++) {
        json_t *facts;

        if (!v->born[i])
            continue;
        facts = read_json(c, result_get(call_result(c, 0), 0, columns[i]));
        if (!facts)
            return err_set(&c->err, ERR_INTERNAL, NULL);
        if (i == BIRTH_OPPORTUNITY && v->born[BIRTH_ACCOUNT])
            show_account(facts, &v->births[BIRTH_ACCOUNT]);
        err_init(&c->err, &c->arena);
        if (birth_decide(c, &v->births[i], facts))
            continue;
        if (c->err.code != ERR_GUARD && c->err.code != ERR_NOT_ACTOR)
            return false;
        may = false;
        json_array_extend(failures, read_json(c, v->births[i].failures));
    }
    *ret_failures = call_json(c, failures);
    err_init(&c->err, &c->arena);
    if (may)
        return true;
    for (int i = 0; i < BIRTHS; i++)
        if (v->births[i].initial && !v->births[i].actor_allowed)
            return err_set(&c->err, ERR_NOT_ACTOR, "\"%s\" of the new %s belongs to others",
                           v->births[i].initial->key, v->births[i].record->entity);
    return err_set(&c->err, ERR_GUARD,
                   "what the lead would become still needs what \"failures\" lists");
}

/* GET /v1/leads/{id}/conversion */

static enum step preview_ask(struct call *c)
{
    return conversion_ask(c, PERMISSION_LEAD_READ);
}

static bool is_conversion(const struct transition *t)
{
    return t->kind == TRANSITION_CONVERT || t->kind == TRANSITION_CONVERT_OPEN;
}

void conversion_write_matches(struct out *o, const struct result *r)
{
    out_array(o);
    for (int i = 0; i < result_rows(r); i++)
        reply_write_row(o, r, i, NULL);
    out_array_end(o);
}

/* What a request without members would make; several matches are for people to choose from. */
static json_t *preview_spec(struct call *c, const char *entity, json_t *new_members)
{
    json_t *spec = spec_of(c, call_result(c, 0), entity, new_members);

    err_init(&c->err, &c->arena);
    return spec ? spec : keep_json(c, json_pack("{s:O}", "create", new_members));
}

static struct uuid linked_id(const json_t *spec)
{
    struct uuid id = {0};

    (void)uuid_parse(span_of(json_string_value(json_object_get(spec, "id"))), &id);
    return id;
}

/* Asks what records that would be linked say otherwise. */
static int ask_conflicts(struct call *c, const struct conversion *v)
{
    if (!json_object_get(v->account, "id") && !json_object_get(v->contact, "id"))
        return -1;
    return ask_conversion_conflicts(
        c, (struct q_conversion_conflicts){.lead_id = v->process.id,
                                           .account_id = linked_id(v->account),
                                           .contact_id = linked_id(v->contact)});
}

static enum step preview_births(struct call *c)
{
    struct conversion *v = conversion_of(c);
    enum step births;

    conversion_found(c);
    v->account = preview_spec(c, "account", mapped_account(c));
    if (wants_contact(c))
        v->contact = preview_spec(c, "contact", conversion_mapped(c, "contact"));
    v->opportunity = keep_json(c, json_object());
    births = conversion_births(c);
    v->conflicts = ask_conflicts(c, v);
    return v->conflicts < 0 ? births : STEP_WAIT;
}

static void write_birth(struct out *o, const struct birth *b)
{
    bool mine = !b->initial || b->actor_allowed;

    out_key(o, b->record->entity);
    out_object(o);
    out_key(o, "available");
    out_bool(o, mine && !b->failures);
    out_key(o, "actor_allowed");
    out_bool(o, mine);
    out_member_raw(o, "failures", b->failures ? b->failures : "[]");
    out_object_end(o);
}

static void write_births(struct call *c, struct out *o)
{
    const struct conversion *v = conversion_of(c);

    out_key(o, "births");
    out_object(o);
    if (json_object_get(v->account, "create"))
        write_birth(o, &v->births[BIRTH_ACCOUNT]);
    else
        out_member_raw(o, "account", "null");
    write_birth(o, &v->births[BIRTH_OPPORTUNITY]);
    out_object_end(o);
}

static enum step preview_reply(struct call *c)
{
    const struct process *s = process_of(c);
    const char *failures;
    struct out *o;
    int conflicts;

    if (!conversion_decide(c, &failures) && c->err.code != ERR_GUARD &&
        c->err.code != ERR_NOT_ACTOR)
        return STEP_FAIL;
    err_init(&c->err, &c->arena);
    o = reply_json(c, c->route->success);

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
    conversion_write_matches(o, conversion_of(c)->candidates);
    out_key(o, "mapped");
    out_object(o);
    out_member_raw(o, "account", call_json(c, mapped_account(c)));
    out_member_raw(o, "contact",
                   lead_text(c, "last_name") ? call_json(c, conversion_mapped(c, "contact"))
                                             : "null");
    out_member_raw(o, "opportunity", call_json(c, conversion_mapped(c, "opportunity")));
    out_object_end(o);
    conflicts = conversion_of(c)->conflicts;
    out_member_raw(o, "conflicts",
                   conflicts < 0 ? "[]" : result_get(call_result(c, conflicts), 0, "conflicts"));
    write_births(c, o);
    out_object_end(o);
    reply_header(c, "ETag", arena_printf(&c->arena, "\"%s\"", s->version));
    return STEP_REPLY;
}

const struct operation lead_conversion = {
    .steps = (step_fn *const[]){preview_ask, process_blueprint, process_ready,
                                conversion_candidates, preview_births, preview_reply, NULL},
    .of = &record_lead,
};
