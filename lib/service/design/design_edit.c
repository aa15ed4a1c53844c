/* design_edit - drafts: begun, written whole or piece by piece, thrown away.
 *
 * Every edit ends in one write of the whole document, decided on the version that was read: the
 * pieces are a convenience of the address, not of the database. */
#include <string.h>

#include "asks.gen.h"
#include "blueprint/diff.h"
#include "blueprint/document.h"
#include "call/reply.h"
#include "service/design/design.h"
#include "service/record/record.h"

static void body_fault(struct call *c, const char *pointer, const char *code, const char *detail)
{
    err_fault(&c->err, ERR_INVALID,
              (struct fault){.in = "body", .pointer = pointer, .code = code, .detail = detail});
}

/* POST /v1/blueprints */

static enum step create_ask(struct call *c)
{
    static const char *const needed[] = {"/entity", "/key"};
    struct uuid id;

    for (size_t i = 0; i < 2; i++)
        if (!call_body_text(c, needed[i] + 1))
            body_fault(c, needed[i], "required", "It is required.");
    if (!document_check(c->body, &c->err))
        return STEP_FAIL;
    id = call_new_id(c);
    ask_design_create(c, (struct q_design_create){.id = id, .doc = call_json(c, c->body)});
    ask_blueprint_get(c, (struct q_blueprint_get){.id = id});
    return STEP_WAIT;
}

const struct operation blueprint_create = {
    .steps = (step_fn *const[]){create_ask, reply_created, NULL},
};

/* POST /v1/blueprints/{id}/draft */

static enum step draft_ask(struct call *c)
{
    struct uuid source;

    if (!call_path_uuid(c, "id", &source))
        return STEP_FAIL;
    ask_blueprint_get(c, (struct q_blueprint_get){.id = source});
    return STEP_WAIT;
}

static enum step draft_create(struct call *c)
{
    struct uuid id = call_new_id(c), source;

    if (result_rows(call_result(c, 0)) == 0)
        return call_fail(c, ERR_NOT_FOUND, "there is no such version");
    if (!call_path_uuid(c, "id", &source))
        return STEP_FAIL;
    ask_design_create(c, (struct q_design_create){.id = id,
                                                  .doc = c->body ? call_json(c, c->body) : "{}",
                                                  .source = source});
    ask_blueprint_get(c, (struct q_blueprint_get){.id = id});
    return STEP_WAIT;
}

static enum step draft_reply(struct call *c)
{
    reply_header(c, "Location",
                 arena_printf(&c->arena, "/v1/blueprints/%s", uuid_text(c, &c->resource)));
    return reply_row(c);
}

const struct operation blueprint_draft = {
    .steps = (step_fn *const[]){draft_ask, draft_create, draft_reply, NULL},
};

/* the one write */

static enum step refuse_published(struct call *c)
{
    c->err.hint = "begin a draft: POST /v1/blueprints with {\"from\": the id of this version}";
    return call_fail(c, ERR_CONFLICT, "A published version never changes.");
}

static enum step write_ask(struct call *c, const json_t *edited)
{
    const struct design *d = design_of(c);
    json_t *form, *diff, *changes;

    if (strcmp(d->status, "draft") != 0)
        return refuse_published(c);
    if (!design_is_current(c))
        return STEP_FAIL;
    form = design_keep(c, document_canonical(edited));
    diff = design_keep(c, blueprint_diff(d->doc, form));
    changes = design_keep(c, diff_changes(diff));
    ask_design_write(c, (struct q_design_write){.id = d->id,
                                                .version = design_number(c, d->version),
                                                .doc = call_json(c, form),
                                                .changes = call_json(c, changes),
                                                .detail = design_detail(c, diff)});
    ask_blueprint_get(c, (struct q_blueprint_get){.id = d->id});
    return STEP_WAIT;
}

/* Somebody was faster: whoever named a version is told, others are served on what is there now. */
static enum step written(struct call *c)
{
    if (result_rows(call_result(c, 0)) == 0 && !c->request.if_match && call_restart(c))
        return STEP_NEXT;
    return check_written(c);
}

/* PUT /v1/blueprints/{id} */

static enum step put_write(struct call *c)
{
    static const char *const fixed[] = {"/entity", "/key"};
    const struct design *d = design_of(c);

    for (size_t i = 0; i < 2; i++) {
        const char *own = json_string_value(json_object_get(d->doc, fixed[i] + 1));
        const char *asked = call_body_text(c, fixed[i] + 1);

        if (asked && own && strcmp(asked, own) != 0)
            body_fault(c, fixed[i], "invalid",
                       arena_printf(&c->arena, "A draft keeps it: \"%s\".", own));
    }
    if (c->err.code != ERR_NONE)
        return STEP_FAIL;
    (void)json_object_set(c->body, "entity", json_object_get(d->doc, "entity"));
    (void)json_object_set(c->body, "key", json_object_get(d->doc, "key"));
    (void)json_object_set(c->body, "number", json_object_get(d->doc, "number"));
    return document_check(c->body, &c->err) ? write_ask(c, c->body) : STEP_FAIL;
}

