#include "call/tree.h"

#include <stdlib.h>
#include <string.h>

#include "call/pgarray.h"
#include "call/row.h"

#define ITEM_MAX 65536

/* What is no moment of RFC 3339 stays as it is. */
static json_t *moment(const char *s, size_t n)
{
    char text[ROW_MOMENT_MAX];
    size_t length = row_moment(s, n, text);

    return length ? json_stringn_nocheck(text, length) : json_stringn_nocheck(s, n);
}

static json_t *number(const char *s, size_t n)
{
    if (!row_is_number(s, n))
        return json_null();
    return strcspn(s, ".eE") == n ? json_integer(strtoll(s, NULL, 10)) : json_real(strtod(s, NULL));
}

static json_t *list(const char *s)
{
    struct pgarray a = pgarray_over(s);
    json_t *all = json_array();
    struct buf item;
    bool is_null;

    buf_init(&item, ITEM_MAX);
    while (pgarray_next(&a, &item, &is_null))
        (void)json_array_append_new(all, is_null ? json_null()
                                                 : json_stringn_nocheck(buf_text(&item), item.len));
    buf_done(&item);
    return all;
}

static json_t *parsed(const char *s, size_t n)
{
    if (n == 2 && memcmp(s, "{}", 2) == 0)
        return json_object();
    if (n == 2 && memcmp(s, "[]", 2) == 0)
        return json_array();
    return json_loadb(s, n, JSON_DECODE_ANY, NULL);
}

static json_t *value(enum column_kind kind, const char *s, size_t n)
{
    switch (kind) {
    case COLUMN_NUMBER: return number(s, n);
    case COLUMN_BOOLEAN: return json_boolean(*s == 't');
    case COLUMN_JSON: return parsed(s, n);
    case COLUMN_TIMESTAMP: return moment(s, n);
    case COLUMN_TEXT_ARRAY: return list(s);
    default: return json_stringn_nocheck(s, n);
    }
}

/* The group that the last column was in: the next one is mostly in it, too. */
struct group {
    const char *path;
    size_t n;
    json_t *object; /* NULL: it is left out */
};

/* Returns the object at the path below the root; makes it unless @only_there. */
static json_t *object_at(json_t *root, const char *path, size_t n, bool only_there)
{
    while (root && n > 0) {
        const char *dot = memchr(path, '.', n);
        size_t part = dot ? (size_t)(dot - path) : n;
        json_t *child = json_object_getn(root, path, part);

        if (!child && !only_there) {
            child = json_object();
            (void)json_object_setn_new_nocheck(root, path, part, child);
        }
        root = child;
        n -= dot ? part + 1 : part;
        path += part + 1;
    }
    return root;
}

static void enter(struct group *g, json_t *root, const char *path, size_t n, bool is_null)
{
    if (g->path && g->n == n && memcmp(g->path, path, n) == 0)
        return;
    *g = (struct group){path, n, object_at(root, path, n, is_null)};
}

json_t *row_tree(const struct result *r, int row, const char *prefix, const bool *wanted)
{
    size_t skip = strlen(prefix);
    json_t *root = json_object();
    struct group g = {.path = NULL};

    for (int i = 0; i < result_columns(r); i++) {
        const char *name, *dot, *s;
        json_t *v;
        size_t n;

        if (wanted && !wanted[i])
            continue;
        name = result_name(r, i);
        if (strncmp(name, prefix, skip) != 0)
            continue;
        name += skip;
        dot = strrchr(name, '.');
        s = result_cell(r, row, i, &n);
        enter(&g, root, name, dot ? (size_t)(dot - name) : 0, !s);
        if (!s || !g.object)
            continue;
        v = value(result_kind(r, i), s, n);
        if (!v) {
            json_decref(root);
            return NULL;
        }
        (void)json_object_set_new_nocheck(g.object, dot ? dot + 1 : name, v);
    }
    return root;
}
