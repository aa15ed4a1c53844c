/* diagram - what all pictures share, and those that are text */
#include "blueprint/diagram.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "blueprint/draw.h"

const struct diagram_figure *draw_figure(const struct diagram *d, const char *state)
{
    for (size_t i = 0; d->figures != NULL && i < d->nfigures; i++)
        if (strcmp(d->figures[i].state, state) == 0)
            return &d->figures[i];
    return NULL;
}

/* Of equals the first one counts, so that the picture is always the same. */
bool draw_is_slowest(const struct diagram *d, const struct state *s)
{
    const struct blueprint *b = d->blueprint;
    const struct state *slowest = NULL;
    int64_t longest = 0;

    for (size_t i = 0; i < b->nstates; i++) {
        const struct diagram_figure *f = draw_figure(d, b->states[i].key);

        if (b->states[i].category != STATE_OPEN || f == NULL || f->count == 0 ||
            f->median_s <= longest)
            continue;
        slowest = &b->states[i];
        longest = f->median_s;
    }
    return slowest == s;
}

struct words {
    const char *language, *median, *day, *hour, *minute, *second;
};

static const struct words *words_in(const char *language)
{
    static const struct words words[] = {
        {"en", "median", "d", "h", "min", "s"},
        {"pl", "mediana", "d", "godz.", "min", "s"},
        {"ru", "медиана", "дн.", "ч", "мин", "с"},
    };

    for (size_t i = 0; language != NULL && i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(words[i].language, language) == 0)
            return &words[i];
    return &words[0];
}

/* The two largest units tell enough. */
static void duration_text(const struct words *w, int64_t s, char *text, size_t size)
{
    const struct {
        int64_t seconds;
        const char *name;
    } units[] = {{86400, w->day}, {3600, w->hour}, {60, w->minute}, {1, w->second}};
    size_t i = 0;
    int64_t more;

    while (i < 3 && s < units[i].seconds)
        i++;
    more = i < 3 ? s % units[i].seconds / units[i + 1].seconds : 0;
    if (more > 0)
        (void)snprintf(text, size, "%lld %s %lld %s", (long long)(s / units[i].seconds),
                       units[i].name, (long long)more, units[i + 1].name);
    else
        (void)snprintf(text, size, "%lld %s", (long long)(s / units[i].seconds), units[i].name);
}

void draw_figure_text(const struct diagram *d, const char *state, char text[DRAW_TEXT_MAX])
{
    const struct diagram_figure *f = draw_figure(d, state);
    const struct words *w = words_in(d->language);
    char duration[100];

    text[0] = '\0';
    if (d->figures == NULL)
        return;
    if (f == NULL || f->median_s < 0) {
        (void)snprintf(text, DRAW_TEXT_MAX, "%lld", f != NULL ? (long long)f->count : 0LL);
        return;
    }
    duration_text(w, f->median_s, duration, sizeof(duration));
    (void)snprintf(text, DRAW_TEXT_MAX, "%lld · %s %s", (long long)f->count, w->median, duration);
}

bool draw_is_end(const struct blueprint *b, const char *state)
{
    for (size_t i = 0; i < b->ntransitions; i++)
        if (strcmp(b->transitions[i].to, state) != 0 &&
            transition_leaves(&b->transitions[i], state))
            return false;
    return true;
}

/* Mermaid: punctuation of its own stands as numbered entities, keys get a prefix because "end" and
 * "note" are words of the language. */
static void mermaid_text(struct buf *b, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c < ' ' || c == 0x7f)
            buf_putc(b, ' ');
        else if (strchr("\"#;:<>{}[]()`&%|\\", c) != NULL)
            buf_printf(b, "#%u;", c);
        else
            buf_putc(b, *text);
    }
}

