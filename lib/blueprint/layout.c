/* layout - layers by longest path, order by barycentres, then places */
#include "blueprint/layout.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "blueprint/diagram.h"

#define BOXES_MAX 20000
#define GAP 26.0
#define MARGIN 24.0
#define CHARACTER 7.3

double layout_text_width(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return (double)(n < LAYOUT_TEXT_MAX ? n : LAYOUT_TEXT_MAX) * CHARACTER;
}

size_t layout_origins(const struct blueprint *b, const struct transition *t)
{
    size_t n = 0;

    for (size_t i = 0; i < b->nstates; i++)
        n += transition_leaves(t, b->states[i].key);
    return n;
}

/* what is needed while placing */
struct work {
    struct layout *l;
    const struct diagram *d;
    const struct blueprint *b;
    struct arena *arena;
    size_t n;         /* states */
    int *layer;       /* of each state */
    char *mark;       /* 1: on the path of the search, 2: done */
    char *direction;  /* n * n: 1 down, 2 up, 0 no line */
    bool *entered;    /* has a line that comes from above */
    size_t *at;       /* box of each state */
    size_t *sequence; /* states in the order in which the search left them */
    size_t nsequence;
};

static size_t index_of(const struct work *w, const char *key)
{
    return (size_t)(blueprint_state(w->b, key) - w->b->states);
}

static bool is_common(const struct work *w, const struct transition *t)
{
    return t->kind != TRANSITION_INITIAL && layout_origins(w->b, t) >= LAYOUT_COMMON;
}

static size_t initial_of(const struct work *w)
{
    for (size_t i = 0; i < w->b->ntransitions; i++)
        if (w->b->transitions[i].kind == TRANSITION_INITIAL)
            return index_of(w, w->b->transitions[i].to);
    return 0;
}

/* Depth-first; what leads back to where the search is, or to the beginning, goes up. At most as
 * deep as there are states, 200. */
static void search(struct work *w, size_t from, size_t initial)
{
    w->mark[from] = 1;
    for (size_t i = 0; i < w->b->ntransitions; i++) {
        const struct transition *t = &w->b->transitions[i];
        size_t to = index_of(w, t->to);

        if (is_common(w, t) || !transition_leaves(t, w->b->states[from].key) || to == from)
            continue;
        w->direction[from * w->n + to] = w->mark[to] == 1 || to == initial ? 2 : 1;
        if (w->mark[to] == 0)
            search(w, to, initial);
    }
    w->mark[from] = 2;
    w->sequence[w->nsequence++] = from;
}

/* The ends of lines that go up are above those that they come from. */
static bool is_above(const struct work *w, size_t u, size_t v)
{
    return w->direction[u * w->n + v] == 1 || w->direction[v * w->n + u] == 2;
}

/* Pushes everything below @u down once. Returns whether something moved. */
static bool push_down(struct work *w, size_t u, size_t initial)
{
    bool moved = false;

    for (size_t v = 0; v < w->n; v++) {
        /* the beginning is above everything, whether a line leads from there or not */
        if (v == initial || (!is_above(w, u, v) && u != initial))
            continue;
        w->entered[v] = w->entered[v] || is_above(w, u, v);
        if (w->layer[v] > w->layer[u])
            continue;
        w->layer[v] = w->layer[u] + 1;
        moved = true;
    }
    return moved;
}

/* States that only common transitions reach stand beside what they lead to, or at the end. */
static void place_unentered(struct work *w, size_t i, int deepest)
{
    int next = deepest + 1;

    for (size_t v = 0; v < w->n; v++)
        if (w->direction[i * w->n + v] == 1 && w->layer[v] < next)
            next = w->layer[v];
    w->layer[i] = next > 3 ? next - 1 : 2;
}

static void find_layers(struct work *w)
{
    size_t initial = initial_of(w);
    bool moved = true;
    int deepest = 1;

    search(w, initial, initial);
    for (size_t i = 0; i < w->n; i++)
        if (w->mark[i] == 0)
            search(w, i, initial);
    for (size_t i = 0; i < w->n; i++)
        w->layer[i] = 1;
    /* as often as a path may be long; the layers settle much sooner */
    for (size_t round = 0; moved && round < w->n; round++) {
        moved = false;
        for (size_t k = w->n; k-- > 0;)
            moved = push_down(w, w->sequence[k], initial) || moved;
    }
    for (size_t i = 0; i < w->n; i++)
        deepest = w->layer[i] > deepest ? w->layer[i] : deepest;
    for (size_t i = 0; i < w->n; i++)
        if (!w->entered[i] && i != initial)
            place_unentered(w, i, deepest);
}

/* boxes and lines */

static size_t add_box(struct work *w, struct box box)
{
    struct layout *l = w->l;

    if (l->nboxes == l->boxes_size)
        return SIZE_MAX;
    l->boxes[l->nboxes] = box;
    return l->nboxes++;
}

static const char *label_of(const struct work *w, const struct label *label)
{
    return label_in(label, w->d->language);
}

