/* Any form, and any of its values as a parameter: no fault, and strings without zero bytes in
 * UTF-8. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "json/body.h"
#include "json/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct schema schemas[] = {
    {.kind = SCHEMA_STRING, .max_length = 30},
    {.kind = SCHEMA_INTEGER, .has_min = true, .min = -5, .has_max = true, .max = 1000},
    {.kind = SCHEMA_NUMBER},
    {.kind = SCHEMA_BOOLEAN},
    {.kind = SCHEMA_STRING, .format = FORMAT_UUID},
    {.kind = SCHEMA_STRING, .format = FORMAT_DATE},
    {.kind = SCHEMA_STRING, .format = FORMAT_DATE_TIME},
    {.kind = SCHEMA_STRING, .format = FORMAT_EMAIL},
    {.kind = SCHEMA_STRING, .format = FORMAT_URI},
    {.kind = SCHEMA_STRING, .format = FORMAT_KEY},
    {.kind = SCHEMA_STRING, .values = (const char *const[]){"open", "contacted", NULL}},
};

/* Values are judged one by one, with nothing kept between them: the first ones say what any do. */
#define VALUES_MAX 2

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_value(struct arena *a, const char *text, unsigned *nvalues)
{
    require(text_is_utf8(text, strlen(text)));
    if ((*nvalues)++ >= VALUES_MAX)
        return;
    for (size_t i = 0; i < sizeof(schemas) / sizeof(schemas[0]); i++) {
        struct err e;
        json_t *value;

        err_init(&e, a);
        value = schema_from_text(&schemas[i], text, "query", "q", &e);
        require((value == NULL) == (e.nfaults > 0));
        json_decref(value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct err e;
    json_t *form, *value;
    const char *name;
    unsigned nvalues = 0;

    arena_init(&a, 1 << 22);
    err_init(&e, &a);
    form = body_parse_form(&a, (struct span){(const char *)data, size}, &e);
    require((form == NULL) == (e.code != ERR_NONE));
    json_object_foreach (form, name, value) {
        require(text_is_utf8(name, strlen(name)));
        if (json_is_string(value))
            check_value(&a, json_string_value(value), &nvalues);
        for (size_t i = 0; i < json_array_size(value); i++)
            check_value(&a, json_string_value(json_array_get(value, i)), &nvalues);
    }
    arena_done(&a);
    return 0;
}
