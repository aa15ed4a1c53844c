/**
 * router - finds the route of a method and a path.
 *
 * A tree of segments over the generated table. A literal segment wins over a parameter; the path is
 * decided before the method, so that a known path with another method is 405 with what it allows.
 */
#ifndef SLUICE_HTTP_ROUTER_H
#define SLUICE_HTTP_ROUTER_H

#include <stddef.h>

#include "base/buf.h"
#include "base/text.h"
#include "call/route.h"
#include "http/target.h"
#include "http/wire.h"

#define ROUTER_ALLOW 64 /* "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS" */

struct router;

enum router_verdict { ROUTER_FOUND, ROUTER_NO_PATH, ROUTER_NO_METHOD };

struct router_match {
    const struct route *route; /* ROUTER_FOUND */
    unsigned nparams;
    struct span params[TARGET_SEGMENTS_MAX]; /* decoded values of the path parameters, in order */
    const char *allow; /* unless ROUTER_NO_PATH; lives as long as the router */
};

/** Builds the tree over @n routes, which must outlive it. */
struct router *router_create(const struct route *table, size_t n);
void router_destroy(struct router *r);

/** Finds the route. VERB_HEAD finds the one of GET; VERB_OPTIONS mostly finds none, but
 * fills @ret->allow. */
enum router_verdict router_find(const struct router *r, enum wire_verb verb, const struct target *t,
                                struct router_match *ret);

/** Appends the address that was meant by one that does not exist: of the same shape, with words of
 * the table that are near, without a slash at the end or with the /v1 that was left out. False when
 * there is none. */
bool router_nearest(const struct router *r, const struct target *t, struct buf *ret);

#endif
