/**
 * design - what reading, editing, judging and publishing a blueprint share.
 */
#ifndef SLUICE_SERVICE_DESIGN_H
#define SLUICE_SERVICE_DESIGN_H

#include <jansson.h>

#include "blueprint/lint.h"
#include "call/call.h"

/** A version as a decision sees it, with what it is judged by. Lives in the call's arena; c->state
 * points to it. Trees are borrowed by the arena. */
struct design {
    struct uuid id;
    int64_t version;    /* what If-Match is compared with */
    const char *status; /* NULL: the document came with the request */
    json_t *doc;        /* canonical */
    json_t *published;  /* what is in force of the process, canonical, or NULL */
    int64_t published_number;
    const char *published_id;
    json_t *roles, *users, *teams, *calendars, *segments, *others, *custom;
};

/** Steps: ask for the version in the path, then fill struct design. No version: 404. */
enum step design_ask(struct call *c);
enum step design_ready(struct call *c);

/** Asks for what the document in the body is judged by; design_ready() fills the rest. The body is
 * checked: false with all its faults. */
bool design_of_body(struct call *c);

struct design *design_of(struct call *c);

/** Tells whether If-Match allows to go on; false with ERR_STALE set. */
bool design_is_current(struct call *c);

/** Keeps a tree as long as the call lives, and returns it. */
json_t *design_keep(struct call *c, json_t *tree);

/** What documents of an entity are judged by, apart from what the database knows; @custom: the
 * definitions of custom fields by entity, or NULL. */
void design_world(struct lint_world *w, const char *entity, const json_t *custom);

/** Judges the document of the call. The findings live as long as the call. */
json_t *design_lint(struct call *c);

/** Fails with ERR_LINT when there is an error among the findings. */
enum step design_refuse_errors(struct call *c, const json_t *findings);

/** Writes "lint": {"errors", "warnings", "findings"} as a member. */
void design_write_lint(struct call *c, struct out *o, const json_t *findings);

/** {"diff": [sentences]}, for the audit trail. JSON text in the arena. */
const char *design_detail(struct call *c, const json_t *diff);

/** The version as text for a statement, NULL for 0. */
const char *design_number(struct call *c, int64_t n);

#endif
