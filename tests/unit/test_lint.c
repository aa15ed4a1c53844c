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

#define LABEL "'label':{'en':'e','pl':'p','ru':'r'}"
#define SLA "'sla':[{'key':'late','after':'P1D','what':'warn'}]"
#define STATE(key, category) "{'key':'" key "','category':'" category "'," LABEL "," SLA "}"
#define BARE(key, category) "{'key':'" key "','category':'" category "'," LABEL "}"
#define CREATED "{'key':'created','kind':'initial','to':'open'," LABEL "}"
#define DOC(states, transitions)                                                                   \
    "{'entity':'lead','key':'k'," LABEL ",'states':[" states "],'transitions':[" transitions "]}"
#define TWO STATE("open", "open") "," STATE("done", "done")
#define MOVE(more) DOC(TWO, CREATED ",{'key':'move','from':['open'],'to':'done'," LABEL more "}")
#define GUARDS(guards) MOVE(",'guards':[" guards "]")
#define LEAF(key, kind, params) "{'key':'" key "','kind':'" kind "','params':{" params "}}"
#define PRESENT(key, field) LEAF(key, "field_present", "'field':'" field "'")
#define COMPARE(key, field, op, value)                                                             \
    LEAF(key, "field_compare", "'field':'" field "','op':'" op "','value':" value)
#define GROUP(key, op, guards) "{'key':'" key "','op':'" op "','guards':[" guards "]}"

/* As fixture_findings(), in a world that has these. */
static char *findings_of(const char *text)
{
    json_t *doc = js(text), *form = document_canonical(doc);
    json_t *roles = js("[{'key':'sales','users':2},{'key':'verifier','users':0}]");
    json_t *others =
        js("[{'entity':'account','priority':5,'criteria':[{'key':'c'}],'key':'acc','states':[{'key'"
           ":'verified'},{'key':'to_verify'}]},"
           "{'entity':'opportunity','key':'opp','transitions':[{'key':'win','guards':[{'key':'g',"
           "'op':'all','guards':[{'key':'h','kind':'related_field','params':{'field':'lead.status',"
           "'op':'in','value':['open']}}]}]}]}]");
    json_t *users = js("[{'key':'anna','disabled':false},{'key':'bob','disabled':true}]");
    json_t *teams = js("[{'key':'north','users':2},{'key':'south','users':0}]");
    json_t *calendars = js("[{'key':'default'}]");
    json_t *segments = js("[{'key':'regular'}]");
    const struct lint_world w = {.relations = relations,
                                 .fields = &schema_LeadFields,
                                 .roles = roles,
                                 .users = users,
                                 .teams = teams,
                                 .calendars = calendars,
                                 .segments = segments,
                                 .others = others};
    struct arena a;
    struct err e;
    char *found;

    arena_init(&a, 1 << 20);
    err_init(&e, &a);
    if (!document_check(form, &e))
        fail_msg("%s: %s %s", text, e.faults->pointer, e.faults->detail);
    arena_done(&a);
    found = fixture_findings(form, &w);
    json_decref(roles);
    json_decref(users);
    json_decref(teams);
    json_decref(calendars);
    json_decref(segments);
    json_decref(others);
    json_decref(form);
    json_decref(doc);
    return found;
}

struct a_case {
    const char *doc, *found;
};

static void check_cases(const struct a_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *found = findings_of(cases[i].doc);

        if (strcmp(found, cases[i].found) != 0)
            fail_msg("%s\nfound: %s\nwanted: %s", cases[i].doc, found, cases[i].found);
        free(found);
    }
}

