#include "call/list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call/cursor.h"
#include "call/engine.h"
#include "call/pgarray.h"
#include "call/reply.h"
#include "call/row.h"
#include "crypto/secret.h"

#define SQL_MAX 65536
#define PARAMS_MAX 64
#define INCLUDES_MAX 16
#define ARRAY_MAX 65536
#define WORDS_MAX 8
#define WORD_MAX 64

/* The page that is asked for; c->page between the two steps. */
struct page {
    const struct list_query *q;
    const struct list_sort *sort;
    bool descending;
    int limit;
    uint8_t filters[CURSOR_HASH];
    struct cursor after; /* value NULL on the first page */
    const char *const *include;
    bool counted;
};

/* A statement in the making. */
struct sql {
    struct buf text;
    const struct list_query *q;
    int n;
    unsigned types[PARAMS_MAX];
    const char *values[PARAMS_MAX];
};

static bool list_fault(struct call *c, const char *param, const char *code, const char *detail,
                       const char *allowed)
{
    return err_fault(
        &c->err, ERR_BAD_PARAMETER,
        (struct fault){
            .in = "query", .pointer = param, .code = code, .detail = detail, .allowed = allowed});
}

/* reading the parameters */

static const char *sorts_json(struct call *c, const struct list_query *q)
{
    json_t *list = json_array();
    const char *text;

    for (const struct list_sort *s = q->sorts; s->name; s++) {
        json_array_append_new(list, json_string(s->name));
        json_array_append_new(list, json_sprintf("-%s", s->name));
    }
    text = call_json(c, list);
    json_decref(list);
    return text;
}

static bool read_sort(struct call *c, struct page *p)
{
    const struct list_more *more = c->more;
    const char *name = call_param_text(c, "sort");

    p->sort = p->q->sorts;
    p->descending = true;
    if (!name)
        return true;
    if (more && more->sort) {
        p->sort = more->sort;
        p->descending = more->descending;
        return true;
    }
    p->descending = *name == '-';
    name += *name == '-';
    while (p->sort->name && strcmp(p->sort->name, name) != 0)
        p->sort++;
    if (p->sort->name)
        return true;
    return list_fault(c, "sort", "enum", "This list cannot be sorted so.", sorts_json(c, p->q));
}

static bool has_word(const char *const *words, const char *word)
{
    for (; words && *words; words++)
        if (!strcmp(*words, word))
            return true;
    return false;
}

static void include_unknown(struct call *c, const struct list_query *q, const char *word)
{
    const char *names[INCLUDES_MAX + 1] = {NULL};
    size_t n = 0;

    for (const struct list_include *i = q->includes; i && i->name && n < INCLUDES_MAX; i++)
        names[n++] = i->name;
    err_fault(&c->err, ERR_BAD_PARAMETER,
              (struct fault){
                  .in = "query",
                  .pointer = "include",
                  .code = "enum",
                  .detail = arena_printf(&c->arena, "\"%s\" cannot be included here.", word),
                  .hint = err_suggest(&c->arena, word, names),
                  .allowed = call_names_json(c, names),
              });
}

static void read_include(struct call *c, struct page *p)
{
    p->include = call_words(c, "include");
    for (const char *const *word = p->include; word && *word; word++) {
        const struct list_include *i = p->q->includes;

        while (i && i->name && strcmp(i->name, *word) != 0)
            i++;
        if (!i || !i->name)
            include_unknown(c, p->q, *word);
    }
}

static bool read_limit(struct call *c, struct page *p)
{
    const json_t *value = call_param(c, "limit");
    json_int_t n = value ? json_integer_value(value) : LIST_LIMIT_DEFAULT;

    p->limit = (int)n;
    if (n >= 1 && n <= LIST_LIMIT_MAX)
        return true;
    return list_fault(c, "limit", "range", "Send a number from 1 to 200.", NULL);
}

static void read_count(struct call *c, struct page *p)
{
    const char *count = call_param_text(c, "count");

    p->counted = count && !strcmp(count, "exact");
}

