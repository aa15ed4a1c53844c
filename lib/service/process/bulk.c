/* bulk - one transition for many records, chosen by ids or by the filters of their list.
 *
 * Each record is decided on its own, as if it were asked for alone, and has a verdict of its own. A
 * few are done at once; more are left to the background (bulk_job.c).
 */
#include "service/process/bulk.h"

#include <stdlib.h>
#include <string.h>

#include "asks.gen.h"
#include "blueprint/custom.h"
#include "call/list.h"
#include "call/reply.h"
#include "schemas.gen.h"
#include "service/record/custom.h"
#include "service/record/jobs.h"
#include "service/record/links.h"
#include "json/problem.h"
#include "json/schema.h"

#define AT_ONCE_MAX 100
#define IN_ALL_MAX 10000
#define RETRIES_MAX 3
#define VERDICT_MAX (1024 * 1024)

/* what both ways share */

/* Custom fields are members of their own, too. */
static void add_own_fields(json_t *fields, json_t *own)
{
    const json_t *shared = json_object_get(fields, "custom"),
                 *mine = json_object_get(own, "custom");
    json_t *both =
        json_is_object(shared) && json_is_object(mine) ? json_copy((json_t *)shared) : NULL;

    json_object_update(fields, own);
    if (!both)
        return;
    json_object_update(both, (json_t *)mine);
    json_object_set_new(fields, "custom", both);
}

json_t *bulk_body(const json_t *shared, const json_t *own)
{
    json_t *body = shared ? json_copy((json_t *)shared) : json_object(), *fields;

    if (!own)
        return body;
    fields = json_object_get(shared, "fields");
    fields = fields ? json_copy(fields) : json_object();
    add_own_fields(fields, json_object_get(own, "fields"));
    json_object_update(body, (json_t *)own);
    if (json_object_size(fields) > 0)
        json_object_set(body, "fields", fields);
    json_decref(fields);
    return body;
}

bool bulk_decide(struct call *c, struct move *m)
{
    m->force = move_force(m->body);
    m->failures = NULL;
    m->asks = false;
    return move_decide(c, m);
}

const char *bulk_refusal(struct call *c, const char *id)
{
    struct buf b;
    struct out o;
    const char *text;

    buf_init(&b, VERDICT_MAX);
    out_init(&o, &b);
    out_object(&o);
    if (id)
        out_member(&o, "id", id);
    out_key(&o, "status");
    out_int(&o, err_status(c->err.code));
    out_key(&o, "problem");
    problem_write(&b, &c->err, c->request.id);
    o.keyed = false;
    out_object_end(&o);
    text = b.failed ? NULL : arena_strdup(&c->arena, buf_text(&b));
    buf_done(&b);
    err_init(&c->err, &c->arena);
    return text;
}

/* POST /v1/leads/transitions/{key} */

struct bulk {
    struct process process; /* first: c->state is both; of the record in hand */
    struct move move;
    json_t *shared, *each;
    const char **ids;
    size_t n, at;
    unsigned retries;
    bool left;    /* to the background */
    bool refused; /* the record in hand */
    bool done;    /* ... by the first run of this request */
    const char **verdicts;
    struct uuid approval; /* that is asked for */
    size_t moved, requested;
};

static bool fault_at(struct call *c, const char *pointer, const char *code, const char *detail)
{
    return err_fault(
        &c->err, ERR_INVALID,
        (struct fault){.in = "body", .pointer = pointer, .code = code, .detail = detail});
}

/* What a record brings of its own looks like the request of one record. */
static bool check_each(struct call *c, json_t *each)
{
    const char *id;
    json_t *own;

    json_object_foreach (each, id, own)
        schema_check(&schema_TransitionRequest, own, arena_printf(&c->arena, "/each/%s", id),
                     &c->err);
    return c->err.code == ERR_NONE;
}

static const struct route *list_route(const struct record *r)
{
    for (size_t i = 0; i < routes_count; i++)
        if (strncmp(routes[i].id, r->entity, strlen(r->entity)) == 0 &&
            strcmp(routes[i].id + strlen(r->entity), "_list") == 0)
            return &routes[i];
    return NULL;
}

