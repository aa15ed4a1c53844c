/**
 * intake - what the files of the intake share: a submission on its way to a lead.
 */
#ifndef SLUICE_SERVICE_INTAKE_H
#define SLUICE_SERVICE_INTAKE_H

#include "call/call.h"
#include "service/process/birth.h"
#include "service/record/fields.h"

/** A form, and what came through it. */
struct intake {
    struct uuid form;
    const char *const *allowed; /* lead fields that the form takes, NULL at the end */
    const char *const *required;
    json_t *mapping; /* name in the form -> lead field */
    const char *honeypot, *redirect_url, *error_url, *on_duplicate;
    const char *consent_version, *consent_text;
    bool consent_required, double_opt_in, limited;
    int64_t now, confirm_hours;
    const char *source, *campaign, *owner;

    struct fields fields; /* of a lead */
    json_t *lead;         /* what becomes the lead */
    json_t *utm;
    json_t *extra; /* everything else, as it came */
    bool consents, trapped, as_page;
    struct uuid submission, lead_id;
    struct birth birth;
    bool judged, held;
    int accepted; /* the statement */
};

/** Reads a row of intake_form_by_key or intake_waiting; returns NULL past the arena's limit. */
struct intake *intake_of(struct call *c, const struct result *r);

/** A JSON array of strings as a list of words that ends with NULL. */
const char *const *intake_words(struct call *c, const char *json);

/** Tells whether the word is among those of the list, which ends with NULL. */
bool intake_listed(const char *const *words, const char *word);

/** Returns what a form may fill under this name, or NULL: no such field of a lead, or the form's
 * own business (its source, whose the lead is). */
const struct schema_member *intake_member(const struct fields *of, const char *name);

/** From here on the form is the actor: audit entries and idempotency keys are its own. */
bool intake_act_as(struct call *c, const struct intake *in, const char *name);

/** Sorts the body into lead, utm and extra; what is wrong with it goes to c->err, with pointers to
 * what the page calls its fields. */
void intake_fields(struct call *c, struct intake *in);

/** Returns an address or network as a digest that only this installation can make. */
const char *intake_digest(struct call *c, const char *address);

/** What c->err says, as JSON text for the log; NULL if it says nothing. */
const char *intake_faults(struct call *c, const struct intake *in);

/** Prepares the decision about the birth: asks for facts if there is anything to decide. */
enum step intake_ask_birth(struct call *c, struct intake *in);

/** Decides. Guards that do not hold are told like other faults; about an actor rule no sender can
 * do anything: then in->held. False: the call fails. */
bool intake_decide_birth(struct call *c, struct intake *in);

/** Says whether the origin may post, and tells the browser. False: it may not, err is set. */
bool intake_origin(struct call *c, const char *const *origins);

/** Lets the browser show the page the answer: its origin was found to be one that may. */
void intake_welcome(struct call *c);

/** Replies with what became of a submission: @r is the row of intake_accept or intake_confirm. */
enum step intake_reply(struct call *c, const struct intake *in, const struct result *r);

/** Replies to a browser that posted a plain form: redirect or page. @title is for people. */
enum step intake_redirect(struct call *c, const char *url);
enum step intake_page(struct call *c, int status, const char *title, const char *text,
                      const char *button);

/** Replies to a refusal in the way that the sender can use. */
enum step intake_refuse(struct call *c, struct intake *in);

#endif
