/**
 * value - what people write into cells, as the contract writes it.
 *
 * Each function fills @out and returns true, or returns false for text that means nothing of the
 * kind; the caller then hands on the text as it is, so that the refusal names it.
 */
#ifndef SLUICE_SHEET_VALUE_H
#define SLUICE_SHEET_VALUE_H

#include <stdbool.h>
#include <stddef.h>

enum date_order { DATE_DMY, DATE_MDY };

#define VALUE_MAX 64

/** A date as YYYY-MM-DD. Understands year first (2026-11-21, 2026/11/21, 2026.11.21, 20261121), and
 * day or month first, as @order says, between points, slashes, dashes or spaces, with a year of
 * four digits; a time of day behind it is left away. */
bool value_date(const char *text, enum date_order order, char out[VALUE_MAX]);

/** A moment as RFC 3339 in UTC: a date as above with hh:mm or hh:mm:ss behind it, or a date-time of
 * RFC 3339, which stays as it is. */
bool value_date_time(const char *text, enum date_order order, char out[VALUE_MAX]);

/** A number with a point: grouping by spaces (also no-break ones) or apostrophes goes; of comma and
 * point the last one is the decimal mark, and one that stands once before exactly three digits is,
 * unless @comma says that commas are decimal marks and it is one. Currency signs around it go. */
bool value_decimal(const char *text, bool comma, char out[VALUE_MAX]);

/** Yes or no in English, Polish, German and Russian, 1 and 0, x, +, -. */
bool value_boolean(const char *text, bool *ret);

/** A currency code: letters become capitals, signs their code (zł, €, $, £, ₽). */
bool value_currency(const char *text, char out[VALUE_MAX]);

/** A country code: two letters become capitals; common names in those languages become their code.
 */
bool value_country(const char *text, char out[VALUE_MAX]);

/** Writes @text in small letters without diacritics' case differences: Latin with its extensions
 * and Cyrillic; what is not letter or digit becomes one space, none at the ends. Cut at @n bytes.
 */
void value_fold(const char *text, char *out, size_t n);

#endif
