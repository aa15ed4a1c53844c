/**
 * document - a blueprint as people write it: guards as trees, lists in their order, no ids.
 *
 *   {"entity": "lead", "key": "lead_default", "number": 1, "label": {"en": "Lead"},
 *    "states": [{"key": "open", "label": {...}, "category": "open"}],
 *    "transitions": [{"key": "created", "kind": "initial", "to": "open", "label": {...}},
 *                    {"key": "qualify", "from": ["open"], "to": "qualified", "label": {...},
 *                     "guards": [{"key": "industry_filled", "kind": "field_present",
 *                                 "params": {"field": "industry"}}]}]}
 *
 * "from" is a list of states, or "any" (with "except"). Pure logic.
 */
#ifndef SLUICE_BLUEPRINT_DOCUMENT_H
#define SLUICE_BLUEPRINT_DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>

struct err;

#define DOCUMENT_GUARDS_MAX 5000 /* of all transitions together */

/** Checks what a schema cannot say: keys that stand twice, states and transitions that are not
 * there, guard kinds and their parameters, groups, limits. The schema of the contract was checked
 * before. A draft may be unfinished: whether it would work is lint's business. Collects every fault
 * with its pointer; returns whether there was none. */
bool document_check(const json_t *doc, struct err *e);

/** Returns the one form of a document (new reference): members in the order of their tables,
 * nothing that says what is so anyway, sets in the order of the states. Two documents that mean the
 * same have the same form; unknown members are kept, last. */
json_t *document_canonical(const json_t *doc);

/** Returns the document with the rows that blueprint_compile() takes (new reference). */
json_t *document_flat(const json_t *doc);

/** Returns the part of a list with this key, or NULL; sets @index if it is not NULL. */
json_t *document_part(const json_t *list, const char *key, size_t *index);

#endif
