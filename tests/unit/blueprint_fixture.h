/**
 * blueprint_fixture - blueprints and facts from JSON with single quotes, verdicts as text.
 */
#ifndef SLUICE_UNIT_BLUEPRINT_FIXTURE_H
#define SLUICE_UNIT_BLUEPRINT_FIXTURE_H

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "blueprint/blueprint.h"
#include "blueprint/evaluate.h"
#include "blueprint/lint.h"
#include "json/out.h"

/* Parses JSON that is written with ' for ". */
static inline json_t *js(const char *text)
{
    char *copy = strdup(text);
    json_error_t error;
    json_t *v;

    for (char *p = copy; *p != '\0'; p++)
        if (*p == '\'')
            *p = '"';
    v = json_loads(copy, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    if (v == NULL)
        fail_msg("%s in %s", error.text, copy);
    free(copy);
    return v;
}

/* Turns " into ', as the tests write it. */
static inline void single_quotes(char *text)
{
    for (; *text != '\0'; text++)
        if (*text == '"')
            *text = '\'';
}

#define FIXTURE_MAX (1 << 20)

/* A lead's process with one transition "move" from open to done, with these guards and inputs (JSON
 * lists). */
static inline char *fixture_text(const char *guards, const char *inputs)
{
    static const char format[] =
        "{'id':'v1','entity':'lead','key':'test','number':1,"
        "'states':[{'key':'open','label':{'en':'Open','pl':'Otwarty','ru':'Открыт'},'category':'"
        "open','position':1},"
        "{'key':'done','label':{'en':'Done'},'category':'done','position':2}],"
        "'transitions':[{'key':'created','label':{'en':'Create'},'kind':'initial','to':'open','"
        "position':1},"
        "{'key':'move','label':{'en':'Move','pl':'Przesuń'},'kind':'manual','to':'done','position':"
        "2,"
        "'from':['open'],'guards':%s,'inputs':%s}]}";
    char *text = malloc(FIXTURE_MAX);

    assert_true(snprintf(text, FIXTURE_MAX, format, guards, inputs) < FIXTURE_MAX);
    return text;
}

static inline struct blueprint *fixture_compile_text(const char *text, struct buf *why)
{
    json_t *doc = js(text);
    struct blueprint *b = blueprint_compile(doc, why);

    json_decref(doc);
    return b;
}

static inline struct blueprint *fixture_compile(const char *guards, const char *inputs)
{
    char *text = fixture_text(guards, inputs);
    struct blueprint *b;
    struct buf why;

    buf_init(&why, 4096);
    b = fixture_compile_text(text, &why);
    if (b == NULL)
        fail_msg("%s", buf_text(&why));
    buf_done(&why);
    free(text);
    return b;
}

/* A small process with everything in it. Rows stand out of order on purpose. */
static inline struct blueprint *compile_lead(void)
{
    static const char text[] =
        "{'id':'0193','entity':'lead','key':'lead_default','number':3,'label':{'en':'ignored'},'"
        "states'"
        ":["
        "{'key':'contacted','label':{'en':'Contacted','pl':'Kontakt','ru':'Контакт'},'category':'"
        "open',"
        "'position':2},"
        "{'key':'open','label':{'en':'Open','pl':'Otwarty'},'category':'open','position':1},"
        "{'key':'lost','category':'lost','position':3,'label':null},"
        "{'key':'archived','label':{'pl':'Archiwum'},'category':'cancelled','position':4}],"
        "'transitions':["
        "{'key':'archived','label':{'en':'Archive'},'from_any':true,'except':['archived'],'to':'"
        "archived','position':9},"
        "{'key':'created','label':{'en':'Create'},'kind':'initial','to':'open','position':1,'from':"
        "null},"
        "{'key':'contacted','label':{'en':'Contacted','pl':'Skontaktowano'},'kind':'manual','to':'"
        "contacted',"
        "'position':2,'from':['open','lost'],'actors':[{'kind':'role','value':'sales','position':1}"
        ","
        "{'kind':'field','value':'owner_id','position':2}],"
        "'guards':[{'id':12,'parent':11,'position':2,'key':'meeting_held','op':'leaf','kind':'"
        "related_"
        "count',"
        "'params':{'of':'activity','kind':'meeting'}},"
        "{'id':10,'parent':null,'position':2,'key':'industry_filled','op':null,'kind':'field_"
        "present',"
        "'params':{'field':'industry'},'message':{'en':'Which industry?','pl':'Jaka branża?'}},"
        "{'id':11,'parent':null,'position':1,'key':'talked','op':'any'},"
        "{'id':13,'parent':11,'position':1,'key':'call_logged','kind':'related_count',"
        "'params':{'of':'activity','kind':'call','has_subject':true}}],"
        "'inputs':[{'key':'why','kind':'field','label':{'en':'Reason'},'required':true,'position':"
        "2,"
        "'params':{'field':'unqualified_reason','choices':['need','authority']}},"
        "{'key':'industry','kind':'field','label':{'en':'Industry','pl':'Branża'},'position':1,"
        "'params':{'field':'industry'}},"
        "{'key':'call','kind':'activity','position':3,'params':{'kind':'call'}},"
        "{'key':'note','kind':'note','position':4,'params':null},"
        "{'key':'ready','kind':'checklist','position':5,'params':{'item':'papers'}}]}]}";
    struct blueprint *b;
    struct buf why;

    buf_init(&why, 4096);
    b = fixture_compile_text(text, &why);
    assert_string_equal(buf_text(&why), "");
    assert_non_null(b);
    buf_done(&why);
    return b;
}

/* The failures of a transition as a JSON list with single quotes; "[]" when it may go. The caller
 * frees. */
static inline char *fixture_failures(const struct verdict *root, const char *language)
{
    struct buf b;
    struct out o;
    char *text;

    buf_init(&b, FIXTURE_MAX);
    out_init(&o, &b);
    out_array(&o);
    verdict_write_failures(&o, root, language);
    out_array_end(&o);
    assert_false(b.failed);
    text = buf_take(&b, NULL);
    single_quotes(text);
    return text;
}

/* "severity code pointer" of each finding about a document, one a line; "" when there is none. The
 * caller frees. */
static inline char *fixture_findings(const json_t *form, const struct lint_world *world)
{
    json_t *list = blueprint_lint(form, world), *finding;
    struct buf b;
    size_t i;

    buf_init(&b, 1 << 16);
    buf_puts(&b, "");
    json_array_foreach (list, i, finding)
        buf_printf(&b, "%s%s %s %s", i > 0 ? "\n" : "",
                   json_string_value(json_object_get(finding, "severity")),
                   json_string_value(json_object_get(finding, "code")),
                   json_string_value(json_object_get(finding, "pointer")));
    json_decref(list);
    return b.text != NULL ? buf_take(&b, NULL) : strdup("");
}

#endif
