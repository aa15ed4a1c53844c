/* move - deciding and writing one move. */
#include "service/process/move.h"

#include <stdlib.h>
#include <string.h>

#include "asks.gen.h"
#include "call/principal.h"
#include "service/record/links.h"
#include "service/record/match.h"

const char *move_force(const json_t *body)
{
    return json_string_value(json_object_get(json_object_get(body, "force"), "reason"));
}

static bool check_declared(struct call *c, const struct move *m)
{
    const struct process *s = process_of(c);
    const struct transition *t = m->transition;

    if (!t || !transition_leaves(t, s->state))
        return err_set(&c->err, ERR_NO_TRANSITION,
                       "from \"%s\" there is no transition \"%s\"; \"legal\" lists those there are",
                       s->state ? s->state : "no state", m->key);
    if (t->kind != TRANSITION_MANUAL)
        return err_set(&c->err, ERR_USE_CONVERSION,
                       "\"%s\" is executed by POST /v1/leads/{id}/conversion", m->key);
    return true;
}

/* With a scope of less than all: on records of one's own. */
static bool may_force(struct call *c)
{
    const json_t *record = json_object_get(process_of(c)->facts, "record");
    const char *owner = json_string_value(json_object_get(record, "owner_id"));
    const char *own = caller_id(c);

    if (c->who->scope[PERMISSION_TRANSITION_FORCE] == SCOPE_ALL)
        return true;
    return principal_may(c->who, PERMISSION_TRANSITION_FORCE) && owner && own &&
           strcmp(owner, own) == 0;
}

static bool check_actor(struct call *c, const struct move *m)
{
    const struct transition *t = m->transition;

    if (m->force) {
        if (may_force(c))
            return true;
        return err_set(&c->err, ERR_FORBIDDEN, "Breaking the glass needs the permission \"%s\".",
                       permission_names[PERMISSION_TRANSITION_FORCE]);
    }
    if (t->automatic)
        return err_set(&c->err, ERR_NOT_ACTOR,
                       "\"%s\" happens by itself; the listing of transitions says when", m->key);
    if (!evaluate_actor(t, process_of(c)->facts))
        return err_set(&c->err, ERR_NOT_ACTOR,
                       "\"%s\" belongs to others; the listing of transitions names them", m->key);
    return true;
}

/* An account of the queue of verification belongs to who has taken it; what moves by itself waits
 * for nobody. The write looks again (sluice.claim_heed). */
static bool check_claim(struct call *c)
{
    const json_t *claim = json_object_get(process_of(c)->facts, "claim");
    const char *by = json_string_value(json_object_get(claim, "by"));
    const char *until = json_string_value(json_object_get(claim, "until"));

    if (!by || (c->who->kind != ACTOR_USER && c->who->kind != ACTOR_API_KEY) ||
        strcmp(by, uuid_text(c, &c->who->id)) == 0)
        return true;
    c->err.members = arena_printf(&c->arena, "\"claimed_by\":\"%s\",\"claimed_until\":\"%s\"", by,
                                  until ? until : "");
    return err_set(&c->err, ERR_CLAIMED, "%s works on this account.",
                   json_string_value(json_object_get(claim, "name")));
}

/* What is decided on, for the caller to free: the facts with what came along, and with the votes of
 * an approval that is being carried out. */
static json_t *facts_of(struct call *c, const struct move *m)
{
    json_t *facts = facts_with_inputs(process_of(c)->facts, m->body), *agreed;

    if (!m->approval || !m->transition->approvals)
        return facts;
    agreed = facts_with_approval(facts, m->transition, json_object_get(m->approval, "approved_by"));
    json_decref(facts);
    return agreed;
}

/* Whether others must agree first: always, or, when guards ask whether they did, only if those
 * would hold then. */
