#include "blueprint_fixture.h"

#include "base/err.h"
#include "blueprint/document.h"
#include "blueprint/lint.h"
#include "schemas.gen.h"

static const struct lint_relation relations[] = {
    {NULL, &schema_LeadCreate, "status"},
    {"account", &schema_AccountCreate, "verification"},
    {NULL, NULL, NULL},
};

static const char definitions[] =
    "{'lead':[{'key':'seats','type':'integer','required':false,'minimum':1},"
    "{'key':'price','type':'decimal','required':true},{'key':'from','type':'date'},"
    "{'key':'at','type':'datetime'},{'key':'boss','type':'user'},{'key':'open','type':'boolean'},"
    "{'key':'code','type':'text','pattern':'^[A-Z]+$'},"
    "{'key':'tier','type':'choice','choices':['gold','silver']},"
    "{'key':'kinds','type':'multi_choice','choices':['new','used']}],"
    "'account':[{'key':'level','type':'integer'}],'contact':[{'key':'role','type':'text'}]}";

#define LABEL "'label':{'en':'e','pl':'p','ru':'r'}"
#define STATE(key, category)                                                                       \
    "{'key':'" key "','category':'" category "'," LABEL                                            \
    ",'sla':[{'key':'late','after':'P1D','what':'warn'}]}"
#define DOC(more, move)                                                                            \
    "{'entity':'lead','key':'k'," LABEL more ",'states':[" STATE("open", "open") "," STATE(        \
        "done", "done") "],'transitions':[{'key':'created','kind':'initial','to':'open'," LABEL    \
                        "},{'key':'move','from':['open'],'to':'done'," LABEL move "}]}"
#define GUARD(kind, params)                                                                        \
    DOC("", ",'guards':[{'key':'g','kind':'" kind "','params':{" params "}}]")
#define COMPARE(field, op, value)                                                                  \
    GUARD("field_compare", "'field':'custom." field "','op':'" op "','value':" value)
#define INPUT(params)                                                                              \
    DOC("", ",'inputs':[{'key':'i','kind':'field'," LABEL ",'params':{" params "}}]")
#define SET(params) DOC("", ",'actions':[{'key':'a','kind':'set_field','params':{" params "}}]")
#define AT "/transitions/1/guards/0/params"
#define FIELD "error unknown_field " AT "/field"
#define OP "error wrong_value " AT "/op"
#define VALUE "error wrong_value " AT "/value"

/* As fixture_findings(); without @known nothing is known of fields. */
static char *findings_of(const char *text, bool known)
{
    json_t *doc = js(text), *form = document_canonical(doc), *custom = js(definitions);
    const struct lint_world w = {
        .relations = relations, .fields = &schema_LeadFields, .custom = known ? custom : NULL};
    struct arena a;
    struct err e;
    char *found;

    arena_init(&a, 1 << 20);
    err_init(&e, &a);
    if (!document_check(form, &e))
        fail_msg("%s: %s %s", text, e.faults->pointer, e.faults->detail);
    arena_done(&a);
    found = fixture_findings(form, &w);
    json_decref(custom);
    json_decref(form);
    json_decref(doc);
    return found;
}

struct a_case {
    const char *doc, *found;
};

static void check_cases(const struct a_case *cases, size_t n, bool known)
{
    for (size_t i = 0; i < n; i++) {
        char *found = findings_of(cases[i].doc, known);

        if (strcmp(found, cases[i].found) != 0)
            fail_msg("%s\nfound: %s\nwanted: %s", cases[i].doc, found, cases[i].found);
        free(found);
    }
}

static void guards_name_what_is_there(void **state)
{
    static const struct a_case cases[] = {
        {GUARD("field_present", "'field':'custom.seats'"), ""},
        {GUARD("field_present", "'field':'custom.seat'"), FIELD},
        {GUARD("field_present", "'field':'custom.level'"), FIELD},
        {GUARD("field_changed", "'field':'custom.none'"), FIELD},
        {GUARD("matches", "'field':'custom.code','pattern':'^A'"), ""},
        {GUARD("related_field", "'field':'account.custom.level','op':'gt','value':3"), ""},
        {GUARD("related_field", "'field':'account.custom.level','op':'gt','value':'3'"), VALUE},
        {GUARD("related_field", "'field':'account.custom.seats','op':'gt','value':3"), FIELD},
        {GUARD("related_exists", "'of':'contact','where':[{'field':'email','is':'email'},"
                                 "{'field':'custom.role','value':'buyer'}]"),
         ""},
        {GUARD("related_exists", "'of':'contact','where':[{'field':'custom.seats','value':1}]"),
         "error unknown_field " AT "/where/0/field"},
        {GUARD("related_exists", "'of':'contact','where':[{'field':'custom.role','value':1}]"),
         "error wrong_value " AT "/where/0/value"},
        {DOC("", ",'actors':[{'kind':'field','value':'custom.boss'},{'kind':'field','value':'"
                 "custom.code'"
                 "},{'kind':'field','value':'custom.none'}]"),
         "error unknown_field /transitions/1/actors/1/value\n"
         "error unknown_field /transitions/1/actors/2/value"},
        {DOC(",'criteria':[{'key':'a','op':'any','guards':[{'key':'b','kind':'field_present',"
             "'params':{'field':'custom.none'}}]},{'key':'c','kind':'field_compare','params':{'"
             "field'"
             ":'custom.tier','op':'eq','value':'tin'}}]",
             ""),
         "error unknown_field /criteria/0/guards/0/params/field\n"
         "error wrong_value /criteria/1/params/value"},
    };

    (void)state;
    check_cases(cases, COUNT(cases), true);
}

