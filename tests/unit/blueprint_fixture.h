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

/* A lead's process with one transition "move" from open to done, with these guards and inputs (JSON lists). */
static inline char *fixture_text(const char *guards, const char *inputs)
{
    static const char format[] =
        "{'id':'v1','entity':'lead','key':'test','number':1,"
        "'states':[{'key':'open','label':{'en':'Open','pl':'Otwarty','ru':'Открыт'},'category':'open','position':1},"
        "{'key':'done','label':{'en':'Done'},'category':'done','position':2}],"
        "'transitions':[{'key':'created','label':{'en':'Create'},'kind':'initial','to':'open','position':1},"
        "{'key':'move','label':{'en':'Move','pl':'Przesuń'},'kind':'manual','to':'done','position':2,"
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

/* The failures of a transition as a JSON list with single quotes; "[]" when it may go. The caller frees. */
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

#endif
