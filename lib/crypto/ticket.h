/**
 * ticket - signed words in addresses: who has one was given it by us, for one purpose and a time.
 *
 * base64url of: purpose (1 byte), two uuids, when it expires (8 bytes, big endian, seconds since
 * 1970; 0: never), a note of up to TICKET_NOTE bytes, HMAC-SHA-256 over all of it. A ticket is
 * nothing but what it says: nobody stores it.
 */
#ifndef SLUICE_CRYPTO_TICKET_H
#define SLUICE_CRYPTO_TICKET_H

#include <stdint.h>

#include "base/text.h"
#include "base/uuid.h"

struct arena;

#define TICKET_KEY 32
#define TICKET_NOTE 200

/** What a ticket is for: one for another purpose is none. */
enum ticket_purpose {
    TICKET_CONFIRM = 'c', /* confirm a submission */
    TICKET_PIXEL = 'p',   /* the picture in a mail */
    TICKET_VISITOR = 'v'  /* a lead that looks at pages */
};

struct ticket {
    enum ticket_purpose purpose;
    struct uuid about, once; /* the record; what is counted once */
    int64_t expires;         /* seconds since 1970; 0: never */
    const char *note;        /* UTF-8, "" for none */
};

enum ticket_verdict { TICKET_OK, TICKET_FORGED, TICKET_EXPIRED };

/** Returns the signed text in the arena, or NULL past its limit or if the note is too long. */
char *ticket_make(struct arena *a, const unsigned char key[TICKET_KEY], const struct ticket *t);

/** Verifies a text at the time @now. @ret is set on TICKET_OK only, its note in the arena. */
enum ticket_verdict ticket_read(struct arena *a, const unsigned char key[TICKET_KEY],
                                struct span text, enum ticket_purpose purpose, int64_t now,
                                struct ticket *ret);

#endif
