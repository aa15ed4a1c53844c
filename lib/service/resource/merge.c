/* merge - records that are one become one, and two again. What a merge does, and when it can be
 * taken back, is decided in SQL (sql/functions/merge.sql), in one transaction. */
#include <stdlib.h>
#include <string.h>

#include "asks.gen.h"
#include "call/reply.h"
#include "schemas.gen.h"
#include "service/record/links.h"
#include "service/record/record.h"

/* What can be merged, and what a field may be given by hand. */
struct kind {
    const struct record *record;
    enum permission may;
    const struct schema *fields;
};

static const struct kind kinds[] = {
    {&record_lead, PERMISSION_LEAD_MERGE, &schema_LeadPatch},
    {&record_account, PERMISSION_ACCOUNT_MERGE, &schema_AccountPatch},
    {&record_contact, PERMISSION_CONTACT_MERGE, &schema_ContactPatch},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static struct uuid viewer(const struct call *c)
{
    return c->who->kind == ACTOR_USER ? c->who->id : (struct uuid){0};
}

static void ask_get(struct call *c, struct uuid id)
{
    ask_merge_get(c,
                  (struct q_merge_get){.id = id, .viewer = viewer(c), .scopes = record_scopes(c)});
}

/* POST /v1/leads/{id}/merge */

static bool is_member(const struct call *c, const char *text)
{
    const json_t *losers = json_object_get(c->body, "losers"), *one;
    size_t i;

    if (strcasecmp(text, call_path(c, "id")) == 0)
        return true;
    json_array_foreach ((json_t *)losers, i, one)
        if (strcasecmp(text, json_string_value(one)) == 0)
            return true;
    return false;
}

/* A choice is the id of one of the records, or a value like that of a PATCH. A value for a custom
 * field is left to a PATCH, which knows the field's type. */
static bool check_choices(struct call *c, const struct kind *k, const struct uuid *survivor)
{
    json_t *choices = json_object_get(c->body, "fields"), *value, *own;
    const char *name;

    if (!json_is_object(choices))
        return true;
    own = keep_json(c, json_object());
    json_object_foreach (choices, name, value) {
        if (json_is_string(value) && is_member(c, json_string_value(value)))
            continue;
        if (strncmp(name, "custom.", strlen("custom.")) == 0)
            err_fault(&c->err, ERR_INVALID,
                      (struct fault){.in = "body",
                                     .pointer = arena_printf(&c->arena, "/fields/%s", name),
                                     .code = "invalid",
                                     .detail = "A custom field is chosen by the id of one of the "
                                               "records."});
        else
            json_object_set(own, name, value);
    }
    if (c->err.code != ERR_NONE)
        return false;
    return schema_check(k->fields, own, "/fields", &c->err) &&
           links_ask(c, k->record->entity, survivor, own, "/fields");
}

static const char *loser_array(struct call *c)
{
    const json_t *losers = json_object_get(c->body, "losers");
    size_t n = json_array_size(losers);
    const char **words = call_alloc(c, (n + 1) * sizeof(*words));

    if (!words)
        return NULL;
    for (size_t i = 0; i < n; i++)
        words[i] = json_string_value(json_array_get(losers, i));
    words[n] = NULL;
    return text_array(c, words);
}

static enum step merge_ask(struct call *c)
{
    const struct kind *k = c->route->operation->of;
    const char *const scopes[] = {call_scope(c, k->may), call_scope(c, k->record->may_write), NULL};
    struct uuid survivor, id;
    int64_t version;

    if (!call_path_uuid(c, "id", &survivor) || !call_if_match(c, &version) ||
        !check_choices(c, k, &survivor))
        return STEP_FAIL;
    id = call_new_id(c);
    ask_merge_records(c,
                      (struct q_merge_records){
                          .id = id,
                          .entity = k->record->entity,
                          .survivor = survivor,
                          .losers = loser_array(c),
                          .expected_version =
                              version ? arena_printf(&c->arena, "%lld", (long long)version) : NULL,
                          .choices = call_json(c, json_object_get(c->body, "fields")),
                          .note = call_body_text(c, "note"),
                          .viewer = viewer(c),
                          .scopes = text_array(c, scopes),
                      });
    ask_get(c, id);
    return STEP_WAIT;
}

static enum step merge_reply(struct call *c)
{
    char id[UUID_TEXT];

    uuid_format(&c->resource, id);
    reply_header(c, "Location", arena_printf(&c->arena, "/v1/merges/%s", id));
    return reply_row(c);
}

static step_fn *const merge_steps[] = {merge_ask, merge_reply, NULL};

const struct operation lead_merge = {merge_steps, &kinds[0]};
const struct operation account_merge = {merge_steps, &kinds[1]};
const struct operation contact_merge = {merge_steps, &kinds[2]};

/* GET /v1/merges and /v1/merges/{id} */

static enum step list_ask_page(struct call *c)
{
    const char *const fixed[] = {caller_id(c), record_scopes(c)};

    return list_ask(c, &list_merge_list, fixed);
}

static enum step get_ask(struct call *c)
{
    struct uuid id;

    if (!call_path_uuid(c, "id", &id))
        return STEP_FAIL;
    ask_get(c, id);
    return STEP_WAIT;
}

const struct operation merge_list = {(step_fn *const[]){list_ask_page, list_reply, NULL}, NULL};
const struct operation merge_get = {(step_fn *const[]){get_ask, reply_row, NULL}, NULL};

/* POST /v1/merges/{id}/undo: whoever may merge such records may take it back */

static const char *merge_scopes(struct call *c)
{
    json_t *all = keep_json(c, json_object());

    for (size_t i = 0; i < KINDS; i++)
        json_object_set_new(all, kinds[i].record->entity,
                            json_pack("[ss]", call_scope(c, kinds[i].may),
                                      call_scope(c, kinds[i].record->may_write)));
    return call_json(c, all);
}

static enum step undo_ask(struct call *c)
{
    struct uuid id;
    int64_t version;

    if (!call_path_uuid(c, "id", &id) || !call_if_match(c, &version))
        return STEP_FAIL;
    ask_merge_undo(c, (struct q_merge_undo){
                          .id = id,
                          .expected_version =
                              version ? arena_printf(&c->arena, "%lld", (long long)version) : NULL,
                          .viewer = viewer(c),
                          .read = record_scopes(c),
                          .may = merge_scopes(c),
                      });
    ask_get(c, id);
    return STEP_WAIT;
}

const struct operation merge_undo = {(step_fn *const[]){undo_ask, reply_row, NULL}, NULL};
