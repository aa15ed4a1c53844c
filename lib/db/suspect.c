#include "db/suspect.h"

#include <string.h>

#define MARK_US 3000000

/* FNV-1a: statements are told apart by their text, composed ones too. */
static uint64_t key_of(const struct statement *s)
{
    const char *text = s->query != NULL ? s->query->text : s->text;
    uint64_t key = 14695981039346656037U;

    for (; *text != '\0'; text++)
        key = (key ^ (unsigned char)*text) * 1099511628211U;
    return key;
}

static void drop(struct suspects *s, unsigned i)
{
    s->marks[i] = s->marks[--s->n];
}

static int find(const struct suspects *s, uint64_t key)
{
    for (unsigned i = 0; i < s->n; i++)
        if (s->marks[i].key == key)
            return (int)i;
    return -1;
}

bool suspects_have(struct suspects *s, const struct ask *ask, int64_t now_us)
{
    for (unsigned i = s->n; i-- > 0;)
        if (s->marks[i].until_us < now_us)
            drop(s, i);
    for (int i = 0; s->n > 0 && i < ask->n; i++)
        if (find(s, key_of(&ask->statements[i])) >= 0)
            return true;
    return false;
}

static void mark(struct suspects *s, uint64_t key, int64_t now_us)
{
    int i = find(s, key);

    if (i < 0 && s->n < SUSPECTS_MAX)
        i = (int)s->n++;
    if (i < 0)
        return;
    s->marks[i].key = key;
    s->marks[i].until_us = now_us + MARK_US;
}

/* lock_timeout; statement_timeout, which may be the shorter one */
static bool waited_in_vain(const struct ask *ask)
{
    return ask->outcome == ASK_FAILED && ask->error.statement >= 0 &&
           (strcmp(ask->error.sqlstate, "55P03") == 0 || strcmp(ask->error.sqlstate, "57014") == 0);
}

void suspects_learn(struct suspects *s, const struct ask *ask, int64_t now_us)
{
    if (waited_in_vain(ask))
        mark(s, key_of(&ask->statements[ask->error.statement]), now_us);
    for (int i = 0; s->n > 0 && ask->outcome == ASK_OK && i < ask->n; i++) {
        int found = find(s, key_of(&ask->statements[i]));

        if (found >= 0)
            drop(s, (unsigned)found);
    }
}