static struct box label_box(const struct work *w, const struct transition *t, int rank)
{
    return (struct box){.kind = BOX_LABEL,
                        .transition = t,
                        .rank = rank,
                        .w = layout_text_width(label_of(w, &t->label)) + 10,
                        .h = 20};
}

/* A line from box @upper down to box @lower; with the label, if any, in the middle. */
static bool add_line(struct work *w, size_t upper, size_t lower, const struct transition *t,
                     bool upwards)
{
    struct layout *l = w->l;
    int from = l->boxes[upper].rank, to = l->boxes[lower].rank;
    int middle = from + 1 + ((to - from - 2) / 4) * 2;
    struct line line = {.upwards = upwards};

    if (l->nlines == l->lines_size)
        return false;
    line.boxes = arena_alloc(w->arena, (size_t)(to - from + 1) * sizeof(*line.boxes));
    if (line.boxes == NULL)
        return false;
    line.boxes[line.n++] = upper;
    for (int rank = from + 1; rank < to; rank++) {
        struct box box = {.kind = BOX_BEND, .rank = rank, .w = 8, .h = 8};

        if (rank == middle && t != NULL)
            box = label_box(w, t, rank);
        line.boxes[line.n] = add_box(w, box);
        if (line.boxes[line.n++] == SIZE_MAX)
            return false;
    }
    line.boxes[line.n++] = lower;
    l->boxes[upper].ports[1]++;
    l->boxes[lower].ports[0]++;
    l->lines[l->nlines++] = line;
    return true;
}

static bool add_transition(struct work *w, const struct transition *t)
{
    size_t to = index_of(w, t->to);

    if (t->kind == TRANSITION_INITIAL)
        return add_line(w, add_box(w, (struct box){.kind = BOX_START, .w = 16, .h = 16}), w->at[to],
                        t, false);
    if (is_common(w, t)) {
        struct box box = {.kind = BOX_COMMON, .transition = t, .h = 40};
        size_t at;

        box.rank = w->l->boxes[w->at[to]].rank - 1;
        box.w = layout_text_width(label_of(w, &t->label)) + 24;
        box.w = box.w < 190 ? 190 : box.w;
        at = add_box(w, box);
        return at != SIZE_MAX && add_line(w, at, w->at[to], NULL, false);
    }
    for (size_t i = 0; i < w->n; i++) {
        bool upwards = w->layer[i] > w->layer[to];

        if (i == to || !transition_leaves(t, w->b->states[i].key))
            continue;
        if (!add_line(w, w->at[upwards ? to : i], w->at[upwards ? i : to], t, upwards))
            return false;
    }
    return true;
}

static bool add_all(struct work *w)
{
    for (size_t i = 0; i < w->n; i++) {
        double width = layout_text_width(label_of(w, &w->b->states[i].label)) + 28;
        struct box box = {.kind = BOX_STATE, .state = &w->b->states[i], .rank = 2 * w->layer[i]};

        width = width < 120 ? 120 : width;
        box.w = w->d->figures != NULL && width < 190 ? 190 : width;
        box.h = w->d->figures != NULL ? 56 : 42;
        w->at[i] = add_box(w, box);
        if (w->at[i] == SIZE_MAX)
            return false;
    }
    for (size_t i = 0; i < w->b->ntransitions; i++)
        if (!add_transition(w, &w->b->transitions[i]))
            return false;
    return true;
}

/* order within ranks */

static bool make_ranks(struct work *w)
{
    struct layout *l = w->l;

    for (size_t i = 0; i < l->nboxes; i++)
        l->nranks = l->boxes[i].rank >= l->nranks ? l->boxes[i].rank + 1 : l->nranks;
    l->ranks = arena_alloc(w->arena, (size_t)l->nranks * sizeof(*l->ranks));
    l->rank_sizes = arena_alloc(w->arena, (size_t)l->nranks * sizeof(*l->rank_sizes));
    if (l->ranks == NULL || l->rank_sizes == NULL)
        return false;
    for (size_t i = 0; i < l->nboxes; i++)
        l->rank_sizes[l->boxes[i].rank]++;
    for (int r = 0; r < l->nranks; r++) {
        l->ranks[r] = arena_alloc(w->arena, (l->rank_sizes[r] + 1) * sizeof(**l->ranks));
        if (l->ranks[r] == NULL)
            return false;
        l->rank_sizes[r] = 0;
    }
    for (size_t i = 0; i < l->nboxes; i++) {
        int r = l->boxes[i].rank;

        l->boxes[i].x = (double)l->rank_sizes[r];
        l->ranks[r][l->rank_sizes[r]++] = i;
    }
    return true;
}

/* Each box wishes to stand in the middle of its neighbours in the rank above (or below). */
static void make_wishes(struct layout *l, bool above)
{
    double *sums = calloc(l->nboxes, sizeof(*sums));
    unsigned *counts = calloc(l->nboxes, sizeof(*counts));

    if (sums == NULL || counts == NULL)
        abort();
    for (size_t i = 0; i < l->nlines; i++)
        for (size_t k = 0; k + 1 < l->lines[i].n; k++) {
            size_t up = l->lines[i].boxes[k], down = l->lines[i].boxes[k + 1];
            size_t who = above ? down : up, whom = above ? up : down;

            sums[who] += l->boxes[whom].x;
            counts[who]++;
        }
    for (size_t i = 0; i < l->nboxes; i++)
        l->boxes[i].wish = counts[i] > 0 ? sums[i] / counts[i] : l->boxes[i].x;
    free(sums);
    free(counts);
}

