/* what the clock does (pauses, thresholds, transitions that happen by themselves), and approvals */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "blueprint/compile.h"
#include "blueprint/evaluate.h"
#include "blueprint/params.h"

#define DIGITS "0123456789"

static const char *const no_dates[] = {NULL};
static const char *const lead_dates[] = {"nurture_until", "call_back_at", NULL};
static const char *const opportunity_dates[] = {"close_date", "delivery_date", "postponed_until",
                                                NULL};

const char *const *compile_dates(const struct compiler *c)
{
    if (strcmp(c->b->entity, "lead") == 0)
        return lead_dates;
    return strcmp(c->b->entity, "opportunity") == 0 ? opportunity_dates : no_dates;
}

/* "12D" and the like: digits, then one of *@units, which must come in their order. Returns what
 * follows, or NULL. */
static const char *duration_part(const char *text, const char **units)
{
    size_t n = strspn(text, DIGITS);
    const char *unit;

    if (n == 0 || n > 9 || text[n] == '\0')
        return NULL;
    unit = strchr(*units, text[n]);
    if (unit == NULL)
        return NULL;
    *units = unit + 1;
    return text + n + 1;
}

/* ISO 8601 without years, months and weeks: "P5D", "PT4H30M". */
static bool is_duration(const char *text)
{
    const char *days = "D", *times = "HMS";

    if (*text++ != 'P' || *text == '\0')
        return false;
    if (*text != 'T' && (text = duration_part(text, &days)) == NULL)
        return false;
    if (*text == '\0')
        return true;
    if (*text++ != 'T' || *text == '\0')
        return false;
    while (text != NULL && *text != '\0')
        text = duration_part(text, &times);
    return text != NULL;
}

static bool check_after(struct compiler *c, const char *where, const json_t *row)
{
    const json_t *after = json_object_get(row, "after"), *s = json_object_get(row, "after_s");

    if ((after == NULL) == (s == NULL))
        return compile_fail(c, "%s/after: is required, or after_s instead of it", where);
    if (s != NULL &&
        (!json_is_integer(s) || json_integer_value(s) < 1 || json_integer_value(s) > 999999999))
        return compile_fail(c, "%s/after_s: must be a number of seconds, 1 or more", where);
    if (after != NULL && (!json_is_string(after) || !is_duration(json_string_value(after))))
        return compile_fail(c,
                            "%s/after: must be a duration of days and times, as in \"P5D\" or "
                            "\"PT4H\"",
                            where);
    return true;
}

static bool check_calendar(struct compiler *c, const char *where, const json_t *row)
{
    const json_t *calendar = json_object_get(row, "calendar");

    if (calendar == NULL || json_is_null(calendar) ||
        (json_is_string(calendar) && text_is_key(json_string_value(calendar))))
        return true;
    return compile_fail(c, "%s/calendar: must be the key of a calendar, or null", where);
}

bool compile_pausing(struct compiler *c, const struct row *row, struct state *s)
{
    const json_t *pausing = json_object_get(row->json, "pausing");

    if (pausing != NULL && !json_is_boolean(pausing) && !json_is_null(pausing))
        return compile_fail(c, "%s/pausing: must be true or false", row->where);
    s->pausing = json_is_true(pausing);
    return true;
}

/* thresholds */

enum what { WHAT_WARN, WHAT_ESCALATE, WHAT_TASK, WHAT_MOVE };

static const char *const whats[] = {"warn", "escalate", "task", "move", NULL};
static const char *const sinces[] = {"entry", "touch", NULL};

static bool check_params(struct compiler *c, const struct row *row, enum what what)
{
    const char *const *dates = compile_dates(c);
    const struct param without = {.name = "without", .type = PARAM_KEY, .values = dates};
    const struct param warn[] = {without, {.name = NULL}};
    const struct param task[] = {{.name = "role", .type = PARAM_KEY},
                                 {.name = "subject", .type = PARAM_SCALAR},
                                 without,
                                 {.name = NULL}};
    const struct param move[] = {
        {.name = "transition", .type = PARAM_KEY, .required = true}, without, {.name = NULL}};
    const struct param *const tables[] = {
        [WHAT_WARN] = warn, [WHAT_ESCALATE] = task, [WHAT_TASK] = task, [WHAT_MOVE] = move};
    const json_t *subject = json_object_get(json_object_get(row->json, "params"), "subject");

    if (!compile_params(c, row, tables[what]))
        return false;
    if (subject != NULL && !json_is_string(subject))
        return compile_fail(c, "%s/params/subject: must be a text", row->where);
    return true;
}