/* A cursor belongs to the filters and the order that it was made with. */
static bool read_cursor(struct call *c, struct page *p)
{
    const char *text = call_param_text(c, "cursor");
    struct cursor *at = &p->after;

    if (!text || !p->sort->name)
        return true;
    if (!cursor_read(&c->arena, c->env->cursor_key, text, at))
        return err_set(&c->err, ERR_BAD_CURSOR, "This is not a cursor that a list has given out.");
    if (!strcmp(at->sort, p->sort->name) && at->descending == p->descending &&
        !memcmp(at->filters, p->filters, sizeof(p->filters)))
        return true;
    c->err.hint = "start again without a cursor, or keep filters and sort as they were";
    return err_set(&c->err, ERR_BAD_CURSOR, "The cursor belongs to other filters or another sort.");
}

/* values of filters */

static bool is_array(unsigned oid)
{
    static const unsigned arrays[] = {1000, 1005, 1007, 1009, 1016, 1022, 1041, 1115, 1182,
                                      1183, 1185, 1187, 1231, 2951, 3807, 199,  1001};

    for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
        if (arrays[i] == oid)
            return true;
    return false;
}

#define OID_UUID 2950
#define OID_UUID_ARRAY 2951

static const char *value_text(struct call *c, unsigned oid, const json_t *value)
{
    const char *text = json_string_value(value);
    char id[UUID_TEXT];

    if (!text)
        return call_json(c, value); /* a number or boolean: the same text in SQL */
    if ((oid == OID_UUID || oid == OID_UUID_ARRAY) && !strcmp(text, "me")) {
        uuid_format(&c->who->id, id);
        return arena_strdup(&c->arena, id);
    }
    return text;
}

static const char *array_text(struct call *c, unsigned oid, const json_t *value)
{
    size_t n = json_is_array(value) ? json_array_size(value) : 1;
    const char *text;
    struct buf b;

    buf_init(&b, ARRAY_MAX);
    for (size_t i = 0; i < n; i++) {
        const char *item =
            value_text(c, oid, json_is_array(value) ? json_array_get(value, i) : value);

        buf_putc(&b, i ? ',' : '{');
        if (item)
            pgarray_quote(&b, item);
    }
    buf_puts(&b, n ? "}" : "{}");
    text = b.failed ? NULL : arena_strdup(&c->arena, buf_text(&b));
    buf_done(&b);
    return text;
}

const char *list_value(struct call *c, const char *param, unsigned type)
{
    const json_t *value = call_param(c, param);

    if (!value)
        return NULL;
    if (is_array(type))
        return array_text(c, type, value);
    return value_text(c, type, json_is_array(value) ? json_array_get(value, 0) : value);
}

static const char *filter_value(struct call *c, const struct list_filter *f)
{
    return list_value(c, f->param, f->type);
}

/* composing */

static void add_param(struct sql *s, unsigned type, const char *value)
{
    if (s->n == PARAMS_MAX) {
        s->text.failed = true;
        return;
    }
    s->types[s->n] = type;
    s->values[s->n++] = value;
    buf_printf(&s->text, "$%d", s->n);
}

static bool is_word(const char *text)
{
    size_t n = text ? strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") : 0;

    return n > 0 && n <= WORD_MAX && text[n] == '\0';
}

static void add_fixed(struct sql *s, const struct list_query *q, const char *const *fixed)
{
    s->q = q;
    for (s->n = 0; s->n < q->nfixed && s->n < PARAMS_MAX; s->n++) {
        s->types[s->n] = q->fixed_types[s->n];
        s->values[s->n] = fixed[s->n];
    }
}

/* A fragment, with words in place of the parameters that are. */
static void add_text(struct sql *s, const char *text)
{
    for (const char *at; (at = strchr(text, '$')); text = at) {
        unsigned long n = strtoul(at + 1, (char **)&at, 10);
        const char *word =
            n > 0 && n <= (unsigned long)s->q->nfixed && n <= 32 && (s->q->words >> (n - 1) & 1)
                ? s->values[n - 1]
                : NULL;

        if (!is_word(word)) {
            buf_add(&s->text, text, (size_t)(at - text));
            continue;
        }
        buf_add(&s->text, text, strcspn(text, "$"));
        buf_printf(&s->text, "'%s'::text", word);
    }
    buf_puts(&s->text, text);
}

