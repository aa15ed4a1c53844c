/**
 * layout - where the parts of a picture stand.
 *
 * Private to blueprint. Ranks from top to bottom: states on even ones, the labels of lines on odd
 * ones, so that no label meets a state. A line that goes upwards is laid out as if it went down. A
 * transition that leaves many states is one box above its target instead of a line from each.
 */
#ifndef SLUICE_BLUEPRINT_LAYOUT_H
#define SLUICE_BLUEPRINT_LAYOUT_H

#include "blueprint/blueprint.h"

struct arena;
struct diagram;

/** From so many states on a transition is drawn as one box. */
#define LAYOUT_COMMON 4

enum box_kind { BOX_START, BOX_STATE, BOX_COMMON, BOX_LABEL, BOX_BEND };

struct box {
    enum box_kind kind;
    const struct state *state;           /* of BOX_STATE */
    const struct transition *transition; /* of BOX_COMMON and BOX_LABEL */
    int rank;
    double x, y, w, h; /* of the centre; and the size */
    double wish;
    size_t ports[2], used[2]; /* lines at the top and at the bottom; those drawn so far */
};

/** A line, as the boxes that it passes from top to bottom. */
struct line {
    size_t *boxes;
    size_t n;
    bool upwards;
};

struct layout {
    struct box *boxes;
    size_t nboxes, boxes_size;
    struct line *lines;
    size_t nlines, lines_size;
    size_t **ranks; /* boxes of a rank, from left to right */
    size_t *rank_sizes;
    int nranks;
    double width, height;
};

/** Places everything; what it makes lives in @a. Returns false when there is too much of it. */
bool layout_make(struct layout *l, const struct diagram *d, struct arena *a);

/** How many characters of a text are shown, and the width of so many. */
#define LAYOUT_TEXT_MAX 30
double layout_text_width(const char *text);

/** Returns how many states the transition leaves. */
size_t layout_origins(const struct blueprint *b, const struct transition *t);

#endif
