#include "blueprint/blueprint.h"

#include <string.h>

const char *const language_codes[] = {
    [LANGUAGE_EN] = "en", [LANGUAGE_PL] = "pl", [LANGUAGE_RU] = "ru", [LANGUAGES] = NULL};

const char *label_in(const struct label *l, const char *language)
{
    const char *const texts[LANGUAGES] = {l->en, l->pl, l->ru};
    const char *text = texts[language_of(language)];

    for (size_t i = 0; text == NULL && i < LANGUAGES; i++)
        text = texts[i];
    return text;
}

const struct state *blueprint_state(const struct blueprint *b, const char *key)
{
    for (size_t i = 0; i < b->nstates; i++)
        if (strcmp(b->states[i].key, key) == 0)
            return &b->states[i];
    return NULL;
}

const struct transition *blueprint_transition(const struct blueprint *b, const char *key)
{
    for (size_t i = 0; i < b->ntransitions; i++)
        if (strcmp(b->transitions[i].key, key) == 0)
            return &b->transitions[i];
    return NULL;
}

const char *governed_field(const char *entity)
{
    static const char *const governed[][2] = {
        {"lead", "status"}, {"account", "verification"}, {"opportunity", "stage"}};

    for (size_t i = 0; i < sizeof(governed) / sizeof(governed[0]); i++)
        if (strcmp(governed[i][0], entity) == 0)
            return governed[i][1];
    return NULL;
}

bool field_is_governed(const char *entity, const char *field)
{
    const char *governed = governed_field(entity);

    return governed != NULL && strcmp(governed, field) == 0;
}

static bool listed(const char *const *list, const char *key)
{
    for (; *list != NULL; list++)
        if (strcmp(*list, key) == 0)
            return true;
    return false;
}

bool transition_leaves(const struct transition *t, const char *state)
{
    if (t->kind == TRANSITION_INITIAL)
        return false;
    if (t->from_any)
        return !listed(t->except, state);
    return listed(t->from, state);
}
