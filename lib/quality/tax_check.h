/**
 * tax_check - check digits of tax numbers, and the table of their forms.
 *
 * Pure. Part of tax_id: nobody else includes it.
 */
#ifndef SLUICE_QUALITY_TAX_CHECK_H
#define SLUICE_QUALITY_TAX_CHECK_H

#include <stdint.h>

#include "quality/tax_id.h"

/* A form of a number: 9 a digit, A a letter, ? a digit or a letter, anything else itself. */
struct tax_form {
    char country[3];
    const char *form;
    enum tax_id_kind kind;
    tax_check *holds; /* NULL: the form has no check digits */
};

/** All forms, ending with one without a form. Forms of a country stand in the order in which they
 * are tried. */
extern const struct tax_form tax_forms[];

/** Returns the sum of the digits of @text times their weights. */
int tax_weighted(const char *text, const int8_t *weights, size_t n);

/** Tells whether the digits end in their Luhn check digit (ISO/IEC 7812-1 annex B). */
bool tax_luhn(const char *text, size_t n);

/* those that need more than weights: tax_special.c */
tax_check tax_bg, tax_cy, tax_cz, tax_es, tax_fr, tax_gb, tax_ie, tax_lt, tax_lv, tax_nl,
    tax_ro_person, tax_ua;

#endif
