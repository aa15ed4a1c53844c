#include "call/row.h"

#include <stdint.h>
#include <string.h>

#include "call/pgarray.h"
#include "call/reply.h"

#define DEPTH_MAX 8
#define ITEM_MAX 65536
#define NAMES_MAX ((size_t)1 << 20)

enum order_kind { ORDER_VALUE, ORDER_OPEN, ORDER_CLOSE };

struct order {
    enum order_kind kind;
    enum column_kind type;
    int element;              /* of the column's array; -1: the column */
    bool is_there;            /* shows whether the element is there */
    int column;               /* whose value; of a group: whose NULL makes the whole group null */
    unsigned after;           /* of a group: the order behind its end */
    unsigned lead_at, lead_n; /* ,"name": */
};

struct row_plan {
    const struct result *result;
    const char *names; /* what stands before values, one after the other */
    unsigned n;
    struct order *orders;
};

/* columns of several members */

bool row_part_next(const char **at, struct row_part *part)
{
    const char *text = *at;
    size_t n = strcspn(text, "|");

    if (n == 0 || (part->element < 0 && *text == '_'))
        return false;
    part->element += part->element >= 0 || text[n] == '|';
    *at = text + n + (text[n] == '|');
    part->is_there = text[n - 1] == '?';
    part->name = (struct span){text, n - part->is_there};
    return true;
}

size_t row_parts_most(const struct result *r)
{
    size_t n = (size_t)result_columns(r);

    for (int i = 0; i < result_columns(r); i++)
        for (const char *p = result_name(r, i); (p = strchr(p, '|')); p++)
            n++;
    return n;
}

struct span row_part_top(const struct row_part *part)
{
    const char *dot = memchr(part->name.p, '.', part->name.n);

    return dot ? (struct span){part->name.p, (size_t)(dot - part->name.p)} : part->name;
}

bool row_part_is_wanted(const struct row_part *part, const char *const *fields)
{
    struct span top;

    if (!fields)
        return true;
    top = row_part_top(part);
    for (; *fields; fields++)
        if (span_is(top, *fields))
            return true;
    return false;
}

/* Of an array of moments, in which nothing is escaped. */
static const char *element(const char *array, int i, size_t *n)
{
    if (!array)
        return NULL;
    for (array++;; array++) {
        bool quoted = *array == '"';

        array += quoted;
        *n = strcspn(array, quoted ? "\"" : ",}");
        if (i-- == 0)
            return !quoted && (*n == 0 || (*n == 4 && !memcmp(array, "NULL", 4))) ? NULL : array;
        array += *n + quoted;
        if (*array != ',')
            return NULL;
    }
}

const char *row_part_text(const struct row_part *part, const char *text, size_t *n)
{
    return part->element < 0 ? text : element(text, part->element, n);
}

/* making a plan */

struct making {
    struct row_plan *plan;
    struct buf names;
    struct span group[DEPTH_MAX]; /* names of the open groups */
    unsigned opened[DEPTH_MAX];   /* their orders */
    bool comma[DEPTH_MAX + 1];    /* a member was written at this depth */
    unsigned depth;
};

static struct order *order_add(struct making *m, enum order_kind kind, int column)
{
    struct order *o = &m->plan->orders[m->plan->n++];

    o->kind = kind;
    o->element = -1;
    o->column = column;
    return o;
}

static void order_name(struct making *m, struct order *o, struct span name)
{
    struct out out;

    o->lead_at = (unsigned)m->names.len;
    if (m->comma[m->depth])
        buf_putc(&m->names, ',');
    out_init(&out, &m->names);
    out_string_n(&out, name.p, name.n);
    buf_putc(&m->names, ':');
    m->comma[m->depth] = true;
    o->lead_n = (unsigned)m->names.len - o->lead_at;
}

static void close_group(struct making *m)
{
    (void)order_add(m, ORDER_CLOSE, 0);
    m->depth--;
    m->plan->orders[m->opened[m->depth]].after = m->plan->n;
}

static void open_group(struct making *m, struct span name, int column)
{
    order_name(m, order_add(m, ORDER_OPEN, column), name);
    m->group[m->depth] = name;
    m->opened[m->depth] = m->plan->n - 1;
    m->depth++;
    m->comma[m->depth] = false;
}

static bool same(struct span a, struct span b)
{
    return a.n == b.n && !memcmp(a.p, b.p, a.n);
}

