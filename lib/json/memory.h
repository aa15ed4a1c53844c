/**
 * memory - where trees of JSON live.
 *
 * A tree is many small pieces that come and go together. Each thread keeps those that it gave back
 * until it ends, as malloc() does, but more than seven of a size: what malloc() cannot keep so it
 * joins with its neighbours, to cut it up again for the next tree. That was a fifth of the daemon's
 * time for a listing of transitions (29.8 us, then 23.5); glibc lets a program say how many to keep
 * by an environment variable only. Sanitized builds keep none.
 */
#ifndef SLUICE_JSON_MEMORY_H
#define SLUICE_JSON_MEMORY_H

/** Has jansson take its memory here; before the first tree. Memory that cannot be had ends the
 * process: jansson would tell an error that reads like a body that is not well-formed, and the
 * client would be refused for what it did not do. Pieces are malloc()'s, so free() takes them. */
void json_memory_setup(void);

#endif
