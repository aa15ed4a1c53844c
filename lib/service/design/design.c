/* design - blueprints as they are read, and what all their operations share. */
#include "service/design/design.h"

#include <stdlib.h>
#include <string.h>

#include "asks.gen.h"
#include "blueprint/diff.h"
#include "blueprint/document.h"
#include "call/list.h"
#include "call/reply.h"
#include "service/record/record.h"
#include "json/yaml.h"

/* what is shared */

struct design *design_of(struct call *c)
{
    return c->state;
}

static void release(void *tree)
{
    json_decref(tree);
}

json_t *design_keep(struct call *c, json_t *tree)
{
    if (tree)
        arena_defer(&c->arena, release, tree);
    return tree;
}

const char *design_number(struct call *c, int64_t n)
{
    return n ? arena_printf(&c->arena, "%lld", (long long)n) : NULL;
}

enum step design_ask(struct call *c)
{
    struct design *d = call_alloc(c, sizeof(*d));

    if (!d || !call_path_uuid(c, "id", &d->id))
        return STEP_FAIL;
    c->state = d;
    ask_design_facts(c, (struct q_design_facts){.id = d->id});
    return STEP_WAIT;
}

static void head_fault(struct call *c, const char *pointer)
{
    err_fault(
        &c->err, ERR_INVALID,
        (struct fault){
            .in = "body", .pointer = pointer, .code = "required", .detail = "It is required."});
}

bool design_of_body(struct call *c)
{
    struct design *d = call_alloc(c, sizeof(*d));
    const char *entity = call_body_text(c, "entity"), *key = call_body_text(c, "key");

    if (!d)
        return false;
    c->state = d;
    if (!entity)
        head_fault(c, "/entity");
    if (!key)
        head_fault(c, "/key");
    if (!document_check(c->body, &c->err) || c->err.code != ERR_NONE)
        return false;
    d->doc = design_keep(c, document_canonical(c->body));
    ask_design_world(c, (struct q_design_world){.entity = entity, .key = key});
    return true;
}

/* A column as a tree, NULL for none. */
static json_t *tree_of(struct call *c, const struct result *r, const char *column)
{
    const char *text = result_get(r, 0, column);

    return text ? design_keep(c, json_loads(text, JSON_DECODE_ANY, NULL)) : NULL;
}

static json_t *document_of(struct call *c, const struct result *r, const char *column)
{
    json_t *tree = tree_of(c, r, column);

    return tree ? design_keep(c, document_canonical(tree)) : NULL;
}

static int64_t number_of(const struct result *r, const char *column)
{
    const char *text = result_get(r, 0, column);

    return text ? strtoll(text, NULL, 10) : 0;
}

enum step design_ready(struct call *c)
{
    const struct result *r = call_result(c, 0);
    struct design *d = design_of(c);

    if (result_rows(r) == 0)
        return call_fail(c, ERR_NOT_FOUND, "there is no such version");
    d->version = number_of(r, "version");
    d->status = arena_strdup(&c->arena, result_get(r, 0, "status"));
    if (!d->doc)
        d->doc = document_of(c, r, "document");
    d->published = document_of(c, r, "published");
    d->published_number = number_of(r, "published_number");
    d->published_id = arena_strdup(&c->arena, result_get(r, 0, "published_id"));
    d->roles = tree_of(c, r, "roles");
    d->users = tree_of(c, r, "users");
    d->teams = tree_of(c, r, "teams");
    d->calendars = tree_of(c, r, "calendars");
    d->segments = tree_of(c, r, "segments");
    d->others = tree_of(c, r, "others");
    d->custom = tree_of(c, r, "custom");
    return STEP_NEXT;
}

bool design_is_current(struct call *c)
{
    const struct design *d = design_of(c);
    int64_t asked;

    if (!call_if_match(c, &asked))
        return false;
    if (asked == 0 || asked == d->version)
        return true;
    reply_header(c, "ETag", arena_printf(&c->arena, "\"%lld\"", (long long)d->version));
    c->err.members =
        arena_printf(&c->arena, "\"current\":{\"version\":%lld}", (long long)d->version);
    c->err.hint = "read it again and repeat the change with its ETag in If-Match";
    return err_set(&c->err, ERR_STALE, "It is at version %lld by now.", (long long)d->version);
}

