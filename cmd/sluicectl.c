/* sluicectl - what an administrator does from a shell: migrate the database, look at the settings,
 * put processes in force, bring spreadsheets in and out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "blueprints.h"
#include "conf/conf.h"
#include "say.h"
#include "sheets.h"
#include "site.h"

static const char usage[] =
    "usage: sluicectl COMMAND [--SETTING VALUE]...\n"
    "\n"
    "  migrate   bring the database to this build's schema (under a lock; "
    "safe to repeat), and exit\n"
    "  blueprint export, lint, diff and apply processes as texts; see "
    "sluicectl blueprint help\n"
    "  import    send a spreadsheet to a running daemon, try it, run it; see "
    "sluicectl import --help\n"
    "  export    write a list of a running daemon to a file; see sluicectl "
    "export --help\n"
    "  config    print every setting with its origin, secrets masked\n"
    "  version   print the version\n"
    "  help      this text\n"
    "\n"
    "Settings are those of sluiced: see sluiced --help.\n";

#define MISUSED 2 /* as of the commands that end with 1 for what they found */

struct command {
    const char *name;
    bool (*run)(const struct conf *conf, struct buf *text);
};

static bool do_migrate(const struct conf *conf, struct buf *text)
{
    bool done = site_migrate(conf, text);

    buf_putc(text, '\n');
    return done;
}

static bool do_config(const struct conf *conf, struct buf *text)
{
    conf_print(conf, text);
    return true;
}

static bool do_version(const struct conf *conf, struct buf *text)
{
    (void)conf;
    buf_puts(text, "sluicectl " SLUICE_VERSION "\n");
    return true;
}

static bool do_help(const struct conf *conf, struct buf *text)
{
    (void)conf;
    buf_puts(text, usage);
    return true;
}

static const struct command commands[] = {
    {"migrate", do_migrate}, {"config", do_config}, {"version", do_version},
    {"help", do_help},       {"--help", do_help},   {NULL, NULL},
};

static int run(const struct command *command, int argc, char **argv)
{
    struct conf conf;
    struct buf text;
    bool done;

    buf_init(&text, 1024 * 1024);
    done = conf_load(&conf, argc, argv, &text) != CONF_WRONG && command->run(&conf, &text);
    (void)fputs(buf_text(&text), done ? stdout : stderr);
    buf_done(&text);
    conf_done(&conf);
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int misused(const char *word)
{
    static const char *const known[] = {"migrate", "blueprint", "import", "export",
                                        "config",  "version",   "help",   NULL};
    struct buf why;

    buf_init(&why, 4096);
    if (word == NULL)
        say_misuse(&why, "", "say what is to be done: migrate, blueprint, import, export, config");
    else
        say_unknown(&why, "", "command", word, known);
    (void)fputs(buf_text(&why), stderr);
    buf_done(&why);
    return MISUSED;
}

int main(int argc, char **argv)
{
    const struct command *command = commands;

    if (argc > 1 && strcmp(argv[1], "blueprint") == 0)
        return blueprints_main(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "import") == 0)
        return import_main(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "export") == 0)
        return export_main(argc - 1, argv + 1);
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--help") != 0 && strcmp(argv[i], "-h") != 0)
            continue;
        (void)fputs(usage, stdout); /* asking must not do it */
        return EXIT_SUCCESS;
    }
    while (argc > 1 && command->name && strcmp(command->name, argv[1]) != 0)
        command++;
    if (argc < 2 || !command->name)
        return misused(argc > 1 ? argv[1] : NULL);
    return run(command, argc - 1, argv + 1);
}
