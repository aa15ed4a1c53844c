/* match - making keys of records and sending them with the write. */
#include "service/record/match.h"

#include <string.h>

#include "asks.gen.h"
#include "blueprint/blueprint.h"
#include "call/principal.h"
#include "service/record/match_keys.h"
#include "service/record/record.h"

#define REKEY_BATCH 200

/* What keys are made of; the same names as in sluice.match_source(). */
static const char *const lead_fields[] = {
    "first_name", "last_name", "company",  "email", "phone",   "tax_id",
    "website",    "street",    "postcode", "city",  "country", NULL,
};
static const char *const account_fields[] = {
    "name", "email", "phone", "tax_id", "website", "street", "postcode", "city", "country", NULL,
};
static const char *const contact_fields[] = {
    "first_name", "last_name", "email", "phone", "account_id", NULL,
};

static const struct kind {
    const char *entity;
    const char *const *fields;
    enum permission may_read;
} kinds[] = {
    {"lead", lead_fields, PERMISSION_LEAD_READ},
    {"account", account_fields, PERMISSION_ACCOUNT_READ},
    {"contact", contact_fields, PERMISSION_CONTACT_READ},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const struct kind *kind_of(const char *entity)
{
    for (size_t i = 0; i < KINDS; i++)
        if (strcmp(kinds[i].entity, entity) == 0)
            return &kinds[i];
    return NULL;
}

bool match_has_keys(const char *entity)
{
    return kind_of(entity) != NULL;
}

bool match_touches(const char *entity, const json_t *patch)
{
    const struct kind *k = kind_of(entity);

    for (size_t i = 0; k && k->fields[i]; i++)
        if (json_object_get(patch, k->fields[i]))
            return true;
    return false;
}

/* The members that count, as the database has them: texts that are not null, ids in its spelling.
 */
static json_t *source_of(const struct kind *k, const json_t *members)
{
    json_t *source = json_object();
    char account[UUID_TEXT];
    struct uuid id;

    for (size_t i = 0; k && k->fields[i]; i++) {
        json_t *value = json_object_get(members, k->fields[i]);

        if (json_is_string(value))
            json_object_set(source, k->fields[i], value);
    }
    if (uuid_parse(span_of(json_string_value(json_object_get(source, "account_id"))), &id)) {
        uuid_format(&id, account);
        json_object_set_new(source, "account_id", json_string(account));
    }
    return source;
}

json_t *match_record(struct call *c, const char *entity, const struct uuid *id,
                     const json_t *members)
{
    const struct kind *k = kind_of(entity);
    json_t *source = source_of(k, members);
    json_t *record = match_keys_json(entity, source);

    json_object_set_new(record, "entity", json_string(entity));
    json_object_set_new(record, "of", source);
    if (id)
        json_object_set_new(record, "id", json_string(uuid_text(c, id)));
    return record;
}

static json_t *scopes_of(const struct call *c)
{
    json_t *scopes = json_object();

    for (size_t i = 0; i < KINDS; i++)
        json_object_set_new(scopes, kinds[i].entity, json_string(call_scope(c, kinds[i].may_read)));
    return scopes;
}

const char *match_scopes(struct call *c)
{
    return call_json(c, keep_json(c, scopes_of(c)));
}

static const char *reason_of(const json_t *body)
{
    return json_string_value(
        json_object_get(json_object_get(body, "acknowledge_duplicates"), "reason"));
}

bool match_may_acknowledge(struct call *c, const json_t *body)
{
    const char *reason = reason_of(body);

    if (!reason)
        return true;
    if (reason[strspn(reason, " \t\r\n")] == '\0')
        return err_fault(&c->err, ERR_INVALID,
                         (struct fault){.in = "body",
                                        .pointer = "/acknowledge_duplicates/reason",
                                        .code = "required",
                                        .detail = "say why it is another one"});
    if (principal_may(c->who, PERMISSION_DUPLICATE_ACKNOWLEDGE))
        return true;
    return err_set(&c->err, ERR_FORBIDDEN, "Acknowledging duplicates needs the permission \"%s\".",
                   permission_names[PERMISSION_DUPLICATE_ACKNOWLEDGE]);
}

static const char *sent_text(struct call *c, json_t *records, const json_t *body, bool strict)
{
    const char *reason = reason_of(body);
    const char *viewer = caller_id(c);
    json_t *sent =
        keep_json(c, json_pack("{s:o, s:o}", "records", records, "scopes", scopes_of(c)));

    if (strict)
        json_object_set_new(sent, "strict", json_true());
    if (viewer)
        json_object_set_new(sent, "viewer", json_string(viewer));
    if (reason)
        json_object_set_new(sent, "reason", json_string(reason));
    return call_json(c, sent);
}

bool match_send(struct call *c, json_t *records, const json_t *body, bool strict)
{
    const char *const values[] = {sent_text(c, records, body, strict)};

    return match_may_acknowledge(c, body) && call_ask_ahead(c, &query_match_send, values);
}

bool match_send_one(struct call *c, const char *entity, const struct uuid *id,
                    const json_t *members)
{
    if (!match_has_keys(entity))
        return true;
    return match_send(c, json_pack("[o]", match_record(c, entity, id, members)), c->body, true);
}

/* What a move sets, for the caller to free. What an action takes from the clock or the actor is no
 * name, number or address. */
static json_t *set_by(const struct transition *t, const json_t *body)
{
    json_t *set = json_object();
    const json_t *action;
    size_t i;

    json_object_update(set, json_object_get(body, "fields"));
    json_array_foreach (t->actions, i, action) {
        const json_t *params = json_object_get(action, "params");
        const char *field = json_string_value(json_object_get(params, "field"));
        json_t *value = json_object_get(params, "value");

        if (field && strcmp(json_string_value(json_object_get(action, "kind")), "set_field") == 0)
            json_object_set(set, field, value ? value : json_null());
    }
    return set;
}

bool match_moves(const char *entity, const struct transition *t, const json_t *body)
{
    json_t *set = set_by(t, body);
    bool touches = match_touches(entity, set);

    json_decref(set);
    return touches;
}

/* The record as the move leaves it, or NULL when it sets nothing that keys are made of. */
static json_t *moved_record(struct call *c, const char *entity, const struct uuid *id,
                            const json_t *record, const struct transition *t, const json_t *body)
{
    json_t *set = set_by(t, body), *members, *moved = NULL;

    if (match_touches(entity, set)) {
        members = json_copy((json_t *)record);
        json_object_update(members, set);
        moved = json_pack("[o]", match_record(c, entity, id, members));
        json_decref(members);
    }
    json_decref(set);
    return moved;
}

bool match_send_move(struct call *c, const char *entity, const struct uuid *id,
                     const json_t *record, const struct transition *t, const json_t *body)
{
    json_t *moved = moved_record(c, entity, id, record, t, body);

    return !moved || match_send(c, moved, body, false);
}

const char *match_sent_move(struct call *c, const char *entity, const struct uuid *id,
                            const json_t *record, const struct transition *t)
{
    json_t *moved = moved_record(c, entity, id, record, t, NULL);

    return moved ? sent_text(c, moved, NULL, false) : NULL;
}

/* rekey: a page of the list at a time */

static enum step rekey_ask(struct call *c)
{
    ask_rekey_next(c, (struct q_rekey_next){.batch = REKEY_BATCH});
    return STEP_WAIT;
}

static enum step rekey_make(struct call *c)
{
    const struct result *r = call_result(c, 0);
    json_t *records;

    if (result_rows(r) == 0) {
        c->reply.status = 204;
        return STEP_REPLY;
    }
    records = keep_json(c, json_array());
    for (int i = 0; i < result_rows(r); i++) {
        const char *source = result_get(r, i, "source");
        json_t *members = source ? json_loads(source, 0, NULL) : NULL;
        json_t *record = match_record(c, result_get(r, i, "entity"), NULL, members);

        json_object_set_new(record, "id", json_string(result_get(r, i, "record_id")));
        json_object_set_new(record, "mark", json_string(result_get(r, i, "mark")));
        json_array_append_new(records, record);
        json_decref(members);
    }
    ask_rekey_store(c, (struct q_rekey_store){.records = call_json(c, records)});
    return STEP_WAIT;
}

static enum step rekey_reply(struct call *c)
{
    const char *done = result_get(call_result(c, 0), 0, "done");

    c->reply.status = done && strcmp(done, "0") != 0 ? 200 : 204;
    return STEP_REPLY;
}

step_fn *const rekey_steps[] = {rekey_ask, rekey_make, rekey_reply, NULL};