const char *design_detail(struct call *c, const json_t *diff)
{
    json_t *detail = json_object();
    const char *text;

    (void)json_object_set_new(detail, "diff", diff_sentences(diff));
    text = call_json(c, detail);
    json_decref(detail);
    return text;
}

/* judging */

json_t *design_lint(struct call *c)
{
    const struct design *d = design_of(c);
    struct lint_world w;

    design_world(&w, json_string_value(json_object_get(d->doc, "entity")), d->custom);
    w.roles = d->roles;
    w.users = d->users;
    w.teams = d->teams;
    w.calendars = d->calendars;
    w.segments = d->segments;
    w.others = d->others;
    return design_keep(c, blueprint_lint(d->doc, &w));
}

enum step design_refuse_errors(struct call *c, const json_t *findings)
{
    size_t n = lint_count(findings, "error");

    if (n == 0)
        return STEP_NEXT;
    c->err.members = arena_printf(&c->arena, "\"findings\":%s", call_json(c, findings));
    c->err.hint = "findings names each; mend the document and lint it again";
    return call_fail(c, ERR_LINT, "The process has %zu error%s.", n, n == 1 ? "" : "s");
}

void design_write_lint(struct call *c, struct out *o, const json_t *findings)
{
    out_key(o, "lint");
    out_object(o);
    out_key(o, "errors");
    out_int(o, (int64_t)lint_count(findings, "error"));
    out_key(o, "warnings");
    out_int(o, (int64_t)lint_count(findings, "warning"));
    out_member_raw(o, "findings", call_json(c, findings));
    out_object_end(o);
}

/* GET /v1/blueprints */

static enum step list_ask_page(struct call *c)
{
    return list_ask(c, &list_blueprint_list, NULL);
}

const struct operation blueprint_list = {
    .steps = (step_fn *const[]){list_ask_page, list_reply, NULL},
};

/* GET /v1/blueprints/{id} */

static enum step get_ask(struct call *c)
{
    struct uuid id;

    if (!call_path_uuid(c, "id", &id))
        return STEP_FAIL;
    ask_blueprint_get(c, (struct q_blueprint_get){.id = id});
    return STEP_WAIT;
}

const struct operation blueprint_get = {
    .steps = (step_fn *const[]){get_ask, reply_row, NULL},
};

/* GET /v1/blueprints/{id}/history */

static enum step history_page(struct call *c)
{
    const char *const fixed[] = {"blueprint", call_path(c, "id")};

    if (result_rows(call_result(c, 0)) == 0)
        return call_fail(c, ERR_NOT_FOUND, "there is no such version");
    return list_ask(c, &list_history_list, fixed);
}

const struct operation blueprint_history = {
    .steps = (step_fn *const[]){get_ask, history_page, list_reply, NULL},
};

/* GET /v1/blueprints/{id}/export */

static enum step export_reply(struct call *c)
{
    const struct design *d = design_of(c);
    const char *format = call_param_text(c, "format");
    char *text;

    c->reply.status = c->route->success;
    buf_clear(&c->reply.body);
    if (!format || strcmp(format, "yaml") == 0) {
        c->reply.media_type = "application/yaml";
        yaml_write(&c->reply.body, d->doc);
    } else {
        c->reply.media_type = "application/json";
        text = json_dumps(d->doc, JSON_INDENT(2));
        buf_puts(&c->reply.body, text ? text : "{}");
        buf_putc(&c->reply.body, '\n');
        free(text);
    }
    reply_header(c, "ETag", arena_printf(&c->arena, "\"%lld\"", (long long)d->version));
    return c->reply.body.failed ? call_fail(c, ERR_INTERNAL, NULL) : STEP_REPLY;
}

const struct operation blueprint_export = {
    .steps = (step_fn *const[]){design_ask, design_ready, export_reply, NULL},
};