/* Custom fields share one parameter of the list. */
static const struct route_param *filter_param(const struct route *list, const char *name)
{
    if (custom_key(name))
        name = "custom.*";
    static const char *const others[] = {"sort", "limit", "cursor", "fields", "include", "count"};

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (strcmp(others[i], name) == 0)
            return NULL;
    for (const struct route_param *p = list->params; p && p->name; p++)
        if (strcmp(p->name, name) == 0)
            return p;
    return NULL;
}

/* In an address numbers and booleans are texts. */
static json_t *texts_of(json_t *list)
{
    json_t *texts = json_array(), *value;
    size_t i;

    json_array_foreach (list, i, value) {
        char *text = json_is_number(value) || json_is_boolean(value)
                         ? json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))
                         : NULL;

        json_array_append_new(texts, text ? json_string(text) : json_incref(value));
        free(text);
    }
    json_decref(list);
    return texts;
}

/* The filter becomes the parameters of the list that has it. */
static bool read_filter(struct call *c, const struct record *r, json_t *filter)
{
    const struct route *list = list_route(r);
    const char *name;
    json_t *value;

    json_object_foreach (filter, name, value) {
        const struct route_param *p = filter_param(list, name);
        const char *pointer = arena_printf(&c->arena, "/filter/%s", name);
        json_t *given = json_incref(value);

        if (!p) {
            fault_at(c, pointer, "unknown", "The list has no such filter.");
        } else if (p->schema->kind == SCHEMA_ARRAY && !json_is_array(given)) {
            json_decref(given);
            given = json_pack("[O]", value);
        }
        if (p && custom_key(name))
            given = texts_of(given);
        if (p && schema_check(p->schema, given, pointer, &c->err))
            json_object_set(c->params, name, given);
        json_decref(given);
    }
    return c->err.code == ERR_NONE;
}

static bool take_ids(struct call *c, struct bulk *b, size_t n, const char *(*id)(void *, size_t),
                     void *from)
{
    if (n > IN_ALL_MAX) {
        fault_at(c, "/filter", "range", "It keeps more than 10,000 records; narrow it.");
        return false;
    }
    b->ids = call_alloc(c, (n + 1) * sizeof(*b->ids));
    b->verdicts = call_alloc(c, (n + 1) * sizeof(*b->verdicts));
    if (!b->ids || !b->verdicts)
        return false;
    for (size_t i = 0; i < n; i++)
        b->ids[i] = arena_strdup(&c->arena, id(from, i));
    b->n = n;
    return true;
}

static const char *id_of_json(void *list, size_t i)
{
    return json_string_value(json_array_get(list, i));
}

static const char *id_of_row(void *r, size_t i)
{
    return result_text(r, (int)i, 0);
}

/* What is the same for all. */
static json_t *shared_of(const json_t *body)
{
    json_t *shared = json_copy((json_t *)body);

    json_object_del(shared, "ids");
    json_object_del(shared, "filter");
    json_object_del(shared, "each");
    return shared;
}

static enum step bulk_begin(struct call *c)
{
    const struct record *r = record_of(c);
    struct bulk *b = call_alloc(c, sizeof(*b));
    json_t *ids = json_object_get(c->body, "ids"), *filter = json_object_get(c->body, "filter");

    if (!b)
        return STEP_FAIL;
    c->state = b;
    c->in_parts = true;
    b->shared = shared_of(c->body);
    keep_json(c, b->shared);
    b->each = json_object_get(c->body, "each");
    if ((ids == NULL) == (filter == NULL))
        fault_at(c, "/ids", "required", "Send either ids or filter.");
    if (c->err.code != ERR_NONE || !check_each(c, b->each))
        return STEP_FAIL;
    if (ids)
        return take_ids(c, b, json_array_size(ids), id_of_json, ids) ? STEP_NEXT : STEP_FAIL;
    return read_filter(c, r, filter) ? STEP_NEXT : STEP_FAIL;
}

static enum step bulk_choose(struct call *c)
{
    const struct record *r = record_of(c);
    const struct bulk *b = c->state;
    const char *fixed[RECORD_LIST_FIXED];

