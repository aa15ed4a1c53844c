#include "blueprint_fixture.h"

#include "blueprint/lint.h"

#define CRITERIA "[{'key':'c','kind':'field_present','params':{'field':'need'}}]"

/* The code of the finding about rivals, "" for none. */
static void rival(int priority, const char *criteria, int theirs, const char *their_criteria,
                  const char *entity, char *ret)
{
    static const char process[] =
        "{'entity':'%s','key':'%s','number':1,'priority':%d,'criteria':%s,'states':[{'key':'open',"
        "'label':{'en':'o','pl':'o','ru':'o'},'category':'open'},{'key':'done','label':{'en':'d',"
        "'pl':'d','ru':'d'},'category':'done'}],'transitions':[{'key':'made','kind':'initial','to':"
        "'open','label':{'en':'m','pl':'m','ru':'m'}},{'key':'go','from':['open'],'to':'done',"
        "'label':{'en':'g','pl':'g','ru':'g'}}]}";
    char mine[2048], other[2048];
    struct lint_world w = {.roles = NULL};
    json_t *doc, *others = json_array(), *findings, *f;
    size_t i;

    (void)snprintf(mine, sizeof(mine), process, "lead", "mine", priority, criteria);
    (void)snprintf(other, sizeof(other), process, entity, "theirs", theirs, their_criteria);
    doc = js(mine);
    json_array_append_new(others, js(other));
    w.others = others;
    findings = blueprint_lint(doc, &w);
    ret[0] = '\0';
    json_array_foreach (findings, i, f) {
        const char *code = json_string_value(json_object_get(f, "code"));

        if (strcmp(code, "same_priority") == 0 || strcmp(code, "never_governs") == 0)
            (void)snprintf(ret, 32, "%s", code);
    }
    json_decref(findings);
    json_decref(others);
    json_decref(doc);
}

static void rivals_are_told(void **state)
{
    static const struct {
        int priority;
        const char *criteria;
        int theirs;
        const char *their_criteria;
        const char *entity, *code;
    } rows[] = {
        {0, "[]", 0, "[]", "lead", "same_priority"},
        {0, "[]", 0, "[]", "account", ""},
        {5, CRITERIA, 5, CRITERIA, "lead", "same_priority"},
        {5, CRITERIA, 4, CRITERIA, "lead", ""},
        {5, CRITERIA, 4, "[]", "lead", ""}, /* the usual: exceptions before the rule */
        {4, CRITERIA, 5, "[]", "lead", "never_governs"},
        {5, "[]", 4, "[]", "lead", "never_governs"}, /* the other one is never asked */
        {4, "[]", 5, CRITERIA, "lead", ""},
        {5, "[]", 5, CRITERIA, "lead", "never_governs"}, /* "mine" comes first by key */
        {5, CRITERIA, 5, "[]", "lead", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char code[32];

        rival(rows[i].priority, rows[i].criteria, rows[i].theirs, rows[i].their_criteria,
              rows[i].entity, code);
        if (strcmp(code, rows[i].code) != 0)
            fail_msg("row %zu: %s", i, code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rivals_are_told)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
