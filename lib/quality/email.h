/**
 * email - addresses: syntax, the form in which they are compared, their domain.
 *
 * Pure. Syntax: RFC 5321 section 4.1.2 (Dot-string or Quoted-string; no address literals, since
 * nobody sells to one), limits of RFC 5321 section 4.5.3.1 (64 octets before the @, 254 in all),
 * UTF-8 before the @ as in RFC 6531; the domain has two labels or more of RFC 1123 section 2.1, and
 * becomes A-labels (IDNA2008, RFC 5891, with the mapping of UTS 46).
 *
 * Two addresses are compared without case (RFC 5321 lets a host tell "Jan" from "jan"; none that
 * is in use does), without the subaddress behind "+" (RFC 5233), and those of Gmail without dots
 * and as gmail.com, because Google delivers them to one mailbox (support.google.com/mail/answer/
 * 7436150). No other provider's dots are touched.
 */
#ifndef SLUICE_QUALITY_EMAIL_H
#define SLUICE_QUALITY_EMAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

#define EMAIL_KEY_MAX 320
#define DOMAIN_KEY_MAX 256

struct email {
    char key[EMAIL_KEY_MAX];     /* as it is compared */
    char domain[DOMAIN_KEY_MAX]; /* A-labels, lower case, the whole of it: "poczta.acme.pl" */
    bool free_mail; /* the domain says nothing about an organisation: gmail.com, wp.pl */
};

/** Reads an address; blanks around it do not matter. Returns false if it is none. */
bool email_read(struct span text, struct email *ret);

/** Tells whether the domain (lower case) gives mailboxes to anybody. */
bool email_domain_is_free(const char *domain);

#endif
