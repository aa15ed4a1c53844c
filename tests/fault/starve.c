/* starve - preloaded into the daemon by tests/fault: makes one allocation fail.
 *
 * The file that STARVE names holds a number that the test and the daemon share: above zero it is
 * counted down by each allocation, and the one that reaches zero gets NULL. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);

static _Atomic(long) *left;

__attribute__((constructor)) static void open_counter(void)
{
    const char *path = getenv("STARVE");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *p =
        fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (p != MAP_FAILED)
        left = p;
    if (fd >= 0)
        close(fd);
}

static int starved(void)
{
    if (!left || atomic_load_explicit(left, memory_order_relaxed) <= 0)
        return 0;
    if (atomic_fetch_sub(left, 1) != 1)
        return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    return starved() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return starved() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
    return starved() ? NULL : __libc_realloc(p, size);
}
