#include "blueprint_fixture.h"

#include "base/err.h"
#include "json/schema.h"

/* what comes with the request, laid over the facts */

static const struct {
    const char *facts, *inputs, *all;
} overlays[] = {
    {"{}", "null", "{}"},
    {"{'record':{'a':1}}", "{}", "{'record':{'a':1}}"},
    {"null", "{'fields':{'a':1}}", "{'record':{'a':1}}"},
    {"{'record':{'a':1,'b':2},'now':'x'}", "{'fields':{'b':null,'c':{'d':3}}}",
     "{'record':{'a':1,'b':null,'c':{'d':3}},'now':'x'}"},
    {"{'activities':[{'kind':'call','at':'t'}]}",
     "{'activities':[{'kind':'demo','subject':'s'},{'kind':'visit','occurred_at':'t'}]}",
     "{'activities':[{'kind':'call','at':'t'},{'kind':'demo','subject':'s','pointer':'/activities/"
     "0'},"
     "{'kind':'visit','occurred_at':'t','pointer':'/activities/1'}]}"},
    {"{}", "{'tasks':[{'subject':'s'}]}", "{'tasks':[{'subject':'s','pointer':'/tasks/0'}]}"},
    /* nobody can bring a past along, or another pointer */
    {"{}", "{'activities':[{'kind':'call','at':'t','created_at':'t','pointer':'/x'}]}",
     "{'activities':[{'kind':'call','pointer':'/activities/0'}]}"},
    {"{'checklist':[]}", "{'checklist':['a'],'note':'n','more':1}",
     "{'checklist':['a'],'note':'n'}"},
    /* custom fields change one by one, and each has changed by its own name */
    {"{'record':{'a':1,'custom':{'x':1,'y':2}},'changed_since_entry':[]}",
     "{'fields':{'custom':{'y':3,'z':null}}}",
     "{'record':{'a':1,'custom':{'x':1,'y':3,'z':null}},'changed_since_entry':['custom.y']}"},
    {"{'record':{'custom':{'x':1}}}", "{'fields':{'custom':7}}", "{'record':{'custom':{'x':1}}}"},
    {"{}", "{'fields':{'custom':{'x':1}}}", "{'record':{'custom':{'x':1}}}"},
    {"{'record':7,'activities':7}", "{'fields':[],'activities':[7]}",
     "{'record':7,'activities':[{'pointer':'/activities/0'}]}"},
};

static void inputs_are_laid_over_facts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(overlays); i++) {
        json_t *facts = js(overlays[i].facts), *before = json_deep_copy(facts);
        json_t *inputs = js(overlays[i].inputs), *wanted = js(overlays[i].all);
        json_t *all = facts_with_inputs(facts, json_is_null(inputs) ? NULL : inputs);

        if (!json_equal(all, wanted))
            fail_msg("%s with %s: %s", overlays[i].facts, overlays[i].inputs,
                     json_dumps(all, JSON_COMPACT));
        assert_true(json_equal(facts, before));
        json_decref(all);
        json_decref(wanted);
        json_decref(inputs);
        json_decref(before);
        json_decref(facts);
    }
}

/* what the transition collects */

static const struct schema text_schema = {.kind = SCHEMA_STRING, .max_length = 10};
static const struct schema date_schema = {.kind = SCHEMA_STRING, .format = FORMAT_DATE};
static const struct schema money_member = {.kind = SCHEMA_STRING, .format = FORMAT_DECIMAL};
static const struct schema_member money_members[] = {
    {.name = "amount", .schema = &money_member, .required = true},
    {.name = "currency", .schema = &text_schema, .required = true},
    {.name = NULL},
};
static const struct schema money_schema = {.kind = SCHEMA_OBJECT, .members = money_members};
static const struct schema_member record_members[] = {
    {.name = "industry", .schema = &text_schema},
    {.name = "nurture_until", .schema = &date_schema},
    {.name = "amount", .schema = &money_schema},
    {.name = "unqualified_reason", .schema = &text_schema},
    {.name = NULL},
};
static const struct schema record_schema = {.kind = SCHEMA_OBJECT, .members = record_members};

#define INDUSTRY "{'key':'industry','kind':'field','params':{'field':'industry'}}"
#define INDUSTRY_REQUIRED                                                                          \
    "{'key':'industry','kind':'field','required':true,'params':{'field':'industry'}}"
#define UNTIL "{'key':'until','kind':'field','params':{'field':'nurture_until'}}"
#define AMOUNT_REQUIRED                                                                            \
    "{'key':'amount','kind':'field','required':true,'params':{'field':'amount'}}"
