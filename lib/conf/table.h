/**
 * table - the rows of conf.def as data. conf's own; nobody else includes it.
 */
#ifndef SLUICE_CONF_TABLE_H
#define SLUICE_CONF_TABLE_H

#include <stddef.h>

#include "base/text.h"
#include "conf/conf.h"

enum conf_kind { CONF_KIND_STRING, CONF_KIND_NUMBER, CONF_KIND_BOOL, CONF_KIND_CHOICE };

#define CONF_SECRET 1u       /* masked when printed; SLUICE_NAME_FILE names a file that holds it */
#define CONF_ROOT_DEFAULT 2u /* another default for root: CONF_ROOT_DATA_DIR */

#define CONF_ROOT_DATA_DIR "/var/lib/sluice"

struct conf_row {
    const char *name;
    enum conf_kind kind;
    size_t offset; /* of the member in struct conf */
    const char *value;
    int64_t min, max;
    unsigned flags;
    const char *choices;
    const char *help;
};

extern const struct conf_row conf_rows[CONF_COUNT];

/** Sets the member from text. Returns false, with a line in @why, when the text will not do.
 * @origin is kept. */
bool conf_set(struct conf *c, const struct conf_row *row, struct span value, const char *origin,
              struct buf *why);

/** Returns the row with this name, underscores or dashes, or NULL. */
const struct conf_row *conf_find(struct span name);

/** Returns the name of the nearest row or option (config, help, ...), or NULL. */
const char *conf_nearest(const char *name);

#endif
