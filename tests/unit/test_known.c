/* The worker's cache of compiled blueprints: what a call was given stays whatever others bring in.
 */
#include "blueprint_fixture.h"

#include "call/call.h"
#include "service/process/known.h"

#define MANY 64 /* as many as a worker keeps */

static const struct record things = {.entity = "lead"};

static void begin(struct call *c, const struct call_env *env)
{
    memset(c, 0, sizeof(*c));
    c->env = env;
    arena_init(&c->arena, (size_t)1 << 20);
}

static const struct blueprint *learn(struct call *c, unsigned number)
{
    char text[1024];
    json_t *doc;
    char *dense;
    const struct blueprint *ret;

    (void)snprintf(text, sizeof(text),
                   "{'id':'v%u','entity':'lead','key':'k','number':1,'label':{'en':'e','pl':'p',"
                   "'ru':'r'},'states':[{'key':'open','category':'open','label':{'en':'e','pl':'p',"
                   "'ru':'r'}}],'transitions':[{'key':'made','kind':'initial','to':'open','label':"
                   "{'en':'e','pl':'p','ru':'r'}}]}",
                   number);
    doc = js(text);
    dense = json_dumps(doc, JSON_COMPACT);
    ret = blueprint_learn(c, &things, dense);
    free(dense);
    json_decref(doc);
    if (!ret)
        fail_msg("%s", c->err.log);
    return ret;
}

static size_t count(struct call *c)
{
    const char *const *ids = blueprints_known(c);
    size_t n = 0;

    assert_non_null(ids);
    while (ids[n])
        n++;
    return n;
}

static void what_a_call_holds_outlives_what_others_bring(void **state)
{
    const struct call_env env = {.blueprints = blueprint_cache_create()};
    const struct blueprint *first;
    struct call holds, other;

    (void)state;
    begin(&holds, &env);
    begin(&other, &env);
    first = learn(&holds, 0);
    for (unsigned i = 1; i <= 2 * MANY; i++) {
        (void)learn(&other, i);
        arena_done(&other.arena);
        begin(&other, &env);
    }
    assert_ptr_equal(blueprint_known(&other, "v0"), first);
    assert_int_equal(count(&other), MANY);
    assert_string_equal(first->states[0].key, "open");
    arena_done(&holds.arena);
    arena_done(&other.arena);
    blueprint_cache_destroy(env.blueprints);
}

/* All are in use: the newest lives with its call. */
static void a_full_cache_takes_no_more(void **state)
{
    const struct call_env env = {.blueprints = blueprint_cache_create()};
    const struct blueprint *last;
    struct call c;

    (void)state;
    begin(&c, &env);
    for (unsigned i = 0; i < MANY; i++)
        (void)learn(&c, i);
    last = learn(&c, MANY);
    assert_string_equal(last->id, "v64");
    assert_null(blueprint_known(&c, "v64"));
    assert_int_equal(count(&c), MANY);
    arena_done(&c.arena);
    begin(&c, &env);
    (void)learn(&c, MANY);
    assert_null(blueprint_known(&c, "v0"));
    arena_done(&c.arena);
    blueprint_cache_destroy(env.blueprints);
}

static void one_version_is_kept_once(void **state)
{
    const struct call_env env = {.blueprints = blueprint_cache_create()};
    struct call c;

    (void)state;
    begin(&c, &env);
    assert_ptr_equal(learn(&c, 7), learn(&c, 7));
    assert_int_equal(count(&c), 1);
    arena_done(&c.arena);
    blueprint_cache_destroy(env.blueprints);
}

static void what_is_no_blueprint_is_not_kept(void **state)
{
    const struct call_env env = {.blueprints = blueprint_cache_create()};
    struct call c;

    (void)state;
    begin(&c, &env);
    assert_null(blueprint_learn(&c, &things, "{}"));
    assert_non_null(c.err.log);
    assert_null(blueprint_learn(&c, &things, NULL));
    assert_int_equal(count(&c), 0);
    arena_done(&c.arena);
    blueprint_cache_destroy(env.blueprints);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_call_holds_outlives_what_others_bring),
        cmocka_unit_test(a_full_cache_takes_no_more),
        cmocka_unit_test(one_version_is_kept_once),
        cmocka_unit_test(what_is_no_blueprint_is_not_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
