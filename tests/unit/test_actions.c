#include "blueprint_fixture.h"

/* Compiles a process whose transition has this action; returns what is wrong, "" for nothing. The
 * caller frees. */
static char *fault_of(const char *entity, const char *actions)
{
    char *text = malloc(FIXTURE_MAX), *said;
    struct blueprint *b;
    struct buf why;

    assert_true(snprintf(text, FIXTURE_MAX,
                         "{'id':'v','entity':'%s','key':'k','number':1,'states':[{'key':'open',"
                         "'category':'open'}],'transitions':[{'key':'made','kind':'initial','to':"
                         "'open'},{'key':'go','from_any':true,'to':'open','actions':%s}]}",
                         entity, actions) < FIXTURE_MAX);
    buf_init(&why, 4096);
    b = fixture_compile_text(text, &why);
    assert_true((b == NULL) == (why.len > 0));
    said = strdup(buf_text(&why));
    blueprint_destroy(b);
    buf_done(&why);
    free(text);
    return said;
}

static void actions_are_checked(void **state)
{
    static const struct {
        const char *action;
        const char *why; /* behind the pointer of the action; NULL: fine */
    } rows[] = {
        {"'kind':'set_field','params':{'field':'industry','value':'it'}", NULL},
        {"'kind':'set_field','params':{'field':'budget_confirmed','value':true}", NULL},
        {"'kind':'set_field','phase':'in_tx','params':{'field':'need','from':'nothing'}", NULL},
        {"'kind':'set_field','params':{'field':'status','value':'open'}",
         "/params/field: an action cannot set \"status\""},
        {"'kind':'set_field','params':{'field':'unqualified_reason','value':'need'}",
         "/params/field: an action cannot set \"unqualified_reason\""},
        {"'kind':'set_field','params':{'field':'industri','value':'it'}",
         "/params/field: an action cannot set \"industri\", did you mean \"industry\"?"},
        {"'kind':'set_field','params':{'field':'need'}", "/params: needs either value or from"},
        {"'kind':'set_field','params':{'field':'need','from':'later'}",
         "/params/from: \"later\" is none of now, today, actor, nothing"},
        {"'kind':'assign','params':{'to':'actor'}", NULL},
        {"'kind':'assign','params':{'user':'0190163d-0000-7000-8000-000000000001'}", NULL},
        {"'kind':'assign','params':{'user':'anna'}", "/params/user: must be a user's id"},
        {"'kind':'assign','params':{}", "/params: needs either user or to"},
        {"'kind':'tag','params':{'add':['hot']}", NULL},
        {"'kind':'tag','params':{}", "/params: needs add or remove"},
        {"'kind':'create_task','params':{'subject':'Call','due':'P2D','calendar':'office'}", NULL},
        {"'kind':'create_task','params':{'subject':'Call','due':'PT4H30M','assignee':'owner'}",
         NULL},
        {"'kind':'create_task','params':{'subject':' '}", "/params/subject: must be a text"},
        {"'kind':'create_task','params':{'subject':'Call','due':'2 days'}",
         "/params/due: must be a duration as in \"P2D\" or \"PT4H30M\""},
        {"'kind':'create_task','params':{'subject':'Call','due':'PT'}",
         "/params/due: must be a duration as in \"P2D\" or \"PT4H30M\""},
        {"'kind':'create_task','params':{'subject':'Call','calendar':'office'}",
         "/params/due: is required with a calendar"},
        {"'kind':'create_task','params':{'subject':'Call','assignee':'boss'}",
         "/params/assignee: must be owner, actor, creator or a user's id"},
        {"'kind':'close_tasks','params':{'status':'cancelled'}", NULL},
        {"'kind':'close_tasks','params':{'status':'open'}",
         "/params/status: \"open\" is none of done, cancelled"},
        {"'kind':'event','params':{'type':'told','payload':{'a':1}}", NULL},
        {"'kind':'event','phase':'outbox','params':{'type':'told'}", NULL},
        {"'kind':'event','phase':'in_tx','params':{'type':'told'}",
         "/phase: \"event\" is done through the outbox"},
        {"'kind':'tag','phase':'outbox','params':{'add':['x']}",
         "/phase: \"tag\" is done in the transaction"},
        {"'kind':'webhook','params':{}", "/kind: must be one of set_field, assign, tag, "
                                         "create_task, close_tasks, step_done, step_open, "
                                         "event"},
        {"'kind':'step_done','params':{'step':'legal_check'}", NULL},
        {"'kind':'step_open','params':{'step':'legal_check','of':'account'}", NULL},
        {"'kind':'step_done','params':{}", "/params/step: is required"},
        {"'kind':'step_done','params':{'step':'a','of':'contact'}",
         "/params/of: \"contact\" is none of this, lead, account, opportunity"},
        {"'kind':'step_done','params':{'step':'a','of':'lead'}",
         "/params/of: the record itself is \"this\""},
        {"'kind':'step_open','phase':'outbox','params':{'step':'a'}",
         "/phase: \"step_open\" is done in the transaction"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char actions[1024], wanted[1024] = "";
        char *said;

        (void)snprintf(actions, sizeof(actions), "[{'key':'a',%s}]", rows[i].action);
        if (rows[i].why != NULL)
            (void)snprintf(wanted, sizeof(wanted), "/transitions/1/actions/0%s", rows[i].why);
        said = fault_of("lead", actions);
        assert_string_equal(said, wanted);
        free(said);
    }
}

static void each_entity_has_its_fields(void **state)
{
    static const struct {
        const char *entity, *field;
        bool fine;
    } rows[] = {
        {"lead", "company", true},          {"lead", "name", false},
        {"account", "name", true},          {"account", "company", false},
        {"opportunity", "name", true},      {"opportunity", "close_date", true},
        {"opportunity", "stage", false},    {"opportunity", "account_id", false},
        {"account", "verification", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char actions[256];
        char *said;

        (void)snprintf(actions, sizeof(actions),
                       "[{'key':'a','kind':'set_field','params':{'field':'%s','value':'x'}}]",
                       rows[i].field);
        said = fault_of(rows[i].entity, actions);
        assert_int_equal(said[0] == '\0', rows[i].fine);
        free(said);
    }
}

static void keys_are_unique(void **state)
{
    char *said =
        fault_of("lead", "[{'key':'a','kind':'close_tasks'},{'key':'a','kind':'close_tasks'}]");

    (void)state;
    assert_string_equal(said, "/transitions/1/actions/1/key: a second action \"a\"");
    free(said);
}

static void criteria_are_a_tree(void **state)
{
    static const char format[] =
        "{'id':'v','entity':'lead','key':'k','number':1,'criteria':%s,'states':[{'key':'open',"
        "'category':'open'}],'transitions':[{'key':'made','kind':'initial','to':'open'}]}";
    static const struct {
        const char *criteria, *why;
    } rows[] = {
        {"null", ""},
        {"[{'key':'a','op':'any','guards':[{'key':'b','kind':'field_present','params':{'field':"
         "'need'}},{'key':'c','kind':'field_present','params':{'field':'city'}}]}]",
         ""},
        {"{}", "/criteria: must be a list"},
        {"[{'key':'a','op':'any'}]", "/criteria/0: a group without members"},
        {"[{'key':'a','kind':'field_present'}]", "/criteria/0/params/field: is required"},
        {"[7]", "/criteria/0: must be an object"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[2048];
        struct blueprint *b;
        struct buf why;

        (void)snprintf(text, sizeof(text), format, rows[i].criteria);
        buf_init(&why, 4096);
        b = fixture_compile_text(text, &why);
        assert_string_equal(buf_text(&why), rows[i].why);
        assert_int_equal(b != NULL, rows[i].why[0] == '\0');
        if (i == 1)
            assert_int_equal(b->entry.guards.children[0].nchildren, 2);
        blueprint_destroy(b);
        buf_done(&why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(actions_are_checked),
        cmocka_unit_test(each_entity_has_its_fields),
        cmocka_unit_test(keys_are_unique),
        cmocka_unit_test(criteria_are_a_tree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
