/* multipart/form-data (RFC 7578, on RFC 2046 5.1): fields of text. */
#include <string.h>

#include "base/arena.h"
#include "json/body.h"
#include "json/form.h"

#define PARTS_MAX 200
#define HEAD_MAX 2048
#define BOUNDARY_MAX 70

struct part {
    struct span head, body;
    const char *name, *file; /* file: NULL for a field of text */
};

static bool refuse(struct err *e, const char *name, const char *why)
{
    if (!name)
        return err_set(e, ERR_BAD_FORM, "%s", why);
    return err_set(e, ERR_BAD_FORM, "The part \"%s\" %s", name, why);
}

static struct span find(struct span in, struct span what)
{
    const char *at = in.n >= what.n ? memmem(in.p, in.n, what.p, what.n) : NULL;

    return at ? (struct span){at, what.n} : (struct span){NULL, 0};
}

static void skip(struct span *s, size_t n)
{
    s->p += n;
    s->n -= n;
}

/* The value of a parameter, from behind its "=" on: a token, or quoted. NULL: the quote never ends,
 * or no memory. */
static const char *value_of(struct arena *a, struct span rest)
{
    char *value = arena_alloc(a, rest.n + 1);
    size_t k = 0;

    if (!value)
        return NULL;
    if (rest.n == 0 || rest.p[0] != '"') {
        for (; k < rest.n && !strchr(";, \t", rest.p[k]); k++)
            value[k] = rest.p[k];
        return value;
    }
    for (size_t i = 1; i < rest.n; i++) {
        if (rest.p[i] == '"')
            return value;
        if (rest.p[i] == '\\' && i + 1 < rest.n && strchr("\"\\", rest.p[i + 1]))
            i++;
        value[k++] = rest.p[i];
    }
    return NULL;
}

/* Takes the value of a parameter of a header field: after "; name=". *ret is NULL if it is not
 * there; false if it is malformed. */
static bool parameter(struct arena *a, struct span field, const char *name, const char **ret)
{
    size_t n = strlen(name);
    bool quoted = false;

    *ret = NULL;
    for (size_t i = 0; i < field.n; i++) {
        struct span rest;

        if (field.p[i] == '"' && (i == 0 || field.p[i - 1] != '\\'))
            quoted = !quoted;
        if (quoted || field.p[i] != ';')
            continue;
        rest = span_trim((struct span){field.p + i + 1, field.n - i - 1});
        if (rest.n <= n || !span_is_nocase((struct span){rest.p, n}, name) || rest.p[n] != '=')
            continue;
        skip(&rest, n + 1);
        *ret = value_of(a, rest);
        return *ret;
    }
    return !quoted;
}

bool multipart_boundary(struct arena *a, const char *params, const char **ret)
{
    size_t n;

    if (!params || !parameter(a, span_of(params), "boundary", ret) || !*ret)
        return false;
    n = strlen(*ret);
    return n > 0 && n <= BOUNDARY_MAX && (*ret)[n - 1] != ' ';
}

/* One line of a part's head. */
static bool take_field(struct arena *a, struct span line, struct part *p, struct err *e)
{
    const char *colon = memchr(line.p, ':', line.n);
    struct span name, value;
    const char *charset;

    if (!colon || !text_is_utf8(line.p, line.n) || memchr(line.p, 0, line.n))
        return refuse(e, NULL, "A part has a header that is none.");
    name = (struct span){line.p, (size_t)(colon - line.p)};
    value = span_trim((struct span){colon + 1, line.n - name.n - 1});
    if (span_is_nocase(name, "content-disposition")) {
        if (p->name || value.n < 9 || !span_is_nocase((struct span){value.p, 9}, "form-data") ||
            !parameter(a, value, "name", &p->name) || !parameter(a, value, "filename", &p->file))
            return refuse(e, NULL, "A part's Content-Disposition is not that of a form's field.");
        return true;
    }
    if (span_is_nocase(name, "content-transfer-encoding") && !span_is_nocase(value, "7bit") &&
        !span_is_nocase(value, "8bit") && !span_is_nocase(value, "binary"))
        return refuse(e, NULL, "A part is encoded; fields are sent as they are.");
    if (!span_is_nocase(name, "content-type"))
        return true;
    if (!parameter(a, value, "charset", &charset))
        return refuse(e, NULL, "A part has a Content-Type that is none.");
    if (charset && !span_is_nocase(span_of(charset), "utf-8") &&
        !span_is_nocase(span_of(charset), "us-ascii"))
        return refuse(e, NULL, "A part is in another character set than UTF-8.");
    return true;
}

