/* verdicts and transitions as JSON */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "blueprint/custom.h"
#include "blueprint/evaluate.h"
#include "blueprint/memo.h"
#include "blueprint/value.h"
#include "json/out.h"
#include "json/schema.h"

#define MESSAGE_MEMORY 65536
#define ADDRESS_MAX 256
#define MESSAGE_MAX 990 /* bytes; the contract grants 1,000 characters */

static const char *const ops[] = {
    [GUARD_LEAF] = "leaf", [GUARD_ALL] = "all", [GUARD_ANY] = "any", [GUARD_NONE] = "none"};

static void write_json(struct out *o, const char *key, const json_t *v)
{
    out_key(o, key);
    out_tree(o, v);
}

static void write_text(struct out *o, const char *key, const char *text)
{
    out_key(o, key);
    out_string(o, text);
}

static void write_expected(struct out *o, const struct verdict *v)
{
    const char *text = v->expected != NULL ? v->guard->expected_text : "null";

    out_key(o, "expected");
    out_raw(o, text, strlen(text));
}

static void write_bool(struct out *o, const char *key, bool b)
{
    out_key(o, key);
    out_bool(o, b);
}

static void write_message(struct out *o, const struct verdict *v, const char *language)
{
    struct buf b;
    size_t n;

    buf_init(&b, MESSAGE_MEMORY);
    verdict_message(&b, v, language);
    n = text_cut(buf_text(&b), MESSAGE_MAX);
    out_key(o, "message");
    out_string_n(o, buf_text(&b), n);
    buf_done(&b);
}

/* steps that are open */

void actors_write(struct out *o, const struct actor_rule *actors, size_t n)
{
    static const char *const kinds[] = {"role", "team", "user", "field"};

    out_key(o, "actors");
    out_array(o);
    for (size_t i = 0; i < n; i++) {
        out_object(o);
        write_text(o, "kind", kinds[actors[i].kind]);
        write_text(o, "value", actors[i].value);
        out_object_end(o);
    }
    out_array_end(o);
}

void steps_write_open(struct out *o, const struct state_step *const *open, size_t n,
                      const char *address, const char *language)
{
    char call[ADDRESS_MAX];

    out_array(o);
    for (size_t i = 0; i < n; i++) {
        const struct transition *work = &open[i]->work;

        out_object(o);
        write_text(o, "step", work->key);
        write_text(o, "label", label_in(&work->label, language));
        actors_write(o, work->actors, work->nactors);
        (void)snprintf(call, sizeof(call), "POST %s/%s", address != NULL ? address : "", work->key);
        write_text(o, "call", address != NULL ? call : NULL);
        out_object_end(o);
    }
    out_array_end(o);
}

static void write_open(struct out *o, const struct verdict *v, const char *language)
{
    if (v->nopen == 0)
        return;
    out_key(o, "steps");
    steps_write_open(o, v->open, v->nopen, v->steps_at, language);
}

/* listings */

void verdict_write(struct out *o, const struct verdict *v, const char *language)
{
    const struct guard *g = v->guard;
    size_t from = o->buf->len;

    if (memo_write_verdict(g->memo, v, o, language))
        return;
    out_object(o);
    write_text(o, "guard", g->key);
    if (g->op == GUARD_LEAF)
        write_text(o, "kind", g->kind->name);
    else
        write_text(o, "op", ops[g->op]);
    write_bool(o, "passed", v->passed);
    write_message(o, v, language);
    if (g->op == GUARD_LEAF) {
        write_text(o, "path", v->path);
        write_text(o, "pointer", v->pointer);
        write_json(o, "observed", v->observed);
        write_expected(o, v);
        write_open(o, v, language);
    } else {
        out_key(o, "guards");
        out_array(o);
        for (size_t i = 0; i < v->nchildren; i++)
            verdict_write(o, &v->children[i], language);
        out_array_end(o);
    }
    out_object_end(o);
    memo_keep_verdict(g->memo, v, o, from, language);
}

/* failures */

static void write_leaf(struct out *o, const struct verdict *v, const char *language)
{
    out_object(o);
    write_text(o, "guard", v->guard->key);
    write_text(o, "kind", v->guard->kind->name);
    write_text(o, "path", v->path);
    write_text(o, "pointer", v->pointer);
    write_message(o, v, language);
    write_json(o, "observed", v->observed);
    write_expected(o, v);
    write_open(o, v, language);
    out_object_end(o);
}

/* Tells whether the verdict of the group hangs on this child: on one that fails where all or any
 * should hold, on one that holds where none may. Inside a NONE it is a group that holds whose
 * members are asked for. */
static bool guilty(const struct verdict *group, const struct verdict *child)
{
    bool agrees = group->guard->op != GUARD_NONE;

    return child->passed == (agrees ? group->passed : !group->passed);
}

