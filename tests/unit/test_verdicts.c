#include "blueprint_fixture.h"

/* (A AND (B OR C)) AND NOT D */
static const char FORMULA[] =
    "[{'key':'left','op':'all','position':1},"
    "{'key':'a','kind':'field_present','params':{'field':'a'},'parent':'left','position':1},"
    "{'key':'b_or_c','op':'any','parent':'left','position':2},"
    "{'key':'b','kind':'field_present','params':{'field':'b'},'parent':'b_or_c','position':1},"
    "{'key':'c','kind':'field_present','params':{'field':'c'},'parent':'b_or_c','position':2},"
    "{'key':'not_d','op':'none','position':2},"
    "{'key':'d','kind':'field_present','params':{'field':'d'},'parent':'not_d'}]";

#define LEAF_TEXT(key, observed)                                                                   \
    "{'guard':'" key "','kind':'field_present','path':'" key "','pointer':null,"                   \
    "'message':'Fill in the field \\'" key "\\'.','observed':" observed ",'expected':'a value'}"
#define A_FAILS LEAF_TEXT("a", "null")
#define B_OR_C_FAILS                                                                               \
    "{'guard':'b_or_c','kind':'group','op':'any','path':null,'pointer':null,"                      \
    "'message':'At least one of these conditions must "                                            \
    "hold.','observed':0,'expected':{'min':1},'branches':[" LEAF_TEXT("b", "null") "," LEAF_TEXT(  \
        "c", "null") "]}"
#define D_HOLDS                                                                                    \
    "{'guard':'not_d','kind':'group','op':'none','path':null,'pointer':null,"                      \
    "'message':'None of these conditions may "                                                     \
    "hold.','observed':1,'expected':{'max':0},'branches':[" LEAF_TEXT("d", "'yes'") "]}"

struct truth {
    bool a, b, c, d;
    const char *failures;
};

static const struct truth truths[] = {
    {false, false, false, false, "[" A_FAILS "," B_OR_C_FAILS "]"},
    {false, false, false, true, "[" A_FAILS "," B_OR_C_FAILS "," D_HOLDS "]"},
    {false, false, true, false, "[" A_FAILS "]"},
    {false, false, true, true, "[" A_FAILS "," D_HOLDS "]"},
    {false, true, false, false, "[" A_FAILS "]"},
    {false, true, false, true, "[" A_FAILS "," D_HOLDS "]"},
    {false, true, true, false, "[" A_FAILS "]"},
    {false, true, true, true, "[" A_FAILS "," D_HOLDS "]"},
    {true, false, false, false, "[" B_OR_C_FAILS "]"},
    {true, false, false, true, "[" B_OR_C_FAILS "," D_HOLDS "]"},
    {true, false, true, false, "[]"},
    {true, false, true, true, "[" D_HOLDS "]"},
    {true, true, false, false, "[]"},
    {true, true, false, true, "[" D_HOLDS "]"},
    {true, true, true, false, "[]"},
    {true, true, true, true, "[" D_HOLDS "]"},
};

static char *failures_of(const struct blueprint *b, json_t *facts, const char *language,
                         bool *passed)
{
    const struct verdict *root;
    struct arena a;
    char *text;

    arena_init(&a, 1 << 20);
    root = evaluate(blueprint_transition(b, "move"), facts, &a);
    assert_non_null(root);
    *passed = root->passed;
    text = fixture_failures(root, language);
    arena_done(&a);
    return text;
}

static void all_sixteen_truths_of_the_formula(void **state)
{
    struct blueprint *b = fixture_compile(FORMULA, "[]");

    (void)state;
    for (size_t i = 0; i < COUNT(truths); i++) {
        const struct truth *t = &truths[i];
        bool passed;
        json_t *facts =
            json_pack("{s:{s:s?,s:s?,s:s?,s:s?}}", "record", "a", t->a ? "yes" : NULL, "b",
                      t->b ? "yes" : NULL, "c", t->c ? "yes" : NULL, "d", t->d ? "yes" : NULL);
        char *text = failures_of(b, facts, "en", &passed);

        assert_int_equal(i, (size_t)(8 * t->a + 4 * t->b + 2 * t->c + t->d));
        assert_int_equal(passed, (t->a && (t->b || t->c)) && !t->d);
        assert_string_equal(text, t->failures);
        free(text);
        json_decref(facts);
    }
    blueprint_destroy(b);
}

