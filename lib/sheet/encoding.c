#include "sheet/encoding.h"

#include <iconv.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *iconv;
} rows[ENCODING_COUNT] = {
    [ENCODING_UTF8] = {"utf-8", NULL},
    [ENCODING_WINDOWS_1250] = {"windows-1250", "CP1250"},
    [ENCODING_WINDOWS_1251] = {"windows-1251", "CP1251"},
};

const char *encoding_name(enum encoding e)
{
    return rows[e].name;
}

bool encoding_find(const char *name, enum encoding *ret)
{
    for (int i = 0; i < ENCODING_COUNT; i++) {
        if (strcmp(rows[i].name, name) != 0)
            continue;
        *ret = (enum encoding)i;
        return true;
    }
    return false;
}

/* A sample that was cut may end within a character of up to four bytes. */
static bool is_utf8(struct span s, bool whole)
{
    if (text_is_utf8(s.p, s.n))
        return true;
    for (size_t cut = 1; !whole && cut <= 3 && cut <= s.n; cut++)
        if (((unsigned char)s.p[s.n - cut] & 0xC0) != 0x80)
            return ((unsigned char)s.p[s.n - cut] & 0xC0) == 0xC0 && text_is_utf8(s.p, s.n - cut);
    return false;
}

enum encoding encoding_guess(struct span sample, bool whole)
{
    size_t pure = 0, mixed = 0, high = 0, latin = 0;

    if (is_utf8(sample, whole))
        return ENCODING_UTF8;
    for (size_t i = 0; i <= sample.n; i++) {
        unsigned char byte = i < sample.n ? (unsigned char)sample.p[i] : ' ';

        if (byte >= 0x80) {
            high++;
        } else if ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') {
            latin++;
        } else {
            pure += high > 1 && latin == 0;
            mixed += high > 0 && latin > 0;
            high = latin = 0;
        }
    }
    return pure > mixed ? ENCODING_WINDOWS_1251 : ENCODING_WINDOWS_1250;
}

void encoding_open(struct encoding_converter *c, enum encoding e)
{
    iconv_t cd;

    *c = (struct encoding_converter){.encoding = e};
    if (!rows[e].iconv)
        return;
    cd = iconv_open("UTF-8", rows[e].iconv);
    if (cd == (iconv_t)-1)
        abort(); /* the C library has no tables: the installation is broken */
    c->iconv = cd;
}

void encoding_close(struct encoding_converter *c)
{
    if (c->iconv)
        iconv_close(c->iconv);
    c->iconv = NULL;
}

static bool is_ascii(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)p[i] >= 0x80)
            return false;
    return true;
}

bool encoding_convert(struct encoding_converter *c, struct buf *b, size_t start)
{
    size_t n = b->len - start, room;
    char *copy, *in, *out;
    bool fine;

    if (is_ascii(b->text + start, n))
        return true;
    if (!c->iconv)
        return text_is_utf8(b->text + start, n);
    copy = malloc(n);
    if (!copy)
        abort();
    memcpy(copy, b->text + start, n);
    b->len = start;
    room = n * 3; /* no character of these tables takes more */
    if (!buf_reserve(b, room)) {
        free(copy);
        return false;
    }
    in = copy;
    out = b->text + start;
    fine = iconv(c->iconv, &in, &n, &out, &room) != (size_t)-1;
    (void)iconv(c->iconv, NULL, NULL, NULL, NULL);
    if (fine)
        b->len = (size_t)(out - b->text);
    free(copy);
    return fine;
}
