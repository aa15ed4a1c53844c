/**
 * uuid - RFC 9562 identifiers.
 */
#ifndef SLUICE_BASE_UUID_H
#define SLUICE_BASE_UUID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

#define UUID_TEXT 37 /* 36 characters and a NUL */

/** All zero bytes mean "none" and become NULL in SQL. */
struct uuid {
    uint8_t b[16];
};

/** Returns a new version 7 uuid: milliseconds since 1970, a counter that keeps ids of one thread in
 * order, random bits from getrandom(2). Aborts if the kernel gives no randomness. */
struct uuid uuid_v7(void);

/** Parses the 36-character form, any case, any version. The nil uuid is refused. */
bool uuid_parse(struct span in, struct uuid *ret);

/** Writes the lower-case 36-character form and a NUL. */
void uuid_format(const struct uuid *id, char out[UUID_TEXT]);

bool uuid_is_none(const struct uuid *id);
bool uuid_equal(const struct uuid *a, const struct uuid *b);

#endif
