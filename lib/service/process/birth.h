/**
 * birth - which process governs a record that is about to be made, and whether it may be born.
 *
 * Every way in which a lead, account or opportunity comes into the world goes through here. The
 * processes are asked in order of priority; the first one whose criteria hold governs the record,
 * and its initial transition has guards and actors like any other. What matches none is free. Where
 * no process asks for a decision, none is made: the database gives the record its state.
 *
 *   birth_ask()        adds a statement to a read: the processes;
 *   birth_is_judged()  after it was answered: is there anything to decide? If so,
 *   birth_facts()      or a query of one's own brings the facts of the record as it will be, and
 *   birth_decide()     finds the process and the verdict; then, in front of the insert,
 *   birth_choose()     names the process in the transaction that makes the record.
 */
#ifndef SLUICE_SERVICE_BIRTH_H
#define SLUICE_SERVICE_BIRTH_H

#include "service/process/process.h"

/** A record that is about to be made. Zeroed: nothing to decide. */
struct birth {
    const struct record *record;
    const struct schema *members; /* of the body that it is made from; failures point there */
    const char *pointer;          /* where the request has that body: "", "/account/create" */
    /* what was found */
    const struct result *versions;    /* NULL: nothing to decide */
    const struct blueprint *governs;  /* after birth_decide(); NULL: the record is free */
    const struct transition *initial; /* its birth */
    bool actor_allowed;
    const char *failures; /* of its guards, JSON text, or NULL */
};

/** Adds the statement that brings the processes of @r; returns its index. */
int birth_ask(struct call *c, const struct record *r);

/** Takes the answer of birth_ask(); returns whether there is something to decide. */
bool birth_is_judged(struct birth *b, const struct result *versions);

/** Adds the statement that brings the facts about the record that @body (JSON text) makes: a row
 * with "facts". Returns its index. */
int birth_facts(struct call *c, const struct birth *b, const char *body);

/** Finds the process of a birth that is judged, and whether the record may be born. False with
 * c->err set: ERR_GUARD (b->failures and err.members say which) or ERR_NOT_ACTOR. */
bool birth_decide(struct call *c, struct birth *b, const json_t *facts);

/** Adds the statement that names the process, in front of the one that makes the record. */
void birth_choose(struct call *c, const struct birth *b);

/** The state that the record will be in; NULL for one that is free or not judged. */
const struct state *birth_state(const struct birth *b);

#endif
