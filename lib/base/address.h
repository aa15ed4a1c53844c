/**
 * address - addresses of IPv4 and IPv6 and the networks that they lie in, as values.
 *
 * An IPv4 address is kept as its mapped form (::ffff:a.b.c.d, RFC 4291 section 2.5.5.2), so that
 * one that came over an IPv6 socket is the same address.
 */
#ifndef SLUICE_BASE_ADDRESS_H
#define SLUICE_BASE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

#define ADDRESS_TEXT 46 /* the longest one in digits, and a NUL */
#define NETWORK_TEXT 50 /* with a slash and its bits */
#define NETWORKS_MAX 64
#define ADDRESS_HOLDER 8 /* bytes of an IPv6 address that its holder has: at least a /64 */

struct sockaddr;

struct address {
    uint8_t bytes[16];
};

struct network {
    struct address address;
    unsigned bits; /* of the 16 bytes: an IPv4 network has 96 more than it is written with */
};

struct networks {
    unsigned n;
    struct network list[NETWORKS_MAX];
};

/** Returns the address of the socket; zeros for a kind that has none. */
struct address address_of(const struct sockaddr *from);

/** Tells whether it is one of IPv4. */
bool address_is_four(const struct address *a);

/** Reads "192.0.2.1" or "2001:db8::1"; nothing around it. */
bool address_parse(struct span text, struct address *ret);

/** Reads an address that may have a port behind it: "192.0.2.1:80", "[2001:db8::1]:80",
 * "[2001:db8::1]". */
bool address_parse_node(struct span text, struct address *ret);

/** Writes it in digits; "" for zeros. */
void address_format(const struct address *a, char out[ADDRESS_TEXT]);

/** Writes what one holder of addresses has in hand, for limits: an IPv4 address, an IPv6 /64. */
void address_format_network(const struct address *a, char out[NETWORK_TEXT]);

/** Reads "10.0.0.0/8, 2001:db8::/32, 192.0.2.1". False: not that, more than NETWORKS_MAX, bits of
 * the address set beyond those of the network, or a network that holds everybody. */
bool networks_parse(const char *text, struct networks *ret);

bool networks_hold(const struct networks *networks, const struct address *a);

#endif
