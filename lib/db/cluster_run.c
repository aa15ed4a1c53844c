#include "db/cluster_run.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"

#define GROUPS_MAX 256

bool cluster_user_find(struct cluster_user *u, const char *name, struct buf *why)
{
    const struct passwd *entry;

    *u = (struct cluster_user){.change = geteuid() == 0};
    if (!u->change)
        return true;
    entry = name == NULL ? NULL : getpwnam(name);
    if (entry == NULL || entry->pw_uid == 0) {
        buf_printf(why,
                   "PostgreSQL does not run as root and there is no ordinary user \"%s\": set "
                   "postgres_user, or start sluiced as an ordinary user",
                   name == NULL ? "" : name);
        return false;
    }
    u->name = strdup(name);
    u->uid = entry->pw_uid;
    u->gid = entry->pw_gid;
    u->ngroups = GROUPS_MAX;
    u->groups = calloc(GROUPS_MAX, sizeof u->groups[0]);
    if (u->name == NULL || u->groups == NULL)
        abort();
    if (getgrouplist(name, u->gid, u->groups, &u->ngroups) < 0) {
        u->groups[0] = u->gid;
        u->ngroups = 1;
    }
    return true;
}

void cluster_user_done(struct cluster_user *u)
{
    free(u->name);
    free(u->groups);
}

/* In the child: for good, so that the saved ids go too. */
static bool become(const struct cluster_user *u)
{
    if (!u->change)
        return true;
    return setgroups((size_t)u->ngroups, u->groups) == 0 && setgid(u->gid) == 0 &&
           setuid(u->uid) == 0 && setuid(0) != 0;
}

/* In the child: ignored signals and the mask would be inherited through exec. */
static void reset_signals(void)
{
    sigset_t none;

    for (int i = 1; i < 32; i++)
        if (i != SIGKILL && i != SIGSTOP)
            (void)signal(i, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

pid_t cluster_spawn(const struct cluster_user *u, const char *const *argv, const char *log_path)
{
    /* Nothing of ours may steer the server: no PGPORT, no LD_PRELOAD, no locale. */
    static const char *const environment[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
        "TZ=UTC", NULL};
    pid_t pid = fork();
    int in, out;

    if (pid != 0)
        return pid;
    reset_signals();
    setsid(); /* a Ctrl-C in our terminal is for us: we stop the server when we are through */
    umask(077);
    if (chdir("/") != 0 || !become(u))
        _exit(126);
    unlink(log_path);
    in = open("/dev/null", O_RDONLY);
    out = open(log_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
        _exit(126);
    close_range(3, ~0U, 0);
    execve(argv[0], (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)environment);
    _exit(127);
}

bool cluster_pid_lives(pid_t pid)
{
    char path[32], text[512];
    const char *state;
    ssize_t got;
    int fd;

    if (kill(pid, 0) != 0 && errno == ESRCH)
        return false;
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno != ENOENT;
    got = read(fd, text, sizeof text - 1);
    close(fd);
    text[got > 0 ? got : 0] = '\0';
    state = strrchr(text, ')'); /* pid (name) state: the name may hold anything */
    return state == NULL || state[1] == '\0' || state[2] != 'Z';
}

bool cluster_can_enter(const struct cluster_user *u, const char *folder, struct buf *why)
{
    int status = -1;
    pid_t pid;

    if (!u->change)
        return true;
    pid = fork();
    if (pid == 0)
        _exit(become(u) && access(folder, W_OK | X_OK) == 0 ? 0 : 1);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    buf_printf(why,
               "the user %s cannot enter %s: a folder above it is closed to others; choose another "
               "data_dir or open it",
               u->name, folder);
    return false;
}
