/**
 * diff - what differs between two documents, in words and for programs.
 *
 *   [{"op": "add", "element": "guard", "path": "transitions/qualify/guards/industry_filled",
 *     "from": null, "to": {...}, "sentence": "guard `industry_filled` added to `qualify`"}]
 *
 * op: add, remove, change, move (the order of a list). The path names parts
 * by their keys. Order of attributes, comments and what is so anyway make no difference, nor does
 * "number": it says which version a text is, not what it is like. Pure logic.
 */
#ifndef SLUICE_BLUEPRINT_DIFF_H
#define SLUICE_BLUEPRINT_DIFF_H

#include <jansson.h>

/** Compares two canonical documents (@from may be NULL: there was none). Returns the list, empty
 * when they mean the same (new reference). */
json_t *blueprint_diff(const json_t *from, const json_t *to);

/** Returns the changes as the audit trail has them: {path: {"old", "new"}} (new reference). */
json_t *diff_changes(const json_t *diff);

/** Returns only the sentences (new reference). */
json_t *diff_sentences(const json_t *diff);

#endif
