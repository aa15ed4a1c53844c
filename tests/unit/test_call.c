/* The engine: steps, asks, deadlines, orphans; who calls; what was sent; idempotency. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "call/principal.h"
#include "call/reply.h"
#include "call_fake.h"
#include "crypto/secret.h"
#include "crypto/token.h"
#include "loop/offload.h"
#include "loop/worker.h"

static const struct query read_query = {.name = "t_read", .lane = LANE_READ, .shape = QUERY_ONE, .nparams = 1};
static const struct query slow_query = {.name = "t_slow", .lane = LANE_SLOW, .shape = QUERY_ONE};
static const struct query write_query = {.name = "t_write", .lane = LANE_WRITE, .shape = QUERY_ONE, .nparams = 1};

static const char *const row_names[] = {"id", "version", "name"};
static const unsigned row_types[] = {2950, 20, 25};
static const char *const row_values[] = {"01900000-0000-7000-8000-00000000000a", "7", "Acme"};
#define ROW 3, row_names, row_types, 1, row_values

#define OPERATION(name, ...)                                    \
    static step_fn *const name##_steps[] = {__VA_ARGS__, NULL}; \
    static const struct operation name = {.steps = name##_steps}

static unsigned steps_run;

static enum step ask_read(struct call *c)
{
    const char *const values[] = {"a"};

    steps_run++;
    assert_int_equal(call_ask(c, &read_query, values), 0);
    return STEP_WAIT;
}

static enum step ask_write(struct call *c)
{
    const char *const values[] = {"w"};

    steps_run++;
    assert_int_equal(call_ask(c, &write_query, values), 0);
    assert_int_equal(call_ask(c, &read_query, values), 1);
    return STEP_WAIT;
}

static enum step say_hello(struct call *c)
{
    struct out *o = reply_json(c, c->route->success);

    out_object(o);
    out_member(o, "hello", c->who->name);
    out_object_end(o);
    return STEP_REPLY;
}

OPERATION(hello, say_hello);
OPERATION(read_one, ask_read, reply_row);
OPERATION(create, ask_write, reply_created);

static const char *const no_params[] = {NULL};
static const char *const id_params[] = {"id", NULL};
static const struct schema words_schema = {.kind = SCHEMA_ARRAY, .max_length = 3,
    .items = &(const struct schema){.kind = SCHEMA_STRING, .values = (const char *const[]){"red", "blue", NULL}}};
static const struct schema text_schema = {.kind = SCHEMA_STRING};
static const struct schema count_schema = {.kind = SCHEMA_INTEGER, .has_min = true, .min = 1};
static const struct route_param params[] = {
    {"colour", &words_schema, false}, {"name", &text_schema, false}, {"size", &count_schema, false},
    {NULL, NULL, false},
};
static const struct schema body_schema = {.kind = SCHEMA_OBJECT, .members = (const struct schema_member[]){
    {"name", &text_schema, true, ACCESS_WRITE}, {"size", &count_schema, false, ACCESS_WRITE},
    {NULL, NULL, false, ACCESS_WRITE}}};

static const struct route public_hello = {.id = "t_hello", .method = METHOD_GET, .template = "/v1/hello",
    .path_params = no_params, .params = params, .operation = &hello, .permission = PERMISSION_PUBLIC, .success = 200};
static const struct route public_get = {.id = "t_get", .method = METHOD_GET, .template = "/v1/things/{id}",
    .path_params = id_params, .params = params, .operation = &read_one, .permission = PERMISSION_PUBLIC,
    .success = 200};
static const struct route private_get = {.id = "t_private", .method = METHOD_GET, .template = "/v1/things/{id}",
    .path_params = id_params, .params = params, .operation = &read_one, .permission = PERMISSION_LEAD_READ,
    .success = 200};
static const struct route public_post = {.id = "t_create", .method = METHOD_POST, .template = "/v1/things",
    .path_params = no_params, .params = params, .operation = &create, .permission = PERMISSION_PUBLIC,
    .media = MEDIA_JSON | MEDIA_FORM, .body_required = true, .body = &body_schema, .success = 201};

static struct call *post(const char *body, const char *key)
{
    struct call *c = fake_call(&public_post);

    c->request.raw_body = span_of(body);
    c->request.media_type = "application/json";
    c->request.idempotency_key = key;
    return c;
}

static int setup(void **state)
{
    (void)state;
    steps_run = 0;
    fake_env.worker = NULL;
    fake_env.principals = NULL;
    return 0;
}

/* engine */

