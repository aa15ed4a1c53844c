#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "conf/conf.h"

#define ARGS_MAX 8
#define ENV_MAX 4

static char folder[] = "/tmp/test-conf-XXXXXX";
static char path[64], secret_path[64];

static void write_text(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    fclose(f);
}

/* Loads with these arguments, environment and file (NULL for none). */
static enum conf_wish load(struct conf *c, struct buf *why, const char *const *args,
                           const char *const *env, const char *file)
{
    char *argv[ARGS_MAX + 4] = {(char *)(uintptr_t) "sluiced"};
    char **saved = environ;
    char *variables[ENV_MAX + 1] = {NULL};
    enum conf_wish wish;
    int argc = 1;

    if (file != NULL) {
        write_text(path, file);
        argv[argc++] = (char *)(uintptr_t) "--config";
        argv[argc++] = path;
    }
    for (; *args != NULL; args++)
        argv[argc++] = (char *)(uintptr_t)*args;
    for (int i = 0; env[i] != NULL; i++)
        variables[i] = (char *)(uintptr_t)env[i];
    environ = variables;
    buf_init(why, 1 << 16);
    wish = conf_load(c, argc, argv, why);
    environ = saved;
    return wish;
}

#define NONE ((const char *const[]){NULL})
#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static void defaults_hold(void **state)
{
    struct conf c;
    struct buf why;

    (void)state;
    assert_int_equal(load(&c, &why, NONE, NONE, NULL), CONF_RUN);
    assert_string_equal(buf_text(&why), "");
    assert_string_equal(c.listen, "127.0.0.1:8080");
    assert_string_equal(c.database_url, "");
    assert_string_equal(c.database_role, "sluice_app");
    assert_string_equal(c.data_dir, geteuid() == 0 ? "/var/lib/sluice" : "./sluice-data");
    assert_string_equal(c.log_level, "info");
    assert_int_equal(c.workers, 0);
    assert_int_equal(c.write_connections, 8);
    assert_int_equal(c.call_memory, 16 << 20);
    assert_int_equal(c.refresh_token_s, 2592000);
    assert_false(c.migrate);
    assert_string_equal(c.origin[CONF_ID_listen], "default");
    conf_done(&c);
    buf_done(&why);
}

static void later_sources_win(void **state)
{
    struct conf c;
    struct buf why;

    (void)state;
    assert_int_equal(load(&c, &why, LIST("--write-queue", "4", "--log-level=debug"),
                          LIST("SLUICE_WRITE_QUEUE=3", "SLUICE_SLOW_QUEUE=3", "PATH=/bin"),
                          "# a comment\n\n  read_queue = 2\r\nslow_queue=2\nwrite_queue = 2\n"
                          "cors_origins = https://a.example, https://b.example \n"
                          "ready_file =\nlog-format = json"),
                     CONF_RUN);
    assert_string_equal(buf_text(&why), "");
    assert_int_equal(c.read_queue, 2);
    assert_int_equal(c.slow_queue, 3);
    assert_int_equal(c.write_queue, 4);
    assert_string_equal(c.log_level, "debug");
    assert_string_equal(c.log_format, "json");
    assert_string_equal(c.cors_origins, "https://a.example, https://b.example");
    assert_string_equal(c.ready_file, "");
    assert_string_equal(c.origin[CONF_ID_write_queue], "--write-queue");
    assert_string_equal(c.origin[CONF_ID_slow_queue], "SLUICE_SLOW_QUEUE");
    assert_non_null(strstr(c.origin[CONF_ID_read_queue], "/sluice.conf:3"));
    conf_done(&c);
    buf_done(&why);

    assert_int_equal(load(&c, &why, NONE, LIST("SLUICE_CONFIG=/tmp/nowhere/x.conf"), "workers=7"),
                     CONF_RUN); /* --config beats SLUICE_CONFIG */
    assert_int_equal(c.workers, 7);
    conf_done(&c);
    buf_done(&why);
}

