#include "db/resolve.h"

#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"

#define ADDRESSES_MAX 1024

struct resolve {
    struct gaicb look_up;
    struct addrinfo hints;
    char *name;
};

struct resolve *resolve_start(const char *name)
{
    struct resolve *r = calloc(1, sizeof *r);
    struct gaicb *list[1];
    struct sigevent quiet = {.sigev_notify = SIGEV_NONE};

    if (r == NULL)
        abort();
    r->name = strdup(name);
    r->hints = (struct addrinfo){.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    r->look_up = (struct gaicb){.ar_name = r->name, .ar_request = &r->hints};
    list[0] = &r->look_up;
    if (getaddrinfo_a(GAI_NOWAIT, list, 1, &quiet) == 0)
        return r;
    free(r->name);
    free(r);
    return NULL;
}

enum resolve_state resolve_poll(struct resolve *r)
{
    int result = gai_error(&r->look_up);

    if (result == EAI_INPROGRESS)
        return RESOLVE_PENDING;
    return result == 0 ? RESOLVE_DONE : RESOLVE_FAILED;
}

char *resolve_addresses(const struct resolve *r)
{
    struct buf list;

    buf_init(&list, ADDRESSES_MAX);
    for (const struct addrinfo *a = r->look_up.ar_result; a != NULL; a = a->ai_next) {
        char text[NI_MAXHOST];

        if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST) != 0)
            continue;
        if (list.len + strlen(text) + 1 >= ADDRESSES_MAX)
            break;
        if (list.len > 0)
            buf_putc(&list, ',');
        buf_puts(&list, text);
    }
    return buf_take(&list, NULL);
}

const char *resolve_why(struct resolve *r)
{
    return gai_strerror(gai_error(&r->look_up));
}

void resolve_destroy(struct resolve *r)
{
    if (r == NULL)
        return;
    /* A look-up that is running cannot be stopped and still writes here: then the few bytes are
     * left to it. */
    if (gai_error(&r->look_up) == EAI_INPROGRESS && gai_cancel(&r->look_up) == EAI_NOTCANCELED)
        return;
    if (r->look_up.ar_result != NULL)
        freeaddrinfo(r->look_up.ar_result);
    free(r->name);
    free(r);
}
