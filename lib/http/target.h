/**
 * target - the request target as decoded path segments and query pairs.
 *
 * Pure. Decodes in place: decoding never makes text longer. Segments are split before they are
 * decoded, so that %2F is a byte of a segment; dot segments are kept as they are and match no
 * address of ours. An absolute-form target ("http://host/path") is taken; the caller compares its
 * authority with Host.
 */
#ifndef SLUICE_HTTP_TARGET_H
#define SLUICE_HTTP_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/text.h"

#define TARGET_SEGMENTS_MAX 12
#define TARGET_PAIRS_MAX 128

struct target {
    struct span authority; /* of an absolute-form target; p is NULL otherwise */
    bool asterisk;         /* "*", for OPTIONS */
    unsigned nsegments;    /* may pass TARGET_SEGMENTS_MAX: then nothing matches */
    struct span
        segments[TARGET_SEGMENTS_MAX]; /* decoded, NUL-terminated, UTF-8, no control bytes */
    unsigned npairs;
    const char *pairs[2 * TARGET_PAIRS_MAX + 1]; /* name, value, ..., NULL: decoded, UTF-8 */
};

/** Parses @n bytes at @text, which it overwrites; text[n] must be writable too. Returns NULL, or
 * the reason why the target is refused. */
const char *target_parse(char *text, size_t n, struct target *ret);

/** Appends the path, decoded, for people to read. */
void target_write(const struct target *t, struct buf *b);

#endif
