#include "crypto/ticket.h"

#include <string.h>

#include "base/arena.h"
#include "crypto/secret.h"

#define HEAD (1 + 16 + 16 + 8)
#define TICKET_BYTES (HEAD + TICKET_NOTE + SHA256_SIZE)
#define TEXT_MAX ((TICKET_BYTES * 4 + 2) / 3)

static void sign(const unsigned char key[TICKET_KEY], const unsigned char *bytes, size_t n,
                 unsigned char out[SHA256_SIZE])
{
    static const char purpose[] = "sluice ticket";
    unsigned char own[SHA256_SIZE]; /* the installation's key signs other things too */

    hmac_sha256(key, TICKET_KEY, purpose, sizeof(purpose) - 1, own);
    hmac_sha256(own, sizeof(own), bytes, n, out);
}

char *ticket_make(struct arena *a, const unsigned char key[TICKET_KEY], const struct ticket *t)
{
    unsigned char bytes[TICKET_BYTES];
    struct span note = span_of(t->note ? t->note : "");

    if (note.n > TICKET_NOTE)
        return NULL;
    bytes[0] = (unsigned char)t->purpose;
    memcpy(bytes + 1, &t->about, 16);
    memcpy(bytes + 17, &t->once, 16);
    for (int i = 0; i < 8; i++)
        bytes[33 + i] = (unsigned char)((uint64_t)t->expires >> (56 - 8 * i));
    memcpy(bytes + HEAD, note.p, note.n);
    sign(key, bytes, HEAD + note.n, bytes + HEAD + note.n);
    return text_base64url(a, bytes, HEAD + note.n + SHA256_SIZE);
}

enum ticket_verdict ticket_read(struct arena *a, const unsigned char key[TICKET_KEY],
                                struct span text, enum ticket_purpose purpose, int64_t now,
                                struct ticket *ret)
{
    unsigned char good[SHA256_SIZE];
    const unsigned char *bytes;
    uint64_t expires = 0;
    size_t n;

    bytes = text.n <= TEXT_MAX ? text_base64url_decode(a, text, &n) : NULL;
    if (!bytes || n < HEAD + SHA256_SIZE || n > TICKET_BYTES)
        return TICKET_FORGED;
    n -= SHA256_SIZE;
    sign(key, bytes, n, good);
    if (!secret_equal(good, bytes + n, sizeof(good)) || bytes[0] != (unsigned char)purpose)
        return TICKET_FORGED;
    for (int i = 0; i < 8; i++)
        expires = expires << 8 | bytes[33 + i];
    if (expires > 0 && (int64_t)expires <= now)
        return TICKET_EXPIRED;
    *ret = (struct ticket){.purpose = purpose, .expires = (int64_t)expires};
    memcpy(&ret->about, bytes + 1, 16);
    memcpy(&ret->once, bytes + 17, 16);
    ret->note = arena_copy(a, (const char *)bytes + HEAD, n - HEAD);
    return TICKET_OK;
}
