#include "json/yaml.h"

#include <string.h>
#include <yaml.h>

#include "base/arena.h"
#include "json/body.h"

/* YAML itself has a limit for keys without a question mark in front: what is read can be written.
 */
#define KEY_MAX_BYTES 128

/* One run: where it stands, what is left of the limits. */
struct reading {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one; valid while `has` */
    bool has;
    const struct json_limits *limits;
    unsigned nodes;
    struct err *e;
};

static bool fail_at(struct reading *r, const yaml_mark_t *at, const char *what)
{
    return err_set(r->e, ERR_BAD_YAML, "Line %zu, column %zu: %s.", at->line + 1, at->column + 1,
                   what);
}

static bool fail_here(struct reading *r, const char *what)
{
    return fail_at(r, &r->event.start_mark, what);
}

static bool next(struct reading *r)
{
    if (r->has)
        yaml_event_delete(&r->event);
    r->has = yaml_parser_parse(&r->parser, &r->event) == 1;
    if (r->has)
        return true;
    return fail_at(r, &r->parser.problem_mark,
                   r->parser.problem != NULL ? r->parser.problem : "this cannot be read");
}

/* A plain scalar is what JSON would take it for; anything else is a text. */
static json_t *plain(const char *text, size_t n)
{
    json_t *v;

    if (n == 0 || (n == 1 && text[0] == '~'))
        return json_null();
    if (text[0] == '"' || text[0] == '[' || text[0] == '{')
        return NULL;
    v = json_loadb(text, n, JSON_DECODE_ANY, NULL);
    return v;
}

static json_t *scalar(struct reading *r)
{
    const char *text = (const char *)r->event.data.scalar.value;
    size_t n = r->event.data.scalar.length;
    json_t *v = NULL;

    if (memchr(text, '\0', n) != NULL) {
        fail_here(r, "a zero byte cannot be stored");
        return NULL;
    }
    if (r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        v = plain(text, n);
    if (v == NULL)
        v = json_stringn(text, n);
    if (v == NULL)
        fail_here(r, "not UTF-8");
    return v;
}

static bool is_marked(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT: return event->data.scalar.anchor || event->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor || event->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor || event->data.mapping_start.tag;
    default: return event->type == YAML_ALIAS_EVENT;
    }
}

static json_t *node(struct reading *r, unsigned depth);

static bool fill_list(struct reading *r, json_t *list, unsigned depth)
{
    for (;;) {
        json_t *item;

        if (!next(r))
            return false;
        if (r->event.type == YAML_SEQUENCE_END_EVENT)
            return true;
        item = node(r, depth);
        if (item == NULL)
            return false;
        (void)json_array_append_new(list, item);
    }
}

/* Reads the value of a key; the key is the current event. */
static bool fill_member(struct reading *r, json_t *object, unsigned depth)
{
    char *key;
    json_t *value;

    if (r->event.type != YAML_SCALAR_EVENT || is_marked(&r->event))
        return fail_here(r, "a key must be a text");
    if (r->event.data.scalar.length > KEY_MAX_BYTES)
        return fail_here(r, "a key has more than 128 bytes");
    if (memchr(r->event.data.scalar.value, '\0', r->event.data.scalar.length) != NULL)
        return fail_here(r, "a zero byte cannot be stored");
    key = arena_copy(r->e->arena, (const char *)r->event.data.scalar.value,
                     r->event.data.scalar.length);
    if (key == NULL)
        return err_set(r->e, ERR_INVALID, "The body is too large.");
    if (json_object_get(object, key) != NULL)
        return fail_here(r, "the key stands here twice");
    if (!next(r))
        return false;
    value = node(r, depth);
    if (value == NULL)
        return false;
    return json_object_set_new(object, key, value) == 0 || fail_here(r, "not UTF-8");
}

static bool fill_object(struct reading *r, json_t *object, unsigned depth)
{
    for (;;) {
        if (!next(r))
            return false;
        if (r->event.type == YAML_MAPPING_END_EVENT)
            return true;
        if (!fill_member(r, object, depth))
            return false;
    }
}

/* Reads the node that begins with the current event; new reference, or NULL. */
static json_t *node(struct reading *r, unsigned depth)
{
    json_t *v;
    bool whole;

    if (is_marked(&r->event)) {
        fail_here(r, "anchors, aliases and tags are not taken");
        return NULL;
    }
    if (++r->nodes > r->limits->structural) {
        err_set(r->e, ERR_INVALID, "The body has more than %u members and items.",
                r->limits->structural);
        return NULL;
    }
    if (r->event.type == YAML_SCALAR_EVENT)
        return scalar(r);
    if (depth == r->limits->depth) {
        err_set(r->e, ERR_INVALID, "The body nests objects and arrays deeper than %u.",
                r->limits->depth);
        return NULL;
    }
    v = r->event.type == YAML_MAPPING_START_EVENT ? json_object() : json_array();
    whole = json_is_object(v) ? fill_object(r, v, depth + 1) : fill_list(r, v, depth + 1);
    if (whole)
        return v;
    json_decref(v);
    return NULL;
}

/* The stream, its one document, and nothing behind it. */
static json_t *document(struct reading *r)
{
    json_t *v;

    if (!next(r) || !next(r))
        return NULL;
    if (r->event.type == YAML_STREAM_END_EVENT) {
        err_set(r->e, ERR_BAD_YAML, "The body is empty; YAML was expected.");
        return NULL;
    }
    if (!next(r))
        return NULL;
    v = node(r, 0);
    if (v == NULL)
        return NULL;
    if (next(r) && next(r)) {
        if (r->event.type == YAML_STREAM_END_EVENT)
            return v;
        fail_here(r, "one document was expected");
    }
    json_decref(v);
    return NULL;
}

static void drop(void *json)
{
    json_decref(json);
}

json_t *yaml_parse(struct arena *a, struct span text, const struct json_limits *limits,
                   struct err *e)
{
    struct reading r = {.limits = limits, .e = e};
    json_t *tree;

    if (!yaml_parser_initialize(&r.parser)) {
        err_set(e, ERR_INTERNAL, NULL);
        return NULL;
    }
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text.p, text.n);
    tree = document(&r);
    if (r.has)
        yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    if (tree != NULL)
        arena_defer(a, drop, tree);
    return tree;
}
