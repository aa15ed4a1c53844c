/* entry - what happens before an operation's own steps: who, whether they may, parameters, body.
 *
 * Credentials come first: whoever may not call an operation learns nothing about its parameters.
 * Then all faults of headers and parameters are answered at once, then all faults of the body. */
#include <stdlib.h>
#include <string.h>

#include "call/engine.h"
#include "call/principal.h"
#include "call/reply.h"
#include "queries.gen.h"
#include "json/body.h"
#include "json/yaml.h"

static enum step entry_permission(struct call *c)
{
    const char *language = language_pick(c->request.accept_language);

    c->language = language ? language : c->who->language ? c->who->language : "en";
    if (principal_may(c->who, c->route->permission))
        return STEP_NEXT;
    return call_fail(c, ERR_FORBIDDEN, "This needs the permission \"%s\".",
                     permission_names[c->route->permission]);
}

/* parameters */

static const struct route_param *param_find(const struct route *r, const char *name)
{
    for (const struct route_param *p = r->params; p && p->name; p++)
        if (!strcmp(p->name, name))
            return p;
    return NULL;
}

static void param_unknown(struct call *c, const char *name)
{
    const char **known, *hint;
    size_t n = 0;

    for (const struct route_param *p = c->route->params; p && p->name; p++)
        n++;
    known = call_alloc(c, (n + 1) * sizeof(*known));
    if (!known)
        return;
    for (size_t i = 0; i < n; i++)
        known[i] = c->route->params[i].name;
    hint = err_suggest(&c->arena, name, known);
    err_fault(&c->err, ERR_BAD_PARAMETER,
              (struct fault){
                  .in = "query",
                  .pointer = name,
                  .code = "unknown",
                  .detail = n ? "There is no such parameter." : "This address takes no parameters.",
                  .hint = hint,
                  .allowed = n && !hint ? call_names_json(c, known) : NULL,
              });
}

/* A comma cannot be part of these values, so "a,b" is "a" and "b"; free text is never cut. */
static bool splits(const struct route_param *p)
{
    const struct schema *items = p->schema->items;

    return items->values || (items->format != FORMAT_NONE && items->format != FORMAT_URI);
}

static void param_add_item(struct call *c, const struct route_param *p, json_t *list,
                           const char *text)
{
    static const struct schema any = {.kind = SCHEMA_STRING};

    json_array_append_new(list, schema_from_text(p->schema->items ? p->schema->items : &any, text,
                                                 "query", p->name, &c->err));
}

static void param_add_list(struct call *c, const struct route_param *p, const char *text)
{
    json_t *list = json_object_get(c->params, p->name);
    size_t max = p->schema->max_length ? p->schema->max_length : 200;

    if (!list) {
        list = json_array();
        json_object_set_new(c->params, p->name, list);
    }
    while (p->schema->items && splits(p) && strchr(text, ',') && json_array_size(list) <= max) {
        size_t n = strcspn(text, ",");
        const char *item = arena_copy(&c->arena, text, n);

        if (item)
            param_add_item(c, p, list, item);
        text += n + 1;
    }
    if (json_array_size(list) < max) {
        param_add_item(c, p, list, text);
        return;
    }
    err_fault(&c->err, ERR_BAD_PARAMETER,
              (struct fault){.in = "query",
                             .pointer = p->name,
                             .code = "length",
                             .detail = arena_printf(&c->arena, "Give at most %zu values.", max)});
}

/* Names of fields that an installation defines are not in the contract: whoever takes them judges
 * them. */
static const struct route_param *param_custom(const struct call *c, const char *name,
                                              const char *text)
{
    const struct route_param *p = param_find(c->route, "custom.*");
    const char *word = strcmp(name, "sort") == 0 ? text + (*text == '-') : name;

    return p && strncmp(word, "custom.", 7) == 0 ? p : NULL;
}

