/* Rows as JSON, and the generic last steps. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "call/pgarray.h"
#include "call/reply.h"
#include "call/row_plans.h"
#include "call/tree.h"
#include "call_fake.h"

enum {
    BOOL = 16,
    INT8 = 20,
    TEXT = 25,
    JSON = 114,
    FLOAT8 = 701,
    TIMESTAMPTZ = 1184,
    TEXTS = 1009,
    UUIDS = 2951,
    NUMERIC = 1700,
    JSONB = 3802
};

static char *row_text(const struct result *r, int row, const char *const *fields)
{
    struct buf b;
    struct out o;

    buf_init(&b, 1 << 20);
    out_init(&o, &b);
    reply_write_row(&o, r, row, fields);
    assert_false(b.failed);
    return buf_take(&b, NULL);
}

/* One column at a time: type, PostgreSQL's text, JSON. */
static void values_become_json(void **state)
{
    static const struct {
        unsigned type;
        const char *text, *json;
    } rows[] = {
        {TEXT, "", "\"\""},
        {TEXT, NULL, "null"},
        {TEXT, "plain text that is longer than eight", "\"plain text that is longer than eight\""},
        {TEXT, "a\"b\\c/d", "\"a\\\"b\\\\c/d\""},
        {TEXT, "12345678\"", "\"12345678\\\"\""},
        {TEXT, "\b\t\n\f\r\x01\x1f\x7f", "\"\\b\\t\\n\\f\\r\\u0001\\u001f\x7f\""},
        {TEXT, "Wi\xc5\x9bniewski \xe2\x80\xa8 \xf0\x9f\x8e\x89",
         "\"Wi\xc5\x9bniewski \xe2\x80\xa8 \xf0\x9f\x8e\x89\""},
        {NUMERIC, "1234.5000", "\"1234.5000\""},
        {INT8, "-9223372036854775808", "-9223372036854775808"},
        {FLOAT8, "1.5e-07", "1.5e-07"},
        {FLOAT8, "NaN", "null"},
        {FLOAT8, "-Infinity", "null"},
        {BOOL, "t", "true"},
        {BOOL, "f", "false"},
        {JSON, "{\"a\": [1, \"x\"]}", "{\"a\": [1, \"x\"]}"},
        {JSONB, "null", "null"},
        {TIMESTAMPTZ, "2026-11-21 20:15:59.123456+00", "\"2026-11-21T20:15:59.123456Z\""},
        {TIMESTAMPTZ, "2026-11-21 20:15:59+00", "\"2026-11-21T20:15:59Z\""},
        {TIMESTAMPTZ, "2026-11-21 20:15:59.1+00", "\"2026-11-21T20:15:59.1Z\""},
        {TIMESTAMPTZ, "2026-11-21 20:15:59+02", "\"2026-11-21T20:15:59+02:00\""},
        {TIMESTAMPTZ, "infinity", "\"infinity\""},
        {TIMESTAMPTZ, "0044-03-15 12:00:00+00 BC", "\"0044-03-15 12:00:00+00 BC\""},
        {TEXTS, "{}", "[]"},
        {TEXTS, "{a,\"b c\",NULL,\"NULL\",\"q\\\"u\\\\o,te}\",\"\"}",
         "[\"a\",\"b c\",null,\"NULL\",\"q\\\"u\\\\o,te}\",\"\"]"},
        {UUIDS, "{01900000-0000-7000-8000-00000000000a}",
         "[\"01900000-0000-7000-8000-00000000000a\"]"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        static const char *const names[] = {"v"};
        struct result *r = result_fake(1, names, &rows[i].type, 1, &rows[i].text);
        char *text = row_text(r, 0, NULL), want[256];

        (void)snprintf(want, sizeof(want), "{\"v\":%s}", rows[i].json);
        assert_string_equal(text, want);
        free(text);
        result_free(r);
    }
}

static void dots_nest(void **state)
{
    static const struct {
        const char *names[7], *values[7], *json;
    } rows[] = {
        {{"id", "a.id", "a.name", "n"},
         {"1", "2", "x", "y"},
         "{\"id\":\"1\",\"a\":{\"id\":\"2\",\"name\":\"x\"},\"n\":\"y\"}"},
        {{"id", "a.id", "a.name", "n"},
         {"1", NULL, "x", "y"},
         "{\"id\":\"1\",\"a\":null,\"n\":\"y\"}"},
        {{"a.id", "a.name"}, {"2", NULL}, "{\"a\":{\"id\":\"2\",\"name\":null}}"},
        {{"a.b.c", "a.b.d", "a.e", "f.g"},
         {"1", "2", "3", "4"},
         "{\"a\":{\"b\":{\"c\":\"1\",\"d\":\"2\"},\"e\":\"3\"},\"f\":{\"g\":\"4\"}}"},
        {{"a.b.c", "a.e", "z"}, {NULL, "3", "4"}, "{\"a\":null,\"z\":\"4\"}"},
        {{"a.x", "a.b.c", "a.e", "z"},
         {"1", NULL, "3", "4"},
         "{\"a\":{\"x\":\"1\",\"b\":null,\"e\":\"3\"},\"z\":\"4\"}"},
        {{"_key", "id", "_id"}, {"k", "1", "i"}, "{\"id\":\"1\"}"},
        {{"ab.c", "a.d"}, {"1", "2"}, "{\"ab\":{\"c\":\"1\"},\"a\":{\"d\":\"2\"}}"},
        {{"we\"ird"}, {"1"}, "{\"we\\\"ird\":\"1\"}"},
        {{"_x"}, {"1"}, "{}"},
        /* elements of an array as members */
        {{"due|late?|since", "z"},
         {"{\"2026-11-21 20:15:59.5+00\",NULL,infinity}", "4"},
         "{\"due\":\"2026-11-21T20:15:59.5Z\",\"late\":false,\"since\":\"infinity\",\"z\":\"4\"}"},
        {{"a.due|a.late?|b"},
         {"{NULL,\"2026-11-21 20:15:59+00\",NULL}"},
         "{\"a\":{\"due\":null,\"late\":true},\"b\":null}"},
        {{"due|late?|since", "z"},
         {NULL},
         "{\"due\":null,\"late\":false,\"since\":null,\"z\":null}"},
        {{"due|late?|since|more?"},
         {"{}"},
         "{\"due\":null,\"late\":false,\"since\":null,\"more\":false}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        int n = 0;
        struct result *r;
        char *text;

        while (rows[i].names[n])
            n++;
        r = result_fake(n, rows[i].names, NULL, 1, rows[i].values);
        text = row_text(r, 0, NULL);
        assert_string_equal(text, rows[i].json);
        free(text);
        result_free(r);
    }
}

static void fields_keep_whole_members(void **state)
{
    static const char *const names[] = {"id", "a.id", "a.name", "ab", "_key", "due|late?|since"};
    static const char *const values[] = {"1", "2", "x", "y", "k", "{infinity,NULL,infinity}"};
    static const char *const only_a[] = {"a", NULL}, *const two[] = {"ab", "id", NULL},
                             *const parts[] = {"since", "late", NULL}, *const none[] = {NULL};
    struct result *r = result_fake(6, names, NULL, 1, values);
    char *text;

    (void)state;
    text = row_text(r, 0, only_a);
    assert_string_equal(text, "{\"a\":{\"id\":\"2\",\"name\":\"x\"}}");
    free(text);
    text = row_text(r, 0, two);
    assert_string_equal(text, "{\"id\":\"1\",\"ab\":\"y\"}");
    free(text);
    text = row_text(r, 0, parts);
    assert_string_equal(text, "{\"late\":false,\"since\":\"infinity\"}");
    free(text);
    text = row_text(r, 0, none);
    assert_string_equal(text, "{}");
    free(text);
    result_free(r);
}

static void arrays_are_read(void **state)
{
    static const struct {
        const char *text;
        const char *items[4];
    } rows[] = {
        {NULL, {NULL}},
        {"", {NULL}},
        {"{}", {NULL}},
        {"{a}", {"a"}},
        {"{a,b}", {"a", "b"}},
        {"{\"a,b\",NULL,c}", {"a,b", "c"}},
        {"{\"x\\\"y\"}", {"x\"y"}},
        {"{\"open", {"open"}},
        {"nonsense", {NULL}},
    };
    struct arena a;

    (void)state;
    arena_init(&a, 65536);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *const *got = pgarray_strings(&a, rows[i].text);
        size_t n = 0;

        assert_non_null(got);
        for (; rows[i].items[n]; n++)
            assert_string_equal(got[n], rows[i].items[n]);
        assert_null(got[n]);
    }
    arena_done(&a);
}

/* steps */

static const struct query lane_query = {.name = "t", .lane = LANE_READ};

static enum step ask_two(struct call *c)
{
    call_ask(c, &lane_query, NULL);
    call_ask(c, &lane_query, NULL);
    return STEP_WAIT;
}

static step_fn *const row_steps[] = {ask_two, reply_row, NULL};
static step_fn *const rows_steps[] = {ask_two, reply_rows, NULL};
static step_fn *const empty_steps[] = {ask_two, reply_empty, NULL};
static step_fn *const written_steps[] = {ask_two, check_written, reply_row, NULL};
static const struct operation row_op = {.steps = row_steps}, rows_op = {.steps = rows_steps},
                              empty_op = {.steps = empty_steps},
                              written_op = {.steps = written_steps};

static const struct schema text_schema = {.kind = SCHEMA_STRING};
static const struct route_param params[] = {
    {"fields", &text_schema, false}, {"include", &text_schema, false}, {NULL, NULL, false}};
static const char *const path_params[] = {"id", NULL};

static struct route route(enum method method, const struct operation *op)
{
    return (struct route){.id = "t",
                          .method = method,
                          .template = "/v1/things/{id}",
                          .path_params = path_params,
                          .params = params,
                          .operation = op,
                          .permission = PERMISSION_PUBLIC,
                          .success = 200};
}

static const char *const names[] = {"id", "version", "name"};
static const unsigned types[] = {2950, INT8, TEXT};
static const char *const values[] = {"a", "7", "Acme"};

static void answer(int first_rows, int last_rows)
{
    static const char *const one[] = {"x"};

    fake_result(0, 1, one, NULL, first_rows, one);
    fake_result(1, 3, names, types, last_rows, values);
    fake_answer(ASK_OK);
}

static void a_row_is_found_or_not(void **state)
{
    struct route r = route(METHOD_GET, &row_op);

    (void)state;
    fake_start(fake_call(&r));
    answer(0, 1);
    assert_told(200);
    assert_header("ETag: \"7\"");
    fake_start(fake_call(&r));
    answer(1, 0);
    assert_told(404);
}

static void a_change_out_of_the_callers_sight_is_no_404(void **state)
{
    struct route patch = route(METHOD_PATCH, &row_op);

    (void)state;
    fake_start(fake_call(&patch));
    answer(1, 0);
    assert_told(204);
    fake_start(fake_call(&patch));
    answer(0, 0);
    assert_told(404);
}

static void a_known_version_is_not_sent_again(void **state)
{
    static const struct {
        const char *if_none_match;
        int status;
    } rows[] = {
        {"\"7\"", 304}, {"W/\"7\"", 304}, {"\"5\", \"7\"", 304}, {"*", 304},  {"\"8\"", 200},
        {"7", 200},     {"", 200},        {"\"", 200},           {"W/", 200},
    };
    struct route get = route(METHOD_GET, &row_op), patch = route(METHOD_PATCH, &row_op);
    struct call *c;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        c = fake_call(&get);
        c->request.if_none_match = rows[i].if_none_match;
        fake_start(c);
        answer(0, 1);
        assert_told(rows[i].status);
        assert_header("ETag: \"7\"");
        assert_int_equal(*told.body == '\0', rows[i].status == 304);
    }
    c = fake_call(&patch);
    c->request.if_none_match = "*";
    fake_start(c);
    answer(0, 1);
    assert_told(200);
}

