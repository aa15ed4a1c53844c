#include "blueprint_fixture.h"

static void rows_become_a_process(void **state)
{
    struct blueprint *b = compile_lead();
    const struct transition *t = blueprint_transition(b, "contacted");

    (void)state;
    assert_string_equal(b->id, "0193");
    assert_string_equal(b->entity, "lead");
    assert_string_equal(b->key, "lead_default");
    assert_int_equal(b->number, 3);
    assert_int_equal(b->nstates, 4);
    assert_string_equal(b->states[0].key, "open");
    assert_int_equal(blueprint_state(b, "lost")->category, STATE_LOST);
    assert_int_equal(blueprint_state(b, "archived")->category, STATE_CANCELLED);
    assert_null(blueprint_state(b, "nonesuch"));
    assert_null(blueprint_transition(b, "nonesuch"));

    assert_int_equal(b->ntransitions, 3);
    assert_string_equal(b->transitions[0].key, "created");
    assert_string_equal(b->transitions[2].key, "archived");
    assert_int_equal(b->transitions[2].kind, TRANSITION_MANUAL);
    assert_int_equal(b->transitions[0].kind, TRANSITION_INITIAL);
    assert_int_equal(t->nactors, 2);
    assert_int_equal(t->actors[1].kind, ACTOR_RULE_FIELD);
    assert_string_equal(t->actors[1].value, "owner_id");

    assert_int_equal(t->guards.op, GUARD_ALL);
    assert_int_equal(t->guards.nchildren, 2);
    assert_string_equal(t->guards.children[0].key, "talked");
    assert_int_equal(t->guards.children[0].op, GUARD_ANY);
    assert_int_equal(t->guards.children[0].nchildren, 2);
    assert_string_equal(t->guards.children[0].children[0].key, "call_logged");
    assert_string_equal(t->guards.children[0].children[1].key, "meeting_held");
    assert_string_equal(t->guards.children[1].key, "industry_filled");
    assert_string_equal(t->guards.children[1].pointer, "/fields/industry");
    assert_string_equal(t->guards.children[0].children[0].pointer, "/activities");

    assert_int_equal(t->ninputs, 5);
    assert_string_equal(t->inputs[0].key, "industry");
    assert_false(t->inputs[0].required);
    assert_true(t->inputs[1].required);
    assert_string_equal(t->inputs[1].pointer, "/fields/unqualified_reason");
    assert_string_equal(t->inputs[2].pointer, "/activities");
    assert_string_equal(t->inputs[2].label.en, "call");
    assert_string_equal(t->inputs[3].pointer, "/note");
    assert_string_equal(t->inputs[4].pointer, "/checklist");
    blueprint_destroy(b);
    blueprint_destroy(NULL);
}

/* Of its record: by a guard, an actor, an input, one of its choices, and without a name. */
static void what_it_looks_at_is_named(void **state)
{
    static const char *const looked_at[] = {
        "industry", "owner_id", "unqualified_reason", "need", "id", "score", "custom"};
    static const char *const others[] = {"email", "industr", "industry_", "owner", "ne", ""};
    struct blueprint *b = compile_lead();

    (void)state;
    for (size_t i = 0; i < sizeof(looked_at) / sizeof(looked_at[0]); i++)
        assert_true(blueprint_looks_at(b, looked_at[i]));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(blueprint_looks_at(b, others[i]));
    blueprint_destroy(b);
}

static void a_transition_leaves_declared_states(void **state)
{
    static const struct {
        const char *transition, *from;
        bool leaves;
    } cases[] = {
        {"created", "open", false},       {"contacted", "open", true},
        {"contacted", "lost", true},      {"contacted", "contacted", false},
        {"contacted", "archived", false}, {"archived", "open", true},
        {"archived", "lost", true},       {"archived", "archived", false},
        {"contacted", "nonesuch", false},
    };
    struct blueprint *b = compile_lead();

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(
            transition_leaves(blueprint_transition(b, cases[i].transition), cases[i].from),
            cases[i].leaves);
    blueprint_destroy(b);
}

