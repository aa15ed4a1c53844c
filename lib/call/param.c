/* param - what steps read of a request: path, query, If-Match, body. */
#include <stdlib.h>
#include <string.h>

#include "call/engine.h"
#include "json/out.h"

const char *call_client(struct call *c)
{
    char text[ADDRESS_TEXT];

    address_format(&c->request.client, text);
    return arena_strdup(&c->arena, text);
}

const char *call_network(struct call *c)
{
    char text[NETWORK_TEXT];

    address_format_network(&c->request.client, text);
    return arena_strdup(&c->arena, text);
}

const char *call_path(const struct call *c, const char *name)
{
    const char *const *names = c->route->path_params;

    for (size_t i = 0; names && c->request.path && names[i]; i++)
        if (!strcmp(names[i], name))
            return c->request.path[i];
    return NULL;
}

bool call_path_uuid(struct call *c, const char *name, struct uuid *ret)
{
    const char *text = call_path(c, name);

    if (text && uuid_parse(span_of(text), ret))
        return true;
    return err_set(&c->err, ERR_NOT_FOUND, "There is no such id.");
}

const json_t *call_param(const struct call *c, const char *name)
{
    return c->params ? json_object_get(c->params, name) : NULL;
}

const char *call_param_text(const struct call *c, const char *name)
{
    const json_t *value = call_param(c, name);

    if (value || !c->route->raw)
        return json_string_value(json_is_array(value) ? json_array_get(value, 0) : value);
    for (const char *const *q = c->request.query; q && *q; q += 2)
        if (!strcmp(q[0], name))
            return q[1];
    return NULL;
}

/* "a, b" is two words, and so is the parameter given twice. */
static size_t add_words(struct call *c, const char *text, const char **list, size_t n)
{
    for (size_t len; *text; text += len + (text[len] == ',')) {
        struct span word;

        len = strcspn(text, ",");
        word = span_trim((struct span){text, len});
        if (word.n == 0)
            continue;
        list[n] = arena_copy(&c->arena, word.p, word.n);
        n += list[n] != NULL;
    }
    return n;
}

static size_t count_words(const char *text)
{
    size_t n = 1;

    for (; *text; text++)
        n += *text == ',';
    return n;
}

const char *const *call_words(struct call *c, const char *param)
{
    const json_t *value = call_param(c, param);
    size_t items = json_is_array(value) ? json_array_size(value) : 1, max = 1, n = 0;
    const char **list;

    if (!value)
        return NULL;
    for (size_t i = 0; i < items; i++)
        max +=
            count_words(json_string_value(json_is_array(value) ? json_array_get(value, i) : value));
    list = call_alloc(c, max * sizeof(*list));
    for (size_t i = 0; list && i < items; i++)
        n = add_words(c, json_string_value(json_is_array(value) ? json_array_get(value, i) : value),
                      list, n);
    return list;
}

bool call_if_match(struct call *c, int64_t *ret)
{
    if (if_match_parse(c->request.if_match, ret))
        return true;
    return err_set(&c->err, ERR_BAD_HEADER, "If-Match is malformed.");
}

bool call_has_copy(const struct call *c, const char *tag)
{
    return if_none_match(c->request.if_none_match, tag);
}

static bool plain_in_path(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
           strchr("-._~", ch);
}

static void add_encoded(struct buf *b, const char *text)
{
    for (; *text; text++) {
        if (plain_in_path(*text))
            buf_putc(b, *text);
        else
            buf_printf(b, "%%%02X", (unsigned)(unsigned char)*text);
    }
}

const char *call_address(struct call *c)
{
    struct buf b;
    const char *text;
    size_t next = 0;

    buf_init(&b, 65536);
    for (const char *p = c->route->template; *p;) {
        size_t n = strcspn(p, "{");

        buf_add(&b, p, n);
        p += n;
        if (!*p)
            break;
        if (c->request.path && c->request.path[next])
            add_encoded(&b, c->request.path[next++]);
        p += strcspn(p, "}");
        p += *p == '}';
    }
    text = arena_strdup(&c->arena, buf_text(&b));
    buf_done(&b);
    return text ? text : c->route->template;
}

const char *call_query_without(struct call *c, const char *drop)
{
    struct buf b;
    const char *text;

    buf_init(&b, 65536);
    for (const char *const *q = c->request.query; q && *q; q += 2) {
        if (!strcmp(q[0], drop))
            continue;
        add_encoded(&b, q[0]);
        buf_putc(&b, '=');
        add_encoded(&b, q[1]);
        buf_putc(&b, '&');
    }
    text = arena_strdup(&c->arena, buf_text(&b));
    buf_done(&b);
    return text ? text : "";
}

const char *call_body_text(const struct call *c, const char *name)
{
    return json_string_value(json_object_get(c->body, name));
}

static void release_text(void *arg)
{
    free(arg);
}

const char *call_json(struct call *c, const json_t *value)
{
    struct buf b;
    struct out o;
    char *text;

    if (!value)
        return NULL;
    buf_init(&b, SIZE_MAX);
    out_init(&o, &b);
    out_tree(&o, value);
    text = buf_take(&b, NULL);
    arena_defer(&c->arena, release_text, text);
    return text;
}

const char *call_names_json(struct call *c, const char *const *names)
{
    json_t *list = json_array();
    const char *text;

    for (; *names; names++)
        json_array_append_new(list, json_string(*names));
    text = call_json(c, list);
    json_decref(list);
    return text;
}

const char *call_scope(const struct call *c, enum permission p)
{
    static const char *const words[] = {
        [SCOPE_NONE] = "none",
        [SCOPE_OWN] = "own",
        [SCOPE_TEAM] = "team",
        [SCOPE_ALL] = "all",
    };

    return words[c->who->scope[p]];
}
