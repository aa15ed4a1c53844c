/* Any query string of a list whose records have custom fields: answered once and by no fault of
 * ours; what is asked of the database is text of ours, and each value is one of its type.
 *
 * The database is played: it has a field of each type, and finds two records. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "asks.gen.h"
#include "call/call.h"
#include "call/pgarray.h"
#include "http/target.h"
#include "read_back.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define VALUE_MAX 65536
#define PAIRS_MAX 8 /* each of them is judged by itself */
#define WHOLE 20    /* digits of a decimal, more than any may have */

/* custom_definitions. */
static const char definitions[] =
    "[{\"id\":\"01900000-0000-7000-8000-000000000001\",\"indexed\":true,"
    "\"key\":\"text\",\"type\":\"text\"}"
    ",{\"id\":\"01900000-0000-7000-8000-000000000002\",\"indexed\":true,"
    "\"key\":\"integer\",\"type\":\"integer\"}"
    ",{\"id\":\"01900000-0000-7000-8000-000000000003\",\"indexed\":true,"
    "\"key\":\"decimal\",\"type\":\"decimal\"}"
    ",{\"id\":\"01900000-0000-7000-8000-000000000004\",\"indexed\":true,"
    "\"key\":\"boolean\",\"type\":\"boolean\"}"
    ",{\"id\":\"01900000-0000-7000-8000-000000000005\",\"indexed\":true,"
    "\"key\":\"date\",\"type\":\"date\"}"
    ",{\"id\":\"01900000-0000-7000-8000-000000000006\",\"indexed\":true,"
    "\"key\":\"datetime\",\"type\":\"datetime\"}"
    ",{\"id\":\"01900000-0000-7000-8000-000000000007\",\"indexed\":true,"
    "\"key\":\"user\",\"type\":\"user\"}"
    ",{\"id\":\"01900000-0000-7000-8000-000000000008\",\"indexed\":true,"
    "\"key\":\"tier\",\"type\":\"choice\",\"choices\":[\"gold\",\"iron\"]}"
    ",{\"id\":\"01900000-0000-7000-8000-000000000009\",\"indexed\":true,"
    "\"key\":\"used\",\"type\":\"multi_choice\",\"choices\":[\"a\",\"b c\"]}"
    ",{\"id\":\"01900000-0000-7000-8000-000000000010\",\"indexed\":false,"
    "\"key\":\"plain\",\"type\":\"text\"}]";

static struct ask *pending;
static unsigned ntold, nended;
static int status; /* that was told */

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* what the database is given */

static bool is_uuid(const char *text)
{
    struct uuid id;

    return uuid_parse(span_of(text), &id);
}

/* "me" is the caller's id, and the caller is nobody. */
static bool is_user(const char *text)
{
    return is_uuid(text) || strspn(text, "0-") == UUID_TEXT - 1;
}

static bool is_boolean(const char *text)
{
    return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
}

static bool is_whole(const char *text)
{
    int64_t n;

    return text_parse_i64(span_of(text), &n);
}

static bool is_decimal(const char *text)
{
    return text_is_decimal(text, WHOLE, WHOLE);
}

static bool is_text(const char *text)
{
    return text_is_utf8(text, strlen(text));
}

static bool is_choice(const char *text)
{
    return strcmp(text, "gold") == 0 || strcmp(text, "iron") == 0;
}

static bool is_one_of_many(const char *text)
{
    return strcmp(text, "a") == 0 || strcmp(text, "b c") == 0;
}

/* By the last digit of the field's id; the tenth has no index, so nothing is asked of it. */
static bool (*const of_field[])(const char *) = {
    NULL,         is_text,           is_whole, is_decimal, is_boolean,
    text_is_date, text_is_date_time, is_text,  is_choice,  is_one_of_many};

