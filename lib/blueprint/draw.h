/**
 * draw - what the writers of diagrams share.
 *
 * Private to blueprint.
 */
#ifndef SLUICE_BLUEPRINT_DRAW_H
#define SLUICE_BLUEPRINT_DRAW_H

#include "blueprint/blueprint.h"
#include "blueprint/diagram.h"

#define DRAW_TEXT_MAX 400

/** Returns the figures of a state, or NULL when none are shown. */
const struct diagram_figure *draw_figure(const struct diagram *d, const char *state);

/** Tells whether the state is the one where records wait longest. */
bool draw_is_slowest(const struct diagram *d, const struct state *s);

/** Writes "12 · median 3 d 4 h"; nothing without figures. */
void draw_figure_text(const struct diagram *d, const char *state, char text[DRAW_TEXT_MAX]);

/** Tells whether no transition leaves the state for another one. */
bool draw_is_end(const struct blueprint *b, const char *state);

bool diagram_write_svg(struct buf *b, const struct diagram *d);

#endif