static void fields_are_picked_and_checked(void **state)
{
    static const struct {
        const char *fields;
        int status;
        const char *has;
    } rows[] = {
        {"name", 200, "{\"name\":\"Acme\"}"},
        {"name, id", 200, "{\"id\":\"a\",\"name\":\"Acme\"}"},
        {"name,nmae", 400, "\"hint\":\"did you mean \\\"name\\\"?\"}"},
        {"colour", 400, "no field \\\"colour\\\".\",\"allowed\":[\"id\",\"version\",\"name\"]}"},
        {"name.first", 400, "\"hint\":\"members come whole here: name \\\"name\\\"\"}"},
        {"_key", 400, "_key"},
        {"", 200, "{}"},
    };
    struct route get = route(METHOD_GET, &row_op), all = route(METHOD_GET, &rows_op);

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *query[] = {"fields", rows[i].fields, NULL};
        struct call *c = fake_call(&get);

        c->request.query = query;
        fake_start(c);
        answer(0, 1);
        assert_told(rows[i].status);
        assert_body_has(rows[i].has);
    }
    fake_start(fake_call(&all));
    answer(0, 1);
    assert_told(200);
    assert_string_equal(told.body, "{\"items\":[{\"id\":\"a\",\"version\":7,\"name\":\"Acme\"}]}");
    fake_start(fake_call(&all));
    answer(0, 0);
    assert_string_equal(told.body, "{\"items\":[]}");
}