/* {"f": id, "v": value or values}; whether a field is empty is asked with a boolean. */
static bool is_custom(const char *text)
{
    const json_t *q = read_back(text, strlen(text), JSON_REJECT_DUPLICATES);
    const json_t *v = json_object_get(q, "v"), *one;
    const char *id = json_string_value(json_object_get(q, "f"));
    size_t i, nth = id != NULL && is_uuid(id) ? (size_t)(id[UUID_TEXT - 2] - '0') : 0;
    bool holds = json_object_size(q) == 2 && nth > 0 && nth < sizeof(of_field) / sizeof(*of_field);

    if (holds && json_is_string(v))
        holds = of_field[nth](json_string_value(v)) || is_boolean(json_string_value(v));
    else
        holds = holds && json_array_size(v) > 0;
    json_array_foreach (v, i, one)
        holds = holds && json_is_string(one) && of_field[nth](json_string_value(one));
    return holds;
}

static const struct {
    unsigned oid;
    bool array;
    bool (*is)(const char *text);
} types[] = {
    {16, false, is_boolean},          {20, false, is_whole},  {25, false, is_text},
    {1000, true, is_boolean},         {1009, true, is_text},  {1082, false, text_is_date},
    {1184, false, text_is_date_time}, {2950, false, is_uuid}, {2951, true, is_user},
    {3802, false, is_custom},
};

static bool is_array(const char *text, bool (*is)(const char *))
{
    struct pgarray a = pgarray_over(text);
    bool holds = *text == '{' && text[strlen(text) - 1] == '}', null;
    struct buf item;

    buf_init(&item, VALUE_MAX);
    while (pgarray_next(&a, &item, &null))
        holds = holds && !null && is(buf_text(&item));
    buf_done(&item);
    return holds && strcmp(a.p, "}") == 0;
}

static void check_value(unsigned oid, const char *value)
{
    size_t i = 0;

    while (i < sizeof(types) / sizeof(*types) && types[i].oid != oid)
        i++;
    require(i < sizeof(types) / sizeof(*types));
    require(types[i].array ? is_array(value, types[i].is) : types[i].is(value));
}

/* Our fragments are ASCII and end no statement; whatever else is in there came from outside. */
static void check_composed(const struct statement *s)
{
    for (const char *p = s->text; *p != '\0'; p++)
        require((*p >= ' ' || *p == '\n') && *p <= '~' && *p != ';' && *p != '\\');
    for (int i = 0; i < s->nparams; i++)
        if (s->values[i] != NULL)
            check_value(s->types[i], s->values[i]);
        else
            require(i == 0); /* nobody has no id */
}

/* what it answers */

static struct result *answer_to(const struct statement *s)
{
    static const char *const definition[] = {"definitions"}, *const count[] = {"count"};
    /* what a page is continued by: columns of its own, or what it asks for beside them */
    static const char *const row[] = {"id", "company", "created_at", "updated_at", "_key"};
    static const char *const
        words[] = {"[\"new\", \"open\"]"},
        *const two[] = {"2"}, *const all[] = {definitions},
        *const rows[] = {
            "01900000-0000-7000-8000-00000000000a", "A", "2026-01-02", "2026-01-02", "2026-01-02",
            "01900000-0000-7000-8000-00000000000b", "B", "2026-01-01", "2026-01-01", "2026-01-01"};

    if (s->query == &query_custom_definitions)
        return result_fake(1, definition, NULL, 1, all);
    if (s->query != NULL)
        return result_fake(1, count, NULL, 1, words);
    if (strncmp(s->text, "select count(*)", strlen("select count(*)")) == 0)
        return result_fake(1, count, NULL, 1, two);
    return result_fake(5, row, NULL, s->nparams % 2 == 0 ? 2 : 0, rows);
}

static void answer(struct ask *a)
{
    for (int i = 0; i < a->n; i++) {
        if (a->statements[i].query == NULL)
            check_composed(&a->statements[i]);
        a->statements[i].result = answer_to(&a->statements[i]);
    }
    a->outcome = ASK_OK;
    a->done(a, a->arg);
}

