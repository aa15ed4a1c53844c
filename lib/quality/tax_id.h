/**
 * tax_id - numbers of taxpayers: kind, canonical form, checksum.
 *
 * Pure. Reads VAT identification numbers of the European Union (structure: Council Directive
 * 2006/112/EC art. 215 and the list of the Commission in VIES; check digits: as the members' tax
 * offices publish them, named at each in tax_check.c), the former British ones, Swiss,
 * Norwegian and Ukrainian numbers, Polish NIP, REGON and KRS, and Russian INN. Spaces, dots,
 * hyphens, case and a label in front ("NIP", "USt-IdNr.", "ИНН") do not matter.
 *
 * The canonical form of a number is the country (as in VAT numbers: EL for Greece) and the number:
 * "525-23-44-555", "PL 525 234 45 55" and "NIP: 5252344555" are all "PL5252344555".
 */
#ifndef SLUICE_QUALITY_TAX_ID_H
#define SLUICE_QUALITY_TAX_ID_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

#define TAX_ID_KEY_MAX 40

enum tax_id_kind {
    TAX_ID_OTHER, /* none of the kinds below: letters and digits only */
    TAX_ID_VAT,   /* VAT identification number; for Poland the NIP */
    TAX_ID_REGON, /* Polish register of business entities: 9 or 14 digits */
    TAX_ID_KRS,   /* Polish court register: ten digits, 000 in front; no checksum */
    TAX_ID_INN,   /* Russian taxpayer: 10 digits (organisation) or 12 (person) */
};

enum tax_id_verdict {
    TAX_ID_UNKNOWN, /* of no known form */
    TAX_ID_WRONG,   /* of a known form, but its check digits do not hold */
    TAX_ID_VALID,   /* of a known form; its check digits hold where the form has any */
};

struct tax_id {
    enum tax_id_kind kind;
    enum tax_id_verdict verdict;
    char country[3];          /* "" when it is of no known form */
    char key[TAX_ID_KEY_MAX]; /* canonical form; never empty */
};

/** Reads a number; @country (ISO 3166-1 alpha-2, may be NULL or "") is where one without a country
 * belongs. Returns false if the text has no letter and no digit. */
bool tax_id_read(struct span text, const char *country, struct tax_id *ret);

/** Returns "vat", "regon", "krs", "inn" or "other". */
const char *tax_id_kind_name(enum tax_id_kind kind);

/** Tells whether the check digits of a canonical number without its country hold. */
typedef bool tax_check(const char *digits);

#endif
