#include "blueprint/conditions.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "blueprint/compile.h"
#include "blueprint/custom.h"
#include "blueprint/evaluate.h"
#include "json/schema.h"

#define WHY_MAX 4096

/* Kinds that need no process and no facts that cost more. */
static const struct kind {
    const char *name;
    bool scores; /* ... and may add to a score */
} kinds[] = {
    {"field_present", true}, {"field_compare", true}, {"matches", true},
    {"related_count", true}, {"open_tasks", true},    {"score_at_least", false},
};

static const struct kind *kind_find(const char *name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

static bool fault(struct err *e, const char *code, const char *pointer, const char *detail)
{
    return err_fault(
        e, ERR_INVALID,
        (struct fault){.in = "body", .pointer = pointer, .code = code, .detail = detail});
}

static const struct transition *compile(const json_t *list, struct arena *a, struct buf *why)
{
    struct blueprint *b = arena_alloc(a, sizeof(*b));
    json_t *doc = json_pack("{s:O}", "criteria", list);
    struct compiler c = {.arena = a, .why = why, .b = b};
    struct row row = {.json = doc, .where = ""};
    bool fine;

    if (!b || !doc) {
        json_decref(doc);
        return NULL;
    }
    *b = (struct blueprint){.id = "conditions", .entity = "lead", .key = "conditions"};
    fine = compile_criteria(&c, &row);
    json_decref(doc);
    return fine ? &b->entry : NULL;
}

/* Members of a lead that nobody writes. */
static const char *const also[] = {"status",
                                   "status_category",
                                   "unqualified_reason",
                                   "nurture_until",
                                   "call_back_at",
                                   "utm",
                                   "extra",
                                   NULL};

static bool is_member(const struct schema *s, const char *path)
{
    size_t n = strcspn(path, ".");

    for (const char *const *name = also; *name; name++)
        if (strlen(*name) == n && memcmp(*name, path, n) == 0)
            return true;
    for (const struct schema_member *m = s->members; m && m->name; m++)
        if (strlen(m->name) == n && memcmp(m->name, path, n) == 0)
            return true;
    return false;
}

static const char *field_of(const json_t *guard)
{
    return json_string_value(json_object_get(json_object_get(guard, "params"), "field"));
}

static bool check_value(const json_t *field, const json_t *value, const char *at, struct err *e)
{
    const char *why = value ? custom_value_fault(field, value) : NULL;
    const json_t *item;
    size_t i;

    if (!json_is_array(value))
        return !why ||
               fault(e, "wrong_value", at, arena_printf(e->arena, "As for the field: %s.", why));
    json_array_foreach (value, i, item)
        if (!check_value(field, item, arena_printf(e->arena, "%s/%zu", at, i), e))
            return false;
    return true;
}

/* A custom field is there, and takes what it is compared with. */
static bool check_custom(const json_t *guard, const json_t *definitions, const char *at,
                         struct err *e)
{
    const json_t *params = json_object_get(guard, "params");
    const char *op = json_string_value(json_object_get(params, "op")), *why;
    const json_t *field = custom_definition(definitions, custom_key(field_of(guard)));

    if (!field)
        return fault(e, "unknown_field", arena_printf(e->arena, "%s/params/field", at),
                     "There is no such custom field of a lead.");
    if (!json_object_get(params, "value"))
        return true;
    why = custom_op_fault(field, op ? op : "eq");
    if (why)
        return fault(e, "wrong_value", arena_printf(e->arena, "%s/params/op", at),
                     arena_printf(e->arena, "As for the field: %s.", why));
    return check_value(field, json_object_get(params, "value"),
                       arena_printf(e->arena, "%s/params/value", at), e);
}

static bool check_leaf(const json_t *guard, const struct conditions_world *w, const char *at,
                       struct err *e)
{
    const char *name = json_string_value(json_object_get(guard, "kind"));
    const char *field = field_of(guard);
    const struct kind *k = name ? kind_find(name) : NULL;

    if (!k)
        return fault(e, "enum", arena_printf(e->arena, "%s/kind", at),
                     "Conditions of rules look at the lead, its activities and its tasks only.");
    if (w->of == CONDITIONS_SCORE && !k->scores)
        return fault(e, "enum", arena_printf(e->arena, "%s/kind", at),
                     "A score does not depend on itself.");
    if (field && custom_key(field))
        return check_custom(guard, w->custom, at, e);
    if (field && !is_member(w->members, field))
        return fault(e, "unknown_field", arena_printf(e->arena, "%s/params/field", at),
                     arena_printf(e->arena, "A lead has no member \"%s\".", field));
    return true;
}

static bool check_list(const json_t *list, const struct conditions_world *w, const char *where,
                       unsigned depth, struct err *e)
{
    for (size_t i = 0; depth <= BLUEPRINT_DEPTH_MAX && i < json_array_size(list); i++) {
        const json_t *guard = json_array_get(list, i), *op = json_object_get(guard, "op");
        const char *at = arena_printf(e->arena, "%s/%zu", where, i);

        if (!at)
            return false;
        if (!op || json_is_null(op)) {
            if (!check_leaf(guard, w, at, e))
                return false;
        } else if (!check_list(json_object_get(guard, "guards"), w,
                               arena_printf(e->arena, "%s/guards", at), depth + 1, e)) {
            return false;
        }
    }
    return true;
}

bool conditions_name_custom(const json_t *list)
{
    const json_t *guard;
    size_t i;

    json_array_foreach (list, i, guard) {
        const char *field = field_of(guard);

        if ((field && custom_key(field)) ||
            conditions_name_custom(json_object_get(guard, "guards")))
            return true;
    }
    return false;
}

bool conditions_check(const json_t *list, const struct conditions_world *w, const char *where,
                      struct err *e)
{
    static const char prefix[] = "/criteria";
    const char *said;
    struct buf why;
    size_t n;
    bool fine;

    if (!check_list(list, w, where, 0, e))
        return false;
    buf_init(&why, WHY_MAX);
    fine = compile(list, e->arena, &why) != NULL;
    if (!fine) {
        said = arena_strdup(e->arena, buf_text(&why));
        said = said && strncmp(said, prefix, strlen(prefix)) == 0 ? said + strlen(prefix) : said;
        n = said ? strcspn(said, ":") : 0;
        fault(e, "invalid", said ? arena_printf(e->arena, "%s%.*s", where, (int)n, said) : where,
              said && said[n] ? arena_printf(e->arena, "It%s.", said + n + 1) : NULL);
    }
    buf_done(&why);
    return fine;
}

const struct transition *conditions_compile(const json_t *list, struct arena *a)
{
    const struct transition *t;
    struct buf why;

    buf_init(&why, WHY_MAX);
    t = compile(list, a, &why);
    buf_done(&why);
    return t;
}

static void collect(const struct verdict *v, json_t *list)
{
    for (size_t i = 0; i < v->nchildren; i++)
        collect(&v->children[i], list);
    if (v->path)
        (void)json_array_append_new(list, json_pack("{s:s,s:O?}", "path", v->path, "observed",
                                                    v->observed ? v->observed : NULL));
}

json_t *conditions_evidence(const struct verdict *root)
{
    json_t *list = json_array();

    collect(root, list);
    return list;
}
