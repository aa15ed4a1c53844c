/* Any body: no fault, limits hold, and whatever is answered is well-formed JSON. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "read_back.h"
#include "json/body.h"
#include "json/out.h"
#include "json/problem.h"
#include "json/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct json_limits limits = {.depth = 8, .structural = 200};

static const struct schema text = {.kind = SCHEMA_STRING, .min_length = 1, .max_length = 20};
static const struct schema email = {.kind = SCHEMA_STRING, .format = FORMAT_EMAIL};
static const struct schema uri = {.kind = SCHEMA_STRING, .format = FORMAT_URI, .nullable = true};
static const struct schema moment = {.kind = SCHEMA_STRING, .format = FORMAT_DATE_TIME};
static const struct schema amount = {.kind = SCHEMA_STRING, .format = FORMAT_DECIMAL};
static const struct schema percent = {
    .kind = SCHEMA_INTEGER, .has_min = true, .has_max = true, .max = 100};
static const struct schema kind = {
    .kind = SCHEMA_STRING, .values = (const char *const[]){"call", "meeting", "email", NULL}};
static const struct schema list = {.kind = SCHEMA_ARRAY, .max_length = 5, .items = &text};
static const struct schema root = {
    .kind = SCHEMA_OBJECT,
    .min_members = 1,
    .members = (const struct schema_member[]){
        {.name = "name", .schema = &text, .required = true},
        {.name = "email", .schema = &email},
        {.name = "website", .schema = &uri},
        {.name = "due_at", .schema = &moment},
        {.name = "amount", .schema = &amount},
        {.name = "probability", .schema = &percent},
        {.name = "kind", .schema = &kind},
        {.name = "tags", .schema = &list},
        {.name = "a/b~c", .schema = &text},
        {.name = "status", .schema = &text, .access = ACCESS_GOVERNED},
        {.name = "id", .schema = &text, .access = ACCESS_READ_ONLY},
        {.name = NULL},
    }};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_problem(const struct err *e)
{
    struct buf b;

    buf_init(&b, 1 << 22);
    problem_write(&b, e, "0190163d-8694-739b-aea5-966c26f8ad91");
    require(!b.failed && read_back(buf_text(&b), b.len, JSON_REJECT_DUPLICATES) != NULL);
    buf_done(&b);
}

/* Every string of the tree comes back from our writer as it went in. */
static void check_strings(const json_t *value)
{
    const char *key;
    const json_t *member;
    size_t i;

    if (json_is_string(value)) {
        struct out o;
        struct buf b;
        const json_t *back;

        buf_init(&b, 1 << 22);
        out_init(&o, &b);
        out_string_n(&o, json_string_value(value), json_string_length(value));
        back = read_back(buf_text(&b), b.len, JSON_DECODE_ANY);
        require(back != NULL && json_equal(back, value));
        buf_done(&b);
    }
    for (i = 0; i < json_array_size(value); i++)
        check_strings(json_array_get(value, i));
    json_object_foreach ((json_t *)(uintptr_t)value, key, member)
        check_strings(member);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct err e;
    json_t *tree;

    arena_init(&a, 1 << 22);
    err_init(&e, &a);
    tree = body_parse_json(&a, (struct span){(const char *)data, size}, &limits, &e);
    require((tree == NULL) == (e.code != ERR_NONE));
    if (tree != NULL) {
        bool valid = schema_check(&root, tree, "", &e);

        require(valid == (e.nfaults == 0));
        check_strings(tree);
    }
    if (e.code != ERR_NONE)
        check_problem(&e);
    arena_done(&a);
    return 0;
}