static void ways_are_judged(void **state)
{
    static const struct a_case cases[] = {
        {MOVE(""), ""},
        {"{'entity':'lead','key':'k'," LABEL "}", "error no_states /states"},
        {DOC(TWO, "{'key':'move','from':['open'],'to':'done'," LABEL "}"),
         "error no_initial /transitions"},
        {DOC(TWO, CREATED ",{'key':'again','kind':'initial','to':'done'," LABEL
                          "},{'key':'move','from':['open'],'to':'done'," LABEL "}"),
         "error second_initial /transitions/1/kind"},
        {DOC(TWO "," STATE("lost", "lost"),
             CREATED ",{'key':'move','from':['open'],'to':'done'," LABEL "}"),
         "error unreachable_state /states/2"},
        {DOC(TWO "," STATE("stuck", "postponed"),
             CREATED ",{'key':'move','from':['open'],'to':'done'," LABEL
                     "},{'key':'stick','from':['open'],'to':'stuck'," LABEL "}"),
         "error dead_end /states/2"},
        {DOC(TWO "," STATE("a", "open") "," STATE("b", "open"),
             CREATED ",{'key':'move','from':['open'],'to':'done'," LABEL
                     "},{'key':'in','from':['open'],'to':'a'," LABEL
                     "},{'key':'ab','from':['a'],'to':'b'," LABEL
                     "},{'key':'ba','from':['b'],'to':'a'," LABEL "}"),
         "error no_way_to_close /states/2\nerror no_way_to_close /states/3"},
        {DOC(TWO, CREATED ",{'key':'move','from':'any','except':['done'],'to':'done'," LABEL
                          "},{'key':'none','from':'any','except':['open','done'],'to':'done'," LABEL
                          "}"),
         "error leaves_nothing /transitions/2/from"},
        {DOC(TWO, CREATED ",{'key':'move','from':['open'],'to':'done'," LABEL
                          "},{'key':'none','to':'done'," LABEL "}"),
         "error leaves_nothing /transitions/2/from"},
        {DOC(STATE("start", "open") "," STATE("done", "done"),
             "{'key':'created','kind':'initial','to':'start'," LABEL
             "},{'key':'move','from':['start'],'to':'done'," LABEL "}"),
         "error still_referred_to /states"},
        {DOC(TWO, CREATED ",{'key':'a','from':['open'],'to':'done','auto':{'after_s':5}," LABEL
                          "},{'key':'b','from':'any','to':'done','auto':{'after_s':5}," LABEL "}"),
         "error competing_automatic /transitions/2/auto"},
        {DOC(TWO, CREATED
             ",{'key':'a','from':['open'],'to':'done','auto':{'when':true},'guards':[" PRESENT(
                 "x", "industry") "]," LABEL
                                  "},{'key':'b','from':['open'],'to':'done','auto':{'when':true},'"
                                  "guards':[" PRESENT("x", "email") "]," LABEL "}"),
         ""},
        {DOC("{'key':'open','category':'open','label':{'en':'e'}," SLA "}," STATE("done", "done"),
             CREATED ",{'key':'move','from':['open'],'to':'done'}"),
         "warning label_missing /states/0/label/pl\nwarning label_missing /states/0/label/ru\n"
         "warning label_missing /transitions/1/label/en\n"
         "warning label_missing /transitions/1/label/pl\n"
         "warning label_missing /transitions/1/label/ru"},
    };

    (void)state;
    check_cases(cases, COUNT(cases));
}

#define ON(key, from, to, more) "{'key':'" key "','from':[" from "],'to':'" to "'," LABEL more "}"

static void clocks_are_asked_for(void **state)
{
    static const struct a_case cases[] = {
        {DOC(BARE("open", "open") "," BARE("done", "done"),
             CREATED "," ON("m", "'open'", "done", "")),
         "warning no_threshold /states/0/sla"},
        {DOC(STATE("open", "open") "," BARE("rest", "postponed") "," BARE("done", "lost"),
             CREATED "," ON("r", "'open'", "rest", "") "," ON("m", "'rest'", "done", "")),
         "warning no_threshold /states/1/sla"},
        {DOC(BARE("open", "open") "," BARE("done", "done"),
             CREATED "," ON("m", "'open'", "done", ",'auto':{'after':'P5D'}")),
         ""},
        {DOC(BARE("open", "open") "," BARE("done", "done"),
             CREATED "," ON("m", "'open'", "done", ",'auto':{'at_field':'nurture_until'}")),
         ""},
        /* guards may never hold */
        {DOC(BARE("open", "open") "," BARE("done", "done"),
             CREATED "," ON("m", "'open'", "done",
                            ",'auto':{'when':true},'guards':[" PRESENT("x", "industry") "]")),
         "warning no_threshold /states/0/sla"},
    };

    (void)state;
    check_cases(cases, COUNT(cases));
}

#define AT_GUARD(n) "/transitions/1/guards/" n

