#include "blueprint_fixture.h"

#include "base/err.h"
#include "blueprint/diff.h"
#include "blueprint/document.h"
#include "blueprint/lint.h"
#include "blueprint/survey.h"
#include "schemas.gen.h"

#define LABEL "'label':{'en':'e','pl':'p','ru':'r'}"
#define STEP(key, more) "{'key':'" key "'," LABEL more "}"
#define OPTIONAL(key) STEP(key, ",'required':false")
#define PROCESS(steps, guards, more)                                                               \
    "{'id':'v','entity':'opportunity','key':'k','number':1," LABEL                                 \
    ",'states':[{'key':'offer','category':'open'," LABEL                                           \
    ",'sla':[{'key':'late','after':'P1D','what':'warn'}],'steps':[" steps                          \
    "]},{'key':'won','category':'won'," LABEL "}],'transitions':[{'key':'made','kind':"            \
    "'initial','to':'offer'," LABEL "},{'key':'win','from':['offer'],'to':'won'," LABEL            \
    ",'guards':[" guards "]" more "}]}"
#define ASKS(params) "{'key':'g','kind':'steps_done','params':{" params "}}"
#define THREE                                                                                      \
    STEP("legal", ",'actors':[{'kind':'role','value':'sales'}]")                                   \
    "," STEP("credit", "") "," OPTIONAL("photo")

static json_t *canonical(const char *text)
{
    json_t *doc = js(text), *form = document_canonical(doc);

    json_decref(doc);
    return form;
}

/* the guard */

static struct blueprint *compiled(const char *guards)
{
    char text[4096];
    struct blueprint *b;
    struct buf why;

    (void)snprintf(text, sizeof(text), PROCESS("%s", "%s", ""), THREE, guards);
    buf_init(&why, 4096);
    b = fixture_compile_text(text, &why);
    if (b == NULL)
        fail_msg("%s", buf_text(&why));
    buf_done(&why);
    return b;
}

/* Which of legal, credit and photo are done, as bits; whether each guard holds then. */
static void the_truth_of_steps(void **state)
{
    static const struct {
        const char *params;
        unsigned holds; /* bit n: with the steps of the number n done */
    } rows[] = {
        {"", 0x88},                                   /* legal and credit */
        {"'min':1", 0xEE},                            /* one of them */
        {"'steps':'photo'", 0xF0},                    /* an optional one, by name */
        {"'steps':['legal','credit','photo']", 0x80}, /* all */
        {"'steps':['legal','credit','photo'],'min':2", 0xE8},
        {"'steps':['legal','gone']", 0x00}, /* one that is not there is never done */
        {"'steps':['legal','gone'],'min':1", 0xAA},
    };
    static const char *const keys[] = {"legal", "credit", "photo"};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char guards[256];
        struct blueprint *b;

        (void)snprintf(guards, sizeof(guards), ASKS("%s"), rows[i].params);
        b = compiled(guards);
        for (unsigned done = 0; done < 8; done++) {
            json_t *facts = js("{'state':'offer','record':{'id':'r1'},'steps':[]}");
            struct arena a;

            for (unsigned k = 0; k < 3; k++)
                if (done & (1U << k))
                    json_array_append_new(json_object_get(facts, "steps"),
                                          json_pack("{s:s}", "key", keys[k]));
            arena_init(&a, 1 << 20);
            assert_int_equal(evaluate(blueprint_transition(b, "win"), facts, &a)->passed,
                             (rows[i].holds >> done) & 1U);
            arena_done(&a);
            json_decref(facts);
        }
        blueprint_destroy(b);
    }
}

static void a_failure_names_who_and_how(void **state)
{
    static const struct {
        const char *params, *language, *said;
    } rows[] = {
        {"", "en",
         "[{'guard':'g','kind':'steps_done','path':'steps','pointer':null,'message':'Steps that "
         "must "
         "be done here first (all); open: "
         "e.','observed':['credit'],'expected':{'steps':'required'},"
         "'steps':[{'step':'legal','label':'e','actors':[{'kind':'role','value':'sales'}],'call':"
         "'POST /v1/opportunities/r1/steps/legal'}]}]"},
        {"'steps':['credit','photo','legal'],'min':2", "pl",
         "[{'guard':'g','kind':'steps_done','path':'steps','pointer':null,'message':'Kroki, które "
         "trzeba tu najpierw wykonać (co najmniej 2); otwarte: p, p.','observed':['credit'],"
         "'expected':{'steps':['credit','photo','legal'],'min':2},'steps':[{'step':'legal','label':"
         "'p','actors':[{'kind':'role','value':'sales'}],'call':'POST /v1/opportunities/r1/steps/"
         "legal'},{'step':'photo','label':'p','actors':[],'call':'POST /v1/opportunities/r1/steps/"
         "photo'}]}]"},
        {"'steps':'legal'", "ru",
         "[{'guard':'g','kind':'steps_done','path':'steps','pointer':null,'message':'Шаги, которые "
         "нужно сначала выполнить здесь (все); открыты: r.','observed':[],'expected':{'steps':["
         "'legal']},'steps':[{'step':'legal','label':'r','actors':[{'kind':'role','value':'sales'}]"
         ","
         "'call':'POST /v1/opportunities/r1/steps/legal'}]}]"},
    };
    json_t *facts = js("{'state':'offer','record':{'id':'r1'},'steps':[{'key':'credit'}]}");

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char guards[256], *said;
        struct blueprint *b;
        struct arena a;

        (void)snprintf(guards, sizeof(guards), ASKS("%s"), rows[i].params);
        b = compiled(guards);
        arena_init(&a, 1 << 20);
        said =
            fixture_failures(evaluate(blueprint_transition(b, "win"), facts, &a), rows[i].language);
        assert_string_equal(said, rows[i].said);
        free(said);
        arena_done(&a);
        blueprint_destroy(b);
    }
    json_decref(facts);
}

