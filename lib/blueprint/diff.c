#include "blueprint/diff.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "blueprint/document.h"
#include "blueprint/shape.h"

#define PATH_MAX_BYTES 1024
#define SENTENCE_MAX 4096
#define SHOWN_MAX 120 /* bytes of a value in a sentence */

struct diffing {
    json_t *list;
};

/* Where the comparison stands, newest first. */
struct place {
    const struct place *up;
    const struct shape *shape; /* of the part; its noun is NULL for the whole */
    const char *list;          /* the member of `up` that holds it */
    const char *key;
};

/* naming */

static void add_path(struct buf *b, const struct place *at)
{
    if (at->up == NULL)
        return;
    add_path(b, at->up);
    buf_printf(b, "%s%s/%s", b->len > 0 ? "/" : "", at->list, at->key);
}

/* The nearest part around a guard or an input that is no group of guards: its transition. */
static const struct place *home_of(const struct place *at)
{
    const struct place *up = at->up;

    while (up->up != NULL && up->shape == at->shape)
        up = up->up;
    return up;
}

/* "guard `industry_filled` of `qualify`", "state `open`", "the process" */
static void add_name(struct buf *b, const struct place *at)
{
    const struct place *home;

    if (at->up == NULL) {
        buf_puts(b, "the process");
        return;
    }
    buf_printf(b, "%s `%s`", at->shape->noun, at->key);
    home = home_of(at);
    if (home->up != NULL)
        buf_printf(b, " of `%s`", home->key);
}

static void add_value(struct buf *b, const json_t *v)
{
    char *text;

    if (v == NULL || json_is_null(v)) {
        buf_puts(b, "nothing");
        return;
    }
    text = json_dumps(v, JSON_ENCODE_ANY);
    if (text == NULL)
        return;
    if (strlen(text) <= SHOWN_MAX) {
        buf_puts(b, text);
    } else {
        size_t n = SHOWN_MAX;

        while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80)
            n--; /* not inside a character */
        buf_add(b, text, n);
        buf_puts(b, "...");
    }
    free(text);
}

/* reporting */

static void report(struct diffing *d, const char *op, const struct place *at, const char *member,
                   const json_t *from, const json_t *to, struct buf *sentence)
{
    json_t *row = json_object();
    struct buf path;

    buf_init(&path, PATH_MAX_BYTES);
    add_path(&path, at);
    if (member != NULL)
        buf_printf(&path, "%s%s", path.len > 0 ? "/" : "", member);
    (void)json_object_set_new(row, "op", json_string(op));
    (void)json_object_set_new(row, "element",
                              json_string(at->up == NULL ? "blueprint" : at->shape->noun));
    (void)json_object_set_new(row, "path", json_string(buf_text(&path)));
    (void)json_object_set_new(row, "from", from ? json_incref((json_t *)from) : json_null());
    (void)json_object_set_new(row, "to", to ? json_incref((json_t *)to) : json_null());
    (void)json_object_set_new(row, "sentence", json_string(buf_text(sentence)));
    (void)json_array_append_new(d->list, row);
    buf_done(&path);
}

static void report_part(struct diffing *d, const struct place *at, const json_t *from,
                        const json_t *to)
{
    const struct place *home = home_of(at);
    struct buf b;

    buf_init(&b, SENTENCE_MAX);
    buf_printf(&b, "%s `%s` %s", at->shape->noun, at->key, from == NULL ? "added" : "removed");
    if (home->up != NULL)
        buf_puts(&b, from == NULL ? " to " : " from ");
    if (home->up != NULL && at->up != home)
        buf_printf(&b, "group `%s` of ", at->up->key);
    if (home->up != NULL)
        buf_printf(&b, "%s`%s`", strcmp(home->shape->noun, "state") == 0 ? "state " : "",
                   home->key);
    report(d, from == NULL ? "add" : "remove", at, NULL, from, to, &b);
    buf_done(&b);
}

/* "`min` of guard `call_logged` of `contacted` changed from 1 to 2" */
static void report_value(struct diffing *d, const struct place *at, const char *member,
                         const char *inner, const json_t *from, const json_t *to)
{
    char name[256];
    struct buf b, full;

    buf_init(&b, SENTENCE_MAX);
    buf_init(&full, sizeof(name));
    buf_printf(&full, "%s%s%s", member, inner != NULL ? "/" : "", inner != NULL ? inner : "");
    buf_printf(&b, "`%s` of ", strcmp(member, "params") == 0 && inner ? inner : buf_text(&full));
    add_name(&b, at);
    if (from == NULL) {
        buf_puts(&b, " set to ");
        add_value(&b, to);
    } else if (to == NULL) {
        buf_puts(&b, " removed (was ");
        add_value(&b, from);
        buf_putc(&b, ')');
    } else {
        buf_puts(&b, " changed from ");
        add_value(&b, from);
        buf_puts(&b, " to ");
        add_value(&b, to);
    }
    report(d,
           from == NULL ? "add"
           : to == NULL ? "remove"
                        : "change",
           at, buf_text(&full), from, to, &b);
    buf_done(&full);
    buf_done(&b);
}

static bool equal(const json_t *a, const json_t *b)
{
    return a == NULL || b == NULL ? a == b : json_equal(a, b);
}

