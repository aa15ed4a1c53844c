/* process - facts, compiled blueprint, refusals. */
#include "service/process/process.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "asks.gen.h"
#include "call/reply.h"
#include "call/tree.h"
#include "service/process/known.h"
#include "service/process/steps.h"
#include "service/record/match.h"
#include "json/out.h"

#define REFUSAL_MAX (1024 * 1024)

struct process *process_of(struct call *c)
{
    return c->state;
}

enum step process_ask(struct call *c, const struct record *r, enum permission p)
{
    struct process *s = call_alloc(c, sizeof(*s));
    struct uuid id;

    if (!s || !call_path_uuid(c, "id", &id))
        return STEP_FAIL;
    return process_ask_of(c, s, r, id, p);
}

static json_t *words_json(const char *const *words)
{
    json_t *list = json_array();

    for (; words && *words; words++)
        (void)json_array_append_new(list, json_string_nocheck(*words));
    return list;
}

/* Who asks, as facts show it. */
static json_t *actor_json(struct call *c)
{
    const struct principal *who = c->who;
    json_t *actor = json_object();
    const char *id = caller_id(c);

    (void)json_object_set_new_nocheck(actor, "kind", json_string_nocheck(actor_word(who->kind)));
    (void)json_object_set_new_nocheck(actor, "id", id ? json_string_nocheck(id) : json_null());
    (void)json_object_set_new_nocheck(actor, "roles", words_json(who->roles));
    (void)json_object_set_new_nocheck(actor, "teams", words_json(who->teams));
    return keep_json(c, actor);
}

enum step process_ask_of(struct call *c, struct process *s, const struct record *r, struct uuid id,
                         enum permission p)
{
    const char *values[3];

    s->record = r;
    s->id = id;
    s->actor = actor_json(c);
    c->state = s;
    values[0] = uuid_text(c, &s->id);
    values[1] = caller_id(c);
    values[2] = call_scope(c, p);
    call_ask(c, r->facts, values);
    return STEP_WAIT;
}

/* Of a record that no process governs: there is nowhere to go. */
static const struct blueprint free_blueprint = {.id = ""};

static bool facts_broken(struct call *c)
{
    c->err.log = "the facts of a decision cannot be read";
    return err_set(&c->err, ERR_INTERNAL, NULL);
}

static void release_facts(void *arg)
{
    process_forget(arg);
}

void process_forget(struct process *s)
{
    json_decref(s->facts);
    json_decref(s->overlaid);
    s->facts = s->overlaid = NULL;
}

/* A move that sets what keys are made of makes them of the whole record. */
static bool sets_keys(struct call *c, const struct process *s)
{
    const char *key = call_path(c, "key");
    const struct transition *t = key ? blueprint_transition(s->blueprint, key) : NULL;

    return t && match_moves(s->record->entity, t, c->body);
}

/* Which columns are to be read; NULL: all. */
static const bool *wanted(struct call *c, const struct process *s, const struct result *r)
{
    if (!s->reads_named || !s->blueprint || sets_keys(c, s))
        return NULL;
    return blueprint_looks(c, s->blueprint, r);
}

/* The columns that are facts, the facts that this version's guards need beside them, and who asks.
 */
static bool read_facts(struct call *c, struct process *s, const struct result *r)
{
    static const char *const usual[] = {"related", "activities"};
    const char *text = result_get(r, 0, "more");
    json_t *more;

    process_forget(s);
    arena_defer(&c->arena, release_facts, s);
    s->facts = row_tree(r, 0, FACTS_PREFIX, wanted(c, s, r));
    if (!s->facts)
        return facts_broken(c);
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
        if (!json_object_get(s->facts, usual[i]))
            (void)json_object_set_new(s->facts, usual[i], i == 0 ? json_object() : json_array());
    (void)json_object_set(s->facts, "actor", s->actor);
    if (!text || strcmp(text, "{}") == 0)
        return true;
    more = read_json(c, text);
    return more ? json_object_update(s->facts, more) == 0 : facts_broken(c);
}

/* What the facts query said moves into the arena: the next ask replaces the results. */
bool process_read(struct call *c, const struct result *r)
{
    struct process *s = process_of(c);

    s->version = arena_strdup(&c->arena, result_get(r, 0, "version"));
    s->state = arena_strdup(&c->arena, result_get(r, 0, "state"));
    s->blueprint_id = arena_strdup(&c->arena, result_get(r, 0, "blueprint_version_id"));
    s->evidence = arena_strdup(&c->arena, result_get(r, 0, "evidence"));
    return read_facts(c, s, r) && s->version && s->evidence;
}

enum step process_blueprint(struct call *c)
{
    struct process *s = process_of(c);
    const struct result *r = call_result(c, 0);
    const char *id;

    if (result_rows(r) == 0)
        return call_fail(c, ERR_NOT_FOUND, "no such record, or it is not yours to see");
    id = result_get(r, 0, "blueprint_version_id");
    s->blueprint = id ? blueprint_known(c, id) : &free_blueprint;
    if (!process_read(c, r))
        return STEP_FAIL;
    if (s->blueprint)
        return STEP_NEXT;

    const char *const values[] = {s->blueprint_id};
    call_ask(c, &query_blueprint_load, values);
    return STEP_WAIT;
}

enum step process_ready(struct call *c)
{
    struct process *s = process_of(c);

    if (s->blueprint)
        return STEP_NEXT;
    s->blueprint = blueprint_learn(c, s->record, result_get(call_result(c, 0), 0, "doc"));
    if (!s->blueprint)
        return call_fail(c, ERR_INTERNAL, NULL);
    return STEP_NEXT;
}

