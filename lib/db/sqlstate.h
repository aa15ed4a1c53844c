/**
 * sqlstate - the database's refusals in the client's terms.
 *
 * One table maps SQLSTATEs, one (constraint.def) constraint names. Our own SQL refuses with class
 * SL: SL and the HTTP status, the message being a code of err.def, the detail a sentence or a JSON
 * object whose member "detail" is the sentence and whose others become members of the problem, the
 * column a JSON pointer. The server's own text goes to err.log and never to a client.
 */
#ifndef SLUICE_DB_SQLSTATE_H
#define SLUICE_DB_SQLSTATE_H

#include <stdbool.h>

struct ask_error;
struct err;

/** Fills @e from a refusal. Strings are copied to the arena of @e. Returns false, so that a check
 * can end with it. */
bool sqlstate_to_err(const struct ask_error *from, struct err *e);

#endif