static void names_are_judged(void **state)
{
    static const struct a_case cases[] = {
        {GUARDS(PRESENT("a", "industry")), ""},
        {GUARDS(PRESENT("a", "estimated_value.amount")), ""},
        {GUARDS(PRESENT("a", "created_at")), ""},
        {GUARDS(PRESENT("a", "industri")), "error unknown_field " AT_GUARD("0") "/params/field"},
        {GUARDS(PRESENT("a", "estimated_value.sum")),
         "error unknown_field " AT_GUARD("0") "/params/field"},
        {GUARDS(GROUP("g", "any", PRESENT("a", "industry") "," PRESENT("b", "nope"))),
         "error unknown_field " AT_GUARD("0/guards/1") "/params/field"},
        {GUARDS(LEAF("a", "related_field", "'field':'account.verification','value':'verified'")),
         ""},
        {GUARDS(LEAF("a", "related_field", "'field':'account.verification','value':'won'")),
         "error unknown_state " AT_GUARD("0") "/params/field"},
        {GUARDS(LEAF("a", "related_field", "'field':'account.size','value':1")),
         "error unknown_field " AT_GUARD("0") "/params/field"},
        {GUARDS(LEAF("a", "related_field", "'field':'machine.size','value':1")),
         "error unknown_field " AT_GUARD("0") "/params/field"},
        {GUARDS(COMPARE("a", "status", "eq", "'gone'")),
         "error unknown_state " AT_GUARD("0") "/params/field"},
        {GUARDS(LEAF("a", "actor_has_role", "'roles':['sales','boss']")),
         "error unknown_role " AT_GUARD("0") "/params/roles"},
        {GUARDS(LEAF("a", "actor_has_role", "'role':'verifier'")),
         "warning role_without_users " AT_GUARD("0") "/params/role"},
        {DOC("{'key':'open','category':'open'," LABEL
             ",'sla':[{'key':'a','after':'P1D','what':'task',"
             "'params':{'role':'boss'}},{'key':'b','after':'P2D','what':'escalate','params':{'role'"
             ":"
             "'verifier'}}]}," STATE("done", "done"),
             CREATED ",{'key':'move','from':['open'],'to':'done'," LABEL "}"),
         "error unknown_role /states/0/sla/0/params/role\n"
         "warning role_without_users /states/0/sla/1/params/role"},
        {GUARDS(LEAF("a", "actor_differs", "'from':'owner_id'")), ""},
        {GUARDS(LEAF("a", "actor_differs", "'from':'ownr_id'")),
         "error unknown_field " AT_GUARD("0") "/params/from"},
        {MOVE(",'actors':[{'kind':'role','value':'boss'},{'kind':'field','value':'owner_id'},"
              "{'kind':'field','value':'industry'},{'kind':'field','value':'nobody'}]"),
         "error unknown_role /transitions/1/actors/0/value\n"
         "error unknown_field /transitions/1/actors/2/value\n"
         "error unknown_field /transitions/1/actors/3/value"},
        {MOVE(",'inputs':[{'key':'a','kind':'field'," LABEL ",'params':{'field':'created_at'}},"
              "{'key':'b','kind':'field'," LABEL ",'params':{'field':'unqualified_reason'}}]"),
         "error unknown_field /transitions/1/inputs/0/params/field"},
        {DOC(TWO, "{'key':'created','kind':'initial','to':'open'," LABEL ",'guards':[" PRESENT(
                      "a", "industry") "]},{'key':'move','from':['open'],'to':'done'," LABEL "}"),
         "warning never_asked /transitions/0/guards"},
        {"{'entity':'account','key':'k'," LABEL ",'states':[" TWO "],'transitions':[" CREATED
         ",{'key':'move','kind':'convert','from':['open'],'to':'done'," LABEL "}]}",
         "error wrong_kind /transitions/1/kind"},
    };

    (void)state;
    check_cases(cases, COUNT(cases));
}

#define SET(field, value)                                                                          \
    MOVE(",'actions':[{'key':'a','kind':'set_field','params':{'field':'" field "','value':" value  \
         "}}]")
#define ASKS(rules) MOVE(",'approval':{'needed':1,'actors':[" rules "]}")

