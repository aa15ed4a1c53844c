#include "blueprint/value.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

json_t *value_at(const json_t *object, const char *path)
{
    json_t *v = NULL;

    for (;;) {
        size_t n = strcspn(path, ".");

        v = json_object_getn(object, path, n);
        if (v == NULL || path[n] == '\0')
            return v;
        path += n + 1;
        object = v;
    }
}

json_t *value_ref(json_t *v)
{
    return v != NULL ? json_incref(v) : json_null();
}

/* Characters that look like nothing: ASCII controls and space, NBSP, the spaces and zero-width
 * marks of U+2000 to U+200F, U+2028, U+2029, U+202F, U+2060, U+3000, U+FEFF. */
static size_t blank_length(const unsigned char *p)
{
    static const char *const wide[] = {"\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf",
                                       "\xe2\x81\xa0", "\xe3\x80\x80", "\xef\xbb\xbf"};

    if (*p <= ' ' || *p == 0x7f)
        return *p != '\0';
    if (*p == 0xc2)
        return p[1] == 0xa0 ? 2 : 0;
    if (*p < 0xe2)
        return 0;
    if (p[0] == 0xe2 && p[1] == 0x80 && p[2] >= 0x80 && p[2] <= 0x8f)
        return 3;
    for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
        if (strncmp((const char *)p, wide[i], 3) == 0)
            return 3;
    return 0;
}

bool text_blank(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t n;

    while ((n = blank_length(p)) > 0)
        p += n;
    return *p == '\0';
}

size_t text_cut(const char *text, size_t max)
{
    size_t n = strnlen(text, max + 1);

    if (n <= max)
        return n;
    for (n = max; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80;)
        n--;
    return n;
}

bool value_blank(const json_t *v)
{
    const json_t *amount;

    switch (v == NULL ? JSON_NULL : json_typeof(v)) {
    case JSON_NULL: return true;
    case JSON_STRING: return text_blank(json_string_value(v));
    case JSON_ARRAY: return json_array_size(v) == 0;
    case JSON_OBJECT:
        amount = json_object_get(v, "amount");
        return amount != NULL ? value_blank(amount) : json_object_size(v) == 0;
    default: return false;
    }
}

bool value_has_key(const json_t *keys, const char *text)
{
    if (text == NULL)
        return false;
    if (json_is_string(keys))
        return strcmp(json_string_value(keys), text) == 0;
    for (size_t i = 0; i < json_array_size(keys); i++) {
        const char *key = json_string_value(json_array_get(keys, i));

        if (key != NULL && strcmp(key, text) == 0)
            return true;
    }
    return false;
}

/* moments */