static bool write_mermaid(struct buf *b, const struct diagram *d)
{
    const struct blueprint *bp = d->blueprint;
    char figure[DRAW_TEXT_MAX];

    buf_puts(b, "stateDiagram-v2\n");
    for (size_t i = 0; i < bp->nstates; i++) {
        buf_puts(b, "    state \"");
        mermaid_text(b, label_in(&bp->states[i].label, d->language));
        draw_figure_text(d, bp->states[i].key, figure);
        if (figure[0] != '\0')
            buf_printf(b, "<br/>%s", figure);
        buf_printf(b, "\" as s_%s\n", bp->states[i].key);
    }
    for (size_t i = 0; i < bp->ntransitions; i++) {
        const struct transition *t = &bp->transitions[i];

        if (t->kind == TRANSITION_INITIAL) {
            buf_printf(b, "    [*] --> s_%s\n", t->to);
            continue;
        }
        for (size_t k = 0; k < bp->nstates; k++) {
            if (!transition_leaves(t, bp->states[k].key))
                continue;
            buf_printf(b, "    s_%s --> s_%s: ", bp->states[k].key, t->to);
            mermaid_text(b, label_in(&t->label, d->language));
            buf_putc(b, '\n');
        }
    }
    for (size_t i = 0; i < bp->nstates; i++) {
        if (draw_is_end(bp, bp->states[i].key))
            buf_printf(b, "    s_%s --> [*]\n", bp->states[i].key);
        if (draw_is_slowest(d, &bp->states[i]))
            buf_printf(b,
                       "    classDef slowest stroke-width:3px,stroke:#c2410c\n"
                       "    class s_%s slowest\n",
                       bp->states[i].key);
    }
    return !b->failed;
}

static void dot_text(struct buf *b, const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f) {
            buf_putc(b, ' ');
            continue;
        }
        if (*text == '"' || *text == '\\')
            buf_putc(b, '\\');
        buf_putc(b, *text);
    }
}

static void dot_state(struct buf *b, const struct diagram *d, const struct state *s)
{
    char figure[DRAW_TEXT_MAX];

    buf_printf(b, "    \"%s\" [label=\"", s->key);
    dot_text(b, label_in(&s->label, d->language));
    draw_figure_text(d, s->key, figure);
    if (figure[0] != '\0')
        buf_printf(b, "\\n%s", figure);
    buf_puts(b, "\"");
    if (draw_is_end(d->blueprint, s->key))
        buf_puts(b, ", peripheries=2");
    if (draw_is_slowest(d, s))
        buf_puts(b, ", penwidth=3, color=\"#c2410c\"");
    buf_puts(b, "];\n");
}

static bool write_dot(struct buf *b, const struct diagram *d)
{
    const struct blueprint *bp = d->blueprint;

    buf_printf(b,
               "digraph \"%s\" {\n    rankdir=TB;\n    node [shape=box, style=rounded];\n"
               "    \"\" [shape=point];\n",
               bp->key);
    for (size_t i = 0; i < bp->nstates; i++)
        dot_state(b, d, &bp->states[i]);
    for (size_t i = 0; i < bp->ntransitions; i++) {
        const struct transition *t = &bp->transitions[i];

        if (t->kind == TRANSITION_INITIAL) {
            buf_printf(b, "    \"\" -> \"%s\";\n", t->to);
            continue;
        }
        for (size_t k = 0; k < bp->nstates; k++) {
            if (!transition_leaves(t, bp->states[k].key))
                continue;
            buf_printf(b, "    \"%s\" -> \"%s\" [label=\"", bp->states[k].key, t->to);
            dot_text(b, label_in(&t->label, d->language));
            buf_puts(b, "\"];\n");
        }
    }
    buf_puts(b, "}\n");
    return !b->failed;
}

bool diagram_write(struct buf *b, const struct diagram *d, enum diagram_format format)
{
    static bool (*const writers[])(struct buf *, const struct diagram *) = {
        [DIAGRAM_SVG] = diagram_write_svg,
        [DIAGRAM_MERMAID] = write_mermaid,
        [DIAGRAM_DOT] = write_dot,
    };

    return writers[format](b, d);
}
