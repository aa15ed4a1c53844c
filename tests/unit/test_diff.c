#include "blueprint_fixture.h"

#include "blueprint/diff.h"
#include "blueprint/document.h"

#define HEAD "'entity':'lead','key':'k','number':1,'label':{'en':'L'},"
#define STATES                                                                                     \
    "'states':[{'key':'open','category':'open','label':{'en':'Open'}},"                            \
    "{'key':'done','category':'done'}],"
#define MOVE "{'key':'move','from':['open'],'to':'done'}"
#define INITIAL "{'key':'created','kind':'initial','to':'open'}"
#define BASE "{" HEAD STATES "'transitions':[" INITIAL "," MOVE "]}"

static json_t *canonical(const char *text)
{
    json_t *doc = js(text), *form = document_canonical(doc);

    json_decref(doc);
    return form;
}

/* The sentences, one a line. */
static char *sentences(const char *from, const char *to)
{
    json_t *a = from != NULL ? canonical(from) : NULL, *b = canonical(to);
    json_t *diff = blueprint_diff(a, b), *row;
    struct buf said;
    size_t i;

    buf_init(&said, 1 << 16);
    json_array_foreach (diff, i, row)
        buf_printf(&said, "%s%s: %s", i > 0 ? "\n" : "",
                   json_string_value(json_object_get(row, "op")),
                   json_string_value(json_object_get(row, "sentence")));
    json_decref(diff);
    json_decref(a);
    json_decref(b);
    if (said.len == 0)
        buf_puts(&said, "");
    return said.text != NULL ? buf_take(&said, NULL) : strdup("");
}

static void what_means_the_same_is_the_same(void **state)
{
    static const char *const same[] = {
        "{'transitions':[{'kind':'initial','key':'created','to':'open','from':null},"
        "{'to':'done','from':['open','open'],'kind':'manual','key':'move','guards':[],'inputs':[],"
        "'actors':[],'except':null,'label':{}}]," STATES
        "'priority':0,'note':null,'number':7,'label':{'pl':null,'en':'L'},'key':'k','entity':'lead'"
        "}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(same); i++) {
        char *said = sentences(BASE, same[i]);

        assert_string_equal(said, "");
        free(said);
    }
}

static void sets_stand_in_the_order_of_states(void **state)
{
    json_t *doc =
        canonical("{" STATES "'transitions':[{'key':'x','from':['done','open'],'to':'open'},"
                  "{'key':'y','from':'any','except':['done','gone','open'],'to':'open'}]}");
    char *text = json_dumps(json_object_get(doc, "transitions"), JSON_COMPACT);

    (void)state;
    single_quotes(text);
    assert_string_equal(text,
                        "[{'key':'x','from':['open','done'],'to':'open'},"
                        "{'key':'y','from':'any','except':['open','done','gone'],'to':'open'}]");
    free(text);
    json_decref(doc);
}

static void members_stand_in_their_order(void **state)
{
    json_t *doc = canonical(
        "{'zeta':1,'transitions':[{'guards':[{'params':{'min':1,'kind':'call','of':'activity'},"
        "'kind':'related_count','key':'g','message':{'ru':'r','en':'e'}}],'to':'a','key':'t',"
        "'more':{'b':1,'a':null}}],'alpha':[{'y':1,'x':2}],'key':'k'}");
    char *text = json_dumps(doc, JSON_COMPACT);

    (void)state;
    single_quotes(text);
    assert_string_equal(
        text, "{'key':'k','transitions':[{'key':'t','to':'a','guards':[{'key':'g',"
              "'kind':'related_count','params':{'of':'activity','kind':'call','min':1},"
              "'message':{'en':'e','ru':'r'}}],'more':{'b':1}}],'alpha':[{'x':2,'y':1}],'zeta':1}");
    free(text);
    json_decref(doc);
}

#define GUARDED(guards)                                                                            \
    "{" HEAD STATES "'transitions':[" INITIAL                                                      \
    ",{'key':'move','from':['open'],'to':'done','guards':[" guards "]}]}"
#define FILLED "{'key':'filled','kind':'field_present','params':{'field':'industry'}}"
#define CALL(min)                                                                                  \
    "{'key':'call','kind':'related_count','params':{'of':'activity','kind':'call','min':" min "}}"

