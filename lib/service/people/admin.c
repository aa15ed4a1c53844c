/* admin - users, teams, calendars, API keys: records like the others, but for their secrets.
 *
 * A secret is made here, its hash goes to the database with the body, and the answer shows it once.
 */
#include <string.h>

#include "asks.gen.h"
#include "call/reply.h"
#include "crypto/password.h"
#include "crypto/secret.h"
#include "loop/offload.h"
#include "service/people/new_password.h"
#include "service/record/keyed.h"
#include "service/record/record.h"
#include "json/out.h"

#define ADMIN_RECORD(name, ENTITY, PERMISSION, ...)                                                \
    static const struct record name = {.entity = ENTITY,                                           \
                                       .may_read = PERMISSION,                                     \
                                       .may_write = PERMISSION,                                    \
                                       .may_delete = PERMISSION,                                   \
                                       .get = &query_##name##_get,                                 \
                                       .create = &query_##name##_create,                           \
                                       .list = &list_##name##_list,                                \
                                       __VA_ARGS__};                                               \
    const struct operation name##_list = {record_list_steps, &name};                               \
    const struct operation name##_get = {record_get_steps, &name}

ADMIN_RECORD(user, "user", PERMISSION_ADMIN_USERS, .update = &query_user_update);
ADMIN_RECORD(team, "team", PERMISSION_ADMIN_USERS, .update = &query_team_update,
             .erase = &query_team_delete);
ADMIN_RECORD(calendar, "calendar", PERMISSION_ADMIN_CALENDARS, .update = &query_calendar_update,
             .erase = &query_calendar_delete);
ADMIN_RECORD(api_key, "api_key", PERMISSION_ADMIN_KEYS, .erase = &query_api_key_delete);

const struct operation team_create = {record_create_steps, &team};
const struct operation team_update = {record_update_steps, &team};
const struct operation team_delete = {record_delete_steps, &team};
const struct operation calendar_create = {record_create_steps, &calendar};
const struct operation calendar_update = {record_update_steps, &calendar};
const struct operation calendar_delete = {record_delete_steps, &calendar};
const struct operation api_key_delete = {record_delete_steps, &api_key};

/* users: a password becomes its hash on an offload thread before the record is written */

struct hashing {
    struct job job;
    const char *password;
    char hash[PASSWORD_HASH_TEXT];
    bool done;
};

static void hash(struct job *job)
{
    struct hashing *h = (struct hashing *)job;

    h->done = password_hash(h->password, h->hash);
}

static enum step password_ask(struct call *c)
{
    struct hashing *h = call_alloc(c, sizeof(*h));

    if (!h)
        return STEP_FAIL;
    c->state = h;
    h->password = call_body_text(c, "password");
    if (!h->password)
        return STEP_NEXT;
    if (!new_password_good(c, "/password", h->password, call_body_text(c, "email"),
                           call_body_text(c, "name")))
        return STEP_FAIL;
    h->job.work = hash;
    return call_offload(c, &h->job) ? STEP_WAIT : STEP_FAIL;
}

static enum step password_put(struct call *c)
{
    const struct hashing *h = c->state;

    if (!h->password)
        return STEP_NEXT;
    if (!h->done)
        return call_fail(c, ERR_BUSY, "no memory to hash the password; try again");
    json_object_del(c->body, "password");
    json_object_set_new(c->body, "password_hash", json_string(h->hash));
    return STEP_NEXT;
}

static enum step user_create_record(struct call *c)
{
    return record_create_steps[0](c);
}

static enum step user_update_record(struct call *c)
{
    return record_update(c);
}

const struct operation user_create = {
    .steps =
        (step_fn *const[]){password_ask, password_put, user_create_record, reply_created, NULL},
    .of = &user,
};
const struct operation user_update = {
    .steps = (step_fn *const[]){password_ask, password_put, user_update_record, check_written,
                                reply_row, NULL},
    .of = &user,
};

static enum step api_key_make(struct call *c)
{
    return keyed_create(c, "slk");
}

const struct operation api_key_create = {
    .steps = (step_fn *const[]){api_key_make, keyed_reply, NULL},
    .of = &api_key,
};
