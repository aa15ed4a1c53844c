/**
 * match - all keys by which a record is compared with others, at once.
 *
 * Pure; bounded; nothing is allocated for the caller. An empty string is a key that the record does
 * not have: it matches nothing.
 */
#ifndef SLUICE_QUALITY_MATCH_H
#define SLUICE_QUALITY_MATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "quality/address.h"
#include "quality/email.h"
#include "quality/minhash.h"
#include "quality/name.h"
#include "quality/phone.h"
#include "quality/tax_id.h"

/** Grows when a key of the same record comes out differently than before: kept keys are then to be
 * made anew. */
#define MATCH_KEYS_VERSION 2

/** What a record says, as it was written; an empty span is a field that it lacks. */
struct match_fields {
    struct span name; /* of the organisation */
    struct span first_name, last_name;
    struct span tax_id, email, phone, website;
    struct span street, postcode, city;
    struct span country; /* ISO 3166-1 alpha-2; else the default country counts */
};

struct match_keys {
    char name[NAME_KEY_MAX];
    char person[NAME_KEY_MAX];
    char tax_id[TAX_ID_KEY_MAX];
    char email[EMAIL_KEY_MAX];
    char email_domain[DOMAIN_KEY_MAX]; /* registrable; "" for free mail */
    char phone[PHONE_KEY_MAX];
    char web_domain[DOMAIN_KEY_MAX]; /* registrable */
    char city[CITY_KEY_MAX];
    char postcode[POSTCODE_KEY_MAX];
    char street[STREET_KEY_MAX];
    char house[HOUSE_KEY_MAX];
    struct minhash name_hash; /* without trigrams if there is no name */
    enum tax_id_kind tax_id_kind;
    enum tax_id_verdict tax_id_verdict;            /* TAX_ID_UNKNOWN without a number */
    bool email_valid, phone_valid, postcode_valid; /* false without one */
};

/** Fills in all keys. @default_country is for records without a country; may be NULL. */
void match_keys_of(const struct match_fields *fields, const char *default_country,
                   struct match_keys *ret);

/** The same but name_hash, which takes longer than all the others together. */
void match_exact_keys_of(const struct match_fields *fields, const char *default_country,
                         struct match_keys *ret);

#endif