static void references_are_judged(void **state)
{
    static const struct a_case cases[] = {
        {MOVE(",'actors':[{'kind':'user','value':'anna'},{'kind':'user','value':'bob'},"
              "{'kind':'user','value':'carl'},{'kind':'team','value':'north'},"
              "{'kind':'team','value':'south'},{'kind':'team','value':'west'}]"),
         "error unknown_user /transitions/1/actors/2/value\n"
         "error unknown_team /transitions/1/actors/5/value\n"
         "warning user_disabled /transitions/1/actors/1/value\n"
         "warning team_without_users /transitions/1/actors/4/value"},
        {ASKS("{'kind':'user','value':'carl'},{'kind':'team','value':'west'},{'kind':'role',"
              "'value':'boss'},{'kind':'role','value':'verifier'},{'kind':'field','value':'owner_"
              "id'},"
              "{'kind':'field','value':'industry'}"),
         "error unknown_user /transitions/1/approval/actors/0/value\n"
         "error unknown_team /transitions/1/approval/actors/1/value\n"
         "error unknown_role /transitions/1/approval/actors/2/value\n"
         "error unknown_field /transitions/1/approval/actors/5/value\n"
         "warning role_without_users /transitions/1/approval/actors/3/value"},
        {MOVE(",'auto':{'after':'P1D','calendar':'moon'}"),
         "error unknown_calendar /transitions/1/auto/calendar"},
        {GUARDS(GROUP("g", "any",
                      LEAF("a", "working_time", "'calendar':'default'") "," LEAF(
                          "b", "working_time", "'calendar':'moon'"))),
         "error unknown_calendar /transitions/1/guards/0/guards/1/params/calendar"},
        {GUARDS(GROUP("g", "any",
                      LEAF("a", "in_segment", "'segment':'regular'") "," LEAF("b", "in_segment",
                                                                              "'segment':'gone'"))),
         "error unknown_segment /transitions/1/guards/0/guards/1/params/segment"},
        {DOC("{'key':'open','category':'open'," LABEL ",'sla':[{'key':'a','after':'P1D','what':"
             "'warn','calendar':'moon'}]}," STATE("done", "done"),
             CREATED ",{'key':'move','from':['open'],'to':'done'," LABEL "}"),
         "error unknown_calendar /states/0/sla/0/calendar"},
        {MOVE(",'actions':[{'key':'a','kind':'assign','params':{'user':"
              "'0190163d-0000-7000-8000-00000000dead'}},{'key':'b','kind':'create_task','params':"
              "{'subject':'x','assignee':'owner','due':'P1D','calendar':'moon'}}]"),
         "error unknown_user /transitions/1/actions/0/params/user\n"
         "error unknown_calendar /transitions/1/actions/1/params/calendar"},
        {SET("industry", "'steel'"), ""},
        {SET("industry", "5"), "error wrong_value /transitions/1/actions/0/params/value"},
        {SET("budget_confirmed", "'yes'"),
         "error wrong_value /transitions/1/actions/0/params/value"},
        {SET("estimated_value", "{'amount':'10.50','currency':'PLN'}"), ""},
        {SET("estimated_value", "{'amount':'ten','currency':'PLN'}"),
         "error wrong_value /transitions/1/actions/0/params/value"},
        {SET("estimated_value", "'10.50'"),
         "error wrong_value /transitions/1/actions/0/params/value"},
        {SET("industry", "{'amount':'10.50','currency':'PLN'}"),
         "error wrong_value /transitions/1/actions/0/params/value"},
        {GUARDS(LEAF("a", "score_at_least", "'min':5")), ""},
    };

    (void)state;
    check_cases(cases, COUNT(cases));
}

#define CLASH(n) "error contradiction " AT_GUARD(n)

