/* Any line of X-Forwarded-For or Forwarded: no fault; a client is found only behind a trusted
 * address; and what a proxy appends decides, whatever stands before it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/forwarded.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static struct address at(const char *text)
{
    struct address a;

    require(address_parse(span_of(text), &a));
    return a;
}

static struct address client(const struct networks *trusted, enum forwarded_kind kind,
                             struct address from, struct span line)
{
    struct forwarded f = {.trusted = trusted, .kind = kind, .client = from};

    forwarded_take(&f, line);
    return f.client;
}

static bool same(struct address a, struct address b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static struct networks ours;
static struct address proxy, stranger, visitor;

static void read_once(void)
{
    if (ours.n > 0)
        return;
    require(networks_parse("10.0.0.0/8 2001:db8::/32", &ours));
    proxy = at("10.0.0.1");
    stranger = at("192.0.2.1");
    visitor = at("203.0.113.9");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const appended[] = {", 203.0.113.9", ", for=\"203.0.113.9\""};
    struct networks trusted;
    struct address a, again;
    char text[ADDRESS_TEXT], *line = malloc(size + 32);

    read_once();
    require(line != NULL);
    memcpy(line, data, size);
    for (unsigned kind = FORWARDED_X_FOR; kind <= FORWARDED_RFC7239; kind++) {
        struct span whole = {line, size + strlen(appended[kind])};

        a = client(&ours, kind, proxy, (struct span){line, size});
        address_format(&a, text);
        if (*text != '\0')
            require(address_parse(span_of(text), &again) && same(a, again));
        require(same(client(&ours, kind, stranger, (struct span){line, size}), stranger));
        memcpy(line + size, appended[kind], strlen(appended[kind]));
        require(same(client(&ours, kind, proxy, whole), visitor));
    }
    line[size] = '\0';
    for (size_t i = 0; i < size; i++)
        if (line[i] == '\0')
            line[i] = ' ';
    if (networks_parse(line, &trusted))
        require(trusted.n <= NETWORKS_MAX);
    free(line);
    return 0;
}
