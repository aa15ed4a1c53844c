/**
 * scratch - files that live as long as they are open.
 */
#ifndef SLUICE_BASE_SCRATCH_H
#define SLUICE_BASE_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>

/** Opens an empty file without a name in the folder, which is made with those that it
 * lies in if it is missing: whatever
 * becomes of the process, nothing is left. Returns its descriptor, or -1 with errno. */
int scratch_open(const char *folder);

/** Writes all of it at the descriptor's place; false with errno. */
bool scratch_write(int fd, const void *bytes, size_t n);

#endif
