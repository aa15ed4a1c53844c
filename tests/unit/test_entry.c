/* Before the first step: who calls, and what was sent. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "call/principal.h"
#include "call_things.h"
#include "crypto/secret.h"
#include "crypto/token.h"

/* who calls */

static const unsigned char token_bytes[] = "0123456789abcdef0123456789abcdef";
static const struct token_key token_key = {token_bytes, 32, "sluice", "sluice"};

static const char *bearer(int64_t expires)
{
    static char text[4096];
    struct token_claims claims = {.issued = clock_wall_s(), .expires = clock_wall_s() + expires};
    struct arena a;

    assert_true(uuid_parse(span_of("01900000-0000-7000-8000-0000000000aa"), &claims.user));
    assert_true(uuid_parse(span_of("01900000-0000-7000-8000-0000000000bb"), &claims.session));
    arena_init(&a, 65536);
    (void)snprintf(text, sizeof(text), "Bearer %s", token_issue(&a, &token_key, &claims));
    arena_done(&a);
    return text;
}

static struct call *signed_call(const struct route *r, const char *credentials)
{
    struct call *c = fake_call(r);

    fake_env.token_key = &token_key;
    c->request.credentials = credentials;
    return c;
}

static const char *const who_names[] = {"id", "name", "language", "roles", "teams", "permissions"};
static const unsigned who_types[] = {2950, 25, 25, 1009, 2951, 1009};

static void answer_who(const char *permissions)
{
    const char *const values[] = {"01900000-0000-7000-8000-0000000000aa",
                                  "Ann",
                                  "pl",
                                  "{sales,\"my role\"}",
                                  "{}",
                                  permissions};

    fake_result(0, 6, who_names, who_types, 1, values);
    fake_answer(ASK_OK);
}