static void guards_compare_by_type(void **state)
{
    static const struct a_case cases[] = {
        {COMPARE("seats", "gte", "10"), ""},
        {COMPARE("seats", "in", "[1,2.5]"), ""},
        {COMPARE("seats", "gte", "'10'"), VALUE},
        {COMPARE("seats", "in", "[1,'2']"), VALUE "/1"},
        {COMPARE("price", "lt", "9.99"), ""},
        {COMPARE("price", "lt", "'9.99'"), VALUE},
        {COMPARE("from", "lt", "'2026-12-31'"), ""},
        {COMPARE("from", "lt", "'2026-12-31T00:00:00Z'"), VALUE},
        {COMPARE("from", "lt", "20261231"), VALUE},
        {COMPARE("at", "lt", "'2026-12-31'"), ""},
        {COMPARE("at", "lt", "'2026-12-31T00:00:00+01:00'"), ""},
        {COMPARE("at", "lt", "'tomorrow'"), VALUE},
        {COMPARE("open", "eq", "true"), ""},
        {COMPARE("open", "eq", "'yes'"), VALUE},
        {COMPARE("code", "gt", "'A'"), ""},
        {COMPARE("code", "eq", "7"), VALUE},
        {COMPARE("code", "has_any", "['A']"), OP},
        {COMPARE("boss", "lt", "'x'"), OP},
        {COMPARE("tier", "in", "['gold','silver']"), ""},
        {COMPARE("tier", "in", "['gold','tin']"), VALUE "/1"},
        {COMPARE("tier", "gt", "'gold'"), OP},
        {COMPARE("kinds", "has_all", "['new','used']"), ""},
        {COMPARE("kinds", "has_any", "['old']"), VALUE "/0"},
        {COMPARE("kinds", "eq", "'new'"), OP},
    };

    (void)state;
    check_cases(cases, COUNT(cases), true);
}

static void inputs_and_actions_are_judged(void **state)
{
    static const struct a_case cases[] = {
        {INPUT("'field':'custom.seats'"), ""},
        {INPUT("'field':'custom.tier','choices':['gold']"), ""},
        {INPUT("'field':'custom.tier','choices':['gold','tin']"),
         "error wrong_value /transitions/1/inputs/0/params/choices/1"},
        {INPUT("'field':'custom.code','choices':['A','B']"), ""},
        {INPUT("'field':'custom.seats','choices':['1']"),
         "error wrong_value /transitions/1/inputs/0/params/choices/0"},
        {INPUT("'field':'custom.none'"),
         "error unknown_field /transitions/1/inputs/0/params/field"},
        {SET("'field':'custom.seats','value':3"), ""},
        {SET("'field':'custom.seats','value':0"),
         "error wrong_value /transitions/1/actions/0/params/value"},
        {SET("'field':'custom.price','value':'1.50'"), ""},
        {SET("'field':'custom.price','from':'nothing'"),
         "error wrong_value /transitions/1/actions/0/params/from"},
        {SET("'field':'custom.kinds','value':['used','new']"), ""},
        {SET("'field':'custom.kinds','value':['old']"),
         "error wrong_value /transitions/1/actions/0/params/value"},
        {SET("'field':'custom.code','value':'abc'"),
         "error wrong_value /transitions/1/actions/0/params/value"},
        {SET("'field':'custom.from','from':'today'"), ""},
        {SET("'field':'custom.from','from':'now'"),
         "error wrong_value /transitions/1/actions/0/params/from"},
        {SET("'field':'custom.boss','from':'actor'"), ""},
        {SET("'field':'custom.code','from':'nothing'"), ""},
        {SET("'field':'custom.none','value':1"),
         "error unknown_field /transitions/1/actions/0/params/field"},
    };

    (void)state;
    check_cases(cases, COUNT(cases), true);
}

/* No database, no definitions: each place is told, none is an error. */
static void without_definitions_there_are_warnings(void **state)
{
    static const struct a_case cases[] = {
        {COMPARE("anything", "gte", "'x'"), "warning custom_unchecked " AT "/field"},
        {GUARD("related_field", "'field':'account.custom.level','op':'gt','value':3"),
         "warning custom_unchecked " AT "/field"},
        {INPUT("'field':'custom.seats'"),
         "warning custom_unchecked /transitions/1/inputs/0/params/field"},
        {SET("'field':'custom.seats','value':3"),
         "warning custom_unchecked /transitions/1/actions/0/params/field"},
        {GUARD("field_present", "'field':'industry'"), ""},
    };

    (void)state;
    check_cases(cases, COUNT(cases), false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guards_name_what_is_there),
        cmocka_unit_test(guards_compare_by_type),
        cmocka_unit_test(inputs_and_actions_are_judged),
        cmocka_unit_test(without_definitions_there_are_warnings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
