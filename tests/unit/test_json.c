#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "json/body.h"
#include "json/out.h"
#include "json/problem.h"

/* out */

static void strings_are_escaped(void **state)
{
    static const struct {
        const char *text, *json;
    } rows[] = {
        {"", "\"\""},
        {"plain", "\"plain\""},
        {"a\"b\\c/d", "\"a\\\"b\\\\c/d\""},
        {"\b\t\n\f\r", "\"\\b\\t\\n\\f\\r\""},
        {"\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\""},
        {"za\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87 \xf0\x9f\x8e\x89",
         "\"za\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87 \xf0\x9f\x8e\x89\""},
        {"12345678\"", "\"12345678\\\"\""},
        {"1234567\"12345678", "\"1234567\\\"12345678\""},
        {"\"\"\"\"\"\"\"\"\"", "\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\""},
        {"!!!!!!!!]]]]]]]]~~~~~~~~", "\"!!!!!!!!]]]]]]]]~~~~~~~~\""},
    };
    struct buf b;
    struct out o;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        json_t *back;

        buf_init(&b, 1000);
        out_init(&o, &b);
        out_string(&o, rows[i].text);
        assert_string_equal(buf_text(&b), rows[i].json);
        back = json_loads(buf_text(&b), JSON_DECODE_ANY, NULL);
        assert_string_equal(json_string_value(back), rows[i].text);
        json_decref(back);
        buf_done(&b);
    }
}

/* Every byte at every place of a word, against a slow and plain writer. */
static void every_byte_is_escaped_at_every_place(void **state)
{
    (void)state;
    for (unsigned c = 1; c < 0x80; c++) {
        for (size_t at = 0; at < 17; at++) {
            char text[18];
            struct buf b;
            struct out o;
            json_t *back;

            memset(text, 'x', 17);
            text[17] = '\0';
            text[at] = (char)c;
            buf_init(&b, 1000);
            out_init(&o, &b);
            out_string(&o, text);
            back = json_loads(buf_text(&b), JSON_DECODE_ANY, NULL);
            assert_string_equal(json_string_value(back), text);
            json_decref(back);
            buf_done(&b);
        }
    }
}

static void commas_fall_where_they_are_due(void **state)
{
    struct buf b;
    struct out o;

    (void)state;
    buf_init(&b, 1000);
    out_init(&o, &b);
    out_object(&o);
    out_member(&o, "a", "x");
    out_member(&o, "none", NULL);
    out_member_raw(&o, "none", NULL);
    out_key(&o, "b");
    out_array(&o);
    out_int(&o, 0);
    out_int(&o, INT64_MIN);
    out_int(&o, INT64_MAX);
    out_object(&o);
    out_object_end(&o);
    out_array(&o);
    out_array_end(&o);
    out_bool(&o, true);
    out_bool(&o, false);
    out_string(&o, NULL);
    out_array_end(&o);
    out_key(&o, "c");
    out_object(&o);
    out_key(&o, "d\"");
    out_null(&o);
    out_object_end(&o);
    out_member_raw(&o, "e", "[1]");
    out_object_end(&o);
    assert_string_equal(buf_text(&b),
                        "{\"a\":\"x\",\"b\":[0,-9223372036854775808,9223372036854775807,{},[],true,"
                        "false,null],\"c\":{\"d\\\"\":null},\"e\":[1]}");
    buf_done(&b);
}

/* But for DEL, which it leaves as it is, the writer of jansson says the same. */
static void trees_are_written(void **state)
{
    static const char *const texts[] = {
        "null",
        "true",
        "false",
        "0",
        "-9223372036854775808",
        "9223372036854775807",
        "0.1",
        "-1.5e300",
        "12345678901234567890.0",
        "\"\"",
        "{}",
        "[]",
        "[[],{}]",
        "{\"b\":1,\"a\":[1,null,{\"\":false}],\"c\\n\\u0001\\\"\":\"\\u00f3\\u0142\\/\\\\\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        json_t *tree = json_loads(texts[i], JSON_DECODE_ANY, NULL);
        char *expected = json_dumps(tree, JSON_COMPACT | JSON_ENCODE_ANY);
        struct buf b;
        struct out o;

        buf_init(&b, 1000);
        out_init(&o, &b);
        out_array(&o);
        out_tree(&o, tree);
        out_tree(&o, NULL);
        out_array_end(&o);
        assert_non_null(expected);
        assert_int_equal(b.len, strlen(expected) + strlen("[,null]"));
        assert_memory_equal(b.text + 1, expected, strlen(expected));
        assert_string_equal(b.text + 1 + strlen(expected), ",null]");
        free(expected);
        json_decref(tree);
        buf_done(&b);
    }
}

