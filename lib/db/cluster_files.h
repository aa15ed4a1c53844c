/**
 * cluster_files - the folders and files of the private PostgreSQL.
 *
 *   <data_dir>/postgres   the cluster          <data_dir>/run   the socket, mode 0700
 *   <data_dir>/log        the server's logs    <data_dir>/lock  held by the daemon that runs it
 */
#ifndef SLUICE_DB_CLUSTER_FILES_H
#define SLUICE_DB_CLUSTER_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;
struct cluster_options;
struct cluster_user;

struct cluster_paths {
    char *data;  /* the cluster */
    char *fresh; /* the cluster while initdb makes it */
    char *run, *log, *lock;
    char *start_log; /* what initdb and a starting server print */
    char *bin;       /* folder of initdb and postgres */
};

/** Fills @p and makes the folders, owned by @user. Returns false and says why not. */
bool cluster_paths_make(struct cluster_paths *p, const struct cluster_options *o,
                        const struct cluster_user *user, struct buf *why);
void cluster_paths_done(struct cluster_paths *p);

/** Makes a folder, unless it is there, and hands it to @user (NULL: keeps it). Says why not. */
bool cluster_make_folder(const char *path, mode_t mode, const struct cluster_user *user,
                         struct buf *why);

/** Tells whether there is a cluster in the data folder. */
bool cluster_has_data(const struct cluster_paths *p);

/** Returns the path of a program of PostgreSQL; the caller frees. */
char *cluster_program(const struct cluster_paths *p, const char *name);

/** Returns the process that the cluster's postmaster.pid names, or 0. */
pid_t cluster_read_pid(const struct cluster_paths *p);

/** Returns how much of @memory (bytes) a fresh cluster's cache (shared_buffers) takes: a quarter,
 * as PostgreSQL's manual (19.4.1) proposes, but 128 MB at least and 1 GB at most. */
unsigned cluster_cache_mb(uint64_t memory);

/** Appends our settings to the postgresql.conf of the fresh cluster. */
bool cluster_write_settings(const struct cluster_paths *p);

/** Makes the name of a file or folder durable: syncs the folder above it. */
bool cluster_sync_folder(const char *path);

/** Appends the last lines of a file, on one line. */
void cluster_tail(const char *path, struct buf *to);

/** Removes a folder and all in it, if it is there. */
void cluster_remove_tree(const char *path);

#endif
