#include "crypto/password.h"

#include <argon2.h>
#include <stdint.h>
#include <string.h>

#include "crypto/secret.h"

#define PASSES 2
#define MEMORY_KIB 19456
#define LANES 1
#define SALT_SIZE 16
#define HASH_SIZE 32

/* Of no password that anybody knows: costs what a real one costs. */
static const char nobody[] = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
                             "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

bool password_hash(const char *password, char out[PASSWORD_HASH_TEXT])
{
    uint8_t salt[SALT_SIZE];

    secret_random(salt, sizeof(salt));
    return argon2id_hash_encoded(PASSES, MEMORY_KIB, LANES, password, strlen(password), salt,
                                 sizeof(salt), HASH_SIZE, out, PASSWORD_HASH_TEXT) == ARGON2_OK;
}

bool password_verify(const char *hash, const char *password)
{
    bool right =
        argon2id_verify(hash != NULL ? hash : nobody, password, strlen(password)) == ARGON2_OK;

    return right && hash != NULL;
}