    if (b->ids)
        return STEP_NEXT;
    record_list_fixed(c, r->may_write, fixed);
    if (list_ask_ids(c, r->list, fixed, IN_ALL_MAX + 1) == STEP_FAIL)
        return STEP_FAIL;
    call_ask_choice(c);
    return STEP_WAIT;
}

/* What the filter chose; what the first run of the request chose, if this is not the first. */
static bool take_choice(struct call *c, struct bulk *b)
{
    const struct result *rows = call_result(c, 0);
    const char *choice = call_choice(c);
    json_t *ids = choice ? read_json(c, choice) : NULL;

    if (ids)
        return take_ids(c, b, json_array_size(ids), id_of_json, ids);
    return take_ids(c, b, (size_t)result_rows(rows), id_of_row, (void *)rows);
}

/* Before the first of them moves: what was moved may be in the filter no more, and others may. */
static enum step keep_choice(struct call *c, const struct bulk *b)
{
    json_t *ids = json_array();

    for (size_t i = 0; i < b->n; i++)
        json_array_append_new(ids, json_string(b->ids[i]));
    keep_json(c, ids);
    return b->n > 0 && call_keep_choice(c, call_json(c, ids)) ? STEP_WAIT : STEP_NEXT;
}

/* What the job will write may name only what the caller sees: the job cannot ask them. */
static bool look_at_links(struct call *c, const struct bulk *b)
{
    const char *entity = record_of(c)->entity, *id;
    json_t *own;
    bool fits = links_ask(c, entity, NULL, json_object_get(b->shared, "fields"), "/fields");

    json_object_foreach (b->each, id, own)
        fits = fits && links_ask(c, entity, NULL, json_object_get(own, "fields"),
                                 arena_printf(&c->arena, "/each/%s/fields", id));
    return fits || err_set(&c->err, ERR_INVALID,
                           "So many records with links of their own are too many at once: send "
                           "fewer, or the links as shared fields.");
}

static enum step bulk_ids(struct call *c)
{
    const struct record *r = record_of(c);
    struct bulk *b = c->state;
    struct uuid id;

    bool chosen = !b->ids;

    if (chosen && !take_choice(c, b))
        return STEP_FAIL;
    if (b->n <= AT_ONCE_MAX)
        return chosen ? keep_choice(c, b) : STEP_NEXT;
    b->left = true;
    if (!look_at_links(c, b))
        return STEP_FAIL;
    id = call_new_id(c);
    ask_bulk_create(c, (struct q_bulk_create){
                           .id = id,
                           .entity = r->entity,
                           .transition = call_path(c, "key"),
                           .record_ids = text_array(c, b->ids),
                           .body = call_json(c, b->shared),
                           .each = b->each ? call_json(c, b->each) : NULL,
                       });
    job_ask_get(c, id);
    return STEP_WAIT;
}

static enum step bulk_left(struct call *c)
{
    const struct bulk *b = c->state;

    return b->left ? job_reply_left(c) : STEP_NEXT;
}

/* one record after the other */

#define STEPS_OF_ITEM 6

static enum step item_ask(struct call *c)
{
    struct bulk *b = c->state;
    struct uuid id;
    enum step rc;

    if (b->at == b->n || !uuid_parse(span_of(b->ids[b->at]), &id))
        return STEP_NEXT;
    b->refused = b->done = false;
    rc = process_ask_of(c, &b->process, record_of(c), id, record_of(c)->may_write);
    call_ask_part(c, b->ids[b->at]);
    return rc;
}

static enum step item_blueprint(struct call *c)
{
    struct bulk *b = c->state;

    if (b->at == b->n)
        return STEP_NEXT;
    if (result_rows(call_result(c, 0)) > 0) {
        b->done = call_part_is_done(c, &b->approval);
        return process_blueprint(c);
    }
    b->refused = true;
    err_set(&c->err, ERR_NOT_FOUND, "no such record, or it is not yours to see");
    return STEP_NEXT;
}

static enum step item_ready(struct call *c)
{
    const struct bulk *b = c->state;

    return b->at == b->n || b->refused ? STEP_NEXT : process_ready(c);
}

static enum step item_decide(struct call *c)
{
    struct bulk *b = c->state;
    struct move *m = &b->move;
    enum step rc;

