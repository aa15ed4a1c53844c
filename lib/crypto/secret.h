/**
 * secret - random secrets, their digests, and comparing them in constant time.
 */
#ifndef SLUICE_CRYPTO_SECRET_H
#define SLUICE_CRYPTO_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

#define SHA256_SIZE 32
#define SHA256_TEXT 65
#define SECRET_TEXT 80

/** Fills @out with random bytes; aborts if the kernel gives none. */
void secret_random(void *out, size_t n);

/** Writes a new secret "<prefix>_<43 characters of base64url>_<6 of checksum>", 256 bits. Prefixes
 * are registered: slk (API key), slr (refresh token), ik (intake key), slp (password shown once).
 */
void secret_make(const char *prefix, char out[SECRET_TEXT]);

/** Tells whether the text has the form and checksum of a secret with this prefix: a mistyped or cut
 * key is refused without asking the database. */
bool secret_well_formed(const char *prefix, struct span text);

void sha256(const void *bytes, size_t n, uint8_t out[SHA256_SIZE]);

/** SHA-256 as 64 hex digits: what the database stores of a secret. */
void sha256_hex(const void *bytes, size_t n, char out[SHA256_TEXT]);

/** HMAC-SHA-256 (RFC 2104). */
void hmac_sha256(const void *key, size_t key_n, const void *bytes, size_t n,
                 uint8_t out[SHA256_SIZE]);

bool secret_equal(const void *a, const void *b, size_t n);

#endif
