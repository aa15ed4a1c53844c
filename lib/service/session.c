/* session - signing in, staying signed in, leaving; and who am I. */
#include <string.h>

#include "asks.gen.h"
#include "base/clock.h"
#include "call/principal.h"
#include "call/reply.h"
#include "crypto/password.h"
#include "crypto/secret.h"
#include "crypto/token.h"
#include "loop/offload.h"
#include "service/record.h"
#include "json/out.h"

struct sign_in {
    struct job job;
    struct call *call;
    const char *hash;
    const char *password;
    bool right;
    struct uuid user, session;
    char refresh[SECRET_TEXT];
    char refresh_hash[SHA256_TEXT];
};

static void make_refresh_token(struct sign_in *s)
{
    secret_make("slr", s->refresh);
    sha256_hex(s->refresh, strlen(s->refresh), s->refresh_hash);
}

/* Both tokens: the short-lived one says who, the long-lived one is good for exactly one refresh. */
static enum step reply_tokens(struct call *c, const struct sign_in *s, int status)
{
    int64_t now = clock_wall_s();
    const struct token_claims claims = {
        .user = s->user,
        .session = s->session,
        .issued = now,
        .expires = now + c->env->access_ttl_s,
    };
    char *token = token_issue(&c->arena, c->env->token_key, &claims);
    struct out *o;

    if (!token)
        return call_fail(c, ERR_INTERNAL, NULL);
    o = reply_json(c, status);
    out_object(o);
    out_member(o, "access_token", token);
    out_member(o, "token_type", "Bearer");
    out_key(o, "expires_in");
    out_int(o, c->env->access_ttl_s);
    out_member(o, "refresh_token", s->refresh);
    out_key(o, "user");
    reply_write_row(o, call_result(c, 1), 0, NULL);
    out_object_end(o);
    return STEP_REPLY;
}

/* POST /v1/session */

static enum step sign_in_find(struct call *c)
{
    ask_user_by_email(c, (struct q_user_by_email){.email = call_body_text(c, "email")});
    return STEP_WAIT;
}

static void verify(struct job *job)
{
    struct sign_in *s = (struct sign_in *)job;

    s->right = password_verify(s->hash, s->password);
}

/* An unknown e-mail costs as much time as a wrong password and reads the same. */
static enum step sign_in_verify(struct call *c)
{
    const struct result *r = call_result(c, 0);
    struct sign_in *s = call_alloc(c, sizeof(*s));

    if (!s)
        return STEP_FAIL;
    c->state = s;
    if (result_rows(r) == 1)
        (void)uuid_parse(span_of(result_get(r, 0, "id")), &s->user);
    s->hash = arena_strdup(&c->arena, result_get(r, 0, "password_hash"));
    s->password = call_body_text(c, "password");
    s->job.work = verify;
    return call_offload(c, &s->job) ? STEP_WAIT : STEP_FAIL;
}

static enum step sign_in_open(struct call *c)
{
    struct sign_in *s = c->state;

    if (!s->right || uuid_is_none(&s->user))
        return call_fail(c, ERR_BAD_LOGIN, NULL);
    s->session = uuid_v7();
    make_refresh_token(s);
    ask_session_open(c, (struct q_session_open){.id = s->session,
                                                .user = s->user,
                                                .refresh_hash = s->refresh_hash,
                                                .seconds = c->env->refresh_ttl_s,
                                                .user_agent = c->request.user_agent,
                                                .address = c->request.address});
    ask_user_card(c, (struct q_user_card){.id = s->user});
    return STEP_WAIT;
}

static enum step sign_in_reply(struct call *c)
{
    return reply_tokens(c, c->state, c->route->success);
}

const struct operation session_create = {
    .steps = (step_fn *const[]){sign_in_find, sign_in_verify, sign_in_open, sign_in_reply, NULL},
};

/* POST /v1/session/refresh: a refresh token that comes twice was stolen from somebody; the session
 * ends */

static enum step refresh_rotate(struct call *c)
{
    const char *old = call_body_text(c, "refresh_token");
    struct sign_in *s = call_alloc(c, sizeof(*s));
    char old_hash[SHA256_TEXT];

    if (!s)
        return STEP_FAIL;
    if (!secret_well_formed("slr", span_of(old)))
        return call_fail(c, ERR_BAD_TOKEN, "this is not a refresh token of ours");
    c->state = s;
    make_refresh_token(s);
    sha256_hex(old, strlen(old), old_hash);
    ask_session_rotate(c, (struct q_session_rotate){.old_hash = arena_strdup(&c->arena, old_hash),
                                                    .new_hash = s->refresh_hash,
                                                    .seconds = c->env->refresh_ttl_s});
    ask_user_card_by_refresh(c, (struct q_user_card_by_refresh){.hash = s->refresh_hash});
    return STEP_WAIT;
}

static enum step refresh_reply(struct call *c)
{
    const struct result *r = call_result(c, 0);
    struct sign_in *s = c->state;

    if (result_rows(r) == 0)
        return call_fail(c, ERR_BAD_TOKEN, "the refresh token is unknown or has expired");
    if (strcmp(result_get(r, 0, "outcome"), "rotated") != 0)
        return call_fail(
            c, ERR_SESSION_REVOKED,
            "the refresh token was used before, so the session was ended: sign in again");
    (void)uuid_parse(span_of(result_get(r, 0, "id")), &s->session);
    (void)uuid_parse(span_of(result_get(r, 0, "user_id")), &s->user);
    return reply_tokens(c, s, c->route->success);
}

const struct operation session_refresh = {
    .steps = (step_fn *const[]){refresh_rotate, refresh_reply, NULL},
};

/* DELETE /v1/session */

static enum step sign_out(struct call *c)
{
    if (uuid_is_none(&c->who->session))
        return call_fail(c, ERR_FORBIDDEN, "an API key has no session to end");
    ask_session_end(c, (struct q_session_end){.id = c->who->session});
    return STEP_WAIT;
}

static enum step sign_out_forget(struct call *c)
{
    principal_forget(c);
    return reply_empty(c);
}

const struct operation session_delete = {.steps =
                                             (step_fn *const[]){sign_out, sign_out_forget, NULL}};

/* GET /v1/me */

static enum step me_ask(struct call *c)
{
    if (c->who->kind == ACTOR_USER)
        ask_user_card(c, (struct q_user_card){.id = c->who->id});
    else
        ask_key_card(c, (struct q_key_card){.id = c->who->id});
    return STEP_WAIT;
}

const struct operation me_get = {.steps = (step_fn *const[]){me_ask, reply_row, NULL}};