static void contradictions_are_found(void **state)
{
    static const struct a_case cases[] = {
        {GUARDS(COMPARE("a", "industry", "eq", "'x'") "," COMPARE("b", "industry", "eq", "'y'")),
         CLASH("1")},
        {GUARDS(COMPARE("a", "industry", "eq", "'x'") "," COMPARE("b", "industry", "eq", "'x'")),
         ""},
        {GUARDS(COMPARE("a", "industry", "eq", "'x'") "," COMPARE("b", "country", "eq", "'y'")),
         ""},
        {GUARDS(COMPARE("a", "industry", "eq", "'x'") "," COMPARE("b", "industry", "ne", "'x'")),
         CLASH("1")},
        {GUARDS(COMPARE("a", "industry", "in", "['x','y']") "," COMPARE("b", "industry", "in",
                                                                        "['z']")),
         CLASH("1")},
        {GUARDS(COMPARE("a", "industry", "in", "['x','y']") "," COMPARE("b", "industry", "not_in",
                                                                        "['x']")),
         ""},
        {GUARDS(COMPARE("a", "industry", "in", "['x']") "," COMPARE("b", "industry", "not_in",
                                                                    "['x','y']")),
         CLASH("1")},
        {GUARDS(COMPARE("a", "estimated_value.amount", "gte",
                        "'10'") "," COMPARE("b", "estimated_value.amount", "lt", "'9.5'")),
         CLASH("1")},
        {GUARDS(COMPARE("a", "estimated_value.amount", "gte",
                        "'10'") "," COMPARE("b", "estimated_value.amount", "lte", "10")),
         ""},
        {GUARDS(COMPARE("a", "estimated_value.amount", "gt",
                        "'10'") "," COMPARE("b", "estimated_value.amount", "lte", "10")),
         CLASH("1")},
        {GUARDS(PRESENT("a", "industry") "," GROUP("g", "none", PRESENT("b", "industry"))),
         CLASH("1/guards/0")},
        {GUARDS(GROUP("g", "none", PRESENT("b", "industry")) "," COMPARE("a", "industry", "eq",
                                                                         "'x'")),
         CLASH("1")},
        {GUARDS(GROUP("g", "none",
                      GROUP("h", "none", PRESENT("b", "industry"))) "," PRESENT("a", "industry")),
         ""},
        {GUARDS(GROUP("g", "all", PRESENT("a", "email")) "," GROUP(
             "h", "all", GROUP("i", "none", PRESENT("b", "phone") "," PRESENT("c", "email")))),
         CLASH("1/guards/0/guards/1")},
        {GUARDS(LEAF("a", "related_count", "'of':'activity','kind':'call','min':2") "," LEAF(
             "b", "related_count", "'of':'activity','kind':'call','max':1")),
         CLASH("1")},
        {GUARDS(LEAF("a", "related_count", "'of':'activity','kind':'call','min':2") "," LEAF(
             "b", "related_count", "'of':'activity','kind':'meeting','max':1")),
         ""},
        {GUARDS(LEAF("a", "time_in_state", "'min_seconds':60") "," LEAF("b", "time_in_state",
                                                                        "'max_seconds':30")),
         CLASH("1")},
        {GUARDS(PRESENT("a", "email") "," GROUP(
             "g", "any", GROUP("n", "none", PRESENT("b", "email")) "," PRESENT("c", "phone"))),
         "warning never_passes " AT_GUARD("1/guards/0")},
        {GUARDS(COMPARE("a", "industry", "eq", "'x'") "," GROUP(
             "g", "any",
             COMPARE("b", "industry", "eq", "'y'") "," COMPARE("c", "industry", "eq", "'z'"))),
         "error never_passes " AT_GUARD("1") "\nwarning never_passes " AT_GUARD(
             "1/guards/0") "\nwarning never_passes " AT_GUARD("1/guards/1")},
        {GUARDS(LEAF("a", "visited_state", "'state':'done'")), "error never_passes " AT_GUARD("0")},
        {GUARDS(LEAF("a", "visited_state", "'state':'open','not':true")),
         "error never_passes " AT_GUARD("0")},
        {GUARDS(LEAF("a", "visited_state", "'state':'open'")),
         "warning always_passes " AT_GUARD("0")},
        {GUARDS(LEAF("a", "related_count", "'of':'activity','min':0")),
         "warning always_passes " AT_GUARD("0")},
    };

    (void)state;
    check_cases(cases, COUNT(cases));
}

