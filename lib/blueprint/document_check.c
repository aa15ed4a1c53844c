/* what a schema cannot say of a document */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "blueprint/compile.h"
#include "blueprint/document.h"
#include "blueprint/evaluate.h"
#include "blueprint/params.h"
#include "blueprint/shape.h"

#define KINDS_MAX 64

struct checking {
    const json_t *states, *transitions;
    struct err *e;
    struct blueprint known; /* keys of states and transitions: what guards may name */
    size_t guards;
    const struct transition *at; /* whose guards are being looked at */
};

static void fault(struct checking *c, const char *code, const char *pointer, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));

static void fault(struct checking *c, const char *code, const char *pointer, const char *format,
                  ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    err_fault(c->e, ERR_INVALID,
              (struct fault){.in = "body",
                             .pointer = pointer,
                             .code = code,
                             .detail = arena_strdup(c->e->arena, text)});
}

static const char *under(struct checking *c, const char *where, const char *name)
{
    return arena_printf(c->e->arena, "%s/%s", where, name);
}

static const char *item_of(struct checking *c, const char *where, const char *list, size_t i)
{
    return arena_printf(c->e->arena, "%s/%s/%zu", where, list, i);
}

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* Puts "<pointer>: <sentence>", as the compiler's parts say it, behind @where. */
static void relay(struct checking *c, const char *where, const char *said)
{
    size_t n = strcspn(said, ":");
    const char *pointer = arena_printf(c->e->arena, "%s%.*s", where, (int)n, said);
    const char *sentence = said[n] == ':' ? said + n + 1 : said;

    size_t end = strlen(sentence);

    if (strncmp(sentence, " unknown ", 9) == 0)
        sentence = arena_printf(c->e->arena, "It is an%s", sentence);
    else if (sentence[0] == ' ' && sentence[1] == '"')
        sentence++;
    else
        sentence = arena_printf(c->e->arena, "It%s", sentence);
    fault(c, "invalid", pointer, end > 0 && said[strlen(said) - 1] == '?' ? "%s" : "%s.", sentence);
}

/* keys */

static void check_keys(struct checking *c, const char *where, const char *name, const json_t *list,
                       json_t *seen)
{
    json_t *part;
    size_t i;

    json_array_foreach (list, i, part) {
        const char *key = text_of(part, "key");

        if (key == NULL)
            continue;
        if (json_object_get(seen, key) != NULL)
            fault(c, "unique", under(c, item_of(c, where, name, i), "key"),
                  "\"%s\" stands here twice.", key);
        (void)json_object_set_new(seen, key, json_true());
    }
}

static void check_own_keys(struct checking *c, const char *where, const char *name,
                           const json_t *list)
{
    json_t *seen = json_object();

    check_keys(c, where, name, list, seen);
    json_decref(seen);
}

/* references to states */

static void unknown_state(struct checking *c, const char *pointer, const char *key)
{
    const char *names[BLUEPRINT_STATES_MAX + 1] = {NULL};

    for (size_t i = 0; i < c->known.nstates && i < BLUEPRINT_STATES_MAX; i++)
        names[i] = c->known.states[i].key;
    err_fault(c->e, ERR_INVALID,
              (struct fault){
                  .in = "body",
                  .pointer = pointer,
                  .code = "reference",
                  .detail = arena_printf(c->e->arena, "There is no state \"%s\".", key),
                  .hint = err_suggest(c->e->arena, key, names),
              });
}

static void check_state(struct checking *c, const char *pointer, const json_t *v)
{
    const char *key = json_string_value(v);

    if (key == NULL)
        fault(c, "type", pointer, "It must be the key of a state.");
    else if (blueprint_state(&c->known, key) == NULL)
        unknown_state(c, pointer, key);
}

static void check_states(struct checking *c, const char *where, const char *name,
                         const json_t *list)
{
    json_t *item;
    size_t i;

    if (json_array_size(list) > BLUEPRINT_STATES_MAX)
        fault(c, "too_many", under(c, where, name), "It has more than %d items.",
              BLUEPRINT_STATES_MAX);
    json_array_foreach (list, i, item)
        if (i < BLUEPRINT_STATES_MAX)
            check_state(c, item_of(c, where, name, i), item);
}

