/* diagram_svg - the picture itself: a style for light and dark, lines first, boxes over them */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "blueprint/draw.h"
#include "blueprint/layout.h"

#define MEMORY (16U << 20)

static const char style[] =
    "<style>\n"
    "svg{background:#fff;font:13px system-ui,'Segoe UI',Roboto,sans-serif;"
    "--ink:#1f2937;--soft:#4b5563;--line:#6b7280;--ground:#fff;"
    "--open:#dbeafe;--won:#dcfce7;--lost:#fee2e2;--cancelled:#e5e7eb;--postponed:#fef3c7;"
    "--slow:#c2410c}\n"
    "@media(prefers-color-scheme:dark){svg{background:#111827;"
    "--ink:#f3f4f6;--soft:#d1d5db;--line:#9ca3af;--ground:#111827;"
    "--open:#1e3a8a;--won:#14532d;--lost:#7f1d1d;--cancelled:#374151;--postponed:#78350f;"
    "--slow:#fb923c}}\n"
    "text{fill:var(--ink);text-anchor:middle;dominant-baseline:central}\n"
    ".small{font-size:11px;fill:var(--soft)}\n"
    "rect{stroke:var(--line);stroke-width:1.5}\n"
    ".open{fill:var(--open)}.won,.done{fill:var(--won)}.lost{fill:var(--lost)}"
    ".cancelled{fill:var(--cancelled)}.postponed{fill:var(--postponed)}\n"
    ".end{stroke-width:3}.slowest{stroke:var(--slow);stroke-width:4}\n"
    ".common{fill:var(--ground);stroke-dasharray:4 3}\n"
    ".label{fill:var(--ground);stroke:none}\n"
    ".start{fill:var(--ink)}.head{fill:var(--line)}\n"
    ".line{fill:none;stroke:var(--line);stroke-width:1.5}\n"
    "</style>\n"
    "<defs><marker id=\"head\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"8\" "
    "markerHeight=\"8\" orient=\"auto-start-reverse\"><path class=\"head\" "
    "d=\"M0 0L10 5L0 10z\"/></marker></defs>\n";

/* Labels are the administrator's; characters that XML does not allow become spaces. */
static void xml_text_n(struct buf *b, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        switch (text[i]) {
        case '&': buf_puts(b, "&amp;"); break;
        case '<': buf_puts(b, "&lt;"); break;
        case '>': buf_puts(b, "&gt;"); break;
        case '"': buf_puts(b, "&quot;"); break;
        default: buf_putc(b, (unsigned char)text[i] < ' ' || text[i] == 0x7f ? ' ' : text[i]);
        }
    }
}

/* At most so many characters, and an ellipsis where something is left out. */
static void xml_short(struct buf *b, const char *text, size_t max)
{
    size_t n = 0, cut = 0;
    const char *p = text;

    for (; *p != '\0'; p++) {
        if (((unsigned char)*p & 0xc0) == 0x80)
            continue;
        if (n == max - 1)
            cut = (size_t)(p - text);
        n++;
    }
    if (n <= max) {
        xml_text_n(b, text, (size_t)(p - text));
        return;
    }
    xml_text_n(b, text, cut);
    buf_puts(b, "…");
}

static void write_title(struct buf *b, const char *text)
{
    buf_puts(b, "<title>");
    xml_text_n(b, text, strlen(text));
    buf_puts(b, "</title>");
}

static void write_text(struct buf *b, const char *class, double x, double y, const char *text,
                       size_t max)
{
    buf_printf(b, "<text%s x=\"%.0f\" y=\"%.0f\">", class, x, y);
    xml_short(b, text, max);
    buf_puts(b, "</text>");
}

static void write_rect(struct buf *b, const struct box *box, const char *class, int radius)
{
    buf_printf(
        b, "<rect class=\"%s\" x=\"%.0f\" y=\"%.0f\" width=\"%.0f\" height=\"%.0f\" rx=\"%d\"/>",
        class, box->x - box->w / 2, box->y - box->h / 2, box->w, box->h, radius);
}

static void write_state(struct buf *b, const struct diagram *d, const struct box *box)
{
    static const char *const categories[] = {
        [STATE_OPEN] = "open",           [STATE_WON] = "won",
        [STATE_LOST] = "lost",           [STATE_CANCELLED] = "cancelled",
        [STATE_POSTPONED] = "postponed", [STATE_DONE] = "done",
    };
    const struct state *s = box->state;
    const char *label = label_in(&s->label, d->language);
    char class[64], figure[DRAW_TEXT_MAX];
    bool figures = d->figures != NULL;

    (void)snprintf(class, sizeof(class), "%s%s%s", categories[s->category],
                   draw_is_end(d->blueprint, s->key) ? " end" : "",
                   draw_is_slowest(d, s) ? " slowest" : "");
    buf_printf(b, "<g id=\"state-%s\">", s->key);
    write_title(b, label);
    write_rect(b, box, class, 10);
    write_text(b, "", box->x, figures ? box->y - 9 : box->y, label, LAYOUT_TEXT_MAX);
    draw_figure_text(d, s->key, figure);
    if (figures)
        write_text(b, " class=\"small\"", box->x, box->y + 12, figure, LAYOUT_TEXT_MAX);
    buf_puts(b, "</g>\n");
}