static void a_call_without_questions_replies_at_once(void **state)
{
    (void)state;
    fake_start(fake_call(&public_hello));
    assert_told(200);
    assert_string_equal(told.body, "{\"hello\":\"anonymous\"}");
    assert_true(told.ended);
    assert_int_equal(fake_nasks, 0);
}

static void a_read_waits_for_its_answer(void **state)
{
    (void)state;
    fake_start(fake_call(&public_get));
    assert_int_equal(told.times, 0);
    assert_int_equal(fake_nasks, 1);
    assert_int_equal(fake_last()->lane, LANE_READ);
    assert_int_equal(fake_last()->n, 1);
    assert_string_equal(fake_last()->statements[0].values[0], "a");
    fake_result(0, ROW);
    fake_answer(ASK_OK);
    assert_told(200);
    assert_header("ETag: \"7\"");
    assert_string_equal(told.body, "{\"id\":\"01900000-0000-7000-8000-00000000000a\",\"version\":7,\"name\":\"Acme\"}");
    assert_true(told.ended);
}

static void a_write_carries_the_identity_first(void **state)
{
    (void)state;
    fake_start(post("{\"name\":\"x\"}", NULL));
    assert_int_equal(fake_last()->lane, LANE_WRITE);
    assert_int_equal(fake_last()->n, 3);
    assert_string_equal(fake_query(0), "enter");
    assert_string_equal(fake_last()->statements[0].values[0], "anonymous");
    assert_null(fake_last()->statements[0].values[1]);
    assert_string_equal(fake_last()->statements[0].values[3], "01900000-0000-7000-8000-000000000001");
    assert_string_equal(fake_last()->statements[0].values[4], "t_create");
    assert_string_equal(fake_query(1), "t_write");
    assert_string_equal(fake_query(2), "t_read");
    assert_false(fake_last()->rollback);
    fake_result(2, ROW);
    fake_answer(ASK_OK);
    assert_told(201);
    assert_header("Location: /v1/things/01900000-0000-7000-8000-00000000000a");
}

static enum step ask_mixed(struct call *c)
{
    const char *const values[] = {"a"};

    assert_int_equal(call_ask(c, &read_query, values), 0);
    assert_int_equal(call_ask(c, &slow_query, NULL), 1);
    return STEP_WAIT;
}

static enum step ask_too_much(struct call *c)
{
    const char *const values[] = {"a"};
    int last = 0;

    for (int i = 0; i < ASK_MAX + 1; i++)
        last = call_ask(c, &read_query, values);
    assert_int_equal(last, -1);
    return STEP_WAIT;
}

static enum step eat_memory(struct call *c)
{
    return call_alloc(c, 2 << 20) ? STEP_NEXT : STEP_FAIL;
}

static enum step fail_silently(struct call *c)
{
    (void)c;
    return STEP_FAIL;
}

static void the_highest_lane_wins(void **state)
{
    OPERATION(op, ask_mixed, reply_empty);
    struct route r = public_get;

    (void)state;
    r.operation = &op;
    fake_start(fake_call(&r));
    assert_int_equal(fake_last()->lane, LANE_SLOW);
    fake_answer(ASK_OK);
    assert_told(204);
}

static void what_does_not_fit_fails_the_call(void **state)
{
    static const struct {
        step_fn *step;
        int status;
    } rows[] = {{ask_too_much, 500}, {eat_memory, 413}, {fail_silently, 500}};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct operation op = {.steps = (step_fn *const[]){rows[i].step, reply_empty, NULL}};
        struct route r = public_get;

        r.operation = &op;
        fake_start(fake_call(&r));
        assert_told(rows[i].status);
        assert_string_equal(told.media_type, "application/problem+json");
        assert_int_equal(fake_nasks, 0);
    }
}

static unsigned restarts_wanted;

static enum step restart_some_times(struct call *c)
{
    if (restarts_wanted == 0)
        return STEP_NEXT;
    restarts_wanted--;
    if (!call_restart(c))
        return call_fail(c, ERR_STALE, NULL);
    return STEP_NEXT;
}

