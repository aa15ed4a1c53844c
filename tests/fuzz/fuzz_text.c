/* Any text through the pure functions: no fault, round trips hold, and UTF-8 is what a plain
 * decoder says. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "base/uuid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Decodes as slowly and plainly as can be. Returns the number of code points, or -1. */
static long decode_utf8(const uint8_t *p, size_t n)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    long count = 0;

    for (size_t i = 0; i < n; count++) {
        unsigned more = p[i] < 0x80 ? 0 : p[i] < 0xc0 ? 9 : p[i] < 0xe0 ? 1 : p[i] < 0xf0 ? 2 : 3;
        uint32_t point = more == 0 ? p[i] : p[i] & (0x3fu >> more);

        if (more == 9 || p[i] >= 0xf8 || n - i <= more)
            return -1;
        for (unsigned j = 1; j <= more; j++) {
            if ((p[i + j] & 0xc0) != 0x80)
                return -1;
            point = point << 6 | (p[i + j] & 0x3f);
        }
        if (point < least[more] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
            return -1;
        i += more + 1;
    }
    return count;
}

static void check_codings(struct arena *a, struct span s)
{
    const char *coded = text_base64url(a, s.p, s.n);
    const char *plain;
    size_t n;

    plain = text_base64url_decode(a, span_of(coded), &n);
    require(plain != NULL && n == s.n && (n == 0 || memcmp(plain, s.p, n) == 0));
    plain = text_base64url_decode(a, s, &n);
    if (plain != NULL) /* one spelling only */
        require(span_is(s, text_base64url(a, plain, n)));
    plain = text_percent_decode(a, s, true);
    require(plain == NULL || (strlen(plain) <= s.n && text_is_utf8(plain, strlen(plain))));
}

static void check_numbers(struct span s, const char *text)
{
    char back[32], id_text[UUID_TEXT];
    struct uuid id, same;
    int64_t n;

    if (text_parse_i64(s, &n) && s.p[0] != '0' && (s.n < 2 || s.p[1] != '0' || s.p[0] != '-')) {
        snprintf(back, sizeof(back), "%lld", (long long)n);
        require(span_is(s, back) || n == 0);
    }
    if (uuid_parse(s, &id)) {
        uuid_format(&id, id_text);
        require(span_is_nocase(s, id_text));
        require(uuid_parse(span_of(id_text), &same) && uuid_equal(&id, &same));
    }
    if (text_is_date(text))
        require(strlen(text) == 10);
    if (text_is_date_time(text))
        require(strlen(text) >= 20 && strlen(text) <= 35);
    if (text_is_decimal(text, 16, 4))
        require(strlen(text) <= 22 && strtod(text, NULL) <= 1e16); /* a double rounds 16 nines up */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"first_name", "last_name", "email", "phone", "id", NULL};
    struct span s = {(const char *)data, size};
    struct arena a;
    char *text;
    long points;

    arena_init(&a, 1 << 22);
    points = decode_utf8(data, size);
    require(text_is_utf8(s.p, s.n) == (points >= 0));
    if (points >= 0)
        require(text_utf8_length(s.p, s.n) == (size_t)points);
    check_codings(&a, s);
    text = arena_copy(&a, s.p, s.n);
    check_numbers(s, text);
    (void)text_nearest(text, names);
    require(span_trim(s).n <= s.n);
    arena_done(&a);
    return 0;
}
