/**
 * peers - how many connections each address holds.
 *
 * IPv6 addresses count by their /64: whoever has one address has the whole net.
 */
#ifndef SLUICE_HTTP_PEERS_H
#define SLUICE_HTTP_PEERS_H

#include <stdint.h>

#define PEERS_BUCKETS 1024

struct address;

struct peer {
    struct peer *next;
    uint8_t key[16];
    unsigned count;
};

/** Zeroed to begin with. */
struct peers {
    uint64_t seed;
    struct peer *buckets[PEERS_BUCKETS];
};

/** Counts one more connection of the address. Returns the entry; its count says how many there are
 * now. */
struct peer *peers_enter(struct peers *p, const struct address *address);

/** Counts one less; frees the entry with the last one. NULL: was not counted. */
void peers_leave(struct peers *p, struct peer *peer);

#endif