#define REASON                                                                                     \
    "{'key':'reason','kind':'field','required':true,'params':{'field':'unqualified_reason',"       \
    "'choices':['need','authority','ability']}}"
#define NOTE_REQUIRED "{'key':'note','kind':'note','required':true}"
#define PAPERS_REQUIRED                                                                            \
    "{'key':'papers','kind':'checklist','required':true,'params':{'item':'papers'}}"
#define STAMPS "{'key':'stamps','kind':'checklist','params':{'item':'stamps'}}"
#define CALL_REQUIRED "{'key':'call','kind':'activity','required':true,'params':{'kind':'call'}}"
#define ACTIVITY_REQUIRED "{'key':'any','kind':'activity','required':true}"
#define TASK_REQUIRED "{'key':'task','kind':'task','required':true}"

#define SEATS "{'key':'seats','kind':'field','required':true,'params':{'field':'custom.seats'}}"
#define DEFINITIONS                                                                                \
    "'custom_fields':[{'key':'seats','type':'integer','minimum':1},{'key':'tier','type':"          \
    "'choice','choices':['gold','silver']},{'key':'price','type':'decimal'}]"

#define NEEDS_INDUSTRY "{'key':'g','kind':'field_present','params':{'field':'industry'}}"
#define NEEDS_AMOUNT                                                                               \
    "{'key':'g','kind':'field_compare','params':{'field':'amount.amount','op':'gt','value':0}}"
#define NEEDS_CALL                                                                                 \
    "{'key':'g','kind':'related_count','params':{'of':'activity','kind':'call',"                   \
    "'has_subject':true}}"
#define NEEDS_MEETING                                                                              \
    "{'key':'g','kind':'related_count','params':{'of':'activity','kind':'meeting'}}"

/* facts: what is laid over {state_entered_at ...}; faults: "pointer code" each, separated by commas
 */
