/**
 * conf - the settings: defaults, then a file, then the environment, then the command line.
 *
 * conf.def is the table; a row there is all that a new setting needs. A file has lines `name =
 * value` and is named by --config or SLUICE_CONFIG; the environment has SLUICE_NAME (and
 * SLUICE_NAME_FILE for secrets); the command line has --name VALUE or --name=VALUE, with dashes for
 * underscores. An unknown name is an error that suggests the nearest one; but an environment
 * variable that resembles no setting is somebody else's (Kubernetes sets SLUICE_PORT for a service
 * named sluice) and is passed over.
 */
#ifndef SLUICE_CONF_CONF_H
#define SLUICE_CONF_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

struct buf;

enum conf_id {
#define STRING(name, value, flags, help) CONF_ID_##name,
#define NUMBER(name, value, min, max, help) CONF_ID_##name,
#define BOOL(name, value, help) CONF_ID_##name,
#define CHOICE(name, value, choices, help) CONF_ID_##name,
#include "conf/conf.def"
#undef STRING
#undef NUMBER
#undef BOOL
#undef CHOICE
    CONF_COUNT
};

/** One member per setting. Strings are never NULL; an unset one is empty. Read-only once loaded. */
struct conf {
#define STRING(name, value, flags, help) const char *name;
#define NUMBER(name, value, min, max, help) int64_t name;
#define BOOL(name, value, help) bool name;
#define CHOICE(name, value, choices, help) const char *name;
#include "conf/conf.def"
#undef STRING
#undef NUMBER
#undef BOOL
#undef CHOICE
    const char *origin[CONF_COUNT]; /* "default", "sluice.conf:3", "SLUICE_LISTEN", "--listen" */
    struct arena strings;
};

/** What the command line wants. */
enum conf_wish {
    CONF_WRONG,   /* a setting is wrong */
    CONF_HELP,    /* --help, -h */
    CONF_VERSION, /* --version */
    CONF_CHECK,   /* --check-config */
    CONF_RUN,
};

/** Loads the settings. On CONF_WRONG @why has every fault, a line each. Always end with
 * conf_done(). */
enum conf_wish conf_load(struct conf *c, int argc, char *const *argv, struct buf *why);

/** Frees the strings. */
void conf_done(struct conf *c);

/** Writes every setting with its value (secrets as ***) and where that came from. */
void conf_print(const struct conf *c, struct buf *b);

/** Writes the reference: every setting with its default, bounds and what it does. */
void conf_help(struct buf *b);

#endif