static void check_edges(struct checking *c, const char *where, const json_t *t)
{
    const json_t *from = json_object_get(t, "from"), *except = json_object_get(t, "except");
    const char *word = json_string_value(from), *kind = text_of(t, "kind");
    bool initial = kind != NULL && strcmp(kind, "initial") == 0;
    bool any = word != NULL && strcmp(word, "any") == 0;

    if (json_object_get(t, "to") != NULL)
        check_state(c, under(c, where, "to"), json_object_get(t, "to"));
    if (from != NULL && !json_is_null(from) && !json_is_array(from) && !any)
        fault(c, "type", under(c, where, "from"), "It must be a list of states, or \"any\".");
    check_states(c, where, "from", from);
    check_states(c, where, "except", except);
    if (initial && (any || json_array_size(from) > 0))
        fault(c, "invalid", under(c, where, "from"), "An initial transition comes from no state.");
    if (!any && json_array_size(except) > 0)
        fault(c, "invalid", under(c, where, "except"), "It needs \"from\": \"any\".");
}

/* guards */

static void unknown_kind(struct checking *c, const char *where, const char *kind)
{
    const char *names[KINDS_MAX + 1] = {NULL};
    struct buf list;

    for (size_t i = 0; i < KINDS_MAX && guard_kinds[i].name != NULL; i++)
        names[i] = guard_kinds[i].name;
    buf_init(&list, 4096);
    for (size_t i = 0; names[i]; i++)
        buf_printf(&list, "%s\"%s\"", i > 0 ? "," : "[", names[i]);
    buf_putc(&list, ']');
    err_fault(c->e, ERR_INVALID,
              (struct fault){
                  .in = "body",
                  .pointer = under(c, where, "kind"),
                  .code = "unknown",
                  .detail = arena_printf(c->e->arena, "There is no guard kind \"%s\".", kind),
                  .hint = err_suggest(c->e->arena, kind, names),
                  .allowed = arena_strdup(c->e->arena, buf_text(&list)),
              });
    buf_done(&list);
}

/* As the compiler does later: what it would not take is named here, with its pointer. */
static bool is_prepared(struct checking *c, const struct guard_kind *kind, const json_t *params,
                        const struct transition *t, struct buf *why)
{
    struct guard g = {.kind = kind, .params = params};

    return kind->prepare == NULL || kind->prepare(&g, &c->known, t, c->e->arena, why);
}

static void check_leaf(struct checking *c, const char *where, const json_t *guard)
{
    const char *name = text_of(guard, "kind");
    const json_t *params = json_object_get(guard, "params");
    const struct guard_kind *kind = guard_kind_find(name);
    struct buf why;

    if (kind == NULL) {
        unknown_kind(c, where, name);
        return;
    }
    buf_init(&why, 4096);
    if (!params_check(kind->params, params, &why) ||
        (kind->check != NULL && !kind->check(params, &c->known, &why)) ||
        !is_prepared(c, kind, params, c->at, &why))
        relay(c, under(c, where, "params"), buf_text(&why));
    buf_done(&why);
}

static void check_guards(struct checking *c, const char *where, const json_t *list, json_t *keys,
                         unsigned depth);

static void check_guard(struct checking *c, const char *where, const json_t *guard, json_t *keys,
                        unsigned depth)
{
    bool leaf = text_of(guard, "kind") != NULL, group = text_of(guard, "op") != NULL;
    const json_t *members = json_object_get(guard, "guards");

    c->guards++;
    if (leaf == group)
        fault(c, "invalid", where, "A guard has either \"kind\" or \"op\".");
    else if (leaf)
        check_leaf(c, where, guard);
    if (leaf && json_array_size(members) > 0)
        fault(c, "invalid", under(c, where, "guards"), "Only a group has members.");
    if (group && !leaf && json_array_size(members) == 0)
        fault(c, "required", under(c, where, "guards"), "A group needs members.");
    if (depth > BLUEPRINT_DEPTH_MAX)
        fault(c, "range", where, "Groups nest deeper than %d.", BLUEPRINT_DEPTH_MAX);
    else
        check_guards(c, where, members, keys, depth + 1);
}