/* Where everybody can be satisfied at the same place, so can the group. */
static const char *common_pointer(const struct verdict *v)
{
    const char *pointer = NULL;

    for (size_t i = 0; i < v->nchildren; i++) {
        const struct verdict *child = &v->children[i];
        const char *own = child->guard->op == GUARD_LEAF ? child->pointer : common_pointer(child);

        if (own == NULL || (pointer != NULL && strcmp(pointer, own) != 0))
            return NULL;
        pointer = own;
    }
    return pointer;
}

static void write_part(struct out *o, const struct verdict *v, const char *language);

static void write_group(struct out *o, const struct verdict *v, const char *language)
{
    static const struct {
        const char *name;
        bool of_all;
        int64_t number;
    } wanted[] = {
        [GUARD_LEAF] = {"min", false, 0},
        [GUARD_ALL] = {"min", true, 0},
        [GUARD_ANY] = {"min", false, 1},
        [GUARD_NONE] = {"max", false, 0},
    };
    enum guard_op op = v->guard->op;
    int64_t hold = 0;

    for (size_t i = 0; i < v->nchildren; i++)
        hold += v->children[i].passed;
    out_object(o);
    write_text(o, "guard", v->guard->key);
    write_text(o, "kind", "group");
    write_text(o, "op", ops[op]);
    write_text(o, "path", NULL);
    write_text(o, "pointer", op == GUARD_NONE ? NULL : common_pointer(v));
    write_message(o, v, language);
    out_key(o, "observed");
    out_int(o, hold);
    out_key(o, "expected");
    out_object(o);
    out_key(o, wanted[op].name);
    out_int(o, wanted[op].of_all ? (int64_t)v->nchildren : wanted[op].number);
    out_object_end(o);
    out_key(o, "branches");
    out_array(o);
    for (size_t i = 0; i < v->nchildren; i++)
        if (guilty(v, &v->children[i]))
            write_part(o, &v->children[i], language);
    out_array_end(o);
    out_object_end(o);
}

static void write_part(struct out *o, const struct verdict *v, const char *language)
{
    if (v->guard->op == GUARD_LEAF)
        write_leaf(o, v, language);
    else
        write_group(o, v, language);
}

void verdict_write_failures(struct out *o, const struct verdict *v, const char *language)
{
    if (v->passed)
        return;
    if (v->guard->op != GUARD_ALL) {
        write_part(o, v, language);
        return;
    }
    for (size_t i = 0; i < v->nchildren; i++)
        verdict_write_failures(o, &v->children[i], language);
}

/* transitions */

void blueprint_write_legal(struct out *o, const struct blueprint *b, const char *state,
                           const char *language)
{
    out_array(o);
    for (size_t i = 0; i < b->ntransitions; i++) {
        const struct transition *t = &b->transitions[i];

        if (!transition_leaves(t, state))
            continue;
        out_object(o);
        write_text(o, "key", t->key);
        write_text(o, "label", label_in(&t->label, language));
        write_text(o, "to", t->to);
        out_object_end(o);
    }
    out_array_end(o);
}

void state_write(struct out *o, const struct state *s, const char *language)
{
    static const char *const categories[] = {"open",      "won",       "lost",
                                             "cancelled", "postponed", "done"};

    out_object(o);
    write_text(o, "key", s->key);
    write_text(o, "label", label_in(&s->label, language));
    write_text(o, "category", categories[s->category]);
    out_object_end(o);
}

static const char *string_type(const struct schema *s)
{
    static const char *const by_format[] = {
        [FORMAT_UUID] = "id",         [FORMAT_USER] = "user",
        [FORMAT_DATE] = "date",       [FORMAT_DATE_TIME] = "date_time",
        [FORMAT_EMAIL] = "email",     [FORMAT_URI] = "uri",
        [FORMAT_DECIMAL] = "decimal", [FORMAT_CURRENCY] = "currency",
        [FORMAT_COUNTRY] = "country", [FORMAT_LANGUAGE] = "language",
    };

    if (s->values != NULL)
        return "choice";
    if ((size_t)s->format >= sizeof(by_format) / sizeof(by_format[0]) ||
        by_format[s->format] == NULL)
        return "text";
    return by_format[s->format];
}

static bool has_member(const struct schema *s, const char *name)
{
    const struct schema_member *m = s->members;

    for (; m != NULL && m->name != NULL; m++)
        if (strcmp(m->name, name) == 0)
            return true;
    return false;
}

/* The definition of the custom field that the input fills; NULL: it fills none. */
static const json_t *custom_of(const struct input *input, const json_t *custom)
{
    const char *field = json_string_value(json_object_get(input->params, "field"));
    const char *key = input->kind == INPUT_FIELD ? custom_key(field) : NULL;

    return key != NULL ? custom_definition(custom, key) : NULL;
}