static void take_ask(struct db *db, struct ask *a)
{
    (void)db;
    require(pending == NULL);
    pending = a;
}

static void told(struct call *c, void *arg)
{
    const struct buf *b = &c->reply.body;

    (void)arg;
    status = c->reply.status;
    require(status >= 200 && status < 500);
    require(!b->failed && read_back(b->text, b->len, JSON_REJECT_DUPLICATES) != NULL);
    ntold++;
}

static void ended(struct call *c, void *arg)
{
    (void)c;
    (void)arg;
    nended++;
}

/* One of each kind: the more there are, the longer it looks for the one that was meant. */
static const char *const names[] = {"custom.*",
                                    "status",
                                    "owner",
                                    "email",
                                    "archived",
                                    "q",
                                    "created_at[gte]",
                                    "created_at[lt]",
                                    "nurture_until[lte]",
                                    "score[gte]",
                                    "sort",
                                    "include",
                                    "limit",
                                    "cursor",
                                    "fields",
                                    "count"};

#define NNAMES (sizeof(names) / sizeof(*names))

static void take_param(struct route_param *ret, const struct route *of, const char *name)
{
    for (const struct route_param *p = of->params; p->name != NULL; p++)
        if (strcmp(p->name, name) == 0)
            *ret = *p;
    require(ret->name != NULL);
}

/* The list of leads, for anybody. */
static const struct route *list_of_leads(void)
{
    static struct route_param params[NNAMES + 1];
    static struct route list;

    for (size_t i = 0; list.id == NULL && i < routes_count; i++)
        if (strcmp(routes[i].id, "lead_list") == 0)
            list = routes[i];
    require(list.id != NULL);
    for (size_t i = 0; list.params != params && i < NNAMES; i++)
        take_param(&params[i], &list, names[i]);
    list.params = params;
    list.permission = PERMISSION_PUBLIC;
    return &list;
}

/* A comparison given twice is answered by neither. */
static bool compares_twice(const char *const *pairs)
{
    for (; *pairs != NULL; pairs += 2) {
        const char *op = strchr(*pairs, '[');

        if (op == NULL || strncmp(*pairs, "custom.", strlen("custom.")) != 0 ||
            (op[1] != 'g' && op[1] != 'l' && strcmp(op, "[null]") != 0))
            continue;
        for (const char *const *other = pairs + 2; *other != NULL; other += 2)
            if (strcmp(*pairs, *other) == 0)
                return true;
    }
    return false;
}

static void run(const struct target *t)
{
    static const unsigned char key[32] = "an example key for cursors, 32b";
    static const struct call_env env = {
        .cursor_key = key, .deadline_ms = 1000, .arena_limit = 1 << 20, .ask = take_ask};
    struct call *c = call_create(&env, list_of_leads());

    (void)snprintf(c->request.id, sizeof(c->request.id), "01900000-0000-7000-8000-000000000001");
    c->request.query = t->pairs;
    c->ended = ended;
    ntold = nended = 0;
    call_start(c, told, NULL);
    while (pending != NULL) {
        struct ask *a = pending;

        pending = NULL;
        answer(a);
    }
    require(ntold == 1 && nended == 1);
    require(status != 200 || !compares_twice(t->pairs));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct target t;
    char *text = malloc(size + 3);

    require(text != NULL);
    text[0] = '/', text[1] = '?';
    for (size_t i = 0; i < size; i++)
        text[i + 2] = (char)(data[i] <= 0x20 || data[i] >= 0x7f ? '+' : data[i]);
    text[size + 2] = '\0';
    if (target_parse(text, size + 2, &t) == NULL) {
        t.pairs[2 * (t.npairs < PAIRS_MAX ? t.npairs : PAIRS_MAX)] = NULL;
        run(&t);
    }
    free(text);
    return 0;
}
