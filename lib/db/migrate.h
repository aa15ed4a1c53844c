/**
 * migrate - brings a database to this build's schema: forward only, under an advisory lock.
 *
 * Runs before the workers start, or from sluicectl: blocking calls are right here. Each migration
 * is one transaction, recorded with the SHA-256 of its text; a recorded migration whose text has
 * changed is an error. Functions (create or replace) and shipped blueprints follow, when their text
 * changed.
 */
#ifndef SLUICE_DB_MIGRATE_H
#define SLUICE_DB_MIGRATE_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/** An embedded .sql file; generated. Arrays end with a NULL name. */
struct sql_file {
    const char *name;
    const char *text;
};

extern const struct sql_file sql_migrations[];
extern const struct sql_file sql_functions[];
extern const struct sql_file sql_blueprints[];

enum migrate_result { MIGRATE_DONE, MIGRATE_CURRENT, MIGRATE_FAILED };

/** Migrates the database at @url. On failure writes what went wrong, with file and line, to @why.
 */
enum migrate_result migrate(const char *url, struct buf *why);

/** Tells whether the database at @url has exactly this build's schema; else says why not. */
bool migrate_check(const char *url, struct buf *why);

#endif
