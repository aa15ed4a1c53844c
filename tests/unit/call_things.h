/**
 * call_things - an API about things, for tests of calls: its operations, routes and schemas.
 */
#ifndef SLUICE_CALL_THINGS_H
#define SLUICE_CALL_THINGS_H

#include "call_fake.h"

#include "call/reply.h"
#include "loop/worker.h"

static const struct query read_query = {
    .name = "t_read", .lane = LANE_READ, .shape = QUERY_ONE, .nparams = 1};
static const struct query slow_query = {.name = "t_slow", .lane = LANE_SLOW, .shape = QUERY_ONE};
static const struct query write_query = {
    .name = "t_write", .lane = LANE_WRITE, .shape = QUERY_ONE, .nparams = 1};

static const char *const row_names[] = {"id", "version", "name"};
static const unsigned row_types[] = {2950, 20, 25};
static const char *const row_values[] = {"01900000-0000-7000-8000-00000000000a", "7", "Acme"};
#define ROW 3, row_names, row_types, 1, row_values

#define OPERATION(name, ...)                                                                       \
    static step_fn *const name##_steps[] = {__VA_ARGS__, NULL};                                    \
    static const struct operation name = {.steps = name##_steps}

static unsigned steps_run;

static inline enum step ask_read(struct call *c)
{
    const char *const values[] = {"a"};

    steps_run++;
    assert_int_equal(call_ask(c, &read_query, values), 0);
    return STEP_WAIT;
}

static inline enum step ask_write(struct call *c)
{
    const char *const values[] = {"w"};

    steps_run++;
    assert_int_equal(call_ask(c, &write_query, values), 0);
    assert_int_equal(call_ask(c, &read_query, values), 1);
    return STEP_WAIT;
}

static inline enum step say_hello(struct call *c)
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
static const struct schema words_schema = {
    .kind = SCHEMA_ARRAY,
    .max_length = 3,
    .items = &(const struct schema){.kind = SCHEMA_STRING,
                                    .values = (const char *const[]){"red", "blue", NULL}}};
static const struct schema text_schema = {.kind = SCHEMA_STRING};
static const struct schema count_schema = {.kind = SCHEMA_INTEGER, .has_min = true, .min = 1};
static const struct route_param params[] = {
    {"colour", &words_schema, false},
    {"name", &text_schema, false},
    {"size", &count_schema, false},
    {NULL, NULL, false},
};
static const struct schema body_schema = {
    .kind = SCHEMA_OBJECT,
    .members = (const struct schema_member[]){{"name", &text_schema, true, ACCESS_WRITE},
                                              {"size", &count_schema, false, ACCESS_WRITE},
                                              {NULL, NULL, false, ACCESS_WRITE}}};

static const struct route public_hello = {.id = "t_hello",
                                          .method = METHOD_GET,
                                          .template = "/v1/hello",
                                          .path_params = no_params,
                                          .params = params,
                                          .operation = &hello,
                                          .permission = PERMISSION_PUBLIC,
                                          .success = 200};
static const struct route public_get = {.id = "t_get",
                                        .method = METHOD_GET,
                                        .template = "/v1/things/{id}",
                                        .path_params = id_params,
                                        .params = params,
                                        .operation = &read_one,
                                        .permission = PERMISSION_PUBLIC,
                                        .success = 200};
static const struct route private_get = {.id = "t_private",
                                         .method = METHOD_GET,
                                         .template = "/v1/things/{id}",
                                         .path_params = id_params,
                                         .params = params,
                                         .operation = &read_one,
                                         .permission = PERMISSION_LEAD_READ,
                                         .success = 200};
static const struct route public_post = {.id = "t_create",
                                         .method = METHOD_POST,
                                         .template = "/v1/things",
                                         .path_params = no_params,
                                         .params = params,
                                         .operation = &create,
                                         .permission = PERMISSION_PUBLIC,
                                         .media = MEDIA_JSON | MEDIA_FORM,
                                         .body_required = true,
                                         .body = &body_schema,
                                         .success = 201};

static inline struct call *post(const char *body, const char *key)
{
    struct call *c = fake_call(&public_post);

    c->request.raw_body = span_of(body);
    c->request.media_type = "application/json";
    c->request.idempotency_key = key;
    return c;
}

static inline int setup(void **state)
{
    (void)state;
    steps_run = 0;
    fake_env.worker = NULL;
    fake_env.principals = NULL;
    return 0;
}

static struct worker *worker;

static inline void stop_when_told(struct call *c, void *arg)
{
    fake_told(c, arg);
    worker_stop(worker);
}

#endif
