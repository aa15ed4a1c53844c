#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "json/format.h"
#include "json/schema.h"

/* A contract in miniature. */
static const struct schema text = {.kind = SCHEMA_STRING, .min_length = 1, .max_length = 8};
static const struct schema nullable_text = {
    .kind = SCHEMA_STRING, .nullable = true, .max_length = 300};
static const struct schema password = {
    .kind = SCHEMA_STRING, .format = FORMAT_PASSWORD, .min_length = 8};
static const struct schema percent = {
    .kind = SCHEMA_INTEGER, .has_min = true, .has_max = true, .max = 100};
static const struct schema at_least = {.kind = SCHEMA_NUMBER, .has_min = true, .min = 0.5};
static const struct schema at_most = {.kind = SCHEMA_NUMBER, .has_max = true, .max = 1e6};
static const struct schema flag = {.kind = SCHEMA_BOOLEAN};
static const struct schema any = {.kind = SCHEMA_ANY};
static const struct schema priority = {
    .kind = SCHEMA_STRING, .values = (const char *const[]){"low", "normal", "high", NULL}};
static const struct schema money = {
    .kind = SCHEMA_OBJECT,
    .nullable = true,
    .members = (const struct schema_member[]){
        {.name = "amount",
         .schema = &(const struct schema){.kind = SCHEMA_STRING, .format = FORMAT_DECIMAL},
         .required = true},
        {.name = "currency",
         .schema = &(const struct schema){.kind = SCHEMA_STRING, .format = FORMAT_CURRENCY},
         .required = true},
        {.name = NULL},
    }};
static const struct schema tags = {
    .kind = SCHEMA_ARRAY, .min_length = 1, .max_length = 3, .items = &text};
static const struct schema extra = {.kind = SCHEMA_OBJECT, .open = true};
static const struct schema lead = {
    .kind = SCHEMA_OBJECT,
    .min_members = 1,
    .members = (const struct schema_member[]){
        {.name = "id", .schema = &text, .required = true, .access = ACCESS_READ_ONLY},
        {.name = "status", .schema = &text, .access = ACCESS_GOVERNED},
        {.name = "last_name", .schema = &text, .required = true},
        {.name = "first_name", .schema = &nullable_text},
        {.name = "password", .schema = &password},
        {.name = "percent", .schema = &percent},
        {.name = "at_least", .schema = &at_least},
        {.name = "at_most", .schema = &at_most},
        {.name = "flag", .schema = &flag},
        {.name = "any", .schema = &any},
        {.name = "priority", .schema = &priority},
        {.name = "value", .schema = &money},
        {.name = "tags", .schema = &tags},
        {.name = "extra", .schema = &extra},
        {.name = "a/b~c", .schema = &percent},
        {.name = NULL},
    }};

/* All faults as "pointer code got allowed hint", one a line. */
static const char *faults_of(struct arena *a, const struct err *e)
{
    const char *all = "";

    for (const struct fault *f = e->faults; f != NULL; f = f->next) {
        assert_non_null(f->detail);
        all = arena_printf(a, "%s%s%s %s %s%s%s%s%s", all, *all != '\0' ? "\n" : "", f->pointer,
                           f->code, f->got != NULL ? f->got : "-", f->allowed != NULL ? " " : "",
                           f->allowed != NULL ? f->allowed : "", f->hint != NULL ? " " : "",
                           f->hint != NULL ? f->hint : "");
    }
    return all;
}

#define KNOWN                                                                                      \
    "[\"last_name\",\"first_name\",\"password\",\"percent\",\"at_least\",\"at_most\",\"flag\","    \
    "\"any\",\"priority\",\"value\",\"tags\",\"extra\",\"a/b~c\"]"

