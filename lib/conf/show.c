/* the settings as people read them */
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "conf/conf.h"
#include "conf/table.h"

#define NAME_WIDTH 28
#define VALUE_WIDTH 24

static void print_value(const struct conf *c, const struct conf_row *row, struct buf *b)
{
    const char *member = (const char *)c + row->offset;
    const char *text;
    int64_t n;
    bool flag;

    switch (row->kind) {
    case CONF_KIND_NUMBER:
        memcpy(&n, member, sizeof(n));
        buf_printf(b, "%" PRId64, n);
        return;
    case CONF_KIND_BOOL:
        memcpy(&flag, member, sizeof(flag));
        buf_puts(b, flag ? "true" : "false");
        return;
    case CONF_KIND_STRING:
    case CONF_KIND_CHOICE:
        memcpy(&text, member, sizeof(text));
        if ((row->flags & CONF_SECRET) != 0 && *text != '\0')
            text = "***";
        buf_puts(b, text);
        return;
    }
}

void conf_print(const struct conf *c, struct buf *b)
{
    for (size_t i = 0; i < CONF_COUNT; i++) {
        size_t start;

        buf_printf(b, "%-*s = ", NAME_WIDTH, conf_rows[i].name);
        start = b->len;
        print_value(c, &conf_rows[i], b);
        do
            buf_putc(b, ' ');
        while (!b->failed && b->len < start + VALUE_WIDTH);
        buf_printf(b, "# %s\n", c->origin[i]);
    }
}

static void help_row(const struct conf_row *row, struct buf *b)
{
    size_t start = b->len;

    buf_puts(b, "  --");
    for (const char *p = row->name; *p != '\0'; p++)
        buf_putc(b, *p == '_' ? '-' : *p);
    while (!b->failed && b->len < start + NAME_WIDTH + 4)
        buf_putc(b, ' ');
    buf_puts(b, row->help);
    switch (row->kind) {
    case CONF_KIND_NUMBER:
        buf_printf(b, " (%" PRId64 " to %" PRId64 "; %s)\n", row->min, row->max, row->value);
        return;
    case CONF_KIND_CHOICE: buf_printf(b, " (%s; %s)\n", row->choices, row->value); return;
    case CONF_KIND_BOOL:
    case CONF_KIND_STRING: break;
    }
    if (row->value[0] != '\0')
        buf_printf(b, " (%s)\n", row->value);
    else
        buf_putc(b, '\n');
}

void conf_help(struct buf *b)
{
    buf_puts(b, "  --config FILE                 file of settings (also SLUICE_CONFIG)\n");
    for (size_t i = 0; i < CONF_COUNT; i++)
        help_row(&conf_rows[i], b);
}