static const struct input_case {
    const char *inputs, *guards, *facts, *request, *faults;
} input_cases[] = {
    /* what it does not collect */
    {"[" INDUSTRY "]", "[]", "{}", "{'fields':{'industry':'it'}}", ""},
    {"[" INDUSTRY "]", "[]", "{}", "{}", ""},
    {"[" INDUSTRY "]", "[]", "{}", "null", ""},
    {"[" INDUSTRY "]", "[]", "{}", "{'fields':{'industri':'it','status':'won'}}",
     "/fields/industri unknown, /fields/status governed_field"},
    {"[]", "[]", "{}", "{'fields':{'a/b~c':1}}", "/fields/a~1b~0c unknown"},
    {"[]", "[]", "{}",
     "{'activities':[{'kind':'call'}],'tasks':[{'subject':'x'}],'note':'why not'}", ""},
    {"[" PAPERS_REQUIRED "]", "[]", "{}", "{'checklist':['papers','stamps']}",
     "/checklist/1 unknown"},
    {"[]", "[]", "{}", "{'fields':[1],'checklist':{'a':1},'activities':'x','tasks':7}", ""},
    {"[" PAPERS_REQUIRED "]", "[]", "{}", "{'checklist':[7,null,{},'papers']}", ""},
    /* custom fields */
    {"[" SEATS ",{'key':'t','kind':'field','params':{'field':'custom.tier','choices':['gold']}}]",
     "[]", "{" DEFINITIONS "}",
     "{'fields':{'custom':{'seats':'7','tier':'silver','price':'1','a/b':1}}}",
     "/fields/custom/seats type, /fields/custom/tier enum, /fields/custom/price unknown, "
     "/fields/custom/a~1b unknown"},
    {"[" SEATS "]", "[]", "{" DEFINITIONS "}", "{'fields':{'custom':{'seats':0}}}",
     "/fields/custom/seats range"},
    {"[" SEATS "]", "[]", "{" DEFINITIONS "}", "{'fields':{'custom':{'seats':7}}}", ""},
    {"[" SEATS "]", "[]", "{" DEFINITIONS "}", "{}", "/fields/custom/seats required"},
    {"[" SEATS "]", "[]", "{" DEFINITIONS ",'record':{'custom':{'seats':7}}}", "{}", ""},
    {"[" SEATS "]", "[]", "{" DEFINITIONS ",'record':{'custom':{'seats':7}}}",
     "{'fields':{'custom':{'seats':null}}}", "/fields/custom/seats required"},
    {"[" SEATS "]", "[]", "{" DEFINITIONS "}", "{'fields':{'custom':[7]}}",
     "/fields/custom type, /fields/custom/seats required"},
    {"[" SEATS "]", "[]", "{'custom_fields':[]}", "{'fields':{'custom':{'seats':7}}}",
     "/fields/custom/seats unknown"},
    /* values */
    {"[" UNTIL "]", "[]", "{}", "{'fields':{'nurture_until':'2026-02-30'}}",
     "/fields/nurture_until format"},
    {"[" UNTIL "]", "[]", "{}", "{'fields':{'nurture_until':7}}", "/fields/nurture_until type"},
    {"[" UNTIL "]", "[]", "{}", "{'fields':{'nurture_until':null}}", ""},
    {"[" AMOUNT_REQUIRED "]", "[]", "{}", "{'fields':{'amount':{'amount':'x','currency':'PLN'}}}",
     "/fields/amount/amount format"},
    {"[" REASON "]", "[]", "{}", "{'fields':{'unqualified_reason':'need'}}", ""},
    {"[" REASON "]", "[]", "{}", "{'fields':{'unqualified_reason':'mood'}}",
     "/fields/unqualified_reason enum"},
    {"[" REASON "]", "[]", "{}", "{'fields':{'unqualified_reason':1}}",
     "/fields/unqualified_reason enum"},
    {"[" REASON "]", "[]", "{}", "{'fields':{'unqualified_reason':null}}",
     "/fields/unqualified_reason required"},
    /* required fields: in the request, or on the record already */
    {"[" INDUSTRY_REQUIRED "]", "[]", "{}", "null", "/fields/industry required"},
    {"[" INDUSTRY_REQUIRED "]", "[]", "{'record':{'industry':null}}", "{}",
     "/fields/industry required"},
    {"[" INDUSTRY_REQUIRED "]", "[]", "{'record':{'industry':'it'}}", "{}", ""},
    {"[" INDUSTRY_REQUIRED "]", "[]", "{'record':{'industry':'it'}}",
     "{'fields':{'industry':null}}", "/fields/industry required"},
    {"[" INDUSTRY_REQUIRED "]", "[]", "{}", "{'fields':{'industry':' '}}",
     "/fields/industry required"},
    {"[" AMOUNT_REQUIRED "," INDUSTRY_REQUIRED "," NOTE_REQUIRED "]", "[]", "{}", "{}",
     "/fields/amount required, /fields/industry required, /note required"},
    /* the guard says it better */
    {"[" INDUSTRY_REQUIRED "]", "[" NEEDS_INDUSTRY "]", "{}", "{}", ""},
    {"[" INDUSTRY_REQUIRED "," NOTE_REQUIRED "]", "[" NEEDS_INDUSTRY "]", "{}", "{}",
     "/note required"},
    {"[" AMOUNT_REQUIRED "]", "[" NEEDS_AMOUNT "]", "{}", "{}", ""},
    {"[" CALL_REQUIRED "]", "[" NEEDS_CALL "]", "{}", "{}", ""},
    {"[" CALL_REQUIRED "]", "[" NEEDS_CALL "]", "{}", "{'activities':[{'kind':'call'}]}", ""},
    {"[" CALL_REQUIRED "]", "[" NEEDS_MEETING "]", "{}", "{}", "/activities required"},
    {"[" ACTIVITY_REQUIRED "]", "[" NEEDS_MEETING "]", "{}", "{}", ""},
    {"[" INDUSTRY_REQUIRED "]",
     "[{'key':'o','op':'any'},{'key':'g','kind':'field_present','params':{'field':'industry'},"
     "'parent':'o'}]",
     "{}", "{}", "/fields/industry required"},
    {"[" INDUSTRY_REQUIRED "]",
     "[{'key':'o','op':'all'},{'key':'g','kind':'field_present','params':{'field':'industry'},"
     "'parent':'o'}]",
     "{}", "{}", ""},
    /* the rest */
    {"[" NOTE_REQUIRED "]", "[]", "{}", "{'note':''}", "/note required"},
    {"[" NOTE_REQUIRED "]", "[]", "{}", "{'note':'since they asked'}", ""},
    {"[" PAPERS_REQUIRED "," STAMPS "]", "[]", "{}", "{}", "/checklist required"},
    {"[" PAPERS_REQUIRED "," STAMPS "]", "[]", "{}", "{'checklist':['stamps']}",
     "/checklist required"},
    {"[" PAPERS_REQUIRED "," STAMPS "]", "[]", "{}", "{'checklist':['papers']}", ""},
    {"[" PAPERS_REQUIRED "]", "[]", "{}", "{'checklist':[{'item':'papers','done':true}]}", ""},
    {"[" PAPERS_REQUIRED "]", "[]", "{}", "{'checklist':[{'item':'papers','done':false}]}",
     "/checklist required"},
    {"[" CALL_REQUIRED "]", "[]", "{}", "{}", "/activities required"},
    {"[" CALL_REQUIRED "]", "[]", "{}", "{'activities':[{'kind':'demo'}]}", "/activities required"},
    {"[" CALL_REQUIRED "]", "[]", "{}", "{'activities':[{'kind':'demo'},{'kind':'call'}]}", ""},
    {"[" CALL_REQUIRED "]", "[]", "{'activities':[{'kind':'call','at':'2026-11-21T00:00:00Z'}]}",
     "{}", ""},
    {"[" CALL_REQUIRED "]", "[]", "{'activities':[{'kind':'call','at':'2026-11-19T00:00:00Z'}]}",
     "{}", "/activities required"},
    {"[" TASK_REQUIRED "]", "[]", "{}", "{}", "/tasks required"},
    {"[" TASK_REQUIRED "]", "[]", "{}", "{'tasks':[{'subject':'call them'}]}", ""},
};