static void no_credentials_no_answer(void **state)
{
    static const struct {
        const char *credentials, *code;
        bool invalid;
    } rows[] = {
        {NULL, "unauthenticated", false},         {"", "unauthenticated", false},
        {"Basic YTpi", "unauthenticated", false}, {"Bearer", "unauthenticated", false},
        {"Bearer x.y.z", "invalid_token", true},  {"bearer slk_tooshort", "invalid_token", true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        fake_start(signed_call(&private_get, rows[i].credentials));
        assert_told(401);
        assert_body_has(rows[i].code);
        if (rows[i].invalid)
            assert_header("WWW-Authenticate: Bearer realm=\"sluice\", error=\"invalid_token\"");
        else
            assert_header("WWW-Authenticate: Bearer realm=\"sluice\"");
        assert_int_equal(fake_nasks, 0);
    }
    fake_start(signed_call(&private_get, bearer(-3600)));
    assert_told(401);
    assert_body_has("token_expired");
}

static void a_session_is_loaded_then_remembered(void **state)
{
    char credentials[4096];

    (void)state;
    fake_env.principals = principals_create();
    (void)snprintf(credentials, sizeof(credentials), "%s", bearer(900));
    fake_start(signed_call(&private_get, credentials));
    assert_string_equal(fake_query(0), "principal_session");
    assert_string_equal(fake_last()->statements[0].values[0],
                        "01900000-0000-7000-8000-0000000000bb");
    assert_string_equal(fake_last()->statements[0].values[1],
                        "01900000-0000-7000-8000-0000000000aa");
    answer_who("{lead.read:team,lead.write:all}");
    assert_string_equal(fake_query(0), "t_read");
    fake_result(0, ROW);
    fake_answer(ASK_OK);
    assert_told(200);

    fake_start(signed_call(&private_get, credentials));
    assert_string_equal(fake_query(0), "t_read");
    fake_result(0, ROW);
    fake_answer(ASK_OK);
    assert_told(200);
    principals_destroy(fake_env.principals);
}

static void a_remembered_principal_outlives_the_cache(void **state)
{
    char credentials[4096];

    (void)state;
    fake_env.principals = principals_create();
    (void)snprintf(credentials, sizeof(credentials), "%s", bearer(900));
    fake_start(signed_call(&private_get, credentials));
    answer_who("{lead.read:all}");
    principals_destroy(fake_env.principals);
    fake_result(0, ROW);
    fake_answer(ASK_OK);
    assert_told(200);
}

static void a_revoked_session_is_refused_and_forgotten(void **state)
{
    struct route r = public_post;
    char credentials[4096];

    (void)state;
    fake_env.principals = principals_create();
    (void)snprintf(credentials, sizeof(credentials), "%s", bearer(900));
    fake_start(signed_call(&private_get, credentials));
    fake_answer(ASK_OK); /* no row */
    assert_told(401);
    assert_body_has("session_revoked");

    r.permission = PERMISSION_SIGNED_IN;
    r.body_required = false;
    fake_start(signed_call(&r, credentials));
    answer_who("{}");
    assert_string_equal(fake_query(0), "enter");
    assert_string_equal(fake_last()->statements[0].values[0], "user");
    assert_string_equal(fake_last()->statements[0].values[1],
                        "01900000-0000-7000-8000-0000000000aa");
    assert_string_equal(fake_last()->statements[0].values[2],
                        "01900000-0000-7000-8000-0000000000bb");
    fake_refuse(0, "SL401", "session_revoked", "The session has ended.");
    assert_told(401);
    fake_start(signed_call(&r, credentials));
    assert_string_equal(fake_query(0), "principal_session"); /* asked again */
    fake_answer(ASK_BUSY);
    principals_destroy(fake_env.principals);
}

static void a_key_is_found_by_its_digest(void **state)
{
    char secret[SECRET_TEXT], hash[SHA256_TEXT], credentials[SECRET_TEXT + 8];

    (void)state;
    secret_make("slk", secret);
    sha256_hex(secret, strlen(secret), hash);
    (void)snprintf(credentials, sizeof(credentials), "Bearer %s", secret);
    fake_start(signed_call(&private_get, credentials));
    assert_string_equal(fake_query(0), "principal_key");
    assert_string_equal(fake_last()->statements[0].values[0], hash);
    fake_answer(ASK_OK);
    assert_told(401);
    assert_body_has("invalid_token");
}

static void a_missing_permission_is_named(void **state)
{
    char credentials[4096];

    (void)state;
    (void)snprintf(credentials, sizeof(credentials), "%s", bearer(900));
    fake_start(signed_call(&private_get, credentials));
    answer_who("{lead.write:all,lead.readx:all,lead.rea:all,lead.read:none}");
    assert_told(403);
    assert_body_has("lead.read");
}

/* what was sent */

static void parameters_are_checked_all_at_once(void **state)
{
    static const char *const query[] = {"nam", "x",      "size",      "0",      "name", "a", "name",
                                        "b",   "colour", "red,green", "zzzzzz", "1",    NULL};
    struct call *c = fake_call(&public_hello);

    (void)state;
    c->request.query = query;
    c->request.if_match = "5";
    c->request.prefer = "handling=strict, retrun=minimal";
    fake_start(c);
    assert_told(400);
    assert_body_has("did you mean \\\"name\\\"?");
    assert_body_has("\"code\":\"repeated\"");
    assert_body_has("If-Match");
    assert_body_has("did you mean \\\"return=minimal\\\"?");
    assert_body_has("\"size\"");
    assert_body_has("\"colour\"");
}

static enum step tell_params(struct call *c)
{
    struct out *o = reply_json(c, 200);

    out_raw(o, call_json(c, c->params), strlen(call_json(c, c->params)));
    return STEP_REPLY;
}

static void repeated_and_comma_lists_are_the_same(void **state)
{
    OPERATION(op, tell_params);
    static const char *const query[] = {"colour", "red", "colour", "blue", "size", "12", NULL};
    static const char *const commas[] = {"colour", "red,blue", "size", "12", NULL};
    static const char *const many[] = {"colour", "red,blue,red", "colour", "red", NULL};
    struct route r = public_hello;
    struct call *c;

    (void)state;
    r.operation = &op;
    c = fake_call(&r);
    c->request.query = query;
    fake_start(c);
    assert_string_equal(told.body, "{\"colour\":[\"red\",\"blue\"],\"size\":12}");
    c = fake_call(&r);
    c->request.query = commas;
    fake_start(c);
    assert_string_equal(told.body, "{\"colour\":[\"red\",\"blue\"],\"size\":12}");
    c = fake_call(&r);
    c->request.query = many;
    fake_start(c);
    assert_told(400);
}

static void bodies_are_checked(void **state)
{
    static const struct {
        const char *media, *body;
        int status;
        const char *has;
    } rows[] = {
        {"application/json", "", 422, "\"code\":\"required\""},
        {NULL, "{}", 415, "application/json"},
        {"text/plain", "{}", 415, "text/plain"},
        {"application/merge-patch+json", "{}", 415, "merge-patch"},
        {"application/json", "{", 400, "malformed_json"},
        {"application/json", "{\"nam\":1}", 422, "/nam"},
        {"application/json", "{\"name\":\"x\",\"size\":\"2\"}", 422, "/size"},
        {"application/x-www-form-urlencoded", "name=x&size=big", 422, "/size"},
        {"application/x-www-form-urlencoded", "name=x&other=1", 422, "/other"},
        {"application/x-www-form-urlencoded", "name=x&size=2", 0, NULL},
        {"application/json", "{\"name\":\"x\"}", 0, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct call *c = post(rows[i].body, NULL);

        c->request.media_type = rows[i].media;
        fake_start(c);
        if (rows[i].status) {
            assert_told(rows[i].status);
            assert_body_has(rows[i].has);
            if (rows[i].status == 415)
                assert_header("Accept-Post: application/json, application/x-www-form-urlencoded");
            continue;
        }
        assert_int_equal(told.times, 0);
        fake_answer(ASK_BUSY);
    }
}

static void raw_operations_get_no_parsing(void **state)
{
    struct route r = public_post;
    static const char *const query[] = {"anything", "goes", NULL};
    struct call *c;

    (void)state;
    r.raw = true;
    c = fake_call(&r);
    c->request.query = query;
    c->request.raw_body = span_of("<xml/>");
    fake_start(c);
    assert_int_equal(told.times, 0);
    assert_string_equal(call_param_text(c, "anything"), "goes");
    assert_null(call_param_text(c, "else"));
    fake_answer(ASK_BUSY);
}

static enum step tell_language(struct call *c)
{
    out_string(reply_json(c, 200), c->language);
    return STEP_REPLY;
}

static void the_best_language_is_picked(void **state)
{
    OPERATION(op, tell_language);
    static const struct {
        const char *accept, *language;
    } rows[] = {
        {NULL, "en"},
        {"", "en"},
        {"de", "en"},
        {"pl", "pl"},
        {"pl-PL,pl;q=0.9,en-US;q=0.8", "pl"},
        {"de, ru;q=0.5, en;q=0.4", "ru"},
        {"en;q=0, pl;q=0.001", "pl"},
        {"ru;q=x, pl;q=0.1", "pl"},
        {"RU", "ru"},
        {"*", "en"},
        {",,,;", "en"},
        {"pl;q=1.000,ru;q=0.999", "pl"},
        {"ru;q=1.001", "en"},
    };
    struct route r = public_hello;

    (void)state;
    r.operation = &op;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct call *c = fake_call(&r);
        char want[8];

        c->request.accept_language = rows[i].accept;
        fake_start(c);
        (void)snprintf(want, sizeof(want), "\"%s\"", rows[i].language);
        assert_string_equal(told.body, want);
    }
}

static void preferences_are_followed(void **state)
{
    static const struct {
        const char *prefer;
        bool dry;
        int status;
        const char *applied;
    } rows[] = {
        {"return=minimal", false, 201, "Preference-Applied: return=minimal"},
        {"tx=rollback", true, 201, "Preference-Applied: tx=rollback"},
        {"return=\"minimal\";x=1 , TX=1, tx = rollback", true, 201,
         "Preference-Applied: return=minimal, tx=rollback"},
        {"respond-async, wait=10", false, 201, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct call *c = post("{\"name\":\"x\"}", "key");

        c->request.prefer = rows[i].prefer;
        fake_start(c);
        assert_true(fake_last()->rollback == rows[i].dry);
        assert_int_equal(fake_last()->n, rows[i].dry ? 3 : 4); /* a dry run claims no key */
        fake_result(fake_last()->n - 1, ROW);
        fake_answer(ASK_OK);
        assert_told(rows[i].status);
        if (rows[i].applied)
            assert_non_null(strstr(told.headers, rows[i].applied));
        else
            assert_null(strstr(told.headers, "Preference-Applied"));
        assert_int_equal(*told.body == '\0', strstr(rows[i].prefer, "minimal") != NULL);
        if (!told.ended)
            fake_answer(ASK_OK); /* the answer is kept */
        assert_true(told.ended);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(no_credentials_no_answer, setup),
        cmocka_unit_test_setup(a_session_is_loaded_then_remembered, setup),
        cmocka_unit_test_setup(a_remembered_principal_outlives_the_cache, setup),
        cmocka_unit_test_setup(a_revoked_session_is_refused_and_forgotten, setup),
        cmocka_unit_test_setup(a_key_is_found_by_its_digest, setup),
        cmocka_unit_test_setup(a_missing_permission_is_named, setup),
        cmocka_unit_test_setup(parameters_are_checked_all_at_once, setup),
        cmocka_unit_test_setup(repeated_and_comma_lists_are_the_same, setup),
        cmocka_unit_test_setup(bodies_are_checked, setup),
        cmocka_unit_test_setup(raw_operations_get_no_parsing, setup),
        cmocka_unit_test_setup(the_best_language_is_picked, setup),
        cmocka_unit_test_setup(preferences_are_followed, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
