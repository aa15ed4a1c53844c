/**
 * crew - the workers: each a thread with its own loop, connections, caches and listening socket.
 */
#ifndef SLUICE_CMD_CREW_H
#define SLUICE_CMD_CREW_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct conf;
struct crew;
struct site;

/** Creates the workers and starts their threads. NULL and why on failure. */
struct crew *crew_start(const struct conf *conf, const struct site *site, struct buf *why);

/** Waits until every worker reaches the database, at most @ms; tells whether all do. */
bool crew_wait_ready(struct crew *crew, unsigned ms);

uint16_t crew_port(const struct crew *crew);
uint16_t crew_admin_port(const struct crew *crew);

/** Loads the certificate again, for connections from now on. False and why if it is no good: then
 * the old one stays. Does nothing without TLS. */
bool crew_reload(struct crew *crew, const struct conf *conf, struct buf *why);

/** Stops accepting, waits for requests in flight (at most @ms), ends the threads and frees. */
void crew_stop(struct crew *crew, unsigned ms);

#endif
