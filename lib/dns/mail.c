/* mail - a channel of c-ares per look, driven by the worker's loop. The servers of the system are
 * read anew with each, so that a change of /etc/resolv.conf is noticed. */
#include "dns/mail.h"

#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <event2/event.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "loop/worker.h"

#define TRY_MS 1500 /* until a server is asked again, or the next one */
#define TRIES 2

/* One domain: MX, then A, then AAAA, for as long as there is nothing of the kind. */
struct question {
    struct mail_look *look;
    const char *domain;
    enum mail_reason *ret;
    int type; /* ns_t_* */
};

/* A socket of the channel. */
struct watch {
    struct mail_look *look;
    struct watch *next;
    struct event *event;
    ares_socket_t fd;
};

struct mail_look {
    ares_channel channel; /* NULL: there is none, and nothing is known */
    struct event_base *base;
    struct watch *watches;
    struct timer *retry; /* c-ares' */
    struct timer *end;   /* the deadline, or at once when all is answered */
    size_t open;         /* questions */
    void (*done)(void *arg);
    void *arg;
    struct question questions[];
};

static const struct {
    const char *verdict, *reason;
} words[] = {
    [MAIL_UNANSWERED] = {"unknown", NULL},       [MAIL_MX] = {"accepts", "mx"},
    [MAIL_ADDRESS] = {"accepts", "address"},     [MAIL_NULL_MX] = {"refuses", "null_mx"},
    [MAIL_NO_DOMAIN] = {"refuses", "no_domain"}, [MAIL_NO_HOST] = {"refuses", "no_host"},
};

const char *mail_verdict(enum mail_reason reason)
{
    return words[reason].verdict;
}

const char *mail_reason_word(enum mail_reason reason)
{
    return words[reason].reason;
}

/* the loop: sockets and times of the channel */

static void wait_again(struct mail_look *look)
{
    struct timeval most = {.tv_sec = TRY_MS / 1000}, room;
    const struct timeval *wait = ares_timeout(look->channel, &most, &room);

    timer_set(look->retry, (int64_t)wait->tv_sec * 1000000 + wait->tv_usec);
}

