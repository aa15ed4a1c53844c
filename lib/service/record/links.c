/* links - what a request names beside the record it is about. */
#include "service/record/links.h"

#include <string.h>

#include "asks.gen.h"
#include "queries.gen.h"
#include "service/record/record.h"

/* Whether a member names something, and the caller does not see everything of its kind anyway:
 * most do, and pay nothing. */
static bool is_doubtful(const struct call *c, const json_t *members)
{
    static const struct {
        const char *member;
        enum permission may_read;
    } links[] = {
        {"lead_id", PERMISSION_LEAD_READ},
        {"account_id", PERMISSION_ACCOUNT_READ},
        {"contact_id", PERMISSION_CONTACT_READ},
        {"opportunity_id", PERMISSION_OPPORTUNITY_READ},
    };

    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
        if (json_is_string(json_object_get(members, links[i].member)) &&
            strcmp(call_scope(c, links[i].may_read), "all") != 0)
            return true;
    return false;
}

bool links_ask(struct call *c, const char *entity, const struct uuid *id, const json_t *members,
               const char *at)
{
    if (!is_doubtful(c, members))
        return true;

    const char *const values[] = {
        entity, id ? uuid_text(c, id) : NULL, call_json(c, members), caller_id(c), record_scopes(c),
        at,
    };
    return call_ask_ahead(c, &query_links_check, values);
}
