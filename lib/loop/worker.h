/**
 * worker - one thread with its own event base; nothing is shared between workers but read-only
 * tables.
 */
#ifndef SLUICE_LOOP_WORKER_H
#define SLUICE_LOOP_WORKER_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct worker;

/** What runs at the end of every turn of the loop (flushing what the turn collected). */
typedef void worker_turn_fn(void *arg);

/** Creates the worker's event base (epoll changelist, no locks). @index is 0 for the first. */
struct worker *worker_create(unsigned index);

/** Frees the worker; its thread must have ended. Accepts NULL. */
void worker_destroy(struct worker *w);

struct event_base *worker_base(struct worker *w);
unsigned worker_index(const struct worker *w);

/** Registers @fn to run at the end of every loop turn, in the order of registration (at most 8). */
void worker_on_turn(struct worker *w, worker_turn_fn *fn, void *arg);

/** Runs the loop in the calling thread until worker_stop(). */
void worker_run(struct worker *w);

/** Starts a thread that calls worker_run(). Returns false if the kernel refuses. */
bool worker_start(struct worker *w);

/** Waits for the thread of worker_start(). */
void worker_join(struct worker *w);

/** Ends worker_run() after the current turn. Call it in the worker's own thread (see worker_post).
 */
void worker_stop(struct worker *w);

/** Hands a function to the worker's thread: the one way in from other threads. */
void worker_post(struct worker *w, void (*fn)(void *), void *arg);

/** A one-shot timer. worker_timer() (re)arms it: fn(arg) once after @us microseconds. */
struct timer;
struct timer *timer_create_on(struct worker *w, void (*fn)(void *), void *arg);
void timer_set(struct timer *t, int64_t us);
void timer_cancel(struct timer *t);
void timer_destroy(struct timer *t);

#endif
