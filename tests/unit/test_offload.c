/* The loop and its helpers: posts from other threads, turns, timers, offloaded jobs. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "loop/offload.h"
#include "loop/worker.h"

#define POSTS 1000

static void stop(void *arg)
{
    worker_stop(arg);
}

/* posts */

struct tally {
    struct worker *worker;
    unsigned posts, turns, last;
    bool in_order;
};

struct message {
    struct tally *tally;
    unsigned number;
};

static void count_post(void *arg)
{
    struct message *m = arg;
    struct tally *t = m->tally;

    t->in_order = t->in_order && m->number == t->last + 1;
    t->last = m->number;
    if (++t->posts == POSTS)
        worker_stop(t->worker);
}

static void count_turn(void *arg)
{
    struct tally *t = arg;

    t->turns++;
}

static void *post_many(void *arg)
{
    struct message *messages = arg;

    for (unsigned i = 0; i < POSTS; i++)
        worker_post(messages[i].tally->worker, count_post, &messages[i]);
    return NULL;
}

static void posts_of_another_thread_arrive_in_order(void **state)
{
    struct tally tally = {.in_order = true};
    struct message messages[POSTS];
    pthread_t thread;

    (void)state;
    tally.worker = worker_create(3);
    assert_int_equal(worker_index(tally.worker), 3);
    assert_non_null(worker_base(tally.worker));
    worker_on_turn(tally.worker, count_turn, &tally);
    for (unsigned i = 0; i < POSTS; i++)
        messages[i] = (struct message){.tally = &tally, .number = i + 1};
    assert_int_equal(pthread_create(&thread, NULL, post_many, messages), 0);
    worker_run(tally.worker);
    pthread_join(thread, NULL);
    assert_int_equal(tally.posts, POSTS);
    assert_true(tally.in_order);
    assert_true(tally.turns >= 2); /* one before the loop, one after each turn */
    worker_destroy(tally.worker);
}

static void a_post_never_run_is_freed(void **state)
{
    struct worker *w = worker_create(0);

    (void)state;
    worker_post(w, stop, w);
    worker_destroy(w);
}

static void a_started_worker_is_stopped_by_a_post(void **state)
{
    struct worker *w = worker_create(1);

    (void)state;
    assert_true(worker_start(w));
    worker_post(w, stop, w);
    worker_join(w);
    worker_join(w); /* a second join is harmless */
    worker_destroy(w);
}

/* timers */

struct ticks {
    struct worker *worker;
    struct timer *timer, *never;
    unsigned count;
};

static void on_never(void *arg)
{
    struct ticks *t = arg;

    t->count = 1000;
}

static void on_tick(void *arg)
{
    struct ticks *t = arg;

    if (++t->count == 3) {
        worker_stop(t->worker);
        return;
    }
    timer_set(t->timer, 100);
}

static void timers_are_one_shot_and_can_be_cancelled(void **state)
{
    struct ticks t = {0};

    (void)state;
    t.worker = worker_create(0);
    t.timer = timer_create_on(t.worker, on_tick, &t);
    t.never = timer_create_on(t.worker, on_never, &t);
    timer_set(t.never, 1);
    timer_cancel(t.never);
    timer_set(t.timer, -5);
    worker_run(t.worker);
    assert_int_equal(t.count, 3);
    timer_destroy(t.timer);
    timer_destroy(t.never);
    timer_destroy(NULL);
    worker_destroy(t.worker);
}

/* offload */

struct hall {
    struct worker *worker;
    pthread_t loop_thread;
    pthread_mutex_t gate;
    pthread_cond_t entered;
    unsigned running, done;
    bool right_threads, open;
};

struct square {
    struct job job; /* first, so that a job is a square */
    struct hall *hall;
    unsigned in, out;
};

static void square_work(struct job *job)
{
    struct square *s = (struct square *)(void *)job;

    if (pthread_equal(pthread_self(), s->hall->loop_thread))
        return; /* the wrong thread: out stays 0 and the test fails */
    s->out = s->in * s->in;
}

static void square_done(struct job *job)
{
    struct square *s = (struct square *)(void *)job;
    struct hall *hall = s->hall;

    if (!pthread_equal(pthread_self(), hall->loop_thread))
        hall->right_threads = false;
    if (++hall->done == 64)
        worker_stop(hall->worker);
}

static void jobs_run_elsewhere_and_are_answered_here(void **state)
{
    struct hall hall = {.right_threads = true, .loop_thread = pthread_self()};
    struct square squares[64] = {0};
    struct offload *o = offload_create(3, 64);

    (void)state;
    hall.worker = worker_create(0);
    for (unsigned i = 0; i < 64; i++) {
        squares[i] = (struct square){.hall = &hall, .in = i + 1};
        squares[i].job =
            (struct job){.work = square_work, .done = square_done, .worker = hall.worker};
        assert_true(offload_submit(o, &squares[i].job));
    }
    worker_run(hall.worker);
    assert_int_equal(hall.done, 64);
    assert_true(hall.right_threads);
    for (unsigned i = 0; i < 64; i++)
        assert_int_equal(squares[i].out, (i + 1) * (i + 1));
    offload_destroy(o);
    worker_destroy(hall.worker);
}

static void blocked_work(struct job *job)
{
    struct hall *hall = ((struct square *)(void *)job)->hall;

    pthread_mutex_lock(&hall->gate);
    hall->running++;
    pthread_cond_signal(&hall->entered);
    while (!hall->open)
        pthread_cond_wait(&hall->entered, &hall->gate);
    pthread_mutex_unlock(&hall->gate);
}

static void no_done(struct job *job)
{
    (void)job;
}

static void a_full_queue_refuses_at_once_and_the_rest_is_dropped(void **state)
{
    struct hall hall = {.gate = PTHREAD_MUTEX_INITIALIZER, .entered = PTHREAD_COND_INITIALIZER};
    struct square squares[4] = {0};
    struct offload *o = offload_create(1, 2);

    (void)state;
    hall.worker = worker_create(0);
    for (unsigned i = 0; i < 4; i++) {
        squares[i].hall = &hall;
        squares[i].job = (struct job){.work = blocked_work, .done = no_done, .worker = hall.worker};
    }
    assert_true(offload_submit(o, &squares[0].job));
    pthread_mutex_lock(&hall.gate);
    while (hall.running == 0)
        pthread_cond_wait(&hall.entered, &hall.gate);
    pthread_mutex_unlock(&hall.gate);
    /* the only thread is busy: two may wait, the third may not */
    assert_true(offload_submit(o, &squares[1].job));
    assert_true(offload_submit(o, &squares[2].job));
    assert_false(offload_submit(o, &squares[3].job));
    pthread_mutex_lock(&hall.gate);
    hall.open = true;
    pthread_cond_broadcast(&hall.entered);
    pthread_mutex_unlock(&hall.gate);
    offload_destroy(o);
    offload_destroy(NULL);
    worker_destroy(hall.worker);
    worker_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posts_of_another_thread_arrive_in_order),
        cmocka_unit_test(a_post_never_run_is_freed),
        cmocka_unit_test(a_started_worker_is_stopped_by_a_post),
        cmocka_unit_test(timers_are_one_shot_and_can_be_cancelled),
        cmocka_unit_test(jobs_run_elsewhere_and_are_answered_here),
        cmocka_unit_test(a_full_queue_refuses_at_once_and_the_rest_is_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