static void depth_and_size_are_bounded(void **state)
{
    struct buf b;
    struct out o;

    (void)state;
    for (int depth = 64; depth <= 65; depth++) {
        buf_init(&b, 1000);
        out_init(&o, &b);
        for (int i = 0; i < depth; i++)
            out_array(&o);
        out_int(&o, 1);
        out_int(&o, 2);
        for (int i = 0; i < depth; i++)
            out_array_end(&o);
        assert_int_equal(b.failed, depth > 64);
        buf_done(&b);
    }
    buf_init(&b, 4);
    out_init(&o, &b);
    out_string(&o, "abc");
    assert_true(b.failed);
    buf_done(&b);
}

/* body */

static const struct json_limits limits = {.depth = 3, .structural = 6};

static void json_bodies_parse_or_say_why_not(void **state)
{
    static const struct {
        const char *text;
        size_t n;
        enum err_code code;
        const char *detail;
    } rows[] = {
#define ROW(text, code, detail) {text, sizeof(text) - 1, code, detail}
        ROW("{\"a\":1}", ERR_NONE, NULL),
        ROW(" [1, 2.5e3, \"x\", null, true] ", ERR_NONE, NULL),
        ROW("\"{[,:{[,:{[,:\"", ERR_NONE, NULL),
        ROW("\"\\\"{{{{\"", ERR_NONE, NULL),
        ROW("[[[1]]]", ERR_NONE, NULL),
        ROW("[1,2,3,4,5,6]", ERR_NONE, NULL),
        ROW("[[[[1]]]]", ERR_INVALID, "The body nests objects and arrays deeper than 3."),
        ROW("[1,2,3,4,5,6,7]", ERR_INVALID, "The body has more than 6 members and items."),
        ROW("", ERR_BAD_JSON, "The body is empty; JSON was expected."),
        ROW("[1\0]", ERR_BAD_JSON, "Line 1, column 3: a zero byte."),
        ROW("[\n \0]", ERR_BAD_JSON, "Line 2, column 2: a zero byte."),
        ROW("{\"a\":1,\"a\":2}", ERR_BAD_JSON,
            "Line 1, column 10: duplicate object key near '\"a\"'."),
        ROW("{\"password\":\"secret\" x}", ERR_BAD_JSON, "Line 1, column 22: '}' expected."),
        ROW("{\"a\":", ERR_BAD_JSON, "Line 1, column 5: unexpected token near end of file."),
        ROW("{} {}", ERR_BAD_JSON, "Line 1, column 4: end of file expected."),
        ROW("\"\\u0000\"", ERR_BAD_JSON, "Line 1, column 8: \\u0000 cannot be stored."),
        ROW("{\"\\u0000\":1}", ERR_BAD_JSON, NULL),
        ROW("\"\\ud800\"", ERR_BAD_JSON, NULL),
        ROW("\"\xff\"", ERR_BAD_JSON, NULL),
        ROW("\"\xed\xa0\x80\"", ERR_BAD_JSON, NULL),
        ROW("\xef\xbb\xbf{}", ERR_BAD_JSON, NULL),
        ROW("[1e400]", ERR_BAD_JSON, NULL),
        ROW("[9223372036854775808]", ERR_BAD_JSON, NULL),
        ROW("[01]", ERR_BAD_JSON, NULL),
        ROW("[1,]", ERR_BAD_JSON, NULL),
        ROW("{'a':1}", ERR_BAD_JSON, NULL),
        ROW("nul", ERR_BAD_JSON, NULL),
        ROW("\"\\", ERR_BAD_JSON, NULL),
        ROW("]]]]", ERR_BAD_JSON, NULL),
#undef ROW
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *exact = malloc(rows[i].n > 0 ? rows[i].n : 1);
        struct arena a;
        struct err e;
        json_t *tree;

        memcpy(exact, rows[i].text, rows[i].n);
        arena_init(&a, 1 << 16);
        err_init(&e, &a);
        tree = body_parse_json(&a, (struct span){exact, rows[i].n}, &limits, &e);
        free(exact);
        assert_int_equal(e.code, rows[i].code);
        assert_int_equal(tree != NULL, rows[i].code == ERR_NONE);
        if (rows[i].detail != NULL)
            assert_string_equal(e.detail, rows[i].detail);
        arena_done(&a);
    }
    assert_int_equal(json_default_limits.depth, 32);
    assert_int_equal(json_default_limits.structural, 20000);
}

