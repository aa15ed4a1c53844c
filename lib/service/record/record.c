/* record - list, create, get, update, delete, history and timeline of any resource. */
#include "service/record/record.h"

#include <string.h>

#include "asks.gen.h"
#include "call/reply.h"
#include "service/record/custom.h"
#include "service/record/links.h"
#include "service/record/list_states.h"
#include "service/record/match.h"

#define TEXT_ARRAY_MAX ((size_t)1 << 20)

const struct record *record_of(const struct call *c)
{
    return c->route->operation->of;
}

const char *uuid_text(struct call *c, const struct uuid *id)
{
    char text[UUID_TEXT];

    if (uuid_is_none(id))
        return NULL;
    uuid_format(id, text);
    return arena_strdup(&c->arena, text);
}

static void decref(void *json)
{
    json_decref(json);
}

json_t *keep_json(struct call *c, json_t *value)
{
    if (value)
        arena_defer(&c->arena, decref, value);
    return value;
}

json_t *read_json(struct call *c, const char *text)
{
    return keep_json(c, text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL);
}

const char *caller_id(struct call *c)
{
    return c->who->kind == ACTOR_USER ? uuid_text(c, &c->who->id) : NULL;
}

const char *text_array(struct call *c, const char *const *words)
{
    struct buf b;
    char *text;

    buf_init(&b, TEXT_ARRAY_MAX);
    buf_putc(&b, '{');
    for (size_t i = 0; words && words[i]; i++) {
        if (i)
            buf_putc(&b, ',');
        buf_putc(&b, '"');
        for (const char *p = words[i]; *p; p++) {
            if (*p == '"' || *p == '\\')
                buf_putc(&b, '\\');
            buf_putc(&b, *p);
        }
        buf_putc(&b, '"');
    }
    buf_putc(&b, '}');
    text = b.failed ? NULL : arena_strdup(&c->arena, buf_text(&b));
    buf_done(&b);
    return text;
}

void record_ask_get(struct call *c, const struct record *r, const struct uuid *id,
                    enum permission p)
{
    const char *const values[] = {uuid_text(c, id), caller_id(c), call_scope(c, p)};

    call_ask(c, r->get, values);
}

/* GET /v1/leads; the scopes of accounts and contacts are for lists that include them */

void record_list_fixed(struct call *c, enum permission p, const char *fixed[RECORD_LIST_FIXED])
{
    fixed[0] = caller_id(c);
    fixed[1] = call_scope(c, p);
    fixed[2] = call_scope(c, PERMISSION_ACCOUNT_READ);
    fixed[3] = call_scope(c, PERMISSION_CONTACT_READ);
}

static enum step list_ask_page(struct call *c)
{
    const struct record *r = record_of(c);
    const char *fixed[RECORD_LIST_FIXED];

    record_list_fixed(c, r->may_read, fixed);
    return list_ask(c, r->list, fixed);
}

step_fn *const record_list_steps[] = {
    custom_list_ask,   custom_list_read, list_ask_page, list_states_ask,
    list_states_judge, list_reply,       NULL};

/* POST /v1/leads */

enum step record_create(struct call *c)
{
    const struct record *r = record_of(c);
    struct uuid id = call_new_id(c);
    const char *const values[] = {
        uuid_text(c, &id),
        call_json(c, c->body),
        caller_id(c),
        call_scope(c, r->may_write),
        call_scope(c, PERMISSION_ACCOUNT_READ),
    };

    if (!match_send_one(c, r->entity, &id, c->body) || !links_ask(c, r->entity, NULL, c->body, ""))
        return STEP_FAIL;
    call_ask(c, r->create, values); /* takes as many as it declares */
    record_ask_get(c, r, &id, r->may_write);
    return STEP_WAIT;
}

step_fn *const record_create_steps[] = {record_create, reply_created, NULL};

/* POST of what has custom fields, and no process */

static enum step create_custom(struct call *c)
{
    custom_ask(c, record_of(c)->entity);
    return STEP_WAIT;
}

static enum step create_judged(struct call *c)
{
    const json_t *values = json_object_get(c->body, "custom");

    return custom_judge(c, call_result(c, 0), values, "/custom", true) ? STEP_NEXT : STEP_FAIL;
}

step_fn *const record_custom_create_steps[] = {create_custom, create_judged, record_create,
                                               reply_created, NULL};

/* GET /v1/leads/{id} */

static enum step get_ask(struct call *c)
{
    const struct record *r = record_of(c);
    struct uuid id;

    if (!call_path_uuid(c, "id", &id))
        return STEP_FAIL;
    if (r->then && call_param(c, "as_of")) {
        const char *values[] = {uuid_text(c, &id), caller_id(c), call_scope(c, r->may_read),
                                record_scopes(c), NULL};
        int last = r->then->nparams - 1; /* the scopes of others stand ahead of it, if any */

        values[last] = list_value(c, "as_of", r->then->types[last]);
        call_ask(c, r->then, values);
    } else {
        record_ask_get(c, r, &id, r->may_read);
    }
    return STEP_WAIT;
}

step_fn *const record_get_steps[] = {get_ask, reply_row, NULL};