static int64_t digits2(const char *p)
{
    return (p[0] - '0') * 10 + (p[1] - '0');
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar: years begin in March, so that the leap
 * day is the last one. */
static int64_t days_since_1970(int64_t year, int64_t month, int64_t day)
{
    int64_t y = year - (month <= 2);
    int64_t era = y / 400, of_era = y % 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

bool value_moment(const json_t *v, int64_t *ret)
{
    const char *text = json_string_value(v);
    bool date_only;
    int64_t s, us = 0;
    int64_t scale = 100000;

    if (text == NULL || text[0] < '0' || text[0] > '9')
        return false;
    date_only = text_is_date(text);
    if (!date_only && !text_is_date_time(text))
        return false;
    s = days_since_1970(digits2(text) * 100 + digits2(text + 2), digits2(text + 5),
                        digits2(text + 8)) *
        86400;
    if (date_only) {
        *ret = s * 1000000;
        return true;
    }
    s += digits2(text + 11) * 3600 + digits2(text + 14) * 60 + digits2(text + 17);
    text += 19;
    if (*text == '.')
        for (text++; *text >= '0' && *text <= '9'; text++, scale /= 10)
            us += (*text - '0') * scale;
    if (*text == '+' || *text == '-')
        s += (*text == '+' ? -1 : 1) * (digits2(text + 1) * 3600 + digits2(text + 4) * 60);
    *ret = s * 1000000 + us;
    return true;
}

/* decimals */

#define NUMBER_TEXT 40 /* %.17g and any int64 fit */

/* A number as 0.ddd times ten to the power of @point; digits may have one point among them, which
 * does not count, and have no zeros at either end. */
struct decimal {
    bool negative;
    const char *digits;
    size_t n;
    long point;
};

static bool decimal_exponent(const char *text, long *exponent)
{
    int64_t n;

    if (*text != 'e' && *text != 'E')
        return *text == '\0';
    text += 1 + (text[1] == '+');
    if (!text_parse_i64(span_of(text), &n) || n < INT_MIN || n > INT_MAX)
        return false;
    *exponent = (long)n;
    return true;
}

/* @exponent: 1e5 is a number, too. Only jansson's reals look like that; a client's text may not. */
static bool decimal_read(const char *text, bool exponent, struct decimal *ret)
{
    struct decimal d = {.negative = *text == '-'};
    const char *whole = text + d.negative, *end;
    size_t nwhole = strspn(whole, "0123456789"), nfraction = 0;

    end = whole + nwhole;
    if (*end == '.') {
        nfraction = strspn(end + 1, "0123456789");
        end += 1 + nfraction;
    }
    if (nwhole == 0 || (whole[nwhole] == '.' && nfraction == 0))
        return false;
    if (exponent ? !decimal_exponent(end, &d.point) : *end != '\0')
        return false;

    d.digits = whole + strspn(whole, "0");
    d.point += (long)nwhole - (d.digits - whole);
    if (d.digits == whole + nwhole && nfraction > 0) {
        size_t zeros = strspn(d.digits + 1, "0");

        d.digits += 1 + zeros;
        d.point -= (long)zeros;
    }
    while (end > d.digits && (end[-1] == '0' || end[-1] == '.'))
        end--;
    d.n = (size_t)(end - d.digits);
    *ret = d;
    return true;
}

static int decimal_compare_sizes(const struct decimal *a, const struct decimal *b)
{
    size_t i = 0, j = 0;

    if (a->n == 0 || b->n == 0)
        return (a->n > 0) - (b->n > 0);
    if (a->point != b->point)
        return a->point < b->point ? -1 : 1;
    for (;;) {
        i += i < a->n && a->digits[i] == '.';
        j += j < b->n && b->digits[j] == '.';
        if (i == a->n || j == b->n)
            return (i < a->n) - (j < b->n);
        if (a->digits[i] != b->digits[j])
            return a->digits[i] < b->digits[j] ? -1 : 1;
        i++;
        j++;
    }
}

static int decimal_compare(const struct decimal *a, const struct decimal *b)
{
    bool a_negative = a->negative && a->n > 0, b_negative = b->negative && b->n > 0;

    if (a_negative != b_negative)
        return a_negative ? -1 : 1;
    return a_negative ? decimal_compare_sizes(b, a) : decimal_compare_sizes(a, b);
}

/* A real is read as the shortest text that gives it back: what was written 0.1 is 0.1 again. */
static bool value_decimal(const json_t *v, char text[NUMBER_TEXT], struct decimal *ret)
{
    if (json_is_string(v))
        return decimal_read(json_string_value(v), false, ret);
    if (json_is_integer(v)) {
        (void)snprintf(text, NUMBER_TEXT, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    } else if (json_is_real(v)) {
        double d = json_real_value(v);

        (void)snprintf(text, NUMBER_TEXT, "%.15g", d);
        if (strtod(text, NULL) < d || strtod(text, NULL) > d)
            (void)snprintf(text, NUMBER_TEXT, "%.17g", d);
    } else {
        return false;
    }
    return decimal_read(text, true, ret);
}

bool text_is_number(const char *text)
{
    struct decimal d;

    return decimal_read(text, false, &d);
}

/* comparing */

enum order { ORDER_NONE, ORDER_LESS, ORDER_EQUAL, ORDER_GREATER };

static enum order order_of(int64_t a, int64_t b)
{
    if (a == b)
        return ORDER_EQUAL;
    return a < b ? ORDER_LESS : ORDER_GREATER;
}

static enum order compare_decimals(const json_t *a, const json_t *b)
{
    char a_text[NUMBER_TEXT], b_text[NUMBER_TEXT];
    struct decimal x, y;

    if (!value_decimal(a, a_text, &x) || !value_decimal(b, b_text, &y))
        return ORDER_NONE;
    return order_of(decimal_compare(&x, &y), 0);
}

static enum order compare_texts(const json_t *a, const json_t *b)
{
    int64_t x, y;
    bool a_moment = value_moment(a, &x), b_moment = value_moment(b, &y);

    if (a_moment && b_moment)
        return order_of(x, y);
    if (a_moment || b_moment)
        return ORDER_NONE;
    return order_of(strcmp(json_string_value(a), json_string_value(b)), 0);
}

static enum order compare(const json_t *a, const json_t *b, bool decimal)
{
    if (json_is_number(a) || json_is_number(b) || decimal)
        return compare_decimals(a, b);
    if (json_is_string(a) && json_is_string(b))
        return compare_texts(a, b);
    if (json_is_boolean(a) && json_is_boolean(b))
        return order_of(json_is_true(a), json_is_true(b));
    return ORDER_NONE;
}

enum {
    LESS = 1 << ORDER_LESS,
    EQUAL = 1 << ORDER_EQUAL,
    GREATER = 1 << ORDER_GREATER,
    NONE = 1 << ORDER_NONE
};

static const struct op {
    const char *name;
    bool list; /* any of the list */
    bool orders;
    bool several; /* what is observed is a list, too */
    bool all;     /* ... and must have all of them */
    unsigned orders_wanted;
} ops[] = {
    {.name = "eq", .orders_wanted = EQUAL},
    {.name = "ne", .orders_wanted = LESS | GREATER | NONE},
    {.name = "lt", .orders = true, .orders_wanted = LESS},
    {.name = "lte", .orders = true, .orders_wanted = LESS | EQUAL},
    {.name = "gt", .orders = true, .orders_wanted = GREATER},
    {.name = "gte", .orders = true, .orders_wanted = GREATER | EQUAL},
    {.name = "in", .list = true, .orders_wanted = EQUAL},
    {.name = "not_in", .list = true, .orders_wanted = LESS | GREATER | NONE},
    {.name = "has_any", .list = true, .several = true},
    {.name = "has_all", .list = true, .several = true, .all = true},
};

const char *const value_ops[] = {"eq", "ne",     "lt",      "lte",     "gt", "gte",
                                 "in", "not_in", "has_any", "has_all", NULL};

static const struct op *op_find(const char *name)
{
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
        if (strcmp(ops[i].name, name) == 0)
            return &ops[i];
    return &ops[0];
}

bool op_takes_list(const char *op)
{
    return op_find(op)->list;
}

bool op_orders(const char *op)
{
    return op_find(op)->orders;
}

bool op_takes_several(const char *op)
{
    return op_find(op)->several;
}

/* Whether the list has one of the wanted values, or all of them. */
static bool several_hold(const struct op *op, const json_t *observed, const json_t *wanted)
{
    size_t found = 0;

    for (size_t i = 0; i < json_array_size(wanted); i++)
        found += value_has_key(observed, json_string_value(json_array_get(wanted, i)));
    return json_is_array(observed) && (op->all ? found == json_array_size(wanted) : found > 0);
}

bool value_holds(const char *name, const json_t *observed, const json_t *wanted, bool decimal)
{
    const struct op *op = op_find(name);
    enum order order = ORDER_NONE;

    if (op->several)
        return several_hold(op, observed, wanted);
    if (value_blank(observed) || json_is_object(observed) || json_is_array(observed))
        return false;
    if (!op->list)
        return (op->orders_wanted & (1U << compare(observed, wanted, decimal))) != 0;
    for (size_t i = 0; i < json_array_size(wanted) && order != ORDER_EQUAL; i++)
        order = compare(observed, json_array_get(wanted, i), decimal);
    return (op->orders_wanted & (1U << order)) != 0;
}
