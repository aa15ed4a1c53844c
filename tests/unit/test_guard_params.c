#include "blueprint_fixture.h"

/* wrong parameters */

static const struct {
    const char *kind, *params, *why;
} wrong_params[] = {
    {"field_presnet", "{}",
     "/kind: unknown guard kind \"field_presnet\", did you mean \"field_present\"?"},
    {"webhook", "{}",
     "/kind: unknown guard kind \"webhook\"; there are field_present, field_compare, "
     "related_field, "
     "related_count, open_tasks, visited_state, actor_has_role, actor_differs, time_in_state, "
     "related_exists, children_closed, duplicate_free, field_changed, matches, checklist_complete, "
     "working_time, score_at_least, approval, steps_done, in_segment"},
    {"related_exists", "{'of':'furniture'}",
     "/params/of: \"furniture\" is none of contact, opportunity, lead, task, activity, equipment"},
    {"related_exists", "{'of':'lead'}", "/params/of: a lead has no leads"},
    {"related_exists", "{'of':'contact','where':[]}",
     "/params/where: must be a list of conditions as in {\"field\":\"email\",\"is\":\"email\"} or "
     "{\"field\":\"role\",\"op\":\"eq\",\"value\":\"buyer\"}"},
    {"related_exists", "{'of':'contact','where':[{'field':'email','is':'here'}]}",
     "/params/where: must be a list of conditions as in {\"field\":\"email\",\"is\":\"email\"} or "
     "{\"field\":\"role\",\"op\":\"eq\",\"value\":\"buyer\"}"},
    {"related_exists", "{'of':'contact','where':[{'field':'email'}]}",
     "/params/where/0/value: is required"},
    {"related_exists", "{'of':'contact','where':[{'field':'email','is':'email','value':1}]}",
     "/params/where/0: has either \"is\" or \"op\" and \"value\""},
    {"related_exists", "{'of':'contact','where':[{'field':'a','op':'in','value':1}]}",
     "/params/where/0/value: \"in\" needs a list"},
    {"related_exists", "{'of':'contact','min':2,'max':1}", "/params/max: is less than min"},
    {"children_closed", "{'of':'opportunity'}", "/params/of: only an account has opportunities"},
    {"matches", "{'field':'a'}", "/params/pattern: is required"},
    {"matches", "{'field':'a','pattern':'('}",
     "/params/pattern: missing closing parenthesis, at character 1"},
    {"matches", "{'field':'a','pattern':''}",
     "/params/pattern: must be a regular expression of at most 200 characters"},
    {"working_time", "{}", "/params/calendar: is required"},
    {"in_segment", "{}", "/params/segment: is required"},
    {"approval", "{}", "/params: asks nobody for approval"},
    {"approval", "{'transition':'created'}", "/params/transition: asks nobody for approval"},
    {"approval", "{'transition':'mvoe'}", "/params/transition: unknown transition \"mvoe\""},
    {"approval", "{'needed':-1}", "/params/needed: must be an integer, 0 or more"},
    {"approval", "{'who':'manager'}",
     "/params/who: unknown parameter; there are transition, needed"},
    {"score_at_least", "{'min':-1}", "/params/min: must be an integer, 0 or more"},
    {"field_present", "{}", "/params/field: is required"},
    {"field_present", "null", "/params/field: is required"},
    {"field_present", "[]", "/params: must be an object"},
    {"field_present", "{'fielt':'x'}", "/params/fielt: unknown parameter, did you mean \"field\"?"},
    {"field_present", "{'field':'x','a/b~':1}",
     "/params/a~1b~0: unknown parameter; there are field"},
    {"field_present", "{'field':'Ind ustry'}",
     "/params/field: must be the name of a field, as in \"industry\" or \"amount.amount\""},
    {"field_present", "{'field':'a..b'}",
     "/params/field: must be the name of a field, as in \"industry\" or \"amount.amount\""},
    {"field_present", "{'field':7}",
     "/params/field: must be the name of a field, as in \"industry\" or \"amount.amount\""},
    {"field_compare", "{'field':'a','op':'equals','value':1}",
     "/params/op: \"equals\" is none of eq, ne, lt, lte, gt, gte, in, not_in, has_any, has_all"},
    {"field_compare", "{'field':'a','op':'gtee','value':1}",
     "/params/op: \"gtee\" is none of eq, ne, lt, lte, gt, gte, in, not_in, has_any, has_all; did "
     "you mean "
     "\"gte\"?"},
    {"field_compare", "{'field':'a','op':'eq'}", "/params/value: is required"},
    {"field_compare", "{'field':'a','op':'eq','value':null}",
     "/params/value: must be a string, a number, a boolean, or a list of them"},
    {"field_compare", "{'field':'a','op':'eq','value':[1]}",
     "/params/value: must be a string, a number or a boolean"},
    {"field_compare", "{'field':'a','op':'in','value':1}", "/params/value: \"in\" needs a list"},
    {"field_compare", "{'field':'a','op':'in','value':[]}",
     "/params/value: must be a string, a number, a boolean, or a list of them"},
    {"field_compare", "{'field':'a','op':'gt','value':true}",
     "/params/value: a boolean has no order, \"gt\" needs a number, a date or a text"},
    {"field_compare", "{'field':'a.amount','op':'gt','value':'much'}",
     "/params/value: an amount is compared with a decimal number"},
    {"field_compare", "{'field':'a.amount','op':'in','value':['1',true]}",
     "/params/value: an amount is compared with a number"},
    {"field_compare", "{'field':'a.amount','op':'eq','value':true}",
     "/params/value: an amount is compared with a number"},
    {"actor_has_role", "{'role':7}",
     "/params/role: must be a key of lower-case letters, digits and underscores"},
    {"actor_differs", "{'from':7}",
     "/params/from: must be \"creator\", \"transition:<key>\" or the name of a field"},
    {"related_field", "{'field':'verification','value':'x'}",
     "/params/field: needs the related record and its field, as in \"account.verification\""},
    {"related_count", "{}", "/params/of: is required"},
    {"related_count", "{'of':'activities'}",
     "/params/of: \"activities\" is none of activity, task; did you mean \"activity\"?"},
    {"related_count", "{'of':'activity','min':-1}", "/params/min: must be an integer, 0 or more"},
    {"related_count", "{'of':'activity','min':1.0}", "/params/min: must be an integer, 0 or more"},
    {"related_count", "{'of':'activity','min':3,'max':2}", "/params/max: is less than min"},
    {"related_count", "{'of':'activity','status':'open'}",
     "/params/status: means nothing for activities"},
    {"related_count", "{'of':'task','kind':'call'}", "/params/kind: means nothing for tasks"},
    {"related_count", "{'of':'activity','kind':[]}",
     "/params/kind: must be a key or a list of keys"},
    {"related_count", "{'of':'activity','has_subject':1}",
     "/params/has_subject: must be true or false"},
    {"open_tasks", "{'max':'0'}", "/params/max: must be an integer, 0 or more"},
    {"visited_state", "{'state':'opne'}", "/params/state: unknown state \"opne\""},
    {"actor_has_role", "{}", "/params: needs either role or roles"},
    {"actor_has_role", "{'role':'a','roles':['b']}", "/params: needs either role or roles"},
    {"actor_differs", "{'from':'transition:moved'}", "/params/from: unknown transition \"moved\""},
    {"actor_differs", "{'from':'transition:'}",
     "/params/from: must be \"creator\", \"transition:<key>\" or the name of a field"},
    {"time_in_state", "{}", "/params: needs min_seconds or max_seconds"},
    {"time_in_state", "{'min_seconds':3,'max_seconds':2}",
     "/params/max_seconds: is less than min_seconds"},
    {"steps_done", "{'min':0}", "/params/min: must be at least 1"},
    {"steps_done", "{'steps':['a','b'],'min':3}",
     "/params/min: is more than the steps that are named"},
};

