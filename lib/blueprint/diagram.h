/**
 * diagram - a process as a picture: SVG, or text for Mermaid and Graphviz.
 *
 * Pure and deterministic: the same blueprint, figures and language give the same bytes.
 */
#ifndef SLUICE_BLUEPRINT_DIAGRAM_H
#define SLUICE_BLUEPRINT_DIAGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blueprint;
struct buf;

/** What is known about a state besides its definition. */
struct diagram_figure {
    const char *state;
    int64_t count;    /* records that are in it now */
    int64_t median_s; /* half of the finished stays were shorter; -1: none has ended yet */
};

struct diagram {
    const struct blueprint *blueprint;
    const char *language;
    const struct diagram_figure *figures; /* for all states that have any; NULL: show none */
    size_t nfigures;
};

enum diagram_format { DIAGRAM_SVG, DIAGRAM_MERMAID, DIAGRAM_DOT };

/** Appends the picture to @b. The slowest of the open states that hold records is marked. Returns
 * false when it does not fit the buffer, or has more lines than a picture can show. */
bool diagram_write(struct buf *b, const struct diagram *d, enum diagram_format format);

#endif
