/**
 * pooler - a connection pooler between us and PostgreSQL, as PgBouncer is one.
 *
 * The settings of a session travel in the start-up packet; a pooler refuses them, or is told to
 * ignore them. A session that came up without them would have another role and no timeouts, so
 * each is looked at, and where they are missing they are sent by a statement. That holds while
 * the pooler keeps the server's connection for the session (PgBouncer's pool_mode = session). One
 * that gives it to others between transactions loses settings and prepared statements: it is
 * refused.
 */
#ifndef SLUICE_DB_POOLER_H
#define SLUICE_DB_POOLER_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "db/dsn.h"

/** Tells whether a new session lacks the settings of its start-up packet. */
bool pooler_is_between(const PGconn *pg);

/** Sends the settings; the answer comes by pooler_settings_answered(). Returns false if it cannot.
 */
bool pooler_send_settings(PGconn *pg, const struct dsn_session *s);

enum pooler_answer { POOLER_PENDING, POOLER_SET, POOLER_FAILED };

/** Reads what is there of the answer, without waiting. */
enum pooler_answer pooler_settings_answered(PGconn *pg);

/** Sends the settings and waits. Returns false if it failed. */
bool pooler_set(PGconn *pg, const struct dsn_session *s);

/** Tells whether two sessions, each kept by us, are not kept apart by the pooler. Waits. */
bool pooler_mixes(PGconn *one, PGconn *other);

#endif
