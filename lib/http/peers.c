#include "http/peers.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/address.h"

static void make_key(const struct address *address, uint8_t key[16])
{
    memcpy(key, address->bytes, 16);
    if (!address_is_four(address))
        memset(key + ADDRESS_HOLDER, 0, 16 - ADDRESS_HOLDER);
}

/* Seeded: nobody outside chooses addresses that share a bucket. */
static unsigned bucket_of(struct peers *p, const uint8_t key[16])
{
    uint64_t h;

    if (p->seed == 0 && getrandom(&p->seed, sizeof p->seed, 0) != sizeof p->seed)
        p->seed = 0x9e3779b97f4a7c15u;
    h = p->seed;
    for (unsigned i = 0; i < 16; i++)
        h = (h ^ key[i]) * 0x100000001b3u;
    return (unsigned)(h >> 40) % PEERS_BUCKETS;
}

struct peer *peers_enter(struct peers *p, const struct address *address)
{
    uint8_t key[16];
    struct peer **bucket, *peer;

    make_key(address, key);
    bucket = &p->buckets[bucket_of(p, key)];
    for (peer = *bucket; peer != NULL; peer = peer->next)
        if (memcmp(peer->key, key, sizeof key) == 0)
            break;
    if (peer == NULL) {
        peer = calloc(1, sizeof *peer);
        if (peer == NULL)
            abort();
        memcpy(peer->key, key, sizeof key);
        peer->next = *bucket;
        *bucket = peer;
    }
    peer->count++;
    return peer;
}

void peers_leave(struct peers *p, struct peer *peer)
{
    struct peer **at;

    if (peer == NULL || --peer->count > 0)
        return;
    at = &p->buckets[bucket_of(p, peer->key)];
    while (*at != peer)
        at = &(*at)->next;
    *at = peer->next;
    free(peer);
}