static void on_retry(void *arg)
{
    struct mail_look *look = arg;

    ares_process_fd(look->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    wait_again(look);
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
    struct mail_look *look = ((struct watch *)arg)->look; /* the watch may go while it is served */

    ares_process_fd(look->channel, what & EV_READ ? fd : ARES_SOCKET_BAD,
                    what & EV_WRITE ? fd : ARES_SOCKET_BAD);
    wait_again(look);
}

static void unwatch(struct watch **at)
{
    struct watch *watch = *at;

    *at = watch->next;
    event_free(watch->event);
    free(watch);
}

/* c-ares says what it waits for; neither: the socket is about to be closed. */
static void on_state(void *arg, ares_socket_t fd, int readable, int writable)
{
    short what = (short)(EV_PERSIST | (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0));
    struct mail_look *look = arg;
    struct watch **at = &look->watches, *watch;

    while (*at && (*at)->fd != fd)
        at = &(*at)->next;
    if (*at)
        unwatch(at);
    if (!readable && !writable)
        return;
    watch = calloc(1, sizeof(*watch));
    if (!watch)
        abort();
    *watch = (struct watch){.look = look, .next = look->watches, .fd = fd};
    look->watches = watch;
    watch->event = event_new(look->base, fd, what, on_socket, watch);
    if (!watch->event)
        abort();
    event_add(watch->event, NULL);
}

/* the answers */

static enum mail_reason read_mx(const unsigned char *answer, int size, bool *ret_none)
{
    struct ares_mx_reply *list = NULL;
    int status = ares_parse_mx_reply(answer, size, &list);
    bool names_a_host = false;

    *ret_none = status == ARES_ENODATA || (status == ARES_SUCCESS && !list);
    for (const struct ares_mx_reply *mx = list; mx; mx = mx->next)
        names_a_host = names_a_host || (*mx->host && strcmp(mx->host, ".") != 0);
    if (list)
        ares_free_data(list);
    if (status != ARES_SUCCESS)
        return MAIL_UNANSWERED;
    return names_a_host ? MAIL_MX : MAIL_NULL_MX;
}

static enum mail_reason read_address(int type, const unsigned char *answer, int size,
                                     bool *ret_none)
{
    struct ares_addr6ttl six[1];
    struct ares_addrttl four[1];
    int n = 1;
    int status = type == ns_t_a ? ares_parse_a_reply(answer, size, NULL, four, &n)
                                : ares_parse_aaaa_reply(answer, size, NULL, six, &n);

    *ret_none = status == ARES_ENODATA || (status == ARES_SUCCESS && n == 0);
    return status == ARES_SUCCESS ? MAIL_ADDRESS : MAIL_UNANSWERED;
}

static void on_answer(void *arg, int status, int timeouts, unsigned char *answer, int size)
{
    struct question *q = arg;
    struct mail_look *look = q->look;
    bool none = status == ARES_ENODATA;

    (void)timeouts;
    if (status == ARES_SUCCESS)
        *q->ret = q->type == ns_t_mx ? read_mx(answer, size, &none)
                                     : read_address(q->type, answer, size, &none);
    else if (status == ARES_ENOTFOUND)
        *q->ret = MAIL_NO_DOMAIN;
    if (none && q->type != ns_t_aaaa) {
        *q->ret = MAIL_UNANSWERED;
        q->type = q->type == ns_t_mx ? ns_t_a : ns_t_aaaa;
        ares_query(look->channel, q->domain, ns_c_in, q->type, on_answer, q);
        return;
    }
    if (none)
        *q->ret = MAIL_NO_HOST;
    if (--look->open == 0)
        timer_set(look->end, 0); /* not here: this is inside the channel */
}

static void on_end(void *arg)
{
    struct mail_look *look = arg;
    void (*done)(void *arg) = look->done;
    void *whose = look->arg;

    if (look->channel)
        ares_destroy(look->channel); /* questions that are still open end unanswered */
    while (look->watches)
        unwatch(&look->watches);
    timer_destroy(look->retry);
    timer_destroy(look->end);
    free(look);
    ares_library_cleanup();
    done(whose);
}

static ares_channel open_channel(struct mail_look *look, const char *servers)
{
    static char from_dns[] = "b"; /* not from /etc/hosts */
    struct ares_options o = {.flags = ARES_FLAG_NOSEARCH,
                             .timeout = TRY_MS,
                             .tries = TRIES,
                             .lookups = from_dns,
                             .sock_state_cb = on_state,
                             .sock_state_cb_data = look};
    ares_channel channel = NULL;

    if (ares_init_options(&channel, &o,
                          ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
                              ARES_OPT_SOCK_STATE_CB) != ARES_SUCCESS)
        return NULL;
    if (*servers && ares_set_servers_ports_csv(channel, servers) != ARES_SUCCESS) {
        ares_destroy(channel);
        return NULL;
    }
    return channel;
}

void mail_look(struct worker *w, const struct mail_query *q, void (*done)(void *arg), void *arg)
{
    struct mail_look *look = calloc(1, sizeof(*look) + q->n * sizeof(look->questions[0]));

    if (!look)
        abort();
    look->base = worker_base(w);
    look->done = done;
    look->arg = arg;
    look->retry = timer_create_on(w, on_retry, look);
    look->end = timer_create_on(w, on_end, look);
    look->open = q->n;
    for (size_t i = 0; i < q->n; i++)
        q->ret[i] = MAIL_UNANSWERED;
    ares_library_init(ARES_LIB_INIT_ALL);
    look->channel = open_channel(look, q->servers);
    timer_set(look->end, look->channel && q->n ? (int64_t)q->deadline_ms * 1000 : 0);
    if (!look->channel)
        return;
    for (size_t i = 0; i < q->n; i++) {
        look->questions[i] = (struct question){
            .look = look, .domain = q->domains[i], .ret = &q->ret[i], .type = ns_t_mx};
        ares_query(look->channel, q->domains[i], ns_c_in, ns_t_mx, on_answer, &look->questions[i]);
    }
    wait_again(look);
}

bool mail_servers_are_valid(const char *servers)
{
    ares_channel channel = NULL;
    bool valid;

    if (!*servers)
        return true;
    ares_library_init(ARES_LIB_INIT_ALL);
    valid = ares_init(&channel) == ARES_SUCCESS &&
            ares_set_servers_ports_csv(channel, servers) == ARES_SUCCESS;
    if (channel)
        ares_destroy(channel);
    ares_library_cleanup();
    return valid;
}
