/* field_changed, matches, checklist_complete, working_time, score_at_least */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "blueprint/guards.h"
#include "blueprint/value.h"

#define MATCH_STEPS_MAX 100000 /* backtracking costs no more than about a millisecond */
#define MATCH_DEPTH_MAX 1000
#define MATCH_HEAP_MAX_KIB 256
#define PATTERN_NESTING_MAX 20
#define TEXT_MAX_BYTES 4096

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* field_changed */

json_t *field_changed_expect(const json_t *params)
{
    return json_pack("{s:b}", "changed", !json_is_true(json_object_get(params, "not")));
}

bool field_changed_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                            struct verdict *v)
{
    const json_t *changed = json_object_get(facts, "changed_since_entry");
    const char *field = text_of(g->params, "field");
    size_t n = strcspn(field, ".");
    bool found = false;

    (void)a;
    for (size_t i = 0; i < json_array_size(changed); i++) {
        const char *name = json_string_value(json_array_get(changed, i));

        found |= name != NULL && strncmp(name, field, n) == 0 && name[n] == '\0';
    }
    v->observed = json_boolean(found);
    return found != json_is_true(json_object_get(g->params, "not"));
}

/* matches */

static void free_pattern(void *code)
{
    pcre2_code_free(code);
}

bool matches_prepare(struct guard *g, const struct blueprint *b, const struct transition *t,
                     struct arena *a, struct buf *why)
{
    const char *pattern = text_of(g->params, "pattern");
    pcre2_compile_context *limits = pcre2_compile_context_create(NULL);
    PCRE2_UCHAR reason[256];
    PCRE2_SIZE at = 0;
    pcre2_code *code;
    int error = 0;

    (void)b;
    (void)t;
    if (limits == NULL)
        return buf_puts(why, "/pattern: there is no memory for it"), false;
    (void)pcre2_set_parens_nest_limit(limits, PATTERN_NESTING_MAX);
    code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                         PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error, &at, limits);
    pcre2_compile_context_free(limits);
    if (code == NULL) {
        (void)pcre2_get_error_message(error, reason, sizeof(reason));
        return buf_printf(why, "/pattern: %s, at character %zu", (const char *)reason, at), false;
    }
    arena_defer(a, free_pattern, code);
    g->prepared = code;
    return true;
}

/* What cannot be decided within the limits does not match. */
static bool pattern_matches(const pcre2_code *code, const char *text)
{
    pcre2_match_context *limits;
    pcre2_match_data *data;
    bool found = false;
    size_t n = strlen(text);

    if (n > TEXT_MAX_BYTES)
        return false;
    limits = pcre2_match_context_create(NULL);
    data = pcre2_match_data_create(1, NULL);
    if (limits != NULL && data != NULL) {
        (void)pcre2_set_match_limit(limits, MATCH_STEPS_MAX);
        (void)pcre2_set_depth_limit(limits, MATCH_DEPTH_MAX);
        (void)pcre2_set_heap_limit(limits, MATCH_HEAP_MAX_KIB);
        found = pcre2_match(code, (PCRE2_SPTR)text, n, 0, PCRE2_NO_JIT, data, limits) >= 0;
    }
    pcre2_match_data_free(data);
    pcre2_match_context_free(limits);
    return found;
}

json_t *matches_expect(const json_t *params)
{
    return json_pack("{s:O}", "pattern", json_object_get(params, "pattern"));
}

bool matches_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                      struct verdict *v)
{
    json_t *value = value_at(json_object_get(facts, "record"), text_of(g->params, "field"));

    (void)a;
    v->observed = value_ref(value);
    return !value_blank(value) && json_is_string(value) &&
           pattern_matches(g->prepared, json_string_value(value));
}

/* checklist_complete */

json_t *checklist_complete_expect(const json_t *params)
{
    json_t *items = json_object_get(params, "items"), *list;

    if (json_is_array(items))
        return json_incref(items);
    list = json_array();
    (void)json_array_append(list, items);
    return list;
}

bool item_is_ticked(const json_t *list, const char *item)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *tick = json_array_get(list, i);
        const char *name = json_is_object(tick) ? text_of(tick, "item") : json_string_value(tick);

        if (name == NULL || strcmp(name, item) != 0)
            continue;
        return !json_is_object(tick) || json_is_true(json_object_get(tick, "done"));
    }
    return false;
}

static bool was_ticked(const json_t *facts, const char *item, bool fresh)
{
    const json_t *ticks = json_object_get(facts, "ticks");

    for (size_t i = 0; i < json_array_size(ticks); i++) {
        const json_t *tick = json_array_get(ticks, i);
        const char *name = text_of(tick, "item");

        if (name != NULL && strcmp(name, item) == 0 && (!fresh || item_is_fresh(tick, facts)))
            return true;
    }
    return false;
}

bool checklist_complete_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                                 struct verdict *v)
{
    const json_t *brought = json_object_get(facts, "checklist");
    bool fresh = json_is_true(json_object_get(g->params, "since_entry"));

    (void)a;
    v->observed = json_array();
    for (size_t i = 0; i < json_array_size(g->expected); i++) {
        json_t *item = json_array_get(g->expected, i);
        const char *name = json_string_value(item);

        if (item_is_ticked(brought, name) || was_ticked(facts, name, fresh))
            (void)json_array_append(v->observed, item);
    }
    return json_array_size(v->observed) == json_array_size(g->expected);
}

/* working_time */

json_t *params_expect(const json_t *params)
{
    return json_incref((json_t *)params);
}

/* Shows when it opens again. A calendar that is not there is never open. */
bool working_time_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                           struct verdict *v)
{
    const json_t *calendar =
        json_object_get(json_object_get(facts, "calendars"), text_of(g->params, "calendar"));
    bool open = json_is_true(json_object_get(calendar, "open"));

    (void)a;
    v->observed = open ? json_true() : value_ref(json_object_get(calendar, "opens_at"));
    return open;
}

/* score_at_least */

bool score_at_least_check(const json_t *params, const struct blueprint *b, struct buf *why)
{
    (void)params;
    if (strcmp(b->entity, "lead") != 0)
        return buf_printf(why, ": only leads have a score, not a record of the kind \"%s\"",
                          b->entity),
               false;
    return true;
}

json_t *score_at_least_expect(const json_t *params)
{
    return json_pack("{s:O}", "gte", json_object_get(params, "min"));
}

bool score_at_least_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                             struct verdict *v)
{
    json_t *score = json_object_get(json_object_get(facts, "record"), "score");

    (void)a;
    v->observed = json_is_number(score) ? json_incref(score) : json_integer(0);
    return value_holds("gte", v->observed, json_object_get(g->params, "min"), false);
}
