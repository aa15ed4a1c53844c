#include "loop/offload.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "loop/worker.h"

struct offload {
    pthread_mutex_t lock; /* guards everything below but the threads */
    pthread_cond_t wanted;
    struct job *first, *last;
    unsigned waiting, limit;
    bool ending;
    unsigned nthreads;
    pthread_t threads[];
};

static void job_told(void *arg)
{
    struct job *job = arg;

    job->done(job);
}

/* Returns the next job, or NULL when the threads shall end. */
static struct job *take(struct offload *o)
{
    struct job *job = NULL;

    pthread_mutex_lock(&o->lock);
    while (o->first == NULL && !o->ending)
        pthread_cond_wait(&o->wanted, &o->lock);
    if (!o->ending) {
        job = o->first;
        o->first = job->next;
        o->waiting--;
    }
    pthread_mutex_unlock(&o->lock);
    return job;
}

static void *thread_main(void *arg)
{
    struct offload *o = arg;
    struct job *job;

    while ((job = take(o)) != NULL) {
        job->work(job);
        worker_post(job->worker, job_told, job);
    }
    return NULL;
}

struct offload *offload_create(unsigned threads, unsigned queue)
{
    struct offload *o = calloc(1, sizeof *o + threads * sizeof o->threads[0]);
    sigset_t all, before;

    if (o == NULL)
        abort();
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->wanted, NULL);
    o->limit = queue;
    sigfillset(&all); /* signals belong to the main thread */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (o->nthreads < threads &&
           pthread_create(&o->threads[o->nthreads], NULL, thread_main, o) == 0)
        o->nthreads++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (o->nthreads == 0)
        abort();
    return o;
}

void offload_destroy(struct offload *o)
{
    if (o == NULL)
        return;
    pthread_mutex_lock(&o->lock);
    o->ending = true;
    pthread_cond_broadcast(&o->wanted);
    pthread_mutex_unlock(&o->lock);
    for (unsigned i = 0; i < o->nthreads; i++)
        pthread_join(o->threads[i], NULL);
    pthread_cond_destroy(&o->wanted);
    pthread_mutex_destroy(&o->lock);
    free(o);
}

bool offload_submit(struct offload *o, struct job *job)
{
    bool room;

    job->next = NULL;
    pthread_mutex_lock(&o->lock);
    room = o->waiting < o->limit;
    if (room) {
        if (o->first == NULL)
            o->first = job;
        else
            o->last->next = job;
        o->last = job;
        o->waiting++;
        pthread_cond_signal(&o->wanted);
    }
    pthread_mutex_unlock(&o->lock);
    return room;
}
