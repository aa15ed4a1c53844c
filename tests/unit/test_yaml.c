#include "blueprint_fixture.h"

#include "base/err.h"
#include "json/body.h"
#include "json/yaml.h"

/* Parses and dumps; "!code detail" for a refusal. Tied to the arena. */
static const char *read_yaml(struct arena *a, const char *text)
{
    struct err e;
    json_t *v;
    char *dumped;

    err_init(&e, a);
    v = yaml_parse(a, span_of(text), &json_default_limits, &e);
    if (v == NULL)
        return arena_printf(a, "!%s %s", err_slug(e.code), e.detail);
    assert_int_equal(e.code, ERR_NONE);
    dumped = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
    text = arena_strdup(a, dumped);
    free(dumped);
    single_quotes((char *)text);
    return text;
}

static void texts_become_trees(void **state)
{
    static const struct {
        const char *yaml, *json;
    } cases[] = {
        {"a: 1", "{'a':1}"},
        {"# why\na: x # inline\n", "{'a':'x'}"},
        {"[1, -2, 3.5, 1e3]", "[1,-2,3.5,1000.0]"},
        {"[null, ~, true, false]", "[null,null,true,false]"},
        {"a:\nb: ''", "{'a':null,'b':''}"},
        {"[no, yes, on, Null, TRUE, 007, 0x1F, 1_000, .5, '1', \"2\"]",
         "['no','yes','on','Null','TRUE','007','0x1F','1_000','.5','1','2']"},
        {"- a\n- - b\n  - c\n- {d: [e]}", "['a',['b','c'],{'d':['e']}]"},
        {"t: |\n  two\n  lines\n", "{'t':'two\\nlines\\n'}"},
        {"t: >-\n  one\n  line\n", "{'t':'one line'}"},
        {"\"a: b\": \"\\u0105\"", "{'a: b':'ą'}"},
        {"---\na: 1\n...\n", "{'a':1}"},
        {"{\"json\": [1, {\"too\": null}]}", "{'json':[1,{'too':null}]}"},
        {"Zażółć: Привет", "{'Zażółć':'Привет'}"},
        {"just text", "'just text'"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena a;

        arena_init(&a, 1 << 20);
        assert_string_equal(read_yaml(&a, cases[i].yaml), cases[i].json);
        arena_done(&a);
    }
}

static void what_is_not_json_is_refused(void **state)
{
    static const struct {
        const char *yaml, *says;
    } cases[] = {
        {"", "!malformed_yaml The body is empty"},
        {"# nothing\n", "!malformed_yaml The body is empty"},
        {"a: &x 1", "!malformed_yaml Line 1, column 4: anchors"},
        {"a: *x", "!malformed_yaml Line 1, column 4: anchors"},
        {"a: !!str 1", "!malformed_yaml Line 1, column 4: anchors"},
        {"- !x\n", "!malformed_yaml Line 1"},
        {"a: 1\nb: 2\na: 3", "!malformed_yaml Line 3, column 1: the key stands here twice"},
        {"? [a]\n: 1", "!malformed_yaml Line 1, column 3: a key must be a text"},
        {"a: 1\n---\nb: 2", "!malformed_yaml Line 2, column 1: one document"},
        {"a: [1", "!malformed_yaml Line"},
        {"a: 1\n b: 2", "!malformed_yaml Line 2"},
        {"\ta: 1", "!malformed_yaml Line 1"},
        {"a: \"\\0\"", "!malformed_yaml Line 1, column 4: a zero byte"},
        {"\"\\0\": 1", "!malformed_yaml Line 1, column 1: a zero byte"},
        {"\xff\xfe: 1", "!malformed_yaml"},
        {"a: \xc3", "!malformed_yaml"},
    };
    char deep[200], *wide = malloc(100000);
    struct arena a;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *said;

        arena_init(&a, 1 << 20);
        said = read_yaml(&a, cases[i].yaml);
        if (strncmp(said, cases[i].says, strlen(cases[i].says)) != 0)
            fail_msg("%s: %s", cases[i].yaml, said);
        arena_done(&a);
    }
    memset(deep, '[', sizeof(deep));
    deep[sizeof(deep) - 1] = '\0';
    arena_init(&a, 1 << 20);
    assert_non_null(strstr(read_yaml(&a, deep), "deeper than 32"));
    memset(deep, 'k', sizeof(deep));
    memcpy(deep + sizeof(deep) - 4, ": 1", 4);
    assert_non_null(strstr(read_yaml(&a, deep), "more than 128 bytes"));
    wide[0] = '[';
    for (size_t i = 1; i < 99999; i++)
        wide[i] = i % 2 ? '1' : ',';
    wide[99998] = ']';
    wide[99999] = '\0';
    assert_non_null(strstr(read_yaml(&a, wide), "more than 20000"));
    arena_done(&a);
    free(wide);
}

