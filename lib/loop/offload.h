/**
 * offload - a few threads for CPU work that must not run on a loop (password hashing).
 */
#ifndef SLUICE_LOOP_OFFLOAD_H
#define SLUICE_LOOP_OFFLOAD_H

#include <stdbool.h>

struct offload;
struct worker;

/** One piece of work, owned by the caller until done() ran. */
struct job {
    void (*work)(struct job *); /* runs on an offload thread: touches nothing but the job */
    void (*done)(struct job *); /* runs on the worker that asked */
    struct worker *worker;
    void *arg;        /* whoever asked: the engine of a call */
    struct job *next; /* offload's own */
};

/** Starts @threads threads with a queue of at most @queue jobs. */
struct offload *offload_create(unsigned threads, unsigned queue);

/** Ends the threads after the jobs in hand; jobs still queued are dropped. Accepts NULL. */
void offload_destroy(struct offload *o);

/** Queues a job; returns false at once when the queue is full (the client gets 503). */
bool offload_submit(struct offload *o, struct job *job);

#endif
