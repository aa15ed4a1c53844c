/**
 * conversion - what a preview of a lead's conversion and the conversion itself share.
 */
#ifndef SLUICE_SERVICE_CONVERSION_H
#define SLUICE_SERVICE_CONVERSION_H

#include "service/process/birth.h"

enum { BIRTH_ACCOUNT, BIRTH_OPPORTUNITY, BIRTHS };

/** What the steps share. */
struct conversion {
    struct process process;                   /* first: c->state is both */
    json_t *account, *contact;                /* {"id"} or {"create": {...}}; NULL: none */
    const json_t *opportunity;                /* its members; NULL: none */
    const struct result *candidates, *mapped; /* what the lead brings, by the rows of the mapping */
    struct birth births[BIRTHS];
    bool born[BIRTHS]; /* is there something to decide? */
    struct uuid new_account, new_contact, new_opportunity;
    int account_source, contact_source; /* what keys of linked ones are made of; -1: not asked */
    int conflicts; /* the statement that compares what would be linked; -1: none */
    int written;   /* the statement that converts */
};

struct conversion *conversion_of(const struct call *c);

/** Asks for the lead's facts, as process_ask. */
enum step conversion_ask(struct call *c, enum permission p);

/** Asks for existing records that match, and for the processes of what would be made. */
enum step conversion_candidates(struct call *c);

/** Keeps what that found, before anything else is asked. */
void conversion_found(struct call *c);

/** What the lead brings: the members in @column of what was found. */
json_t *conversion_mapped(struct call *c, const char *column);

/** What to do about account and contact, by the body and what was found: {"id"} or {"create"}; no
 * contact (NULL) for a lead that names no person. NULL with c->err set when it cannot be said. */
json_t *conversion_account(struct call *c, const struct result *candidates);
json_t *conversion_contact(struct call *c, const struct result *candidates);

/** After the answer of conversion_candidates(), with account, contact and opportunity set: asks for
 * the facts of what is to be born, if there is something to decide; else NEXT. */
enum step conversion_births(struct call *c);

/** Decides about the births, after conversion_births(). False with c->err set, and the failures of
 * all as a JSON array. */
bool conversion_decide(struct call *c, const char **ret_failures);

/** Writes what matches, as an array. */
void conversion_write_matches(struct out *o, const struct result *r);

/** The user who converts, or none. */
struct uuid conversion_viewer(const struct call *c);

#endif
