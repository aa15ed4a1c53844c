/* guards that can never pass, contradict each other, or say nothing
 *
 * What a transition demands at once is collected as literals: single guards, demanded or forbidden.
 * Any two of them are held against each other; the members of an ANY are held against what is
 * demanded around it. Sound, not complete: what is reported is so. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blueprint/lint_parts.h"
#include "blueprint/value.h"

#define POINTER_MAX 256
#define LITERALS_MAX 400 /* of one transition; beyond that nobody compares pairs */
#define ANYS_MAX 100
#define SENTENCE_MAX 256

struct literal {
    const json_t *guard, *params;
    const char *kind;
    bool forbidden;
    char where[POINTER_MAX];
};

/* Some of these must hold. */
struct any {
    const json_t *group;
    bool forbidden; /* its members are demanded to fail */
    char where[POINTER_MAX];
};

struct demands {
    struct literal literals[LITERALS_MAX];
    size_t n;
    struct any anys[ANYS_MAX];
    size_t nanys;
};

/* collecting */

static void collect(struct demands *d, const json_t *list, const char *where, bool forbidden);

static void collect_group(struct demands *d, const json_t *guard, const char *op, const char *where,
                          bool forbidden)
{
    const json_t *members = json_object_get(guard, "guards");
    bool all = strcmp(op, "all") == 0, none = strcmp(op, "none") == 0;

    /* not ANY is NONE; not NONE is ANY; not ALL is: one of them fails */
    if (json_array_size(members) == 1 || (forbidden ? !all && !none : all || none)) {
        collect(d, members, where, none ? !forbidden : forbidden);
        return;
    }
    if (d->nanys == ANYS_MAX)
        return;
    d->anys[d->nanys] = (struct any){.group = guard, .forbidden = forbidden && all};
    (void)snprintf(d->anys[d->nanys++].where, POINTER_MAX, "%s", where);
}

static void collect(struct demands *d, const json_t *list, const char *where, bool forbidden)
{
    const json_t *guard;
    size_t i;

    json_array_foreach (list, i, guard) {
        const char *op = part_text(guard, "op");
        char at[POINTER_MAX];

        (void)snprintf(at, sizeof(at), "%.200s/guards/%zu", where, i);
        if (op != NULL) {
            collect_group(d, guard, op, at, forbidden);
        } else if (part_text(guard, "kind") != NULL && d->n < LITERALS_MAX) {
            struct literal *lit = &d->literals[d->n++];

            *lit = (struct literal){.guard = guard,
                                    .params = json_object_get(guard, "params"),
                                    .kind = part_text(guard, "kind"),
                                    .forbidden = forbidden};
            (void)snprintf(lit->where, sizeof(lit->where), "%s", at);
        }
    }
}

/* two literals */

static bool is_kind(const struct literal *lit, const char *kind)
{
    return strcmp(lit->kind, kind) == 0;
}

static bool same_text(const struct literal *a, const struct literal *b, const char *name)
{
    const char *x = part_text(a->params, name), *y = part_text(b->params, name);

    return x != NULL && y != NULL && strcmp(x, y) == 0;
}

static bool is_opposite(const struct literal *a, const struct literal *b)
{
    return a->forbidden != b->forbidden && strcmp(a->kind, b->kind) == 0 &&
           (a->params == b->params ||
            (a->params && b->params && json_equal((json_t *)a->params, (json_t *)b->params)));
}

/* Kinds that pass only when the field of the record has a value. */
static bool needs_value(const struct literal *lit)
{
    return !lit->forbidden && (is_kind(lit, "field_present") || is_kind(lit, "field_compare") ||
                               is_kind(lit, "matches"));
}

static bool is_absent_and_needed(const struct literal *a, const struct literal *b)
{
    return a->forbidden && is_kind(a, "field_present") && needs_value(b) &&
           same_text(a, b, "field");
}

static const char *op_of(const struct literal *lit)
{
    const char *op = part_text(lit->params, "op");

    return op != NULL ? op : "eq";
}

static const json_t *value_of(const struct literal *lit)
{
    return json_object_get(lit->params, "value");
}

