/**
 * address - streets, postcodes and cities as they are compared.
 *
 * Pure. A street is its folded words without the words for "street" and their abbreviations (ul.,
 * aleja, strasse, road, rue, via, ул.; table in address.c), and the house number apart: "ul.
 * Marszałkowska 12 m. 5" is "marszalkowska" and "12 5". A postcode is letters and digits in the
 * form of its country (Universal Postal Union, "Postal addressing systems"). A city is its folded
 * words without a postcode and the mark for a town (г., m.).
 */
#ifndef SLUICE_QUALITY_ADDRESS_H
#define SLUICE_QUALITY_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

#define STREET_KEY_MAX 200
#define HOUSE_KEY_MAX 40
#define POSTCODE_KEY_MAX 16
#define CITY_KEY_MAX 120

struct street {
    char name[STREET_KEY_MAX]; /* "" if the text has none */
    char house[HOUSE_KEY_MAX]; /* "" if the text has none */
};

/** Reads a street with or without a house number. Returns false if both are empty. */
bool street_read(struct span text, struct street *ret);

/** Writes the comparable postcode. Returns its length. @ret_valid (may be NULL) says whether it has
 * the form of the @country (ISO 3166-1 alpha-2, may be NULL); true for countries without a row. */
size_t postcode_key(struct span text, const char *country, char out[POSTCODE_KEY_MAX],
                    bool *ret_valid);

/** Writes the comparable city. Returns its length. */
size_t city_key(struct span text, char out[CITY_KEY_MAX]);

#endif
