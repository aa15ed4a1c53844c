/* Any guards, facts and requests, one JSON text per line: what compiles is evaluated without a
 * fault, writes well-formed JSON, leaves the facts alone and says the same twice. The first line is
 * a blueprint, or a list of guards for a small one.
 *
 * One execution tries one transition in one language, and the length of the input says which: all
 * of them in all languages took three times as long and reached nothing more. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "blueprint/evaluate.h"
#include "read_back.h"
#include "json/body.h"
#include "json/out.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TEXT_MAX ((size_t)64 << 20)

static const char around_guards[] =
    "{\"id\":\"v\",\"entity\":\"lead\",\"key\":\"k\",\"number\":1,"
    "\"states\":[{\"key\":\"open\",\"category\":\"open\"},{\"key\":\"done\",\"category\":\"done\"}]"
    ","
    "\"transitions\":[{\"key\":\"created\",\"kind\":\"initial\",\"to\":\"open\"},"
    "{\"key\":\"move\",\"to\":\"done\",\"from_any\":true,\"inputs\":["
    "{\"key\":\"a\",\"kind\":\"field\",\"required\":true,\"params\":{\"field\":\"industry\"}},"
    "{\"key\":\"b\",\"kind\":\"field\",\"params\":{\"field\":\"amount\",\"choices\":[\"x\"]}},"
    "{\"key\":\"c\",\"kind\":\"checklist\",\"required\":true,\"params\":{\"item\":\"papers\"}},"
    "{\"key\":\"d\",\"kind\":\"activity\",\"required\":true,\"params\":{\"kind\":\"call\"}},"
    "{\"key\":\"e\",\"kind\":\"note\",\"required\":true}]}]}";

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Takes the next line off the input; NULL when it is not JSON that a request could bring. */
static json_t *next_value(struct span *rest, struct arena *a)
{
    const char *end = rest->n > 0 ? memchr(rest->p, '\n', rest->n) : NULL;
    struct span line = {rest->p, end != NULL ? (size_t)(end - rest->p) : rest->n};
    struct err e;

    rest->p += end != NULL ? line.n + 1 : line.n;
    rest->n -= end != NULL ? line.n + 1 : line.n;
    err_init(&e, a);
    return body_parse_json(a, line, &json_default_limits, &e);
}

/* Compiles a blueprint, or one in which the guards are what its second transition asks for. */
static struct blueprint *compile(json_t *first, struct buf *why)
{
    static json_t *around;
    struct blueprint *bp;
    json_t *move;

    if (!json_is_array(first))
        return blueprint_compile(first, why);
    if (around == NULL)
        around = json_loads(around_guards, 0, NULL);
    require(around != NULL);
    move = json_array_get(json_object_get(around, "transitions"), 1);
    json_object_set(move, "guards", first);
    bp = blueprint_compile(around, why);
    json_object_del(move, "guards");
    return bp;
}

static void require_json(const struct buf *b)
{
    require(!b->failed && read_back(b->text, b->len, JSON_REJECT_DUPLICATES) != NULL);
}

static void write_all(struct buf *b, const struct blueprint *bp, const struct transition *t,
                      const struct verdict *root, const char *language)
{
    struct out o;

    buf_clear(b);
    out_init(&o, b);
    out_array(&o);
    transition_write(
        &o, bp, t, root,
        &(struct listing){.open = root->passed, .actor_allowed = true, .language = language});
    verdict_write(&o, root, language);
    blueprint_write_legal(&o, bp, bp->states[0].key, language);
    out_array_end(&o);
    require_json(b);

    buf_clear(b);
    out_init(&o, b);
    out_array(&o);
    verdict_write_failures(&o, root, language);
    out_array_end(&o);
    require_json(b);
    require(root->passed == (b->len == 2));
}

static void same(const struct verdict *a, const struct verdict *b)
{
    require(a->passed == b->passed && a->nchildren == b->nchildren);
    require((a->observed == NULL) == (a->guard->op != GUARD_LEAF));
    require(a->observed == NULL || json_equal(a->observed, b->observed));
    for (size_t i = 0; i < a->nchildren; i++)
        same(&a->children[i], &b->children[i]);
}

static void try_transition(const struct blueprint *bp, const struct transition *t,
                           const json_t *facts, const json_t *inputs, const char *language)
{
    json_t *all = facts_with_inputs(facts, inputs), *before = json_deep_copy(all);
    const struct verdict *root;
    struct arena a;
    struct buf b;
    struct err e;

    arena_init(&a, TEXT_MAX);
    buf_init(&b, TEXT_MAX);
    err_init(&e, &a);
    (void)evaluate_actor(t, all);
    root = evaluate(t, all, &a);
    require(root != NULL);
    same(root, evaluate(t, all, &a));
    write_all(&b, bp, t, root, language);
    require(inputs_check(bp, t, all, inputs, root, &e) == (e.nfaults == 0));
    require(json_equal(all, before));
    buf_done(&b);
    arena_done(&a);
    json_decref(all);
    json_decref(before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const languages[] = {"en", "pl", "ru"};
    struct span rest = {(const char *)data, size};
    json_t *first, *facts, *inputs;
    struct blueprint *bp;
    struct arena a;
    struct buf why;

    arena_init(&a, TEXT_MAX);
    buf_init(&why, 65536);
    first = next_value(&rest, &a);
    facts = next_value(&rest, &a);
    inputs = next_value(&rest, &a);
    bp = compile(first, &why);
    require((bp == NULL) == (why.len > 0));
    if (bp != NULL)
        try_transition(bp, &bp->transitions[json_is_array(first) ? 1 : size % bp->ntransitions],
                       facts, inputs, languages[size % 3]);
    blueprint_destroy(bp);
    buf_done(&why);
    arena_done(&a);
    return 0;
}
