/* What the clock does in a blueprint (pauses, thresholds, transitions that happen by themselves),
 * and approvals. */
#include "blueprint_fixture.h"

/* A process whose open state and whose transition "move" have these members more. */
static struct blueprint *compile_with(const char *entity, const char *state, const char *transition,
                                      struct buf *why)
{
    char text[4096];
    struct blueprint *b;
    json_t *doc;

    (void)snprintf(text, sizeof(text),
                   "{'id':'v1','entity':'%s','key':'test','number':1,'states':["
                   "{'key':'open','category':'open'%s},{'key':'done','category':'done'}],"
                   "'transitions':[{'key':'created','kind':'initial','to':'open'},"
                   "{'key':'back','from':['done'],'to':'open'},"
                   "{'key':'move','from':['open'],'to':'done'%s}]}",
                   entity, state, transition);
    doc = js(text);
    buf_clear(why);
    b = blueprint_compile(doc, why);
    json_decref(doc);
    return b;
}

#define SLA(members) ",'sla':[{" members "}]"

static void what_the_clock_does_compiles(void **state)
{
    static const struct {
        const char *entity, *state, *transition;
    } cases[] = {
        {"lead", ",'pausing':true", ""},
        {"lead", ",'pausing':null,'sla':null", ",'auto':null"},
        {"lead", SLA("'key':'a','after':'P5D','what':'warn'"), ""},
        {"lead", SLA("'key':'a','after':'PT4H30M','calendar':null,'what':'task'"), ""},
        {"lead",
         SLA("'key':'a','after':'P1DT2H','calendar':'default','what':'escalate',"
             "'params':{'role':'manager','subject':'Look','without':'nurture_until'}"),
         ""},
        {"opportunity",
         SLA("'key':'a','after_s':60,'what':'move','params':{'transition':'move','without':"
             "'close_date'}"),
         ""},
        {"account", SLA("'key':'a','after':'PT1S','what':'warn','params':{}"), ""},
        {"lead", "", ",'approval':{'needed':2,'actors':[{'kind':'role','value':'manager'}]}"},
        {"lead", "", ",'auto':{'after':'P3D','calendar':'default'}"},
        {"lead", "", ",'auto':{'after_s':5}"},
        {"lead", "", ",'auto':{'when':true}"},
        {"lead", "", ",'auto':{'at_field':'call_back_at'}"},
    };
    struct buf why;

    (void)state;
    buf_init(&why, 4096);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct blueprint *b =
            compile_with(cases[i].entity, cases[i].state, cases[i].transition, &why);

        if (b == NULL)
            fail_msg("%zu: %s", i, buf_text(&why));
        assert_int_equal(b->states[0].pausing, i == 0);
        assert_int_equal(b->transitions[2].automatic != NULL, i >= 8);
        blueprint_destroy(b);
    }
    buf_done(&why);
}

