/* Migrations, functions and blueprints against a live PostgreSQL, with files of our own. */
#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/log.h"
#include "db/ask.h"
#include "db/cluster.h"
#include "db/cluster_files.h"
#include "db/migrate.h"
#include "db/once.h"
#include "db/script.h"

/* These stand in for the generated ones; the texts change from test to test. */
static char first[512], second[512], function[512], blueprint[512];
const struct sql_file sql_migrations[] = {
    {"0001_first.sql", first}, {"0002_second.sql", second}, {NULL, NULL}};
const struct sql_file sql_functions[] = {{"f.sql", function}, {NULL, NULL}};
const struct sql_file sql_blueprints[] = {{"b.sql", blueprint}, {NULL, NULL}};

static char folder[64], data[80];
static struct cluster *cluster;
static struct buf why;

static void set(char text[512], const char *value)
{
    (void)snprintf(text, 512, "%s", value);
}

static const char *ask(const char *text)
{
    static char answer[64];
    const struct query q = {.name = "test", .text = text};
    struct result *r = db_once(cluster_url(cluster), NULL, &q, NULL, &why);

    assert_non_null(r);
    (void)snprintf(answer, sizeof answer, "%s",
                   result_text(r, 0, 0) == NULL ? "" : result_text(r, 0, 0));
    result_free(r);
    return answer;
}

static enum migrate_result run(void)
{
    buf_clear(&why);
    return migrate(cluster_url(cluster), &why);
}

static int build(void **state)
{
    struct cluster_options o = {.data_dir = data, .user = "postgres"};

    (void)state;
    log_setup(LOG_LEVEL_ERROR, false);
    buf_init(&why, 4096);
    (void)snprintf(folder, sizeof folder, "/tmp/sluice-test-mg-XXXXXX");
    if (mkdtemp(folder) == NULL || chmod(folder, 0711) != 0)
        return -1;
    (void)snprintf(data, sizeof data, "%s/data", folder);
    cluster = cluster_start(&o, &why);
    if (cluster == NULL)
        (void)fprintf(stderr, "%s\n", buf_text(&why));
    return cluster == NULL ? -1 : 0;
}

static int raze(void **state)
{
    (void)state;
    cluster_stop(cluster);
    cluster_remove_tree(folder);
    buf_done(&why);
    return 0;
}

/* Every test begins with an empty database and files that fit together. */
static int reset(void **state)
{
    (void)state;
    set(first, "create schema sluice;\ncreate table sluice.t (n int);");
    set(second, "alter table sluice.t add m text;");
    set(function, "create or replace function sluice.f() returns int language sql as 'select 1';");
    set(blueprint, "insert into sluice.t (n) values (1);");
    ask("drop schema if exists sluice cascade");
    ask("drop schema if exists sluice_meta cascade");
    return 0;
}

static void a_database_is_migrated_once(void **state)
{
    (void)state;
    assert_false(migrate_check(cluster_url(cluster), &why));
    assert_int_equal(run(), MIGRATE_DONE);
    assert_int_equal(run(), MIGRATE_CURRENT);
    assert_true(migrate_check(cluster_url(cluster), &why));
    assert_string_equal(ask("select count(*) from sluice.t"), "1");
    assert_string_equal(ask("select string_agg(kind || ' ' || name, ', ' order by kind, name)"
                            " from sluice_meta.applied where kind = 'migration'"),
                        "migration 0001_first.sql, migration 0002_second.sql");
}

static void a_failing_file_leaves_nothing_and_is_named_with_its_line(void **state)
{
    (void)state;
    set(second, "create table sluice.u ();\n\n-- za\xc5\xbc\nselect\n   nothing from sluice.u;");
    assert_int_equal(run(), MIGRATE_FAILED);
    assert_string_equal(buf_text(&why), "0002_second.sql:5: column \"nothing\" does not exist");
    assert_string_equal(ask("select to_regclass('sluice.u')::text"), "");

    set(second,
        "select 1;\n\n/* no place is told */ select 2;\nselect 1 / n from (values (0)) v (n);\n");
    assert_int_equal(run(), MIGRATE_FAILED);
    assert_string_equal(buf_text(&why), "0002_second.sql:4: division by zero");

    set(second, "alter table sluice.t add m text;");
    assert_int_equal(run(), MIGRATE_DONE); /* the first one had been applied: it is not run again */
}

static void a_changed_migration_is_refused(void **state)
{
    (void)state;
    assert_int_equal(run(), MIGRATE_DONE);
    set(first, "create schema sluice;");
    assert_int_equal(run(), MIGRATE_FAILED);
    assert_non_null(strstr(buf_text(&why), "0001_first.sql: has been changed"));
    buf_clear(&why);
    assert_false(migrate_check(cluster_url(cluster), &why));
}

