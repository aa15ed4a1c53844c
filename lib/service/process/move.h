/**
 * move - deciding and writing one move, whoever asks for it: a request, an approval that is
 * complete, a bulk.
 *
 * Works on process_of(c), which must be ready. What comes along is in the move, not in the call.
 */
#ifndef SLUICE_SERVICE_MOVE_H
#define SLUICE_SERVICE_MOVE_H

#include "service/process/process.h"

struct move {
    const char *key;   /* of the transition */
    json_t *body;      /* a checked TransitionRequest, or NULL */
    const char *force; /* why guards and actor rules are skipped, or NULL */
    json_t *approval;  /* by whom it was asked for and approved, for the history; or NULL */
    /* what move_decide found */
    const struct transition *transition;
    const struct verdict *root;
    const char *failures; /* of guards, JSON text, or NULL */
    bool asks;            /* others must agree first: move_request instead of move_write */
};

/** Returns the reason for breaking the glass that the body gives, or NULL. */
const char *move_force(const json_t *body);

/** Decides: is it declared from here, may the actor, are the inputs right, do the guards hold.
 * False with c->err set. */
bool move_decide(struct call *c, struct move *m);

/** Adds the statement that writes it, and returns its index; its row has "outcome", "version" and
 * "state". */
int move_write(struct call *c, const struct move *m);

/** Announces the keys of what a decided move writes, ahead of the statement that does; move_write
 * does it by itself. */
void move_announce(struct call *c, const struct move *m);

/** Has the fields that it sets refused when they name records which the caller does not see (see
 * links_ask); move_write and move_request do it by themselves. */
void move_links(struct call *c, const struct move *m);

/** Adds the statement that asks for approval of it under this id instead; its row has "outcome".
 */
void move_request(struct call *c, const struct move *m, struct uuid id);

/** Asks for an approval as the caller may see it; reply_row answers it. */
void approval_ask(struct call *c, struct uuid id);

/** The parts of a decided move as statements take them: ids for the visit, activities and tasks
 * (uuid[]), what the history shows beside the inputs (JSON or NULL), and a member of the body as
 * JSON. */
const char *move_ids(struct call *c, const struct move *m);
const char *move_more(struct call *c, const struct move *m);
const char *move_part(struct call *c, const struct move *m, const char *name);

#endif
