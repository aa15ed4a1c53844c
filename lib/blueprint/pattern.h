/**
 * pattern - regular expressions (PCRE2) that people write, within limits of time and memory.
 *
 * Private to blueprint.
 */
#ifndef SLUICE_BLUEPRINT_PATTERN_H
#define SLUICE_BLUEPRINT_PATTERN_H

#include <stdbool.h>

struct arena;
struct buf;
struct pattern;

/** Compiles a pattern; it lives as long as the arena. NULL writes the reason to @why. */
struct pattern *pattern_compile(const char *text, struct arena *a, struct buf *why);

/** Tells whether a part of the text matches. What cannot be decided within the limits does not. */
bool pattern_matches(const struct pattern *p, const char *text);

#endif
