/* design_publish - from a draft or a document to a version in force, and its end. */
#include <string.h>

#include "asks.gen.h"
#include "blueprint/diff.h"
#include "blueprint/document.h"
#include "call/reply.h"
#include "service/design/design.h"
#include "service/record/record.h"

/* POST /v1/blueprints/{id}/lint */

static enum step lint_reply(struct call *c)
{
    const json_t *findings = design_lint(c);
    struct out *o = reply_json(c, c->route->success);

    out_object(o);
    design_write_lint(c, o, findings);
    out_object_end(o);
    return STEP_REPLY;
}

const struct operation blueprint_lint_check = {
    .steps = (step_fn *const[]){design_ask, design_ready, lint_reply, NULL},
};

/* POST /v1/blueprints/{id}/publish */

static enum step publish_ask(struct call *c)
{
    const struct design *d = design_of(c);
    const json_t *based_on = json_object_get(c->body, "based_on");
    const json_t *mapping = json_object_get(c->body, "mapping");
    json_t *diff;
    enum step rc;

    if (strcmp(d->status, "draft") != 0)
        return call_fail(c, ERR_CONFLICT, "The version is %s already.", d->status);
    if (!design_is_current(c))
        return STEP_FAIL;
    rc = design_refuse_errors(c, design_lint(c));
    if (rc != STEP_NEXT)
        return rc;
    diff = design_keep(c, blueprint_diff(d->published, d->doc));
    ask_design_publish(c, (struct q_design_publish){
                              .id = d->id,
                              .version = design_number(c, d->version),
                              .based_on = json_is_integer(based_on)
                                              ? arena_printf(&c->arena, "%" JSON_INTEGER_FORMAT,
                                                             json_integer_value(based_on))
                                              : NULL,
                              .mapping = json_is_object(mapping) ? call_json(c, mapping) : NULL,
                              .detail = design_detail(c, diff)});
    ask_blueprint_get(c, (struct q_blueprint_get){.id = d->id});
    return STEP_WAIT;
}

/* What was judged is what is published: an edit in between is judged again. */
static enum step published(struct call *c)
{
    if (result_rows(call_result(c, 0)) == 0 && !c->request.if_match && call_restart(c))
        return STEP_NEXT;
    return check_written(c);
}

const struct operation blueprint_publish = {
    .steps = (step_fn *const[]){design_ask, design_ready, publish_ask, published, reply_row, NULL},
};

/* POST /v1/blueprints/{id}/retire */

static enum step retire_ask(struct call *c)
{
    int64_t version;
    struct uuid id;

    if (!call_path_uuid(c, "id", &id) || !call_if_match(c, &version))
        return STEP_FAIL;
    ask_design_retire(c, (struct q_design_retire){.id = id, .version = design_number(c, version)});
    ask_blueprint_get(c, (struct q_blueprint_get){.id = id});
    return STEP_WAIT;
}

const struct operation blueprint_retire = {
    .steps = (step_fn *const[]){retire_ask, check_written, reply_row, NULL},
};

/* POST /v1/blueprints/plan and /v1/blueprints/apply: a document against what is in force */

static enum step body_ask(struct call *c)
{
    return design_of_body(c) ? STEP_WAIT : STEP_FAIL;
}

static void write_plan(struct call *c, struct out *o, const json_t *diff, const json_t *findings)
{
    const struct design *d = design_of(c);
    json_t *sentences = design_keep(c, diff_sentences(diff));

    out_member(o, "entity", json_string_value(json_object_get(d->doc, "entity")));
    out_member(o, "key", json_string_value(json_object_get(d->doc, "key")));
    out_key(o, "base");
    if (d->published)
        out_int(o, d->published_number);
    else
        out_null(o);
    out_key(o, "same");
    out_bool(o, json_array_size(diff) == 0);
    out_key(o, "summary");
    if (json_array_size(diff) == 0) {
        out_array(o);
        out_string(o, "no changes");
        out_array_end(o);
    } else {
        const char *text = call_json(c, sentences);

        out_raw(o, text ? text : "[]", text ? strlen(text) : 2);
    }
    out_member_raw(o, "changes", call_json(c, diff));
    design_write_lint(c, o, findings);
}

