/**
 * reply - generic last steps: a row, a list, nothing; rows become JSON here.
 */
#ifndef SLUICE_CALL_REPLY_H
#define SLUICE_CALL_REPLY_H

#include "call/call.h"
#include "json/out.h"

/** Adds a header. Name and value must live as long as the call. */
void reply_header(struct call *c, const char *name, const char *value);

/** Writes one row as a JSON object: "account.id", "account.name" nest under "account" (the columns
 * of a group stand together; a group whose first column is NULL is null). Columns whose name starts
 * with '_' are left out. @fields (ends with NULL) keeps only these top-level names, NULL keeps all.
 */
void reply_write_row(struct out *o, const struct result *r, int row, const char *const *fields);

/** The same for many rows: what does not depend on the row is worked out once. */
struct row_plan;
const struct row_plan *reply_plan(struct call *c, const struct result *r,
                                  const char *const *fields);
void reply_write_planned(struct out *o, const struct row_plan *plan, int row);

/** Starts a JSON reply that the operation writes by hand: sets status and media type and returns
 * the writer of the body. After the last member: return STEP_REPLY. */
struct out *reply_json(struct call *c, int status);

/** Returns the names of the `fields` parameter (ends with NULL) or NULL when all are wanted; false
 * with the fault if one is no column of @r. */
bool reply_fields(struct call *c, const struct result *r, const char *const **ret);

/** Whether the result has all these members (NULL-terminated; NULL: none are named); else the
 * faults. */
bool reply_has_fields(struct call *c, const struct result *r, const char *const *names);

/** Tells whether the client asked for no body (Prefer: return=minimal), and takes note that it gets
 * none: end with reply_empty(). */
bool reply_is_minimal(struct call *c);

/** Turns c->err into the reply: application/problem+json with the headers that belong to it. */
void reply_problem(struct call *c);

/* steps */

/** Replies with the first row of the last statement's result: the route's success status, ETag from
 * the column "version". No row is 404. Knows If-None-Match (304), `fields` and Prefer:
 * return=minimal. */
enum step reply_row(struct call *c);

/** As reply_row, with Location: the collection's address and the row's id. */
enum step reply_created(struct call *c);

/** Replies with the rows of the last statement as {"items": [...]}, without pages. */
enum step reply_rows(struct call *c);

/** Ends a reply that was written by hand (reply_json): what it says is its ETag, and a client that
 * has it gets 304. */
enum step reply_digested(struct call *c);

/** 204 without body. */
enum step reply_empty(struct call *c);

/** For PATCH and DELETE: statement 0 is the write and returns a row only if it changed something;
 * the last statement reads the record back. No row anywhere is 404; a record but no change is 412
 * `stale` with the current version. Then NEXT. */
enum step check_written(struct call *c);

#endif