static void minimal_replies_have_no_body(void **state)
{
    struct route patch = route(METHOD_PATCH, &row_op), get = route(METHOD_GET, &row_op),
                 none = route(METHOD_DELETE, &empty_op);
    struct call *c = fake_call(&patch);

    (void)state;
    c->request.prefer = "return=minimal";
    fake_start(c);
    answer(1, 1);
    assert_told(204);
    assert_header("ETag: \"7\"");
    assert_header("Preference-Applied: return=minimal");
    assert_string_equal(told.body, "");
    c = fake_call(&get);
    c->request.prefer = "return=minimal";
    fake_start(c);
    answer(1, 1);
    assert_told(200);
    fake_start(fake_call(&none));
    answer(1, 1);
    assert_told(204);
    assert_string_equal(told.body, "");
}

static void a_write_that_changed_nothing_says_why(void **state)
{
    static const struct {
        const char *if_match;
        int written, now, status;
        const char *has;
    } rows[] = {
        {NULL, 1, 1, 200, "Acme"},
        {"\"7\"", 1, 1, 200, "Acme"},
        {NULL, 0, 0, 404, "not_found"},
        {"\"6\"", 0, 0, 404, "not_found"},
        {"\"6\"", 0, 1, 412, "\"current\":{\"version\":7}"},
        {NULL, 0, 1, 403, "forbidden"},
        {"\"7\"", 0, 1, 403, "forbidden"},
        {"*", 0, 1, 403, "forbidden"},
    };
    struct route patch = route(METHOD_PATCH, &written_op);

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct call *c = fake_call(&patch);

        c->request.if_match = rows[i].if_match;
        fake_start(c);
        answer(rows[i].written, rows[i].now);
        assert_told(rows[i].status);
        assert_body_has(rows[i].has);
        if (rows[i].status == 412)
            assert_header("ETag: \"7\"");
    }
}

