/**
 * problem - struct err as application/problem+json (RFC 9457).
 */
#ifndef SLUICE_JSON_PROBLEM_H
#define SLUICE_JSON_PROBLEM_H

#include "base/buf.h"
#include "base/err.h"

/** Writes the problem: type ("/docs/problems#<code>"), title, status, detail, instance
 * ("urn:uuid:<request id>"), code, request_id, retryable, hint, errors[] {in, pointer (or name),
 * code, detail, hint, got, allowed}, then the members of the err. Without errors there is always a
 * detail, at least the title, and a hint, at least that of the code. */
void problem_write(struct buf *b, const struct err *e, const char *request_id);

#endif