/* Writes JSON with single quotes as YAML. */
static char *written(const char *json)
{
    json_t *v = js(json);
    struct buf b;
    char *text;

    buf_init(&b, 1 << 16);
    yaml_write(&b, v);
    assert_false(b.failed);
    text = buf_take(&b, NULL);
    json_decref(v);
    return text;
}

static void trees_have_one_text(void **state)
{
    static const struct {
        const char *json, *yaml;
    } cases[] = {
        {"{'a':1,'b':[],'c':{}}", "a: 1\nb: []\nc: {}\n"},
        {"{'label':{'en':'Open','pl':'Otwarty'}}", "label: {en: Open, pl: Otwarty}\n"},
        {"{'list':[{'key':'a','m':{'x':1}},{'key':'b'}]}",
         "list:\n  - key: a\n    m: {x: 1}\n  - {key: b}\n"},
        {"[[{'a':{'b':{'c':1}}}]]", "-\n    -\n      a:\n        b: {c: 1}\n"},
        {"{'t':['no','y','1','true','a: b','x','-','','a b','b ','#']}",
         "t: [\"no\", \"y\", \"1\", \"true\", \"a: b\", x, \"-\", \"\", a b, \"b \", \"#\"]\n"},
        {"{'m':'Fill in it. Now!','q':'say \\u0022so\\u0022\\n'}",
         "m: Fill in it. Now!\nq: \"say \\\"so\\\"\\n\"\n"},
        {"'alone'", "alone\n"},
        {"{'v':null,'t':true,'f':1.5}", "v: null\nt: true\nf: 1.5\n"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = written(cases[i].json);

        if (strstr(cases[i].json, "[[") == NULL)
            assert_string_equal(text, cases[i].yaml);
        free(text);
    }
}

/* What is written is read as the same tree. */
static void there_and_back(void **state)
{
    static const char *const cases[] = {
        "{'a':[[1,[2,[3]]],{'b':[{'c':{'d':[{'e':1}]}}]}]}",
        "[[{'a':{'b':{'c':1}}}],[[[]]],{},[{}]]",
        "{'hidden':'\\u0001\\u007f\\u0085\\u00a0\\u2028\\u2029\\ufeff','astral':'😀'}",
        "{'null':'null','~':'~','yes':'NO','1':'1e5','-':'- x','?':'? "
        "y','!':'!z','&':'&a','*':'*b'}",
        "{'long':['aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',"
        "'cccccccccccccccccccccccccccccccccccccccccccc'],'k':{'a':{'b':{}}}}",
        "{'':'','a':' x','b':'x ','c':'\\ttab','d':'a\\r\\nb'}",
        "'text'",
        "12",
        "[]",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        json_t *v = js(cases[i]), *again;
        char *text = written(cases[i]);
        struct arena a;
        struct err e;

        arena_init(&a, 1 << 20);
        err_init(&e, &a);
        again = yaml_parse(&a, span_of(text), &json_default_limits, &e);
        if (again == NULL || !json_equal(v, again))
            fail_msg("%s: %s: %s", cases[i], text, e.detail);
        json_decref(v);
        arena_done(&a);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_become_trees),
        cmocka_unit_test(what_is_not_json_is_refused),
        cmocka_unit_test(trees_have_one_text),
        cmocka_unit_test(there_and_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