static bool compile_sla(struct compiler *c, const struct row *row, const struct state *s)
{
    const struct transition *t;
    const char *key;
    int what = WHAT_WARN, since;

    if (!compile_key(c, row, "key", &key) || !check_after(c, row->where, row->json) ||
        !check_calendar(c, row->where, row->json) ||
        !compile_word(c, row, "what", whats, -1, &what) ||
        !compile_word(c, row, "since", sinces, 0, &since) || !check_params(c, row, (enum what)what))
        return false;
    if (what != WHAT_MOVE)
        return true;
    key = json_string_value(json_object_get(json_object_get(row->json, "params"), "transition"));
    t = blueprint_transition(c->b, key);
    if (t == NULL || t->kind != TRANSITION_MANUAL || !transition_leaves(t, s->key))
        return compile_fail(c, "%s/params/transition: no transition \"%s\" leaves \"%s\"",
                            row->where, key, s->key);
    return true;
}

bool compile_slas(struct compiler *c, const struct row *row, const struct state *s)
{
    struct row *rows = NULL;
    size_t n = 0;

    if (!compile_rows(c, row, "sla", BLUEPRINT_SLAS_MAX, &rows, &n))
        return false;
    if (n > 0 && s->pausing)
        return compile_fail(c, "%s/sla: time does not count in a pausing state", row->where);
    for (size_t i = 0; i < n; i++) {
        const char *key = json_string_value(json_object_get(rows[i].json, "key"));

        if (!compile_sla(c, &rows[i], s))
            return false;
        for (size_t k = 0; k < i; k++)
            if (strcmp(json_string_value(json_object_get(rows[k].json, "key")), key) == 0)
                return compile_fail(c, "%s/key: a second threshold \"%s\"", rows[i].where, key);
    }
    return true;
}

/* by itself */

static bool check_field(struct compiler *c, const char *where, const json_t *field)
{
    const char *const *dates = compile_dates(c);

    for (size_t i = 0; dates[i] != NULL; i++)
        if (json_is_string(field) && strcmp(dates[i], json_string_value(field)) == 0)
            return true;
    (void)compile_fail(c, "%s/auto/at_field: must be a field that names a moment: ", where);
    names_add(c->why, dates);
    return false;
}

bool compile_automatic(struct compiler *c, const struct row *row, struct transition *t)
{
    static const char *const members[] = {"after", "after_s", "at_field", "when"};
    const json_t *given = json_object_get(row->json, "auto"), *field, *when;
    size_t n = 0;

    if (given == NULL || json_is_null(given))
        return true;
    if (!json_is_object(given))
        return compile_fail(c, "%s/auto: must be an object", row->where);
    if (t->kind != TRANSITION_MANUAL)
        return compile_fail(c, "%s/auto: only a manual transition may happen by itself",
                            row->where);
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        n += json_object_get(given, members[i]) != NULL;
    if (n != 1)
        return compile_fail(c, "%s/auto: needs one of after, after_s, at_field and when",
                            row->where);
    field = json_object_get(given, "at_field");
    when = json_object_get(given, "when");
    if (field != NULL && !check_field(c, row->where, field))
        return false;
    if (when != NULL && !json_is_true(when))
        return compile_fail(c, "%s/auto/when: can only be true", row->where);
    if (field == NULL && when == NULL && !check_after(c, row->where, given))
        return false;
    t->automatic = given;
    return check_calendar(c, row->where, given);
}

/* approval */

#define APPROVALS_MAX 20

bool compile_approval(struct compiler *c, const struct row *row, struct transition *t)
{
    const json_t *given = json_object_get(row->json, "approval"), *needed;
    struct row approval = {.json = given};

    if (given == NULL || json_is_null(given))
        return true;
    approval.where = arena_printf(c->arena, "%s/approval", row->where);
    if (approval.where == NULL)
        return compile_fail(c, ": the blueprint is too large");
    if (!json_is_object(given))
        return compile_fail(c, "%s: must be an object", approval.where);
    if (t->kind != TRANSITION_MANUAL || t->automatic != NULL)
        return compile_fail(c, "%s: only what somebody executes waits for approval",
                            approval.where);
    needed = json_object_get(given, "needed");
    if (!json_is_integer(needed) || json_integer_value(needed) < 1 ||
        json_integer_value(needed) > APPROVALS_MAX)
        return compile_fail(c, "%s/needed: must be an integer from 1 to %d", approval.where,
                            APPROVALS_MAX);
    t->approvals = (unsigned)json_integer_value(needed);
    if (!compile_actors(c, &approval, &t->approvers, &t->napprovers))
        return false;
    return t->napprovers > 0 || compile_fail(c, "%s/actors: say who may agree", approval.where);
}
