/* which of several processes governs a new record */
#include <string.h>

#include "blueprint/lint_parts.h"

static json_int_t priority_of(const json_t *doc)
{
    return json_integer_value(json_object_get(doc, "priority"));
}

static bool takes_all(const json_t *doc)
{
    return json_array_size(json_object_get(doc, "criteria")) == 0;
}

/* Criteria that are not the same may still hold for one record; only the order of keys decides
 * then. */
static void judge_rival(struct linting *l, const json_t *other)
{
    const struct about at = {.pointer = "/priority"};
    json_int_t mine = priority_of(l->doc), theirs = priority_of(other);
    bool all = takes_all(l->doc), others_all = takes_all(other);

    if (mine == theirs && all == others_all)
        lint_warning(l, "same_priority", &at,
                     "\"%s\" has the priority %" JSON_INTEGER_FORMAT
                     " as well: where both could govern a record, the first by key does.",
                     part_key(other), theirs);
    else if (others_all && (theirs > mine || (theirs == mine && !all &&
                                              strcmp(part_key(other), part_key(l->doc)) < 0)))
        lint_warning(l, "never_governs", &at,
                     "\"%s\" has the priority %" JSON_INTEGER_FORMAT
                     " and no criteria: it governs every new record before this one is asked.",
                     part_key(other), theirs);
    else if (all &&
             (mine > theirs || (mine == theirs && strcmp(part_key(l->doc), part_key(other)) < 0)))
        lint_warning(l, "never_governs", &at,
                     "Without criteria this governs every new record before \"%s\" is asked.",
                     part_key(other));
}

void lint_rivals(struct linting *l)
{
    const char *entity = part_text(l->doc, "entity");
    json_t *other;
    size_t i;

    json_array_foreach (l->w->others, i, other) {
        const char *theirs = part_text(other, "entity");

        if (entity != NULL && theirs != NULL && strcmp(entity, theirs) == 0 &&
            strcmp(part_key(other), part_key(l->doc)) != 0)
            judge_rival(l, other);
    }
}
