/* what a transition does beside moving: checked here, run by sluice.run_actions() */
#include <string.h>

#include "base/text.h"
#include "base/uuid.h"
#include "blueprint/compile.h"
#include "blueprint/custom.h"
#include "blueprint/evaluate.h"
#include "blueprint/params.h"

#define ACTIONS_MAX 50

/* Fields that an action may set: none that a process governs. sluice.action_fields() has the same.
 * Custom fields beside them, if they are defined: sluice.action_check() looks. */
static const char *const lead_fields[] = {
    "first_name",      "last_name",   "email",
    "phone",           "company",     "job_title",
    "tax_id",          "website",     "industry",
    "street",          "postcode",    "city",
    "country",         "need",        "budget_confirmed",
    "description",     "external_id", "owner_id",
    "estimated_value", NULL,
};
static const char *const account_fields[] = {
    "name",     "tax_id", "email",   "phone",       "website",     "industry", "street",
    "postcode", "city",   "country", "description", "external_id", "owner_id", NULL,
};
static const char *const opportunity_fields[] = {
    "name",        "product_kind", "delivery_date",
    "close_date",  "probability",  "forecast_category",
    "description", "external_id",  "owner_id",
    "amount",      NULL,
};

static const struct {
    const char *entity;
    const char *const *fields;
} settable[] = {
    {"lead", lead_fields}, {"account", account_fields}, {"opportunity", opportunity_fields}};

static const char *const sources[] = {"now", "today", "actor", "nothing", NULL};
static const char *const assignees[] = {"actor", "creator", NULL};
static const char *const ends[] = {"done", "cancelled", NULL};
static const char *const priorities[] = {"low", "normal", "high", "urgent", NULL};

static const struct param set_field_params[] = {
    {.name = "field", .type = PARAM_MEMBER, .required = true},
    {.name = "value", .type = PARAM_SETTABLE},
    {.name = "from", .type = PARAM_KEY, .values = sources},
    {.name = NULL},
};
static const struct param assign_params[] = {
    {.name = "user", .type = PARAM_TEXT},
    {.name = "to", .type = PARAM_KEY, .values = assignees},
    {.name = NULL},
};
static const struct param tag_params[] = {
    {.name = "add", .type = PARAM_STRINGS},
    {.name = "remove", .type = PARAM_STRINGS},
    {.name = NULL},
};
static const struct param create_task_params[] = {
    {.name = "subject", .type = PARAM_TEXT, .required = true},
    {.name = "body", .type = PARAM_TEXT},
    {.name = "priority", .type = PARAM_KEY, .values = priorities},
    {.name = "assignee", .type = PARAM_TEXT},
    {.name = "due", .type = PARAM_DURATION},
    {.name = "due_at_field", .type = PARAM_KEY},
    {.name = "calendar", .type = PARAM_KEY},
    {.name = NULL},
};
static const struct param close_tasks_params[] = {
    {.name = "status", .type = PARAM_KEY, .values = ends},
    {.name = "of", .type = PARAM_KEY},
    {.name = NULL},
};
static const char *const step_records[] = {"this", "lead", "account", "opportunity", NULL};
static const struct param step_params[] = {
    {.name = "step", .type = PARAM_KEY, .required = true},
    {.name = "of", .type = PARAM_KEY, .values = step_records},
    {.name = NULL},
};
static const struct param event_params[] = {
    {.name = "type", .type = PARAM_KEY, .required = true},
    {.name = "payload", .type = PARAM_OBJECT},
    {.name = NULL},
};

static const char *const kinds[] = {"set_field", "assign",    "tag",   "create_task", "close_tasks",
                                    "step_done", "step_open", "event", NULL};
static const char *const phases[] = {"in_tx", "outbox", NULL};

enum { SET_FIELD, ASSIGN, TAG, CREATE_TASK, CLOSE_TASKS, STEP_DONE, STEP_OPEN, EVENT };

static const struct param *const tables[] = {
    [SET_FIELD] = set_field_params,
    [ASSIGN] = assign_params,
    [TAG] = tag_params,
    [CREATE_TASK] = create_task_params,
    [CLOSE_TASKS] = close_tasks_params,
    [STEP_DONE] = step_params,
    [STEP_OPEN] = step_params,
    [EVENT] = event_params,
};

const struct param *action_kind_params(const char *kind)
{
    for (size_t i = 0; kinds[i] != NULL; i++)
        if (strcmp(kinds[i], kind) == 0)
            return tables[i];
    return NULL;
}

static const char *text_of(const struct row *row, const char *name)
{
    return json_string_value(json_object_get(json_object_get(row->json, "params"), name));
}

