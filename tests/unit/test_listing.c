#include "blueprint_fixture.h"

#include "json/schema.h"

static void legal_moves_are_listed(void **state)
{
    struct blueprint *b = compile_lead();
    struct buf text;
    struct out o;

    (void)state;
    buf_init(&text, 65536);
    out_init(&o, &text);
    blueprint_write_legal(&o, b, "open", "pl");
    assert_string_equal(buf_text(&text),
                        "[{\"key\":\"contacted\",\"label\":\"Skontaktowano\",\"to\":\"contacted\"},"
                        "{\"key\":\"archived\",\"label\":\"Archive\",\"to\":\"archived\"}]");
    buf_clear(&text);
    out_init(&o, &text);
    blueprint_write_legal(&o, b, "archived", "en");
    assert_string_equal(buf_text(&text), "[]");
    buf_done(&text);
    blueprint_destroy(b);
}

static const struct schema text_schema = {.kind = SCHEMA_STRING};
static const struct schema_member lead_members[] = {
    {.name = "industry", .schema = &text_schema},
    {.name = NULL},
};
static const struct schema lead_schema = {.kind = SCHEMA_OBJECT, .members = lead_members};

static const char CONTACTED_LISTED[] =
    "{'key':'contacted','label':'Contacted','kind':'manual',"
    "'to':{'key':'contacted','label':'Contacted','category':'open'},'available':false,'actor_"
    "allowed':true,"
    "'actors':[{'kind':'role','value':'sales'},{'kind':'field','value':'owner_id'}],"
    "'guards':[{'guard':'talked','op':'any','passed':true,'message':'At least one of these "
    "conditions must hold.',"
    "'guards':[{'guard':'call_logged','kind':'related_count','passed':false,"
    "'message':'Needed here: call, with a subject (at least 1); found: 0.','path':'activities',"
    "'pointer':'/activities','observed':0,"
    "'expected':{'of':'activity','kind':'call','has_subject':true,'min':1}},"
    "{'guard':'meeting_held','kind':'related_count','passed':true,"
    "'message':'Needed here: meeting (at least 1); found: "
    "1.','path':'activities','pointer':'/activities',"
    "'observed':1,'expected':{'of':'activity','kind':'meeting','min':1}}]},"
    "{'guard':'industry_filled','kind':'field_present','passed':false,'message':'Which industry?',"
    "'path':'industry','pointer':'/fields/industry','observed':null,'expected':'a value'}],"
    "'inputs':[{'key':'industry','kind':'field','type':'text','label':'Industry','required':false,"
    "'pointer':'/fields/industry','params':{'field':'industry'}},"
    "{'key':'why','kind':'field','type':'choice','label':'Reason','required':true,"
    "'pointer':'/fields/"
    "unqualified_reason','params':{'field':'unqualified_reason','choices':['need','authority']}},"
    "{'key':'call','kind':'activity','type':'activity','label':'call','required':false,'pointer':'/"
    "activities',"
    "'params':{'kind':'call'}},"
    "{'key':'note','kind':'note','type':'text','label':'note','required':false,'pointer':'/"
    "note','params':{}},"
    "{'key':'ready','kind':'checklist','type':'boolean','label':'ready','required':false,'pointer':"
    "'/checklist',"
    "'params':{'item':'papers'}}]}";

static void a_transition_is_listed_with_its_verdict(void **state)
{
    struct blueprint *b = compile_lead();
    json_t *facts = js("{'record':{'industry':null},'activities':[{'kind':'meeting'}]}");
    const struct transition *t = blueprint_transition(b, "contacted");
    struct buf text;
    struct arena a;
    struct out o;

    (void)state;
    b->fields = &lead_schema;
    arena_init(&a, 1 << 20);
    buf_init(&text, 65536);
    out_init(&o, &text);
    transition_write(&o, b, t, evaluate(t, facts, &a),
                     &(struct listing){.open = evaluate(t, facts, &a)->passed,
                                       .actor_allowed = true,
                                       .language = "en"});
    single_quotes(text.text);
    assert_string_equal(buf_text(&text), CONTACTED_LISTED);
    buf_done(&text);
    arena_done(&a);
    json_decref(facts);
    blueprint_destroy(b);
}