/* Parameters of the input, with the choices that the field's definition has. */
static void write_params(struct out *o, const struct input *input, const json_t *custom)
{
    const json_t *field = custom_of(input, custom);
    json_t *choices = json_object_get(field, "choices"), *params;

    if (!json_is_object(input->params) || !json_is_array(choices) ||
        json_object_get(input->params, "choices") != NULL) {
        out_key(o, "params");
        out_raw(o, input->params_text, strlen(input->params_text));
        return;
    }
    params = json_copy((json_t *)input->params);
    (void)json_object_set(params, "choices", choices);
    write_json(o, "params", params);
    json_decref(params);
}

/* What a form should show for the input. */
static const char *input_type(const struct blueprint *b, const struct input *input,
                              const json_t *custom)
{
    static const char *const by_kind[] = {[INPUT_NOTE] = "text",
                                          [INPUT_CHECKLIST] = "boolean",
                                          [INPUT_ACTIVITY] = "activity",
                                          [INPUT_TASK] = "task",
                                          [INPUT_FILE] = "file"};
    static const char *const by_schema[] = {
        [SCHEMA_ANY] = "any",       [SCHEMA_STRING] = "text",     [SCHEMA_INTEGER] = "integer",
        [SCHEMA_NUMBER] = "number", [SCHEMA_BOOLEAN] = "boolean", [SCHEMA_OBJECT] = "object",
        [SCHEMA_ARRAY] = "list"};
    const struct schema_member *m = b->fields != NULL ? b->fields->members : NULL;
    const char *field = json_string_value(json_object_get(input->params, "field"));

    if (input->kind != INPUT_FIELD)
        return by_kind[input->kind];
    if (custom_of(input, custom) != NULL)
        return custom_input_type(custom_of(input, custom));
    if (json_object_get(input->params, "choices") != NULL)
        return "choice";
    for (; m != NULL && m->name != NULL; m++) {
        if (strcmp(m->name, field) != 0)
            continue;
        if (m->schema->kind == SCHEMA_STRING)
            return string_type(m->schema);
        if (m->schema->kind == SCHEMA_OBJECT && has_member(m->schema, "amount"))
            return "money";
        return by_schema[m->schema->kind];
    }
    return "any";
}

static void write_input(struct out *o, const struct blueprint *b, const struct input *input,
                        const json_t *custom, const char *language)
{
    static const char *const kinds[] = {"field", "note", "checklist", "activity", "task", "file"};

    out_object(o);
    write_text(o, "key", input->key);
    write_text(o, "kind", kinds[input->kind]);
    write_text(o, "type", input_type(b, input, custom));
    write_text(o, "label", label_in(&input->label, language));
    write_bool(o, "required", input->required);
    write_text(o, "pointer", input->pointer);
    write_params(o, input, custom);
    out_object_end(o);
}

void inputs_write(struct out *o, const struct blueprint *b, const struct transition *t,
                  const json_t *custom, const char *language)
{
    struct memo *m = custom == NULL ? t->collects : NULL; /* definitions change by themselves */
    size_t from = o->buf->len;

    if (memo_write(m, o, language))
        return;
    out_array(o);
    for (size_t i = 0; i < t->ninputs; i++)
        write_input(o, b, &t->inputs[i], custom, language);
    out_array_end(o);
    memo_keep(m, o, from, language);
}

static void write_approval(struct out *o, const struct transition *t)
{
    if (t->approvals == 0)
        return;
    out_key(o, "approval");
    out_object(o);
    out_key(o, "needed");
    out_int(o, t->approvals);
    actors_write(o, t->approvers, t->napprovers);
    out_object_end(o);
}

/* What it is, and where to. */
static void write_head(struct out *o, const struct blueprint *b, const struct transition *t,
                       const char *language)
{
    static const char *const kinds[] = {"manual", "initial", "convert", "convert_open"};
    size_t from = o->buf->len;

    if (memo_write(t->head, o, language))
        return;
    write_text(o, "key", t->key);
    write_text(o, "label", label_in(&t->label, language));
    write_text(o, "kind", kinds[t->kind]);
    out_key(o, "to");
    state_write(o, blueprint_state(b, t->to), language);
    memo_keep(t->head, o, from, language);
}

/* Whose it is, and who agrees. */
static void write_who(struct out *o, const struct transition *t)
{
    size_t from = o->buf->len;

    if (memo_write(t->who, o, NULL))
        return;
    actors_write(o, t->actors, t->nactors);
    if (t->automatic != NULL)
        write_json(o, "auto", t->automatic);
    write_approval(o, t);
    memo_keep(t->who, o, from, NULL);
}

void transition_write(struct out *o, const struct blueprint *b, const struct transition *t,
                      const struct verdict *root, const struct listing *l)
{
    out_object(o);
    write_head(o, b, t, l->language);
    write_bool(o, "available", l->actor_allowed && l->open);
    write_bool(o, "actor_allowed", l->actor_allowed);
    write_who(o, t);
    out_key(o, "guards");
    out_array(o);
    for (size_t i = 0; i < root->nchildren; i++)
        verdict_write(o, &root->children[i], l->language);
    out_array_end(o);
    out_key(o, "inputs");
    inputs_write(o, b, t, l->custom, l->language);
    out_object_end(o);
}
