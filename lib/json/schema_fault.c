#include "json/schema_fault.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "json/out.h"

#define GOT_MAX 200
#define POINTER_MAX 1024
#define ALLOWED_MAX 8192

/* RFC 6901: "~" is written as "~0", "/" as "~1". */
static void add_pointer(struct buf *b, const struct place *at)
{
    if (at == NULL)
        return;
    add_pointer(b, at->up);
    if (at->key == NULL) {
        buf_printf(b, "/%zu", at->index);
        return;
    }
    buf_putc(b, '/');
    for (const char *p = at->key; *p != '\0'; p++) {
        size_t run = strcspn(p, "~/");

        buf_add(b, p, run);
        p += run;
        if (*p == '\0')
            break;
        buf_puts(b, *p == '~' ? "~0" : "~1");
    }
}

/* Absurdly long names are left off at the end: the pointer then names the object that holds them.
 */
static const char *pointer_to(const struct check *c, const struct place *at)
{
    struct buf b;
    const char *pointer;

    buf_init(&b, POINTER_MAX);
    for (;;) {
        buf_clear(&b);
        buf_puts(&b, c->base);
        add_pointer(&b, at);
        if (!b.failed || at == NULL)
            break;
        at = at->up;
    }
    pointer = arena_copy(c->e->arena, buf_text(&b), b.len);
    buf_done(&b);
    return pointer;
}

/* A string that is too long is cut between two characters until its JSON text fits. */
static const char *got_string(struct arena *a, struct span text)
{
    size_t n = text.n < GOT_MAX ? text.n : GOT_MAX;
    const char *got;
    struct buf b;
    struct out o;

    buf_init(&b, GOT_MAX);
    for (;;) {
        while (n > 0 && n < text.n && (text.p[n] & 0xc0) == 0x80)
            n--;
        buf_clear(&b);
        out_init(&o, &b);
        out_string_n(&o, text.p, n);
        if (!b.failed)
            break;
        n = n * 3 / 4;
    }
    got = arena_copy(a, buf_text(&b), b.len);
    buf_done(&b);
    return got;
}

const char *fault_got(const struct check *c, const struct schema *s, const json_t *value)
{
    char number[64];
    size_t n;

    if (s->format == FORMAT_PASSWORD || json_is_object(value) || json_is_array(value))
        return NULL;
    if (json_is_string(value))
        return got_string(c->e->arena,
                          (struct span){json_string_value(value), json_string_length(value)});
    n = json_dumpb(value, number, sizeof(number), JSON_ENCODE_ANY);
    return n <= sizeof(number) ? arena_copy(c->e->arena, number, n) : NULL;
}

void fault_add(const struct check *c, const struct place *at, struct fault f)
{
    if (c->e->nfaults < ERR_FAULTS_MAX) { /* else it is only counted */
        f.in = c->in;
        f.pointer = pointer_to(c, at);
    }
    err_fault(c->e, c->code, f);
}

const char *fault_list(struct arena *a, const char *const *names)
{
    const char *text;
    struct buf b;
    struct out o;

    buf_init(&b, ALLOWED_MAX);
    out_init(&o, &b);
    out_array(&o);
    for (; *names != NULL; names++)
        out_string(&o, *names);
    out_array_end(&o);
    text = b.failed ? NULL : arena_copy(a, buf_text(&b), b.len);
    buf_done(&b);
    return text;
}