static void a_newer_database_is_refused(void **state)
{
    (void)state;
    assert_int_equal(run(), MIGRATE_DONE);
    ask("insert into sluice_meta.applied values ('migration', '0003_third.sql', 'x')");
    assert_int_equal(run(), MIGRATE_FAILED);
    assert_non_null(strstr(buf_text(&why), "0003_third.sql"));
    buf_clear(&why);
    assert_false(migrate_check(cluster_url(cluster), &why));
}

static void a_migration_may_not_end_its_transaction(void **state)
{
    (void)state;
    set(second, "create table sluice.u (); commit;");
    assert_int_equal(run(), MIGRATE_FAILED);
    assert_non_null(strstr(buf_text(&why), "0002_second.sql: ends the transaction"));
}

static void changed_functions_and_blueprints_are_applied_again(void **state)
{
    (void)state;
    assert_int_equal(run(), MIGRATE_DONE);
    set(function, "create or replace function sluice.f() returns int language sql as 'select 2';");
    assert_false(migrate_check(cluster_url(cluster), &why));
    assert_int_equal(run(), MIGRATE_DONE);
    assert_string_equal(ask("select sluice.f()"), "2");
    assert_string_equal(ask("select count(*) from sluice.t"), "1");
    set(blueprint, "insert into sluice.t (n) values (2);");
    assert_int_equal(run(), MIGRATE_DONE);
    assert_string_equal(ask("select count(*) from sluice.t"), "2");
    assert_int_equal(run(), MIGRATE_CURRENT);
}

static void what_clashed_is_applied_again(void **state)
{
    static const struct {
        const char *sqlstate, *tries;
        enum migrate_result result;
    } rows[] = {
        {"40P01", "3", MIGRATE_DONE}, {"55P03", "3", MIGRATE_DONE}, {"23505", "1", MIGRATE_FAILED}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ask("drop sequence if exists public.tries");
        ask("create sequence public.tries"); /* which counts what was rolled back, too */
        (void)snprintf(
            function, sizeof function,
            "do $$ begin if nextval('public.tries') < 3 then raise exception using errcode = '%s';"
            " end if; end $$",
            rows[i].sqlstate);
        assert_int_equal(run(), rows[i].result);
        assert_string_equal(ask("select last_value from public.tries"), rows[i].tries);
        assert_int_equal(why.len == 0, rows[i].result == MIGRATE_DONE);
    }
}

static void a_query_that_fails_once_says_why(void **state)
{
    const struct query q = {.name = "broken", .text = "select nothing"};

    (void)state;
    buf_clear(&why);
    assert_null(db_once(cluster_url(cluster), NULL, &q, NULL, &why));
    assert_non_null(strstr(buf_text(&why), "broken: "));
    buf_clear(&why);
    assert_null(db_once("host=/nowhere", NULL, &q, NULL, &why));
    assert_true(why.len > 0);
    buf_clear(&why);
    assert_null(db_once("no connection string", NULL, &q, NULL, &why));
    assert_true(why.len > 0);
}

static void statements_are_found_in_a_script(void **state)
{
    static const char script[] =
        "-- a comment; with a semicolon\n"
        "select ';', \";\", $$;$$, $a$ ; $$ $a$, (1);\n"
        "/* a /* nested; */ one; */\n"
        "create function f() returns int begin atomic select case when true then 1 end; end;\n"
        "create function g() returns int language sql as $body$\n"
        "select 1; $body$;;\n"
        "select $1, 'it''s;',\n"
        "  E'x';\n"
        "begin;\n"
        "select 'open";
    static const unsigned lines[] = {2, 4, 5, 7, 9, 10, 10};

    (void)state;
    for (unsigned i = 0; i < sizeof lines / sizeof lines[0]; i++)
        assert_int_equal(script_line_of_statement(script, i), lines[i]);
    assert_int_equal(script_line_of_statement("", 0), 1);
    assert_int_equal(script_line_of_character("a\n\xc5\xbc\nb", 1), 1);
    assert_int_equal(script_line_of_character("a\n\xc5\xbc\nb", 2), 1);
    assert_int_equal(script_line_of_character("a\n\xc5\xbc\nb", 3), 2);
    assert_int_equal(script_line_of_character("a\n\xc5\xbc\nb", 5), 3);
    assert_int_equal(script_line_of_character("a", 99), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_database_is_migrated_once, reset),
        cmocka_unit_test_setup(a_failing_file_leaves_nothing_and_is_named_with_its_line, reset),
        cmocka_unit_test_setup(a_changed_migration_is_refused, reset),
        cmocka_unit_test_setup(a_newer_database_is_refused, reset),
        cmocka_unit_test_setup(a_migration_may_not_end_its_transaction, reset),
        cmocka_unit_test_setup(changed_functions_and_blueprints_are_applied_again, reset),
        cmocka_unit_test_setup(what_clashed_is_applied_again, reset),
        cmocka_unit_test(a_query_that_fails_once_says_why),
        cmocka_unit_test(statements_are_found_in_a_script),
    };

    return cmocka_run_group_tests(tests, build, raze);
}
