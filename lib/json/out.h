/**
 * out - writes JSON text into a buffer, commas and escapes included.
 *
 * For replies: no tree is built. Depth is at most 64. Strings must be UTF-8.
 */
#ifndef SLUICE_JSON_OUT_H
#define SLUICE_JSON_OUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct out {
    struct buf *buf;
    uint64_t comma; /* bit n: a comma is due at depth n */
    unsigned depth;
    bool keyed; /* a key was just written */
};

/** Starts writing at the end of @buf. */
void out_init(struct out *o, struct buf *buf);

void out_object(struct out *o);
void out_object_end(struct out *o);
void out_array(struct out *o);
void out_array_end(struct out *o);
void out_key(struct out *o, const char *key);
void out_string(struct out *o, const char *text); /* NULL writes null */
void out_string_n(struct out *o, const char *text, size_t n);
void out_raw(struct out *o, const char *json, size_t n); /* JSON text as it is */
void out_int(struct out *o, int64_t n);
void out_bool(struct out *o, bool b);
void out_null(struct out *o);

/** A tree, as jansson would write it without blanks, in a third of the time; NULL writes null. Its
 * depth does not count. */
void out_tree(struct out *o, const json_t *tree);

/** Key and value at once; a NULL string writes nothing. */
void out_member(struct out *o, const char *key, const char *text);
void out_member_raw(struct out *o, const char *key, const char *json);

#endif
