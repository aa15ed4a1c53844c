/**
 * mail_domain - whether the domains of e-mail addresses take mail.
 */
#ifndef SLUICE_SERVICE_RESOURCE_MAIL_DOMAIN_H
#define SLUICE_SERVICE_RESOURCE_MAIL_DOMAIN_H

#include "call/call.h"

/** Asks the name servers about some domains whose turn it is; nothing unless env->mail_dns. */
extern step_fn *const mail_domain_steps[];

#endif
