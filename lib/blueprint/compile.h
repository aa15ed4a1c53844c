/**
 * compile - what the parts of the compiler share.
 *
 * Private to blueprint. Every function returns false after writing to c->why what is wrong,
 * starting with the JSON pointer. Strings and params are borrowed from the compiler's own copy of
 * the document.
 */
#ifndef SLUICE_BLUEPRINT_COMPILE_H
#define SLUICE_BLUEPRINT_COMPILE_H

#include "blueprint/blueprint.h"

#define BLUEPRINT_MEMORY (16U << 20) /* of one that is compiled, at most */

struct arena;
struct param;

struct compiler {
    struct arena *arena;
    struct buf *why;
    struct blueprint *b;
};

/** An object of a list, with its pointer. */
struct row {
    const json_t *json;
    const char *where;
    size_t index;
    json_int_t position;
};

/** Writes the reason. Returns false. */
bool compile_fail(struct compiler *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Returns zeroed memory that lives as long as the blueprint, or NULL after a failure. */
void *compile_alloc(struct compiler *c, size_t n, size_t size);

/** Reads the list @name of @parent (missing and null are empty) as rows in order of position. */
bool compile_rows(struct compiler *c, const struct row *parent, const char *name, size_t max,
                  struct row **ret, size_t *ret_n);

/** Read a key, which must be there, and that of a state that is. */
bool compile_key(struct compiler *c, const struct row *row, const char *name, const char **ret);
bool compile_state_key(struct compiler *c, const char *where, const json_t *v, const char **ret);

/** Reads a text in up to three languages; missing and null leave it empty. */
bool compile_label(struct compiler *c, const struct row *row, const char *name, struct label *ret);

/** Reads one word of @words (ends with NULL) as its index; a missing one is @otherwise, or a
 * failure if that is negative. */
bool compile_word(struct compiler *c, const struct row *row, const char *name,
                  const char *const *words, int otherwise, int *ret);

/** Checks the params of a row against a table. */
bool compile_params(struct compiler *c, const struct row *row, const struct param *table);

/** Reads the list "actors". */
bool compile_actors(struct compiler *c, const struct row *row, const struct actor_rule **ret,
                    size_t *ret_n);

/** Returns the table of params of an input kind; NULL for an unknown one. */
const struct param *input_kind_params(const char *kind);

/** Reads the guards and inputs of a transition; inputs first, as guards point at them. All states
 * and the keys of all transitions are known by then. */
bool compile_inputs(struct compiler *c, const struct row *row, struct transition *t);
bool compile_guards(struct compiler *c, const struct row *row, struct transition *t);

/** Reads who must agree to a transition. */
bool compile_approval(struct compiler *c, const struct row *row, struct transition *t);

/** Read what the clock does: pauses and thresholds of a state (all transitions are known by then),
 * and how a transition happens by itself. */
bool compile_pausing(struct compiler *c, const struct row *row, struct state *s);
bool compile_slas(struct compiler *c, const struct row *row, const struct state *s);
bool compile_automatic(struct compiler *c, const struct row *row, struct transition *t);

/** The fields of the compiler's entity that name a moment, NULL-terminated. */
const char *const *compile_dates(const struct compiler *c);

/** Reads which records the blueprint governs. */
bool compile_criteria(struct compiler *c, const struct row *doc);

/** Returns the table of params of a kind of actions; NULL for an unknown one. */
const struct param *action_kind_params(const char *kind);

/** Reads the steps of a state. */
bool compile_steps(struct compiler *c, const struct row *row, struct state *s);

/** Checks the actions of a transition. */
bool compile_actions(struct compiler *c, const struct row *row);

#endif
