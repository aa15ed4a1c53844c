#include "loop/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"

#define TURNS_MAX 8

struct turn {
    worker_turn_fn *fn;
    void *arg;
};

struct post {
    struct post *next;
    void (*fn)(void *);
    void *arg;
};

struct worker {
    struct event_base *base;
    struct turn turns[TURNS_MAX];
    unsigned nturns;
    unsigned index;
    bool stopped;
    bool started;
    pthread_t thread;

    int wake_fd; /* an eventfd: what another thread writes to end a sleep in epoll_wait() */
    struct event *wake;
    pthread_mutex_t lock; /* guards the two pointers below, nothing else */
    struct post *first, *last;
};

struct timer {
    struct event *event;
    void (*fn)(void *);
    void *arg;
};

static void *must(void *p)
{
    if (p == NULL)
        abort();
    return p;
}

static struct post *take_posts(struct worker *w)
{
    struct post *list;

    pthread_mutex_lock(&w->lock);
    list = w->first;
    w->first = w->last = NULL;
    pthread_mutex_unlock(&w->lock);
    return list;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;
    uint64_t count;
    ssize_t got =
        read(fd, &count, sizeof count); /* empties the counter; the list is what matters */
    struct post *post = take_posts(w);

    (void)what;
    (void)got;
    while (post != NULL) {
        struct post *next = post->next;

        post->fn(post->arg);
        free(post);
        post = next;
    }
}

struct worker *worker_create(unsigned index)
{
    struct worker *w = must(calloc(1, sizeof *w));
    struct event_config *config = must(event_config_new());

    /* One thread per base, so no locks. The changelist saves one epoll_ctl() per change; it demands
     * that no watched descriptor is ever dup()ed. */
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
    w->index = index;
    w->base = must(event_base_new_with_config(config));
    event_config_free(config);
    pthread_mutex_init(&w->lock, NULL);
    w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (w->wake_fd < 0)
        abort();
    w->wake = must(event_new(w->base, w->wake_fd, EV_READ | EV_PERSIST, on_wake, w));
    event_add(w->wake, NULL);
    return w;
}

void worker_destroy(struct worker *w)
{
    struct post *post;

    if (w == NULL)
        return;
    for (post = take_posts(w); post != NULL;) {
        struct post *next = post->next;

        free(post);
        post = next;
    }
    event_free(w->wake);
    close(w->wake_fd);
    pthread_mutex_destroy(&w->lock);
    event_base_free(w->base);
    free(w);
}

struct event_base *worker_base(struct worker *w)
{
    return w->base;
}

unsigned worker_index(const struct worker *w)
{
    return w->index;
}

void worker_on_turn(struct worker *w, worker_turn_fn *fn, void *arg)
{
    if (w->nturns == TURNS_MAX)
        abort();
    w->turns[w->nturns++] = (struct turn){.fn = fn, .arg = arg};
}

static void run_turns(const struct worker *w)
{
    for (unsigned i = 0; i < w->nturns; i++)
        w->turns[i].fn(w->turns[i].arg);
}

void worker_run(struct worker *w)
{
    w->stopped = false;
    log_hold();   /* one write for the lines of a turn: they are a third of the system calls else */
    run_turns(w); /* what was collected before the loop began must not wait for its first event */
    while (!w->stopped) {
        log_flush();
        if (event_base_loop(w->base, EVLOOP_ONCE) < 0)
            abort();
        run_turns(w);
    }
    log_release();
}

static void *thread_main(void *arg)
{
    worker_run(arg);
    return NULL;
}

bool worker_start(struct worker *w)
{
    sigset_t all, before;
    int failed;

    /* Signals belong to the main thread, so the new one starts with all of them blocked. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&w->thread, NULL, thread_main, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    w->started = failed == 0;
    return w->started;
}

void worker_join(struct worker *w)
{
    if (!w->started)
        return;
    pthread_join(w->thread, NULL);
    w->started = false;
}

void worker_stop(struct worker *w)
{
    w->stopped = true;
}

void worker_post(struct worker *w, void (*fn)(void *), void *arg)
{
    struct post *post = must(malloc(sizeof *post));
    uint64_t one = 1;
    bool was_empty;

    *post = (struct post){.fn = fn, .arg = arg};
    pthread_mutex_lock(&w->lock);
    was_empty = w->first == NULL;
    if (was_empty)
        w->first = post;
    else
        w->last->next = post;
    w->last = post;
    pthread_mutex_unlock(&w->lock);
    if (!was_empty)
        return; /* whoever posted the first one wakes the loop for all */
    while (write(w->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct timer *t = arg;

    (void)fd;
    (void)what;
    t->fn(t->arg);
}

struct timer *timer_create_on(struct worker *w, void (*fn)(void *), void *arg)
{
    struct timer *t = must(calloc(1, sizeof *t));

    t->fn = fn;
    t->arg = arg;
    t->event = must(evtimer_new(w->base, on_timer, t));
    return t;
}

void timer_set(struct timer *t, int64_t us)
{
    struct timeval tv;

    if (us < 0)
        us = 0;
    tv.tv_sec = (time_t)(us / 1000000);
    tv.tv_usec = (suseconds_t)(us % 1000000);
    evtimer_add(t->event, &tv);
}

void timer_cancel(struct timer *t)
{
    evtimer_del(t->event);
}

void timer_destroy(struct timer *t)
{
    if (t == NULL)
        return;
    event_free(t->event);
    free(t);
}
