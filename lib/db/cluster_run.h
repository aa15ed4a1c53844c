/**
 * cluster_run - processes of the private PostgreSQL: an unprivileged user, clean signals and
 * environment.
 */
#ifndef SLUICE_DB_CLUSTER_RUN_H
#define SLUICE_DB_CLUSTER_RUN_H

#include <stdbool.h>
#include <sys/types.h>

struct buf;

struct cluster_user {
    bool change; /* we are root: become the user below */
    char *name;
    uid_t uid;
    gid_t gid;
    gid_t *groups;
    int ngroups;
};

/** Finds whom to run as: @name when we are root (PostgreSQL refuses to run as root), else
 * ourselves. */
bool cluster_user_find(struct cluster_user *u, const char *name, struct buf *why);
void cluster_user_done(struct cluster_user *u);

/** Starts a program as the user, in a session of its own, its output in @log_path (made anew).
 * Returns the process, or -1. Nothing is looked up after the fork, so threads may be running. */
pid_t cluster_spawn(const struct cluster_user *u, const char *const *argv, const char *log_path);

/** Tells whether a process that is not our child lives; one that only waits to be collected does
 * not. */
bool cluster_pid_lives(pid_t pid);

/** Tells whether the user can reach the folder; else says why. */
bool cluster_can_enter(const struct cluster_user *u, const char *folder, struct buf *why);

#endif
