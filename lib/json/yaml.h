/**
 * yaml - the part of YAML 1.2 that says the same as JSON, read within limits and written in one
 * way.
 *
 * Read: mappings with text keys, lists, scalars of the JSON schema (null, true, false, numbers; any
 * other plain scalar is a text, "no" and "007" as well), block texts, comments. Refused: anchors,
 * aliases, tags, doubled keys, several documents: a text of a kilobyte must not become a tree of a
 * gigabyte, and nothing may mean different things to different readers.
 */
#ifndef SLUICE_JSON_YAML_H
#define SLUICE_JSON_YAML_H

#include <jansson.h>

#include "base/err.h"
#include "base/text.h"

struct arena;
struct buf;
struct json_limits;

/** Parses a YAML text. The tree is tied to the arena. On failure fills @e (ERR_BAD_YAML with line,
 * column and what was wrong, or ERR_INVALID for limits) and returns NULL. */
json_t *yaml_parse(struct arena *a, struct span text, const struct json_limits *limits,
                   struct err *e);

/** Writes the tree as YAML, members in their order: small lists and objects on one line, the rest
 * as blocks of two spaces. What it writes, yaml_parse() reads as the same tree. */
void yaml_write(struct buf *b, const json_t *value);

#endif
