/**
 * sheet_tool - what sluicectl import and export share: the command line, and what is printed.
 */
#ifndef SLUICE_CMD_SHEET_TOOL_H
#define SLUICE_CMD_SHEET_TOOL_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "client.h"

enum status { DONE = 0, INVALID = 1, TROUBLE = 2 };

#define PAIRS_MAX 64

struct tool {
    /* what the command is: */
    const char *command, *usage;
    const char *missing;      /* what is said without a word */
    const char *const *known; /* its options; ends with NULL */
    /* what was typed: */
    const char *word, *entity, *name, *report, *to, *url;
    const char *pairs[PAIRS_MAX]; /* of --map or --filter */
    size_t npairs;
    json_t *options;
    bool run, again, help;
    struct client client;
    struct buf out, why;
    json_t *kept; /* an array of what lives as long as this does */
};

/** Reads the command line and finds the daemon; false with the reason in t->why. Only the usage was
 * wanted if t->help is set. The caller has said what the command is, the rest is zero. */
bool tool_begin(struct tool *t, int argc, char **argv);

/** Prints, frees, and returns the exit status. */
int tool_end(struct tool *t, enum status status);

/** Keeps a tree as long as the tool; returns it. */
json_t *tool_keep(struct tool *t, json_t *tree);

#endif