struct group_case {
    const char *guards;
    const char *record;
    const char *names; /* of the failures, with branches in brackets */
};

/* "a b(c d)" from the failures' JSON. */
static void names_of(const json_t *list, struct buf *b)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *failure = json_array_get(list, i),
                     *branches = json_object_get(failure, "branches");

        buf_printf(b, "%s%s", i > 0 ? " " : "",
                   json_string_value(json_object_get(failure, "guard")));
        if (branches == NULL)
            continue;
        buf_putc(b, '(');
        names_of(branches, b);
        buf_putc(b, ')');
    }
}

#define LEAF(key, parent)                                                                          \
    "{'key':'" key "','kind':'field_present','params':{'field':'" key "'},'parent':" parent "}"
#define GROUP(key, op, parent) "{'key':'" key "','op':'" op "','parent':" parent "}"

static const struct group_case group_cases[] = {
    /* and: every missing part, in order */
    {"[" LEAF("a", "null") "," LEAF("b", "null") "]", "{}", "a b"},
    {"[" LEAF("a", "null") "," LEAF("b", "null") "]", "{'b':1}", "a"},
    {"[" LEAF("a", "null") "," LEAF("b", "null") "]", "{'a':1,'b':1}", ""},
    {"[" GROUP("g", "all", "null") "," GROUP("h", "all",
                                             "'g'") "," LEAF("a", "'h'") "," LEAF("b", "'g'") "]",
     "{}", "a b"},
    /* or: one failure that lists the branches */
    {"[" GROUP("g", "any", "null") "," LEAF("a", "'g'") "," LEAF("b", "'g'") "]", "{}", "g(a b)"},
    {"[" GROUP("g", "any", "null") "," LEAF("a", "'g'") "," LEAF("b", "'g'") "]", "{'b':1}", ""},
    /* or over and: of a branch only what is missing */
    {"[" GROUP("g", "any", "null") "," GROUP("h", "all", "'g'") "," LEAF("a", "'h'") "," LEAF(
         "b", "'h'") "," LEAF("c", "'g'") "]",
     "{'a':1}", "g(h(b) c)"},
    /* none: those that hold */
    {"[" GROUP("g", "none", "null") "," LEAF("a", "'g'") "," LEAF("b", "'g'") "," LEAF("c",
                                                                                       "'g'") "]",
     "{'a':1,'c':1}", "g(a c)"},
    {"[" GROUP("g", "none", "null") "," LEAF("a", "'g'") "," LEAF("b", "'g'") "]", "{}", ""},
    /* none over and, or, none */
    {"[" GROUP("g", "none", "null") "," GROUP("h", "all",
                                              "'g'") "," LEAF("a", "'h'") "," LEAF("b", "'h'") "]",
     "{'a':1,'b':1}", "g(h(a b))"},
    {"[" GROUP("g", "none", "null") "," GROUP("h", "all",
                                              "'g'") "," LEAF("a", "'h'") "," LEAF("b", "'h'") "]",
     "{'a':1}", ""},
    {"[" GROUP("g", "none", "null") "," GROUP("h", "any",
                                              "'g'") "," LEAF("a", "'h'") "," LEAF("b", "'h'") "]",
     "{'a':1}", "g(h(a))"},
    {"[" GROUP("g", "none", "null") "," GROUP("h", "none",
                                              "'g'") "," LEAF("a", "'h'") "," LEAF("b", "'h'") "]",
     "{}", "g(h(a b))"},
    {"[" GROUP("g", "none", "null") "," GROUP("h", "none",
                                              "'g'") "," LEAF("a", "'h'") "," LEAF("b", "'h'") "]",
     "{'b':1}", ""},
    /* any over none */
    {"[" GROUP("g", "any", "null") "," GROUP("h", "none",
                                             "'g'") "," LEAF("a", "'h'") "," LEAF("b", "'g'") "]",
     "{'a':1}", "g(h(a) b)"},
};

