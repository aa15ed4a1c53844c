/* import - spreadsheets: uploads, the work they leave for the background, and its results. */
#include "service/import/import.h"

#include <stdlib.h>
#include <string.h>

#include "asks.gen.h"
#include "call/principal.h"
#include "call/reply.h"
#include "crypto/secret.h"
#include "service/record/jobs.h"

#define PARTS_MAX 1000

/* GET /v1/imports and /v1/imports/{id} */

static enum step list_page(struct call *c)
{
    const char *const fixed[] = {uuid_text(c, &c->who->id), call_scope(c, PERMISSION_IMPORT_RUN)};

    return list_ask(c, &list_import_list, fixed);
}

const struct operation import_list = {(step_fn *const[]){list_page, list_reply, NULL}, NULL};

bool import_ask_get(struct call *c, struct uuid id)
{
    ask_import_get(c, (struct q_import_get){.id = id,
                                            .viewer = c->who->id,
                                            .scope = call_scope(c, PERMISSION_IMPORT_RUN)});
    return true;
}

static enum step get_ask(struct call *c)
{
    struct uuid id;

    return call_path_uuid(c, "id", &id) && import_ask_get(c, id) ? STEP_WAIT : STEP_FAIL;
}

const struct operation import_get = {(step_fn *const[]){get_ask, reply_row, NULL}, NULL};

/* The import is there, and the caller may write what it makes. */
static enum step check_there(struct call *c)
{
    const struct result *r = call_result(c, 0);
    const struct import_entity *of;

    if (result_rows(r) == 0)
        return call_fail(c, ERR_NOT_FOUND, "no such import, or it is not yours to see");
    of = import_entity_find(result_get(r, 0, "entity"));
    if (!of || !principal_may(c->who, of->record->may_write))
        return call_fail(c, ERR_FORBIDDEN, "This needs the permission \"%s\".",
                         of ? permission_names[of->record->may_write] : "import.run");
    return STEP_NEXT;
}

/* POST /v1/imports */

static enum step create_ask(struct call *c)
{
    const struct import_entity *of = import_entity_find(call_body_text(c, "entity"));
    struct uuid id;

    if (!of)
        return call_fail(c, ERR_INTERNAL, NULL);
    if (!principal_may(c->who, of->record->may_write))
        return call_fail(c, ERR_FORBIDDEN, "This needs the permission \"%s\".",
                         permission_names[of->record->may_write]);
    id = call_new_id(c);
    ask_import_create(c, (struct q_import_create){.id = id, .body = call_json(c, c->body)});
    import_ask_get(c, id);
    return STEP_WAIT;
}

const struct operation import_create = {(step_fn *const[]){create_ask, reply_created, NULL}, NULL};

/* PUT /v1/imports/{id}/parts/{n} */

static bool part_number(struct call *c, int64_t *ret)
{
    if (text_parse_i64(span_of(call_path(c, "n")), ret) && *ret >= 1 && *ret <= PARTS_MAX)
        return true;
    return err_set(&c->err, ERR_NOT_FOUND, "parts are numbered from 1 to %d", PARTS_MAX);
}

static enum step part_ask(struct call *c)
{
    struct span body = c->request.raw_body;
    char hash[SHA256_TEXT];
    struct uuid id;
    int64_t n;

    if (!call_path_uuid(c, "id", &id) || !part_number(c, &n))
        return STEP_FAIL;
    sha256_hex(body.n ? body.p : "", body.n, hash);
    ask_import_part_put(
        c, (struct q_import_part_put){
               .import = id, .n = n, .sha256 = arena_strdup(&c->arena, hash), .data = ""});
    call_ask_raw(c, body);
    ask_import_part_get(c, (struct q_import_part_get){.import = id, .n = n});
    return STEP_WAIT;
}

const struct operation import_part_put = {
    (step_fn *const[]){get_ask, check_there, part_ask, reply_row, NULL}, NULL};

/* POST /v1/imports/{id}/dry-run, /run and /revert leave work */

static enum step start(struct call *c, bool dry)
{
    bool again = json_is_true(json_object_get(c->body, "again"));
    struct uuid import, id = call_new_id(c);

    if (!call_path_uuid(c, "id", &import))
        return STEP_FAIL;
    ask_import_start(
        c, (struct q_import_start){.id = id, .import = import, .dry = dry, .again = again});
    job_ask_get(c, id);
    return STEP_WAIT;
}

static enum step start_dry(struct call *c)
{
    return start(c, true);
}

static enum step start_run(struct call *c)
{
    return start(c, false);
}

static enum step start_revert(struct call *c)
{
    struct uuid import, id = call_new_id(c);

    if (!call_path_uuid(c, "id", &import))
        return STEP_FAIL;
    ask_import_revert(c, (struct q_import_revert){.id = id, .import = import});
    job_ask_get(c, id);
    return STEP_WAIT;
}

const struct operation import_dry_run = {
    (step_fn *const[]){get_ask, check_there, start_dry, job_reply_left, NULL}, NULL};
const struct operation import_run = {
    (step_fn *const[]){get_ask, check_there, start_run, job_reply_left, NULL}, NULL};
const struct operation import_revert = {
    (step_fn *const[]){get_ask, check_there, start_revert, job_reply_left, NULL}, NULL};

/* GET /v1/imports/{id}/rows */

static enum step rows_page(struct call *c)
{
    const char *const fixed[] = {call_path(c, "id")};

    if (result_rows(call_result(c, 0)) == 0)
        return call_fail(c, ERR_NOT_FOUND, "no such import, or it is not yours to see");
    return list_ask(c, &list_import_rows, fixed);
}

const struct operation import_rows = {(step_fn *const[]){get_ask, rows_page, list_reply, NULL},
                                      NULL};
