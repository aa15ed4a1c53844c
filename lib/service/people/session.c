/* session - signing in, staying signed in, leaving; and who am I. */
#include <stdlib.h>
#include <string.h>

#include "asks.gen.h"
#include "base/clock.h"
#include "call/principal.h"
#include "call/reply.h"
#include "crypto/password.h"
#include "crypto/secret.h"
#include "crypto/token.h"
#include "loop/offload.h"
#include "service/people/new_password.h"
#include "service/record/record.h"
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

/* POST /v1/session: an attempt counts before its password is looked at, and a dry run would not
 * count */

static enum step sign_in_find(struct call *c)
{
    const char *email = call_body_text(c, "email");

    if (c->dry)
        return call_fail(c, ERR_BAD_HEADER, "a sign-in cannot be tried out: leave Prefer away");
    ask_sign_in_attempt(c, (struct q_sign_in_attempt){.email = email, .address = call_network(c)});
    ask_user_by_email(c, (struct q_user_by_email){.email = email});
    return STEP_WAIT;
}

/* Fails when statement 0, a counted attempt, says that it must wait. */
static bool may_try(struct call *c)
{
    const char *seconds = result_get(call_result(c, 0), 0, "seconds");

    if (strcmp(seconds, "0") == 0)
        return true;
    c->err.retry_after = (int)strtol(seconds, NULL, 10);
    c->err.hint = "a forgotten password is set anew by an administrator";
    call_fail(c, ERR_RATE_LIMITED, "too many failed attempts: the next one in %s s", seconds);
    return false;
}

static void verify(struct job *job)
{
    struct sign_in *s = (struct sign_in *)job;

    s->right = password_verify(s->hash, s->password);
}

/* An unknown e-mail costs as much time as a wrong password and reads the same. */
static enum step sign_in_verify(struct call *c)
{
    const struct result *r = call_result(c, 1);
    struct sign_in *s = call_alloc(c, sizeof(*s));

    if (!s || !may_try(c))
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
                                                .password_hash = s->hash,
                                                .refresh_hash = s->refresh_hash,
                                                .seconds = c->env->refresh_ttl_s,
                                                .user_agent = c->request.user_agent,
                                                .address = call_client(c)});
    ask_user_card(c, (struct q_user_card){.id = s->user});
    ask_sign_in_succeeded(c, (struct q_sign_in_succeeded){.email = call_body_text(c, "email"),
                                                          .address = call_network(c)});
    return STEP_WAIT;
}

static enum step sign_in_reply(struct call *c)
{
    if (result_rows(call_result(c, 0)) == 0) /* changed while it was checked */
        return call_fail(c, ERR_BAD_LOGIN, NULL);
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

/* POST /v1/me/password: guesses at the old one count like failed sign-ins */

struct change {
    struct job job;
    const char *old_hash, *old, *new;
    char hash[PASSWORD_HASH_TEXT];
    bool right, done;
};

static void check_and_hash(struct job *job)
{
    struct change *w = (struct change *)job;

    w->right = password_verify(w->old_hash, w->old);
    w->done = w->right && password_hash(w->new, w->hash);
}

static enum step change_find(struct call *c)
{
    if (uuid_is_none(&c->who->session))
        return call_fail(c, ERR_FORBIDDEN, "an API key has no password");
    if (c->dry)
        return call_fail(c, ERR_BAD_HEADER, "a password cannot be tried out: leave Prefer away");
    ask_password_of(c, (struct q_password_of){.id = c->who->id});
    return STEP_WAIT;
}

static enum step change_attempt(struct call *c)
{
    const struct result *r = call_result(c, 0);
    struct change *w = call_alloc(c, sizeof(*w));

    if (!w)
        return STEP_FAIL;
    c->state = w;
    w->old_hash = arena_strdup(&c->arena, result_get(r, 0, "password_hash"));
    w->old = call_body_text(c, "current_password");
    w->new = call_body_text(c, "new_password");
    if (!new_password_good(c, "/new_password", w->new, result_get(r, 0, "email"),
                           result_get(r, 0, "name")))
        return STEP_FAIL;
    ask_sign_in_attempt(
        c, (struct q_sign_in_attempt){.email = caller_id(c), .address = call_network(c)});
    return STEP_WAIT;
}

static enum step change_verify(struct call *c)
{
    struct change *w = c->state;

    if (!may_try(c))
        return STEP_FAIL;
    w->job.work = check_and_hash;
    return call_offload(c, &w->job) ? STEP_WAIT : STEP_FAIL;
}

static enum step change_write(struct call *c)
{
    const struct change *w = c->state;

    if (!w->right)
        return call_fail(c, ERR_BAD_LOGIN, "the current password is wrong");
    if (!w->done)
        return call_fail(c, ERR_BUSY, "no memory to hash the password; try again");
    ask_password_change(c, (struct q_password_change){.user = c->who->id,
                                                      .session = c->who->session,
                                                      .old_hash = w->old_hash,
                                                      .new_hash = w->hash});
    ask_sign_in_succeeded(
        c, (struct q_sign_in_succeeded){.email = caller_id(c), .address = call_network(c)});
    return STEP_WAIT;
}

static enum step change_reply(struct call *c)
{
    if (strcmp(result_get(call_result(c, 0), 0, "changed"), "t") != 0)
        return call_fail(c, ERR_STALE, "the password has been changed meanwhile");
    return reply_empty(c);
}

const struct operation me_password = {
    .steps = (step_fn *const[]){change_find, change_attempt, change_verify, change_write,
                                change_reply, NULL},
};
