/**
 * bulk - what the two ways of moving many records share: at once, and in the background.
 */
#ifndef SLUICE_SERVICE_BULK_H
#define SLUICE_SERVICE_BULK_H

#include "service/process/move.h"

/** Returns the body of one record's move (new reference): what is the same for all, with the
 * record's own laid over; its fields member by member. Both may be NULL. */
json_t *bulk_body(const json_t *shared, const json_t *own);

/** Decides the move of one record of a bulk, as move_decide. */
bool bulk_decide(struct call *c, struct move *m);

/** Returns the verdict as JSON text: {"id"?, "status", "problem"} from c->err, which is emptied.
 * @id may be NULL. */
const char *bulk_refusal(struct call *c, const char *id);

#endif
