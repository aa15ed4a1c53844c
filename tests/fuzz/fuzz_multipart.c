/* Any multipart body with any boundary (the first line): no fault, and strings without zero bytes
 * in UTF-8. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "json/body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_text(const char *text)
{
    require(text && text_is_utf8(text, strlen(text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data, *end = size > 0 ? memchr(p, '\n', size) : NULL;
    const char *boundary, *name;
    struct span body;
    struct arena a;
    struct err e;
    json_t *form, *value;

    if (!end)
        return 0;
    body = (struct span){end + 1, size - (size_t)(end + 1 - p)};
    arena_init(&a, 1 << 22);
    err_init(&e, &a);
    if (multipart_boundary(&a, arena_copy(&a, p, (size_t)(end - p)), &boundary)) {
        form = body_parse_multipart(&a, body, boundary, &e);
        require((form == NULL) == (e.code != ERR_NONE));
        json_object_foreach (form, name, value) {
            check_text(name);
            if (json_is_string(value))
                check_text(json_string_value(value));
            for (size_t i = 0; i < json_array_size(value); i++)
                check_text(json_string_value(json_array_get(value, i)));
        }
    }
    arena_done(&a);
    return 0;
}