static void forms_parse_or_say_why_not(void **state)
{
    static const struct {
        const char *text, *json;
    } rows[] = {
        {"", "{}"},
        {"a=1&b=2", "{\"a\":\"1\",\"b\":\"2\"}"},
        {"a=1&&b=2&", "{\"a\":\"1\",\"b\":\"2\"}"},
        {"a", "{\"a\":\"\"}"},
        {"a=b=c", "{\"a\":\"b=c\"}"},
        {"full+name=Jan+%C5%BB&x=%2B", "{\"full name\":\"Jan \xc5\xbb\",\"x\":\"+\"}"},
        {"a=1&a=2&a=3", "{\"a\":[\"1\",\"2\",\"3\"]}"},
        {"a%5B%5D=1", "{\"a[]\":\"1\"}"},
        {"=x", "{\"\":\"x\"}"},
        {"a=%", NULL},
        {"a=%0", NULL},
        {"a=%zz", NULL},
        {"a=%00", NULL},
        {"%00=a", NULL},
        {"a=%FF", NULL},
    };
    struct arena a;
    struct err e;

    (void)state;
    arena_init(&a, 1 << 16);
    for (size_t i = 0; i < COUNT(rows); i++) {
        json_t *form;

        err_init(&e, &a);
        form = body_parse_form(&a, span_of(rows[i].text), &e);
        if (rows[i].json == NULL) {
            assert_null(form);
            assert_int_equal(e.code, ERR_BAD_FORM);
        } else {
            char *text = json_dumps(form, JSON_COMPACT);

            assert_string_equal(text, rows[i].json);
            free(text);
        }
    }
    arena_done(&a);
}

static void forms_are_bounded(void **state)
{
    struct arena a;
    struct err e;
    struct buf b;

    (void)state;
    arena_init(&a, 1 << 16);
    err_init(&e, &a);
    buf_init(&b, 1 << 16);
    for (int i = 0; i < 200; i++)
        buf_puts(&b, "a=1&");
    assert_int_equal(json_array_size(json_object_get(
                         body_parse_form(&a, (struct span){buf_text(&b), b.len}, &e), "a")),
                     200);
    buf_puts(&b, "a");
    assert_null(body_parse_form(&a, (struct span){buf_text(&b), b.len}, &e));
    assert_int_equal(e.code, ERR_BAD_FORM);
    arena_done(&a);

    arena_init(&a, 300);
    err_init(&e, &a);
    assert_null(body_parse_form(&a, (struct span){buf_text(&b), b.len}, &e));
    assert_int_equal(e.code, ERR_BODY_TOO_LARGE);
    arena_done(&a);
    buf_done(&b);
}

static void multipart_forms(void **state)
{
#define PART(head, value) "--b\r\n" head "\r\n\r\n" value "\r\n"
#define FIELD(name, value) PART("Content-Disposition: form-data; name=" name, value)
    static const struct {
        const char *text, *json; /* NULL: refused */
    } rows[] = {
        {"--b--", "{}"},
        {FIELD("a", "1") "--b--\r\n", "{\"a\":\"1\"}"},
        {"preamble\r\n" FIELD("\"a\"", "1") "--b--epilogue", "{\"a\":\"1\"}"},
        {FIELD("a", "") FIELD("a", "2") FIELD("a", "3") "--b--", "{\"a\":[\"\",\"2\",\"3\"]}"},
        {FIELD("\"a;b=\\\"c\\\"\"", "x\r\n--c") "--b--", "{\"a;b=\\\"c\\\"\":\"x\\r\\n--c\"}"},
        {FIELD("a; filename=\"\"", "") "--b--", "{}"},
        {FIELD("a; filename=f", "1") "--b--", NULL},
        {FIELD("a; filename=\"\"", "1") "--b--", NULL},
        {FIELD("a", "1"), NULL},
        {FIELD("a", "1") "--b", NULL},
        {FIELD("a", "1") "--bx\r\n\r\n\r\n--b--", NULL},
        {FIELD("", "1") "--b--", NULL},
        {FIELD("\"a", "1") "--b--", NULL},
        {PART("X: 1", "1") "--b--", NULL},
        {PART("no colon", "1") "--b--", NULL},
        {FIELD("a\r\nContent-Type: text/plain; charset=latin1", "1") "--b--", NULL},
        {FIELD("a\r\nContent-Type: text/plain; charset=\"UTF-8\"", "1") "--b--", "{\"a\":\"1\"}"},
        {FIELD("a", "\xff") "--b--", NULL},
        {"", NULL},
        {"--c--", NULL},
    };
    struct arena a;

    (void)state;
    arena_init(&a, 1 << 16);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct err e;
        json_t *form;

        err_init(&e, &a);
        form = body_parse_multipart(&a, span_of(rows[i].text), "b", &e);
        if (rows[i].json == NULL) {
            assert_null(form);
            assert_int_equal(e.code, ERR_BAD_FORM);
        } else {
            char *text = json_dumps(form, JSON_COMPACT);

            assert_string_equal(text, rows[i].json);
            free(text);
        }
    }
    arena_done(&a);
}

