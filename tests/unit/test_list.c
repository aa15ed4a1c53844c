/* Lists: what is asked, pages that fit together, cursors that cannot be made up. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "call/cursor.h"
#include "call/list.h"
#include "call_fake.h"

static const struct list_query things = {
    .name = "thing_list",
    .lane = LANE_READ,
    .select = "select t.id, t.version, t.name",
    .from = " from thing t",
    .where = " where t.owner = $1",
    .id = "t.id",
    .nfixed = 1,
    .fixed_types = (const unsigned[]){2950},
    .filters =
        (const struct list_filter[]){
            {"status", " and t.status = any(", "::text[])", 1009, NULL, false},
            {"owner", " and t.owner = any(", "::uuid[])", 2951, " and t.owner = (", false},
            {"created_at[gte]", " and t.created_at >= ", "::timestamptz", 1184, NULL, false},
            {"open", " and (t.closed is null) = ", "::boolean", 16, NULL, false},
            {"size[gte]", " and t.size >= ", "::bigint", 20, NULL, false},
            {"state", " and (known(", "::text[]))", 1009, NULL, true},
            {NULL, NULL, NULL, 0, NULL, false}},
    .sorts = (const struct list_sort[]){{"created_at", "t.created_at", "timestamptz"},
                                        {"name", "lower(t.name)", "text"},
                                        {NULL, NULL, NULL}},
    .includes = (const struct list_include[]){{"owner", ", o.id as \"owner.id\"",
                                               " left join person o on o.id = t.owner"},
                                              {NULL, NULL, NULL}},
};

static struct list_query asked;
static const char *scope;

static enum step ask_things(struct call *c)
{
    const char *const fixed[] = {"viewer", scope};

    return list_ask(c, asked.name ? &asked : &things, fixed);
}

static step_fn *const steps[] = {ask_things, list_reply, NULL};
static const struct operation op = {.steps = steps};
static const struct schema text = {.kind = SCHEMA_STRING, .max_length = 2000},
                           words = {.kind = SCHEMA_ARRAY, .max_length = 50, .items = &text},
                           flag = {.kind = SCHEMA_BOOLEAN}, number = {.kind = SCHEMA_INTEGER};
static const struct route_param params[] = {
    {"status", &words, false}, {"state", &words, false},
    {"owner", &words, false},  {"created_at[gte]", &text, false},
    {"open", &flag, false},    {"size[gte]", &number, false},
    {"sort", &text, false},    {"limit", &number, false},
    {"cursor", &text, false},  {"include", &text, false},
    {"fields", &text, false},  {"count", &text, false},
    {NULL, NULL, false}};
static const char *const no_params[] = {NULL};
static const struct route route = {.id = "thing_list",
                                   .method = METHOD_GET,
                                   .template = "/v1/things",
                                   .path_params = no_params,
                                   .params = params,
                                   .operation = &op,
                                   .permission = PERMISSION_PUBLIC,
                                   .success = 200};

static void start(const char *const *query)
{
    struct call *c = fake_call(&route);

    c->request.query = query;
    fake_start(c);
}

#define QUERY(...) ((const char *const[]){__VA_ARGS__, NULL})

static const char *sql(int i)
{
    return fake_last()->statements[i].text;
}

static const char *value(int i, int n)
{
    return fake_last()->statements[i].values[n];
}

static void give_up(void)
{
    fake_answer(ASK_BUSY);
    assert_told(503);
}

static void a_plain_list_takes_the_first_sort(void **state)
{
    (void)state;
    start(NULL);
    assert_string_equal(
        sql(0),
        "select t.id, t.version, t.name, (t.created_at)::text as \"_key\", (t.id)::text as \"_id\""
        " from thing t where t.owner = $1 order by t.created_at desc, t.id desc limit 51");
    assert_int_equal(fake_last()->n, 1);
    assert_int_equal(fake_last()->statements[0].nparams, 1);
    assert_int_equal(fake_last()->statements[0].types[0], 2950);
    assert_string_equal(value(0, 0), "viewer");
    give_up();
}

static void filters_become_parameters(void **state)
{
    (void)state;
    start(QUERY("open", "true", "status", "new", "owner", "me", "status", "a \"b\\",
                "created_at[gte]", "2026-01-01", "size[gte]", "12", "sort", "name", "limit", "2",
                "include", "owner", "count", "exact"));
    assert_string_equal(sql(0),
                        "select t.id, t.version, t.name, o.id as \"owner.id\", "
                        "(lower(t.name))::text as \"_key\", (t.id)::text as \"_id\""
                        " from thing t left join person o on o.id = t.owner where t.owner = $1"
                        " and t.status = any($2::text[]) and t.owner = ($3::uuid[])[1] and "
                        "t.created_at >= $4::timestamptz"
                        " and (t.closed is null) = $5::boolean and t.size >= $6::bigint"
                        " order by lower(t.name) asc, t.id asc limit 3");
    assert_string_equal(sql(1), "select count(*) from thing t where t.owner = $1"
                                " and t.status = any($2::text[]) and t.owner = ($3::uuid[])[1] and "
                                "t.created_at >= $4::timestamptz"
                                " and (t.closed is null) = $5::boolean and t.size >= $6::bigint");
    assert_string_equal(value(0, 1), "{\"new\",\"a \\\"b\\\\\"}");
    assert_string_equal(value(0, 2), "{\"00000000-0000-0000-0000-000000000000\"}");
    assert_string_equal(value(0, 3), "2026-01-01");
    assert_string_equal(value(0, 4), "true");
    assert_string_equal(value(0, 5), "12");
    assert_string_equal(value(1, 5), "12");
    assert_int_equal(fake_last()->statements[1].nparams, 6);
    give_up();
}

static void wrong_parameters_are_named(void **state)
{
    static const struct {
        const char *name, *value, *has;
    } rows[] = {
        {"sort", "size", "-created_at"},   {"sort", "-", "sort"},
        {"sort", "--name", "sort"},        {"limit", "0", "limit"},
        {"limit", "201", "limit"},         {"limit", "4294967297", "limit"},
        {"include", "owner,team", "team"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        start(QUERY(rows[i].name, rows[i].value));
        assert_told(400);
        assert_body_has("invalid_parameter");
        assert_body_has(rows[i].has);
        assert_int_equal(fake_nasks, 0);
    }
    start(QUERY("sort", "x", "limit", "0", "include", "x")); /* all at once */
    assert_body_has("\"sort\"");
    assert_body_has("\"limit\"");
    assert_body_has("\"include\"");
}