static void if_match_is_strict(void **state)
{
    static const char *const bad[] = {"",      "7",      "\"\"", "\"a\"", "W/\"7\"", "\"7\", \"8\"",
                                      "\"0\"", "\"-1\"", "\"7"};
    struct route patch = route(METHOD_PATCH, &written_op);

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct call *c = fake_call(&patch);

        c->request.if_match = bad[i];
        fake_start(c);
        assert_told(400);
        assert_body_has("invalid_header");
    }
}

/* Columns as a tree: the same values as in the text of a row, without what is NULL. */
static void a_row_is_a_tree(void **state)
{
    static const char *const heads[] = {"version",
                                        "facts.now",
                                        "facts.state",
                                        "facts.record.id",
                                        "facts.record.score",
                                        "facts.record.rate",
                                        "facts.record.ok",
                                        "facts.record.none",
                                        "facts.record.money.amount",
                                        "facts.record.money.currency",
                                        "facts.record.lost.amount",
                                        "facts.record.lost.currency",
                                        "facts.record.tags",
                                        "facts.record.custom",
                                        "facts.record.more",
                                        "facts.related"};
    static const unsigned kinds[] = {INT8,  TIMESTAMPTZ, TEXT,    UUIDS - 1, INT8,    FLOAT8,
                                     BOOL,  TEXT,        NUMERIC, TEXT,      NUMERIC, TEXT,
                                     TEXTS, JSONB,       TEXT,    JSON};
    static const char *const cells[] = {"3",
                                        "2026-11-21 20:15:59.5+00",
                                        NULL,
                                        "0193",
                                        "-7",
                                        "1.5",
                                        "t",
                                        NULL,
                                        "12.50",
                                        "PLN",
                                        NULL,
                                        "PLN",
                                        "{a,\"b c\",NULL}",
                                        "{}",
                                        "x",
                                        "{\"a\": [1]}",
                                        "3",
                                        "infinity",
                                        "open",
                                        "0194",
                                        "0",
                                        "NaN",
                                        "f",
                                        "",
                                        NULL,
                                        NULL,
                                        "1",
                                        NULL,
                                        "{}",
                                        "{\"k\": null}",
                                        NULL,
                                        "[]"};
    static const char *const wanted[] = {
        "{\"now\":\"2026-11-21T20:15:59.5Z\",\"record\":{\"id\":\"0193\",\"score\":-7,\"rate\":1.5,"
        "\"ok\":true,\"money\":{\"amount\":\"12.50\",\"currency\":\"PLN\"},\"tags\":[\"a\",\"b c\","
        "null],\"custom\":{},\"more\":\"x\"},\"related\":{\"a\":[1]}}",
        "{\"now\":\"infinity\",\"state\":\"open\",\"record\":{\"id\":\"0194\",\"score\":0,\"rate\":"
        "null,"
        "\"ok\":false,\"none\":\"\",\"lost\":{\"amount\":\"1\"},\"tags\":[],\"custom\":{\"k\":null}"
        "},"
        "\"related\":[]}"};
    struct result *r = result_fake(COUNT(heads), heads, kinds, 2, cells);

    (void)state;
    for (int i = 0; i < 2; i++) {
        json_t *tree = row_tree(r, i, "facts.", NULL);
        char *text = json_dumps(tree, JSON_COMPACT);

        assert_string_equal(text, wanted[i]);
        free(text);
        json_decref(tree);
    }
    result_free(r);
}

