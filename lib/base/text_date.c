/* dates, times and decimals as text */
#include <string.h>

#include "base/text.h"

/* Reads exactly @digits digits; returns -1 if there are others. Stops at the NUL by itself. */
static int number(const char *text, int digits)
{
    int n = 0;

    for (int i = 0; i < digits; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        n = n * 10 + (text[i] - '0');
    }
    return n;
}

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

/* Each part is read only after the one before it was there, so nothing behind the NUL is touched.
 */
static bool read_date(const char *text, int *year, int *month, int *day)
{
    *year = number(text, 4);
    if (*year < 1 || text[4] != '-')
        return false;
    *month = number(text + 5, 2);
    if (*month < 1 || *month > 12 || text[7] != '-')
        return false;
    *day = number(text + 8, 2);
    return *day >= 1 && *day <= days_of_month(*year, *month);
}

bool text_is_date(const char *text)
{
    int year, month, day;

    return read_date(text, &year, &month, &day) && text[10] == '\0';
}

/* Reads "Z" or "+hh:mm" up to the end of the text, as minutes east of Greenwich. */
static bool read_offset(const char *text, int *minutes)
{
    int h, m;

    if (text[0] == 'Z' || text[0] == 'z') {
        *minutes = 0;
        return text[1] == '\0';
    }
    if (text[0] != '+' && text[0] != '-')
        return false;
    h = number(text + 1, 2);
    if (h < 0 || h > 15 || text[3] != ':') /* as far as PostgreSQL goes; the world ends at 14 */
        return false;
    m = number(text + 4, 2);
    if (m < 0 || m > 59 || text[6] != '\0')
        return false;
    *minutes = (text[0] == '-' ? -1 : 1) * (h * 60 + m);
    return true;
}

bool text_is_date_time(const char *text)
{
    int year, month, day, hour, minute, second, offset, utc;

    if (!read_date(text, &year, &month, &day) || (text[10] != 'T' && text[10] != 't'))
        return false;
    hour = number(text + 11, 2);
    if (hour < 0 || hour > 23 || text[13] != ':')
        return false;
    minute = number(text + 14, 2);
    if (minute < 0 || minute > 59 || text[16] != ':')
        return false;
    second = number(text + 17, 2);
    if (second < 0 || second > 60)
        return false;
    text += 19;
    if (*text == '.') {
        size_t digits = strspn(text + 1, "0123456789");

        if (digits < 1 || digits > 9)
            return false;
        text += 1 + digits;
    }
    if (!read_offset(text, &offset))
        return false;

    utc = hour * 60 + minute - offset;
    if (second == 60 && (utc + 2 * 1440) % 1440 != 1439)
        return false; /* leap seconds are inserted at the end of a UTC day only */
    /* the moment must have a year from 1 to 9999 in UTC, too, where it is kept */
    if (year == 1 && month == 1 && day == 1 && utc < 0)
        return false;
    if (year == 9999 && month == 12 && day == 31 && (utc >= 1440 || second == 60))
        return false;
    return true;
}

/* Days since 0000-03-01, after which leap days stand at the end of a year. */
static int64_t day_number(int year, int month, int day)
{
    int y = month > 2 ? year : year - 1, m = (month + 9) % 12;

    return 365LL * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day;
}

/* Seconds and nanoseconds of a text that text_is_date_time() took. */
static void read_moment(const char *text, int64_t *s, int64_t *ns)
{
    int year = 0, month = 0, day = 0, offset = 0;

    (void)read_date(text, &year, &month, &day);
    *s = day_number(year, month, day) * 86400 + number(text + 11, 2) * 3600 +
         number(text + 14, 2) * 60 + number(text + 17, 2);
    *ns = 0;
    text += 19;
    if (*text == '.') {
        text++;
        for (int64_t unit = 100000000; *text >= '0' && *text <= '9'; text++, unit /= 10)
            *ns += (*text - '0') * unit;
    }
    (void)read_offset(text, &offset);
    *s -= offset * 60;
}

int text_compare_moments(const char *a, const char *b)
{
    int64_t s, t, ns, nt;

    read_moment(a, &s, &ns);
    read_moment(b, &t, &nt);
    return s != t ? (s > t) - (s < t) : (ns > nt) - (ns < nt);
}

bool text_is_decimal(const char *text, unsigned whole, unsigned fraction)
{
    size_t n;

    text += *text == '-';
    n = strspn(text, "0123456789");
    if (n < 1 || n > whole)
        return false;
    text += n;
    if (*text == '\0')
        return true;
    if (*text != '.')
        return false;
    n = strspn(text + 1, "0123456789");
    return n >= 1 && n <= fraction && text[1 + n] == '\0';
}
