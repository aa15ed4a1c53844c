#include "conf/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

const struct conf_row conf_rows[CONF_COUNT] = {
#define ROW(row, row_kind, row_value, row_help)                                                    \
    .name = #row, .kind = (row_kind), .offset = offsetof(struct conf, row), .value = (row_value),  \
    .help = (row_help)
#define STRING(row, row_value, row_flags, row_help)                                                \
    {ROW(row, CONF_KIND_STRING, row_value, row_help), .flags = (row_flags)},
#define NUMBER(row, row_value, row_min, row_max, row_help)                                         \
    {ROW(row, CONF_KIND_NUMBER, #row_value, row_help), .min = (row_min), .max = (row_max)},
#define BOOL(row, row_value, row_help) {ROW(row, CONF_KIND_BOOL, #row_value, row_help)},
#define CHOICE(row, row_value, row_choices, row_help)                                              \
    {ROW(row, CONF_KIND_CHOICE, row_value, row_help), .choices = (row_choices)},
#include "conf/conf.def"
#undef STRING
#undef NUMBER
#undef BOOL
#undef CHOICE
#undef ROW
};

static bool wrong(struct buf *why, const char *origin, const struct conf_row *row,
                  struct span value, const char *what)
{
    if ((row->flags & CONF_SECRET) != 0)
        buf_printf(why, "%s: %s: the value is not %s\n", origin, row->name, what);
    else
        buf_printf(why, "%s: %s: \"%.*s\" is not %s\n", origin, row->name, (int)value.n, value.p,
                   what);
    return false;
}

static bool is_word(struct span value, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (span_is_nocase(value, *words))
            return true;
    }
    return false;
}

static bool read_bool(struct span value, bool *ret)
{
    static const char *const yes[] = {"true", "yes", "on", "1", NULL};
    static const char *const no[] = {"false", "no", "off", "0", NULL};

    *ret = is_word(value, yes);
    return *ret || is_word(value, no);
}

static bool is_choice(struct span value, const char *choices)
{
    for (;;) {
        size_t n = strcspn(choices, "|");

        if (n == value.n && memcmp(choices, value.p, n) == 0)
            return true;
        if (choices[n] == '\0')
            return false;
        choices += n + 1;
    }
}

static bool is_clean(struct span value)
{
    for (size_t i = 0; i < value.n; i++) {
        if ((unsigned char)value.p[i] < 0x20 || value.p[i] == 0x7f)
            return false;
    }
    return text_is_utf8(value.p, value.n);
}

bool conf_set(struct conf *c, const struct conf_row *row, struct span value, const char *origin,
              struct buf *why)
{
    void *member = (char *)c + row->offset;
    char bounds[100];
    const char *text;
    int64_t n;
    bool flag;

    switch (row->kind) {
    case CONF_KIND_NUMBER:
        if (!text_parse_i64(value, &n) || n < row->min || n > row->max) {
            (void)snprintf(bounds, sizeof(bounds), "a whole number from %" PRId64 " to %" PRId64,
                           row->min, row->max);
            return wrong(why, origin, row, value, bounds);
        }
        memcpy(member, &n, sizeof(n));
        break;
    case CONF_KIND_BOOL:
        if (!read_bool(value, &flag))
            return wrong(why, origin, row, value, "true or false");
        memcpy(member, &flag, sizeof(flag));
        break;
    case CONF_KIND_CHOICE:
        if (!is_choice(value, row->choices)) {
            (void)snprintf(bounds, sizeof(bounds), "one of %s", row->choices);
            return wrong(why, origin, row, value, bounds);
        }
        break;
    case CONF_KIND_STRING:
        if (!is_clean(value))
            return wrong(why, origin, row, value, "UTF-8 text on one line");
        break;
    }
    if (row->kind == CONF_KIND_STRING || row->kind == CONF_KIND_CHOICE) {
        text = arena_copy(&c->strings, value.p, value.n);
        if (text == NULL)
            return wrong(why, origin, row, value, "short enough");
        memcpy(member, &text, sizeof(text));
    }
    c->origin[row - conf_rows] = origin;
    return true;
}

const struct conf_row *conf_find(struct span name)
{
    for (const struct conf_row *row = conf_rows; row < conf_rows + CONF_COUNT; row++) {
        size_t i = 0;

        while (i < name.n && (name.p[i] == '-' ? '_' : name.p[i]) == row->name[i])
            i++;
        if (i == name.n && row->name[i] == '\0')
            return row;
    }
    return NULL;
}

const char *conf_nearest(const char *name)
{
    static const char *const names[] = {
#define STRING(name, value, flags, help) #name,
#define NUMBER(name, value, min, max, help) #name,
#define BOOL(name, value, help) #name,
#define CHOICE(name, value, choices, help) #name,
#include "conf/conf.def"
#undef STRING
#undef NUMBER
#undef BOOL
#undef CHOICE
        "config", "help", "version", "check_config", NULL};

    return text_nearest(name, names);
}