static bool decide_approval(struct call *c, struct move *m, const json_t *facts)
{
    const struct transition *t = m->transition;
    json_t *agreed;

    m->asks = false;
    if (t->approvals == 0 || m->force || m->approval)
        return true;
    if (!approval_is_guarded(t)) {
        m->asks = true;
        return true;
    }
    if (m->root->passed)
        return true;
    agreed = facts_with_approval(facts, t, NULL);
    m->root = evaluate(t, agreed, &c->arena); /* what else is missing is what is told */
    json_decref(agreed);
    m->asks = m->root && m->root->passed;
    return m->root != NULL;
}

bool move_decide(struct call *c, struct move *m)
{
    struct process *s = process_of(c);

    m->transition = blueprint_transition(s->blueprint, m->key);
    if (!check_declared(c, m) || !check_actor(c, m) || !check_claim(c) ||
        !match_may_acknowledge(c, m->body))
        return false;
    json_decref(s->overlaid);
    s->overlaid = facts_of(c, m);
    m->root = evaluate(m->transition, s->overlaid, &c->arena);
    if (!m->root || !decide_approval(c, m, s->overlaid))
        return err_set(&c->err, ERR_INTERNAL, NULL);
    if (!m->root->passed)
        m->failures = process_failures(c, m->root);
    if (inputs_check(s->blueprint, m->transition, s->overlaid, m->body, m->root, &c->err) &&
        (m->root->passed || m->force))
        return true;
    if (c->err.code == ERR_NONE)
        err_set(&c->err, ERR_GUARD, "\"%s\" still needs what \"failures\" lists", m->key);
    return false;
}

void move_links(struct call *c, const struct move *m)
{
    const struct process *s = process_of(c);

    (void)links_ask(c, s->record->entity, &s->id, json_object_get(m->body, "fields"), "/fields");
}

void move_request(struct call *c, const struct move *m, struct uuid id)
{
    const struct process *s = process_of(c);

    move_links(c, m);
    ask_approval_request(c, (struct q_approval_request){
                                .id = id,
                                .entity = s->record->entity,
                                .record_id = s->id,
                                .expected_version = strtoll(s->version, NULL, 10),
                                .from_state = s->state,
                                .transition = m->key,
                                .body = call_json(c, m->body),
                            });
}

const char *move_ids(struct call *c, const struct move *m)
{
    const json_t *body = m->body;
    size_t n = 1 + json_array_size(json_object_get(body, "activities")) +
               json_array_size(json_object_get(body, "tasks"));
    const char **words = call_alloc(c, (n + 1) * sizeof(*words));

    if (!words)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        struct uuid id = uuid_v7();

        words[i] = uuid_text(c, &id);
    }
    return text_array(c, words);
}

const char *move_more(struct call *c, const struct move *m)
{
    json_t *more = json_object(), *forced;

    keep_json(c, more);
    if (m->approval)
        json_object_set(more, "approval", m->approval);
    if (m->force) {
        forced = json_pack("{s:s}", "reason", m->force);
        if (m->failures)
            json_object_set_new(forced, "failures", json_loads(m->failures, 0, NULL));
        json_object_set_new(more, "forced", forced);
    }
    return process_more(c, m->transition, m->body, more);
}

const char *move_part(struct call *c, const struct move *m, const char *name)
{
    return call_json(c, json_object_get(m->body, name));
}

void move_announce(struct call *c, const struct move *m)
{
    const struct process *s = process_of(c);

    (void)match_send_move(c, s->record->entity, &s->id, json_object_get(s->facts, "record"),
                          m->transition, m->body);
}

int move_write(struct call *c, const struct move *m)
{
    const struct process *s = process_of(c);
    const struct record *r = s->record;
    const char *const values[] = {
        r->entity,
        uuid_text(c, &s->id),
        s->version,
        s->state,
        m->transition->key,
        move_part(c, m, "fields"),
        move_part(c, m, "activities"),
        move_part(c, m, "tasks"),
        json_string_value(json_object_get(m->body, "note")),
        process_verdict(c, m->root),
        s->evidence,
        caller_id(c),
        call_scope(c, r->may_write),
        move_ids(c, m),
        move_part(c, m, "checklist"),
        move_more(c, m),
    };

    move_announce(c, m);
    move_links(c, m);
    return call_ask(c, &query_transition_apply, values);
}