static void flags_take_a_word_or_none(void **state)
{
    static const struct {
        const char *args[4];
        bool migrate;
        int64_t workers;
    } rows[] = {
        {{"--migrate"}, true, 0},           {{"--migrate", "--workers", "2"}, true, 2},
        {{"--migrate", "false"}, false, 0}, {{"--migrate", "yes", "--workers=3"}, true, 3},
        {{"--migrate=on"}, true, 0},        {{"--migrate=0"}, false, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct conf c;
        struct buf why;

        assert_int_equal(load(&c, &why, rows[i].args, NONE, NULL), CONF_RUN);
        assert_int_equal(c.migrate, rows[i].migrate);
        assert_int_equal(c.workers, rows[i].workers);
        conf_done(&c);
        buf_done(&why);
    }
}

static void faults_are_named(void **state)
{
    static const struct {
        const char *args[4];
        const char *env[3];
        const char *file;
        const char *why;
    } rows[] = {
        {{"--listn", "x"},
         {NULL},
         NULL,
         "--listn: there is no such setting; did you mean --listen?\n"},
        {{"--head-byte=1"},
         {NULL},
         NULL,
         "--head-byte: there is no such setting; did you mean --head-bytes?\n"},
        {{"--xyzzy"}, {NULL}, NULL, "--xyzzy: there is no such setting\n"},
        {{"--chek-config"},
         {NULL},
         NULL,
         "--chek-config: there is no such setting; did you mean --check-config?\n"},
        {{"--listen"}, {NULL}, NULL, "--listen: the value is missing\n"},
        {{"--config"}, {NULL}, NULL, "--config: the value is missing\n"},
        {{"start"}, {NULL}, NULL, "start: settings are given as --name VALUE\n"},
        {{"--"}, {NULL}, NULL, "--: settings are given as --name VALUE\n"},
        {{"--workers", "many"},
         {NULL},
         NULL,
         "--workers: workers: \"many\" is not a whole number from 0 to 64\n"},
        {{"--workers=257"},
         {NULL},
         NULL,
         "--workers: workers: \"257\" is not a whole number from 0 to 64\n"},
        {{"--workers="},
         {NULL},
         NULL,
         "--workers: workers: \"\" is not a whole number from 0 to 64\n"},
        {{"--migrate=maybe"}, {NULL}, NULL, "--migrate: migrate: \"maybe\" is not true or false\n"},
        {{"--log-level=inf"},
         {NULL},
         NULL,
         "--log-level: log_level: \"inf\" is not one of error|warn|info|debug\n"},
        {{"--listen=a\nb"},
         {NULL},
         NULL,
         "--listen: listen: \"a\nb\" is not UTF-8 text on one line\n"},
        {{"--database-url=pass\xff"},
         {NULL},
         NULL,
         "--database-url: database_url: the value is not UTF-8 text on one line\n"},
        {{NULL},
         {"SLUICE_LISTN=x"},
         NULL,
         "SLUICE_LISTN: there is no such setting; did you mean SLUICE_LISTEN?\n"},
        {{NULL},
         {"SLUICE_WORKERS=-1"},
         NULL,
         "SLUICE_WORKERS: workers: \"-1\" is not a whole number from 0 to 64\n"},
        {{NULL},
         {"SLUICE_DATABASE_URL_FILE=/nowhere/x"},
         NULL,
         "/nowhere/x: No such file or directory\n"},
        {{"--tls-key=k.pem"},
         {NULL},
         NULL,
         "tls_certificate and tls_key go together: set both or neither\n"},
        {{NULL}, {NULL}, "workers", ":1: the line is not \"name = value\"\n"},
        {{NULL}, {NULL}, "workers=1\nworkers=2", ":2: workers was set above already\n"},
        {{NULL},
         {NULL},
         "\nworker = 1",
         ":2: worker: there is no such setting; did you mean workers?\n"},
        /* all at once */
        {{"--workers=x"},
         {"SLUICE_HEAD_BYTES=x"},
         "nonsense = 1",
         ":1: nonsense: there is no such setting\n"
         "SLUICE_HEAD_BYTES: head_bytes: \"x\" is not a whole number from 1024 to 1048576\n"
         "--workers: workers: \"x\" is not a whole number from 0 to 64\n"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *text;
        struct conf c;
        struct buf why;

        assert_int_equal(load(&c, &why, rows[i].args, rows[i].env, rows[i].file), CONF_WRONG);
        text = buf_text(&why);
        if (rows[i].file != NULL && strncmp(text, path, strlen(path)) == 0)
            text += strlen(path);
        assert_string_equal(text, rows[i].why);
        conf_done(&c);
        buf_done(&why);
    }
}

static void what_is_not_ours_is_passed_over(void **state)
{
    struct conf c;
    struct buf why;

    (void)state;
    assert_int_equal(load(&c, &why, NONE,
                          LIST("SLUICE_PORT=tcp://10.0.0.1:80", "SLUICE_SERVICE_HOST=10.0.0.1",
                               "SLUICE_PORT_8080_TCP_ADDR=10.0.0.1"),
                          NULL),
                     CONF_RUN);
    assert_string_equal(buf_text(&why), "");
    conf_done(&c);
    buf_done(&why);
}

static void secrets_come_from_files_and_are_masked(void **state)
{
    char variable[100];
    struct conf c;
    struct buf why, shown;

    (void)state;
    write_text(secret_path, "postgresql://u:p4ss@db/x\n");
    snprintf(variable, sizeof(variable), "SLUICE_DATABASE_URL_FILE=%s", secret_path);
    assert_int_equal(load(&c, &why, LIST("--check-config"), LIST(variable), NULL), CONF_CHECK);
    assert_string_equal(c.database_url, "postgresql://u:p4ss@db/x");
    buf_init(&shown, 1 << 16);
    conf_print(&c, &shown);
    assert_null(strstr(buf_text(&shown), "p4ss"));
    assert_non_null(strstr(buf_text(&shown),
                           "database_url                 = ***                     "
                           "# SLUICE_DATABASE_URL_FILE\n"));
    assert_non_null(strstr(buf_text(&shown),
                           "\nadmin_listen                 = 127.0.0.1:8081          "
                           "# default\n"));
    assert_non_null(strstr(buf_text(&shown), "\nmigrate                      = false "));
    assert_non_null(strstr(buf_text(&shown), "\nworkers                      = 0 "));
    buf_done(&shown);
    conf_done(&c);
    buf_done(&why);
}

static void help_beats_faults(void **state)
{
    static const struct {
        const char *args[4];
        enum conf_wish wish;
    } rows[] = {
        {{"--help"}, CONF_HELP},
        {{"-h"}, CONF_HELP},
        {{"--version"}, CONF_VERSION},
        {{"--version", "--help"}, CONF_HELP},
        {{"--nonsense", "--help"}, CONF_HELP},
        {{"--check-config"}, CONF_CHECK},
        {{"--check-config", "--nonsense"}, CONF_WRONG},
    };
    struct buf help;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct conf c;
        struct buf why;

        assert_int_equal(load(&c, &why, rows[i].args, NONE, NULL), rows[i].wish);
        assert_int_equal(why.len > 0, rows[i].wish == CONF_WRONG);
        conf_done(&c);
        buf_done(&why);
    }
    buf_init(&help, 1 << 16);
    conf_help(&help);
    assert_false(help.failed);
    assert_non_null(strstr(buf_text(&help),
                           "\n  --workers                     threads that serve requests; "
                           "0 takes one per core (0 to 64; 0)\n"));
    assert_non_null(strstr(buf_text(&help), "(error|warn|info|debug; info)\n"));
    buf_done(&help);
}

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/sluice.conf", folder);
    snprintf(secret_path, sizeof(secret_path), "%s/secret", folder);
    return 0;
}

static int drop_folder(void **state)
{
    (void)state;
    unlink(path);
    unlink(secret_path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_hold),
        cmocka_unit_test(later_sources_win),
        cmocka_unit_test(flags_take_a_word_or_none),
        cmocka_unit_test(faults_are_named),
        cmocka_unit_test(what_is_not_ours_is_passed_over),
        cmocka_unit_test(secrets_come_from_files_and_are_masked),
        cmocka_unit_test(help_beats_faults),
    };

    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
