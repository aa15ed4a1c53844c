/**
 * say - how sluicectl tells a person what was refused, and what they typed wrong.
 */
#ifndef SLUICE_CMD_SAY_H
#define SLUICE_CMD_SAY_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"

struct err;

/** Appends what a problem (RFC 9457) says beside its detail, indented: its title and code, its
 * hint, each of its errors with what would do, and its own members, such as ids. */
void say_problem(struct buf *b, const json_t *problem);

/** Appends each of a problem's errors as "PREFIXpointer: detail", with hint, got and allowed on
 * lines of their own below it. */
void say_errors(struct buf *b, const char *prefix, const json_t *problem);

/** Returns an error as the problem that the API would answer; a new reference, or NULL. */
json_t *say_tree(const struct err *e);

/** Appends "sluicectl COMMAND: " (COMMAND may be "") with the reason (printf-like) and where to
 * read on. Returns false, so that a check can end with it. */
bool say_misuse(struct buf *b, const char *command, const char *reason, ...)
    __attribute__((format(printf, 3, 4)));

/** The same of a word that is not in the list (ending with NULL), naming the nearest or all. @what
 * is what the word was taken for, such as "option". */
bool say_unknown(struct buf *b, const char *command, const char *what, const char *word,
                 const char *const *known);

#endif
