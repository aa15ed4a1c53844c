/* sheet_tool - the command line of sluicectl import and export. */
#include "sheet_tool.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"

#define TEXT_MAX ((size_t)16 << 20)

json_t *tool_keep(struct tool *t, json_t *tree)
{
    if (tree != NULL)
        json_array_append_new(t->kept, tree);
    return tree;
}

static bool add_option(struct tool *t, const char *pair)
{
    const char *equals = strchr(pair, '=');
    char name[64];

    if (equals == NULL || (size_t)(equals - pair) >= sizeof(name))
        return say_misuse(&t->why, t->command, "--option takes NAME=VALUE, not \"%s\"", pair);
    (void)snprintf(name, sizeof(name), "%.*s", (int)(equals - pair), pair);
    if (strcmp(equals + 1, "true") == 0 || strcmp(equals + 1, "false") == 0)
        return json_object_set_new(t->options, name, json_boolean(equals[1] == 't')) == 0;
    return json_object_set_new(t->options, name, json_string(equals + 1)) == 0;
}

static bool add_pair(struct tool *t, const char *name, const char *pair)
{
    if (strchr(pair, '=') == NULL)
        return say_misuse(&t->why, t->command, "%s takes NAME=VALUE, not \"%s\"", name, pair);
    if (t->npairs == PAIRS_MAX)
        return say_misuse(&t->why, t->command, "%s can be given %d times", name, PAIRS_MAX);
    t->pairs[t->npairs++] = pair;
    return true;
}

static bool is_option(const struct tool *t, const char *name)
{
    const char *const *one = t->known;

    while (*one != NULL && strcmp(*one, name) != 0)
        one++;
    return *one != NULL;
}

static bool take_flag(struct tool *t, const char *name)
{
    const struct {
        const char *name;
        bool *to;
    } flags[] = {{"--run", &t->run}, {"--again", &t->again}, {"--help", &t->help}};

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        if (strcmp(flags[i].name, name) == 0 && is_option(t, name))
            return *flags[i].to = true;
    return false;
}

static bool take_value(struct tool *t, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **to;
    } texts[] = {{"--entity", &t->entity},
                 {"--name", &t->name},
                 {"--report", &t->report},
                 {"--to", &t->to},
                 {"--url", &t->url}};

    if (!is_option(t, name))
        return say_unknown(&t->why, t->command, "option", name, t->known);
    if (value == NULL)
        return say_misuse(&t->why, t->command, "%s needs a value", name);
    if (strcmp(name, "--map") == 0 || strcmp(name, "--filter") == 0)
        return add_pair(t, name, value);
    if (strcmp(name, "--option") == 0)
        return add_option(t, value);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (strcmp(texts[i].name, name) == 0)
            *texts[i].to = value;
    return true;
}

static bool take_words(struct tool *t, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0 && t->word != NULL)
            return say_misuse(&t->why, t->command,
                              "what \"%s\" is for is not clear: there is "
                              "\"%s\" already",
                              argv[i], t->word);
        if (strncmp(argv[i], "--", 2) != 0)
            t->word = argv[i];
        else if (take_flag(t, argv[i]))
            continue;
        else if (!take_value(t, argv[i], argv[i + 1]))
            return false;
        else
            i++;
    }
    if (t->word != NULL || t->help)
        return true;
    return say_misuse(&t->why, t->command, "%s", t->missing);
}

bool tool_begin(struct tool *t, int argc, char **argv)
{
    t->url = getenv("SLUICE_URL");
    t->options = json_object();
    t->kept = json_array();
    (void)signal(SIGPIPE, SIG_IGN); /* whoever hangs up is an error, not a death */
    buf_init(&t->out, TEXT_MAX);
    buf_init(&t->why, TEXT_MAX);
    if (!take_words(t, argc, argv))
        return false;
    if (!t->help)
        return client_init(&t->client, t->url, getenv("SLUICE_TOKEN"), &t->why);
    buf_puts(&t->out, t->usage);
    return true;
}

int tool_end(struct tool *t, enum status status)
{
    (void)fputs(buf_text(&t->out), stdout);
    (void)fputs(buf_text(&t->why), stderr);
    client_done(&t->client);
    json_decref(t->options);
    json_decref(t->kept);
    buf_done(&t->out);
    buf_done(&t->why);
    return (int)status;
}