/* "pointer code" of each fault. */
static void documents_are_checked(void **state)
{
    static const struct a_case cases[] = {
        {MOVE(""), ""},
        {DOC(TWO "," STATE("open", "open"), CREATED "," CREATED),
         "/states/2/key unique /transitions/1/key unique"},
        {DOC(TWO, CREATED ",{'key':'m','from':['opne'],'to':'nowhere','except':['x']}"),
         "/transitions/1/to reference /transitions/1/from/0 reference /transitions/1/except/0 "
         "reference /transitions/1/except invalid"},
        {DOC(TWO, "{'key':'c','kind':'initial','from':'any','to':'open'},"
                  "{'key':'m','from':'some','to':'done'},{'key':'n','from':[5],'to':'done'}"),
         "/transitions/0/from invalid /transitions/1/from type /transitions/2/from/0 type"},
        {GUARDS("{'key':'a'}," LEAF("a", "field_present", "'field':'x'") "," LEAF(
             "b", "field_presnt",
             "'field':'x'") "," LEAF("c", "field_present",
                                     "'feild':'x'") "," LEAF("d", "visited_state",
                                                             "'state':'gone'") ",{'key':'e','op':'"
                                                                               "any'},"
                                                                               "{'key':'f','kind':'"
                                                                               "open_tasks','"
                                                                               "guards':[" PRESENT(
                                                                                   "h", "x") "]}"),
         "/transitions/1/guards/1/key unique /transitions/1/guards/0 invalid "
         "/transitions/1/guards/2/kind unknown /transitions/1/guards/3/params/feild invalid "
         "/transitions/1/guards/4/params/state invalid /transitions/1/guards/5/guards required "
         "/transitions/1/guards/6/guards invalid"},
        {DOC("{'key':'open','category':'open','sla':[{'key':'s','what':'warn','after':'soon'}]},"
             "{'key':'done','category':'done','pausing':true,'sla':[{'key':'s','what':'warn',"
             "'after_s':5}]},{'key':'x','category':'open','sla':[{'key':'s','what':'move','after_s'"
             ":"
             "5,'params':{'transition':'move'}}]}",
             CREATED
             ",{'key':'move','from':['open'],'to':'done','auto':{'after':'P1D','when':true}}"),
         "/states/0/sla/0/after invalid /states/1/sla invalid "
         "/states/2/sla/0/params/transition invalid /transitions/1/auto invalid"},
        {GUARDS(GROUP("g", "any", PRESENT("a", "x")) "," PRESENT("a", "x")),
         "/transitions/1/guards/0/guards/0/key unique"},
        {MOVE(",'inputs':[{'key':'a','kind':'field'},{'key':'b','kind':'note','params':{'x':1}},"
              "{'key':'c','kind':'field','params':{'field':'f','choices_from':'nope'}},"
              "{'key':'d','kind':'field','params':{'field':'f'}}]"),
         "/transitions/1/inputs/0/params/field invalid /transitions/1/inputs/1/params/x invalid "
         "/transitions/1/inputs/2/params/choices_from invalid "
         "/transitions/1/inputs/3/params/field unique"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        json_t *doc = js(cases[i].doc);
        struct arena a;
        struct err e;
        struct buf b;

        arena_init(&a, 1 << 20);
        err_init(&e, &a);
        assert_int_equal(document_check(doc, &e), cases[i].found[0] == '\0');
        buf_init(&b, 1 << 16);
        for (const struct fault *f = e.faults; f != NULL; f = f->next)
            buf_printf(&b, "%s%s %s", b.len > 0 ? " " : "", f->pointer, f->code);
        if (strcmp(buf_text(&b), cases[i].found) != 0)
            fail_msg("%s\nfound: %s\nwanted: %s", cases[i].doc, buf_text(&b), cases[i].found);
        buf_done(&b);
        arena_done(&a);
        json_decref(doc);
    }
}

/* Groups beyond any sense, thousands of guards: refused, not endured. */
static void limits_hold(void **state)
{
    json_t *doc = js(MOVE("")), *guards = json_array(), *inner = json_array(), *t;
    struct arena a;
    struct err e;

    (void)state;
    t = json_array_get(json_object_get(doc, "transitions"), 1);
    for (int i = 0; i < 10000; i++)
        json_array_append_new(guards, json_pack("{s:o, s:s}", "key", json_sprintf("g%d", i), "kind",
                                                "duplicate_free"));
    json_object_set_new(t, "guards", guards);
    arena_init(&a, 16 << 20);
    err_init(&e, &a);
    assert_false(document_check(doc, &e));
    assert_string_equal(e.faults->pointer, "/transitions/1/guards");
    arena_done(&a);

    json_array_append_new(inner, json_pack("{s:s, s:s}", "key", "leaf", "kind", "duplicate_free"));
    for (int i = 0; i < 20; i++) {
        json_t *outer = json_array();

        json_array_append_new(outer, json_pack("{s:o, s:s, s:o}", "key", json_sprintf("g%d", i),
                                               "op", "all", "guards", inner));
        inner = outer;
    }
    json_object_set_new(t, "guards", inner);
    arena_init(&a, 16 << 20);
    err_init(&e, &a);
    assert_false(document_check(doc, &e));
    assert_string_equal(e.faults->code, "range");
    arena_done(&a);
    json_decref(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ways_are_judged),
        cmocka_unit_test(clocks_are_asked_for),
        cmocka_unit_test(names_are_judged),
        cmocka_unit_test(references_are_judged),
        cmocka_unit_test(contradictions_are_found),
        cmocka_unit_test(documents_are_checked),
        cmocka_unit_test(limits_hold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
