/**
 * web - the domain of a web address as it is compared.
 *
 * Pure. The host of a URL (RFC 3986; the scheme may be missing) or of an e-mail address becomes
 * A-labels (IDNA2008, UTS 46) in lower case; its key is the registrable domain: the public suffix
 * and one label more, by the Public Suffix List (publicsuffix.org) in the version that libpsl
 * carries. "https://www.Sklep.Acme.com.pl:8443/a?b" is "acme.com.pl".
 */
#ifndef SLUICE_QUALITY_WEB_H
#define SLUICE_QUALITY_WEB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "quality/email.h"

/** Writes the registrable domain of a URL or a bare host. Returns its length; 0 (and "") if there
 * is none: an address in numbers, a single label, a public suffix itself. */
size_t web_domain(struct span url, char out[DOMAIN_KEY_MAX]);

/** Writes a host as lower-case A-labels. Returns its length, 0 (and "") if it is no domain of two
 * labels or more. */
size_t host_ascii(struct span host, char out[DOMAIN_KEY_MAX]);

/** Writes the registrable domain of a host of host_ascii(). Returns its length; 0 (and "") if the
 * host is a public suffix itself. */
size_t host_registrable(const char *host, char out[DOMAIN_KEY_MAX]);

#endif
