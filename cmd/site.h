/**
 * site - the installation: its database, brought up to date, and what its first start makes.
 *
 * Blocking calls, for before the workers start and for sluicectl.
 */
#ifndef SLUICE_CMD_SITE_H
#define SLUICE_CMD_SITE_H

#include <stdbool.h>

#include "crypto/secret.h"

struct buf;
struct conf;
struct cluster;

struct site {
    struct cluster *cluster; /* the private PostgreSQL, or NULL */
    const char *url;         /* for migrations and the first start */
    const char *worker_url;  /* for the workers: of the private cluster as sluice_app itself */
    unsigned char token_key[SHA256_SIZE], cursor_key[SHA256_SIZE];
    bool is_new; /* the first start: the members below are set, and shown once */
    const char *admin_email;
    char admin_password[SECRET_TEXT];
    const char *intake_form;
    char intake_key[SECRET_TEXT];
};

/** Starts the private cluster if no database is configured; migrates, or checks the schema; makes
 * the first administrator and intake form; reads the installation's keys. False and why on failure
 * (nothing is left running). */
bool site_open(struct site *s, const struct conf *conf, struct buf *why);

/** Migrates the configured database and nothing else; says what it did in @why in both cases. */
bool site_migrate(const struct conf *conf, struct buf *why);

/** Opens the database for a tool that asks it something: the private cluster if none is configured,
 * which must be there and may be one that a daemon runs; the schema must be this build's. False and
 * why on failure. End with site_close() in both cases. */
bool site_attach(struct site *s, const struct conf *conf, struct buf *why);

/** Stops the private cluster. Accepts a zeroed site. */
void site_close(struct site *s);

#endif