static void add_part(struct making *m, const struct row_part *part, int column)
{
    struct span name = part->name;
    unsigned depth = 0;
    struct order *o;

    for (const char *dot; (dot = memchr(name.p, '.', name.n)) && depth < DEPTH_MAX; depth++) {
        struct span group = {name.p, (size_t)(dot - name.p)};

        name = (struct span){dot + 1, name.n - group.n - 1};
        if (depth < m->depth && same(m->group[depth], group))
            continue;
        while (m->depth > depth)
            close_group(m);
        open_group(m, group, column);
    }
    while (m->depth > depth)
        close_group(m);
    o = order_add(m, ORDER_VALUE, column);
    o->type = part->element < 0 ? result_kind(m->plan->result, column) : COLUMN_TIMESTAMP;
    o->element = part->element;
    o->is_there = part->is_there;
    order_name(m, o, name);
}

/* A dot makes at most one group, that is two orders. */
static size_t orders_bound(const struct result *r)
{
    size_t n = row_parts_most(r);

    for (int i = 0; i < result_columns(r); i++)
        for (const char *p = result_name(r, i); (p = strchr(p, '.')); p++)
            n += 2;
    return n;
}

const struct row_plan *row_plan_make(struct arena *a, const struct result *r,
                                     const char *const *fields)
{
    struct making m = {.plan = NULL};
    bool whole;

    m.plan = arena_alloc(a, sizeof(*m.plan));
    if (!m.plan)
        return NULL;
    *m.plan = (struct row_plan){
        .result = r, .orders = arena_alloc(a, (orders_bound(r) + 1) * sizeof(*m.plan->orders))};
    if (!m.plan->orders)
        return NULL;
    buf_init(&m.names, NAMES_MAX);
    for (int i = 0; i < result_columns(r); i++) {
        const char *at = result_name(r, i);

        for (struct row_part part = {.element = -1}; row_part_next(&at, &part);)
            if (row_part_is_wanted(&part, fields))
                add_part(&m, &part, i);
    }
    while (m.depth)
        close_group(&m);
    m.plan->names = arena_copy(a, buf_text(&m.names), m.names.len);
    whole = !m.names.failed && m.plan->names;
    buf_done(&m.names);
    return whole ? m.plan : NULL;
}

const struct row_plan *row_plan_again(struct arena *a, const struct row_plan *plan,
                                      const struct result *r)
{
    struct row_plan *again = arena_alloc(a, sizeof(*again));

    if (!again)
        return NULL;
    *again = *plan;
    again->result = r;
    return again;
}

/* values */

#define EACH(byte) (0x0101010101010101ULL * (byte))

/* Tells whether one of the eight bytes may need an escape: a control, a quote or a backslash. */
static inline bool may_escape(uint64_t x)
{
    uint64_t quote = x ^ EACH('"'), slash = x ^ EACH('\\');
    uint64_t hit = (x - EACH(0x20)) & ~x;

    hit |= (quote - EACH(1)) & ~quote;
    hit |= (slash - EACH(1)) & ~slash;
    return (hit & EACH(0x80)) != 0;
}

static inline bool escapes(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

/* Returns how many bytes from the start need no escape. */
static size_t clean_run(const char *p, size_t n)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        uint64_t x;

        memcpy(&x, p + i, sizeof(x));
        if (may_escape(x))
            break;
    }
    while (i < n && !escapes((unsigned char)p[i]))
        i++;
    return i;
}

static void put_escaped(struct buf *b, const char *p, size_t n)
{
    static const char letters[0x20] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r',
    };

    buf_putc(b, '"');
    while (n) {
        size_t run = clean_run(p, n);

        buf_add(b, p, run);
        p += run;
        n -= run;
        if (!n)
            break;
        if (*p == '"' || *p == '\\')
            buf_add(b, (const char[]){'\\', *p}, 2);
        else if (letters[(unsigned char)*p])
            buf_add(b, (const char[]){'\\', letters[(unsigned char)*p]}, 2);
        else
            buf_printf(b, "\\u%04x", (unsigned)(unsigned char)*p);
        p++;
        n--;
    }
    buf_putc(b, '"');
}

/* Appends to memory that was reserved. */
static inline void put(struct buf *b, const void *bytes, size_t n)
{
    memcpy(b->text + b->len, bytes, n);
    b->len += n;
}

