/* what documents are judged by: the members of records, as the contract has them */
#include <string.h>

#include "schemas.gen.h"
#include "service/design/design.h"
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

void design_world(struct lint_world *w, const char *entity, const json_t *custom)
{
    *w = (struct lint_world){.custom = custom};
    for (size_t i = 0; entity && i < sizeof(entities) / sizeof(entities[0]); i++) {
        if (strcmp(entities[i].entity, entity) != 0)
            continue;
        w->relations = entities[i].relations;
        w->fields = entities[i].fields;
    }
}
