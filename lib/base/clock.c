#include "base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define US_PER_S INT64_C(1000000)
#define S_PER_DAY INT64_C(86400)

static int64_t read_clock(clockid_t id)
{
    struct timespec t;

    if (clock_gettime(id, &t) != 0)
        abort();
    return (int64_t)t.tv_sec * US_PER_S + t.tv_nsec / 1000;
}

int64_t clock_mono_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_wall_us(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t clock_wall_s(void)
{
    return read_clock(CLOCK_REALTIME) / US_PER_S;
}

static void put_digits(char *at, int64_t n, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        at[i] = (char)('0' + n % 10);
        n /= 10;
    }
}

/* By hand: gmtime_r() takes the time zone lock of libc, and every log line comes here. */
void clock_format(int64_t us, char out[CLOCK_TEXT])
{
    static const int64_t first = INT64_C(-62135596800) * 1000000;         /* year 1 */
    static const int64_t last = INT64_C(253402300799) * 1000000 + 999999; /* end of 9999 */
    int64_t s, days, era, day_of_era, year_of_era, day_of_year, month, fraction, second;

    us = us < first ? first : us > last ? last : us;
    fraction = us % US_PER_S;
    s = us / US_PER_S;
    if (fraction < 0) {
        fraction += US_PER_S;
        s--;
    }
    second = s % S_PER_DAY;
    days = s / S_PER_DAY;
    if (second < 0) {
        second += S_PER_DAY;
        days--;
    }

    /* Years that begin in March, counted from 0000-03-01, in eras of 400 years. */
    days += 719468;
    era = days / 146097;
    day_of_era = days % 146097;
    year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    month = (5 * day_of_year + 2) / 153;

    memcpy(out, "0000-00-00T00:00:00.000000Z", CLOCK_TEXT);
    put_digits(out, era * 400 + year_of_era + (month >= 10), 4);
    put_digits(out + 5, month < 10 ? month + 3 : month - 9, 2);
    put_digits(out + 8, day_of_year - (153 * month + 2) / 5 + 1, 2);
    put_digits(out + 11, second / 3600, 2);
    put_digits(out + 14, second / 60 % 60, 2);
    put_digits(out + 17, second % 60, 2);
    put_digits(out + 20, fraction, 6);
}