static void failures_name_what_is_to_be_mended(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(group_cases); i++) {
        struct blueprint *b = fixture_compile(group_cases[i].guards, "[]");
        json_t *record = js(group_cases[i].record), *facts = json_pack("{s:o}", "record", record),
               *list;
        bool passed;
        char *text = failures_of(b, facts, "en", &passed);
        struct buf names;

        /* messages quote field names, which would end strings here */
        for (char *p = text; *p != '\0'; p++)
            if (*p == '\\')
                p[0] = p[1] = '_';
        list = js(text);
        buf_init(&names, 4096);
        names_of(list, &names);
        assert_string_equal(buf_text(&names), group_cases[i].names);
        assert_int_equal(passed, group_cases[i].names[0] == '\0');
        buf_done(&names);
        json_decref(list);
        json_decref(facts);
        free(text);
        blueprint_destroy(b);
    }
}

static void branches_with_one_pointer_share_it(void **state)
{
    struct blueprint *b =
        fixture_compile("[{'key':'talked','op':'any','message':{'en':'Talk to "
                        "them','pl':'Porozmawiaj z klientem'}},"
                        "{'key':'met','kind':'related_count','params':{'of':'activity','kind':'"
                        "meeting'},'parent':'talked',"
                        "'message':{'pl':'Spotkanie'}},"
                        "{'key':'called','kind':'related_count','params':{'of':'activity','kind':'"
                        "call'},'parent':'talked',"
                        "'message':{'en':'Call {kind} at least {min} times','pl':'Telefon'}}]",
                        "[]");
    json_t *facts = js("{}");
    bool passed;
    char *text = failures_of(b, facts, "pl", &passed);

    (void)state;
    assert_string_equal(
        text, "[{'guard':'talked','kind':'group','op':'any','path':null,'pointer':'/activities',"
              "'message':'Porozmawiaj z klientem','observed':0,'expected':{'min':1},'branches':["
              "{'guard':'met','kind':'related_count','path':'activities','pointer':'/"
              "activities','message':'Spotkanie',"
              "'observed':0,'expected':{'of':'activity','kind':'meeting','min':1}},"
              "{'guard':'called','kind':'related_count','path':'activities','pointer':'/"
              "activities','message':'Telefon',"
              "'observed':0,'expected':{'of':'activity','kind':'call','min':1}}]}]");
    free(text);
    json_decref(facts);
    blueprint_destroy(b);
}

/* sentences */

