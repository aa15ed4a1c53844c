/* Any text: what is read as YAML is written and read again as the same tree. What is a document has
 * one form, differs from itself in nothing, and is judged and compiled without a fault. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "blueprint/diff.h"
#include "blueprint/document.h"
#include "blueprint/lint.h"
#include "schemas.gen.h"
#include "json/body.h"
#include "json/schema.h"
#include "json/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TEXT_MAX ((size_t)16 << 20)

static void require(bool holds)
{
    if (!holds)
        abort();
}

static json_t *parse(struct arena *a, const char *text, size_t n)
{
    struct err e;
    json_t *v;

    err_init(&e, a);
    v = yaml_parse(a, (struct span){text, n}, &json_default_limits, &e);
    require((v == NULL) == (e.code != ERR_NONE));
    return v;
}

static void there_and_back(struct arena *a, const json_t *v)
{
    json_t *again;
    struct buf b;

    buf_init(&b, TEXT_MAX);
    yaml_write(&b, v);
    require(!b.failed);
    again = parse(a, buf_text(&b), b.len);
    require(again != NULL && json_equal((json_t *)v, again));
    buf_done(&b);
}

static void judge(const json_t *doc)
{
    static const struct lint_relation relations[] = {
        {NULL, &schema_LeadCreate, "status"},
        {"account", &schema_AccountCreate, "verification"},
        {NULL, NULL, NULL},
    };
    json_t *roles = json_loads("[{\"key\":\"sales\",\"users\":1}]", 0, NULL);
    json_t *form = document_canonical(doc), *again = document_canonical(form), *diff, *findings;
    const struct lint_world w = {
        .relations = relations, .fields = &schema_LeadFields, .roles = roles, .others = roles};

    require(json_equal(form, again));
    diff = blueprint_diff(form, again);
    require(json_array_size(diff) == 0);
    findings = blueprint_lint(form, &w);
    require(json_is_array(findings));
    json_decref(findings);
    json_decref(diff);
    diff = blueprint_diff(NULL, form);
    json_decref(diff);
    json_decref(again);
    json_decref(form);
    json_decref(roles);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct err e;
    json_t *v;

    arena_init(&a, TEXT_MAX);
    err_init(&e, &a);
    v = parse(&a, (const char *)data, size);
    if (v != NULL)
        there_and_back(&a, v);
    if (v != NULL && schema_check(&schema_BlueprintDocument, v, "", &e) && document_check(v, &e))
        judge(v);
    arena_done(&a);
    return 0;
}
