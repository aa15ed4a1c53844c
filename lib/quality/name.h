/**
 * name - names of organisations and people as they are compared.
 *
 * Pure. An organisation's comparable name is its folded text (fold.h) without
 *   - "&", "+" and the words for "and" (and, und, et, oraz, i, y, u, и) between two words;
 *   - legal forms and what the law adds to them ("w likwidacji", "i.L.") at the end, and at the
 *     start where that is the custom (Russian, French, Romanian): legal_form.def names the laws;
 *   - spaces within initials: "P. K. O." is "pko".
 * Legal forms are recognised however they are dotted and spaced ("Sp. z o. o.", "sp zoo"). A name
 * that is nothing but a legal form stays: "SA" is "sa".
 *
 * A person's comparable name is the folded words in alphabetical order, without titles, so that
 * "Kowalski, Jan" and "dr Jan Kowalski" are the same. A name of nothing but titles stays.
 */
#ifndef SLUICE_QUALITY_NAME_H
#define SLUICE_QUALITY_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

#define NAME_KEY_MAX 256 /* bytes, with the NUL */

/** Writes the comparable name of an organisation. Returns its length; 0 if the text has no letter
 * and no digit. */
size_t name_key(struct span name, char out[NAME_KEY_MAX]);

/** Writes the comparable name of a person from its parts, either of which may be empty. Returns its
 * length. */
size_t person_key(struct span first_name, struct span last_name, char out[NAME_KEY_MAX]);

/* Where a legal form stands. */
#define FORM_END 1
#define FORM_START 2

/** Tells whether the letters (folded, without spaces) are a legal form that may stand there. */
bool legal_form(const char *letters, size_t n, unsigned where);

#endif