static void faults_of(const struct err *e, struct buf *b)
{
    for (const struct fault *f = e->faults; f != NULL; f = f->next) {
        assert_string_equal(f->in, "body");
        assert_non_null(f->detail);
        buf_printf(b, "%s%s %s", f == e->faults ? "" : ", ", f->pointer, f->code);
    }
}

static void run_input_case(const struct input_case *c)
{
    struct blueprint *b = fixture_compile(c->guards, c->inputs);
    const struct transition *t = blueprint_transition(b, "move");
    json_t *facts = js(c->facts), *request = js(c->request), *all;
    struct buf faults;
    struct arena a;
    struct err e;
    bool fine;

    b->fields = &record_schema;
    json_object_set_new(facts, "state_entered_at", json_string("2026-11-20T00:00:00Z"));
    all = facts_with_inputs(facts, request);
    arena_init(&a, 1 << 20);
    err_init(&e, &a);
    buf_init(&faults, 4096);
    fine = inputs_check(b, t, all, request, evaluate(t, all, &a), &e);
    faults_of(&e, &faults);
    if (strcmp(buf_text(&faults), c->faults) != 0)
        fail_msg("%s %s %s: %s, not %s", c->inputs, c->facts, c->request, buf_text(&faults),
                 c->faults);
    assert_int_equal(fine, c->faults[0] == '\0');
    assert_int_equal(e.code, fine                                          ? ERR_NONE
                             : strstr(c->faults, "governed_field") != NULL ? ERR_GOVERNED
                                                                           : ERR_INVALID);
    buf_done(&faults);
    arena_done(&a);
    json_decref(all);
    json_decref(request);
    json_decref(facts);
    blueprint_destroy(b);
}

static void requests_are_held_to_the_inputs(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(input_cases); i++)
        run_input_case(&input_cases[i]);
}

static void faults_help(void **state)
{
    struct blueprint *b = fixture_compile("[]", "[" INDUSTRY "," REASON "," PAPERS_REQUIRED "]");
    const struct transition *t = blueprint_transition(b, "move");
    json_t *request =
        js("{'fields':{'industri':'it','unqualified_reason':'mood'},'checklist':['paper']}");
    const struct fault *f;
    struct arena a;
    struct err e;

    (void)state;
    arena_init(&a, 1 << 20);
    err_init(&e, &a);
    assert_false(inputs_check(b, t, NULL, request, NULL, &e));
    assert_int_equal(e.nfaults, 4);
    f = e.faults;
    assert_string_equal(f->detail, "the transition \"move\" does not collect this field");
    assert_string_equal(f->hint, "did you mean \"industry\"?");
    assert_string_equal(f->allowed, "[\"industry\",\"unqualified_reason\"]");
    f = f->next;
    assert_string_equal(f->got, "\"mood\"");
    assert_string_equal(f->allowed, "[\"need\",\"authority\",\"ability\"]");
    f = f->next;
    assert_string_equal(f->pointer, "/checklist/0");
    assert_string_equal(f->detail, "the transition \"move\" does not collect this item");
    assert_string_equal(f->hint, "did you mean \"papers\"?");
    assert_string_equal(f->allowed, "[\"papers\"]");
    f = f->next;
    assert_string_equal(f->detail, "the transition \"move\" needs \"papers\" ticked");
    arena_done(&a);
    json_decref(request);
    blueprint_destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inputs_are_laid_over_facts),
        cmocka_unit_test(requests_are_held_to_the_inputs),
        cmocka_unit_test(faults_help),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