static void what_it_cannot_do_is_refused(void **state)
{
    static const struct {
        const char *entity, *state, *transition, *why;
    } cases[] = {
        {"lead", ",'pausing':1", "", "/states/0/pausing: must be true or false"},
        {"lead", ",'pausing':true" SLA("'key':'a','after':'P5D','what':'warn'"), "",
         "/states/0/sla: time does not count in a pausing state"},
        {"lead", ",'sla':{}", "", "/states/0/sla: must be a list"},
        {"lead", SLA("'key':'A','after':'P5D','what':'warn'"), "",
         "/states/0/sla/0/key: must be a key of lower-case letters, digits and underscores"},
        {"lead", SLA("'key':'a','what':'warn'"), "",
         "/states/0/sla/0/after: is required, or after_s instead of it"},
        {"lead", SLA("'key':'a','after':'P5D','after_s':5,'what':'warn'"), "",
         "/states/0/sla/0/after: is required, or after_s instead of it"},
        {"lead", SLA("'key':'a','after_s':0,'what':'warn'"), "",
         "/states/0/sla/0/after_s: must be a number of seconds, 1 or more"},
        {"lead", SLA("'key':'a','after':'P5D','calendar':'Our own','what':'warn'"), "",
         "/states/0/sla/0/calendar: must be the key of a calendar, or null"},
        {"lead", SLA("'key':'a','after':'P5D','what':'tsk'"), "",
         "/states/0/sla/0/what: must be one of warn, escalate, task, move; did you mean \"task\"?"},
        {"lead", SLA("'key':'a','after':'P5D','what':'warn','params':{'role':'manager'}"), "",
         "/states/0/sla/0/params/role: unknown parameter; there are without"},
        {"lead", SLA("'key':'a','after':'P5D','what':'task','params':{'subject':5}"), "",
         "/states/0/sla/0/params/subject: must be a text"},
        {"account", SLA("'key':'a','after':'P5D','what':'warn','params':{'without':'name'}"), "",
         "/states/0/sla/0/params/without: \"name\" is none of "},
        {"lead", SLA("'key':'a','after':'P5D','what':'move'"), "",
         "/states/0/sla/0/params/transition: is required"},
        {"lead", SLA("'key':'a','after':'P5D','what':'move','params':{'transition':'back'}"), "",
         "/states/0/sla/0/params/transition: no transition \"back\" leaves \"open\""},
        {"lead",
         SLA("'key':'a','after':'P5D','what':'warn'},{'key':'a','after':'P6D','what':'warn'"), "",
         "/states/0/sla/1/key: a second threshold \"a\""},
        {"lead", "", ",'auto':true", "/transitions/2/auto: must be an object"},
        {"lead", "", ",'auto':{}",
         "/transitions/2/auto: needs one of after, after_s, at_field and when"},
        {"lead", "", ",'auto':{'when':true,'after':'P1D'}",
         "/transitions/2/auto: needs one of after, after_s, at_field and when"},
        {"lead", "", ",'auto':{'when':false}", "/transitions/2/auto/when: can only be true"},
        {"lead", "", ",'auto':{'at_field':'close_date'}",
         "/transitions/2/auto/at_field: must be a field that names a moment: nurture_until, "
         "call_back_at"},
        {"lead", "", ",'approval':1", "/transitions/2/approval: must be an object"},
        {"lead", "", ",'approval':{'needed':0,'actors':[{'kind':'role','value':'a'}]}",
         "/transitions/2/approval/needed: must be an integer from 1 to 20"},
        {"lead", "", ",'approval':{'needed':1}",
         "/transitions/2/approval/actors: say who may agree"},
        {"lead", "", ",'approval':{'needed':1,'actors':[{'kind':'role'}]}",
         "/transitions/2/approval/actors/0/value: is required"},
        {"lead", "", ",'auto':{'when':true},'approval':{'needed':1}",
         "/transitions/2/approval: only what somebody executes waits for approval"},
        {"lead", "", ",'kind':'convert','auto':{'when':true}",
         "/transitions/2/auto: only a manual transition may happen by itself"},
    };
    struct buf why;

    (void)state;
    buf_init(&why, 4096);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct blueprint *b =
            compile_with(cases[i].entity, cases[i].state, cases[i].transition, &why);

        if (b != NULL)
            fail_msg("%zu: compiles, wanted %s", i, cases[i].why);
        assert_string_equal(buf_text(&why), cases[i].why);
    }
    buf_done(&why);
}

static void durations_are_days_and_times(void **state)
{
    static const char *const wrong[] = {
        "",    "P",   "5D",     "PD",     "P5",  "PT",   "P5DT", "P5H",    "PT5D",        "P1W",
        "P1M", "P1Y", "PT1M1H", "PT1H1H", "p5d", "P-5D", "P5D ", "PT1.5H", "P1234567890D"};
    struct buf why;

    (void)state;
    buf_init(&why, 4096);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char sla[200];
        struct blueprint *b;

        (void)snprintf(sla, sizeof(sla), SLA("'key':'a','after':'%s','what':'warn'"), wrong[i]);
        b = compile_with("lead", sla, "", &why);
        if (b != NULL)
            fail_msg("\"%s\" compiles", wrong[i]);
        assert_non_null(strstr(buf_text(&why), "must be a duration"));
    }
    buf_done(&why);
}

/* What happens by itself belongs to the timer, which no actor rule keeps out. */
static void the_timer_may_and_people_may_not(void **state)
{
    static const struct {
        const char *transition, *actor;
        bool allowed;
    } cases[] = {
        {",'auto':{'when':true}", "{'actor':{'kind':'timer','roles':[],'teams':[]}}", true},
        {",'auto':{'when':true}", "{'actor':{'kind':'user','id':'u','roles':['admin']}}", false},
        {",'actors':[{'kind':'role','value':'admin'}]", "{'actor':{'kind':'timer','roles':[]}}",
         true},
        {"", "{'actor':{'kind':'user','id':'u','roles':[]}}", true},
    };
    struct buf why;

    (void)state;
    buf_init(&why, 4096);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct blueprint *b = compile_with("lead", "", cases[i].transition, &why);
        json_t *facts = js(cases[i].actor);

        assert_non_null(b);
        assert_int_equal(evaluate_actor(blueprint_transition(b, "move"), facts), cases[i].allowed);
        json_decref(facts);
        blueprint_destroy(b);
    }
    buf_done(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_clock_does_compiles),
        cmocka_unit_test(what_it_cannot_do_is_refused),
        cmocka_unit_test(durations_are_days_and_times),
        cmocka_unit_test(the_timer_may_and_people_may_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