static void add_includes(struct sql *s, const struct page *p, bool joins)
{
    for (const struct list_include *i = p->q->includes; i && i->name; i++)
        if (has_word(p->include, i->name))
            add_text(s, joins ? i->join : i->columns);
}

static bool is_given(struct call *c, const char *const *params)
{
    for (; *params; params++)
        if (call_param(c, *params))
            return true;
    return false;
}

static bool is_single(struct call *c, const char *param)
{
    const json_t *value = call_param(c, param);

    return !json_is_array(value) || json_array_size(value) == 1;
}

static int compare_words(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The values as an array that may stand in the text, in one order; false when they may not. */
static bool add_words(struct call *c, struct sql *s, const char *param)
{
    const json_t *value = call_param(c, param);
    size_t n = json_is_array(value) ? json_array_size(value) : 1;
    const char *words[WORDS_MAX];

    if (n == 0 || n > WORDS_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        words[i] = json_string_value(json_is_array(value) ? json_array_get(value, i) : value);
        if (!is_word(words[i]))
            return false;
    }
    qsort(words, n, sizeof(words[0]), compare_words);
    for (size_t i = 0; i < n; i++)
        buf_printf(&s->text, "%s\"%s\"", i ? "," : "'{", words[i]);
    buf_puts(&s->text, "}'");
    return true;
}

static void add_filter(struct call *c, struct sql *s, const struct list_filter *f)
{
    const char *value = filter_value(c, f);
    bool one = f->one && is_single(c, f->param);

    if (!value)
        return;
    add_text(s, one ? f->one : f->before);
    if (!f->known || !add_words(c, s, f->param))
        add_param(s, f->type, value);
    add_text(s, f->after);
    if (one)
        buf_puts(&s->text, "[1]");
}

static void add_where(struct call *c, struct sql *s, const struct list_query *q)
{
    add_text(s, q->where && *q->where ? q->where : " where true");
    for (const struct list_filter *f = q->filters; f && f->param; f++)
        add_filter(c, s, f);
    for (const struct list_default *d = q->defaults; d && d->condition; d++)
        if (!is_given(c, d->unless))
            add_text(s, d->condition);
}

static void add_more(struct call *c, struct sql *s)
{
    const struct list_more *more = c->more;

    for (size_t i = 0; more && more->filters[i].param; i++) {
        buf_puts(&s->text, more->filters[i].before);
        add_param(s, more->filters[i].type, more->values[i]);
        buf_puts(&s->text, more->filters[i].after);
    }
}

static void add_more_join(struct call *c, struct sql *s)
{
    const struct list_more *more = c->more;

    if (!more || !more->sort)
        return;
    buf_puts(&s->text, more->join);
    buf_puts(&s->text, more->joined->before);
    add_param(s, more->joined->type, more->join_value);
    buf_puts(&s->text, more->joined->after);
}

/* Everything behind the last row of the page before. */
static void add_keyset(struct sql *s, const struct page *p)
{
    if (!p->after.value)
        return;
    buf_printf(&s->text, " and (%s, %s) %c (", p->sort->expr, p->q->id, p->descending ? '<' : '>');
    add_param(s, 0, p->after.value); /* 0: PostgreSQL finds the type */
    buf_printf(&s->text, "::%s, ", p->sort->cast);
    add_param(s, 0, p->after.id);
    buf_putc(&s->text, ')');
}

static bool send_sql(struct call *c, const struct list_query *q, struct sql *s)
{
    unsigned *types = call_alloc(c, (size_t)(s->n + 1) * sizeof(*types));
    const char *text = s->text.failed ? NULL : arena_strdup(&c->arena, buf_text(&s->text));

    buf_done(&s->text);
    if (!types || !text) {
        (void)call_no_memory(c);
        return false;
    }
    memcpy(types, s->types, (size_t)s->n * sizeof(*types));
    return call_ask_composed(c, q->lane, text, s->n, types, s->values) >= 0;
}

/* The column that an expression is in a list of whole rows ("r.id" of "select r.*"): it is there
 * already; else NULL. */
static const char *own_column(const struct list_query *q, const char *expr)
{
    size_t n = strcspn(expr, ".") + 1, all = strlen("select ");

    if (expr[n - 1] != '.' || strlen(q->select) < all + n + 1 ||
        strncmp(q->select + all, expr, n) != 0 || q->select[all + n] != '*' ||
        expr[n + strspn(expr + n, "abcdefghijklmnopqrstuvwxyz_")] != '\0')
        return NULL;
    return expr + n;
}

/* What the next page begins behind. */
static void add_position(struct sql *s, const struct page *p)
{
    if (!own_column(p->q, p->sort->expr))
        buf_printf(&s->text, ", (%s)::text as \"_key\"", p->sort->expr);
    if (!own_column(p->q, p->q->id))
        buf_printf(&s->text, ", (%s)::text as \"_id\"", p->q->id);
}

static const char *key_at(const struct page *p, const struct result *r, int row)
{
    const char *column = own_column(p->q, p->sort->expr);

    return result_get(r, row, column ? column : "_key");
}

static const char *id_at(const struct page *p, const struct result *r, int row)
{
    const char *column = own_column(p->q, p->q->id);

    return result_get(r, row, column ? column : "_id");
}

/* The limit is a number of ours and stands in the text: as a parameter a generic plan could not
 * count on it. One row more than the page tells whether there is a next one. */
static bool ask_page(struct call *c, const struct page *p, const char *const *fixed)
{
    const char *order = p->descending ? "desc" : "asc";
    struct sql s;

    buf_init(&s.text, SQL_MAX);
    add_fixed(&s, p->q, fixed);
    add_text(&s, p->q->select);
    add_includes(&s, p, false);
    add_position(&s, p);
    add_text(&s, p->q->from);
    add_includes(&s, p, true);
    add_more_join(c, &s);
    add_where(c, &s, p->q);
    add_more(c, &s);
    add_keyset(&s, p);
    buf_printf(&s.text, " order by %s %s, %s %s limit %d", p->sort->expr, order, p->q->id, order,
               p->limit + 1);
    return send_sql(c, p->q, &s);
}

static bool ask_count(struct call *c, const struct list_query *q, const char *const *fixed)
{
    struct sql s;

    buf_init(&s.text, SQL_MAX);
    add_fixed(&s, q, fixed);
    buf_puts(&s.text, "select count(*)");
    add_text(&s, q->from);
    add_where(c, &s, q);
    add_more(c, &s);
    return send_sql(c, q, &s);
}

static void hash_filters(struct call *c, struct page *p)
{
    const struct list_more *more = c->more;
    uint8_t hash[SHA256_SIZE];
    struct buf b;

    buf_init(&b, (size_t)1 << 20);
    buf_puts(&b, p->q->name);
    buf_printf(&b, "%c%s", 0, call_address(c)); /* a history is of one record */
    for (const struct list_filter *f = p->q->filters; f && f->param; f++) {
        const char *value = filter_value(c, f);

        if (value)
            buf_printf(&b, "%c%s%c%zu:%s", 0, f->param, 0, strlen(value), value);
    }
    for (size_t i = 0; more && more->filters[i].param; i++)
        buf_printf(&b, "%c%s%c%zu:%s", 0, more->filters[i].param, 0, strlen(more->values[i]),
                   more->values[i]);
    sha256(buf_text(&b), b.len, hash);
    memcpy(p->filters, hash, sizeof(p->filters));
    buf_done(&b);
}

void list_more(struct call *c, const struct list_more *more)
{
    c->more = more;
}

enum step list_ask(struct call *c, const struct list_query *q, const char *const *fixed)
{
    struct page *p = call_alloc(c, sizeof(*p));

    if (!p)
        return STEP_FAIL;
    p->q = q;
    read_sort(c, p);
    read_limit(c, p);
    read_count(c, p);
    read_include(c, p);
    hash_filters(c, p);
    if (c->err.code != ERR_NONE || !read_cursor(c, p))
        return STEP_FAIL;
    c->page = p;
    if (!ask_page(c, p, fixed) || (p->counted && !ask_count(c, q, fixed)))
        return STEP_FAIL;
    return STEP_WAIT;
}

/* A list of the slow lane, which waits longer and for which others do not wait. */
static struct page *page_of_whole(struct call *c, const struct list_query *q, int limit)
{
    struct page *p = call_alloc(c, sizeof(*p));
    struct list_query *slow = call_alloc(c, sizeof(*slow));

    if (!p || !slow)
        return NULL;
    *slow = *q;
    slow->lane = LANE_SLOW;
    p->q = slow;
    p->limit = limit;
    read_sort(c, p);
    return c->err.code == ERR_NONE ? p : NULL;
}

enum step list_ask_next(struct call *c, const struct list_query *q, const char *const *fixed,
                        int limit)
{
    if (!c->page)
        c->page = page_of_whole(c, q, limit);
    return c->page && ask_page(c, c->page, fixed) ? STEP_WAIT : STEP_FAIL;
}

int list_rows(const struct call *c)
{
    const struct page *p = c->page;
    int rows = result_rows(call_result(c, 0));

    return rows < p->limit ? rows : p->limit;
}

bool list_has_more(const struct call *c)
{
    return result_rows(call_result(c, 0)) > ((const struct page *)c->page)->limit;
}

bool list_advance(struct call *c)
{
    const struct result *r = call_result(c, 0);
    struct page *p = c->page;
    const char *key = key_at(p, r, p->limit - 1), *id = id_at(p, r, p->limit - 1);

    p->after.value = key ? arena_strdup(&c->arena, key) : NULL;
    p->after.id = id ? arena_strdup(&c->arena, id) : NULL;
    if (p->after.value && p->after.id)
        return true;
    c->err.log = "no page can follow: the sort value is null or too long";
    return err_set(&c->err, ERR_INTERNAL, NULL);
}

enum step list_ask_ids(struct call *c, const struct list_query *q, const char *const *fixed,
                       int most)
{
    struct sql s;

    buf_init(&s.text, SQL_MAX);
    add_fixed(&s, q, fixed);
    buf_printf(&s.text, "select (%s)::text as id", q->id);
    add_text(&s, q->from);
    add_where(c, &s, q);
    add_more(c, &s);
    buf_printf(&s.text, " order by %s limit %d", q->id, most);
    return send_sql(c, q, &s) ? STEP_WAIT : STEP_FAIL;
}

/* replying */

static bool next_cursor(struct call *c, const struct page *p, const struct result *r,
                        const char **ret)
{
    struct cursor at = {
        .descending = p->descending,
        .sort = p->sort->name,
        .value = key_at(p, r, p->limit - 1),
        .id = id_at(p, r, p->limit - 1),
    };

    *ret = NULL;
    if (result_rows(r) <= p->limit)
        return true;
    memcpy(at.filters, p->filters, sizeof(at.filters));
    if (at.value && at.id)
        *ret = cursor_write(&c->arena, c->env->cursor_key, &at);
    if (*ret)
        return true;
    c->err.log = "no cursor can be made: the sort value is null or too long";
    return err_set(&c->err, ERR_INTERNAL, NULL);
}

static void link_next(struct call *c, const char *cursor)
{
    if (!cursor)
        return;
    reply_header(c, "Link",
                 arena_printf(&c->arena, "<%s?%scursor=%s>; rel=\"next\"", call_address(c),
                              call_query_without(c, "cursor"), cursor));
}

enum step list_reply(struct call *c)
{
    const struct page *p = c->page;
    const struct result *r = call_result(c, 0);
    int rows = result_rows(r) > p->limit ? p->limit : result_rows(r);
    const struct row_plan *plan;
    const char *const *fields;
    const char *cursor;
    struct out *o;

    if (!reply_fields(c, r, &fields) || !next_cursor(c, p, r, &cursor))
        return STEP_FAIL;
    plan = reply_plan(c, r, fields);
    if (!plan)
        return STEP_FAIL;
    o = reply_json(c, c->route->success);
    out_object(o);
    out_key(o, "items");
    out_array(o);
    for (int i = 0; i < rows; i++)
        row_write(o, plan, i);
    out_array_end(o);
    out_key(o, "next_cursor");
    out_string(o, cursor);
    if (p->counted)
        out_member_raw(o, "count", result_text(call_result(c, 1), 0, 0));
    out_object_end(o);
    link_next(c, cursor);
    if (!c->reply.body.failed)
        return STEP_REPLY;
    c->err.log = "the reply is larger than a reply may be";
    return call_fail(c, ERR_INTERNAL, NULL);
}