/* Insertion sort: stable, and ranks are short and nearly in order. */
static void sort_rank(struct layout *l, int r)
{
    size_t *rank = l->ranks[r];

    for (size_t i = 1; i < l->rank_sizes[r]; i++)
        for (size_t k = i; k > 0 && l->boxes[rank[k]].wish < l->boxes[rank[k - 1]].wish; k--) {
            size_t other = rank[k];

            rank[k] = rank[k - 1];
            rank[k - 1] = other;
        }
    for (size_t i = 0; i < l->rank_sizes[r]; i++)
        l->boxes[rank[i]].x = (double)i;
}

static void order_ranks(struct layout *l)
{
    for (int sweep = 0; sweep < 8; sweep++) {
        bool above = sweep % 2 == 0;

        for (int i = 0; i < l->nranks; i++) {
            make_wishes(l, above);
            sort_rank(l, above ? i : l->nranks - 1 - i);
        }
    }
}

/* places */

static double distance(const struct layout *l, size_t a, size_t b)
{
    return (l->boxes[a].w + l->boxes[b].w) / 2 + GAP;
}

/* The mean of the leftmost and the rightmost way to keep order and distance near the wishes. */
static void settle(struct layout *l, int r)
{
    size_t *rank = l->ranks[r], n = l->rank_sizes[r];
    double right = 0;

    for (size_t i = 0; i < n; i++) {
        struct box *box = &l->boxes[rank[i]];

        box->x = box->wish;
        if (i > 0 && box->x < l->boxes[rank[i - 1]].x + distance(l, rank[i - 1], rank[i]))
            box->x = l->boxes[rank[i - 1]].x + distance(l, rank[i - 1], rank[i]);
    }
    for (size_t i = n; i-- > 0;) {
        struct box *box = &l->boxes[rank[i]];
        double x = box->wish;

        if (i + 1 < n && x > right - distance(l, rank[i], rank[i + 1]))
            x = right - distance(l, rank[i], rank[i + 1]);
        right = x;
        box->x = (box->x + x) / 2;
    }
}

static void place(struct layout *l)
{
    double least = 0, most = 0, y = MARGIN;

    for (size_t i = 0; i < l->nboxes; i++)
        l->boxes[i].wish = l->boxes[i].x * 160;
    for (int r = 0; r < l->nranks; r++)
        settle(l, r);
    for (int round = 0; round < 10; round++) {
        make_wishes(l, round % 2 == 0);
        for (int r = 0; r < l->nranks; r++)
            settle(l, r);
    }
    for (int r = 0; r < l->nranks; r++) {
        double h = 0;

        for (size_t i = 0; i < l->rank_sizes[r]; i++)
            h = l->boxes[l->ranks[r][i]].h > h ? l->boxes[l->ranks[r][i]].h : h;
        for (size_t i = 0; i < l->rank_sizes[r]; i++)
            l->boxes[l->ranks[r][i]].y = y + h / 2;
        y += h + GAP;
    }
    for (size_t i = 0; i < l->nboxes; i++) {
        const struct box *box = &l->boxes[i];

        least = i == 0 || box->x - box->w / 2 < least ? box->x - box->w / 2 : least;
        most = i == 0 || box->x + box->w / 2 > most ? box->x + box->w / 2 : most;
    }
    for (size_t i = 0; i < l->nboxes; i++)
        l->boxes[i].x += MARGIN - least;
    l->width = most - least + 2 * MARGIN;
    l->height = y - GAP + MARGIN;
}

bool layout_make(struct layout *l, const struct diagram *d, struct arena *a)
{
    const struct blueprint *b = d->blueprint;
    struct work w = {.l = l, .d = d, .b = b, .arena = a, .n = b->nstates};

    *l = (struct layout){.boxes_size = BOXES_MAX, .lines_size = BOXES_MAX};
    l->boxes = arena_alloc(a, l->boxes_size * sizeof(*l->boxes));
    l->lines = arena_alloc(a, l->lines_size * sizeof(*l->lines));
    w.layer = arena_alloc(a, w.n * sizeof(*w.layer));
    w.mark = arena_alloc(a, w.n);
    w.direction = arena_alloc(a, w.n * w.n);
    w.entered = arena_alloc(a, w.n * sizeof(*w.entered));
    w.at = arena_alloc(a, w.n * sizeof(*w.at));
    w.sequence = arena_alloc(a, w.n * sizeof(*w.sequence));
    if (!l->boxes || !l->lines || !w.layer || !w.mark || !w.direction || !w.entered || !w.at ||
        !w.sequence)
        return false;
    find_layers(&w);
    if (!add_all(&w) || !make_ranks(&w))
        return false;
    order_ranks(l);
    place(l);
    return true;
}