static void a_call_restarts_three_times_at_most(void **state)
{
    OPERATION(op, ask_read, restart_some_times, reply_row);
    struct route r = public_get;

    (void)state;
    r.operation = &op;
    for (unsigned wanted = 0; wanted <= 4; wanted++) {
        restarts_wanted = wanted;
        steps_run = 0;
        fake_start(fake_call(&r));
        while (told.times == 0) {
            fake_result(0, ROW);
            fake_answer(ASK_OK);
        }
        assert_told(wanted <= 3 ? 200 : 412);
        assert_int_equal(steps_run, wanted <= 3 ? wanted + 1 : 4);
    }
}

static void refusals_become_problems(void **state)
{
    (void)state;
    fake_start(post("{\"name\":\"x\"}", NULL));
    fake_refuse(1, "SL409", "in_use", "There is a child.");
    assert_told(409);
    assert_body_has("\"code\":\"in_use\"");
    assert_body_has("There is a child.");
    assert_int_equal(fake_nasks, 1);
}

static void an_absent_database_is_told_apart(void **state)
{
    static const struct {
        enum ask_outcome outcome;
        bool sent, keyed;
        const char *code, *text;
    } rows[] = {
        {ASK_BUSY, false, false, "\"code\":\"busy\"", "nothing was changed"},
        {ASK_UNAVAILABLE, false, false, "\"code\":\"database_unavailable\"", "nothing was changed"},
        {ASK_UNAVAILABLE, true, false, "\"code\":\"database_unavailable\"", "may have been made"},
        {ASK_UNAVAILABLE, true, true, "\"code\":\"database_unavailable\"", "the same Idempotency-Key"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        fake_start(post("{\"name\":\"x\"}", rows[i].keyed ? "k" : NULL));
        fake_last()->sent = rows[i].sent;
        fake_answer(rows[i].outcome);
        assert_told(503);
        assert_header("Retry-After: 1");
        assert_body_has(rows[i].code);
        assert_body_has(rows[i].text);
        assert_int_equal(fake_nasks, 1);
    }
}

/* the four lives of a call */

static struct worker *worker;

static void stop_when_told(struct call *c, void *arg)
{
    fake_told(c, arg);
    worker_stop(worker);
}

static void a_deadline_orphans_the_ask(void **state)
{
    struct call *c;

    (void)state;
    worker = fake_env.worker = worker_create(0);
    fake_env.deadline_ms = 5;
    c = fake_call(&public_get);
    call_start(c, stop_when_told, NULL);
    worker_run(worker);
    fake_env.deadline_ms = 1000;
    assert_told(504);
    assert_body_has("\"code\":\"timeout\"");
    assert_false(told.ended);
    fake_result(0, ROW);
    fake_answer(ASK_OK);
    assert_int_equal(told.times, 1);
    assert_true(told.ended);
    worker_destroy(worker);
}

static void a_client_that_left_orphans_the_ask(void **state)
{
    struct call *c = fake_call(&public_get);

    (void)state;
    fake_start(c);
    call_abandon(c);
    assert_false(told.ended);
    fake_result(0, ROW);
    fake_answer(ASK_OK);
    assert_int_equal(told.times, 0);
    assert_true(told.ended);
}

static void a_call_may_be_given_up_before_it_starts(void **state)
{
    (void)state;
    call_abandon(fake_call(&public_get));
    assert_int_equal(told.times, 0);
    assert_true(told.ended);
}

struct doubling {
    struct job job;
    int n;
};

static void double_it(struct job *job)
{
    ((struct doubling *)job)->n *= 2;
}

static enum step offload_step(struct call *c)
{
    struct doubling *d = call_alloc(c, sizeof(*d));

    assert_non_null(d);
    d->job.work = double_it;
    d->n = 21;
    c->state = d;
    return call_offload(c, &d->job) ? STEP_WAIT : STEP_FAIL;
}

static enum step tell_number(struct call *c)
{
    struct out *o = reply_json(c, 200);

    out_int(o, ((struct doubling *)c->state)->n);
    return STEP_REPLY;
}

static void work_on_another_thread_is_a_wait(void **state)
{
    OPERATION(op, offload_step, tell_number);
    struct route r = public_get;

    (void)state;
    r.operation = &op;
    worker = fake_env.worker = worker_create(0);
    fake_env.offload = offload_create(1, 1);
    call_start(fake_call(&r), stop_when_told, NULL);
    worker_run(worker);
    assert_told(200);
    assert_string_equal(told.body, "42");
    offload_destroy(fake_env.offload);
    worker_destroy(worker);
}

static void too_much_work_is_busy(void **state)
{
    OPERATION(op, offload_step, tell_number);
    struct route r = public_get;

    (void)state;
    r.operation = &op;
    fake_env.offload = offload_create(1, 0);
    fake_start(fake_call(&r));
    assert_told(503);
    assert_header("Retry-After: 1");
    offload_destroy(fake_env.offload);
}

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
    const char *const values[] = {"01900000-0000-7000-8000-0000000000aa", "Ann", "pl", "{sales,\"my role\"}",
                                  "{}", permissions};

    fake_result(0, 6, who_names, who_types, 1, values);
    fake_answer(ASK_OK);
}

