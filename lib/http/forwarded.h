/**
 * forwarded - who asks, when proxies that we trust stand between.
 *
 * Each proxy appends the address that it was asked from, so the list is read from its end: as long
 * as the one who asked is a trusted proxy, the element that it wrote tells the next. What stands
 * left of the first address that is not trusted was written by somebody unknown and is not looked
 * at. Nor is anything behind an element that names no address: then the last one known is it.
 */
#ifndef SLUICE_HTTP_FORWARDED_H
#define SLUICE_HTTP_FORWARDED_H

#include <stdbool.h>

#include "base/address.h"

/** Which of the two is read is a setting, not the request's choice: a proxy that writes one passes
 * the other on as the client has sent it. */
enum forwarded_kind {
    FORWARDED_X_FOR,   /* X-Forwarded-For: addresses, or nodes with a port */
    FORWARDED_RFC7239, /* Forwarded: for=192.0.2.1;proto=https, for="[2001:db8::1]:80" */
};

struct forwarded {
    const struct networks *trusted;
    enum forwarded_kind kind;
    struct address client; /* set to whom the connection comes from, to begin with */
    bool found;            /* nothing more is to be read */
};

/** Takes a line of the field; the last one first. */
void forwarded_take(struct forwarded *f, struct span line);

#endif