/* What was written is kept: it is shown again for the same verdict and language only. */
static void what_is_kept_holds_for_the_same_only(void **state)
{
    static const struct {
        const char *facts, *language;
    } rows[] = {
        {"{'record':{'industry':null},'activities':[{'kind':'meeting'}]}", "en"},
        {"{'record':{'industry':'IT'},'activities':[{'kind':'call','subject':'S'}]}", "en"},
        {"{'record':{'industry':'IT'},'activities':[{'kind':'meeting'},{'kind':'meeting'}]}", "en"},
        {"{'record':{'industry':null},'activities':[{'kind':'meeting'}]}", "pl"},
        {"{'record':{'industry':'steel'},'activities':[]}", "ru"},
    };
    struct blueprint *kept = compile_lead();
    struct arena a;

    (void)state;
    kept->fields = &lead_schema;
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < 4 * COUNT(rows); i++) { /* each after itself, and after others */
        const size_t at = i < 2 * COUNT(rows) ? i / 2 : i % COUNT(rows);
        struct blueprint *fresh = compile_lead(), *from[] = {fresh, kept};
        json_t *facts = js(rows[at].facts);
        struct buf text[2];

        fresh->fields = &lead_schema;
        for (size_t k = 0; k < COUNT(from); k++) {
            const struct transition *t = blueprint_transition(from[k], "contacted");
            struct out o;

            buf_init(&text[k], 65536);
            out_init(&o, &text[k]);
            transition_write(&o, from[k], t, evaluate(t, facts, &a),
                             &(struct listing){.language = rows[at].language});
        }
        assert_string_equal(buf_text(&text[0]), buf_text(&text[1]));
        buf_done(&text[0]);
        buf_done(&text[1]);
        json_decref(facts);
        blueprint_destroy(fresh);
    }
    arena_done(&a);
    blueprint_destroy(kept);
}

static const struct schema_member money_members[] = {
    {.name = "amount", .schema = &text_schema},
    {.name = NULL},
};

/* How a form should ask for a field. */
static void inputs_have_types(void **state)
{
    static const char *const words[] = {"a", NULL};
    static const struct schema kinds[] = {
        {.kind = SCHEMA_STRING},
        {.kind = SCHEMA_STRING, .format = FORMAT_DATE},
        {.kind = SCHEMA_STRING, .format = FORMAT_DATE_TIME},
        {.kind = SCHEMA_STRING, .format = FORMAT_USER},
        {.kind = SCHEMA_STRING, .format = FORMAT_KEY},
        {.kind = SCHEMA_STRING, .values = words},
        {.kind = SCHEMA_BOOLEAN},
        {.kind = SCHEMA_INTEGER},
        {.kind = SCHEMA_OBJECT},
        {.kind = SCHEMA_OBJECT, .members = money_members},
    };
    static const char *const types[] = {"text",   "date",    "date_time", "user",   "text",
                                        "choice", "boolean", "integer",   "object", "money"};
    struct arena a;

    (void)state;
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i <= COUNT(kinds); i++) {
        struct blueprint *b =
            fixture_compile("[]", "[{'key':'x','kind':'field','params':{'field':'x'}}]");
        const struct transition *t = blueprint_transition(b, "move");
        const bool known = i < COUNT(kinds);
        const struct schema_member members[] = {
            {.name = "w", .schema = &text_schema},
            {.name = known ? "x" : "y", .schema = &kinds[known ? i : 0]},
            {.name = NULL}};
        const struct schema record = {.kind = SCHEMA_OBJECT, .members = members};
        char wanted[64];
        struct buf text;
        struct out o;

        b->fields = &record;
        buf_init(&text, 65536);
        out_init(&o, &text);
        transition_write(&o, b, t, evaluate(t, NULL, &a),
                         &(struct listing){.open = evaluate(t, NULL, &a)->passed,
                                           .actor_allowed = true,
                                           .language = "en"});
        (void)snprintf(wanted, sizeof(wanted), "\"type\":\"%s\"", known ? types[i] : "any");
        if (strstr(buf_text(&text), wanted) == NULL)
            fail_msg("no %s in %s", wanted, buf_text(&text));
        buf_done(&text);
        blueprint_destroy(b);
    }
    arena_done(&a);
}

static void it_is_available_to_whom_it_belongs(void **state)
{
    struct blueprint *b = compile_lead();
    const struct transition *t = blueprint_transition(b, "archived");
    struct arena a;

    (void)state;
    arena_init(&a, 1 << 20);
    for (int allowed = 0; allowed < 2; allowed++) {
        struct buf text;
        struct out o;

        buf_init(&text, 65536);
        out_init(&o, &text);
        transition_write(&o, b, t, evaluate(t, NULL, &a),
                         &(struct listing){.open = evaluate(t, NULL, &a)->passed,
                                           .actor_allowed = allowed == 1,
                                           .language = "pl"});
        single_quotes(text.text);
        assert_string_equal(
            buf_text(&text),
            allowed == 1
                ? "{'key':'archived','label':'Archive','kind':'manual',"
                  "'to':{'key':'archived','label':'Archiwum','category':'cancelled'},"
                  "'available':true,'actor_allowed':true,'actors':[],'guards':[],'inputs':[]}"
                : "{'key':'archived','label':'Archive','kind':'manual',"
                  "'to':{'key':'archived','label':'Archiwum','category':'cancelled'},"
                  "'available':false,'actor_allowed':false,'actors':[],'guards':[],"
                  "'inputs':[]}");
        buf_done(&text);
    }
    arena_done(&a);
    blueprint_destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(legal_moves_are_listed),
        cmocka_unit_test(a_transition_is_listed_with_its_verdict),
        cmocka_unit_test(what_is_kept_holds_for_the_same_only),
        cmocka_unit_test(inputs_have_types),
        cmocka_unit_test(it_is_available_to_whom_it_belongs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