static void boundaries(void **state)
{
    static const struct {
        const char *params, *boundary;
    } rows[] = {
        {"; boundary=abc", "abc"},
        {";charset=utf-8; BOUNDARY=\"a b\"", "a b"},
        {"; x=\";boundary=no\"; boundary=yes", "yes"},
        {"; boundary=", NULL},
        {"; boundary=\"a \"", NULL},
        {"; boundary=\"a", NULL},
        {"; boundary=0123456789012345678901234567890123456789012345678901234567890123456789a",
         NULL},
        {"", NULL},
        {NULL, NULL},
    };
    const char *boundary;
    struct arena a;

    (void)state;
    arena_init(&a, 1 << 16);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        assert_int_equal(multipart_boundary(&a, rows[i].params, &boundary),
                         rows[i].boundary != NULL);
        if (rows[i].boundary)
            assert_string_equal(boundary, rows[i].boundary);
    }
    arena_done(&a);
}

/* problem */

static void problems_are_written(void **state)
{
    struct arena a;
    struct err e;
    struct buf b;

    (void)state;
    arena_init(&a, 1 << 16);
    buf_init(&b, 1 << 16);
    err_init(&e, &a);
    err_set(&e, ERR_BUSY, "The queue is \"full\".");
    problem_write(&b, &e, "0190163d-8694-739b-aea5-966c26f8ad91");
    assert_string_equal(
        buf_text(&b),
        "{\"type\":\"/docs/problems#busy\",\"title\":\"The service is at its "
        "limit\",\"status\":503,"
        "\"detail\":\"The queue is "
        "\\\"full\\\".\",\"instance\":\"urn:uuid:0190163d-8694-739b-aea5-966c26f8ad91\","
        "\"code\":\"busy\",\"request_id\":\"0190163d-8694-739b-aea5-966c26f8ad91\",\"retryable\":"
        "true,\"hint\":\"wait as long as Retry-After says and repeat\"}");

    buf_clear(&b);
    err_init(&e, &a);
    err_fault(&e, ERR_INVALID,
              (struct fault){.in = "body",
                             .pointer = "/status",
                             .code = "enum",
                             .detail = "d",
                             .hint = "h",
                             .got = "1",
                             .allowed = "[\"a\"]"});
    err_fault(&e, ERR_INVALID,
              (struct fault){.in = "query", .pointer = "limit", .code = "type", .detail = "d"});
    e.hint = "look";
    e.members = "\"legal\":[]";
    problem_write(&b, &e, "client-chosen");
    assert_string_equal(buf_text(&b),
                        "{\"type\":\"/docs/problems#validation_failed\",\"title\":\"The body does "
                        "not match the schema\","
                        "\"status\":422,\"code\":\"validation_failed\",\"request_id\":\"client-"
                        "chosen\",\"retryable\":false,"
                        "\"hint\":\"look\",\"errors\":[{\"in\":\"body\",\"pointer\":\"/"
                        "status\",\"code\":\"enum\",\"detail\":\"d\","
                        "\"hint\":\"h\",\"got\":1,\"allowed\":[\"a\"]},{\"in\":\"query\",\"name\":"
                        "\"limit\",\"code\":\"type\","
                        "\"detail\":\"d\"}],\"legal\":[]}");

    buf_clear(&b);
    err_init(&e, &a);
    for (int i = 0; i < 103; i++)
        err_fault(&e, ERR_INVALID, (struct fault){.pointer = "/x", .code = "type"});
    problem_write(&b, &e, NULL);
    assert_non_null(strstr(buf_text(&b), "],\"errors_omitted\":3}"));
    for (int code = ERR_NONE; code < ERR_COUNT; code++) {
        json_t *back;

        buf_clear(&b);
        err_init(&e, &a);
        err_set(&e, (enum err_code)code, NULL);
        problem_write(&b, &e, NULL);
        back = json_loads(buf_text(&b), JSON_REJECT_DUPLICATES, NULL);
        assert_int_equal(json_integer_value(json_object_get(back, "status")),
                         err_status(code == ERR_NONE ? ERR_INTERNAL : (enum err_code)code));
        /* without errors, everything says what was wrong and how to mend it */
        assert_true(json_string_length(json_object_get(back, "detail")) > 0);
        assert_true(json_string_length(json_object_get(back, "hint")) > 0);
        json_decref(back);
    }
    buf_done(&b);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(every_byte_is_escaped_at_every_place),
        cmocka_unit_test(commas_fall_where_they_are_due),
        cmocka_unit_test(trees_are_written),
        cmocka_unit_test(depth_and_size_are_bounded),
        cmocka_unit_test(json_bodies_parse_or_say_why_not),
        cmocka_unit_test(forms_parse_or_say_why_not),
        cmocka_unit_test(forms_are_bounded),
        cmocka_unit_test(multipart_forms),
        cmocka_unit_test(boundaries),
        cmocka_unit_test(problems_are_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
