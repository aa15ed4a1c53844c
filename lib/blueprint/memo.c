#include "blueprint/memo.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "blueprint/blueprint.h"
#include "blueprint/evaluate.h"
#include "json/out.h"

#define TEXT_MAX 8192 /* what is longer is written each time */

struct kept {
    char *text; /* NULL: nothing */
    size_t n;
    /* what a verdict found */
    json_t *observed;
    const char *pointer;
    bool passed;
};

struct memo {
    struct kept of[LANGUAGES];
};

static void forget(struct kept *k)
{
    free(k->text);
    json_decref(k->observed);
    *k = (struct kept){.text = NULL};
}

static void memo_done(void *of)
{
    struct memo *m = of;

    for (int i = 0; i < LANGUAGES; i++)
        forget(&m->of[i]);
}

struct memo *memo_create(struct arena *a)
{
    struct memo *m = arena_alloc(a, sizeof(*m));

    if (m == NULL)
        return NULL;
    *m = (struct memo){.of = {{.text = NULL}}};
    arena_defer(a, memo_done, m);
    return m;
}

bool memo_write(const struct memo *m, struct out *o, const char *language)
{
    const struct kept *k = m != NULL ? &m->of[language_of(language)] : NULL;

    if (k == NULL || k->text == NULL)
        return false;
    out_raw(o, k->text, k->n);
    return true;
}

void memo_keep(struct memo *m, const struct out *o, size_t from, const char *language)
{
    const char *text = buf_text(o->buf) + from;
    struct kept *k = m != NULL ? &m->of[language_of(language)] : NULL;

    if (k == NULL || o->buf->failed)
        return;
    from += *text == ','; /* out_raw() writes the one that is due then */
    forget(k);
    if (o->buf->len - from > TEXT_MAX)
        return;
    k->n = o->buf->len - from;
    k->text = strndup(buf_text(o->buf) + from, k->n);
    if (k->text == NULL)
        abort();
}

/* What is compared at once, and is no person's data that grows. */
static bool is_small(const json_t *v)
{
    return v == NULL || !(json_is_array(v) || json_is_object(v));
}

bool memo_write_verdict(const struct memo *m, const struct verdict *v, struct out *o,
                        const char *language)
{
    const struct kept *k = m != NULL ? &m->of[language_of(language)] : NULL;

    return k != NULL && k->text != NULL && v->nopen == 0 && k->passed == v->passed &&
           k->pointer == v->pointer && json_equal(k->observed, v->observed) &&
           memo_write(m, o, language);
}

void memo_keep_verdict(struct memo *m, const struct verdict *v, const struct out *o, size_t from,
                       const char *language)
{
    struct kept *k = m != NULL ? &m->of[language_of(language)] : NULL;

    /* a pointer of this call's own may be another one's place later */
    if (k == NULL || v->nopen > 0 || !is_small(v->observed) ||
        (v->pointer != NULL && v->pointer != v->guard->pointer))
        return;
    memo_keep(m, o, from, language);
    if (k->text == NULL)
        return;
    k->observed = json_incref(v->observed);
    k->pointer = v->pointer;
    k->passed = v->passed;
}