static void check_guards(struct checking *c, const char *where, const json_t *list, json_t *keys,
                         unsigned depth)
{
    json_t *guard;
    size_t i;

    check_keys(c, where, "guards", list, keys);
    json_array_foreach (list, i, guard)
        check_guard(c, item_of(c, where, "guards", i), guard, keys, depth);
}

/* inputs */

static void check_inputs(struct checking *c, const char *where, const json_t *list)
{
    json_t *input, *seen = json_object();
    size_t i;

    check_own_keys(c, where, "inputs", list);
    json_array_foreach (list, i, input) {
        const char *at = item_of(c, where, "inputs", i), *kind = text_of(input, "kind");
        const struct param *table = kind != NULL ? input_kind_params(kind) : NULL;
        const char *field = text_of(json_object_get(input, "params"), "field");
        struct buf why;

        buf_init(&why, 4096);
        if (table != NULL && !params_check(table, json_object_get(input, "params"), &why))
            relay(c, under(c, at, "params"), buf_text(&why));
        buf_done(&why);
        if (field == NULL)
            continue;
        if (json_object_get(seen, field) != NULL)
            fault(c, "unique", under(c, at, "params/field"), "Another input collects \"%s\".",
                  field);
        (void)json_object_set_new(seen, field, json_true());
    }
    json_decref(seen);
}

/* steps */

static void check_steps(struct checking *c, const char *where, const json_t *state)
{
    const json_t *list = json_object_get(state, "steps"), *step;
    size_t i;

    check_own_keys(c, where, "steps", list);
    json_array_foreach (list, i, step)
        check_inputs(c, item_of(c, where, "steps", i), json_object_get(step, "inputs"));
}

/* An action that writes the state is refused like anybody else who does. */
static void check_governed(struct checking *c, const char *where, const json_t *t)
{
    const json_t *action;
    size_t i;

    json_array_foreach (json_object_get(t, "actions"), i, action) {
        const char *field = text_of(json_object_get(action, "params"), "field");

        if (field == NULL || !field_is_governed(c->known.entity, field))
            continue;
        fault(c, "governed_field", under(c, item_of(c, where, "actions", i), "params/field"),
              "Only transitions write \"%s\", not their actions.", field);
        c->e->code = ERR_GOVERNED;
    }
}

/* actions: the first thing that is wrong with them */

static void check_actions(struct checking *c, const char *where, const json_t *t)
{
    struct row row = {.json = t, .where = ""};
    struct compiler compiler = {.arena = c->e->arena, .b = &c->known};
    struct buf why;

    buf_init(&why, 4096);
    compiler.why = &why;
    check_governed(c, where, t);
    if (c->e->code != ERR_GOVERNED && !compile_actions(&compiler, &row))
        relay(c, where, buf_text(&why));
    buf_done(&why);
}

/* criteria: likewise */

static void check_criteria(struct checking *c, const json_t *doc)
{
    struct row row = {.json = doc, .where = ""};
    struct compiler compiler = {.arena = c->e->arena, .b = &c->known};
    struct buf why;

    buf_init(&why, 4096);
    compiler.why = &why;
    if (!compile_criteria(&compiler, &row))
        relay(c, "", buf_text(&why));
    buf_done(&why);
}

/* the whole */

/* Returns the list's part at @i as a key, or "" when it has none. */
static const char *key_at(const json_t *list, size_t i)
{
    const char *key = text_of(json_array_get(list, i), "key");

    return key != NULL ? key : "";
}

/* Returns the texts of a list, ended with NULL. */
static const char *const *texts_of(struct checking *c, const json_t *list)
{
    size_t n = json_array_size(list), used = 0;
    const char **texts = arena_alloc(c->e->arena, (n + 1) * sizeof(*texts));

    for (size_t i = 0; texts != NULL && i < n; i++)
        if (json_is_string(json_array_get(list, i)))
            texts[used++] = json_string_value(json_array_get(list, i));
    return texts;
}

static struct transition edge_of(struct checking *c, const json_t *t)
{
    static const char *const kinds[] = {"manual", "initial", "convert", "convert_open"};
    const char *kind = text_of(t, "kind"), *to = text_of(t, "to");
    const char *from = text_of(t, "from");
    struct transition edge = {.key = text_of(t, "key"),
                              .to = to != NULL ? to : "",
                              .from_any = from != NULL && strcmp(from, "any") == 0,
                              .from = texts_of(c, json_object_get(t, "from")),
                              .except = texts_of(c, json_object_get(t, "except"))};