static bool is_decimal(const struct literal *a, const struct literal *b)
{
    const char *field = part_text(a->params, "field");
    size_t n = field != NULL ? strlen(field) : 0;

    return json_is_number(value_of(a)) || json_is_number(value_of(b)) ||
           (n >= 6 && strcmp(field + n - 6, "amount") == 0);
}

static bool is_bound(const struct literal *lit, char which)
{
    const char *op = op_of(lit);

    return op[0] == which && op[1] == 't';
}

/* None of the values that @a allows satisfies @b. */
static bool values_fail(const struct literal *a, const struct literal *b)
{
    const json_t *value = value_of(a), *item;
    bool decimal = is_decimal(a, b);
    size_t i;

    if (strcmp(op_of(a), "eq") == 0)
        return !value_holds(op_of(b), value, value_of(b), decimal);
    if (strcmp(op_of(a), "in") != 0)
        return false;
    json_array_foreach (value, i, item)
        if (value_holds(op_of(b), item, value_of(b), decimal))
            return false;
    return true;
}

static bool bounds_fail(const struct literal *low, const struct literal *high)
{
    bool decimal = is_decimal(low, high);

    if (!is_bound(low, 'g') || !is_bound(high, 'l'))
        return false;
    if (value_holds("lt", value_of(low), value_of(high), decimal))
        return false;
    return strcmp(op_of(low), "gte") != 0 || strcmp(op_of(high), "lte") != 0 ||
           !value_holds("eq", value_of(low), value_of(high), decimal);
}

static bool comparisons_fail(const struct literal *a, const struct literal *b)
{
    bool comparing = is_kind(a, "field_compare") || is_kind(a, "related_field");

    if (!comparing || strcmp(a->kind, b->kind) != 0 || a->forbidden || b->forbidden ||
        !same_text(a, b, "field"))
        return false;
    return values_fail(a, b) || values_fail(b, a) || bounds_fail(a, b) || bounds_fail(b, a);
}

/* Counting kinds: the same things, at least more than at most. */
static bool counts_fail(const struct literal *a, const struct literal *b)
{
    static const char *const limits[][2] = {{"min", "max"}, {"min_seconds", "max_seconds"}};
    bool fails = false;

    if (a->forbidden || b->forbidden || strcmp(a->kind, b->kind) != 0 || !a->params || !b->params)
        return false;
    for (size_t i = 0; i < 2 && !fails; i++) {
        const json_t *min = json_object_get(a->params, limits[i][0]);
        const json_t *max = json_object_get(b->params, limits[i][1]);
        json_t *x, *y;

        if (!json_is_integer(min) || !json_is_integer(max) ||
            json_integer_value(min) <= json_integer_value(max))
            continue;
        x = json_copy((json_t *)a->params);
        y = json_copy((json_t *)b->params);
        for (size_t k = 0; k < 2; k++) {
            (void)json_object_del(x, limits[i][k]);
            (void)json_object_del(y, limits[i][k]);
        }
        fails = json_equal(x, y);
        json_decref(x);
        json_decref(y);
    }
    return fails;
}

static bool wants_visit(const struct literal *lit)
{
    return json_is_true(json_object_get(lit->params, "not")) == lit->forbidden;
}

static bool conflict(const struct literal *a, const struct literal *b)
{
    if (is_kind(a, "visited_state") && is_kind(b, "visited_state") && same_text(a, b, "state"))
        return wants_visit(a) != wants_visit(b);
    return is_opposite(a, b) || is_absent_and_needed(a, b) || is_absent_and_needed(b, a) ||
           comparisons_fail(a, b) || counts_fail(a, b) || counts_fail(b, a);
}

/* one literal alone */