static void param_add(struct call *c, const char *name, const char *text)
{
    static const struct schema sort = {.kind = SCHEMA_STRING, .max_length = 100};
    const struct route_param *p = param_custom(c, name, text);
    struct route_param own;
    json_t *value;

    if (p) {
        own = (struct route_param){.name = arena_strdup(&c->arena, name),
                                   .schema = strcmp(name, "sort") == 0 ? &sort : p->schema};
        p = &own;
    } else {
        p = param_find(c->route, name);
    }

    if (!p) {
        param_unknown(c, name);
        return;
    }
    if (p->schema->kind == SCHEMA_ARRAY) {
        param_add_list(c, p, text);
        return;
    }
    if (json_object_get(c->params, name)) {
        err_fault(&c->err, ERR_BAD_PARAMETER,
                  (struct fault){.in = "query",
                                 .pointer = name,
                                 .code = "repeated",
                                 .detail = "Give it only once."});
        return;
    }
    value = schema_from_text(p->schema, text, "query", name, &c->err);
    if (value)
        json_object_set_new(c->params, name, value);
}

static void json_release(void *arg)
{
    json_decref(arg);
}

static enum step entry_parameters(struct call *c)
{
    headers_read(c);
    if (c->route->raw)
        return c->err.code == ERR_NONE ? STEP_NEXT : STEP_FAIL;
    c->params = json_object();
    arena_defer(&c->arena, json_release, c->params);
    for (const char *const *q = c->request.query; q && *q; q += 2)
        param_add(c, q[0], q[1]);
    for (const struct route_param *p = c->route->params; p && p->name; p++) {
        if (!p->required || json_object_get(c->params, p->name))
            continue;
        err_fault(&c->err, ERR_BAD_PARAMETER,
                  (struct fault){.in = "query",
                                 .pointer = p->name,
                                 .code = "required",
                                 .detail = "It is required."});
    }
    ranges_check(c);
    return c->err.code == ERR_NONE ? STEP_NEXT : STEP_FAIL;
}

/* body */

static const struct {
    enum media bit;
    const char *name;
} medias[] = {
    {MEDIA_JSON, "application/json"},
    {MEDIA_MERGE_PATCH, "application/merge-patch+json"},
    {MEDIA_FORM, "application/x-www-form-urlencoded"},
    {MEDIA_YAML, "application/yaml"},
    {MEDIA_BYTES, "application/octet-stream"},
    {MEDIA_MULTIPART, "multipart/form-data"},
};

#define NMEDIAS (sizeof(medias) / sizeof(medias[0]))

static enum step media_unsupported(struct call *c)
{
    const char *names = NULL;

    for (size_t i = 0; i < NMEDIAS; i++)
        if (c->route->media & medias[i].bit)
            names =
                names ? arena_printf(&c->arena, "%s, %s", names, medias[i].name) : medias[i].name;
    if (!names)
        return call_fail(c, ERR_MEDIA_TYPE, "This operation takes no body.");
    reply_header(c, c->route->method == METHOD_PATCH ? "Accept-Patch" : "Accept-Post", names);
    c->err.hint = arena_printf(&c->arena, "send Content-Type: %s", names);
    if (!c->request.media_type)
        return call_fail(c, ERR_MEDIA_TYPE, "The body has no Content-Type.");
    return call_fail(c, ERR_MEDIA_TYPE, "\"%s\" is not understood here.", c->request.media_type);
}

static unsigned media_of(const char *name)
{
    for (size_t i = 0; name && i < NMEDIAS; i++)
        if (!strcmp(medias[i].name, name))
            return medias[i].bit;
    return 0;
}

static const struct schema_member *member_find(const struct schema *s, const char *name)
{
    for (const struct schema_member *m = s ? s->members : NULL; m && m->name; m++)
        if (!strcmp(m->name, name))
            return m;
    return NULL;
}

/* Form fields are text: they become what the schema says, before the schema is checked as for JSON.
 */
static json_t *form_value(struct call *c, const struct schema *s, const char *pointer, json_t *sent)
{
    json_t *list;
    json_t *item;
    size_t i;

    if (s->kind != SCHEMA_ARRAY)
        return json_is_string(sent)
                   ? schema_from_text(s, json_string_value(sent), "body", pointer, &c->err)
                   : json_incref(sent);
    list = json_array();
    if (json_is_string(sent) && s->items)
        json_array_append_new(
            list, schema_from_text(s->items, json_string_value(sent), "body", pointer, &c->err));
    json_array_foreach (sent, i, item)
        if (s->items)
            json_array_append_new(list, schema_from_text(s->items, json_string_value(item), "body",
                                                         pointer, &c->err));
    return list;
}

