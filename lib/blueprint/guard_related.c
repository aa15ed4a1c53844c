/* related_count, open_tasks */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "blueprint/guards.h"
#include "blueprint/value.h"

static const char *text_of(const json_t *item, const char *name)
{
    return json_string_value(json_object_get(item, name));
}

bool related_count_check(const json_t *params, const struct blueprint *b, struct buf *why)
{
    static const char *const activity_only[] = {"kind", "outcome", NULL};
    static const char *const task_only[] = {"status", NULL};
    bool task = strcmp(text_of(params, "of"), "task") == 0;
    const json_t *min = json_object_get(params, "min"), *max = json_object_get(params, "max");

    (void)b;
    for (const char *const *p = task ? activity_only : task_only; *p != NULL; p++)
        if (json_object_get(params, *p) != NULL)
            return buf_printf(why, "/%s: means nothing for %s", *p, task ? "tasks" : "activities"),
                   false;
    if (min != NULL && max != NULL && json_integer_value(min) > json_integer_value(max))
        return buf_puts(why, "/max: is less than min"), false;
    return true;
}

json_t *related_count_expect(const json_t *params)
{
    json_t *shown = json_copy((json_t *)params);

    if (json_object_get(params, "min") == NULL && json_object_get(params, "max") == NULL)
        (void)json_object_set_new(shown, "min", json_integer(1));
    return shown;
}

enum lack {
    LACK_NOTHING = 0,
    LACK_KIND = 1 << 0,
    LACK_SUBJECT = 1 << 1,
    LACK_OUTCOME = 1 << 2,
    LACK_STATUS = 1 << 3,
    LACK_FRESHNESS = 1 << 4,
};

/* A task that came with the request and says nothing is open. */
static const char *status_of(const json_t *task)
{
    const char *status = text_of(task, "status");

    return status != NULL ? status : "open";
}

/* What is asked of every item, looked up once. */
struct wish {
    const json_t *kind, *outcome, *status;
    bool subject, fresh;
    struct stay stay;
};

static struct wish wish_of(const json_t *params, const json_t *facts)
{
    struct wish w = {
        .kind = json_object_get(params, "kind"),
        .outcome = json_object_get(params, "outcome"),
        .status = json_object_get(params, "status"),
        .subject = json_is_true(json_object_get(params, "has_subject")),
        .fresh = json_is_true(json_object_get(params, "since_entry")),
    };

    if (w.fresh)
        w.stay = stay_of(facts);
    return w;
}

/* Another kind of thing is no near miss: nothing else is looked at. */
static unsigned lacks(const struct wish *w, const json_t *item)
{
    unsigned lack = LACK_NOTHING;

    if (w->kind != NULL && !value_has_key(w->kind, text_of(item, "kind")))
        return LACK_KIND;
    if (w->outcome != NULL && !value_has_key(w->outcome, text_of(item, "outcome")))
        lack |= LACK_OUTCOME;
    if (w->status != NULL && !value_has_key(w->status, status_of(item)))
        lack |= LACK_STATUS;
    if (w->subject && value_blank(json_object_get(item, "subject")))
        lack |= LACK_SUBJECT;
    if (w->fresh && !is_since(item, &w->stay))
        lack |= LACK_FRESHNESS;
    return lack;
}

/* An item of the request that lacks one thing only is a near miss: that member is what is to be
 * mended. */
static const char *near_miss(const json_t *item, unsigned lack, struct arena *a)
{
    static const struct {
        unsigned lack;
        const char *member;
    } members[] = {
        {.lack = LACK_SUBJECT, .member = "subject"},
        {.lack = LACK_OUTCOME, .member = "outcome"},
        {.lack = LACK_STATUS, .member = "status"},
        {.lack = LACK_FRESHNESS, .member = "occurred_at"},
    };
    const char *pointer = text_of(item, "pointer");

    for (size_t i = 0; pointer != NULL && i < sizeof(members) / sizeof(members[0]); i++)
        if (members[i].lack == lack)
            return arena_printf(a, "%s/%s", pointer, members[i].member);
    return NULL;
}

bool related_count_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                            struct verdict *v)
{
    const json_t *items = json_object_get(facts, related_list(g->params));
    const json_t *min = json_object_get(g->params, "min"), *max = json_object_get(g->params, "max");
    const struct wish wish = wish_of(g->params, facts);
    const char *nearest = NULL;
    json_int_t count = 0, least = min != NULL || max != NULL ? json_integer_value(min) : 1;

    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        unsigned lack = lacks(&wish, item);

        if (lack == LACK_NOTHING)
            count++;
        else if (nearest == NULL)
            nearest = near_miss(item, lack, a);
    }
    v->observed = json_integer(count);
    if (max != NULL && count > json_integer_value(max)) {
        v->pointer = NULL; /* bringing more does not help */
        return false;
    }
    if (count >= least)
        return true;
    if (nearest != NULL)
        v->pointer = nearest;
    return false;
}

static json_int_t open_allowed(const json_t *params)
{
    return json_integer_value(json_object_get(params, "max"));
}

json_t *open_tasks_expect(const json_t *params)
{
    return json_pack("{s:I}", "max", open_allowed(params));
}

/* The tasks that the request itself brings are the next step's work, not a rest of this one's. */
bool open_tasks_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                         struct verdict *v)
{
    const json_t *tasks = json_object_get(facts, "tasks");
    json_int_t count = 0;

    (void)a;
    for (size_t i = 0; i < json_array_size(tasks); i++) {
        const json_t *task = json_array_get(tasks, i);

        count += json_object_get(task, "pointer") == NULL && strcmp(status_of(task), "open") == 0;
    }
    v->observed = json_integer(count);
    return count <= open_allowed(g->params);
}
