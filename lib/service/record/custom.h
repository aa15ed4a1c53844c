/**
 * custom - values of custom fields on their way to a record.
 *
 * Definitions are read with the write that they judge, and the database judges again under a lock:
 * nothing is kept that could be stale.
 */
#ifndef SLUICE_SERVICE_CUSTOM_H
#define SLUICE_SERVICE_CUSTOM_H

#include "blueprint/conditions.h"
#include "call/call.h"

/** Asks for the definitions of an entity's fields (adds a statement); returns its index. */
int custom_ask(struct call *c, const char *entity);

/** The definitions that an answer to custom_ask() has, tied to the call; NULL with c->err set. */
json_t *custom_definitions(struct call *c, const struct result *r);

/** Judges values (custom_check) by that answer; false with c->err set. */
bool custom_judge(struct call *c, const struct result *r, const json_t *values, const char *base,
                  bool whole);

/** The steps ahead of writing a rule: judge the conditions of the body, by the definitions of a
 * lead's fields if they name one. */
enum step custom_conditions_ask(struct call *c);
enum step custom_conditions_judge(struct call *c, enum conditions_of of);

/** The steps ahead of a list: what `custom.<key>` parameters and an order by one mean. */
enum step custom_list_ask(struct call *c);
enum step custom_list_read(struct call *c);

#endif
