/**
 * cursor - where a page ends, as an opaque and authenticated text.
 *
 * base64url(version, direction, hash of the filters, name of the sort, last sort value, last id, 16
 * bytes of HMAC-SHA-256). Nothing in it is secret; the code keeps clients from building on what is
 * inside and from paging one list with another's position.
 */
#ifndef SLUICE_CALL_CURSOR_H
#define SLUICE_CALL_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

struct arena;

#define CURSOR_KEY 32
#define CURSOR_HASH 16
#define CURSOR_VALUE_MAX                                                                           \
    1300 /* bytes of a sort value: the contract allows 2,000 characters of cursor */

struct cursor {
    bool descending;
    uint8_t filters[CURSOR_HASH];
    const char *sort;
    const char *value;
    const char *id;
};

/** Returns the text in the arena; NULL if a part is too long or the arena full. */
char *cursor_write(struct arena *a, const unsigned char key[CURSOR_KEY],
                   const struct cursor *cursor);

/** Reads a text that cursor_write() made with the same key; strings live in the arena. */
bool cursor_read(struct arena *a, const unsigned char key[CURSOR_KEY], const char *text,
                 struct cursor *ret);

#endif