static bool take_head(struct arena *a, struct part *p, struct err *e)
{
    struct span rest = p->head;

    while (rest.n > 0) {
        struct span end = find(rest, SPAN("\r\n"));
        struct span line = {rest.p, end.p ? (size_t)(end.p - rest.p) : rest.n};

        if (!take_field(a, line, p, e))
            return false;
        skip(&rest, line.n + (end.p ? 2 : 0));
    }
    if (!p->name || !*p->name)
        return refuse(e, NULL, "A part has no name.");
    return true;
}

static bool take_part(struct arena *a, struct part *p, json_t *form, struct err *e)
{
    char *value;

    if (!take_head(a, p, e))
        return false;
    if (p->file && (*p->file || p->body.n > 0))
        return refuse(e, p->name, "is a file; this form takes no files.");
    if (p->file)
        return true; /* a browser sends it for a file that nobody chose */
    if (!text_is_utf8(p->body.p, p->body.n) || memchr(p->body.p, 0, p->body.n))
        return refuse(e, p->name, "is not UTF-8 without zero bytes.");
    value = arena_copy(a, p->body.p, p->body.n);
    if (!value)
        return err_set(e, ERR_BODY_TOO_LARGE, NULL);
    return form_add(form, p->name, value) || err_set(e, ERR_INTERNAL, NULL);
}

/* Cuts the next part off *rest, which begins after a delimiter. Returns 1 for a part, 0 at the
 * closing delimiter, -1 when malformed. */
static int next_part(struct span *rest, struct span delimiter, struct part *p)
{
    struct span end, blank;

    if (rest->n >= 2 && memcmp(rest->p, "--", 2) == 0)
        return 0;
    while (rest->n > 0 && (*rest->p == ' ' || *rest->p == '\t'))
        skip(rest, 1);
    if (rest->n < 2 || memcmp(rest->p, "\r\n", 2) != 0)
        return -1;
    skip(rest, 2);
    blank = find(*rest, SPAN("\r\n\r\n"));
    if (!blank.p || blank.p - rest->p > HEAD_MAX)
        return -1;
    *p = (struct part){.head = {rest->p, (size_t)(blank.p - rest->p)}};
    skip(rest, p->head.n + 4);
    /* the line break in front of a delimiter belongs to it; that of an empty part ends its head */
    rest->p -= 2;
    rest->n += 2;
    end = find(*rest, delimiter);
    if (!end.p)
        return -1;
    p->body = end.p == rest->p ? (struct span){"", 0}
                               : (struct span){rest->p + 2, (size_t)(end.p - rest->p) - 2};
    skip(rest, (size_t)(end.p - rest->p) + delimiter.n);
    return 1;
}

json_t *body_parse_multipart(struct arena *a, struct span text, const char *boundary, struct err *e)
{
    const char *line = arena_printf(a, "\r\n--%s", boundary);
    json_t *form = form_new(a);
    struct span delimiter, first;
    struct part p;
    unsigned parts = 0;
    int more;

    if (!line || !form) {
        err_set(e, ERR_BODY_TOO_LARGE, NULL);
        return NULL;
    }
    delimiter = span_of(line);
    /* the first delimiter may stand at the very beginning, without a line break */
    if (text.n >= delimiter.n - 2 && memcmp(text.p, delimiter.p + 2, delimiter.n - 2) == 0) {
        skip(&text, delimiter.n - 2);
    } else {
        first = find(text, delimiter);
        if (!first.p) {
            refuse(e, NULL, "The boundary of Content-Type is not in the body.");
            return NULL;
        }
        skip(&text, (size_t)(first.p - text.p) + delimiter.n);
    }
    while ((more = next_part(&text, delimiter, &p)) > 0) {
        if (++parts > PARTS_MAX) {
            err_set(e, ERR_BAD_FORM, "The form has more than %d parts.", PARTS_MAX);
            return NULL;
        }
        if (!take_part(a, &p, form, e))
            return NULL;
    }
    if (more < 0) {
        refuse(e, NULL, "A part is cut off or has no proper head.");
        return NULL;
    }
    return form;
}