/* "from Open, Contacted, ..." or "from any state except Won" */
static void origins_text(const struct diagram *d, const struct transition *t, struct buf *text)
{
    static const struct {
        const char *language, *from, *any, *except;
    } words[] = {
        {"en", "from", "from any state", "except"},
        {"pl", "z:", "z każdego stanu", "oprócz:"},
        {"ru", "из:", "из любого состояния", "кроме:"},
    };
    const struct blueprint *b = d->blueprint;
    size_t w = 0, n = 0;

    for (size_t i = 0; d->language != NULL && i < sizeof(words) / sizeof(words[0]); i++)
        w = strcmp(words[i].language, d->language) == 0 ? i : w;
    buf_puts(text, t->from_any ? words[w].any : words[w].from);
    for (size_t i = 0; i < b->nstates; i++) {
        if (transition_leaves(t, b->states[i].key) == t->from_any)
            continue;
        if (n == 0 && t->from_any)
            buf_printf(text, " %s", words[w].except);
        buf_printf(text, "%s %s", n > 0 ? "," : "", label_in(&b->states[i].label, d->language));
        n++;
    }
}

static void write_common(struct buf *b, const struct diagram *d, const struct box *box)
{
    struct buf text;

    buf_init(&text, 1 << 20);
    origins_text(d, box->transition, &text);
    buf_puts(b, "<g>");
    write_title(b, buf_text(&text));
    write_rect(b, box, "common", 20);
    write_text(b, "", box->x, box->y - 8, label_in(&box->transition->label, d->language),
               LAYOUT_TEXT_MAX);
    write_text(b, " class=\"small\"", box->x, box->y + 9, buf_text(&text), LAYOUT_TEXT_MAX);
    buf_puts(b, "</g>\n");
    buf_done(&text);
}

static void write_box(struct buf *b, const struct diagram *d, const struct box *box)
{
    switch (box->kind) {
    case BOX_START:
        buf_printf(b, "<circle class=\"start\" cx=\"%.0f\" cy=\"%.0f\" r=\"8\"/>\n", box->x,
                   box->y);
        break;
    case BOX_STATE: write_state(b, d, box); break;
    case BOX_COMMON: write_common(b, d, box); break;
    case BOX_LABEL:
        buf_puts(b, "<g>");
        write_title(b, label_in(&box->transition->label, d->language));
        write_rect(b, box, "label", 3);
        write_text(b, " class=\"small\"", box->x, box->y,
                   label_in(&box->transition->label, d->language), LAYOUT_TEXT_MAX);
        buf_puts(b, "</g>\n");
        break;
    case BOX_BEND: break;
    }
}

/* Lines of one box meet it side by side. */
static double port(struct box *box, int side)
{
    double part = (double)++box->used[side] / (double)(box->ports[side] + 1);

    return box->x + (part - 0.5) * box->w * 0.8;
}

static void write_line(struct buf *b, struct layout *l, const struct line *line)
{
    struct box *first = &l->boxes[line->boxes[0]], *last = &l->boxes[line->boxes[line->n - 1]];
    double x = port(first, 1), y = first->y + first->h / 2, end = port(last, 0);

    buf_printf(b, "<path class=\"line\" marker-%s=\"url(#head)\" d=\"M%.0f %.0f",
               line->upwards ? "start" : "end", x, y);
    for (size_t i = 1; i < line->n; i++) {
        const struct box *box = &l->boxes[line->boxes[i]];
        bool over = i + 1 == line->n;
        double to_x = over ? end : box->x, to_y = over ? box->y - box->h / 2 : box->y;
        double half = (y + to_y) / 2;

        buf_printf(b, "C%.0f %.0f %.0f %.0f %.0f %.0f", x, half, to_x, half, to_x, to_y);
        x = to_x;
        y = to_y;
    }
    buf_puts(b, "\"/>\n");
}

/* Ports are given away from left to right: lines whose next box stands further left come first. */
static void sort_lines(struct layout *l)
{
    for (size_t i = 1; i < l->nlines; i++)
        for (size_t k = i; k > 0; k--) {
            struct line *a = &l->lines[k - 1], *c = &l->lines[k], other;

            if (l->boxes[a->boxes[1]].x + l->boxes[a->boxes[a->n - 2]].x <=
                l->boxes[c->boxes[1]].x + l->boxes[c->boxes[c->n - 2]].x)
                break;
            other = *a;
            *a = *c;
            *c = other;
        }
}

bool diagram_write_svg(struct buf *b, const struct diagram *d)
{
    struct arena arena;
    struct layout l;
    bool fits;

    arena_init(&arena, MEMORY);
    fits = layout_make(&l, d, &arena);
    if (fits) {
        buf_printf(b,
                   "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
                   "viewBox=\"0 0 %.0f %.0f\" role=\"img\" lang=\"%s\">\n<title>%s %d</title>\n",
                   l.width, l.height, l.width, l.height, d->language != NULL ? d->language : "en",
                   d->blueprint->key, d->blueprint->number);
        buf_puts(b, style);
        sort_lines(&l);
        for (size_t i = 0; i < l.nlines; i++)
            write_line(b, &l, &l.lines[i]);
        for (size_t i = 0; i < l.nboxes; i++)
            write_box(b, d, &l.boxes[i]);
        buf_puts(b, "</svg>\n");
    }
    arena_done(&arena);
    return fits && !b->failed;
}
