#include "quality/fold.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#define DECOMPOSE_DEPTH 8

/* Lower-case letters that have no decomposition. */
static const struct {
    ucs4_t from;
    char to[4];
} latin[] = {
    {0x00df, "ss"},     {0x00e6, "ae"}, {0x00f0, "d"}, {0x00f8, "o"}, {0x00fe, "th"},
    {0x0111, "d"},      {0x0127, "h"},  {0x0131, "i"}, {0x0138, "k"}, {0x0142, "l"},
    {0x014b, "n"},      {0x0153, "oe"}, {0x0167, "t"}, {0x0180, "b"}, {0x0199, "k"},
    {0x019a, "l"},      {0x01a5, "p"},  {0x01ad, "t"}, {0x01b4, "y"}, {0x01b6, "z"},
    {0x01dd, "e"},      {0x01e5, "g"},  {0x023c, "c"}, {0x0247, "e"}, {0x0249, "j"},
    {0x024d, "r"},      {0x024f, "y"},  {0x0253, "b"}, {0x0256, "d"}, {0x0257, "d"},
    {0x0259, "e"},      {0x0268, "i"},  {0x0272, "n"}, {0x0289, "u"}, {0x0292, "z"},
    {0x03c2, "\u03c3"},
};

/* U+0430 to U+045F; what decomposes (short i, yo, yi) is there for its base only. */
static const char cyrillic[][5] = {
    "a", "b", "v", "g", "d",  "e",  "zh", "z",  "i",  "i",    "k",  "l", "m", "n", "o",  "p",
    "r", "s", "t", "u", "f",  "kh", "ts", "ch", "sh", "shch", "ie", "y", "",  "e", "iu", "ia",
    "e", "e", "d", "g", "ie", "dz", "i",  "i",  "j",  "lj",   "nj", "c", "k", "i", "u",  "dz",
};

struct sink {
    char *out;
    size_t n, cap;
    const char *keep;
    bool gap, full;
};

static void put(struct sink *s, const char *text, size_t n)
{
    size_t gap = s->gap && s->n > 0;

    if (n == 0 || s->full)
        return;
    if (s->n + gap + n + 1 > s->cap) {
        s->full = true;
        return;
    }
    if (gap)
        s->out[s->n++] = ' ';
    s->gap = false;
    memcpy(s->out + s->n, text, n);
    s->n += n;
}

static void put_ascii(struct sink *s, char c)
{
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
        put(s, &c, 1);
    } else if (c >= 'A' && c <= 'Z') {
        c = (char)(c - 'A' + 'a');
        put(s, &c, 1);
    } else if (c != '\'' && c != '`') {
        s->gap = true;
        if (c != '\0' && strchr(s->keep, c) != NULL) {
            put(s, &c, 1);
            s->gap = true;
        }
    }
}

static const char *plain_letter(ucs4_t c)
{
    if (c >= 0x0430 && c <= 0x045f)
        return cyrillic[c - 0x0430];
    if (c == 0x0491) /* Ukrainian ghe with upturn */
        return "g";
    for (size_t i = 0; i < sizeof(latin) / sizeof(latin[0]); i++)
        if (latin[i].from == c)
            return latin[i].to;
    return NULL;
}

/* Letters that write no sound of their own: apostrophes, soft hyphens, direction marks. */
static bool vanishes(ucs4_t c)
{
    return c == 0xb4 || c == 0x2018 || c == 0x2019 || c == 0x201b || c == 0x2032 ||
           (c >= 0x2b9 && c <= 0x2df) || uc_is_general_category_withtable(c, UC_CATEGORY_MASK_Cf);
}

/* A letter that decomposes no further. */
static void put_letter(struct sink *s, ucs4_t c)
{
    const char *plain;
    uint8_t coded[6];
    int n;

    if (c < 0x80) {
        put_ascii(s, (char)c);
        return;
    }
    if (vanishes(c) || uc_combining_class(c) != 0)
        return;
    c = uc_tolower(c);
    plain = plain_letter(c);
    if (plain != NULL) {
        put(s, plain, strlen(plain));
        return;
    }
    if (uc_decimal_value(c) >= 0) {
        put_ascii(s, (char)('0' + uc_decimal_value(c)));
        return;
    }
    if (!uc_is_general_category_withtable(c, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_N |
                                                 UC_CATEGORY_MASK_M)) {
        s->gap = true;
        return;
    }
    n = u8_uctomb(coded, c, sizeof(coded));
    if (n > 0)
        put(s, (const char *)coded, (size_t)n);
}

static void put_decomposed(struct sink *s, ucs4_t c, int depth)
{
    ucs4_t parts[UC_DECOMPOSITION_MAX_LENGTH];
    int tag, n = c < 0xa0 || vanishes(c) ? -1 : uc_decomposition(c, &tag, parts);

    if (n < 0 || depth == 0) {
        put_letter(s, c);
        return;
    }
    for (int i = 0; i < n; i++)
        put_decomposed(s, parts[i], depth - 1);
}

size_t fold_text(struct span in, const char *keep, char *out, size_t cap)
{
    struct sink s = {.out = out, .cap = cap, .keep = keep};

    for (size_t i = 0; i < in.n && !s.full;) {
        ucs4_t c;
        int n;

        if ((unsigned char)in.p[i] < 0x80) {
            put_ascii(&s, in.p[i++]);
            continue;
        }
        n = u8_mbtoucr(&c, (const uint8_t *)in.p + i, in.n - i);
        if (n <= 0) {
            s.gap = true;
            i++;
            continue;
        }
        put_decomposed(&s, c, DECOMPOSE_DEPTH);
        i += (size_t)n;
    }
    out[s.n] = '\0';
    return s.n;
}

size_t fold_code(struct span in, char *out, size_t cap)
{
    size_t n = fold_text(in, "", out, cap), kept = 0;

    for (size_t i = 0; i < n; i++) {
        char c = out[i];

        if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        if (c != ' ')
            out[kept++] = c;
    }
    out[kept] = '\0';
    return kept;
}