/* A plan is kept for the columns that it was made for: same names, in the same order, of the same
 * types. */
static void plans_are_kept_by_columns(void **state)
{
    static const struct {
        const char *names[4];
        unsigned types[4];
        const char *json[2];
    } rows[] = {
        {{"id", "n"}, {TEXT, TEXT}, {"{\"id\":\"1\",\"n\":\"2\"}", "{\"id\":\"3\",\"n\":\"4\"}"}},
        {{"id", "n"}, {TEXT, INT8}, {"{\"id\":\"1\",\"n\":2}", "{\"id\":\"3\",\"n\":4}"}},
        {{"n", "id"}, {TEXT, TEXT}, {"{\"n\":\"1\",\"id\":\"2\"}", "{\"n\":\"3\",\"id\":\"4\"}"}},
        {{"id", "n", "_x"},
         {TEXT, TEXT, TEXT},
         {"{\"id\":\"1\",\"n\":\"2\"}", "{\"id\":\"4\",\"n\":\"5\"}"}},
        {{"id"}, {INT8}, {"{\"id\":1}", "{\"id\":2}"}},
        {{NULL}, {0}, {"{}", "{}"}},
    };
    static const char *const cells[] = {"1", "2", "3", "4", "5", "6"};
    struct row_plans *plans = row_plans_create();

    (void)state;
    for (size_t i = 0; i < 100 * COUNT(rows); i++) {
        const size_t at = i < 2 * COUNT(rows) ? i / 2 : i % COUNT(rows);
        char many[32];
        const char *names_of[] = {rows[at].names[0], rows[at].names[1], rows[at].names[2]};
        int n = 0;
        struct result *r;
        struct arena a;

        while (n < 3 && names_of[n])
            n++;
        (void)snprintf(many, sizeof(many), "x%zu", i); /* more kinds of rows than are kept */
        for (int k = 0; k < 2; k++) {
            const struct row_plan *plan;
            struct buf b;
            struct out o;

            r = k == 0 ? result_fake(n, names_of, rows[at].types, 2, cells)
                       : result_fake(1, (const char *const[]){many}, (const unsigned[]){INT8}, 1,
                                     cells);
            arena_init(&a, 1 << 20);
            buf_init(&b, 1 << 20);
            out_init(&o, &b);
            plan = row_plans_get(plans, &a, r);
            assert_non_null(plan);
            for (int row = 0; row < 2 - k; row++) {
                buf_clear(&b);
                out_init(&o, &b);
                row_write(&o, plan, row);
                if (k == 0)
                    assert_string_equal(buf_text(&b), rows[at].json[row]);
            }
            buf_done(&b);
            arena_done(&a);
            result_free(r);
        }
    }
    row_plans_destroy(plans);
}

