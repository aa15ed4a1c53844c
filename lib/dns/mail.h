/**
 * mail - whether domains take e-mail, as the domain name system says.
 *
 * RFC 5321 section 5.1: mail goes to the hosts of the MX records; a domain without any is its own
 * mail host if it has an address. RFC 7505: a single MX record that names no host refuses mail.
 * What no server answers in time, or answers with a failure, is unknown: nothing follows from it.
 * Whether the hosts that an MX record names exist, and take the mail, is not looked at.
 */
#ifndef SLUICE_DNS_MAIL_H
#define SLUICE_DNS_MAIL_H

#include <stdbool.h>
#include <stddef.h>

struct worker;

enum mail_reason {
    MAIL_UNANSWERED, /* unknown */
    MAIL_MX,         /* accepts: it has mail hosts */
    MAIL_ADDRESS,    /* accepts: it has none, and is one itself */
    MAIL_NULL_MX,    /* refuses: it says so */
    MAIL_NO_DOMAIN,  /* refuses: there is no such name */
    MAIL_NO_HOST     /* refuses: neither mail hosts nor an address */
};

/** "accepts", "refuses" or "unknown". */
const char *mail_verdict(enum mail_reason reason);

/** "mx", "null_mx", ...; NULL for MAIL_UNANSWERED. */
const char *mail_reason_word(enum mail_reason reason);

/** What is asked: about @n domains (A-labels) at once. */
struct mail_query {
    const char *const *domains;
    size_t n;
    enum mail_reason *ret; /* room for as many */
    const char *servers;   /* "address:port,..."; empty for those of the system */
    unsigned deadline_ms;
};

/** Asks, without blocking. What @q points to must live until @done runs: in the worker's thread,
 * not before this returned, and after the deadline at the latest. */
void mail_look(struct worker *w, const struct mail_query *q, void (*done)(void *arg), void *arg);

/** Tells whether mail_look() can ask @servers. */
bool mail_servers_are_valid(const char *servers);

#endif