static void labels_fall_back(void **state)
{
    static const struct {
        struct label label;
        const char *language, *text;
    } cases[] = {
        {{"a", "b", "c"}, "en", "a"},   {{"a", "b", "c"}, "pl", "b"},
        {{"a", "b", "c"}, "ru", "c"},   {{"a", "b", "c"}, "de", "a"},
        {{"a", "b", "c"}, NULL, "a"},   {{"a", NULL, NULL}, "pl", "a"},
        {{"a", NULL, NULL}, "ru", "a"}, {{NULL, "b", "c"}, "en", "b"},
        {{NULL, NULL, "c"}, "pl", "c"}, {{NULL, NULL, "c"}, "en", "c"},
        {{NULL, "b", NULL}, "ru", "b"},
    };
    const struct label none = {NULL, NULL, NULL};
    struct blueprint *b = compile_lead();

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(label_in(&cases[i].label, cases[i].language), cases[i].text);
    assert_null(label_in(&none, "pl"));
    assert_string_equal(label_in(&blueprint_state(b, "lost")->label, "ru"), "lost");
    assert_string_equal(label_in(&blueprint_state(b, "archived")->label, "en"), "Archiwum");
    blueprint_destroy(b);
}

/* what is not a blueprint */

/* The small process with one thing replaced. */
static char *replaced(const char *what, const char *with)
{
    char *text = fixture_text("[{'key':'g','kind':'open_tasks'}]", "[]"), *at = strstr(text, what),
         *result;
    size_t size;

    assert_non_null(at);
    size = strlen(text) + strlen(with) + 1;
    result = malloc(size);
    (void)snprintf(result, size, "%.*s%s%s", (int)(at - text), text, with, at + strlen(what));
    free(text);
    return result;
}

