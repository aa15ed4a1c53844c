/* many records: what their guards need, how verdicts count, sums and examples */
#include "blueprint/survey.h"

#include "blueprint_fixture.h"

static struct blueprint *process(const char *states, const char *transitions)
{
    static char text[FIXTURE_MAX];
    struct blueprint *b;
    struct buf why;

    assert_true(
        snprintf(text, sizeof(text),
                 "{'id':'v','entity':'lead','key':'k','number':1,'states':[%s],'transitions':["
                 "{'key':'born','kind':'initial','to':'open','position':1}%s]}",
                 states, transitions) < FIXTURE_MAX);
    buf_init(&why, 4096);
    b = fixture_compile_text(text, &why);
    if (b == NULL)
        fail_msg("%s", buf_text(&why));
    buf_done(&why);
    return b;
}

#define STATES                                                                                     \
    "{'key':'open','category':'open'},{'key':'busy','category':'open'},{'key':'over','category':'" \
    "done'}"
#define GO(guards) ",{'key':'go','from':['open'],'to':'busy','position':2,'guards':[" guards "]}"
#define END ",{'key':'end','from':['busy'],'to':'over','position':3}"
#define PRESENT(key, field)                                                                        \
    "{'key':'" key "','kind':'field_present','params':{'field':'" field "'}}"

static void is_json(const json_t *found, const char *expected)
{
    json_t *wanted = js(expected);

    if (!json_equal(found, wanted)) {
        char *text = json_dumps(found, JSON_ENCODE_ANY | JSON_SORT_KEYS);

        fail_msg("%s is not %s", text, expected);
    }
    json_decref(wanted);
}

