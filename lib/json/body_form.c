#include <string.h>

#include "base/arena.h"
#include "json/body.h"
#include "json/form.h"

#define PAIRS_MAX 200

static void drop(void *json)
{
    json_decref(json);
}

json_t *form_new(struct arena *a)
{
    json_t *form = json_object();

    if (form != NULL)
        arena_defer(a, drop, form);
    return form;
}

/* Cuts the text up to the next @separator off *rest. */
static struct span cut(struct span *rest, char separator)
{
    const char *at = rest->n > 0 ? memchr(rest->p, separator, rest->n) : NULL;
    struct span part = {rest->p, at != NULL ? (size_t)(at - rest->p) : rest->n};
    size_t used = at != NULL ? part.n + 1 : part.n;

    if (used > 0)
        rest->p += used;
    rest->n -= used;
    return part;
}

bool form_add(json_t *form, const char *name, const char *value)
{
    json_t *before = json_object_get(form, name);
    json_t *array;

    if (before == NULL)
        return json_object_set_new(form, name, json_string(value)) == 0;
    if (json_is_array(before))
        return json_array_append_new(before, json_string(value)) == 0;
    array = json_array();
    if (json_array_append(array, before) != 0 ||
        json_array_append_new(array, json_string(value)) != 0) {
        json_decref(array);
        return false;
    }
    return json_object_set_new(form, name, array) == 0;
}

json_t *body_parse_form(struct arena *a, struct span text, struct err *e)
{
    json_t *form = form_new(a);
    unsigned pairs = 0;

    if (form == NULL) {
        err_set(e, ERR_INTERNAL, NULL);
        return NULL;
    }
    while (text.n > 0) {
        struct span value = cut(&text, '&');
        struct span name;
        char *name_text, *value_text;

        if (value.n == 0)
            continue;
        if (++pairs > PAIRS_MAX) {
            err_set(e, ERR_BAD_FORM, "The form has more than %d fields.", PAIRS_MAX);
            return NULL;
        }
        if (a->limit - a->used < value.n + 64) {
            err_set(e, ERR_BODY_TOO_LARGE, NULL);
            return NULL;
        }
        name = cut(&value, '=');
        name_text = text_percent_decode(a, name, true);
        value_text = text_percent_decode(a, value, true);
        if (name_text == NULL || value_text == NULL) {
            err_set(e, ERR_BAD_FORM, "Field %u is not percent-encoded UTF-8 without zero bytes.",
                    pairs);
            return NULL;
        }
        if (!form_add(form, name_text, value_text)) {
            err_set(e, ERR_INTERNAL, NULL);
            return NULL;
        }
    }
    return form;
}
