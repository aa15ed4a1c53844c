/* range - two ends of one range that leave nothing between them: the list would be empty, and
 * nobody would know why. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call/engine.h"

#define NAME_MAX_BYTES 100

/* Compares two values of a parameter; 0 where there is no order to hold them to. */
static int order(const struct schema *s, const json_t *a, const json_t *b)
{
    const char *x = json_string_value(a), *y = json_string_value(b);

    if (json_is_integer(a) && json_is_integer(b))
        return (json_integer_value(a) > json_integer_value(b)) -
               (json_integer_value(a) < json_integer_value(b));
    if (x == NULL || y == NULL)
        return 0;
    switch (s->format) {
    case FORMAT_DATE: return strcmp(x, y); /* of one length, years first */
    case FORMAT_DATE_TIME: return text_compare_moments(x, y);
    case FORMAT_DECIMAL:
        return (strtod(x, NULL) > strtod(y, NULL)) - (strtod(x, NULL) < strtod(y, NULL));
    default: return 0;
    }
}

static const struct schema *schema_of(const struct call *c, const char *name)
{
    for (const struct route_param *p = c->route->params; p && p->name; p++)
        if (strcmp(p->name, name) == 0)
            return p->schema;
    return NULL;
}

static void check_pair(struct call *c, const char *low, const char *high)
{
    const json_t *from = call_param(c, low), *to = call_param(c, high);
    const struct schema *s = schema_of(c, low);

    if (!from || !to || !s || order(s, from, to) <= 0)
        return;
    err_fault(
        &c->err, ERR_BAD_PARAMETER,
        (struct fault){
            .in = "query",
            .pointer = arena_strdup(&c->arena, high),
            .code = "range",
            .detail = arena_printf(&c->arena, "It lies before \"%s\": nothing is between.", low),
            .hint = arena_printf(&c->arena, "exchange \"%s\" and \"%s\"", low, high),
            .got = call_json(c, to),
        });
}

/* "created_at[gte]": with each upper end that the same filter may have. */
static void check_ends(struct call *c, const char *name)
{
    static const char *const highs[] = {"lt", "lte"};
    size_t n = strcspn(name, "[");
    char high[NAME_MAX_BYTES];

    if (strcmp(name + n, "[gt]") != 0 && strcmp(name + n, "[gte]") != 0)
        return;
    for (size_t i = 0; i < sizeof(highs) / sizeof(highs[0]); i++) {
        (void)snprintf(high, sizeof(high), "%.*s[%s]", (int)n, name, highs[i]);
        check_pair(c, name, high);
    }
}

void ranges_check(struct call *c)
{
    const char *name;
    json_t *value;

    json_object_foreach (c->params, name, value)
        check_ends(c, name);
    check_pair(c, "from", "to");
    check_pair(c, "month_from", "month_to");
}
