/* compile_row - what reading any row of a document needs. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "blueprint/compile.h"
#include "blueprint/params.h"

#define ACTORS_MAX 100

bool compile_fail(struct compiler *c, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    buf_puts(c->why, text);
    return false;
}

void *compile_alloc(struct compiler *c, size_t n, size_t size)
{
    void *p = n <= BLUEPRINT_MEMORY / size ? arena_alloc(c->arena, n * size) : NULL;

    if (p == NULL)
        (void)compile_fail(c, ": the blueprint is too large");
    return p;
}

/* reading */

static int row_order(const void *a, const void *b)
{
    const struct row *x = a, *y = b;

    if (x->position != y->position)
        return x->position < y->position ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

bool compile_rows(struct compiler *c, const struct row *parent, const char *name, size_t max,
                  struct row **ret, size_t *ret_n)
{
    const json_t *list = json_object_get(parent->json, name);
    size_t n = json_array_size(list);
    struct row *rows;

    if (list != NULL && !json_is_array(list) && !json_is_null(list))
        return compile_fail(c, "%s/%s: must be a list", parent->where, name);
    if (n > max)
        return compile_fail(c, "%s/%s: has %zu rows, more than %zu", parent->where, name, n, max);
    rows = compile_alloc(c, n, sizeof(*rows));
    if (rows == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        struct row row = {.json = json_array_get(list, i), .index = i};
        const json_t *position = json_object_get(row.json, "position");

        row.where = arena_printf(c->arena, "%s/%s/%zu", parent->where, name, i);
        if (row.where == NULL)
            return compile_fail(c, ": the blueprint is too large");
        if (!json_is_object(row.json))
            return compile_fail(c, "%s: must be an object", row.where);
        if (position != NULL && !json_is_null(position) && !json_is_integer(position))
            return compile_fail(c, "%s/position: must be an integer", row.where);
        row.position = json_integer_value(position);
        rows[i] = row;
    }
    if (n > 1)
        qsort(rows, n, sizeof(*rows), row_order);
    *ret = rows;
    *ret_n = n;
    return true;
}

bool compile_key(struct compiler *c, const struct row *row, const char *name, const char **ret)
{
    const char *key = json_string_value(json_object_get(row->json, name));

    if (key == NULL || !text_is_key(key))
        return compile_fail(c, "%s/%s: must be a key of lower-case letters, digits and underscores",
                            row->where, name);
    *ret = key;
    return true;
}

bool compile_state_key(struct compiler *c, const char *where, const json_t *v, const char **ret)
{
    const char *key = json_string_value(v);

    if (key == NULL)
        return compile_fail(c, "%s: must be the key of a state", where);
    if (blueprint_state(c->b, key) == NULL)
        return compile_fail(c, "%s: unknown state \"%s\"", where, key);
    *ret = key;
    return true;
}

bool compile_label(struct compiler *c, const struct row *row, const char *name, struct label *ret)
{
    const json_t *label = json_object_get(row->json, name);
    const char **const texts[LANGUAGES] = {&ret->en, &ret->pl, &ret->ru};

    *ret = (struct label){.en = NULL};
    if (label == NULL || json_is_null(label))
        return true;
    if (!json_is_object(label))
        return compile_fail(c, "%s/%s: must be an object of texts by language", row->where, name);
    for (size_t i = 0; i < LANGUAGES; i++) {
        const json_t *text = json_object_get(label, language_codes[i]);

        if (text != NULL && !json_is_string(text) && !json_is_null(text))
            return compile_fail(c, "%s/%s/%s: must be a text", row->where, name, language_codes[i]);
        *texts[i] = json_string_value(text);
    }
    return true;
}

bool compile_word(struct compiler *c, const struct row *row, const char *name,
                  const char *const *words, int otherwise, int *ret)
{
    const json_t *v = json_object_get(row->json, name);
    const char *word = json_string_value(v), *nearest;

    *ret = otherwise;
    if ((v == NULL || json_is_null(v)) && otherwise >= 0)
        return true;
    for (int i = 0; word != NULL && words[i] != NULL; i++)
        if (strcmp(words[i], word) == 0) {
            *ret = i;
            return true;
        }
    (void)compile_fail(c, "%s/%s: must be one of ", row->where, name);
    names_add(c->why, words);
    nearest = word != NULL ? text_nearest(word, words) : NULL;
    return nearest != NULL ? compile_fail(c, "; did you mean \"%s\"?", nearest) : false;
}

bool compile_params(struct compiler *c, const struct row *row, const struct param *table)
{
    struct buf why;
    bool fine;

    buf_init(&why, 4096);
    fine = params_check(table, json_object_get(row->json, "params"), &why);
    if (!fine)
        (void)compile_fail(c, "%s/params%s", row->where, buf_text(&why));
    buf_done(&why);
    return fine;
}

bool compile_actors(struct compiler *c, const struct row *row, const struct actor_rule **ret,
                    size_t *ret_n)
{
    static const char *const kinds[] = {"role", "team", "user", "field", NULL};
    struct actor_rule *actors;
    struct row *rows = NULL;
    size_t n = 0;

    if (!compile_rows(c, row, "actors", ACTORS_MAX, &rows, &n))
        return false;
    actors = compile_alloc(c, n, sizeof(*actors));
    if (actors == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        int kind = ACTOR_RULE_ROLE;

        if (!compile_word(c, &rows[i], "kind", kinds, -1, &kind))
            return false;
        actors[i].kind = kind;
        actors[i].value = json_string_value(json_object_get(rows[i].json, "value"));
        if (actors[i].value == NULL || actors[i].value[0] == '\0')
            return compile_fail(c, "%s/value: is required", rows[i].where);
    }
    *ret = actors;
    *ret_n = n;
    return true;
}
