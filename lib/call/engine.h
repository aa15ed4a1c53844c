/**
 * engine - what the files of this module share; nobody else includes it.
 */
#ifndef SLUICE_CALL_ENGINE_H
#define SLUICE_CALL_ENGINE_H

#include "call/call.h"

/** Room that the engine needs in an ask beside the operation's statements: enter and claim, or
 * find; and what a held transaction puts around them. */
#define ASK_ENGINE_MAX 6

/** What runs before the operation's own steps. */
extern step_fn *const entry_steps[];

/** What runs instead of the rest of them once the database refused to write what is there already:
 * the attempt is an entry of the history. */
extern step_fn *const denied_steps[];

/** What runs instead of them once an Idempotency-Key turns out to be known. */
extern step_fn *const replay_steps[];

/** Runs the call on from the verdict @rc: steps, then asking or replying. The only loop of its
 * kind. */
void call_advance(struct call *c, enum step rc);

/** Frees a call that is over. */
void call_end(struct call *c);

/** Makes @steps the next to run. */
void call_go(struct call *c, step_fn *const *steps);

/** Tells whether the operation's own steps run (not entry, not replay). */
bool call_in_operation(const struct call *c);

/** Remembers that memory ran out: the code is ERR_BODY_TOO_LARGE. Returns STEP_FAIL. */
enum step call_no_memory(struct call *c);

/** Sends what was filled: STEP_WAIT, or STEP_FAIL if it cannot be put together. */
enum step ask_send(struct call *c);

/** Sends c->ask as it is. */
void ask_go(struct call *c);

/** Goes on by what became of c->ask. */
void ask_judge(struct call *c);

/* held.c */

/** Tells whether the write that failed is to be done in a transaction that is held open; then does
 * so: STEP_WAIT, or STEP_FAIL without memory. */
bool held_is_wanted(const struct call *c);
enum step held_open(struct call *c);

/** Tells whether the steps of env->settle run. */
bool held_settles(const struct call *c);

/** Returns the ask to send for doing what was answered once more: the one that opened the held
 * transaction, if there was one. */
struct ask *held_plain(struct call *c);

/** Makes the ask that goes out part of the held transaction. */
void held_frame(struct call *c);

/** Goes on after an answer, commits when the steps are done, or undoes everything. */
void held_answered(struct call *c);
void held_end(struct call *c);
void held_undo(struct call *c);

/** Whether `Prefer` and friends are well-formed; fills c->dry, c->minimal, c->language. Faults go
 * to c->err. */
void headers_read(struct call *c);

/* range.c */

/** Adds a fault for each range among the parameters whose upper end lies before its lower one. */
void ranges_check(struct call *c);

/** Picks en, pl or ru from Accept-Language, or returns NULL if none of them is acceptable there. */
const char *language_pick(const char *accept);

/** Reads an If-Match value: 0 for absent or "*". Returns false when malformed. */
bool if_match_parse(const char *value, int64_t *ret);

/** Tells whether If-None-Match names this version (weak comparison). */
bool if_none_match(const char *value, const char *version);

/* idempotency.c */

/** Adds the look-up of the key behind the statements of the ask that goes out. */
bool idempotency_look_up(struct call *c);

/** Adds the claim. */
bool idempotency_claim(struct call *c);

/** Sends the ask that keeps the reply for replays, if there is a reason to; sets c->asking then. */
void idempotency_keep(struct call *c);

/** Puts an engine's statement at @at among those of the ask. Returns false if there is no room. */
bool ask_insert(struct call *c, int at, const struct query *q, const char *const *values);

/** Makes a new ask that lives as long as the call, or NULL. */
struct ask *ask_create(struct call *c);

#endif
