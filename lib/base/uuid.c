#include "base/uuid.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"

#define POOL_SIZE 250 /* up to 256 bytes getrandom() never cuts short */

/* Ids are not secrets: a thread fetches bytes for 25 of them at once, for one system call. */
static void random_bytes(void *out, size_t n)
{
    static _Thread_local uint8_t pool[POOL_SIZE];
    static _Thread_local size_t left;
    ssize_t got;

    if (left < n) {
        do {
            got = getrandom(pool, sizeof(pool), 0);
        } while (got < 0 && errno == EINTR);
        if (got != sizeof(pool))
            abort();
        left = sizeof(pool);
    }
    left -= n;
    memcpy(out, pool + left, n);
}

struct uuid uuid_v7(void)
{
    /* RFC 9562, 6.2, method 1: the 12 bits after the time count within one millisecond. */
    static _Thread_local int64_t last_ms;
    static _Thread_local unsigned counter;
    int64_t ms = clock_wall_us() / 1000;
    struct uuid id = {{0}};

    random_bytes(id.b + 6, 10);
    if (ms > last_ms) {
        last_ms = ms;
        counter = ((unsigned)id.b[6] << 8 | id.b[7]) & 0x7ff; /* upper half left to count in */
    } else if (++counter > 0xfff) {
        last_ms++; /* more ids than the millisecond holds, or the clock went back: run ahead of it
                    */
        counter = 0;
    }
    for (int i = 0; i < 6; i++)
        id.b[i] = (uint8_t)(last_ms >> (40 - 8 * i));
    id.b[6] = (uint8_t)(0x70 | counter >> 8);
    id.b[7] = (uint8_t)counter;
    id.b[8] = (uint8_t)(0x80 | (id.b[8] & 0x3f));
    return id;
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool uuid_parse(struct span in, struct uuid *ret)
{
    struct uuid id;
    size_t at = 0;

    if (in.n != UUID_TEXT - 1)
        return false;
    for (int i = 0; i < 16; i++) {
        int high, low;

        if (i == 4 || i == 6 || i == 8 || i == 10) {
            if (in.p[at++] != '-')
                return false;
        }
        high = nibble(in.p[at]);
        low = nibble(in.p[at + 1]);
        if (high < 0 || low < 0)
            return false;
        id.b[i] = (uint8_t)(high << 4 | low);
        at += 2;
    }
    if (uuid_is_none(&id))
        return false;
    *ret = id;
    return true;
}

void uuid_format(const struct uuid *id, char out[UUID_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    static const uint8_t places[16] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};

    for (int i = 0; i < 16; i++) {
        out[places[i]] = digits[id->b[i] >> 4];
        out[places[i] + 1] = digits[id->b[i] & 15];
    }
    out[8] = out[13] = out[18] = out[23] = '-';
    out[36] = '\0';
}

bool uuid_is_none(const struct uuid *id)
{
    static const struct uuid none;

    return memcmp(id, &none, sizeof(none)) == 0;
}

bool uuid_equal(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}
