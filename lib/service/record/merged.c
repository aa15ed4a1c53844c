/* merged - the addresses of records that were merged lead to the survivor.
 *
 * Reads are redirected (308, RFC 9110 15.4.9), with everything below the record's address; writes
 * are refused: who would repeat them blindly has never seen the record that they change. The answer
 * is not to be kept, because a merge can be undone.
 */
#include <string.h>

#include "asks.gen.h"
#include "call/reply.h"
#include "service/record/record.h"

static const struct {
    const char *segment;
    const struct record *record;
} merging[] = {
    {"leads", &record_lead},
    {"accounts", &record_account},
    {"contacts", &record_contact},
};

/* The kind of record that the address names with its {id}, or NULL. */
static const struct record *addressed(const struct call *c)
{
    const char *const *s = c->route->segments;

    if (!s[0] || !s[1] || !s[2] || s[2][0] != '\0')
        return NULL;
    for (size_t i = 0; i < sizeof(merging) / sizeof(merging[0]); i++)
        if (strcmp(s[1], merging[i].segment) == 0)
            return merging[i].record;
    return NULL;
}

static struct uuid viewer(const struct call *c)
{
    return c->who->kind == ACTOR_USER ? c->who->id : (struct uuid){0};
}

static enum step merged_ask(struct call *c)
{
    const struct record *r = addressed(c);
    const struct err before = c->err;
    struct uuid id;

    if (!r || !call_path_uuid(c, "id", &id)) {
        c->err = before;
        return STEP_FAIL;
    }
    ask_merged_into(c, (struct q_merged_into){
                           .entity = r->entity,
                           .id = id,
                           .viewer = viewer(c),
                           .scope = call_scope(c, r->may_read),
                       });
    return STEP_WAIT;
}

/* The address that was asked for, with the survivor's id and the query as it was. */
static const char *moved_to(struct call *c, const char *survivor)
{
    const char *address = call_address(c), *id = call_path(c, "id");
    const char *at = strstr(address, id);
    const char *query = call_query_without(c, "");
    size_t n = strlen(query);

    if (!at)
        return NULL;
    return arena_printf(&c->arena, "%.*s%s%s%s%.*s", (int)(at - address), address, survivor,
                        at + strlen(id), n ? "?" : "", (int)(n ? n - 1 : 0), query);
}

static enum step merged_reply(struct call *c)
{
    const struct result *r = call_result(c, 0);
    const char *survivor = result_rows(r) ? result_get(r, 0, "id") : NULL;
    const char *location;
    struct out *o;

    if (!survivor)
        return STEP_FAIL;
    location = moved_to(c, survivor);
    err_init(&c->err, &c->arena);
    if (c->route->method != METHOD_GET) {
        c->err.members = arena_printf(&c->arena, "\"merged_into\":\"%s\"", survivor);
        return call_fail(c, ERR_MERGED, "The record was merged into %s.", survivor);
    }
    o = reply_json(c, 308);
    out_object(o);
    out_member(o, "id", call_path(c, "id"));
    out_member(o, "merged_into", survivor);
    out_object_end(o);
    reply_header(c, "Location", location);
    return STEP_REPLY;
}

step_fn *const merged_steps[] = {merged_ask, merged_reply, NULL};
