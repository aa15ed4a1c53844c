/* what documents are judged by: the members of records, as the contract has them */
#include <string.h>

#include "blueprint/custom.h"
#include "schemas.gen.h"
#include "service/design.h"
#include "json/schema.h"

static const struct lint_relation of_lead[] = {
    {NULL, &schema_LeadCreate, "status"},
    {"account", &schema_AccountCreate, "verification"},
    {"contact", &schema_ContactCreate, NULL},
    {NULL, NULL, NULL},
};

static const struct lint_relation of_account[] = {
    {NULL, &schema_AccountCreate, "verification"},
    {"lead", &schema_LeadCreate, "status"},
    {NULL, NULL, NULL},
};

static const struct lint_relation of_opportunity[] = {
    {NULL, &schema_OpportunityCreate, "stage"},
    {"account", &schema_AccountCreate, "verification"},
    {"contact", &schema_ContactCreate, NULL},
    {NULL, NULL, NULL},
};

static const struct {
    const char *entity;
    const struct lint_relation *relations;
    const struct schema *fields;
} entities[] = {
    {"lead", of_lead, &schema_LeadFields},
    {"account", of_account, &schema_AccountFields},
    {"opportunity", of_opportunity, &schema_OpportunityFields},
};

/* The members with those of the member `custom` that the installation has defined; as they are past
 * the arena's limit. */
static const struct schema *with_custom(struct arena *a, const struct schema *s,
                                        const json_t *definitions)
{
    struct schema *own = arena_alloc(a, sizeof(*own));
    struct schema_member *members;
    size_t n = 0;

    while (s->members[n].name)
        n++;
    members = arena_alloc(a, (n + 1) * sizeof(*members));
    if (!own || !members)
        return s;
    memcpy(members, s->members, (n + 1) * sizeof(*members));
    for (size_t i = 0; i < n; i++)
        if (strcmp(members[i].name, "custom") == 0)
            members[i].schema = custom_schema(a, definitions, false);
    *own = *s;
    own->members = members;
    return own;
}

/* Of the record itself, and of those related to it, each by the fields of its own entity. */
static const struct lint_relation *relations_with(struct arena *a, const char *entity,
                                                  const struct lint_relation *of,
                                                  const json_t *custom)
{
    struct lint_relation *own;
    size_t n = 0;

    while (of[n].members)
        n++;
    own = arena_alloc(a, (n + 1) * sizeof(*own));
    if (!own)
        return of;
    memcpy(own, of, (n + 1) * sizeof(*own));
    for (size_t i = 0; i < n; i++)
        own[i].members = with_custom(a, of[i].members,
                                     json_object_get(custom, of[i].name ? of[i].name : entity));
    return own;
}

void design_world(struct lint_world *w, const char *entity, struct arena *a, const json_t *custom)
{
    *w = (struct lint_world){.roles = NULL};
    for (size_t i = 0; entity && i < sizeof(entities) / sizeof(entities[0]); i++) {
        if (strcmp(entities[i].entity, entity) != 0)
            continue;
        w->relations = custom ? relations_with(a, entity, entities[i].relations, custom)
                              : entities[i].relations;
        w->fields = entities[i].fields;
    }
}
