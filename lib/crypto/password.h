/**
 * password - argon2id hashes (RFC 9106) in the PHC string form.
 *
 * 19 MiB, 2 passes, 1 lane (OWASP's baseline): tens of milliseconds of CPU, so both functions run
 * on offload threads, never on the loop.
 */
#ifndef SLUICE_CRYPTO_PASSWORD_H
#define SLUICE_CRYPTO_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>

#define PASSWORD_HASH_TEXT 128
#define PASSWORD_MIN 8   /* code points, NIST SP 800-63B */
#define PASSWORD_MAX 200 /* code points */

/** Writes "$argon2id$v=19$m=...". Returns false if memory ran out. */
bool password_hash(const char *password, char out[PASSWORD_HASH_TEXT]);

/** Tells whether the password belongs to the hash. With a NULL hash it takes the same time and says
 * no, so that an unknown e-mail cannot be told from a wrong password. */
bool password_verify(const char *hash, const char *password);

#endif
