/**
 * match - the keys by which two records are told to be the same, sent ahead of every write.
 *
 * The database looks and refuses (sql/functions/match.sql); what it compares is made here, by
 * lib/quality. Keys carry the values that they were made of, so that the database knows those that
 * do not fit what is written, and puts the record on the list that rekey_steps work off.
 */
#ifndef SLUICE_SERVICE_MATCH_H
#define SLUICE_SERVICE_MATCH_H

#include "call/call.h"

/** Tells whether records of this kind have keys. */
bool match_has_keys(const char *entity);

/** Tells whether the members of a patch change what keys are made of. */
bool match_touches(const char *entity, const json_t *patch);

/** Returns what is announced of a record with these members, a new reference. @id may be NULL. */
json_t *match_record(struct call *c, const char *entity, const struct uuid *id,
                     const json_t *members);

/** False with c->err set: the body acknowledges duplicates, and the caller may not. */
bool match_may_acknowledge(struct call *c, const json_t *body);

/** Announces records (match_record; the array is taken over) ahead of the write that the ask being
 * filled makes; @body may acknowledge duplicates. With @strict the call is decided again when
 * something else is written. False as match_may_acknowledge. */
bool match_send(struct call *c, json_t *records, const json_t *body, bool strict);

/** Announces one record with these members; nothing for a kind that has no keys. */
bool match_send_one(struct call *c, const char *entity, const struct uuid *id,
                    const json_t *members);

struct transition;

/** Tells whether a move sets anything that keys are made of: by the fields of @body (a
 * TransitionRequest or NULL) or its actions. */
bool match_moves(const char *entity, const struct transition *t, const json_t *body);

/** Announces a record that a transition moves: what the fields of @body (a TransitionRequest or
 * NULL) and its actions set; @record is what the facts say of it. */
bool match_send_move(struct call *c, const char *entity, const struct uuid *id,
                     const json_t *record, const struct transition *t, const json_t *body);

/** The same, for a move that nobody asked for: as sluice.match_send() takes it, or NULL when it
 * sets nothing that keys are made of. */
const char *match_sent_move(struct call *c, const char *entity, const struct uuid *id,
                            const json_t *record, const struct transition *t);

/** What the caller may see of each kind of record that matches are looked for among, as JSON. */
const char *match_scopes(struct call *c);

/** Makes the keys of records that were written without. */
extern step_fn *const rekey_steps[];

#endif