static void no_credentials_no_answer(void **state)
{
    static const struct {
        const char *credentials, *code;
        bool invalid;
    } rows[] = {
        {NULL, "unauthenticated", false},
        {"", "unauthenticated", false},
        {"Basic YTpi", "unauthenticated", false},
        {"Bearer", "unauthenticated", false},
        {"Bearer x.y.z", "invalid_token", true},
        {"bearer slk_tooshort", "invalid_token", true},
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
    assert_string_equal(fake_last()->statements[0].values[0], "01900000-0000-7000-8000-0000000000bb");
    assert_string_equal(fake_last()->statements[0].values[1], "01900000-0000-7000-8000-0000000000aa");
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
    assert_string_equal(fake_last()->statements[0].values[1], "01900000-0000-7000-8000-0000000000aa");
    assert_string_equal(fake_last()->statements[0].values[2], "01900000-0000-7000-8000-0000000000bb");
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
    static const char *const query[] = {"nam", "x", "size", "0", "name", "a", "name", "b", "colour", "red,green",
                                        "zzzzzz", "1", NULL};
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
        {NULL, "en"}, {"", "en"}, {"de", "en"}, {"pl", "pl"}, {"pl-PL,pl;q=0.9,en-US;q=0.8", "pl"},
        {"de, ru;q=0.5, en;q=0.4", "ru"}, {"en;q=0, pl;q=0.001", "pl"}, {"ru;q=x, pl;q=0.1", "pl"},
        {"RU", "ru"}, {"*", "en"}, {",,,;", "en"}, {"pl;q=1.000,ru;q=0.999", "pl"}, {"ru;q=1.001", "en"},
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
        {"return=\"minimal\";x=1 , TX=1, tx = rollback", true, 201, "Preference-Applied: return=minimal, tx=rollback"},
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

/* idempotency */

static void a_key_is_claimed_and_the_answer_kept(void **state)
{
    (void)state;
    fake_start(post("{\"name\":\"x\"}", "k-1"));
    assert_int_equal(fake_last()->n, 4);
    assert_string_equal(fake_query(0), "enter");
    assert_string_equal(fake_query(1), "idempotency_claim");
    assert_string_equal(fake_last()->statements[1].values[0], "anonymous:/v1/things");
    assert_string_equal(fake_last()->statements[1].values[1], "k-1");
    assert_string_equal(fake_last()->statements[1].values[3], "/v1/things");
    assert_string_equal(fake_query(2), "t_write");
    fake_result(3, ROW);
    fake_answer(ASK_OK);
    assert_told(201);
    assert_false(told.ended); /* it lives on until the answer is kept */
    assert_string_equal(fake_query(0), "idempotency_keep");
    assert_string_equal(fake_last()->statements[0].values[1], "k-1");
    assert_string_equal(fake_last()->statements[0].values[3], "201");
    assert_non_null(strstr(fake_last()->statements[0].values[4], "\"Location\""));
    assert_string_equal(fake_last()->statements[0].values[5], told.body);
    fake_answer(ASK_UNAVAILABLE);
    assert_true(told.ended);
    assert_int_equal(told.times, 1);
}

static void a_refused_request_keeps_nothing(void **state)
{
    (void)state;
    fake_start(post("{\"name\":\"x\"}", "k-1"));
    fake_refuse(2, "SL409", "conflict", "There is one.");
    assert_told(409);
    assert_true(told.ended);
    fake_start(post("{\"name\":1}", "k-1"));
    assert_told(422);
    assert_int_equal(fake_nasks, 0);
}

static const char *const found_names[] = {"method", "path", "body_hash", "resource_id", "status", "headers",
                                          "answer", "age_s"};

static const char *hash_of(const char *body)
{
    static char text[SHA256_TEXT];

    sha256_hex(body, strlen(body), text);
    return text;
}

static void a_known_key_replays(void **state)
{
    const char *body = "{\"name\":\"x\"}";
    const struct {
        const char *row[8];
        int status;
        const char *has;
    } rows[] = {
        {{"POST", "/v1/things", hash_of(body), "r", "201", "{\"Location\": \"/l\"}", "{\"kept\":1}", "5"}, 201,
         "{\"kept\":1}"},
        {{"POST", "/v1/things", hash_of(body), NULL, "204", NULL, "", "5"}, 204, ""},
        {{"POST", "/v1/things", hash_of(body), NULL, "409", "{}", "{}", "5"}, 409, "{}"},
        {{"POST", "/v1/others", hash_of(body), NULL, NULL, NULL, NULL, "5"}, 422, "idempotency_mismatch"},
        {{"POST", "/v1/things", "other", NULL, "201", "{}", "{}", "5"}, 422, "another body"},
        {{"POST", "/v1/things", hash_of(body), "r", NULL, NULL, NULL, "5"}, 409, "idempotency_in_flight"},
        {{"POST", "/v1/things", hash_of(body), "r", NULL, NULL, NULL, "11"}, 200, "{\"id\":\"r\"}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        fake_start(post(body, "k-1"));
        fake_refuse(1, "SL409", "idempotency_exists", NULL);
        assert_int_equal(told.times, 0);
        assert_string_equal(fake_query(0), "idempotency_find");
        fake_result(0, 8, found_names, NULL, 1, rows[i].row);
        fake_answer(ASK_OK);
        assert_told(rows[i].status);
        assert_body_has(rows[i].has);
        if (i < 3 || i == 6)
            assert_header("Idempotent-Replayed: true");
        if (i == 0)
            assert_header("Location: /l");
        if (i == 5)
            assert_header("Retry-After: 1");
        assert_true(told.ended);
        assert_int_equal(steps_run, i + 1);
    }
}

static void a_twin_that_still_runs_is_a_conflict(void **state)
{
    (void)state;
    fake_start(post("{\"name\":\"x\"}", "k-1"));
    fake_refuse(1, "55P03", "canceling statement due to lock timeout", NULL);
    assert_told(409);
    assert_body_has("idempotency_in_flight");
}

static struct ask *waiting_find;

static void answer_find_later(void *arg)
{
    const char *const *row = arg;

    fake_result(0, 8, found_names, NULL, 1, row);
    fake_answer(ASK_OK);
}

static void ask_and_answer_in_a_turn(struct db *db, struct ask *ask)
{
    static const char *row[8] = {"POST", "/v1/things", NULL, NULL, NULL, "{}", "{\"kept\":1}", "0"};

    fake_ask(db, ask);
    if (strcmp(ask->statements[0].query->name, "idempotency_find") != 0)
        return;
    row[2] = hash_of("{\"name\":\"x\"}");
    row[4] = waiting_find ? "201" : NULL; /* kept between the first look and the second */
    waiting_find = ask;
    worker_post(worker, answer_find_later, row);
}

static void an_answer_that_is_about_to_be_kept_is_waited_for(void **state)
{
    struct call *c;

    (void)state;
    waiting_find = NULL;
    worker = fake_env.worker = worker_create(0);
    fake_env.ask = ask_and_answer_in_a_turn;
    c = post("{\"name\":\"x\"}", "k-1");
    call_start(c, stop_when_told, NULL);
    fake_refuse(1, "SL409", "idempotency_exists", NULL);
    worker_run(worker);
    fake_env.ask = fake_ask;
    assert_told(201);
    assert_string_equal(told.body, "{\"kept\":1}");
    assert_int_equal(fake_nasks, 3);
    worker_destroy(worker);
}

static void a_client_may_leave_during_a_pause(void **state)
{
    static const char *row[8] = {"POST", "/v1/things", NULL, NULL, NULL, NULL, NULL, "0"};
    struct call *c;

    (void)state;
    worker = fake_env.worker = worker_create(0);
    c = post("{\"name\":\"x\"}", "k-1");
    fake_start(c);
    fake_refuse(1, "SL409", "idempotency_exists", NULL);
    row[2] = hash_of("{\"name\":\"x\"}");
    answer_find_later(row);
    assert_int_equal(told.times, 0);
    call_abandon(c);
    assert_true(told.ended);
    worker_destroy(worker);
}

static enum step refuse_but_note(struct call *c)
{
    const char *const values[] = {"w"};

    call_ask_aside(c);
    call_ask(c, &write_query, values);
    return STEP_WAIT;
}

static enum step refuse(struct call *c)
{
    return call_fail(c, ERR_GUARD, NULL);
}

/* A transition reads first: the look-up travels with that question. */
static void a_key_is_looked_up_with_the_first_read(void **state)
{
    OPERATION(op, ask_read, refuse_but_note, refuse);
    struct route r = public_post;
    struct call *c;

    (void)state;
    r.operation = &op;
    c = post("{\"name\":\"x\"}", "k-1");
    c->route = &r;
    fake_start(c);
    assert_int_equal(fake_last()->lane, LANE_READ);
    assert_string_equal(fake_query(0), "idempotency_find");
    assert_string_equal(fake_query(1), "t_read");
    fake_result(1, ROW);
    fake_answer(ASK_OK);
    assert_int_equal(fake_last()->n, 2); /* enter and the note: no claim */
    fake_answer(ASK_OK);
    assert_told(422);
    assert_true(told.ended);

    c = post("{\"name\":\"x\"}", "k-1");
    c->route = &r;
    steps_run = 0;
    fake_start(c);
    fake_result(0, 8, found_names, NULL, 1, (const char *const[]){"POST", "/v1/things", "h", NULL, NULL, NULL, NULL,
                                                                  "0"});
    fake_answer(ASK_OK);
    assert_string_equal(fake_query(0), "idempotency_find");
    assert_int_equal(fake_last()->n, 1);
    fake_answer(ASK_BUSY);
    assert_told(503);
    assert_int_equal(steps_run, 1);
}

static void keys_are_checked(void **state)
{
    static const char *const bad[] = {"", "with space", "\x7f", "\xc5\xbc"};

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        fake_start(post("{\"name\":\"x\"}", bad[i]));
        assert_told(400);
        assert_body_has("Idempotency-Key");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_call_without_questions_replies_at_once, setup),
        cmocka_unit_test_setup(a_read_waits_for_its_answer, setup),
        cmocka_unit_test_setup(a_write_carries_the_identity_first, setup),
        cmocka_unit_test_setup(the_highest_lane_wins, setup),
        cmocka_unit_test_setup(what_does_not_fit_fails_the_call, setup),
        cmocka_unit_test_setup(a_call_restarts_three_times_at_most, setup),
        cmocka_unit_test_setup(refusals_become_problems, setup),
        cmocka_unit_test_setup(an_absent_database_is_told_apart, setup),
        cmocka_unit_test_setup(a_deadline_orphans_the_ask, setup),
        cmocka_unit_test_setup(a_client_that_left_orphans_the_ask, setup),
        cmocka_unit_test_setup(a_call_may_be_given_up_before_it_starts, setup),
        cmocka_unit_test_setup(work_on_another_thread_is_a_wait, setup),
        cmocka_unit_test_setup(too_much_work_is_busy, setup),
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
        cmocka_unit_test_setup(a_key_is_claimed_and_the_answer_kept, setup),
        cmocka_unit_test_setup(a_refused_request_keeps_nothing, setup),
        cmocka_unit_test_setup(a_known_key_replays, setup),
        cmocka_unit_test_setup(a_twin_that_still_runs_is_a_conflict, setup),
        cmocka_unit_test_setup(an_answer_that_is_about_to_be_kept_is_waited_for, setup),
        cmocka_unit_test_setup(a_client_may_leave_during_a_pause, setup),
        cmocka_unit_test_setup(a_key_is_looked_up_with_the_first_read, setup),
        cmocka_unit_test_setup(keys_are_checked, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
