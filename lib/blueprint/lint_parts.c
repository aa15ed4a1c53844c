/* lint_parts - what every judge needs: the parts of a document, and findings about them. */
#include "blueprint/lint_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "blueprint/document.h"

#define FINDINGS_MAX 500

const char *part_text(const json_t *part, const char *name)
{
    return json_string_value(json_object_get(part, name));
}

const char *part_key(const json_t *part)
{
    const char *key = part_text(part, "key");

    return key != NULL ? key : "?";
}

size_t state_index(const struct linting *l, const char *key)
{
    size_t i = l->n;

    if (key != NULL)
        (void)document_part(l->states, key, &i);
    return i < l->n ? i : l->n;
}

/* findings */

static void set_name(json_t *finding, const char *name, const json_t *part)
{
    (void)json_object_set_new(finding, name,
                              part != NULL ? json_string(part_key(part)) : json_null());
}

static void add(json_t *list, const char *severity, const char *code, const struct about *at,
                const char *format, va_list args) __attribute__((format(printf, 5, 0)));

static void add(json_t *list, const char *severity, const char *code, const struct about *at,
                const char *format, va_list args)
{
    json_t *finding;
    char text[1024];

    if (json_array_size(list) >= FINDINGS_MAX)
        return;
    (void)vsnprintf(text, sizeof(text), format, args);
    finding =
        json_pack("{s:s, s:s, s:s}", "severity", severity, "code", code, "pointer", at->pointer);
    set_name(finding, "state", at->state);
    set_name(finding, "transition", at->transition);
    set_name(finding, "guard", at->guard);
    (void)json_object_set_new(finding, "message", json_string(text));
    (void)json_array_append_new(list, finding);
}

void lint_error(struct linting *l, const char *code, const struct about *at, const char *format,
                ...)
{
    va_list args;

    va_start(args, format);
    add(l->errors, "error", code, at, format, args);
    va_end(args);
}

void lint_warning(struct linting *l, const char *code, const struct about *at, const char *format,
                  ...)
{
    va_list args;

    va_start(args, format);
    add(l->warnings, "warning", code, at, format, args);
    va_end(args);
}

bool is_initial(const json_t *t)
{
    const char *kind = part_text(t, "kind");

    return kind != NULL && strcmp(kind, "initial") == 0;
}

static bool names_state(const json_t *list, const char *key)
{
    const json_t *item;
    size_t i;

    json_array_foreach (list, i, item)
        if (json_is_string(item) && strcmp(json_string_value(item), key) == 0)
            return true;
    return false;
}

bool leaves_state(const struct linting *l, const json_t *t, size_t state)
{
    const char *key = part_key(json_array_get(l->states, state));
    const json_t *from = json_object_get(t, "from");

    if (is_initial(t))
        return false;
    if (json_is_string(from))
        return !names_state(json_object_get(t, "except"), key);
    return names_state(from, key);
}

void lint_calendar(struct linting *l, const struct about *at, const char *key)
{
    if (l->w->calendars != NULL && key != NULL && document_part(l->w->calendars, key, NULL) == NULL)
        lint_error(l, "unknown_calendar", at, "There is no calendar \"%.64s\".", key);
}
