#include "db/cluster_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"
#include "db/cluster.h"
#include "db/cluster_run.h"

#define TAIL_SIZE 600
#define CACHE_LEAST_MB 128
#define CACHE_MOST_MB 1024 /* the indexes of a million names fit in */

/* Written once into postgresql.conf, for the administrator to change. Durability keeps its
 * defaults. */
static const char settings[] =
    "\n# sluiced: written once, yours to change\n"
    "max_connections = 50\n"
    "effective_cache_size = 1GB\n"
    "maintenance_work_mem = 128MB\n"
    "random_page_cost = 1.1\n"
    "timezone = 'UTC'\n"
    "log_timezone = 'UTC'\n"
    "client_connection_check_interval = 5s\n"
    "logging_collector = on\n"
    "log_directory = '../log'\n"
    "log_filename = 'postgresql-%a.log'\n"
    "log_rotation_age = 1d\n"
    "log_rotation_size = 0\n"
    "log_truncate_on_rotation = on\n"
    "log_line_prefix = '%m [%p] %q%u@%d '\n"
    "log_parameter_max_length = 0\n" /* no data of customers in the log */
    "log_parameter_max_length_on_error = 0\n"
    "log_error_verbosity = terse\n" /* the detail of a refusal names the row or the key */
    "log_min_error_statement = panic\n";

static const char *const bin_patterns[] = {
    "/usr/lib/postgresql/*/bin", /* Debian */
    "/usr/pgsql-*/bin",          /* PGDG on Red Hat */
    "/usr/local/pgsql/bin",      "/usr/local/bin", "/usr/bin",
};

static char *join(const char *folder, const char *name)
{
    char *path;

    if (asprintf(&path, "%s/%s", folder, name) < 0)
        abort();
    return path;
}

bool cluster_has_data(const struct cluster_paths *p)
{
    char *path = join(p->data, "PG_VERSION");
    bool found = access(path, F_OK) == 0;

    free(path);
    return found;
}

/* Reads the first line of a small file; "" if there is none. */
static void first_line(const char *folder, const char *name, char *out, size_t size)
{
    char *path = join(folder, name);
    FILE *file = fopen(path, "re");

    out[0] = '\0';
    if (file != NULL) {
        if (fgets(out, (int)size, file) == NULL)
            out[0] = '\0';
        (void)fclose(file);
    }
    out[strcspn(out, "\r\n")] = '\0';
    free(path);
}

pid_t cluster_read_pid(const struct cluster_paths *p)
{
    char line[32];
    int64_t pid;

    first_line(p->data, "postmaster.pid", line, sizeof line);
    if (!text_parse_i64(span_of(line), &pid) || pid <= 1 || pid > INT32_MAX)
        return 0;
    return (pid_t)pid;
}

/* finding the programs */

/* "/usr/lib/postgresql/15/bin" and "/usr/pgsql-15/bin" give 15, other folders 0. */
static long version_of(const char *path)
{
    const char *digits = strpbrk(path, "0123456789");

    return digits == NULL ? 0 : strtol(digits, NULL, 10);
}

static bool has_programs(const char *folder)
{
    char *initdb = join(folder, "initdb");
    char *postgres = join(folder, "postgres");
    bool found = access(initdb, X_OK) == 0 && access(postgres, X_OK) == 0;

    free(initdb);
    free(postgres);
    return found;
}

/* Returns the folder with the newest programs, or of the cluster's own version if it has one. */
static char *find_bin(const char *version, struct buf *why)
{
    char *best = NULL;

    for (size_t i = 0; i < sizeof bin_patterns / sizeof bin_patterns[0]; i++) {
        glob_t found;

        if (glob(bin_patterns[i], 0, NULL, &found) != 0)
            continue;
        for (size_t j = 0; j < found.gl_pathc; j++) {
            const char *path = found.gl_pathv[j];

            if (!has_programs(path) ||
                (version[0] != '\0' && version_of(path) != 0 &&
                 version_of(path) != version_of(version)) ||
                (best != NULL && version_of(path) <= version_of(best)))
                continue;
            free(best);
            best = strdup(path);
        }
        globfree(&found);
    }
    if (best == NULL)
        buf_printf(
            why,
            "no PostgreSQL %s found to run a private one: install it, set postgres_bin_dir, or "
            "set database_url",
            version);
    return best;
}

/* folders */

bool cluster_make_folder(const char *path, mode_t mode, const struct cluster_user *user,
                         struct buf *why)
{
    if (mkdir(path, mode) != 0 && errno != EEXIST) {
        buf_printf(why, "cannot create %s: %s", path, strerror(errno));
        return false;
    }
    if (user == NULL || !user->change)
        return true;
    if (chown(path, user->uid, user->gid) == 0 && chmod(path, mode) == 0)
        return true;
    buf_printf(why, "cannot hand %s to %s: %s", path, user->name, strerror(errno));
    return false;
}