static void a_tree_has_what_is_wanted(void **state)
{
    static const bool wanted[] = {false, false, true, true};
    struct result *r = result_fake(
        4, (const char *const[]){"facts.a", "facts.b.c", "facts.b.d", "version"},
        (const unsigned[]){TEXT, TEXT, TEXT, TEXT}, 1, (const char *const[]){"1", "2", "3", "4"});
    json_t *tree = row_tree(r, 0, "facts.", wanted);
    char *text = json_dumps(tree, JSON_COMPACT);

    (void)state;
    assert_string_equal(text, "{\"b\":{\"d\":\"3\"}}");
    free(text);
    json_decref(tree);
    result_free(r);
}

static void a_tree_of_what_is_no_json_is_none(void **state)
{
    struct result *r = result_fake(1, (const char *const[]){"facts.a"}, (const unsigned[]){JSON}, 1,
                                   (const char *const[]){"{\"a\""});

    (void)state;
    assert_null(row_tree(r, 0, "facts.", NULL));
    result_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_become_json),
        cmocka_unit_test(dots_nest),
        cmocka_unit_test(fields_keep_whole_members),
        cmocka_unit_test(arrays_are_read),
        cmocka_unit_test(plans_are_kept_by_columns),
        cmocka_unit_test(a_row_is_a_tree),
        cmocka_unit_test(a_tree_has_what_is_wanted),
        cmocka_unit_test(a_tree_of_what_is_no_json_is_none),
        cmocka_unit_test(a_row_is_found_or_not),
        cmocka_unit_test(a_change_out_of_the_callers_sight_is_no_404),
        cmocka_unit_test(a_known_version_is_not_sent_again),
        cmocka_unit_test(fields_are_picked_and_checked),
        cmocka_unit_test(minimal_replies_have_no_body),
        cmocka_unit_test(a_write_that_changed_nothing_says_why),
        cmocka_unit_test(if_match_is_strict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
