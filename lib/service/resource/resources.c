/* resources - leads, accounts, contacts, opportunities, activities, tasks, and what belongs to an
 * account: a row each.
 *
 * Everything that they share is in record.c and transition.c; what only one of them can do has a
 * file of its own (convert.c).
 */
#include <string.h>

#include "asks.gen.h"
#include "schemas.gen.h"
#include "service/record/export.h"
#include "service/record/record.h"

/* Every resource: list, create, get, update, delete, history. */
#define RESOURCE(name, NAME, ...)                                                                  \
    const struct record record_##name = {.entity = #name,                                          \
                                         .may_read = PERMISSION_##NAME##_READ,                     \
                                         .may_write = PERMISSION_##NAME##_WRITE,                   \
                                         .may_delete = PERMISSION_##NAME##_DELETE,                 \
                                         .get = &query_##name##_get,                               \
                                         .create = &query_##name##_create,                         \
                                         .update = &query_##name##_update,                         \
                                         .erase = &query_##name##_delete,                          \
                                         .list = &list_##name##_list,                              \
                                         __VA_ARGS__};                                             \
    const struct operation name##_list = {record_list_steps, &record_##name};                      \
    const struct operation name##_get = {record_get_steps, &record_##name};                        \
    const struct operation name##_update = {record_update_steps, &record_##name};                  \
    const struct operation name##_delete = {record_delete_steps, &record_##name};                  \
    const struct operation name##_history = {record_history_steps, &record_##name}

/* Those that others' stories meet in. */
#define WITH_TIMELINE(name)                                                                        \
    const struct operation name##_timeline = {record_timeline_steps, &record_##name}

/* Those that can be had as a file. */
#define EXPORTED(name) const struct operation name##_export = {record_export_steps, &record_##name}

/* Those that no process governs. */
#define UNGOVERNED(name)                                                                           \
    const struct operation name##_create = {record_create_steps, &record_##name}

/* Those whose state a blueprint governs. */
#define GOVERNED(name)                                                                             \
    const struct operation name##_create = {record_birth_steps, &record_##name};                   \
    const struct operation name##_transitions = {record_transitions_steps, &record_##name};        \
    const struct operation name##_transition = {record_transition_steps, &record_##name};          \
    const struct operation name##_steps = {record_steps_steps, &record_##name};                    \
    const struct operation name##_step_done = {record_step_done_steps, &record_##name};            \
    const struct operation name##_step_open = {record_step_open_steps, &record_##name};            \
    const struct operation name##_draft_get = {record_draft_get_steps, &record_##name};            \
    const struct operation name##_draft_put = {record_draft_put_steps, &record_##name};            \
    const struct operation name##_draft_delete = {record_draft_delete_steps, &record_##name};      \
    const struct operation name##_bulk = {record_bulk_steps, &record_##name}

RESOURCE(lead, LEAD, .then = &query_lead_then, .facts = &query_facts_lead,
         .fields = &schema_LeadFields);
WITH_TIMELINE(lead);
GOVERNED(lead);

RESOURCE(account, ACCOUNT, .then = &query_account_then, .facts = &query_facts_account,
         .fields = &schema_AccountFields);
WITH_TIMELINE(account);
GOVERNED(account);

RESOURCE(opportunity, OPPORTUNITY, .then = &query_opportunity_then,
         .facts = &query_facts_opportunity, .fields = &schema_OpportunityFields);
WITH_TIMELINE(opportunity);
GOVERNED(opportunity);

RESOURCE(contact, CONTACT, .then = &query_contact_then);
const struct operation contact_create = {record_custom_create_steps, &record_contact};
WITH_TIMELINE(contact);

RESOURCE(activity, ACTIVITY);
UNGOVERNED(activity);
RESOURCE(task, TASK);
UNGOVERNED(task);

RESOURCE(equipment, EQUIPMENT);
UNGOVERNED(equipment);
RESOURCE(invoice, INVOICE);
UNGOVERNED(invoice);
RESOURCE(complaint, COMPLAINT);
UNGOVERNED(complaint);

EXPORTED(lead);
EXPORTED(account);
EXPORTED(contact);
EXPORTED(opportunity);
EXPORTED(activity);
EXPORTED(task);

const struct record *record_governed(const char *entity)
{
    static const struct record *const all[] = {&record_lead, &record_account, &record_opportunity};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (strcmp(all[i]->entity, entity) == 0)
            return all[i];
    return NULL;
}
