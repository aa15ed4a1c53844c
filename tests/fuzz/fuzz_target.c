/* Any target: no fault, and what is accepted keeps the promises of target.h. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_segment(struct span s)
{
    require(strlen(s.p) == s.n && text_is_utf8(s.p, s.n));
    for (size_t i = 0; i < s.n; i++)
        require((uint8_t)s.p[i] >= 0x20 && s.p[i] != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct target t;
    char *text = malloc(size + 1);

    require(text != NULL);
    for (size_t i = 0; i < size; i++)
        text[i] =
            (char)(data[i] <= 0x20 || data[i] >= 0x7f ? '/' : data[i]); /* as wire lets through */
    text[size] = '\0';
    if (target_parse(text, size, &t) == NULL) {
        for (unsigned i = 0; i < t.nsegments && i < TARGET_SEGMENTS_MAX; i++)
            check_segment(t.segments[i]);
        for (unsigned i = 0; i < 2 * t.npairs; i++)
            require(text_is_utf8(t.pairs[i], strlen(t.pairs[i])));
        require(t.pairs[2 * t.npairs] == NULL);
    }
    free(text);
    return 0;
}
