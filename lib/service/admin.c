/* admin - users, teams, calendars, API keys, intake forms: records like the others, but for their
 * secrets.
 *
 * A secret is made here, its hash goes to the database with the body, and the answer shows it once.
 */
#include <string.h>

#include "asks.gen.h"
#include "call/reply.h"
#include "crypto/password.h"
#include "crypto/secret.h"
#include "loop/offload.h"
#include "service/intake.h"
#include "service/new_password.h"
#include "service/record.h"
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
ADMIN_RECORD(intake_form, "intake_form", PERMISSION_ADMIN_INTAKE,
             .update = &query_intake_form_update);

const struct operation team_create = {record_create_steps, &team};
const struct operation team_update = {record_update_steps, &team};
const struct operation team_delete = {record_delete_steps, &team};
const struct operation calendar_create = {record_create_steps, &calendar};
const struct operation calendar_update = {record_update_steps, &calendar};
const struct operation calendar_delete = {record_delete_steps, &calendar};
const struct operation api_key_delete = {record_delete_steps, &api_key};
const struct operation intake_form_update = {(step_fn *const[]){intake_form_ask, intake_form_check,
                                                                record_update, check_written,
                                                                reply_row, NULL},
                                             &intake_form};

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

/* API keys and intake forms: the key is made here and shown once */

static enum step create_with_key(struct call *c, const char *prefix)
{
    char *key = call_alloc(c, SECRET_TEXT);
    char hash_text[SHA256_TEXT];

    if (!key)
        return STEP_FAIL;
    secret_make(prefix, key);
    sha256_hex(key, strlen(key), hash_text);
    json_object_set_new(c->body, "key_hash", json_string(hash_text));
    c->state = key;
    return record_create_steps[0](c);
}

static enum step api_key_make(struct call *c)
{
    return create_with_key(c, "slk");
}

static enum step intake_form_make(struct call *c)
{
    return create_with_key(c, "ik");
}

/* The record, with the key as its last member. */
static enum step reply_with_key(struct call *c)
{
    const struct result *r = call_result(c, 1);
    struct out *o;

    if (result_rows(r) == 0)
        return call_fail(c, ERR_INTERNAL, NULL);
    o = reply_json(c, c->route->success);
    reply_write_row(o, r, 0, NULL);
    /* reopen the object that was just closed: a row has members, so a comma is right */
    c->reply.body.len--;
    buf_puts(&c->reply.body, ",\"key\":\"");
    buf_puts(&c->reply.body, c->state);
    buf_puts(&c->reply.body, "\"}");
    reply_header(c, "ETag", arena_printf(&c->arena, "\"%s\"", result_get(r, 0, "version")));
    reply_header(c, "Location",
                 arena_printf(&c->arena, "%s/%s", c->route->template, result_get(r, 0, "id")));
    return STEP_REPLY;
}

const struct operation api_key_create = {
    .steps = (step_fn *const[]){api_key_make, reply_with_key, NULL},
    .of = &api_key,
};
const struct operation intake_form_create = {
    .steps = (step_fn *const[]){intake_form_ask, intake_form_check, intake_form_make,
                                reply_with_key, NULL},
    .of = &intake_form,
};