static bool is_given(const struct row *row, const char *name)
{
    return json_object_get(json_object_get(row->json, "params"), name) != NULL;
}

static bool check_field(struct compiler *c, const struct row *row)
{
    const char *field = text_of(row, "field"), *nearest;
    const char *const *fields = opportunity_fields;

    if (is_given(row, "value") == is_given(row, "from"))
        return compile_fail(c, "%s/params: needs either value or from", row->where);
    if (custom_key(field) != NULL)
        return true;
    for (size_t i = 0; i < sizeof(settable) / sizeof(settable[0]); i++)
        if (strcmp(settable[i].entity, c->b->entity) == 0)
            fields = settable[i].fields;
    for (size_t i = 0; fields[i] != NULL; i++)
        if (strcmp(fields[i], field) == 0)
            return true;
    (void)compile_fail(c, "%s/params/field: an action cannot set \"%s\"", row->where, field);
    nearest = text_nearest(field, fields);
    return nearest != NULL ? compile_fail(c, ", did you mean \"%s\"?", nearest) : false;
}

/* "owner", "actor", "creator" or a user's id. */
static bool check_person(struct compiler *c, const struct row *row)
{
    static const char *const people[] = {"owner", "actor", "creator", NULL};
    const char *who = text_of(row, "assignee");
    struct uuid id;

    for (size_t i = 0; who != NULL && people[i] != NULL; i++)
        if (strcmp(people[i], who) == 0)
            return true;
    if (who == NULL || uuid_parse(span_of(who), &id))
        return true;
    return compile_fail(c, "%s/params/assignee: must be owner, actor, creator or a user's id",
                        row->where);
}

/* Some time ahead, or when a date of the record says; a calendar goes with either. */
static bool check_due(struct compiler *c, const struct row *row)
{
    const char *field = text_of(row, "due_at_field"), *const *dates = compile_dates(c);

    if (is_given(row, "calendar") && !is_given(row, "due") && field == NULL)
        return compile_fail(c, "%s/params/due: is required with a calendar", row->where);
    if (field == NULL)
        return true;
    if (is_given(row, "due"))
        return compile_fail(c, "%s/params: takes either due or due_at_field", row->where);
    for (; *dates != NULL; dates++)
        if (strcmp(*dates, field) == 0)
            return true;
    return compile_fail(c, "%s/params/due_at_field: must be a field that names a moment",
                        row->where);
}

static bool check_more(struct compiler *c, const struct row *row, int kind)
{
    struct uuid id;

    switch (kind) {
    case SET_FIELD: return check_field(c, row);
    case ASSIGN:
        if (is_given(row, "user") == is_given(row, "to"))
            return compile_fail(c, "%s/params: needs either user or to", row->where);
        if (text_of(row, "user") != NULL && !uuid_parse(span_of(text_of(row, "user")), &id))
            return compile_fail(c, "%s/params/user: must be a user's id", row->where);
        return true;
    case TAG:
        return is_given(row, "add") || is_given(row, "remove") ||
               compile_fail(c, "%s/params: needs add or remove", row->where);
    case CREATE_TASK: return check_due(c, row) && check_person(c, row);
    case STEP_DONE:
    case STEP_OPEN:
        return text_of(row, "of") == NULL || strcmp(text_of(row, "of"), c->b->entity) != 0 ||
               compile_fail(c, "%s/params/of: the record itself is \"this\"", row->where);
    default: return true;
    }
}

static bool compile_action(struct compiler *c, const struct row *row, const char **ret_key)
{
    int kind = SET_FIELD, phase = 0;

    if (!compile_key(c, row, "key", ret_key) || !compile_word(c, row, "kind", kinds, -1, &kind) ||
        !compile_word(c, row, "phase", phases, kind == EVENT, &phase) ||
        !compile_params(c, row, tables[kind]))
        return false;
    if ((phase == 1) != (kind == EVENT))
        return compile_fail(c, "%s/phase: \"%s\" is done %s", row->where, kinds[kind],
                            kind == EVENT ? "through the outbox" : "in the transaction");
    return check_more(c, row, kind);
}

bool compile_actions(struct compiler *c, const struct row *row)
{
    struct row *rows = NULL;
    const char **keys;
    size_t n = 0;

    if (!compile_rows(c, row, "actions", ACTIONS_MAX, &rows, &n))
        return false;
    keys = compile_alloc(c, n, sizeof(*keys));
    if (keys == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!compile_action(c, &rows[i], &keys[i]))
            return false;
        for (size_t k = 0; k < i; k++)
            if (strcmp(keys[k], keys[i]) == 0)
                return compile_fail(c, "%s/key: a second action \"%s\"", rows[i].where, keys[i]);
    }
    return true;
}