static void wrong_steps_are_named(void **state)
{
    static const struct {
        const char *steps, *why;
    } rows[] = {
        {STEP("a", "") "," STEP("a", ""), "/states/0/steps/1/key: a second step \"a\""},
        {"{'key':'A'}", "/states/0/steps/0/key: must be a key of lower-case letters, digits and "
                        "underscores"},
        {STEP("a", ",'required':1"), "/states/0/steps/0/required: must be true or false"},
        {STEP("a", ",'actors':[{'kind':'boss','value':'x'}]"),
         "/states/0/steps/0/actors/0/kind: must be one of role, team, user, field"},
        {STEP("a", ",'inputs':[{'key':'n','kind':'note','params':{'x':1}}]"),
         "/states/0/steps/0/inputs/0/params/x: unknown parameter"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[4096];
        struct buf why;

        (void)snprintf(text, sizeof(text), PROCESS("%s", "", ""), rows[i].steps);
        buf_init(&why, 4096);
        assert_null(fixture_compile_text(text, &why));
        assert_string_equal(buf_text(&why), rows[i].why);
        buf_done(&why);
    }
}

/* what changed */

static void differences_are_told(void **state)
{
    static const struct {
        const char *from, *to, *said;
    } rows[] = {
        {"", STEP("legal_check", ""), "step `legal_check` added to state `offer`"},
        {STEP("legal_check", ",'required':true"), STEP("legal_check", ""), ""},
        {STEP("a", ""), OPTIONAL("a"), "`required` of step `a` of `offer` set to false"},
        {STEP("a", "") "," STEP("b", ""), STEP("b", "") "," STEP("a", ""),
         "the order of `steps` of state `offer` changed to [\"b\", \"a\"]"},
        {STEP("a", ",'inputs':[{'key':'n','kind':'note'}]"), STEP("a", ""),
         "input `n` removed from `a`"},
        {STEP("a", ""), STEP("a", ",'actors':[{'kind':'role','value':'sales'}]"),
         "`actors` of step `a` of `offer` set to [{\"kind\": \"role\", \"value\": \"sales\"}]"},
        {STEP("a", ""), "", "step `a` removed from state `offer`"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[4096];
        json_t *from, *to, *diff;

        (void)snprintf(text, sizeof(text), PROCESS("%s", "", ""), rows[i].from);
        from = canonical(text);
        (void)snprintf(text, sizeof(text), PROCESS("%s", "", ""), rows[i].to);
        to = canonical(text);
        diff = blueprint_diff(from, to);
        assert_int_equal(json_array_size(diff), rows[i].said[0] != '\0');
        if (json_array_size(diff) == 1)
            assert_string_equal(
                json_string_value(json_object_get(json_array_get(diff, 0), "sentence")),
                rows[i].said);
        json_decref(diff);
        json_decref(from);
        json_decref(to);
    }
}

/* lint */

static char *findings_of(const char *text)
{
    static const struct lint_relation relations[] = {
        {NULL, &schema_OpportunityCreate, "stage"},
        {"account", &schema_AccountCreate, "verification"},
        {NULL, NULL, NULL},
    };
    json_t *form = canonical(text);
    json_t *roles = js("[{'key':'sales','users':2},{'key':'verifier','users':0}]");
    json_t *others = js("[{'entity':'account','key':'a','states':[{'key':'s','category':'open',"
                        "'steps':[{'key':'papers'}]}],'transitions':[]}]");
    const struct lint_world w = {.relations = relations,
                                 .fields = &schema_OpportunityFields,
                                 .roles = roles,
                                 .others = others};
    char *found = fixture_findings(form, &w);
    json_decref(roles);
    json_decref(others);
    json_decref(form);
    return found;
}

#define ACTION(of, step)                                                                           \
    ",'actions':[{'key':'a','kind':'step_done','params':{'step':'" step "'" of "}}]"

static void what_would_not_work_is_found(void **state)
{
    static const struct {
        const char *doc, *found;
    } rows[] = {
        {PROCESS(THREE, ASKS(""), ""), ""},
        {PROCESS("", ASKS(""), ""), "error no_steps /transitions/1/guards/0"},
        {PROCESS("", "{'key':'o','op':'any','guards':[" ASKS("'steps':'a'") "]}", ""),
         "error no_steps /transitions/1/guards/0/guards/0"},
        {PROCESS(THREE, ASKS("'steps':['legal','credit','gone']"), ""),
         "error unknown_step /transitions/1/guards/0/params/steps"},
        {PROCESS(THREE, ASKS("'steps':'legal'"), ""), "warning step_never_asked /states/0/steps/1"},
        {PROCESS(THREE, ASKS("'min':3"), ""), "error never_passes /transitions/1/guards/0"},
        {PROCESS(OPTIONAL("photo"), ASKS(""), ""), "warning always_passes /transitions/1/guards/0"},
        {PROCESS(STEP("a", ",'actors':[{'kind':'role','value':'verifier'}]"), ASKS(""), ""),
         "warning role_without_users /states/0/steps/0/actors/0/value"},
        {PROCESS(STEP("a", ",'actors':[{'kind':'role','value':'nobody'},{'kind':'field','value':"
                           "'name'}]"),
                 ASKS(""), ""),
         "error unknown_role /states/0/steps/0/actors/0/value\n"
         "error unknown_field /states/0/steps/0/actors/1/value"},
        {PROCESS(STEP("a", ",'inputs':[{'key':'i','kind':'field'," LABEL ",'params':{'field':"
                           "'nope'}}]"),
                 ASKS(""), ""),
         "error unknown_field /states/0/steps/0/inputs/0/params/field"},
        {PROCESS("{'key':'a','inputs':[{'key':'i','kind':'note','label':{'en':'e','pl':'p'}}],"
                 "'label':{'en':'e','pl':'p'}}",
                 ASKS(""), ""),
         "warning label_missing /states/0/steps/0/label/ru\n"
         "warning label_missing /states/0/steps/0/inputs/0/label/ru"},
        {PROCESS(THREE, ASKS(""), ACTION("", "legal")),
         "error unknown_step /transitions/1/actions/0/params/step"},
        {PROCESS(THREE, ASKS(""), ACTION(",'of':'account'", "papers")), ""},
        {PROCESS(THREE, ASKS(""), ACTION(",'of':'account'", "legal")),
         "error unknown_step /transitions/1/actions/0/params/step"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *found = findings_of(rows[i].doc);

        if (strcmp(found, rows[i].found) != 0)
            fail_msg("%s\nfound: %s\nwanted: %s", rows[i].doc, found, rows[i].found);
        free(found);
    }
}

static void documents_are_checked(void **state)
{
    static const struct {
        const char *steps, *pointer, *code;
    } rows[] = {
        {STEP("a", "") "," STEP("a", ""), "/states/0/steps/1/key", "unique"},
        {STEP("a", ",'inputs':[{'key':'i','kind':'note'},{'key':'i','kind':'note'}]"),
         "/states/0/steps/0/inputs/1/key", "unique"},
        {STEP("a", ",'inputs':[{'key':'i','kind':'checklist'}]"),
         "/states/0/steps/0/inputs/0/params/item", "invalid"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[4096];
        struct arena a;
        struct err e;
        json_t *form;

        (void)snprintf(text, sizeof(text), PROCESS("%s", "", ""), rows[i].steps);
        form = canonical(text);
        arena_init(&a, 1 << 20);
        err_init(&e, &a);
        assert_false(document_check(form, &e));
        assert_string_equal(e.faults->pointer, rows[i].pointer);
        assert_string_equal(e.faults->code, rows[i].code);
        arena_done(&a);
        json_decref(form);
    }
}

/* simulation: what was done counts where the record stays in its state */

static void simulations_know_steps(void **state)
{
    struct blueprint *own = compiled(ASKS("")), *draft = compiled(ASKS("'steps':'legal'"));
    json_t *facts = js("{'state':'offer','record':{'id':'r'},'steps':[{'key':'legal'}]}");
    json_t *needs = json_object(), *sum = json_object(), *ids = js("['r']"), *win;
    struct survey_row row = {.own = own, .state = "offer", .facts = facts, .ids = ids, .n = 2};

    (void)state;
    survey_needs(needs, draft);
    assert_true(json_is_true(json_object_get(needs, "steps")));
    assert_null(json_object_get(needs, "whole"));
    survey_simulate(sum, draft, NULL, &row);
    win = json_object_get(json_object_get(sum, "transitions"), "win");
    assert_int_equal(json_integer_value(json_object_get(win, "before")), 0);
    assert_int_equal(json_integer_value(json_object_get(win, "gained")), 2);
    row.state = "won";
    json_decref(sum);
    sum = json_object();
    win = js("{'won':'offer'}");
    survey_simulate(sum, draft, win, &row);
    assert_null(json_object_get(json_object_get(sum, "transitions"), "win"));
    json_decref(win);
    json_decref(sum);
    json_decref(ids);
    json_decref(needs);
    json_decref(facts);
    blueprint_destroy(own);
    blueprint_destroy(draft);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_truth_of_steps),
        cmocka_unit_test(a_failure_names_who_and_how),
        cmocka_unit_test(wrong_steps_are_named),
        cmocka_unit_test(differences_are_told),
        cmocka_unit_test(what_would_not_work_is_found),
        cmocka_unit_test(documents_are_checked),
        cmocka_unit_test(simulations_know_steps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