/* Tells whether every record that is about to leave has, or none has, been in the state. */
static void judge_visit(struct linting *l, const json_t *t, const struct literal *lit,
                        const struct about *at)
{
    const char *key = part_text(lit->params, "state");
    size_t state = state_index(l, key);
    bool leaves = false, possible = false, certain = true;

    for (size_t from = 0; from < l->n && state < l->n; from++) {
        if (!leaves_state(l, t, from))
            continue;
        leaves = true;
        possible |= l->leads[state][from] && (l->initial == l->n || l->leads[l->initial][state]);
        certain &= from == state || state == l->initial;
    }
    if (!leaves)
        return;
    if (wants_visit(lit) ? !possible : certain)
        lint_error(l, "never_passes", at,
                   possible ? "Whoever may leave from here has been in `%s`."
                            : "Nobody who may leave from here can have been in `%s`.",
                   key);
    else if (wants_visit(lit) ? certain : !possible)
        lint_warning(l, "always_passes", at,
                     possible ? "Whoever may leave from here has been in `%s`."
                              : "Nobody who may leave from here can have been in `%s`.",
                     key);
}

static void judge_alone(struct linting *l, const json_t *t, const struct literal *lit)
{
    const struct about at = {.pointer = lit->where, .transition = t, .guard = lit->guard};
    const json_t *min = json_object_get(lit->params, "min");

    if (is_kind(lit, "visited_state"))
        judge_visit(l, t, lit, &at);
    else if (json_is_integer(min) && json_integer_value(min) == 0 && !lit->forbidden &&
             json_object_get(lit->params, "max") == NULL)
        lint_warning(l, "always_passes", &at, "At least none is always there.");
}

/* all together */

static void judge_pairs(struct linting *l, const json_t *t, const struct demands *d)
{
    for (size_t i = 0; i < d->n; i++)
        for (size_t k = 0; k < i; k++) {
            const struct literal *b = &d->literals[i], *a = &d->literals[k];

            if (!conflict(a, b))
                continue;
            lint_error(l, "contradiction",
                       &(struct about){.pointer = b->where, .transition = t, .guard = b->guard},
                       "It contradicts the guard `%s`: both can never hold.", part_key(a->guard));
            break;
        }
}

/* Tells whether what one branch demands contradicts itself or what is demanded around it. */
static bool branch_fails(const struct demands *d, const json_t *branch, bool forbidden,
                         struct demands *own)
{
    json_t *list = json_array();
    bool fails = false;

    memset(own, 0, sizeof(*own));
    (void)json_array_append(list, (json_t *)branch);
    collect(own, list, "", forbidden);
    json_decref(list);
    for (size_t i = 0; i < own->n && !fails; i++) {
        for (size_t k = 0; k < d->n && !fails; k++)
            fails = conflict(&own->literals[i], &d->literals[k]);
        for (size_t k = 0; k < i && !fails; k++)
            fails = conflict(&own->literals[i], &own->literals[k]);
    }
    return fails;
}

static void judge_any(struct linting *l, const json_t *t, const struct demands *d,
                      const struct any *any, struct demands *own)
{
    const json_t *members = json_object_get(any->group, "guards"), *branch;
    size_t i, n = json_array_size(members), dead = 0;

    json_array_foreach (members, i, branch) {
        char where[2 * POINTER_MAX];

        if (!branch_fails(d, branch, any->forbidden, own))
            continue;
        dead++;
        (void)snprintf(where, sizeof(where), "%s/guards/%zu", any->where, i);
        lint_warning(l, "never_passes",
                     &(struct about){.pointer = where, .transition = t, .guard = branch},
                     "This branch contradicts what the transition asks for anyway.");
    }
    if (dead == n && n > 0)
        lint_error(l, "never_passes",
                   &(struct about){.pointer = any->where, .transition = t, .guard = any->group},
                   "None of its branches can ever hold.");
}

void lint_logic(struct linting *l, const json_t *t, const char *where)
{
    struct demands *d = calloc(2, sizeof(*d));

    if (d == NULL)
        abort();
    collect(&d[0], json_object_get(t, "guards"), where, false);
    for (size_t i = 0; i < d[0].n; i++)
        judge_alone(l, t, &d[0].literals[i]);
    judge_pairs(l, t, &d[0]);
    for (size_t i = 0; i < d[0].nanys; i++)
        judge_any(l, t, &d[0], &d[0].anys[i], &d[1]);
    free(d);
}