static enum step plan_reply(struct call *c)
{
    const struct design *d = design_of(c);
    json_t *diff = design_keep(c, blueprint_diff(d->published, d->doc));
    const json_t *findings = design_lint(c);
    struct out *o = reply_json(c, c->route->success);

    out_object(o);
    write_plan(c, o, diff, findings);
    out_object_end(o);
    return STEP_REPLY;
}

const struct operation blueprint_plan = {
    .steps = (step_fn *const[]){body_ask, design_ready, plan_reply, NULL},
};

/* "old:new" for each state that is dropped */
static bool read_mapping(struct call *c, const char **ret)
{
    json_t *mapping = design_keep(c, json_object()), *pair;
    size_t i;

    json_array_foreach (call_param(c, "map"), i, pair) {
        const char *text = json_string_value(pair);
        const char *colon = text ? strchr(text, ':') : NULL;
        char *old = colon ? arena_copy(&c->arena, text, (size_t)(colon - text)) : NULL;

        if (!old)
            return err_fault(&c->err, ERR_BAD_PARAMETER,
                             (struct fault){.in = "query",
                                            .pointer = "map",
                                            .code = "format",
                                            .detail = "It has the form old:new."});
        (void)json_object_set_new(mapping, old, json_string(colon + 1));
    }
    *ret = call_json(c, mapping);
    return true;
}

/* The number that the author started from: told in the address, or by the text itself. */
static bool read_base(struct call *c, int64_t *ret)
{
    const struct design *d = design_of(c);
    const json_t *base = call_param(c, "base"), *number = json_object_get(d->doc, "number");

    *ret = json_integer_value(base ? base : number);
    if (base || number || !d->published)
        return true;
    return err_fault(&c->err, ERR_BAD_PARAMETER,
                     (struct fault){.in = "query",
                                    .pointer = "base",
                                    .code = "required",
                                    .detail = "Say which version the document started from, here "
                                              "or as its \"number\"."});
}

static enum step apply_reply_same(struct call *c, const json_t *diff, const json_t *findings)
{
    const struct design *d = design_of(c);
    struct out *o = reply_json(c, c->route->success);

    out_object(o);
    out_key(o, "applied");
    out_bool(o, false);
    out_member(o, "id", d->published_id);
    out_key(o, "number");
    out_int(o, d->published_number);
    write_plan(c, o, diff, findings);
    out_object_end(o);
    return STEP_REPLY;
}

static enum step apply_ask(struct call *c)
{
    struct design *d = design_of(c);
    json_t *diff = design_keep(c, blueprint_diff(d->published, d->doc));
    const json_t *findings = design_lint(c);
    const char *mapping = NULL;
    int64_t base = 0;
    enum step rc;

    if (!read_base(c, &base) || !read_mapping(c, &mapping))
        return STEP_FAIL;
    if (json_array_size(diff) == 0)
        return apply_reply_same(c, diff, findings);
    rc = design_refuse_errors(c, findings);
    if (rc != STEP_NEXT)
        return rc;
    d->id = call_new_id(c);
    ask_design_apply(
        c, (struct q_design_apply){.id = d->id,
                                   .doc = call_json(c, d->doc),
                                   .base = arena_printf(&c->arena, "%lld", (long long)base),
                                   .mapping = mapping,
                                   .detail = design_detail(c, diff)});
    ask_blueprint_get(c, (struct q_blueprint_get){.id = d->id});
    return STEP_WAIT;
}

static enum step apply_reply(struct call *c)
{
    const struct design *d = design_of(c);
    const struct result *r = call_result(c, -1);
    json_t *diff = design_keep(c, blueprint_diff(d->published, d->doc));
    const json_t *findings = design_lint(c);
    struct out *o;

    if (result_rows(r) == 0)
        return call_fail(c, ERR_INTERNAL, NULL);
    o = reply_json(c, c->route->success);
    out_object(o);
    out_key(o, "applied");
    out_bool(o, true);
    out_member(o, "id", result_get(r, 0, "id"));
    out_member_raw(o, "number", result_get(r, 0, "number"));
    write_plan(c, o, diff, findings);
    out_object_end(o);
    return STEP_REPLY;
}

const struct operation blueprint_apply = {
    .steps = (step_fn *const[]){body_ask, design_ready, apply_ask, apply_reply, NULL},
};