static const char *const names[] = {"id", "version", "name", "_key", "_id"};
static const unsigned types[] = {2950, 20, 25, 25, 25};
static const char *const rows_of_three[] = {
    "a", "1", "Ann", "2026-03-03 00:00:00+00", "a", "b", "2", "Bob", "2026-02-02 00:00:00+00", "b",
    "c", "3", "Cy",  "2026-01-01 00:00:00+00", "c",
};

static char cursor[4096];

static void keep_cursor(void)
{
    char *at, *end;

    at = strstr(told.body, "\"next_cursor\":\"");
    assert_non_null(at);
    at += strlen("\"next_cursor\":\"");
    end = strchr(at, '"');
    (void)snprintf(cursor, sizeof(cursor), "%.*s", (int)(end - at), at);
}

/* Asks for pages of two and keeps the cursor of the first. */
static void first_page(const char *const *query)
{
    start(query);
    fake_result(0, 5, names, types, 3, rows_of_three);
    fake_answer(ASK_OK);
    assert_told(200);
    keep_cursor();
}

static void pages_fit_together(void **state)
{
    (void)state;
    first_page(QUERY("limit", "2", "status", "a b"));
    assert_non_null(strstr(told.body,
                           "{\"items\":[{\"id\":\"a\",\"version\":1,\"name\":\"Ann\"},"
                           "{\"id\":\"b\",\"version\":2,\"name\":\"Bob\"}],\"next_cursor\":\""));
    assert_non_null(strstr(told.headers, "Link: </v1/things?limit=2&status=a%20b&cursor="));
    assert_non_null(strstr(told.headers, ">; rel=\"next\"\n"));

    start(QUERY("limit", "2", "status", "a b", "cursor", cursor));
    assert_non_null(strstr(
        sql(0), " where t.owner = $1 and t.status = any($2::text[]) and (t.created_at, t.id) < "
                "($3::timestamptz, $4) order by t.created_at desc, t.id desc limit 3"));
    assert_string_equal(value(0, 2), "2026-02-02 00:00:00+00");
    assert_string_equal(value(0, 3), "b");
    assert_int_equal(fake_last()->statements[0].types[2], 0);
    fake_result(0, 5, names, types, 2, rows_of_three);
    fake_answer(ASK_OK);
    assert_told(200);
    assert_body_has("\"next_cursor\":null}");
    assert_null(strstr(told.headers, "Link"));
}