/* Objects (texts, params) are compared member by member. */
static void compare_object(struct diffing *d, const struct place *at, const char *member,
                           const json_t *from, const json_t *to)
{
    const char *name;
    json_t *value;

    json_object_foreach ((json_t *)from, name, value)
        if (!equal(value, json_object_get(to, name)))
            report_value(d, at, member, name, value, json_object_get(to, name));
    json_object_foreach ((json_t *)to, name, value)
        if (json_object_get(from, name) == NULL)
            report_value(d, at, member, name, NULL, value);
}

/* parts */

static void compare_element(struct diffing *d, const struct place *at, const json_t *from,
                            const json_t *to);

/* The keys that both lists have, in the order of @list. */
static json_t *shared_keys(const json_t *list, const json_t *other)
{
    json_t *keys = json_array(), *part;
    size_t i;

    json_array_foreach (list, i, part) {
        json_t *key = json_object_get(part, "key");

        if (json_is_string(key) && document_part(other, json_string_value(key), NULL) != NULL)
            (void)json_array_append(keys, key);
    }
    return keys;
}

static void report_order(struct diffing *d, const struct place *at, const char *member,
                         const json_t *from, const json_t *to)
{
    json_t *before = shared_keys(from, to), *after = shared_keys(to, from);
    struct buf b;

    if (!json_equal(before, after)) {
        buf_init(&b, SENTENCE_MAX);
        buf_printf(&b, "the order of `%s` of ", member);
        add_name(&b, at);
        buf_puts(&b, " changed to ");
        add_value(&b, after);
        report(d, "move", at, member, before, after, &b);
        buf_done(&b);
    }
    json_decref(before);
    json_decref(after);
}

static void compare_parts(struct diffing *d, const struct place *at, const struct shape_member *m,
                          const json_t *from, const json_t *to)
{
    json_t *part;
    size_t i;

    json_array_foreach (from, i, part) {
        const char *key = json_string_value(json_object_get(part, "key"));
        const json_t *other = key != NULL ? document_part(to, key, NULL) : NULL;
        const struct place here = {at, m->of, m->name, key != NULL ? key : "?"};

        if (other == NULL)
            report_part(d, &here, part, NULL);
        else
            compare_element(d, &here, part, other);
    }
    json_array_foreach (to, i, part) {
        const char *key = json_string_value(json_object_get(part, "key"));
        const struct place here = {at, m->of, m->name, key != NULL ? key : "?"};

        if (key == NULL || document_part(from, key, NULL) == NULL)
            report_part(d, &here, NULL, part);
    }
    report_order(d, at, m->name, from, to);
}

/* What no table knows, compared whole. */
static void compare_unknown(struct diffing *d, const struct place *at, const json_t *from,
                            const json_t *to)
{
    json_t *a = json_object(), *b = json_object(), *value;
    const struct shape_member *m;
    const char *name;

    (void)json_object_update(a, (json_t *)from);
    (void)json_object_update(b, (json_t *)to);
    for (m = at->shape->members; m->name != NULL; m++) {
        (void)json_object_del(a, m->name);
        (void)json_object_del(b, m->name);
    }
    json_object_foreach (a, name, value)
        if (!equal(value, json_object_get(b, name)))
            report_value(d, at, name, NULL, value, json_object_get(b, name));
    json_object_foreach (b, name, value)
        if (json_object_get(a, name) == NULL)
            report_value(d, at, name, NULL, NULL, value);
    json_decref(a);
    json_decref(b);
}

static void compare_element(struct diffing *d, const struct place *at, const json_t *from,
                            const json_t *to)
{
    const struct shape_member *m = at->shape->members;

    for (; m->name != NULL; m++) {
        const json_t *a = json_object_get(from, m->name), *b = json_object_get(to, m->name);

        if (equal(a, b) || (at->up == NULL && strcmp(m->name, "number") == 0))
            continue;
        if (m->kind == SHAPE_PARTS)
            compare_parts(d, at, m, a, b);
        else if (m->kind == SHAPE_TEXTS || m->kind == SHAPE_PARAMS)
            compare_object(d, at, m->name, a, b);
        else
            report_value(d, at, m->name, NULL, a, b);
    }
    compare_unknown(d, at, from, to);
}

json_t *blueprint_diff(const json_t *from, const json_t *to)
{
    struct diffing d = {.list = json_array()};
    const struct place top = {NULL, &shape_blueprint, NULL, NULL};

    compare_element(&d, &top, from, to);
    return d.list;
}

json_t *diff_changes(const json_t *diff)
{
    json_t *changes = json_object(), *row;
    size_t i;

    json_array_foreach (diff, i, row) {
        json_t *pair = json_object();

        (void)json_object_set(pair, "old", json_object_get(row, "from"));
        (void)json_object_set(pair, "new", json_object_get(row, "to"));
        (void)json_object_set_new(changes, json_string_value(json_object_get(row, "path")), pair);
    }
    return changes;
}

json_t *diff_sentences(const json_t *diff)
{
    json_t *sentences = json_array(), *row;
    size_t i;

    json_array_foreach (diff, i, row)
        (void)json_array_append(sentences, json_object_get(row, "sentence"));
    return sentences;
}
