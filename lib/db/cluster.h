/**
 * cluster - the private PostgreSQL: the embedded default when no database is configured.
 *
 * initdb once under the data folder, unix socket only (mode 0700), run as an unprivileged user even
 * when started by root, stopped with the daemon. Blocking calls: before the workers start and after
 * they end.
 */
#ifndef SLUICE_DB_CLUSTER_H
#define SLUICE_DB_CLUSTER_H

#include <stdbool.h>

struct buf;
struct cluster;

struct cluster_options {
    const char *data_dir; /* absolute; created if missing */
    const char *bin_dir;  /* folder of initdb and postgres; NULL looks for the newest installed */
    const char *user;     /* system user when we are root, e.g. "postgres" */
    bool existing;        /* for a tool: never creates; joins the server of a daemon that runs */
};

/** Starts (after creating it if need be) the cluster; waits until it accepts connections, at most
 * 60 s. Returns NULL and says why on failure. A server left running in the data folder by a daemon
 * that was killed is taken over. */
struct cluster *cluster_start(const struct cluster_options *o, struct buf *why);

/** Connection string for the administrator (migrations) and the application database. */
const char *cluster_url(const struct cluster *c);

/** Connection string of the daemon's own role, which can do nothing but what it was granted.
 * Migrations make the role; who starts the daemon lets it log in. */
const char *cluster_app_url(const struct cluster *c);

/** Tells whether this start created the data folder. */
bool cluster_is_new(const struct cluster *c);

/** Looks after the server: restarts it if it died. Called from time to time. */
void cluster_tend(struct cluster *c);

/** Stops the server (fast shutdown), waits at most 30 s, frees. Accepts NULL. */
void cluster_stop(struct cluster *c);

#endif