/* Makes the folder and those above it. */
static bool make_all(const char *path, mode_t mode, struct buf *why)
{
    char *part = strdup(path);
    bool ok = true;

    if (part == NULL)
        abort();
    for (char *slash = strchr(part + 1, '/'); slash != NULL && ok; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        ok = mkdir(part, 0755) == 0 || errno == EEXIST;
        if (!ok)
            buf_printf(why, "cannot create %s: %s", part, strerror(errno));
        *slash = '/';
    }
    free(part);
    return ok && cluster_make_folder(path, mode, NULL, why);
}

static bool check_socket(const char *run, struct buf *why)
{
    size_t room = sizeof((struct sockaddr_un *)0)->sun_path;

    if (strlen(run) + sizeof "/.s.PGSQL.5432" <= room)
        return true;
    buf_printf(why, "the path of the data folder is too long for a unix socket: %s", run);
    return false;
}

bool cluster_paths_make(struct cluster_paths *p, const struct cluster_options *o,
                        const struct cluster_user *user, struct buf *why)
{
    char version[16];

    *p = (struct cluster_paths){
        .data = join(o->data_dir, "postgres"),
        .fresh = join(o->data_dir, "postgres.new"),
        .run = join(o->data_dir, "run"),
        .log = join(o->data_dir, "log"),
        .lock = join(o->data_dir, "lock"),
    };
    p->start_log = join(p->log, "start.log");
    first_line(p->data, "PG_VERSION", version, sizeof version);
    p->bin =
        o->bin_dir != NULL && o->bin_dir[0] != '\0' ? strdup(o->bin_dir) : find_bin(version, why);
    /* The server's user passes through the data folder, so it is 0711; what is in it is closed. */
    return p->bin != NULL && check_socket(p->run, why) && make_all(o->data_dir, 0711, why) &&
           cluster_make_folder(p->run, 0700, user, why) &&
           cluster_make_folder(p->log, 0700, user, why) && cluster_can_enter(user, p->run, why);
}

void cluster_paths_done(struct cluster_paths *p)
{
    free(p->data);
    free(p->fresh);
    free(p->run);
    free(p->log);
    free(p->lock);
    free(p->start_log);
    free(p->bin);
}

char *cluster_program(const struct cluster_paths *p, const char *name)
{
    return join(p->bin, name);
}

unsigned cluster_cache_mb(uint64_t memory)
{
    uint64_t mb = memory / 4 >> 20;

    return mb < CACHE_LEAST_MB ? CACHE_LEAST_MB : mb > CACHE_MOST_MB ? CACHE_MOST_MB : (unsigned)mb;
}

/* What the machine has, or a container may use of it. */
static uint64_t memory_there(void)
{
    static const char *const limits[] = {"/sys/fs/cgroup/memory.max",
                                         "/sys/fs/cgroup/memory/memory.limit_in_bytes"};
    uint64_t least = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        FILE *file = fopen(limits[i], "re");
        char line[32];
        int64_t limit;

        if (!file)
            continue;
        if (fgets(line, sizeof(line), file) != NULL &&
            text_parse_i64((struct span){line, strcspn(line, "\n")}, &limit) && limit > 0 &&
            (uint64_t)limit < least)
            least = (uint64_t)limit;
        (void)fclose(file);
    }
    return least;
}

bool cluster_write_settings(const struct cluster_paths *p)
{
    char *path = join(p->fresh, "postgresql.conf");
    FILE *file = fopen(path, "ae");
    bool ok = file != NULL && fwrite(settings, sizeof settings - 1, 1, file) == 1 &&
              fprintf(file, "shared_buffers = %uMB\n", cluster_cache_mb(memory_there())) > 0;

    ok = ok && fflush(file) == 0 && fsync(fileno(file)) == 0;
    if (file != NULL && fclose(file) != 0)
        ok = false;
    free(path);
    return ok;
}

bool cluster_sync_folder(const char *path)
{
    char *folder = strndup(path, (size_t)(strrchr(path, '/') - path));
    int fd = folder == NULL ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    free(folder);
    return ok;
}

void cluster_tail(const char *path, struct buf *to)
{
    char text[TAIL_SIZE];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    ssize_t got;

    if (fd < 0)
        return;
    got = pread(fd, text, sizeof text, size > TAIL_SIZE ? size - TAIL_SIZE : 0);
    for (ssize_t i = 0; i < got; i++)
        if (text[i] != '\n')
            buf_putc(to, text[i]);
        else if (i + 1 < got)
            buf_puts(to, "; ");
    close(fd);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

void cluster_remove_tree(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
