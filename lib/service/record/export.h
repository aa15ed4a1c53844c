/**
 * export - the steps that answer with a list as a file.
 */
#ifndef SLUICE_SERVICE_EXPORT_H
#define SLUICE_SERVICE_EXPORT_H

#include "call/call.h"

/** GET /v1/<records>/export; the operation's `of` is the record. */
extern step_fn *const record_export_steps[];

#endif