    if (b->at == b->n || b->refused || b->done)
        return STEP_NEXT;
    m->key = call_path(c, "key");
    m->body = bulk_body(b->shared, json_object_get(b->each, b->ids[b->at]));
    keep_json(c, m->body);
    if (bulk_decide(c, m)) {
        b->approval = m->asks ? uuid_v7() : (struct uuid){0};
        call_catch(c);
        if (!call_claim_part(c, b->ids[b->at], b->approval))
            return STEP_FAIL;
        if (m->asks)
            move_request(c, m, b->approval);
        else
            move_write(c, m);
        return STEP_WAIT;
    }
    if (c->err.code == ERR_INTERNAL)
        return STEP_FAIL;
    b->refused = true;
    rc = process_refuse(c, record_of(c), m->key, m->failures);
    return rc == STEP_FAIL ? STEP_NEXT : rc; /* a dry run notes nothing */
}

static const char *moved_json(struct call *c, const struct bulk *b, const char *state,
                              const char *version)
{
    return arena_printf(&c->arena, "{\"id\":\"%s\",\"status\":200,\"state\":\"%s\",\"version\":%s}",
                        b->ids[b->at], state, version);
}

static const char *requested_json(struct call *c, const struct bulk *b)
{
    return arena_printf(
        &c->arena,
        "{\"id\":\"%s\",\"status\":202,\"code\":\"approval_requested\",\"approval_id\":\"%s\"}",
        b->ids[b->at], uuid_text(c, &b->approval));
}

/* It was moved, or others were asked, now or by the first run of this request. */
static void note_done(struct call *c, struct bulk *b)
{
    const struct result *r = b->done ? NULL : call_result(c, 0);

    if (uuid_is_none(&b->approval)) {
        b->verdicts[b->at] =
            r ? moved_json(c, b, result_get(r, 0, "state"), result_get(r, 0, "version"))
              : moved_json(c, b, b->process.state, b->process.version);
        b->moved++;
        return;
    }
    b->verdicts[b->at] = requested_json(c, b);
    b->requested++;
}

/* The database refused what it was to write: another record has it. A record that somebody changed
 * meanwhile is decided again, a few times. */
static enum step item_written(struct call *c)
{
    struct bulk *b = c->state;
    enum step rc;

    if (b->at == b->n || b->refused || b->done || c->err.code == ERR_NONE)
        return STEP_NEXT;
    if (c->err.code == ERR_STALE && b->retries++ < RETRIES_MAX) {
        err_init(&c->err, &c->arena);
        call_forget(c);
        call_repeat(c, STEPS_OF_ITEM - 1);
        return STEP_NEXT;
    }
    b->refused = true;
    rc = process_refuse(c, record_of(c), b->move.key, NULL);
    return rc == STEP_FAIL ? STEP_NEXT : rc;
}

static enum step item_check(struct call *c)
{
    struct bulk *b = c->state;

    if (b->at == b->n)
        return STEP_NEXT;
    if (b->refused)
        b->verdicts[b->at] = bulk_refusal(c, b->ids[b->at]);
    else
        note_done(c, b);
    b->retries = 0;
    b->at++;
    call_forget(c);
    call_repeat(c, STEPS_OF_ITEM);
    return STEP_NEXT;
}

static enum step bulk_reply(struct call *c)
{
    const struct bulk *b = c->state;
    struct out *o = reply_json(c, 207);

    out_object(o);
    out_key(o, "total");
    out_int(o, (int64_t)b->n);
    out_key(o, "moved");
    out_int(o, (int64_t)b->moved);
    out_key(o, "requested");
    out_int(o, (int64_t)b->requested);
    out_key(o, "refused");
    out_int(o, (int64_t)(b->n - b->moved - b->requested));
    out_key(o, "items");
    out_array(o);
    for (size_t i = 0; i < b->n; i++)
        out_raw(o, b->verdicts[i], strlen(b->verdicts[i]));
    out_array_end(o);
    out_object_end(o);
    return STEP_REPLY;
}

step_fn *const record_bulk_steps[] = {
    bulk_begin,   custom_list_ask, custom_list_read, bulk_choose, bulk_ids,
    bulk_left,    item_ask,        item_blueprint,   item_ready,  item_decide,
    item_written, item_check,      bulk_reply,       NULL,
};