static const struct {
    const char *kind, *params, *message;
    const char *en, *pl, *ru;
} sentences[] = {
    {"field_present", "{'field':'industry'}", "null", "Fill in the field \"industry\".",
     "Uzupełnij pole „industry”.", "Заполните поле «industry»."},
    {"field_compare", "{'field':'budget_confirmed','op':'eq','value':true}", "null",
     "The field \"budget_confirmed\" must be true.",
     "Pole „budget_confirmed” musi mieć wartość tak.",
     "Поле «budget_confirmed» должно иметь значение да."},
    {"field_compare", "{'field':'amount.amount','op':'gte','value':'100.50'}", "null",
     "The field \"amount.amount\" must be at least 100.50.",
     "Pole „amount.amount” musi wynosić co najmniej 100.50.",
     "Поле «amount.amount» должно быть не меньше, чем 100.50."},
    {"field_compare", "{'field':'country','op':'in','value':['PL','DE',3,0.5]}", "null",
     "The field \"country\" must be one of: PL, DE, 3, 0.5.",
     "Pole „country” musi mieć jedną z wartości: PL, DE, 3, 0.5.",
     "Поле «country» должно иметь одно из значений: PL, DE, 3, 0.5."},
    {"related_field",
     "{'field':'account.verification','op':'in','value':['verified','rejected'],'aim':'verified'}",
     "null", "On the related record, \"account.verification\" must be verified.",
     "W powiązanym rekordzie pole „account.verification” musi mieć wartość verified.",
     "В связанной записи поле «account.verification» должно иметь значение verified."},
    {"related_count",
     "{'of':'activity','kind':'call','has_subject':true,'since_entry':true,'min':1}", "null",
     "Needed here: call, with a subject, since entering this state (at least 1); found: 0.",
     "Wymagane: rozmowa telefoniczna, z tematem, od wejścia w obecny status (co najmniej 1); "
     "obecnie: 0.",
     "Требуется: звонок, с темой, с момента входа в текущий статус (не менее 1); сейчас: 0."},
    {"related_count",
     "{'of':'activity','kind':['meeting','visit'],'outcome':['held','done'],'min':1,'max':3}",
     "null",
     "Needed here: meeting or visit, outcome: held or done (at least 1 and at most 3); found: 0.",
     "Wymagane: spotkanie lub wizyta, wynik: held lub done (co najmniej 1 i najwyżej 3); obecnie: "
     "0.",
     "Требуется: встреча или визит, результат: held или done (не менее 1 и не более 3); сейчас: "
     "0."},
    {"related_count", "{'of':'activity','kind':'webinar'}", "null",
     "Needed here: webinar (at least 1); found: 0.",
     "Wymagane: webinar (co najmniej 1); obecnie: 0.",
     "Требуется: webinar (не менее 1); сейчас: 0."},
    {"related_count", "{'of':'task','status':'done','min':2}", "null",
     "Needed here: task, status: done (at least 2); found: 0.",
     "Wymagane: zadanie, status: done (co najmniej 2); obecnie: 0.",
     "Требуется: задача, статус: done (не менее 2); сейчас: 0."},
    {"open_tasks", "{}", "null", "Finish the open tasks first (open: 1, allowed: 0).",
     "Najpierw zamknij otwarte zadania (otwarte: 1, dozwolone: 0).",
     "Сначала завершите открытые задачи (открыто: 1, допускается: 0)."},
    {"visited_state", "{'state':'done'}", "null",
     "The record must have been in the state \"done\" before.",
     "Rekord musi najpierw przejść przez status „done”.",
     "Запись должна сначала пройти через статус «done»."},
    {"visited_state", "{'state':'open','not':true}", "null",
     "The record must never have been in the state \"open\".",
     "Niedostępne, jeśli rekord był już w statusie „open”.",
     "Недоступно, если запись уже была в статусе «open»."},
    {"actor_has_role", "{'roles':['verifier','admin']}", "null",
     "Only somebody with one of these roles may do this: verifier, admin.",
     "Może to zrobić tylko osoba z jedną z ról: verifier, admin.",
     "Это может сделать только пользователь с одной из ролей: verifier, admin."},
    {"actor_differs", "{'from':'creator'}", "null",
     "Somebody other than whoever created the record must do this.",
     "Musi to zrobić ktoś inny niż twórca rekordu.",
     "Это должен сделать кто-то другой, не создатель записи."},
    {"actor_differs", "{'from':'transition:move'}", "null",
     "Somebody other than whoever executed \"move\" must do this.",
     "Musi to zrobić ktoś inny niż wykonawca przejścia „move”.",
     "Это должен сделать кто-то другой, не исполнитель перехода «move»."},
    {"actor_differs", "{'from':'owner_id'}", "null",
     "Somebody other than the person in the field \"owner_id\" must do this.",
     "Musi to zrobić ktoś inny niż osoba z pola „owner_id”.",
     "Это должен сделать кто-то другой, не пользователь из поля «owner_id»."},
    {"time_in_state", "{'min_seconds':172800}", "null",
     "The time in the current state must be at least 2 d (now: 1 d).",
     "Czas w obecnym statusie musi wynosić co najmniej 2 d (teraz: 1 d).",
     "Время в текущем статусе должно составлять не менее 2 дн. (сейчас: 1 дн.)."},
    {"time_in_state", "{'min_seconds':90000,'max_seconds':90061}", "null",
     "The time in the current state must be at least 25 h and at most 90061 s (now: 1 d).",
     "Czas w obecnym statusie musi wynosić co najmniej 25 godz. i najwyżej 90061 s (teraz: 1 d).",
     "Время в текущем статусе должно составлять не менее 25 ч и не более 90061 с (сейчас: 1 дн.)."},
    /* what is shown of money and of long lists */
    {"field_present", "{'field':'price'}", "{'en':'{observed}'}", "1.50", "1.50", "1.50"},
    {"actor_has_role", "{'roles':['a','b','c','d','e','f','g','h','i','j','k']}",
     "{'en':'{roles}'}", "a, b, c, d, e, f, g, h, i, j, …", "a, b, c, d, e, f, g, h, i, j, …",
     "a, b, c, d, e, f, g, h, i, j, …"},
    /* the guard's own */
    {"field_present", "{'field':'industry'}",
     "{'en':'No {field}: {observed}! {nonesuch} {} { {field'}",
     "No industry: nothing! {nonesuch} {} { {field", "No industry: brak! {nonesuch} {} { {field",
     "No industry: ничего! {nonesuch} {} { {field"},
    {"related_count", "{'of':'activity','kind':'call'}",
     "{'en':'{min} of {kind}, {value}{op}{from}'}", "1 of call, {value}{op}{from}",
     "1 of call, {value}{op}{from}", "1 of call, {value}{op}{from}"},
};