static void bodies_are_checked(void **state)
{
    static const struct {
        const char *json, *faults;
    } rows[] = {
        {"{\"last_name\":\"Nowak\"}", ""},
        {"{\"last_name\":\"Nowak\",\"first_name\":null,\"value\":null,\"any\":null,\"flag\":false}",
         ""},
        {"{\"last_name\":\"\xc5\xbb\xc3\xb3\xc5\x82\xc4\x87\xc5\xbb\xc3\xb3\xc5\x82\xc4\x87\"}",
         ""},
        {"{\"last_name\":\"N\",\"value\":{\"amount\":\"-12345678901234.1234\",\"currency\":"
         "\"PLN\"}}",
         ""},
        {"{\"last_name\":\"N\",\"tags\":[\"a\",\"b\"],\"extra\":{\"x\":[{}]},\"any\":[1,{\"y\":2}]"
         "}",
         ""},
        {"{\"last_name\":\"N\",\"percent\":0,\"at_least\":0.5,\"at_most\":1000000}", ""},
        {"{\"last_name\":\"a\\tb\\nc\\rd\"}", ""},
        {"{}", " too_few -\n/last_name required -"},
        {"[]", " type -"},
        {"\"x\"", " type \"x\""},
        {"null", " null null"},
        {"{\"last_name\":null}", "/last_name null null"},
        {"{\"last_name\":5}", "/last_name type 5"},
        {"{\"last_name\":{\"a\":1}}", "/last_name type -"},
        {"{\"last_name\":\"\"}", "/last_name length \"\""},
        {"{\"last_name\":\"123456789\"}", "/last_name length \"123456789\""},
        {"{\"last_name\":\"a\\u0007\"}", "/last_name format \"a\\u0007\""},
        {"{\"last_name\":\"a\\u007f\"}", "/last_name format \"a\\u007f\""},
        {"{\"last_name\":\"a\\u0085\"}", "/last_name format \"a\xc2\x85\""},
        {"{\"last_name\":\"N\",\"password\":\"short\"}", "/password length -"},
        {"{\"last_name\":\"N\",\"password\":12345678}", "/password type -"},
        {"{\"last_name\":\"N\",\"percent\":101}", "/percent range 101"},
        {"{\"last_name\":\"N\",\"percent\":-1}", "/percent range -1"},
        {"{\"last_name\":\"N\",\"percent\":1.0}", "/percent type 1.0"},
        {"{\"last_name\":\"N\",\"percent\":\"5\"}", "/percent type \"5\""},
        {"{\"last_name\":\"N\",\"at_least\":0.25,\"at_most\":1000001}",
         "/at_least range 0.25\n/at_most range 1000001"},
        {"{\"last_name\":\"N\",\"flag\":0}", "/flag type 0"},
        {"{\"last_name\":\"N\",\"priority\":\"hihg\"}",
         "/priority enum \"hihg\" [\"low\",\"normal\",\"high\"] did you mean \"high\"?"},
        {"{\"last_name\":\"N\",\"priority\":\"urgent\"}",
         "/priority enum \"urgent\" [\"low\",\"normal\",\"high\"]"},
        {"{\"last_name\":\"N\",\"value\":{\"amount\":\"1,5\",\"currency\":\"pln\"}}",
         "/value/amount format \"1,5\"\n/value/currency format \"pln\""},
        {"{\"last_name\":\"N\",\"value\":{\"amount\":1.5}}",
         "/value/amount type 1.5\n/value/currency required -"},
        {"{\"last_name\":\"N\",\"tags\":[]}", "/tags too_few -"},
        {"{\"last_name\":\"N\",\"tags\":[\"a\",\"b\",\"c\",\"d\"]}", "/tags too_many -"},
        {"{\"last_name\":\"N\",\"tags\":[\"a\",2,\"\"]}", "/tags/1 type 2\n/tags/2 length \"\""},
        {"{\"last_name\":\"N\",\"a/b~c\":200}", "/a~1b~0c range 200"},
        {"{\"last_name\":\"N\",\"frist_name\":\"secret\"}",
         "/frist_name unknown - " KNOWN " did you mean \"first_name\"?"},
        {"{\"last_name\":\"N\",\"~/\":1}", "/~0~1 unknown - " KNOWN},
        {"{\"last_name\":\"N\",\"value\":{\"amount\":\"1\",\"currency\":\"PLN\",\"\":1}}",
         "/value/ unknown - [\"amount\",\"currency\"]"},
        {"{\"last_name\":\"N\",\"id\":\"7\"}", "/id read_only \"7\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        json_t *body = json_loads(rows[i].json, JSON_DECODE_ANY, NULL);
        struct arena a;
        struct err e;

        assert_non_null(body);
        arena_init(&a, 1 << 20);
        err_init(&e, &a);
        assert_int_equal(schema_check(&lead, body, "", &e), rows[i].faults[0] == '\0');
        assert_string_equal(faults_of(&a, &e), rows[i].faults);
        assert_int_equal(e.code, rows[i].faults[0] == '\0' ? ERR_NONE : ERR_INVALID);
        arena_done(&a);
        json_decref(body);
    }
}

static void governed_members_are_told_apart(void **state)
{
    json_t *body = json_loads("{\"status\":\"won\",\"percent\":200}", 0, NULL);
    struct arena a;
    struct err e;

    (void)state;
    arena_init(&a, 1 << 20);
    err_init(&e, &a);
    assert_false(schema_check(&lead, body, "/fields", &e));
    assert_int_equal(e.code, ERR_GOVERNED);
    assert_string_equal(faults_of(&a, &e),
                        "/fields/status governed_field \"won\" see the record's transitions\n"
                        "/fields/last_name required -\n/fields/percent range 200");
    json_decref(body);
    arena_done(&a);
}

static void long_values_are_cut(void **state)
{
    char name[3001], value[3001];
    json_t *body = json_object();
    struct arena a;
    struct err e;

    (void)state;
    for (size_t i = 0; i < 3000; i += 2)
        memcpy(value + i, i < 100 ? "\"\\" : "\xc5\xbb", 2);
    memset(name, 'n', 3000);
    name[3000] = value[3000] = '\0';
    json_object_set_new(body, "last_name", json_string(value));
    json_object_set_new(body, name, json_null());
    arena_init(&a, 1 << 20);
    err_init(&e, &a);
    assert_false(schema_check(&lead, body, "", &e));
    assert_string_equal(e.faults->code, "length");
    assert_string_equal(e.faults->detail, "Send at most 8 characters instead of 1550.");
    assert_in_range(strlen(e.faults->got), 100, 200);
    {
        json_t *back = json_loads(e.faults->got, JSON_DECODE_ANY, NULL);

        assert_non_null(back);
        json_decref(back);
    }
    assert_string_equal(e.last->code, "unknown");
    assert_string_equal(e.last->pointer, "");
    json_decref(body);
    arena_done(&a);
}

static void faults_are_bounded(void **state)
{
    json_t *body = json_object();
    struct arena a;
    struct err e;
    unsigned kept = 0;

    (void)state;
    for (int i = 0; i < 5000; i++) {
        char name[16];

        text_hex(&i, sizeof(i), name);
        json_object_set_new(body, name, json_null());
    }
    arena_init(&a, 1 << 20);
    err_init(&e, &a);
    assert_false(schema_check(&lead, body, "", &e));
    assert_int_equal(e.nfaults, 5001);
    for (const struct fault *f = e.faults; f != NULL; f = f->next)
        kept++;
    assert_int_equal(kept, ERR_FAULTS_MAX);
    arena_done(&a);

    arena_init(&a, 64); /* room for nothing: still a refusal */
    err_init(&e, &a);
    assert_false(schema_check(&lead, body, "", &e));
    assert_int_equal(e.code, ERR_INVALID);
    arena_done(&a);
    json_decref(body);
}

static void formats_hold(void **state)
{
    static const struct {
        enum schema_format format;
        bool ok;
        const char *text;
    } rows[] = {
        {FORMAT_UUID, true, "0190163d-8694-739b-aea5-966c26f8ad91"},
        {FORMAT_UUID, false, "me"},
        {FORMAT_UUID, false, "00000000-0000-0000-0000-000000000000"},
        {FORMAT_USER, true, "me"},
        {FORMAT_USER, true, "0190163d-8694-739b-aea5-966c26f8ad91"},
        {FORMAT_USER, false, "you"},
        {FORMAT_DATE, true, "2024-02-29"},
        {FORMAT_DATE, false, "2023-02-29"},
        {FORMAT_DATE_TIME, true, "2024-02-29T12:00:00+01:00"},
        {FORMAT_DATE_TIME, false, "2024-02-29"},
        {FORMAT_EMAIL, true, "jan.nowak+crm@mail.example.com"},
        {FORMAT_EMAIL, true, "o'neil@example.ie"},
        {FORMAT_EMAIL, true,
         "\xc5\xbc\xc3\xb3\xc5\x82w@przyk\xc5\x82"
         "ad.pl"},
        {FORMAT_EMAIL, false, "jan"},
        {FORMAT_EMAIL, false, "jan@"},
        {FORMAT_EMAIL, false, "@example.com"},
        {FORMAT_EMAIL, false, "jan@localhost"},
        {FORMAT_EMAIL, false, "jan@@example.com"},
        {FORMAT_EMAIL, false, "a@b@example.com"},
        {FORMAT_EMAIL, false, "jan nowak@example.com"},
        {FORMAT_EMAIL, false, " jan@example.com"},
        {FORMAT_EMAIL, false, "jan@example..com"},
        {FORMAT_EMAIL, false, "jan@example.com."},
        {FORMAT_EMAIL, false, "jan@-example.com"},
        {FORMAT_EMAIL, false, "jan@127.0.0.1"},
        {FORMAT_EMAIL, false, ".jan@example.com"},
        {FORMAT_EMAIL, false, "jan.@example.com"},
        {FORMAT_EMAIL, false, "j..an@example.com"},
        {FORMAT_EMAIL, false, "jan@example.com\nbcc: x@example.com"},
        {FORMAT_EMAIL, false, "Jan <jan@example.com>"},
        {FORMAT_EMAIL, false,
         "12345678901234567890123456789012345678901234567890123456789012345@example.com"},
        {FORMAT_URI, true, "https://example.com"},
        {FORMAT_URI, true, "HTTP://example.com:8080/a?b=c#d"},
        {FORMAT_URI, true, "http://localhost/"},
        {FORMAT_URI, true, "http://192.0.2.1/"},
        {FORMAT_URI, true, "http://[2001:db8::1]:443/"},
        {FORMAT_URI, false, "ftp://example.com/"},
        {FORMAT_URI, false, "javascript:alert(1)"},
        {FORMAT_URI, false, "//example.com/"},
        {FORMAT_URI, false, "example.com"},
        {FORMAT_URI, false, "https://"},
        {FORMAT_URI, false, "https:///path"},
        {FORMAT_URI, false, "https://user@example.com/"},
        {FORMAT_URI, false, "https://example.com:0/"},
        {FORMAT_URI, false, "https://example.com:65536/"},
        {FORMAT_URI, false, "https://example.com:/"},
        {FORMAT_URI, false, "https://300.1.1.1/"},
        {FORMAT_URI, false, "https://exa mple.com/"},
        {FORMAT_URI, false, "https://example.com/<script>"},
        {FORMAT_DECIMAL, true, "1234.5"},
        {FORMAT_DECIMAL, false, "12345678901234567"},
        {FORMAT_DECIMAL, false, "1.23456"},
        {FORMAT_CURRENCY, true, "PLN"},
        {FORMAT_CURRENCY, false, "PL"},
        {FORMAT_CURRENCY, false, "PLNX"},
        {FORMAT_COUNTRY, true, "PL"},
        {FORMAT_COUNTRY, true, "XK"},
        {FORMAT_COUNTRY, true, "ZW"},
        {FORMAT_COUNTRY, false, "pl"},
        {FORMAT_COUNTRY, false, "ZZ"},
        {FORMAT_COUNTRY, false, "P"},
        {FORMAT_LANGUAGE, true, "ru"},
        {FORMAT_LANGUAGE, false, "de"},
        {FORMAT_KEY, true, "a_1"},
        {FORMAT_KEY, false, "1a"},
        {FORMAT_KEY, false, "A"},
        {FORMAT_KEY, false, "a-b"},
        {FORMAT_KEY, false, ""},
        {FORMAT_KEY, true, "a23456789012345678901234567890123456789012345678901234567890123"},
        {FORMAT_KEY, false, "a234567890123456789012345678901234567890123456789012345678901234"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct schema s = {.kind = SCHEMA_STRING, .format = rows[i].format};
        json_t *value = json_string(rows[i].text);
        struct arena a;
        struct err e;

        arena_init(&a, 1 << 16);
        err_init(&e, &a);
        if (schema_check(&s, value, "", &e) != rows[i].ok)
            fail_msg("format %d: %s", (int)rows[i].format, rows[i].text);
        json_decref(value);
        arena_done(&a);
    }
}

static void parameters_are_read(void **state)
{
    static const struct {
        const struct schema *schema;
        const char *text, *json, *fault;
    } rows[] = {
        {&percent, "12", "12", NULL},
        {&percent, "101", NULL, "limit range 101"},
        {&percent, "1.0", NULL, "limit type \"1.0\""},
        {&percent, "", NULL, "limit type \"\""},
        {&percent, "+1", NULL, "limit type \"+1\""},
        {&at_least, "0.75", "0.75", NULL},
        {&at_least, "2", "2", NULL},
        {&at_least, "[1]", NULL, "limit type \"[1]\""},
        {&at_least, "nan", NULL, "limit type \"nan\""},
        {&flag, "true", "true", NULL},
        {&flag, "false", "false", NULL},
        {&flag, "1", NULL, "limit type \"1\""},
        {&text, "true", "\"true\"", NULL},
        {&tags, "one", "\"one\"", NULL},
        {&tags, "", NULL, "limit length \"\""},
        {&any, "x", "\"x\"", NULL},
        {&password, "x", NULL, "limit length -"},
        {&priority, "lwo", NULL,
         "limit enum \"lwo\" [\"low\",\"normal\",\"high\"] did you mean \"low\"?"},
        {&text, "\xff", NULL, "limit format -"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct arena a;
        struct err e;
        json_t *value;

        arena_init(&a, 1 << 16);
        err_init(&e, &a);
        value = schema_from_text(rows[i].schema, rows[i].text, "query", "limit", &e);
        if (rows[i].json != NULL) {
            char *json = json_dumps(value, JSON_ENCODE_ANY);

            assert_string_equal(json, rows[i].json);
            assert_int_equal(e.code, ERR_NONE);
            free(json);
        } else {
            assert_null(value);
            assert_int_equal(e.code, ERR_BAD_PARAMETER);
            assert_string_equal(e.faults->in, "query");
            assert_string_equal(faults_of(&a, &e), rows[i].fault);
        }
        json_decref(value);
        arena_done(&a);
    }
}

/* 249 are assigned, and Kosovo. */
static void countries_are_those_of_the_standard(void **state)
{
    int n = 0;

    (void)state;
    for (char a = 'A'; a <= 'Z'; a++)
        for (char b = 'A'; b <= 'Z'; b++)
            n += format_holds(FORMAT_COUNTRY, (struct span){(char[]){a, b, 0}, 2});
    assert_int_equal(n, 250);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_are_checked),
        cmocka_unit_test(governed_members_are_told_apart),
        cmocka_unit_test(long_values_are_cut),
        cmocka_unit_test(faults_are_bounded),
        cmocka_unit_test(formats_hold),
        cmocka_unit_test(countries_are_those_of_the_standard),
        cmocka_unit_test(parameters_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