static void test_needs(void **state)
{
    static const struct {
        const char *guards, *needs;
    } cases[] = {
        {PRESENT("a", "industry"), "{'record':{'industry':'present'}}"},
        {PRESENT(
             "a",
             "need") ",{'key':'b','kind':'field_compare','params':{'field':'need','value':'x'}}",
         "{'record':{'need':'value'}}"},
        {"{'key':'b','kind':'field_compare','params':{'field':'need','value':'x'}}," PRESENT(
             "a", "need"),
         "{'record':{'need':'value'}}"},
        {"{'key':'a','kind':'field_compare','params':{'field':'amount.amount','op':'gte','value':'"
         "5'}}",
         "{'record':{'amount':'value'}}"},
        {"{'key':'a','kind':'related_count','params':{'of':'activity'}},"
         "{'key':'b','kind':'open_tasks','params':{}}",
         "{'record':{},'activities':true,'tasks':true}"},
        {"{'key':'a','kind':'related_field','params':{'field':'account.verification','value':'x'}}",
         "{'record':{},'account':true}"},
        {"{'key':'a','kind':'related_field','params':{'field':'contact.email','value':'x'}}",
         "{'record':{},'related':true}"},
        {"{'key':'a','kind':'time_in_state','params':{'min_seconds':5}},"
         "{'key':'b','kind':'visited_state','params':{'state':'busy'}}",
         "{'record':{},'times':true,'visits':true}"},
        {"{'key':'a','kind':'actor_has_role','params':{'role':'admin'}}", "{'record':{}}"},
        {"{'key':'a','kind':'duplicate_free','params':{}}", "{'record':{},'whole':true}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char moves[4096];
        struct blueprint *b;
        json_t *needs = json_object();

        (void)snprintf(moves, sizeof(moves),
                       ",{'key':'go','from':['open'],'to':'busy','guards':[%s]}", cases[i].guards);
        b = process(STATES, moves);
        survey_needs(needs, b);
        is_json(needs, cases[i].needs);
        json_decref(needs);
        blueprint_destroy(b);
    }
}

static void add(json_t *sum, const struct blueprint *own, const struct blueprint *draft,
                const char *mapping, const char *state, const char *facts, int n)
{
    json_t *map = mapping ? js(mapping) : NULL, *f = js(facts), *ids = js("['1','2','3','4']");
    const struct survey_row row = {
        .own = own, .state = state, .facts = f, .n = n, .ids = ids, .via = "go"};

    if (draft != NULL)
        survey_simulate(sum, draft, map, &row);
    else
        survey_drift(sum, &row);
    json_decref(map);
    json_decref(f);
    json_decref(ids);
}

static void test_gains_losses_and_dead_ends(void **state)
{
    struct blueprint *own = process(STATES, GO("") END);
    struct blueprint *draft = process(
        "{'key':'open','category':'open'},{'key':'over','category':'done'}",
        ",{'key':'go','from':['open'],'to':'over','position':2,'guards':[" PRESENT("a", "x") "]}");
    json_t *sum = json_object();

    (void)state;
    add(sum, own, draft, NULL, "open", "{'record':{'x':'y'}}", 10);
    add(sum, own, draft, NULL, "open", "{'record':{}}", 7);
    add(sum, own, draft, NULL, "busy", "{'record':{}}", 2);
    add(sum, own, draft, "{'busy':'over'}", "busy", "{'record':{}}", 1);
    is_json(sum, "{'records':20,"
                 "'states':{'open':{'records':17,'to':'open','blocked':7,'examples':{'blocked':['1'"
                 ",'2','3','4']}},"
                 "'busy':{'records':3,'out_of_scope':2,'to':'over','stuck':1,'blocked':1,"
                 "'examples':{'out_of_scope':['1','2','3','4'],'stuck':['1','2','3','4'],'blocked':"
                 "['1','2','3','4']}}},"
                 "'transitions':{'go':{'before':17,'after':10,'lost':7,'examples':{'lost':['1','2',"
                 "'3','4']}},"
                 "'end':{'before':3,'lost':3,'examples':{'lost':['1','2','3','4','1']}}}}");
    json_decref(sum);
    blueprint_destroy(own);
    blueprint_destroy(draft);
}

/* who acts is nobody's question here: such a guard neither opens nor closes anything by itself */
static void test_guards_about_the_actor_are_neutral(void **state)
{
#define ROLE                                                                                       \
    "{'key':'r','kind':'actor_has_role','params':{'role':'admin'},'parent':'g','position':1}"
#define FIELD "{'key':'f','kind':'field_present','params':{'field':'x'},'parent':'g','position':2}"
    static const struct {
        const char *op, *facts;
        bool open;
    } cases[] = {
        {"all", "{'record':{}}", false}, {"all", "{'record':{'x':1}}", true},
        {"any", "{'record':{}}", true},  {"any", "{'record':{'x':1}}", true},
        {"none", "{'record':{}}", true}, {"none", "{'record':{'x':1}}", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char moves[1024];
        struct blueprint *b;
        json_t *sum = json_object();

        (void)snprintf(
            moves, sizeof(moves),
            ",{'key':'go','from':['open'],'to':'busy','guards':[{'key':'g','op':'%s'}," ROLE
            "," FIELD "]}",
            cases[i].op);
        b = process(STATES, moves);
        add(sum, b, b, NULL, "open", cases[i].facts, 1);
        assert_int_equal(json_object_size(json_object_get(sum, "transitions")), cases[i].open);
        json_decref(sum);
        blueprint_destroy(b);
    }
}

static void test_drift(void **state)
{
    struct blueprint *b = process(STATES, GO(PRESENT("a", "x") "," PRESENT("b", "y")) END);
    json_t *sum = json_object();

    (void)state;
    add(sum, b, NULL, NULL, "busy", "{'record':{'x':1,'y':1}}", 5);
    add(sum, b, NULL, NULL, "busy", "{'record':{'x':1}}", 2);
    add(sum, b, NULL, NULL, "gone", "{'record':{}}", 1);
    is_json(sum, "{'records':8,'drifted':{'busy':{'go':{'records':2,'guards':{'b':2},'examples':['"
                 "1','2','3','4']}}},"
                 "'unknown':{'gone':{'records':1,'examples':['1','2','3','4']}}}");
    json_decref(sum);
    blueprint_destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_needs),
        cmocka_unit_test(test_gains_losses_and_dead_ends),
        cmocka_unit_test(test_guards_about_the_actor_are_neutral),
        cmocka_unit_test(test_drift),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
