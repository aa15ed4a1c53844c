/**
 * phone_plan - numbering plans by country.
 *
 * Pure. Part of phone: nobody else includes it.
 */
#ifndef SLUICE_QUALITY_PHONE_PLAN_H
#define SLUICE_QUALITY_PHONE_PLAN_H

#include <stdint.h>

struct phone_plan {
    char country[3];
    const char *code;          /* ITU-T E.164.D */
    const char *trunk;         /* dialled before a national number: none (or it stays) or several */
    const char *abroad;        /* dialled before a country code */
    uint8_t shortest, longest; /* digits of a national number, without trunk prefix */
};

/** All plans, ending with one without a code. Of countries that share a code the largest is first:
 * it stands for the code. */
extern const struct phone_plan phone_plans[];

#endif