static step_fn *const write_steps[] = {design_ask, design_ready, put_write,
                                       written,    reply_row,    NULL};
const struct operation blueprint_write = {.steps = write_steps};

/* PUT and DELETE /v1/blueprints/{id}/states/{key} and .../transitions/{key} */

static const char *list_of(const struct call *c)
{
    return c->route->operation->of;
}

/* Faults point into the whole document; the client sent a part of it. */
static void point_into_part(struct call *c, size_t index)
{
    const char *prefix = arena_printf(&c->arena, "/%s/%zu", list_of(c), index);
    size_t n = prefix ? strlen(prefix) : 0;

    for (struct fault *f = c->err.faults; n > 0 && f; f = f->next)
        if (f->pointer && strncmp(f->pointer, prefix, n) == 0 &&
            (f->pointer[n] == '/' || f->pointer[n] == '\0'))
            f->pointer += n;
}

/* Puts the part where it was, where `position` says, or last; returns its index. */
static size_t place_part(struct call *c, json_t *list, const char *key)
{
    const json_t *position = call_param(c, "position");
    size_t index = json_array_size(list), last;
    bool known = document_part(list, key, &index) != NULL;

    if (known)
        (void)json_array_remove(list, index);
    last = json_array_size(list);
    if (position)
        index = (size_t)json_integer_value(position) - 1;
    if (index > last)
        index = last;
    (void)json_array_insert(list, index, c->body);
    return index;
}

static json_t *edited_list(struct call *c, json_t *doc)
{
    json_t *list = json_copy(json_object_get(doc, list_of(c)));

    if (!list)
        list = json_array();
    (void)json_object_set_new(doc, list_of(c), list);
    return list;
}

static enum step part_put(struct call *c)
{
    const char *key = call_path(c, "key"), *own = call_body_text(c, "key");
    json_t *doc = design_keep(c, json_copy(design_of(c)->doc));
    size_t index;

    if (own && strcmp(own, key) != 0) {
        body_fault(c, "/key", "invalid", "The address has another key.");
        return STEP_FAIL;
    }
    (void)json_object_set_new(c->body, "key", json_string(key));
    index = place_part(c, edited_list(c, doc), key);
    if (!document_check(doc, &c->err)) {
        point_into_part(c, index);
        return STEP_FAIL;
    }
    return write_ask(c, doc);
}

/* Appends the parts of a list that faults point into. */
static void add_faulty(struct call *c, struct buf *b, const json_t *doc, const char *list)
{
    json_t *part;
    size_t i;

    json_array_foreach (json_object_get(doc, list), i, part) {
        const char *prefix = arena_printf(&c->arena, "/%s/%zu/", list, i);
        bool names = false;

        for (const struct fault *f = c->err.faults; prefix && f; f = f->next)
            names |= f->pointer && strncmp(f->pointer, prefix, strlen(prefix)) == 0;
        if (names)
            buf_printf(b, "%s`%s`", b->len ? ", " : "",
                       json_string_value(json_object_get(part, "key")));
    }
}

/* What still names a part that is to go: the document without it does not check. */
static enum step refuse_named(struct call *c, const json_t *doc)
{
    struct buf b;

    buf_init(&b, 2048);
    add_faulty(c, &b, doc, "states");
    add_faulty(c, &b, doc, "transitions");
    err_init(&c->err, &c->arena);
    (void)call_fail(c, ERR_IN_USE, "It is named by: %s.", buf_text(&b));
    buf_done(&b);
    return STEP_FAIL;
}

static enum step part_delete(struct call *c)
{
    json_t *doc = design_keep(c, json_copy(design_of(c)->doc));
    json_t *list = edited_list(c, doc);
    size_t index;

    if (!document_part(list, call_path(c, "key"), &index))
        return call_fail(c, ERR_NOT_FOUND, "The draft has none with this key.");
    (void)json_array_remove(list, index);
    if (!document_check(doc, &c->err))
        return refuse_named(c, doc);
    return write_ask(c, doc);
}

static step_fn *const part_put_steps[] = {design_ask, design_ready, part_put,
                                          written,    reply_row,    NULL};
static step_fn *const part_delete_steps[] = {design_ask, design_ready, part_delete,
                                             written,    reply_row,    NULL};

const struct operation blueprint_state_write = {part_put_steps, "states"};
const struct operation blueprint_state_delete = {part_delete_steps, "states"};
const struct operation blueprint_transition_write = {part_put_steps, "transitions"};
const struct operation blueprint_transition_delete = {part_delete_steps, "transitions"};

/* DELETE /v1/blueprints/{id} */

static enum step delete_ask(struct call *c)
{
    int64_t version;
    struct uuid id;

    if (!call_path_uuid(c, "id", &id) || !call_if_match(c, &version))
        return STEP_FAIL;
    ask_design_erase(c, (struct q_design_erase){.id = id, .version = design_number(c, version)});
    ask_blueprint_get(c, (struct q_blueprint_get){.id = id});
    return STEP_WAIT;
}

const struct operation blueprint_delete = {
    .steps = (step_fn *const[]){delete_ask, check_written, reply_empty, NULL},
};
