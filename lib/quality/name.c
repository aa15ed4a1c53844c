#include "quality/name.h"

#include <stdlib.h>
#include <string.h>

#include "quality/fold.h"

#define WORDS_MAX (NAME_KEY_MAX / 2)
#define FORM_WORDS 10 /* more than the longest legal form is spelled with */

struct words {
    struct span all[WORDS_MAX];
    size_t n;
};

static void split(struct words *w, const char *text, size_t n)
{
    w->n = 0;
    for (size_t i = 0; i < n && w->n < WORDS_MAX;) {
        size_t start = i;

        while (i < n && text[i] != ' ')
            i++;
        w->all[w->n++] = (struct span){text + start, i - start};
        i++;
    }
}

static void drop(struct words *w, size_t at, size_t n)
{
    memmove(w->all + at, w->all + at + n, (w->n - at - n) * sizeof(w->all[0]));
    w->n -= n;
}

static bool one_of(struct span word, const char *const *list)
{
    for (; *list != NULL; list++)
        if (span_is(word, *list))
            return true;
    return false;
}

static const char *const and_words[] = {"and", "und", "et", "oraz", NULL};
static const char *const and_letters[] = {"i", "y", "u", NULL};

/* "and" between two words. A single letter counts only between longer words: "J. i K." are
 * initials. */
static void drop_conjunctions(struct words *w)
{
    for (size_t i = 0; i < w->n;) {
        bool between = i > 0 && i + 1 < w->n;
        bool drops = span_is(w->all[i], "&") || span_is(w->all[i], "+");

        drops = drops || (between && one_of(w->all[i], and_words));
        drops = drops || (between && w->all[i - 1].n > 1 && w->all[i + 1].n > 1 &&
                          one_of(w->all[i], and_letters));
        if (drops)
            drop(w, i, 1);
        else
            i++;
    }
}

/* How many words at the end (or the start) are a legal form, leaving at least one; 0: none. */
static size_t form_words(const struct words *w, bool end)
{
    size_t most = w->n - 1 < FORM_WORDS ? w->n - 1 : FORM_WORDS;

    for (size_t count = w->n > 0 ? most : 0; count > 0; count--) {
        size_t first = end ? w->n - count : 0, n = 0;
        char letters[NAME_KEY_MAX];

        for (size_t i = first; i < first + count; i++) {
            memcpy(letters + n, w->all[i].p, w->all[i].n);
            n += w->all[i].n;
        }
        if (legal_form(letters, n, end ? FORM_END : FORM_START))
            return count;
    }
    return 0;
}

static void drop_forms(struct words *w)
{
    for (size_t n = form_words(w, true); n > 0; n = form_words(w, true)) {
        struct span *last = &w->all[w->n - n - 1];
        bool joins = one_of(*last, and_words) || one_of(*last, and_letters);

        w->n -= joins && w->n > n + 1 ? n + 1 : n; /* "z o.o. i spółka komandytowa" */
    }
    for (size_t n = form_words(w, false); n > 0; n = form_words(w, false))
        drop(w, 0, n);
}

static bool is_initial(struct span word)
{
    return word.n == 1 && word.p[0] >= 'a' && word.p[0] <= 'z';
}

/* Joins the words with blanks, initials without. Returns the length. */
static size_t join(const struct words *w, char *out)
{
    size_t n = 0;

    for (size_t i = 0; i < w->n; i++) {
        if (i > 0 && !(is_initial(w->all[i - 1]) && is_initial(w->all[i])))
            out[n++] = ' ';
        memcpy(out + n, w->all[i].p, w->all[i].n);
        n += w->all[i].n;
    }
    out[n] = '\0';
    return n;
}

size_t name_key(struct span name, char out[NAME_KEY_MAX])
{
    size_t n = fold_text(name, "&+", out, NAME_KEY_MAX), before = 0;

    /* what falls away can bring a form or a conjunction to the end; it only gets shorter */
    while (n != before) {
        char text[NAME_KEY_MAX];
        struct words w;

        before = n;
        memcpy(text, out, n + 1);
        split(&w, text, n);
        drop_conjunctions(&w);
        drop_forms(&w);
        n = join(&w, out);
    }
    return n;
}

static int word_order(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    int order = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);

    return order != 0 ? order : (x->n > y->n) - (x->n < y->n);
}

size_t person_key(struct span first_name, struct span last_name, char out[NAME_KEY_MAX])
{
    static const char *const titles[] = {
        "dr",   "prof", "mgr",  "inz", "hab",  "lic", "ing",  "mr",       "mrs", "ms",  "miss",
        "herr", "frau", "dipl", "pan", "pani", "mme", "mlle", "gospodin", "phd", "mba", NULL};
    char text[NAME_KEY_MAX];
    struct words w, kept = {.n = 0};
    size_t n = fold_text(first_name, "", text, sizeof(text));

    if (n > 0 && n + 2 < sizeof(text))
        text[n++] = ' ';
    n += fold_text(last_name, "", text + n, sizeof(text) - n);
    split(&w, text, n);
    for (size_t i = 0; i < w.n; i++)
        if (!one_of(w.all[i], titles))
            kept.all[kept.n++] = w.all[i];
    if (kept.n == 0)
        kept = w;
    if (kept.n > 1)
        qsort(kept.all, kept.n, sizeof(kept.all[0]), word_order);
    n = 0;
    for (size_t i = 0; i < kept.n; i++) {
        if (i > 0)
            out[n++] = ' ';
        memcpy(out + n, kept.all[i].p, kept.all[i].n);
        n += kept.all[i].n;
    }
    out[n] = '\0';
    return n;
}