static void wrong_parameters_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(wrong_params); i++) {
        char guards[1024], wanted[1024];
        struct buf why;
        char *text;

        (void)snprintf(guards, sizeof(guards), "[{'key':'g','kind':'%s','params':%s}]",
                       wrong_params[i].kind, wrong_params[i].params);
        (void)snprintf(wanted, sizeof(wanted), "/transitions/1/guards/0%s", wrong_params[i].why);
        text = fixture_text(guards, "[]");
        buf_init(&why, 4096);
        assert_null(fixture_compile_text(text, &why));
        assert_string_equal(buf_text(&why), wanted);
        buf_done(&why);
        free(text);
    }
}

static void parameters_have_a_schema(void **state)
{
    struct buf b;
    struct out o;

    (void)state;
    buf_init(&b, 65536);
    for (const struct guard_kind *k = guard_kinds; k->name != NULL; k++) {
        json_t *schema;

        buf_clear(&b);
        out_init(&o, &b);
        guard_kind_write_params(&o, k);
        schema = json_loads(buf_text(&b), JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(schema);
        assert_non_null(k->message.en);
        assert_non_null(k->message.pl);
        assert_non_null(k->message.ru);
        for (const struct param *p = k->params; p->name != NULL; p++)
            assert_non_null(json_object_get(json_object_get(schema, "properties"), p->name));
        json_decref(schema);
    }
    buf_clear(&b);
    out_init(&o, &b);
    guard_kind_write_params(&o, guard_kind_find("related_field"));
    assert_string_equal(
        buf_text(&b),
        "{\"type\":\"object\",\"properties\":{\"field\":{\"type\":\"string\",\"pattern\":"
        "\"^[a-z][a-z0-9_]*(\\\\.[a-z][a-z0-9_]*)*$\"},\"op\":{\"type\":\"string\",\"enum\":["
        "\"eq\",\"ne\",\"lt\","
        "\"lte\",\"gt\",\"gte\",\"in\",\"not_in\",\"has_any\",\"has_all\"]},\"value\":{\"oneOf\":[{"
        "\"type\":[\"string\","
        "\"number\","
        "\"boolean\"]},{\"type\":\"array\",\"items\":{\"type\":[\"string\",\"number\",\"boolean\"]}"
        ","
        "\"minItems\":1}]},\"aim\":{\"type\":[\"string\",\"number\",\"boolean\"]}},\"required\":["
        "\"field\","
        "\"value\"],\"additionalProperties\":false}");
    buf_done(&b);
    assert_null(guard_kind_find("nonesuch"));
}

/* The example of each kind compiles, for an entity that it makes sense for. */
static void examples_compile(void **state)
{
    (void)state;
    for (const struct guard_kind *k = guard_kinds; k->name != NULL; k++) {
        json_t *params = json_loads(k->example, JSON_REJECT_DUPLICATES, NULL);
        bool of_account = strcmp(k->name, "children_closed") == 0;
        json_t *doc =
            js("{'id':'v','entity':'lead','key':'k','number':1,'states':["
               "{'key':'qualified','category':'open'}],'transitions':[{'key':'c','kind':"
               "'initial','to':'qualified'},{'key':'move','to':'qualified','from_any':"
               "true,'approval':{'needed':2,'actors':[{'kind':'role','value':'manager'}]},"
               "'guards':[{'key':'g'}]}]}");
        json_t *guard = json_array_get(
            json_object_get(json_array_get(json_object_get(doc, "transitions"), 1), "guards"), 0);
        struct blueprint *b;
        struct buf why;

        assert_non_null(params);
        json_object_set_new(guard, "params", params);
        json_object_set_new(guard, "kind", json_string(k->name));
        if (of_account)
            json_object_set_new(doc, "entity", json_string("account"));
        buf_init(&why, 4096);
        b = blueprint_compile(doc, &why);
        assert_string_equal(buf_text(&why), "");
        buf_done(&why);
        blueprint_destroy(b);
        json_decref(doc);
    }
}

static void scores_need_a_score(void **state)
{
    struct buf why;

    (void)state;
    buf_init(&why, 4096);
    assert_null(fixture_compile_text(
        "{'id':'v','entity':'account','key':'k','number':1,'states':[{'key':'open','category':'"
        "open'}],"
        "'transitions':[{'key':'c','kind':'initial','to':'open','guards':[{'key':'g','kind':"
        "'score_at_least','params':{'min':5}}]}]}",
        &why));
    assert_string_equal(buf_text(&why), "/transitions/0/guards/0/params: only leads have a "
                                        "score, not a record of the kind \"account\"");
    buf_done(&why);
}

/* who may */

static void actors_are_any_of_the_rules(void **state)
{
    static const struct {
        const char *actors;
        bool allowed;
    } cases[] = {
        {"[]", true},
        {"[{'kind':'role','value':'sales'}]", true},
        {"[{'kind':'role','value':'verifier'}]", false},
        {"[{'kind':'role','value':'verifier'},{'kind':'team','value':'north'}]", true},
        {"[{'kind':'team','value':'south'}]", false},
        {"[{'kind':'user','value':'anna'}]", true},
        {"[{'kind':'user','value':'bob'}]", false},
        {"[{'kind':'field','value':'owner_id'}]", false},
        {"[{'kind':'field','value':'created_by'}]", true},
        {"[{'kind':'field','value':'industry'}]", false},
        {"[{'kind':'user','value':'carl'}]", true}, /* anna stands in for carl */
        {"[{'kind':'field','value':'assistant_id'}]", true},
        {"[{'kind':'role','value':'carl'}]", false},
    };
    json_t *facts = js("{'actor':{'kind':'user','id':'anna','roles':['sales'],'teams':['north']},"
                       "'deputy_for':['carl'],"
                       "'record':{'industry':null,'owner_id':'bob','created_by':'anna',"
                       "'assistant_id':'carl'}}");

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[2048];
        struct blueprint *b;
        struct buf why;

        (void)snprintf(
            text, sizeof(text),
            "{'id':'v','entity':'lead','key':'k','number':1,'states':[{'key':'open','category':'"
            "open'}],"
            "'transitions':[{'key':'c','kind':'initial','to':'open'},{'key':'move','to':'open',"
            "'from_any':true,'actors':%s}]}",
            cases[i].actors);
        buf_init(&why, 4096);
        b = fixture_compile_text(text, &why);
        assert_string_equal(buf_text(&why), "");
        assert_int_equal(evaluate_actor(blueprint_transition(b, "move"), facts), cases[i].allowed);
        buf_done(&why);
        blueprint_destroy(b);
    }
    json_decref(facts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_parameters_are_named),
        cmocka_unit_test(parameters_have_a_schema),
        cmocka_unit_test(examples_compile),
        cmocka_unit_test(scores_need_a_score),
        cmocka_unit_test(actors_are_any_of_the_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