static void faults_are_named(void **state)
{
    static const struct {
        const char *what, *with, *why;
    } cases[] = {
        {"'id':'v1'", "'id':''", "/id: is required"},
        {"'id':'v1',", "", "/id: is required"},
        {"'entity':'lead'", "'entity':7",
         "/entity: must be a key of lower-case letters, digits and underscores"},
        {"'number':1", "'number':0", "/number: must be a positive integer"},
        {"'states':[", "'states':7,'x':[", "/states: must be a list"},
        {"'states':[", "'states':null,'x':[", "/states: there are none"},
        {"'states':[", "'states':[7,", "/states/0: must be an object"},
        {"'key':'open'", "'key':'Open'",
         "/states/0/key: must be a key of lower-case letters, digits and underscores"},
        {"'key':'done'", "'key':'open'", "/states/1/key: a second state \"open\""},
        {"'category':'open'", "'category':'opne'",
         "/states/0/category: must be one of open, won, lost, cancelled, postponed, done; did you "
         "mean \"open\"?"},
        {"'category':'open',", "",
         "/states/0/category: must be one of open, won, lost, cancelled, postponed, done"},
        {"'position':1}", "'position':'1'}", "/states/0/position: must be an integer"},
        {"{'en':'Open','pl':'Otwarty','ru':'Открыт'}", "'Open'",
         "/states/0/label: must be an object of texts by language"},
        {"'pl':'Otwarty'", "'pl':7", "/states/0/label/pl: must be a text"},
        {"'kind':'initial'", "'kind':'manual','from':['open']", "/transitions: none is initial"},
        {"'kind':'manual'", "'kind':'initial'",
         "/transitions/1/kind: a second initial transition, \"created\" is one already"},
        {"'kind':'manual'", "'kind':'automatic'",
         "/transitions/1/kind: must be one of manual, initial, convert, convert_open"},
        {"'kind':'initial'", "'kind':'initial','from_any':true",
         "/transitions/0/from: an initial transition comes from no state"},
        {"'key':'move'", "'key':'created'", "/transitions/1/key: a second transition \"created\""},
        {"'to':'done'", "'to':'gone'", "/transitions/1/to: unknown state \"gone\""},
        {"'to':'done',", "", "/transitions/1/to: must be the key of a state"},
        {"'from':['open']", "'from':['open','gone']",
         "/transitions/1/from/1: unknown state \"gone\""},
        {"'from':['open']", "'from':['open'],'except':['gone']",
         "/transitions/1/except/0: unknown state \"gone\""},
        {"'from':['open']", "'from':'open'", "/transitions/1/from: must be a list"},
        {"'from':['open'],", "", "/transitions/1/from: no state leads here"},
        {"'from':['open']", "'from':[],'from_any':1",
         "/transitions/1/from_any: must be true or false"},
        {"'from':['open']", "'from':['open'],'actors':[{'kind':'rule','value':'a'}]",
         "/transitions/1/actors/0/kind: must be one of role, team, user, field; did you mean "
         "\"role\"?"},
        {"'from':['open']", "'from':['open'],'actors':[{'kind':'role'}]",
         "/transitions/1/actors/0/value: is required"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = replaced(cases[i].what, cases[i].with);
        struct buf why;

        buf_init(&why, 4096);
        assert_null(fixture_compile_text(text, &why));
        assert_string_equal(buf_text(&why), cases[i].why);
        buf_done(&why);
        free(text);
    }
}

static void faults_of_guards_and_inputs_are_named(void **state)
{
    static const struct {
        const char *guards, *inputs, *why;
    } cases[] = {
        {"[{'key':'a','op':'all','parent':'b'},{'key':'b','op':'all','parent':'a'}]", "[]",
         "guards/0/parent: the guards form a cycle"},
        {"[{'key':'a','op':'all','parent':'a'}]", "[]", "guards/0/parent: the guards form a cycle"},
        {"[{'key':'x','kind':'open_tasks'},{'key':'a','op':'all','id':1,'parent':2},"
         "{'key':'b','op':'all','id':2,'parent':1},{'key':'c','kind':'open_tasks','id':3,'parent':"
         "1}]",
         "[]", "guards/1/parent: the guards form a cycle"},
        {"[{'key':'a','kind':'open_tasks','parent':'z'}]", "[]",
         "guards/0/parent: there is no guard with the id \"z\""},
        {"[{'key':'a','kind':'open_tasks','parent':[]}]", "[]",
         "guards/0/parent: must be a text or an integer"},
        {"[{'key':'a','kind':'open_tasks'},{'key':'a','kind':'open_tasks'}]", "[]",
         "guards/1/key: a second guard \"a\""},
        {"[{'key':'a','id':1,'kind':'open_tasks'},{'key':'b','id':1,'kind':'open_tasks'}]", "[]",
         "guards/1/id: a second guard with the id \"1\""},
        {"[{'key':'a','op':'any'}]", "[]", "guards/0: a group without members"},
        {"[{'key':'a','op':'xor'}]", "[]", "guards/0/op: must be one of leaf, all, any, none"},
        {"[{'key':'a','kind':'open_tasks'},{'key':'b','kind':'open_tasks','parent':'a'}]", "[]",
         "guards/0/op: only a group has members"},
        {"[{'key':'a'}]", "[]", "guards/0/kind: is required"},
        {"[]", "[{'key':'a','kind':'fields'}]",
         "inputs/0/kind: must be one of field, note, checklist, activity, task, file; did you mean "
         "\"field\"?"},
        {"[]", "[{'key':'a','kind':'field'}]", "inputs/0/params/field: is required"},
        {"[]", "[{'key':'a','kind':'field','params':{'field':'x','choises':['a']}}]",
         "inputs/0/params/choises: unknown parameter, did you mean \"choices\"?"},
        {"[]", "[{'key':'a','kind':'field','params':{'field':'x','choices':[]}}]",
         "inputs/0/params/choices: must be a list of strings"},
        {"[]", "[{'key':'a','kind':'note','params':{'text':1}}]",
         "inputs/0/params/text: unknown parameter"},
        {"[]", "[{'key':'a','kind':'note','required':'yes'}]",
         "inputs/0/required: must be true or false"},
        {"[]", "[{'key':'a','kind':'note'},{'key':'a','kind':'task'}]",
         "inputs/1: the input \"a\" collects that already"},
        {"[]",
         "[{'key':'a','kind':'field','params':{'field':'x'}},{'key':'b','kind':'field','params':{'"
         "field':'x'}}]",
         "inputs/1: the input \"a\" collects that already"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = fixture_text(cases[i].guards, cases[i].inputs), wanted[512];
        struct buf why;

        (void)snprintf(wanted, sizeof(wanted), "/transitions/1/%s", cases[i].why);
        buf_init(&why, 4096);
        assert_null(fixture_compile_text(text, &why));
        assert_string_equal(buf_text(&why), wanted);
        buf_done(&why);
        free(text);
    }
}

/* Groups in groups, n of them, with a leaf inside. */
static char *nested(size_t n)
{
    struct buf b;

    buf_init(&b, FIXTURE_MAX);
    buf_puts(&b, "[");
    for (size_t i = 0; i < n; i++) {
        buf_printf(&b, "{'key':'g%zu','op':'all'", i);
        if (i > 0)
            buf_printf(&b, ",'parent':'g%zu'", i - 1);
        buf_puts(&b, "},");
    }
    buf_printf(&b, "{'key':'leaf','kind':'open_tasks','parent':'g%zu'}]", n - 1);
    return buf_take(&b, NULL);
}

/* A list of n leaves. */
static char *many(size_t n)
{
    struct buf b;

    buf_init(&b, FIXTURE_MAX);
    buf_puts(&b, "[");
    for (size_t i = 0; i < n; i++)
        buf_printf(&b, "%s{'key':'g%zu','kind':'open_tasks'}", i > 0 ? "," : "", i);
    buf_puts(&b, "]");
    return buf_take(&b, NULL);
}

static void assert_guards(char *guards, const char *why_not)
{
    char *text = fixture_text(guards, "[]");
    struct blueprint *b;
    struct buf why;

    buf_init(&why, 4096);
    b = fixture_compile_text(text, &why);
    assert_int_equal(b == NULL, why_not != NULL);
    assert_string_equal(buf_text(&why), why_not != NULL ? why_not : "");
    blueprint_destroy(b);
    buf_done(&why);
    free(text);
    free(guards);
}

static void guards_have_limits(void **state)
{
    (void)state;
    assert_guards(nested(16), NULL);
    assert_guards(nested(17), "/transitions/1/guards/17/parent: groups nest deeper than 16");
    assert_guards(many(1000), NULL);
    assert_guards(many(1001), "/transitions/1/guards: has 1001 rows, more than 1000");
}

static void what_is_no_object_is_no_blueprint(void **state)
{
    static const char *const texts[] = {"[]", "7", "null", "'x'"};
    struct buf nothing;

    (void)state;
    buf_init(&nothing, 4096);
    assert_null(blueprint_compile(NULL, &nothing));
    assert_string_equal(buf_text(&nothing), ": a blueprint is an object");
    buf_done(&nothing);
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct buf why;

        buf_init(&why, 4096);
        assert_null(fixture_compile_text(texts[i], &why));
        assert_string_equal(buf_text(&why), ": a blueprint is an object");
        buf_done(&why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_become_a_process),
        cmocka_unit_test(what_it_looks_at_is_named),
        cmocka_unit_test(a_transition_leaves_declared_states),
        cmocka_unit_test(labels_fall_back),
        cmocka_unit_test(faults_are_named),
        cmocka_unit_test(faults_of_guards_and_inputs_are_named),
        cmocka_unit_test(guards_have_limits),
        cmocka_unit_test(what_is_no_object_is_no_blueprint),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