static void sentences_are_written_in_three_languages(void **state)
{
    json_t *facts = js("{'now':'2026-11-21T13:00:00Z','state_entered_at':'2026-11-20T12:59:00Z','"
                       "record':{'price':{'amount':'1.50','currency':'PLN'}},"
                       "'tasks':[{'status':'open'}],'visits':[{'state':'open'}],'created_by':'me',"
                       "'actor':{'id':'me'}}");

    (void)state;
    for (size_t i = 0; i < COUNT(sentences); i++) {
        const char *const languages[] = {"en", "pl", "ru"};
        const char *const wanted[] = {sentences[i].en, sentences[i].pl, sentences[i].ru};
        char guards[2048];
        struct blueprint *b;
        struct arena a;
        const struct verdict *root;

        (void)snprintf(guards, sizeof(guards), "[{'key':'g','kind':'%s','params':%s,'message':%s}]",
                       sentences[i].kind, sentences[i].params, sentences[i].message);
        b = fixture_compile(guards, "[]");
        arena_init(&a, 1 << 20);
        root = evaluate(blueprint_transition(b, "move"), facts, &a);
        for (size_t k = 0; k < COUNT(languages); k++) {
            struct buf text;

            buf_init(&text, 4096);
            verdict_message(&text, &root->children[0], languages[k]);
            assert_string_equal(buf_text(&text), wanted[k]);
            buf_done(&text);
        }
        arena_done(&a);
        blueprint_destroy(b);
    }
    json_decref(facts);
}

static void long_values_are_cut_between_characters(void **state)
{
    struct blueprint *b = fixture_compile(
        "[{'key':'g','kind':'field_present','params':{'field':'x'},'message':{'en':'{observed}'}}]",
        "[]");
    json_t *facts;
    struct buf text;
    struct arena a;
    char value[302];

    (void)state;
    value[0] = 'x';
    for (size_t i = 1; i < 301; i += 2)
        memcpy(value + i, "ż", 2);
    value[301] = '\0';
    facts = json_pack("{s:{s:s}}", "record", "x", value);
    arena_init(&a, 1 << 20);
    buf_init(&text, 4096);
    verdict_message(&text, &evaluate(blueprint_transition(b, "move"), facts, &a)->children[0],
                    "en");
    assert_int_equal(text.len, 99 + strlen("…"));
    assert_string_equal(text.text + 97, "ż…");
    buf_done(&text);
    arena_done(&a);
    json_decref(facts);
    blueprint_destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_sixteen_truths_of_the_formula),
        cmocka_unit_test(failures_name_what_is_to_be_mended),
        cmocka_unit_test(branches_with_one_pointer_share_it),
        cmocka_unit_test(sentences_are_written_in_three_languages),
        cmocka_unit_test(long_values_are_cut_between_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
