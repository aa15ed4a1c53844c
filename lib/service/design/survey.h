/**
 * survey - going through all records of a process, page by page.
 */
#ifndef SLUICE_SERVICE_SURVEY_H
#define SLUICE_SERVICE_SURVEY_H

#include <jansson.h>

#include "blueprint/survey.h"
#include "call/call.h"
#include "loop/offload.h"

/** So many records are looked at while a client waits; more are a job. */
#define SURVEY_AT_ONCE 10000

/** Thresholds that are due within so many working days are soon, unless asked otherwise. */
#define SURVEY_SOON 5

/** So many records make a page: a few megabytes of facts at worst. */
#define SURVEY_PAGE 20000

/** A survey in the arena of a call. */
struct survey {
    struct job job;           /* first: the pages are evaluated on an offload thread */
    const char *blueprint_id; /* of the process */
    const char *entity, *status, *version_id;
    struct blueprint *version; /* the one asked about */
    struct blueprint **own;    /* those that records live under; ends with NULL */
    json_t *document;          /* to be asked about instead of the version; or NULL */
    bool past;                 /* judge the transition that led into the present state */
    const char *only;          /* records of this version alone; NULL: of all */
    const char *needs;
    const char *thresholds; /* of the version asked about, as JSON; NULL: none */
    int64_t soon;           /* working days that a threshold may have left */
    json_t *mapping, *sum;
    const char *after; /* the id that the next page begins behind */
    int64_t total, seen;
    bool over;
    const struct result *page;
    json_t *(*result)(const struct survey *s); /* what is answered in the end */
    const json_t *kept;                        /* what was found out before the first page */
};

/** Takes the answer to survey_scope or survey_again: compiles the versions and finds out what their
 * guards need. False with c->err set. */
bool survey_begin(struct call *c, struct survey *s, const struct result *r);

/** Asks for the next page; with the first one of a simulation, for what would be late. */
enum step survey_ask_page(struct call *c, struct survey *s);

/** Evaluates the page that was answered, beside the loop: return STEP_WAIT after it. False with
 * c->err set when too much is waiting. */
bool survey_evaluate(struct call *c, struct survey *s);

/** Returns a survey that is the state of the call and ends with @result; NULL with c->err set. */
struct survey *survey_new(struct call *c, json_t *(*result)(const struct survey *s));

/** The steps after those that ask for the first page, or leave a job and set `over`. */
enum step survey_page(struct call *c);
enum step survey_page_done(struct call *c);

/** Returns an object of objects as a new list in order of the keys, which become the member @name.
 */
json_t *survey_listed(const json_t *map, const char *name);

/** The slices of a job with the parameter "version": goes on where the last one ended (NULL with
 * c->err set); then asks for a page, evaluates it, and writes down where it ended or, after the
 * last one, the result. */
struct survey *survey_slice_new(struct call *c, json_t *(*result)(const struct survey *s));
enum step survey_slice_page(struct call *c);
enum step survey_slice_evaluate(struct call *c);
enum step survey_slice_done(struct call *c);

#endif
