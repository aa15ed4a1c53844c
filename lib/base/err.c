#include "base/err.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"

struct row {
    const char *slug;
    int status;
    const char *title, *hint;
};

static const struct row rows[ERR_COUNT] = {
    [ERR_NONE] = {"none", 200, "No error", ""},
#define ERR(symbol, code, status, title, hint) [ERR_##symbol] = {code, status, title, hint},
#include "base/err.def"
#undef ERR
};

void err_init(struct err *e, struct arena *a)
{
    *e = (struct err){.arena = a};
}

bool err_set(struct err *e, enum err_code code, const char *format, ...)
{
    char text[1024]; /* a sentence; a longer one is cut */
    va_list args;

    e->code = code;
    e->detail = NULL;
    if (format == NULL)
        return false;
    va_start(args, format);
    if (vsnprintf(text, sizeof(text), format, args) >= 0)
        e->detail = arena_strdup(e->arena, text);
    va_end(args);
    return false;
}

bool err_fault(struct err *e, enum err_code code, struct fault fault)
{
    struct fault *copy;

    if (e->code == ERR_NONE)
        e->code = code;
    e->nfaults++;
    if (e->nfaults > ERR_FAULTS_MAX)
        return false;
    copy = arena_alloc(e->arena, sizeof(*copy));
    if (copy == NULL)
        return false;
    *copy = fault;
    copy->next = NULL;
    if (e->last == NULL)
        e->faults = copy;
    else
        e->last->next = copy;
    e->last = copy;
    return false;
}

const char *err_suggest(struct arena *a, const char *word, const char *const *names)
{
    const char *nearest = text_nearest(word, names);

    return nearest != NULL ? arena_printf(a, "did you mean \"%s\"?", nearest) : NULL;
}

static const struct row *row_of(enum err_code code)
{
    return &rows[(unsigned)code < ERR_COUNT ? code : ERR_INTERNAL];
}

int err_status(enum err_code code)
{
    return row_of(code)->status;
}

const char *err_slug(enum err_code code)
{
    return row_of(code)->slug;
}

const char *err_hint(enum err_code code)
{
    return row_of(code)->hint;
}

const char *err_title(enum err_code code)
{
    return row_of(code)->title;
}

enum err_code err_from_slug(const char *slug)
{
    for (int i = ERR_NONE + 1; i < ERR_COUNT; i++) {
        if (strcmp(rows[i].slug, slug) == 0)
            return (enum err_code)i;
    }
    return ERR_NONE;
}