/* PATCH and DELETE /v1/leads/{id}: the write names the version it was decided on, if any */

static bool write_values(struct call *c, enum permission p, struct uuid *id, const char *values[4])
{
    int64_t version;

    if (!call_path_uuid(c, "id", id) || !call_if_match(c, &version))
        return false;
    values[0] = uuid_text(c, id);
    values[1] = caller_id(c);
    values[2] = call_scope(c, p);
    values[3] = version ? arena_printf(&c->arena, "%lld", (long long)version) : NULL;
    return true;
}

/* A patch of custom fields is judged by their definitions first. */
static enum step update_custom(struct call *c)
{
    if (!json_object_get(c->body, "custom"))
        return STEP_NEXT;
    custom_ask(c, record_of(c)->entity);
    return STEP_WAIT;
}

static enum step update_judged(struct call *c)
{
    const json_t *values = json_object_get(c->body, "custom");

    if (!values || custom_judge(c, call_result(c, 0), values, "/custom", false))
        return STEP_NEXT;
    return STEP_FAIL;
}

/* A patch that changes what keys are made of: what the others are made of. */
static enum step update_source(struct call *c)
{
    const struct record *r = record_of(c);
    struct uuid id;

    if (!match_touches(r->entity, c->body))
        return STEP_NEXT;
    if (!call_path_uuid(c, "id", &id))
        return STEP_FAIL;
    ask_match_source(c, (struct q_match_source){.entity = r->entity, .id = id});
    return STEP_WAIT;
}

static bool update_announce(struct call *c, const struct record *r, const struct uuid *id)
{
    const char *source;
    json_t *members;

    if (!match_touches(r->entity, c->body))
        return true;
    source = result_get(call_result(c, 0), 0, "source");
    members = source ? read_json(c, source) : keep_json(c, json_object());
    json_object_update(members, c->body);
    return match_send_one(c, r->entity, id, members);
}

enum step record_update(struct call *c)
{
    const struct record *r = record_of(c);
    const char *values[5];
    struct uuid id;

    if (!write_values(c, r->may_write, &id, values) || !update_announce(c, r, &id) ||
        !links_ask(c, r->entity, &id, c->body, ""))
        return STEP_FAIL;
    values[4] = call_json(c, c->body);
    call_ask(c, r->update, values);
    record_ask_get(c, r, &id, r->may_write);
    return STEP_WAIT;
}

step_fn *const record_update_steps[] = {update_custom, update_judged, update_source, record_update,
                                        check_written, reply_row,     NULL};

static enum step delete_ask(struct call *c)
{
    const struct record *r = record_of(c);
    const char *values[4];
    struct uuid id;

    if (!write_values(c, r->may_delete, &id, values))
        return STEP_FAIL;
    call_ask(c, r->erase, values);
    record_ask_get(c, r, &id, r->may_delete);
    return STEP_WAIT;
}

step_fn *const record_delete_steps[] = {delete_ask, check_written, reply_empty, NULL};

/* GET /v1/leads/{id}/history and /timeline: the record itself decides who may see its story */

static enum step story_ask(struct call *c)
{
    const struct record *r = record_of(c);
    struct uuid id;

    if (!call_path_uuid(c, "id", &id))
        return STEP_FAIL;
    record_ask_get(c, r, &id, r->may_read);
    return STEP_WAIT;
}

/* A story goes over records of other kinds than its own: what the caller may see of each. */
const char *record_scopes(struct call *c)
{
    static const struct {
        const char *entity;
        enum permission may_read;
    } rows[] = {
        {"lead", PERMISSION_LEAD_READ},           {"account", PERMISSION_ACCOUNT_READ},
        {"contact", PERMISSION_CONTACT_READ},     {"opportunity", PERMISSION_OPPORTUNITY_READ},
        {"activity", PERMISSION_ACTIVITY_READ},   {"task", PERMISSION_TASK_READ},
        {"equipment", PERMISSION_EQUIPMENT_READ}, {"invoice", PERMISSION_INVOICE_READ},
        {"complaint", PERMISSION_COMPLAINT_READ},
    };
    json_t *all = json_object();
    const char *text;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        json_object_set_new(all, rows[i].entity, json_string(call_scope(c, rows[i].may_read)));
    text = call_json(c, all);
    json_decref(all);
    return text;
}

static enum step story_page(struct call *c, const struct list_query *q)
{
    const struct record *r = record_of(c);
    const char *const fixed[] = {r->entity, call_path(c, "id"), caller_id(c), record_scopes(c)};

    if (result_rows(call_result(c, 0)) == 0)
        return call_fail(c, ERR_NOT_FOUND, "no such %s, or it is not yours to see", r->entity);
    return list_ask(c, q, fixed);
}

static enum step history_page(struct call *c)
{
    return story_page(c, &list_history_list);
}

static enum step timeline_page(struct call *c)
{
    return story_page(c, &list_timeline_list);
}

step_fn *const record_history_steps[] = {story_ask, history_page, list_reply, NULL};
step_fn *const record_timeline_steps[] = {story_ask, timeline_page, list_reply, NULL};
