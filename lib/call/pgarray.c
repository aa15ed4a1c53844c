#include "call/pgarray.h"

#include <string.h>

#include "base/arena.h"

#define ITEM_MAX 65536

struct pgarray pgarray_over(const char *text)
{
    if (!text || *text != '{')
        return (struct pgarray){""};
    return (struct pgarray){text + 1};
}

static const char *quoted(const char *p, struct buf *item)
{
    for (p++; *p && *p != '"'; p++) {
        if (*p == '\\' && p[1])
            p++;
        buf_putc(item, *p);
    }
    return *p ? p + 1 : p;
}

static const char *plain(const char *p, struct buf *item)
{
    size_t n = strcspn(p, ",}");

    buf_add(item, p, n);
    return p + n;
}

bool pgarray_next(struct pgarray *a, struct buf *item, bool *is_null)
{
    bool bare = *a->p != '"';

    if (!*a->p || *a->p == '}')
        return false;
    buf_clear(item);
    a->p = bare ? plain(a->p, item) : quoted(a->p, item);
    *is_null = bare && !strcmp(buf_text(item), "NULL");
    if (*a->p == ',')
        a->p++;
    return true;
}

const char *const *pgarray_strings(struct arena *arena, const char *text)
{
    struct pgarray a = pgarray_over(text);
    struct buf item;
    const char **list;
    size_t n = 1, i = 0;
    bool is_null;

    for (const char *p = a.p; *p; p++)
        n += *p == ',';
    list = arena_alloc(arena, (n + 1) * sizeof(*list));
    buf_init(&item, ITEM_MAX);
    while (list && pgarray_next(&a, &item, &is_null)) {
        if (is_null)
            continue;
        list[i] = arena_strdup(arena, buf_text(&item));
        if (!list[i++])
            list = NULL;
    }
    buf_done(&item);
    return list;
}

void pgarray_quote(struct buf *b, const char *text)
{
    buf_putc(b, '"');
    for (size_t n; *text; text += n) {
        if (*text == '"' || *text == '\\')
            buf_putc(b, '\\');
        n = 1 + strcspn(text + 1, "\"\\");
        buf_add(b, text, n);
    }
    buf_putc(b, '"');
}
