/* What is JSON and what is not: json_texts.def, each text as it is, in an array and as a member. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#include "base/arena.h"
#include "json/body.h"

#define SAME NULL
#define TEXT_MAX 512

struct text {
    const char *name, *text;
    size_t n;
    bool good;
    const char *written;
};

static const struct text texts[] = {
#define YES(name, text, written) {name, text, sizeof(text) - 1, true, written},
#define NO(name, text) {name, text, sizeof(text) - 1, false, NULL},
#include "json_texts.def"
#undef YES
#undef NO
};

/* Parses a copy without a byte behind it, so that a sanitizer sees one that reads on. */
static char *written(const char *text, size_t n, enum err_code *code)
{
    char *exact = malloc(n > 0 ? n : 1), *out = NULL;
    struct arena a;
    struct err e;
    json_t *tree;

    memcpy(exact, text, n);
    arena_init(&a, 1 << 16);
    err_init(&e, &a);
    tree = body_parse_json(&a, (struct span){exact, n}, &json_default_limits, &e);
    if (tree != NULL)
        out = json_dumps(tree, JSON_COMPACT | JSON_ENCODE_ANY);
    *code = e.code;
    free(exact);
    arena_done(&a);
    return out;
}

static void check(const struct text *t, const char *before, const char *after)
{
    size_t lead = strlen(before), tail = strlen(after);
    char text[TEXT_MAX], wanted[TEXT_MAX];
    enum err_code code;
    char *out;

    assert_true(lead + t->n + tail <= sizeof(text));
    memcpy(text, before, lead);
    memcpy(text + lead, t->text, t->n);
    memcpy(text + lead + t->n, after, tail);
    out = written(text, lead + t->n + tail, &code);
    if ((out != NULL) != t->good || (!t->good && code != ERR_BAD_JSON))
        fail_msg("%s, between \"%s\" and \"%s\": %s, code %d", t->name, before, after,
                 out ? out : "refused", code);
    if (t->good) {
        snprintf(wanted, sizeof(wanted), "%s%s%s", before, t->written ? t->written : t->text,
                 after);
        assert_string_equal(out, wanted);
    }
    free(out);
}

static void texts_are_judged_as_the_table_says(void **state)
{
    (void)state;
    assert_true(COUNT(texts) >= 150);
    for (size_t i = 0; i < COUNT(texts); i++)
        check(&texts[i], "", "");
}

/* What is no value alone is none inside, but for what the place makes another thing of. */
static void values_are_judged_the_same_inside(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        if (!texts[i].good)
            continue;
        check(&texts[i], "[", "]");
        check(&texts[i], "{\"a\":", "}");
    }
}

/* No beginning of a text is taken for the whole, but for those of numbers; none makes it fail in
 * another way than by refusing. */
static void texts_that_are_cut_are_refused(void **state)
{
    enum err_code code;

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        for (size_t n = 1; n < texts[i].n; n++) {
            char *out = written(texts[i].text, n, &code);

            assert_true(out != NULL || code == ERR_BAD_JSON);
            if (out != NULL && (texts[i].text[0] == '[' || texts[i].text[0] == '{'))
                assert_false(texts[i].good);
            free(out);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_judged_as_the_table_says),
        cmocka_unit_test(values_are_judged_the_same_inside),
        cmocka_unit_test(texts_that_are_cut_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