static void form_convert(struct call *c, json_t *form)
{
    const char *name;
    json_t *sent;
    void *next;

    json_object_foreach_safe(form, next, name, sent)
    {
        const struct schema_member *m = member_find(c->route->body, name);
        json_t *value;

        if (!m || m->schema->kind == SCHEMA_OBJECT)
            continue; /* the schema check says what is wrong with it */
        value = form_value(c, m->schema, arena_printf(&c->arena, "/%s", name), sent);
        if (value)
            json_object_set_new(form, name, value);
    }
}

/* A name of the contract, so it needs no escapes. */
static const char *governed_pointer(const struct err *e)
{
    const struct fault *f = e->faults;

    while (f->next && strcmp(f->code, "governed_field") != 0)
        f = f->next;
    return f->pointer;
}

/* Who writes a governed field tries to get around a guard: the attempt is an entry of the record's
 * history. An operation is named after its resource: "lead_update" is about a lead. */
static enum step entry_note_attempt(struct call *c)
{
    const char *end = strrchr(c->route->id, '_');
    const char *id = call_path(c, "id");
    struct uuid record;
    char text[UUID_TEXT];

    if (c->dry || !end || (id && !uuid_parse(span_of(id), &record)))
        return STEP_FAIL;
    if (id)
        uuid_format(&record, text);

    const char *const values[] = {
        arena_copy(&c->arena, c->route->id, (size_t)(end - c->route->id)),
        id ? arena_strdup(&c->arena, text) : NULL,
        NULL,
        NULL,
        err_slug(c->err.code),
        arena_printf(&c->arena, "[{\"pointer\":\"%s\"}]", governed_pointer(&c->err)),
    };

    call_ask_aside(c);
    call_ask(c, &query_transition_denied, values);
    return STEP_WAIT;
}

static json_t *body_parse(struct call *c, struct span text, unsigned media)
{
    struct json_limits limits = json_default_limits;

    if (c->route->parts_limit)
        limits.structural = c->route->parts_limit;
    switch (media) {
    case MEDIA_FORM: return body_parse_form(&c->arena, text, &c->err);
    case MEDIA_YAML: return yaml_parse(&c->arena, text, &limits, &c->err);
    default: return body_parse_json(&c->arena, text, &limits, &c->err);
    }
}

static enum step entry_body(struct call *c)
{
    const struct route *r = c->route;
    struct span text = c->request.raw_body;
    unsigned media = media_of(c->request.media_type);

    if (r->raw)
        return STEP_NEXT;
    if (text.n == 0) {
        if (!r->body_required)
            return STEP_NEXT;
        err_fault(&c->err, ERR_INVALID,
                  (struct fault){
                      .in = "body", .pointer = "", .code = "required", .detail = "Send a body."});
        return STEP_FAIL;
    }
    if (!(r->media & media))
        return media_unsupported(c);
    c->body = body_parse(c, text, media);
    if (!c->body)
        return STEP_FAIL;
    if (media == MEDIA_FORM)
        form_convert(c, c->body);
    if (c->err.code == ERR_NONE && r->body)
        (void)schema_check(r->body, c->body, "", &c->err);
    if (c->err.code == ERR_GOVERNED)
        return entry_note_attempt(c);
    return c->err.code == ERR_NONE ? STEP_NEXT : STEP_FAIL;
}

static enum step entry_attempted(struct call *c)
{
    return c->err.code == ERR_NONE ? STEP_NEXT : STEP_FAIL;
}

/* An operation is named after its resource here too: lead_create, lead_transition. */
static enum step denied_note(struct call *c)
{
    const char *end = strrchr(c->route->id, '_');
    const char *const values[] = {
        arena_copy(&c->arena, c->route->id, (size_t)(end - c->route->id)),
        call_path(c, "id"),
        arena_printf(&c->arena, "{%s}", c->err.members ? c->err.members : ""),
        strcmp(end, "_transition") == 0 ? call_path(c, "key") : NULL,
    };

    call_ask_aside(c);
    call_ask(c, &query_match_denied, values);
    return STEP_WAIT;
}

static enum step denied_fail(struct call *c)
{
    (void)c;
    return STEP_FAIL;
}

step_fn *const denied_steps[] = {denied_note, denied_fail, NULL};

step_fn *const entry_steps[] = {
    principal_ask,   principal_take, entry_permission, entry_parameters, entry_body,
    entry_attempted, NULL,
};
