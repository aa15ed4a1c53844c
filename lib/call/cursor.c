#include "call/cursor.h"

#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "crypto/secret.h"

#define FORMAT 1
#define MAC 16
#define NAME_MAX_BYTES 255
#define TEXT_MAX 8192

/* The label keeps this use of the key apart from any other. */
static void seal(const unsigned char *key, const uint8_t *bytes, size_t n, uint8_t mac[SHA256_SIZE])
{
    static const char label[] = "cursor";
    uint8_t derived[SHA256_SIZE];

    hmac_sha256(key, CURSOR_KEY, label, sizeof(label) - 1, derived);
    hmac_sha256(derived, sizeof(derived), bytes, n, mac);
}

/* A part is two bytes of length and the bytes. */
static uint8_t *add_part(uint8_t *p, const char *text, size_t n)
{
    *p++ = (uint8_t)(n >> 8);
    *p++ = (uint8_t)(n & 0xff);
    memcpy(p, text, n);
    return p + n;
}

char *cursor_write(struct arena *a, const unsigned char key[CURSOR_KEY],
                   const struct cursor *cursor)
{
    size_t sort_n = strlen(cursor->sort), value_n = strlen(cursor->value),
           id_n = strlen(cursor->id);
    size_t n = 2 + CURSOR_HASH + 6 + sort_n + value_n + id_n;
    uint8_t mac[SHA256_SIZE], *bytes, *p;

    if (sort_n > NAME_MAX_BYTES || id_n > NAME_MAX_BYTES || value_n > CURSOR_VALUE_MAX)
        return NULL;
    bytes = arena_alloc(a, n + MAC);
    if (!bytes)
        return NULL;
    p = bytes;
    *p++ = FORMAT;
    *p++ = cursor->descending;
    memcpy(p, cursor->filters, CURSOR_HASH);
    p = add_part(p + CURSOR_HASH, cursor->sort, sort_n);
    p = add_part(p, cursor->value, value_n);
    p = add_part(p, cursor->id, id_n);
    seal(key, bytes, n, mac);
    memcpy(p, mac, MAC);
    return text_base64url(a, bytes, n + MAC);
}

static const char *take_part(struct arena *a, struct span *rest)
{
    const uint8_t *p = (const uint8_t *)rest->p;
    const char *part;
    size_t n;

    if (rest->n < 2)
        return NULL;
    n = (size_t)p[0] << 8 | p[1];
    if (n > rest->n - 2 || memchr(p + 2, 0, n))
        return NULL;
    part = arena_copy(a, rest->p + 2, n);
    rest->p += n + 2;
    rest->n -= n + 2;
    return part;
}

bool cursor_read(struct arena *a, const unsigned char key[CURSOR_KEY], const char *text,
                 struct cursor *ret)
{
    uint8_t mac[SHA256_SIZE], *bytes;
    struct cursor cursor = {.descending = false};
    struct span rest = span_of(text);
    size_t n;

    if (rest.n == 0 || rest.n > TEXT_MAX)
        return false;
    bytes = text_base64url_decode(a, rest, &n);
    if (!bytes || n < 2 + CURSOR_HASH + 6 + MAC)
        return false;
    n -= MAC;
    seal(key, bytes, n, mac);
    if (!secret_equal(mac, bytes + n, MAC) || bytes[0] != FORMAT)
        return false;
    cursor.descending = bytes[1] != 0;
    memcpy(cursor.filters, bytes + 2, CURSOR_HASH);
    rest = (struct span){(const char *)bytes + 2 + CURSOR_HASH, n - 2 - CURSOR_HASH};
    cursor.sort = take_part(a, &rest);
    cursor.value = cursor.sort ? take_part(a, &rest) : NULL;
    cursor.id = cursor.value ? take_part(a, &rest) : NULL;
    if (!cursor.id || rest.n != 0)
        return false;
    *ret = cursor;
    return true;
}
