/* mail_domain - the domains of e-mail addresses: the look at whether they take mail, some at a time
 * and not faster than that, and the list of what is known. */
#include "service/resource/mail_domain.h"

#include "asks.gen.h"
#include "call/list.h"
#include "dns/mail.h"
#include "service/record/record.h"

#define BATCH 20
#define LOOK_MS 4000 /* for a domain, all its questions */

struct look {
    size_t n;
    const char *domains[BATCH];
    enum mail_reason found[BATCH];
};

static enum step claim(struct call *c)
{
    if (!c->env->mail_dns) {
        c->reply.status = 204;
        return STEP_REPLY;
    }
    ask_mail_domain_claim(c, (struct q_mail_domain_claim){.batch = BATCH});
    return STEP_WAIT;
}

static void looked(void *arg)
{
    call_resume(arg);
}

static enum step look(struct call *c)
{
    const struct result *r = call_result(c, 0);
    unsigned half = c->env->deadline_ms / 2;
    struct look *l;

    if (result_rows(r) == 0) {
        c->reply.status = 204;
        return STEP_REPLY;
    }
    l = c->state = call_alloc(c, sizeof(*l));
    if (!l)
        return STEP_FAIL;
    l->n = 0;
    for (int i = 0; i < result_rows(r) && l->n < BATCH; i++)
        l->domains[l->n++] = result_get(r, i, "domain");
    call_suspend(c);
    mail_look(c->env->worker,
              &(struct mail_query){.domains = l->domains,
                                   .n = l->n,
                                   .ret = l->found,
                                   .servers = c->env->mail_dns,
                                   .deadline_ms = half < LOOK_MS ? half : LOOK_MS},
              looked, c);
    return STEP_WAIT;
}

static enum step store(struct call *c)
{
    const struct look *l = c->state;
    json_t *results = keep_json(c, json_array());

    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(results, json_pack("{s:s,s:s,s:s?}", "domain", l->domains[i],
                                                 "verdict", mail_verdict(l->found[i]), "reason",
                                                 mail_reason_word(l->found[i])));
    ask_mail_domain_store(c, (struct q_mail_domain_store){.results = call_json(c, results)});
    return STEP_WAIT;
}

/* 204 even when more wait: name servers are others' machines, and are not hurried. */
static enum step over(struct call *c)
{
    c->reply.status = 204;
    return STEP_REPLY;
}

step_fn *const mail_domain_steps[] = {claim, look, store, over, NULL};

/* GET /v1/mail-domains */

static enum step list(struct call *c)
{
    return list_ask(c, &list_mail_domain_list, (const char *const[]){NULL});
}

const struct operation mail_domain_list = {(step_fn *const[]){list, list_reply, NULL}, NULL};
