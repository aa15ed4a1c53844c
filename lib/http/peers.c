#include "http/peers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static void make_key(const struct sockaddr *address, uint8_t key[16])
{
    memset(key, 0, 16);
    if (address->sa_family == AF_INET) {
        memcpy(key + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    } else if (address->sa_family == AF_INET6) {
        const struct in6_addr *a = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;

        if (IN6_IS_ADDR_V4MAPPED(a))
            memcpy(key + 12, a->s6_addr + 12, 4);
        else
            memcpy(key, a->s6_addr, 8);
    }
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

struct peer *peers_enter(struct peers *p, const struct sockaddr *address)
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
    struct peer **at = &p->buckets[bucket_of(p, peer->key)];

    if (--peer->count > 0)
        return;
    while (*at != peer)
        at = &(*at)->next;
    *at = peer->next;
    free(peer);
}

void peers_format(const struct sockaddr *address, char out[PEERS_TEXT])
{
    const void *from = NULL;

    out[0] = '\0';
    if (address->sa_family == AF_INET)
        from = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
    else if (address->sa_family == AF_INET6)
        from = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    if (from != NULL && inet_ntop(address->sa_family, from, out, PEERS_TEXT) == NULL)
        out[0] = '\0';
}
