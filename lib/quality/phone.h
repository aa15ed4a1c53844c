/**
 * phone - telephone numbers in international form.
 *
 * Pure. A number becomes ITU-T E.164: "+", country code, national number. Country codes are those
 * of ITU-T E.164.D, the rest (trunk prefix, prefix for calls abroad, lengths) of the national
 * numbering plans that the ITU publishes (E.129, "National Numbering Plans"). Extensions are cut
 * off; "+44 (0)20" loses the trunk prefix; letters stand for the keys that they are on (E.161).
 *
 * Valid means possible: a known country and a length that its plan has. Whether a subscriber is
 * there, or a range is in use, is not looked at.
 */
#ifndef SLUICE_QUALITY_PHONE_H
#define SLUICE_QUALITY_PHONE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

#define PHONE_KEY_MAX 24

struct phone {
    bool valid;
    char country[3];         /* ISO 3166-1 alpha-2, the largest of those that share a code */
    char key[PHONE_KEY_MAX]; /* "+48221234567"; if not valid the bare digits, "" below six */
};

/** Reads a number; @country (ISO 3166-1 alpha-2, may be NULL or "") is where one without a country
 * code belongs. Returns false if there is no key. */
bool phone_read(struct span text, const char *country, struct phone *ret);

#endif
