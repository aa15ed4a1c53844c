#include "base/text.h"

#include <string.h>

struct span span_of(const char *text)
{
    return (struct span){.p = text != NULL ? text : "", .n = text != NULL ? strlen(text) : 0};
}

bool span_is(struct span s, const char *text)
{
    return strlen(text) == s.n && (s.n == 0 || memcmp(s.p, text, s.n) == 0);
}

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool span_is_nocase(struct span s, const char *text)
{
    if (strlen(text) != s.n)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (fold(s.p[i]) != fold(text[i]))
            return false;
    }
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct span span_trim(struct span s)
{
    while (s.n > 0 && is_blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

bool text_parse_i64(struct span in, int64_t *ret)
{
    bool negative = in.n > 0 && in.p[0] == '-';
    int64_t value = 0;
    size_t i = negative ? 1 : 0;

    if (i == in.n)
        return false;
    for (; i < in.n; i++) {
        int digit = in.p[i] - '0';

        if (digit < 0 || digit > 9)
            return false;
        /* downwards, because the negative side reaches one further */
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value))
            return false;
    }
    if (!negative && value == INT64_MIN)
        return false;
    *ret = negative ? value : -value;
    return true;
}

static bool is_tail(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

/* Returns the length of the well-formed sequence of two or more bytes at @p, or 0. */
static size_t sequence(const unsigned char *p, size_t n)
{
    unsigned char c = p[0];

    if (c >= 0xc2 && c <= 0xdf)
        return n >= 2 && is_tail(p[1]) ? 2 : 0;
    if (c >= 0xe0 && c <= 0xef) {
        if (n < 3 || !is_tail(p[1]) || !is_tail(p[2]))
            return 0;
        if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f))
            return 0; /* overlong; surrogate */
        return 3;
    }
    if (c >= 0xf0 && c <= 0xf4) {
        if (n < 4 || !is_tail(p[1]) || !is_tail(p[2]) || !is_tail(p[3]))
            return 0;
        if ((c == 0xf0 && p[1] < 0x90) || (c == 0xf4 && p[1] > 0x8f))
            return 0; /* overlong; above U+10FFFF */
        return 4;
    }
    return 0;
}

bool text_is_utf8(const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t i = 0;

    while (i < n) {
        size_t step;

        /* eight ASCII bytes at a time */
        while (n - i >= 8) {
            uint64_t word;

            memcpy(&word, p + i, 8);
            if ((word & UINT64_C(0x8080808080808080)) != 0)
                break;
            i += 8;
        }
        while (i < n && p[i] < 0x80)
            i++;
        if (i == n)
            return true;
        /* other scripts come in runs */
        do {
            step = sequence(p + i, n - i);
            if (step == 0)
                return false;
            i += step;
        } while (i < n && p[i] >= 0x80);
    }
    return true;
}

size_t text_utf8_length(const char *p, size_t n)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += (p[i] & 0xc0) != 0x80;
    return count;
}

#define WORD_MAX 64

static unsigned min(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Edit distance with transpositions of neighbours (optimal string alignment), ignoring case. */
static unsigned distance(const char *a, size_t an, const char *b, size_t bn)
{
    unsigned rows[3][WORD_MAX + 1];
    unsigned *before = rows[0], *above = rows[1], *row = rows[2];

    for (size_t j = 0; j <= bn; j++)
        above[j] = (unsigned)j;
    for (size_t i = 1; i <= an; i++) {
        unsigned *oldest = before;

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= bn; j++) {
            char x = fold(a[i - 1]), y = fold(b[j - 1]);

            row[j] = min(above[j - 1] + (x != y), 1 + min(above[j], row[j - 1]));
            if (i > 1 && j > 1 && x == fold(b[j - 2]) && fold(a[i - 2]) == y)
                row[j] = min(row[j], before[j - 2] + 1);
        }
        before = above;
        above = row;
        row = oldest;
    }
    return above[bn];
}

const char *text_nearest(const char *word, const char *const *list)
{
    size_t n = strlen(word);
    const char *best = NULL;
    unsigned best_distance = (unsigned)n / 3 + 1;

    if (n > WORD_MAX)
        return NULL;
    for (; *list != NULL; list++) {
        size_t m = strlen(*list);
        unsigned d;

        if (m > WORD_MAX || (m > n ? m - n : n - m) >= best_distance)
            continue; /* no distance is shorter than the difference of the lengths */
        d = distance(word, n, *list, m);
        if (d < best_distance) {
            best = *list;
            best_distance = d;
        }
    }
    return best;
}