    for (size_t i = 0; kind != NULL && i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i], kind) == 0)
            edge.kind = (enum transition_kind)i;
    if (edge.key == NULL)
        edge.key = "";
    return edge;
}

/* A blueprint of names and edges. What is not known yet is empty, never NULL: checks may look at
 * it. */
static bool learn(struct checking *c, const json_t *doc)
{
    const char *entity = text_of(doc, "entity"), *key = text_of(doc, "key");
    size_t nstates = json_array_size(c->states), ntransitions = json_array_size(c->transitions);
    struct state *states = arena_alloc(c->e->arena, (nstates + 1) * sizeof(*states));
    struct transition *all = arena_alloc(c->e->arena, (ntransitions + 1) * sizeof(*all));

    if (states == NULL || all == NULL)
        return err_set(c->e, ERR_INVALID, "The document is too large.");
    for (size_t i = 0; i < nstates; i++)
        states[i].key = key_at(c->states, i);
    for (size_t i = 0; i < ntransitions; i++) {
        all[i] = edge_of(c, json_array_get(c->transitions, i));
        if (all[i].from == NULL || all[i].except == NULL)
            return err_set(c->e, ERR_INVALID, "The document is too large.");
    }
    c->known = (struct blueprint){.id = "",
                                  .entity = entity != NULL ? entity : "",
                                  .key = key != NULL ? key : "",
                                  .states = states,
                                  .nstates = nstates,
                                  .transitions = all,
                                  .ntransitions = ntransitions};
    return true;
}

/* What the compiler's own parts say of one part; they name the first thing that is wrong in it. */
static void check_time(struct checking *c, const char *where, const json_t *part,
                       struct state *state, struct transition *t)
{
    const struct row row = {.json = part, .where = where};
    struct compiler compiler = {.arena = c->e->arena, .b = &c->known};
    struct buf why;
    bool fine;

    buf_init(&why, 4096);
    compiler.why = &why;
    if (state != NULL)
        fine = compile_pausing(&compiler, &row, state) && compile_slas(&compiler, &row, state);
    else
        fine = compile_automatic(&compiler, &row, t) && compile_approval(&compiler, &row, t);
    if (!fine)
        relay(c, "", buf_text(&why));
    buf_done(&why);
}

static void check_transition(struct checking *c, const char *where, const json_t *t)
{
    json_t *keys = json_object();
    size_t before = c->guards;

    check_edges(c, where, t);
    check_guards(c, where, json_object_get(t, "guards"), keys, 0);
    check_inputs(c, where, json_object_get(t, "inputs"));
    check_actions(c, where, t);
    if (c->guards - before > BLUEPRINT_GUARDS_MAX)
        fault(c, "too_many", under(c, where, "guards"), "A transition has at most %d guards.",
              BLUEPRINT_GUARDS_MAX);
    json_decref(keys);
}

bool document_check(const json_t *doc, struct err *e)
{
    struct checking c = {.states = json_object_get(doc, "states"),
                         .transitions = json_object_get(doc, "transitions"),
                         .e = e};
    json_t *t;
    size_t i;

    if (!learn(&c, doc))
        return false;
    check_own_keys(&c, "", "states", c.states);
    check_own_keys(&c, "", "transitions", c.transitions);
    check_criteria(&c, doc);
    json_array_foreach (c.states, i, t) {
        check_time(&c, item_of(&c, "", "states", i), t, (struct state *)&c.known.states[i], NULL);
        check_steps(&c, item_of(&c, "", "states", i), t);
    }
    json_array_foreach (c.transitions, i, t)
        check_time(&c, item_of(&c, "", "transitions", i), t, NULL,
                   (struct transition *)&c.known.transitions[i]);
    json_array_foreach (c.transitions, i, t) {
        c.at = &c.known.transitions[i];
        check_transition(&c, item_of(&c, "", "transitions", i), t);
    }
    if (c.guards > DOCUMENT_GUARDS_MAX)
        fault(&c, "too_many", "/transitions", "A process has at most %d guards.",
              DOCUMENT_GUARDS_MAX);
    return e->code == ERR_NONE;
}
