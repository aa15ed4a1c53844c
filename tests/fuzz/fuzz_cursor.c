/* Any text as a cursor: it is refused, for nobody but us can seal one. Any bytes sealed with the
 * key: read without a fault, and what is read is written back the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "call/cursor.h"
#include "crypto/secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAC 16

static const unsigned char key[CURSOR_KEY] = "an example key for cursors, 32b";

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void read_any_text(struct arena *a, const uint8_t *data, size_t size)
{
    const char *text = arena_copy(a, (const char *)data, size);
    struct cursor cursor;

    require(text != NULL);
    require(!cursor_read(a, key, text, &cursor));
}

static void read_sealed(struct arena *a, const uint8_t *data, size_t size)
{
    uint8_t mac[SHA256_SIZE], derived[SHA256_SIZE];
    uint8_t *bytes = arena_alloc(a, size + MAC);
    struct cursor cursor;
    char *text, *again;

    require(bytes != NULL);
    memcpy(bytes, data, size);
    hmac_sha256(key, sizeof(key), "cursor", 6, derived);
    hmac_sha256(derived, sizeof(derived), bytes, size, mac);
    memcpy(bytes + size, mac, MAC);
    text = text_base64url(a, bytes, size + MAC);
    require(text != NULL);
    if (!cursor_read(a, key, text, &cursor))
        return;
    require(strlen(cursor.sort) + strlen(cursor.value) + strlen(cursor.id) < size);
    again = cursor_write(a, key, &cursor);
    if (again && bytes[1] <= 1)
        require(strcmp(again, text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;

    if (size > 16384)
        return 0;
    arena_init(&a, (size_t)1 << 20);
    read_any_text(&a, data, size);
    read_sealed(&a, data, size);
    arena_done(&a);
    return 0;
}