static void a_count_is_told_when_asked(void **state)
{
    static const char *const count_names[] = {"count"};
    static const char *const count[] = {"1234"};

    (void)state;
    start(QUERY("count", "exact", "fields", "name"));
    fake_result(0, 5, names, types, 3, rows_of_three);
    fake_result(1, 1, count_names, NULL, 1, count);
    fake_answer(ASK_OK);
    assert_told(200);
    assert_string_equal(told.body,
                        "{\"items\":[{\"name\":\"Ann\"},{\"name\":\"Bob\"},{\"name\":\"Cy\"}],"
                        "\"next_cursor\":null,\"count\":1234}");
}

/* Words on which a plan hangs stand in the text, in one order; nothing else does. */
static void known_words_stand_in_the_text(void **state)
{
    static const struct {
        const char *values[10];
        const char *sql;
    } rows[] = {
        {{"open"}, " and (known('{\"open\"}'::text[])) order"},
        {{"won", "call_back2", "open"},
         " and (known('{\"call_back2\",\"open\",\"won\"}'::text[])) order"},
        {{"null"}, " and (known('{\"null\"}'::text[])) order"},
        {{"a", "b", "c", "d", "e", "f", "g", "h"}, "\"h\"}'::text[])) order"},
        {{"a", "b", "c", "d", "e", "f", "g", "h", "i"}, " and (known($2::text[])) order"},
        {{"Open"}, " and (known($2::text[])) order"},
        {{"open", "o'pen"}, " and (known($2::text[])) order"},
        {{"open}'; select 1; --"}, " and (known($2::text[])) order"},
        {{"o\"pen"}, " and (known($2::text[])) order"},
        {{"o\\pen"}, " and (known($2::text[])) order"},
        {{"\xc5\x82"}, " and (known($2::text[])) order"},
        {{"a234567890123456789012345678901234567890123456789012345678901234"},
         "678901234\"}'::text[])) order"},
        {{"a2345678901234567890123456789012345678901234567890123456789012345"},
         " and (known($2::text[])) order"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *query[2 * COUNT(rows[0].values) + 1];
        size_t n = 0;

        for (size_t k = 0; k < COUNT(rows[0].values) && rows[i].values[k]; k++) {
            query[n++] = "state";
            query[n++] = rows[i].values[k];
        }
        query[n] = NULL;
        start(query);
        if (!strstr(sql(0), rows[i].sql))
            fail_msg("no %s in %s", rows[i].sql, sql(0));
        give_up();
    }
}

/* A scope stands in the text as well, wherever the list has it. */
static void a_scope_stands_in_the_text(void **state)
{
    static const struct {
        unsigned words;
        const char *scope, *sql;
    } rows[] = {
        {2, "own",
         "select t.*, 'own'::text, $1 from thing t, $21 where t.owner = $1 and 'own'::text = 'all' "
         "order"},
        {2, "o'wn", "select t.*, $2, $1 from thing t, $21 where t.owner = $1 and $2 = 'all' order"},
        {2, NULL, "select t.*, $2, $1 from thing t, $21 where t.owner = $1 and $2 = 'all' order"},
        {0, "own", "select t.*, $2, $1 from thing t, $21 where t.owner = $1 and $2 = 'all' order"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        asked = things;
        asked.select = "select t.*, $2, $1";
        asked.from = " from thing t, $21";
        asked.where = " where t.owner = $1 and $2 = 'all'";
        asked.nfixed = 2;
        asked.fixed_types = (const unsigned[]){2950, 25};
        asked.words = rows[i].words;
        scope = rows[i].scope;
        start(NULL);
        assert_memory_equal(sql(0), rows[i].sql, strlen(rows[i].sql));
        assert_int_equal(fake_last()->statements[0].nparams, 2);
        give_up();
    }
    asked = things;
}

/* What a list of whole rows shows of the sort is not asked for twice. */
static void whole_rows_have_their_position(void **state)
{
    static const struct {
        const char *sort, *sql, *value;
        int columns;
        const char *names[5];
    } rows[] = {
        {"created_at",
         "select t.*, t.size from thing t where t.owner = $1 order by",
         "2",
         3,
         {"name", "created_at", "id"}},
        {"name",
         "select t.*, t.size, (lower(t.name))::text as \"_key\" from thing t",
         "1",
         3,
         {"_key", "created_at", "id"}},
        {"name",
         "select x.*, t.size, (lower(t.name))::text as \"_key\", (t.id)::text as \"_id\" from",
         "1",
         3,
         {"_key", "id", "_id"}},
    };
    static const char *const values[] = {"1", "2", "3", "4", "5", "6"};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        asked = things;
        asked.select = i < 2 ? "select t.*, t.size" : "select x.*, t.size";
        start(QUERY("limit", "1", "sort", rows[i].sort));
        assert_non_null(strstr(sql(0), rows[i].sql));
        fake_result(0, rows[i].columns, rows[i].names, NULL, 2, values);
        fake_answer(ASK_OK);
        assert_told(200);
        keep_cursor();
        start(QUERY("limit", "1", "sort", rows[i].sort, "cursor", cursor));
        assert_string_equal(value(0, 1), rows[i].value);
        assert_string_equal(value(0, 2), "3");
        give_up();
    }
    asked = things;
}

static void ascending_pages_go_up(void **state)
{
    (void)state;
    first_page(QUERY("limit", "2", "sort", "name"));
    start(QUERY("limit", "2", "sort", "name", "cursor", cursor));
    assert_non_null(
        strstr(sql(0),
               " and (lower(t.name), t.id) > ($2::text, $3) order by lower(t.name) asc, t.id asc"));
    give_up();
}

static void a_cursor_belongs_to_its_list(void **state)
{
    char changed[sizeof(cursor)];

    (void)state;
    first_page(QUERY("limit", "2", "status", "new"));
    start(QUERY("limit", "2", "cursor", cursor)); /* other filters */
    assert_told(400);
    assert_body_has("invalid_cursor");
    start(QUERY("status", "old", "cursor", cursor));
    assert_told(400);
    start(QUERY("status", "new", "sort", "name", "cursor", cursor)); /* another sort */
    assert_told(400);
    start(QUERY("status", "new", "sort", "created_at", "cursor", cursor)); /* another direction */
    assert_told(400);
    start(QUERY("status", "new", "limit", "9", "count", "none", "cursor",
                cursor)); /* other size: fine */
    assert_int_equal(told.times, 0);
    give_up();
    for (size_t i = 0; cursor[i]; i += 3) { /* any change is noticed */
        memcpy(changed, cursor, sizeof(cursor));
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        start(QUERY("status", "new", "cursor", changed));
        assert_told(400);
    }
    start(QUERY("cursor", ""));
    assert_told(400);
    start(QUERY("cursor", "made up"));
    assert_told(400);
}

static void cursors_hold_any_text(void **state)
{
    static const unsigned char key[CURSOR_KEY] = "0123456789abcdef0123456789abcde",
                               other[CURSOR_KEY] = "another";
    char longest[CURSOR_VALUE_MAX + 2];
    struct cursor in = {.descending = true,
                        .sort = "name",
                        .value = "za\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87 \"'",
                        .id = "x"};
    struct cursor out;
    struct arena a;
    char *made;

    (void)state;
    arena_init(&a, 1 << 20);
    memset(in.filters, 0xa5, sizeof(in.filters));
    made = cursor_write(&a, key, &in);
    assert_non_null(made);
    assert_true(cursor_read(&a, key, made, &out));
    assert_true(out.descending);
    assert_string_equal(out.sort, in.sort);
    assert_string_equal(out.value, in.value);
    assert_string_equal(out.id, in.id);
    assert_memory_equal(out.filters, in.filters, sizeof(in.filters));
    assert_false(cursor_read(&a, other, made, &out));
    in.value = "";
    made = cursor_write(&a, key, &in);
    assert_true(cursor_read(&a, key, made, &out));
    assert_string_equal(out.value, "");
    memset(longest, 'x', sizeof(longest));
    longest[CURSOR_VALUE_MAX] = '\0';
    in.value = longest;
    made = cursor_write(&a, key, &in);
    assert_non_null(made);
    assert_true(strlen(made) <= 2000); /* what the contract allows */
    longest[CURSOR_VALUE_MAX] = 'x';
    longest[CURSOR_VALUE_MAX + 1] = '\0';
    assert_null(cursor_write(&a, key, &in));
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_list_takes_the_first_sort),
        cmocka_unit_test(filters_become_parameters),
        cmocka_unit_test(wrong_parameters_are_named),
        cmocka_unit_test(pages_fit_together),
        cmocka_unit_test(a_count_is_told_when_asked),
        cmocka_unit_test(known_words_stand_in_the_text),
        cmocka_unit_test(a_scope_stands_in_the_text),
        cmocka_unit_test(whole_rows_have_their_position),
        cmocka_unit_test(ascending_pages_go_up),
        cmocka_unit_test(a_cursor_belongs_to_its_list),
        cmocka_unit_test(cursors_hold_any_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
