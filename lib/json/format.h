/**
 * format - the named forms of strings: what passes, and the sentence for those that do not.
 *
 * The schema check's own; nobody else includes it.
 */
#ifndef SLUICE_JSON_FORMAT_H
#define SLUICE_JSON_FORMAT_H

#include "base/text.h"
#include "json/schema.h"

/** Tells whether the text (UTF-8 without zero bytes, NUL-terminated behind the span) has the
 * format. */
bool format_holds(enum schema_format format, struct span text);

/** Returns the sentence that says how to mend a text that has not. */
const char *format_rule(enum schema_format format);

/** Returns how a text that breaks the rule may have been meant, or NULL. @in_query: it came in the
 * address, where "+" is a blank. */
const char *format_hint(enum schema_format format, const char *text, bool in_query);

#endif
