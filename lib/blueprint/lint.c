#include "blueprint/lint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "blueprint/document.h"
#include "blueprint/lint_parts.h"

#define POINTER_MAX 64
#define WHY_MAX 4096

size_t lint_count(const json_t *findings, const char *severity)
{
    const json_t *finding;
    size_t i, n = 0;

    json_array_foreach (findings, i, finding)
        n += strcmp(part_text(finding, "severity"), severity) == 0;
    return n;
}

/* texts: whoever reads the other language sees English, or nothing */

static void judge_label(struct linting *l, const json_t *part, const char *where,
                        const struct about *about)
{
    const json_t *label = json_object_get(part, "label");
    struct about at = *about;
    char pointer[2 * POINTER_MAX];

    at.pointer = pointer;
    for (const char *const *language = language_codes; *language != NULL; language++) {
        if (part_text(label, *language) != NULL)
            continue;
        (void)snprintf(pointer, sizeof(pointer), "%s/label/%s", where, *language);
        lint_warning(l, "label_missing", &at, "There is no label in the language \"%s\".",
                     *language);
    }
}

static void judge_step_labels(struct linting *l, size_t i)
{
    const json_t *state = json_array_get(l->states, i), *step, *input;
    const struct about at = {.state = state};
    char where[2 * POINTER_MAX];
    size_t k, n;

    json_array_foreach (json_object_get(state, "steps"), k, step) {
        (void)snprintf(where, sizeof(where), "/states/%zu/steps/%zu", i, k);
        judge_label(l, step, where, &at);
        json_array_foreach (json_object_get(step, "inputs"), n, input) {
            (void)snprintf(where, sizeof(where), "/states/%zu/steps/%zu/inputs/%zu", i, k, n);
            judge_label(l, input, where, &at);
        }
    }
}

static void judge_labels(struct linting *l)
{
    const json_t *part, *input;
    char where[2 * POINTER_MAX];
    size_t i, k;

    judge_label(l, l->doc, "", &(struct about){.pointer = NULL});
    json_array_foreach (l->states, i, part) {
        (void)snprintf(where, sizeof(where), "/states/%zu", i);
        judge_label(l, part, where, &(struct about){.state = part});
        judge_step_labels(l, i);
    }
    json_array_foreach (l->transitions, i, part) {
        (void)snprintf(where, sizeof(where), "/transitions/%zu", i);
        judge_label(l, part, where, &(struct about){.transition = part});
        json_array_foreach (json_object_get(part, "inputs"), k, input) {
            (void)snprintf(where, sizeof(where), "/transitions/%zu/inputs/%zu", i, k);
            judge_label(l, input, where, &(struct about){.transition = part});
        }
    }
}

/* automatic edges */

/* One that waits for the same time, or for nothing but its own guards, which are the same too. */
static bool competes(const json_t *a, const json_t *b)
{
    const json_t *x = json_object_get(a, "auto"), *y = json_object_get(b, "auto");

    if (x == NULL || y == NULL || !json_equal((json_t *)x, (json_t *)y))
        return false;
    x = json_object_get(a, "guards");
    y = json_object_get(b, "guards");
    return x == NULL || y == NULL || json_equal((json_t *)x, (json_t *)y);
}

static void judge_automatic(struct linting *l, size_t i)
{
    const json_t *t = json_array_get(l->transitions, i);
    char pointer[POINTER_MAX];

    (void)snprintf(pointer, sizeof(pointer), "/transitions/%zu/auto", i);
    for (size_t k = 0; k < i; k++) {
        const json_t *other = json_array_get(l->transitions, k);

        if (!competes(t, other))
            continue;
        for (size_t s = 0; s < l->n; s++) {
            if (!leaves_state(l, t, s) || !leaves_state(l, other, s))
                continue;
            lint_error(l, "competing_automatic",
                       &(struct about){.pointer = pointer,
                                       .transition = t,
                                       .state = json_array_get(l->states, s)},
                       "From `%s`, `%s` and `%s` would fire by themselves at the same moment.",
                       part_key(json_array_get(l->states, s)), part_key(other), part_key(t));
            break;
        }
    }
}

static void judge_kind(struct linting *l, const json_t *t, const char *where)
{
    const char *kind = part_text(t, "kind"), *entity = part_text(l->doc, "entity");
    char pointer[2 * POINTER_MAX];
    const struct about at = {.pointer = pointer, .transition = t};

    if (kind == NULL)
        return;
    (void)snprintf(pointer, sizeof(pointer), "%s/kind", where);
    if (strncmp(kind, "convert", 7) == 0 && entity != NULL && strcmp(entity, "lead") != 0)
        lint_error(l, "wrong_kind", &at, "Only leads are converted.");
    (void)snprintf(pointer, sizeof(pointer), "%s/guards", where);
    if (strcmp(kind, "initial") == 0 && json_object_get(t, "guards") != NULL)
        lint_warning(l, "never_asked", &at, "Nobody asks the guards of an initial transition.");
}

/* The last word: what is published must compile, whatever the other checks overlooked. */
static void judge_whole(struct linting *l)
{
    json_t *flat = document_flat(l->doc);
    struct blueprint *b;
    struct buf why;

    buf_init(&why, WHY_MAX);
    b = blueprint_compile(flat, &why);
    if (b == NULL)
        lint_error(l, "does_not_compile", &(struct about){.pointer = ""}, "%s", buf_text(&why));
    blueprint_destroy(b);
    buf_done(&why);
    json_decref(flat);
}

json_t *blueprint_lint(const json_t *doc, const struct lint_world *w)
{
    struct linting *l = calloc(1, sizeof(*l));
    json_t *t, *findings;
    size_t i;

    if (l == NULL)
        abort();
    l->doc = doc;
    l->w = w;
    l->states = json_object_get(doc, "states");
    l->transitions = json_object_get(doc, "transitions");
    l->n = json_array_size(l->states) < BLUEPRINT_STATES_MAX ? json_array_size(l->states)
                                                             : BLUEPRINT_STATES_MAX;
    l->errors = json_array();
    l->warnings = json_array();
    lint_graph(l);
    lint_criteria(l);
    json_array_foreach (l->transitions, i, t) {
        char where[POINTER_MAX];

        (void)snprintf(where, sizeof(where), "/transitions/%zu", i);
        judge_kind(l, t, where);
        judge_automatic(l, i);
        lint_names(l, t, where);
        lint_references(l, t, where);
        lint_logic(l, t, where);
    }
    lint_steps(l);
    lint_thresholds(l);
    lint_referrers(l);
    lint_rivals(l);
    if (json_array_size(l->errors) == 0)
        judge_whole(l);
    judge_labels(l);
    findings = l->errors;
    (void)json_array_extend(findings, l->warnings);
    json_decref(l->warnings);
    free(l);
    return findings;
}