static void differences_are_told(void **state)
{
    static const struct {
        const char *from, *to, *said;
    } cases[] = {
        {BASE, GUARDED(FILLED), "add: guard `filled` added to `move`"},
        {GUARDED(FILLED), BASE, "remove: guard `filled` removed from `move`"},
        {GUARDED(CALL("1")), GUARDED(CALL("2")),
         "change: `min` of guard `call` of `move` changed from 1 to 2"},
        {GUARDED(FILLED "," CALL("1")), GUARDED(CALL("1") "," FILLED),
         "move: the order of `guards` of transition `move` changed to [\"call\", \"filled\"]"},
        {GUARDED("{'key':'g','op':'all','guards':[" FILLED "]}"),
         GUARDED("{'key':'g','op':'any','guards':[" FILLED "," CALL("1") "]}"),
         "change: `op` of guard `g` of `move` changed from \"all\" to \"any\"\n"
         "add: guard `call` added to group `g` of `move`"},
        {BASE,
         "{" HEAD
         "'states':[{'key':'open','category':'open','label':{'en':'Opened','pl':'Otwarty'}},"
         "{'key':'done','category':'won','probability':0},{'key':'wait','category':'postponed'}],"
         "'transitions':[" INITIAL ",{'key':'move','from':'any','except':['done'],'to':'done'}]}",
         "change: `label/en` of state `open` changed from \"Open\" to \"Opened\"\n"
         "add: `label/pl` of state `open` set to \"Otwarty\"\n"
         "change: `category` of state `done` changed from \"done\" to \"won\"\n"
         "add: `probability` of state `done` set to 0\n"
         "add: state `wait` added\n"
         "change: `from` of transition `move` changed from [\"open\"] to \"any\"\n"
         "add: `except` of transition `move` set to [\"done\"]"},
        {BASE, "{" HEAD STATES "'priority':5,'transitions':[" INITIAL "]}",
         "add: `priority` of the process set to 5\nremove: transition `move` removed"},
        {BASE,
         "{" HEAD STATES "'transitions':[" INITIAL
         ",{'key':'move','from':['open'],'to':'done','actors':[{'kind':'role','value':'sales'}],"
         "'inputs':[{'key':'why','kind':'note','required':true}],'other':1}]}",
         "add: `actors` of transition `move` set to [{\"kind\": \"role\", \"value\": \"sales\"}]\n"
         "add: input `why` added to `move`\n"
         "add: `other` of transition `move` set to 1"},
        {"{'states':[{'key':'a','category':'open','sla':[{'key':'s','after_s':60,'since':'entry','"
         "what':'warn'}]}]"
         "}",
         "{'states':[{'key':'a','category':'open','pausing':false,'sla':[{'key':'s','after':'PT60S'"
         ","
         "'what':'task','params':{'role':'sales'}}]}],'transitions':[]}",
         "change: `what` of threshold `s` of `a` changed from \"warn\" to \"task\"\n"
         "add: `role` of threshold `s` of `a` set to \"sales\""},
        {NULL, "{'entity':'lead','states':[{'key':'a','category':'open'}]}",
         "add: `entity` of the process set to \"lead\"\nadd: state `a` added"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *said = sentences(cases[i].from, cases[i].to);

        assert_string_equal(said, cases[i].said);
        free(said);
    }
}

static void programs_read_paths(void **state)
{
    json_t *a = canonical(GUARDED("{'key':'g','op':'all','guards':[" CALL("1") "]}"));
    json_t *b = canonical(GUARDED("{'key':'g','op':'all','guards':[" CALL("2") "]}"));
    json_t *diff = blueprint_diff(a, b), *changes = diff_changes(diff);
    char *text = json_dumps(changes, JSON_COMPACT), *row = json_dumps(diff, JSON_COMPACT);

    (void)state;
    single_quotes(text);
    single_quotes(row);
    assert_string_equal(text,
                        "{'transitions/move/guards/g/guards/call/params/min':{'old':1,'new':2}}");
    assert_string_equal(row, "[{'op':'change','element':'guard','path':'transitions/move/guards/g/"
                             "guards/call/params/min','from':1,'to':2,'sentence':'`min` of guard "
                             "`call` of `move` changed from 1 to 2'}]");
    free(text);
    free(row);
    json_decref(diff);
    json_decref(changes);
    json_decref(a);
    json_decref(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_means_the_same_is_the_same),
        cmocka_unit_test(sets_stand_in_the_order_of_states),
        cmocka_unit_test(members_stand_in_their_order),
        cmocka_unit_test(differences_are_told),
        cmocka_unit_test(programs_read_paths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
