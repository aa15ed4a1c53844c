/**
 * record - the operations that leads, accounts, contacts, opportunities, activities and tasks
 * share.
 *
 * A resource is a row of this table: its queries and permissions. The steps are written once and
 * find the row through the operation that the route names (struct operation, `of`).
 */
#ifndef SLUICE_SERVICE_RECORD_H
#define SLUICE_SERVICE_RECORD_H

#include "call/call.h"
#include "call/list.h"

struct query;
struct schema;

/** The queries of a resource all have the same parameters:
 *    get     id, viewer, scope
 *    create  id, body; what belongs to an account declares viewer, scope, account_scope as well
 *    update  id, viewer, scope, version (NULL: any), patch;    returns a row if it changed the
 * record erase   id, viewer, scope, version;                       likewise list    viewer, scope
 *    then    id, viewer, scope, as_of
 *    facts   id, viewer, scope, actor_kind, roles, teams       governed resources only
 */
struct record {
    const char *entity; /* "lead" */
    enum permission may_read, may_write, may_delete;
    const struct query *get, *create, *update, *erase, *facts;
    const struct query *then; /* the record as of a moment of the past, or NULL */
    const struct list_query *list;
    const struct schema *fields; /* what a transition may set; governed resources only */
};

/** The resource that the call is about. */
const struct record *record_of(const struct call *c);

/** Asks for the record as the caller sees it (adds a statement). @p is the permission whose scope
 * counts. */
void record_ask_get(struct call *c, const struct record *r, const struct uuid *id,
                    enum permission p);

/** Fills the fixed parameters of a resource's list, for a caller whose scope of @p counts; a list
 * takes as many of the first as it declares. */
#define RECORD_LIST_FIXED 4
void record_list_fixed(struct call *c, enum permission p, const char *fixed[RECORD_LIST_FIXED]);

/** The steps that every creation ends with: the record is written and answered. */
enum step record_create(struct call *c);

/** The step that writes a patch, for kinds of records that no duplicates are looked for among. */
enum step record_update(struct call *c);

/** Ties a value to the call, which gives it back when it ends; returns it. Accepts NULL. */
json_t *keep_json(struct call *c, json_t *value);

/** Parses JSON text that the database gave, tied to the call; NULL for NULL or what is none. */
json_t *read_json(struct call *c, const char *text);

/** Returns the caller's id as text in the arena; NULL (SQL NULL) for callers that are not users. */
const char *caller_id(struct call *c);

/** Returns the uuid as text in the arena. */
const char *uuid_text(struct call *c, const struct uuid *id);

/** Returns the words as a PostgreSQL text[] literal in the arena; @words ends with NULL. */
const char *text_array(struct call *c, const char *const *words);

/** Returns the governed resource of that entity, or NULL. */
const struct record *record_governed(const char *entity);

extern const struct record record_lead, record_account, record_contact, record_opportunity,
    record_activity, record_task, record_equipment, record_invoice, record_complaint;

/** What the caller may read of each kind of record, as JSON: {"lead": "all", ...}. */
const char *record_scopes(struct call *c);

/** For calls that found nothing (struct call_env, `missing`): a lead, account or contact that was
 * merged answers with a way to its survivor, below its address too. */
extern step_fn *const merged_steps[];

extern step_fn *const record_list_steps[];
extern step_fn *const record_create_steps[];
extern step_fn *const record_custom_create_steps[]; /* of a contact */
extern step_fn *const record_birth_steps[];         /* of a governed record */
extern step_fn *const record_get_steps[];
extern step_fn *const record_update_steps[];
extern step_fn *const record_delete_steps[];
extern step_fn *const record_history_steps[];
extern step_fn *const record_timeline_steps[];
extern step_fn *const record_transitions_steps[];
extern step_fn *const record_transition_steps[];
extern step_fn *const record_steps_steps[];
extern step_fn *const record_step_done_steps[];
extern step_fn *const record_step_open_steps[];
extern step_fn *const record_bulk_steps[];
extern step_fn *const record_draft_get_steps[];
extern step_fn *const record_draft_put_steps[];
extern step_fn *const record_draft_delete_steps[];

#endif