static void put_text(struct buf *b, const char *s, size_t n)
{
    if (clean_run(s, n) < n) {
        put_escaped(b, s, n);
        return;
    }
    if (!buf_reserve(b, n + 2))
        return;
    b->text[b->len++] = '"';
    put(b, s, n);
    b->text[b->len++] = '"';
}

size_t row_moment(const char *s, size_t n, char to[ROW_MOMENT_MAX])
{
    size_t zone = n - 3;

    if (n < 22 || n > ROW_MOMENT_MAX - 3 || s[10] != ' ' || s[4] != '-' ||
        (s[zone] != '+' && s[zone] != '-'))
        return 0;
    memcpy(to, s, n);
    to[10] = 'T';
    if (!memcmp(s + zone, "+00", 3)) {
        to[zone] = 'Z';
        return zone + 1;
    }
    memcpy(to + n, (const char[]){':', '0', '0'}, 3);
    return n + 3;
}

/* What is no moment of RFC 3339 stays as it is. */
static void put_timestamp(struct buf *b, const char *s, size_t n)
{
    size_t length;

    if (!buf_reserve(b, ROW_MOMENT_MAX + 2))
        return;
    length = row_moment(s, n, b->text + b->len + 1);
    if (length == 0) {
        put_text(b, s, n);
        return;
    }
    b->text[b->len] = '"';
    b->len += length + 1;
    b->text[b->len++] = '"';
}

static void put_list(struct buf *b, const char *s)
{
    struct pgarray a = pgarray_over(s);
    struct buf item;
    bool is_null, comma = false;

    buf_init(&item, ITEM_MAX);
    buf_putc(b, '[');
    while (pgarray_next(&a, &item, &is_null)) {
        if (comma)
            buf_putc(b, ',');
        comma = true;
        if (is_null)
            buf_add(b, "null", 4);
        else
            put_text(b, buf_text(&item), item.len);
    }
    buf_putc(b, ']');
    buf_done(&item);
}

static void put_value(struct buf *b, enum column_kind kind, const char *s, size_t n)
{
    switch (kind) {
    case COLUMN_TEXT: put_text(b, s, n); return;
    case COLUMN_NUMBER:
        if (row_is_number(s, n))
            buf_add(b, s, n);
        else
            buf_add(b, "null", 4);
        return;
    case COLUMN_BOOLEAN: buf_puts(b, *s == 't' ? "true" : "false"); return;
    case COLUMN_JSON: buf_add(b, s, n); return;
    case COLUMN_TIMESTAMP: put_timestamp(b, s, n); return;
    case COLUMN_TEXT_ARRAY: put_list(b, s); return;
    }
}

static void put_element(struct buf *b, const struct order *at, const char *array)
{
    size_t n;
    const char *s = element(array, at->element, &n);

    if (at->is_there)
        buf_puts(b, s ? "true" : "false");
    else if (s)
        put_timestamp(b, s, n);
    else
        buf_puts(b, "null");
}

void row_write(struct out *o, const struct row_plan *plan, int row)
{
    const struct result *r = plan->result;
    struct buf *b = o->buf;

    out_raw(o, "{", 1); /* with the comma that is due */
    for (unsigned i = 0; i < plan->n;) {
        const struct order *at = &plan->orders[i++];
        const char *s;
        size_t n;

        if (at->kind == ORDER_CLOSE) {
            buf_putc(b, '}');
            continue;
        }
        s = result_cell(r, row, at->column, &n);
        if (!buf_reserve(b, at->lead_n + 4))
            return;
        put(b, plan->names + at->lead_at, at->lead_n);
        if (at->element >= 0) {
            put_element(b, at, s);
            continue;
        }
        if (!s) {
            put(b, "null", 4);
            if (at->kind == ORDER_OPEN)
                i = at->after;
            continue;
        }
        if (at->kind == ORDER_OPEN)
            put(b, "{", 1);
        else
            put_value(b, at->type, s, n);
    }
    buf_putc(b, '}');
}

void reply_write_row(struct out *o, const struct result *r, int row, const char *const *fields)
{
    const struct row_plan *plan;
    struct arena a;

    arena_init(&a, 1 << 20);
    plan = row_plan_make(&a, r, fields);
    if (plan)
        row_write(o, plan, row);
    else
        o->buf->failed = true;
    arena_done(&a);
}
