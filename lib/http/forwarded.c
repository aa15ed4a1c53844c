#include "http/forwarded.h"

#include <string.h>

/* Cuts the last part off @text, at the last @separator that is not within quotes. Reading from the
 * end depends on nothing that stands before: a quote that a client has left open stays its own. */
static struct span cut_last(struct span *text, char separator)
{
    size_t i = text->n;
    bool quoted = false;
    struct span last;

    for (; i > 0; i--) {
        size_t backslashes = 0;

        if (text->p[i - 1] == separator && !quoted)
            break;
        if (text->p[i - 1] != '"')
            continue;
        while (quoted && backslashes < i - 1 && text->p[i - 2 - backslashes] == '\\')
            backslashes++;
        if (backslashes % 2 == 0)
            quoted = !quoted;
    }
    last = (struct span){text->p + i, text->n - i};
    text->n = i == 0 ? 0 : i - 1;
    return span_trim(last);
}

/* RFC 7239 section 4: pairs, each name once; the names know no case. Empty if there is none. */
static struct span for_value(struct span element)
{
    struct span value = {NULL, 0};

    while (element.n > 0) {
        struct span pair = cut_last(&element, ';');

        if (pair.n < 4 || !span_is_nocase((struct span){pair.p, 4}, "for="))
            continue;
        if (value.p != NULL)
            return (struct span){NULL, 0};
        value = (struct span){pair.p + 4, pair.n - 4};
    }
    if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
        return (struct span){value.p + 1, value.n - 2};
    return value;
}

void forwarded_take(struct forwarded *f, struct span line)
{
    while (line.n > 0 && !f->found) {
        struct span node = cut_last(&line, ',');
        struct address next;

        if (node.n == 0) /* RFC 9110 section 5.6.1: empty elements are no elements */
            continue;
        if (f->kind == FORWARDED_RFC7239)
            node = for_value(node);
        f->found = !networks_hold(f->trusted, &f->client) || !address_parse_node(node, &next);
        if (!f->found)
            f->client = next;
    }
}
