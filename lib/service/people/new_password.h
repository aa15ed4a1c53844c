/**
 * new_password - what every place that takes a new password asks of it.
 */
#ifndef SLUICE_SERVICE_NEW_PASSWORD_H
#define SLUICE_SERVICE_NEW_PASSWORD_H

#include "call/call.h"

/** Returns false, with the fault set, for a password that would be guessed. @email and @name are
 * the account's, or NULL. */
bool new_password_good(struct call *c, const char *pointer, const char *password, const char *email,
                       const char *name);

#endif