bool process_is_current(struct call *c)
{
    const struct process *s = process_of(c);
    int64_t version;

    if (!call_if_match(c, &version))
        return false;
    if (version == 0 || strtoll(s->version, NULL, 10) == version)
        return true;
    reply_header(c, "ETag", arena_printf(&c->arena, "\"%s\"", s->version));
    c->err.hint = "read the record again and repeat the change with its ETag in If-Match";
    return err_set(&c->err, ERR_STALE, "The record is at version %s by now.", s->version);
}

const char *process_failures(struct call *c, const struct verdict *root)
{
    struct buf b;
    struct out o;
    const char *text;

    buf_init(&b, REFUSAL_MAX);
    out_init(&o, &b);
    out_array(&o);
    verdict_write_failures(&o, root, c->language);
    out_array_end(&o);
    text = b.failed ? "[]" : arena_strdup(&c->arena, buf_text(&b));
    buf_done(&b);
    return text;
}

const char *process_verdict(struct call *c, const struct verdict *root)
{
    struct buf b;
    struct out o;
    const char *text;

    buf_init(&b, REFUSAL_MAX);
    out_init(&o, &b);
    verdict_write(&o, root, "en");
    text = b.failed ? NULL : arena_strdup(&c->arena, buf_text(&b));
    buf_done(&b);
    return text;
}

/* "current" and "legal": what the client needs to choose again. */
static const char *where_it_stands(struct call *c, const char *failures)
{
    static const char *const became[] = {"account_id", "contact_id", "opportunity_id"};
    const struct process *s = process_of(c);
    const json_t *record = json_object_get(s->facts, "record");
    struct buf b;
    struct out o;
    const char *text;

    buf_init(&b, REFUSAL_MAX);
    out_init(&o, &b);
    out_object(&o);
    if (failures)
        out_member_raw(&o, "failures", failures);
    out_key(&o, "current");
    out_object(&o);
    out_member(&o, "state", s->state);
    out_member_raw(&o, "version", s->version);
    for (size_t i = 0; c->err.code == ERR_ALREADY_CONVERTED && i < 3; i++) {
        out_key(&o, became[i]);
        out_string(&o, json_string_value(json_object_get(record, became[i])));
    }
    out_object_end(&o);
    if (c->err.code == ERR_AMBIGUOUS)
        out_member_raw(&o, "matches", c->err.members);
    if (s->step)
        steps_write_refusal(c, &o);
    out_key(&o, "legal");
    blueprint_write_legal(&o, s->blueprint, s->state, c->language);
    out_object_end(&o);
    /* members of the problem: the object without its braces */
    text = b.failed ? NULL : arena_copy(&c->arena, b.text + 1, b.len - 2);
    buf_done(&b);
    return text;
}

enum step process_refuse(struct call *c, const struct record *r, const char *transition,
                         const char *failures)
{
    const struct process *s = process_of(c);
    const char *values[6];

    assert(c->err.code != ERR_NONE);
    if ((c->err.code == ERR_DUPLICATE || c->err.code == ERR_CLAIMED) && c->err.members)
        c->err.members =
            arena_printf(&c->arena, "%s,%s", c->err.members, where_it_stands(c, failures));
    else
        c->err.members = where_it_stands(c, failures);
    if (c->dry)
        return STEP_FAIL;
    values[0] = r->entity;
    values[1] = uuid_text(c, &s->id);
    values[2] = transition;
    values[3] = s->state;
    values[4] = err_slug(c->err.code);
    values[5] = failures;
    call_ask_aside(c);
    /* a step fails by its inputs or people, never by guards: the last value is not its */
    call_ask(c, s->step ? &query_step_denied : &query_transition_denied, values);
    return STEP_WAIT;
}

enum step process_refused(struct call *c)
{
    return c->err.code == ERR_NONE ? STEP_NEXT : STEP_FAIL;
}

/* What fails is only an approval that executing it asks for. */
static bool asks_first(struct call *c, const struct transition *t)
{
    const struct verdict *root;
    json_t *agreed;

    if (!approval_is_guarded(t))
        return false;
    agreed = facts_with_approval(process_of(c)->facts, t, NULL);
    keep_json(c, agreed);
    root = evaluate(t, agreed, &c->arena);
    return root && root->passed;
}

bool process_write_option(struct call *c, struct out *o, const struct transition *t)
{
    const struct process *s = process_of(c);
    const struct verdict *root;

    if (!transition_leaves(t, s->state))
        return true;
    root = evaluate(t, s->facts, &c->arena);
    if (!root)
        return false;
    transition_write(o, s->blueprint, t, root,
                     &(struct listing){
                         .open = root->passed || asks_first(c, t),
                         .actor_allowed = evaluate_actor(t, s->facts),
                         .custom = json_object_get(s->facts, "custom_fields"),
                         .language = c->language,
                     });
    return true;
}

const char *process_more(struct call *c, const struct transition *t, const json_t *body,
                         json_t *extra)
{
    json_t *more = extra ? json_incref(extra) : json_object();
    const char *absent = evaluate_on_behalf(t, process_of(c)->facts);
    json_t *files = json_object_get(body, "files");

    keep_json(c, more);
    if (json_array_size(files) > 0)
        json_object_set(more, "files", files);
    if (absent)
        json_object_set_new(more, "on_behalf_of", json_string(absent));
    return json_object_size(more) > 0 ? call_json(c, more) : NULL;
}
