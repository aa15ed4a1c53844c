#include "quality/calendar.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

#define DAY_S 86400
#define WEEK_DAYS 7
#define SHIFTS_MAX 70 /* ten a day */
#define HOLIDAYS_MAX 4000
#define OFFSETS_MAX 1000
#define LOOK_AHEAD_DAYS (40 * 366)
#define OFFSET_MAX (18 * 3600)

/* A stretch of a weekday, in seconds of the wall clock. */
struct shift {
    int day; /* 0 Monday ... 6 Sunday */
    int32_t from, to;
};

struct offset {
    int64_t at;
    int64_t seconds;
};

struct calendar {
    struct shift shifts[SHIFTS_MAX];
    size_t nshifts;
    int64_t *holidays; /* days since 1970, ascending */
    size_t nholidays;
    struct offset *offsets;
    size_t noffsets;
};

/* reading */

static bool fail(struct buf *why, const char *list, size_t i, const char *what)
{
    buf_printf(why, "/%s/%zu%s", list, i, what);
    return false;
}

/* "08:30" as seconds; -1 if it is none. 24:00 ends a day. */
static int32_t wall_time(const json_t *v)
{
    const char *text = json_string_value(v);
    int h, m;

    if (text == NULL || strlen(text) != 5 || strspn(text, "0123456789:") != 5 || text[2] != ':' ||
        strchr(text, ':') != strrchr(text, ':'))
        return -1;
    h = (text[0] - '0') * 10 + (text[1] - '0');
    m = (text[3] - '0') * 10 + (text[4] - '0');
    if (m > 59 || h * 60 + m > 24 * 60)
        return -1;
    return (h * 60 + m) * 60;
}

static int shift_order(const void *a, const void *b)
{
    const struct shift *x = a, *y = b;

    if (x->day != y->day)
        return x->day - y->day;
    return x->from - y->from;
}

static bool read_hours(struct calendar *c, const json_t *list, struct buf *why)
{
    if (json_array_size(list) > SHIFTS_MAX)
        return fail(why, "hours", SHIFTS_MAX, ": there are too many");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *row = json_array_get(list, i), *day = json_object_get(row, "day");
        struct shift s = {.from = wall_time(json_object_get(row, "from")),
                          .to = wall_time(json_object_get(row, "to"))};

        if (!json_is_integer(day) || json_integer_value(day) < 1 ||
            json_integer_value(day) > WEEK_DAYS)
            return fail(why, "hours", i, "/day: must be 1 (Monday) to 7 (Sunday)");
        if (s.from < 0)
            return fail(why, "hours", i, "/from: must be a time as in \"08:00\"");
        if (s.to < 0)
            return fail(why, "hours", i, "/to: must be a time as in \"16:00\"");
        if (s.to <= s.from)
            return fail(why, "hours", i, "/to: must be later than \"from\"");
        s.day = (int)json_integer_value(day) - 1;
        c->shifts[c->nshifts++] = s;
    }
    if (c->nshifts > 1)
        qsort(c->shifts, c->nshifts, sizeof(c->shifts[0]), shift_order);
    for (size_t i = 1; i < c->nshifts; i++)
        if (c->shifts[i].day == c->shifts[i - 1].day && c->shifts[i].from < c->shifts[i - 1].to)
            return buf_puts(why, "/hours: two of a day overlap"), false;
    return true;
}

/* Days since 1970 of a day of the proleptic Gregorian calendar. */
static int64_t day_number(const char *date)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int64_t y =
        (date[0] - '0') * 1000 + (date[1] - '0') * 100 + (date[2] - '0') * 10 + (date[3] - '0');
    int m = (date[5] - '0') * 10 + (date[6] - '0'), d = (date[8] - '0') * 10 + (date[9] - '0');
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    int64_t past = y - 1;

    return past * 365 + past / 4 - past / 100 + past / 400 + before[m - 1] + (leap && m > 2) + d -
           719163;
}

static int number_order(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static bool read_holidays(struct calendar *c, const json_t *list, struct buf *why)
{
    size_t n = json_array_size(list);

    if (n > HOLIDAYS_MAX)
        return fail(why, "holidays", HOLIDAYS_MAX, ": there are too many");
    c->holidays = calloc(n + 1, sizeof(*c->holidays));
    if (c->holidays == NULL)
        abort();
    for (size_t i = 0; i < n; i++) {
        const char *date = json_string_value(json_array_get(list, i));

        if (date == NULL || !text_is_date(date))
            return fail(why, "holidays", i, ": must be a date as in \"2026-12-25\"");
        c->holidays[c->nholidays++] = day_number(date);
    }
    if (n > 1)
        qsort(c->holidays, n, sizeof(c->holidays[0]), number_order);
    return true;
}

static bool read_offsets(struct calendar *c, const json_t *list, struct buf *why)
{
    size_t n = json_array_size(list);

    if (n > OFFSETS_MAX)
        return fail(why, "offsets", OFFSETS_MAX, ": there are too many");
    c->offsets = calloc(n + 1, sizeof(*c->offsets));
    if (c->offsets == NULL)
        abort();
    c->noffsets = n > 0 ? n : 1; /* none: UTC */
    for (size_t i = 0; i < n; i++) {
        const json_t *at = json_object_get(json_array_get(list, i), "at");
        const json_t *seconds = json_object_get(json_array_get(list, i), "offset");

        if (!json_is_integer(at) || !json_is_integer(seconds) ||
            llabs(json_integer_value(seconds)) > OFFSET_MAX)
            return fail(why, "offsets", i, ": must be \"at\" and \"offset\" in seconds");
        c->offsets[i] = (struct offset){json_integer_value(at), json_integer_value(seconds)};
        if (i > 0 && c->offsets[i].at <= c->offsets[i - 1].at)
            return fail(why, "offsets", i, "/at: must be later than the one before");
    }
    return true;
}

struct calendar *calendar_compile(const json_t *doc, struct buf *why)
{
    static const char *const lists[] = {"hours", "holidays", "offsets"};
    struct calendar *c = calloc(1, sizeof(*c));

    if (c == NULL)
        abort();
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        const json_t *list = json_object_get(doc, lists[i]);

        if (list != NULL && !json_is_null(list) && !json_is_array(list)) {
            buf_printf(why, "/%s: must be a list", lists[i]);
            calendar_destroy(c);
            return NULL;
        }
    }
    if (read_hours(c, json_object_get(doc, "hours"), why) &&
        read_holidays(c, json_object_get(doc, "holidays"), why) &&
        read_offsets(c, json_object_get(doc, "offsets"), why))
        return c;
    calendar_destroy(c);
    return NULL;
}

void calendar_destroy(struct calendar *c)
{
    if (c == NULL)
        return;
    free(c->holidays);
    free(c->offsets);
    free(c);
}

/* the wall clock */

/* The place of the offset that holds at a moment. */
static size_t offset_place(const struct calendar *c, int64_t at)
{
    size_t low = 0, high = c->noffsets;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (c->offsets[middle].at <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static int64_t local_day(const struct calendar *c, int64_t at)
{
    int64_t local = at + c->offsets[offset_place(c, at)].seconds;

    return local >= 0 ? local / DAY_S : -((DAY_S - 1 - local) / DAY_S);
}

/* The moment at which the wall clock shows @local: the first one or (@last) the last one, the
 * moment of the jump when it never does. */
static int64_t moment_of(const struct calendar *c, int64_t local, bool last)
{
    size_t first = offset_place(c, local - OFFSET_MAX), end = offset_place(c, local + OFFSET_MAX);
    int64_t found = 0, jump = local - c->offsets[end].seconds;
    bool shown = false, skipped = false;

    for (size_t i = first; i <= end; i++) {
        int64_t at = local - c->offsets[i].seconds;
        bool begun = i == 0 || at >= c->offsets[i].at;
        bool over = i + 1 < c->noffsets && at >= c->offsets[i + 1].at;

        if (!begun && i > first && !skipped) {
            jump = c->offsets[i].at;
            skipped = true;
        }
        if (!begun || over || (shown && !last))
            continue;
        found = at;
        shown = true;
    }
    return shown ? found : jump;
}

static bool is_holiday(const struct calendar *c, int64_t day)
{
    return c->nholidays > 0 &&
           bsearch(&day, c->holidays, c->nholidays, sizeof(c->holidays[0]), number_order) != NULL;
}

/* One stretch of working time as moments. */
struct stretch {
    int64_t from, to;
};

/* Fills in the stretches of a local day in order; returns how many. */
static size_t stretches_of(const struct calendar *c, int64_t day, struct stretch *ret)
{
    int weekday =
        (int)(((day + 3) % WEEK_DAYS + WEEK_DAYS) % WEEK_DAYS); /* 1970 began on Thursday */
    size_t n = 0;

    if (is_holiday(c, day))
        return 0;
    for (size_t i = 0; i < c->nshifts; i++) {
        const struct shift *s = &c->shifts[i];
        struct stretch found;

        if (s->day != weekday)
            continue;
        found.from = moment_of(c, day * DAY_S + s->from, false);
        found.to = moment_of(c, day * DAY_S + s->to, true);
        if (n > 0 && found.from < ret[n - 1].to)
            found.from = ret[n - 1].to; /* the hour that comes twice counts once */
        if (found.to > found.from)
            ret[n++] = found;
    }
    return n;
}

bool calendar_open(const struct calendar *c, int64_t at)
{
    struct stretch all[SHIFTS_MAX];
    size_t n = stretches_of(c, local_day(c, at), all);

    for (size_t i = 0; i < n; i++)
        if (at >= all[i].from && at < all[i].to)
            return true;
    return false;
}

int64_t calendar_add(const struct calendar *c, int64_t at, int64_t seconds)
{
    struct stretch all[SHIFTS_MAX];
    int64_t day = local_day(c, at), last = day + LOOK_AHEAD_DAYS;

    if (seconds < 0)
        seconds = 0;
    for (; c->nshifts > 0 && day <= last; day++) {
        size_t n = stretches_of(c, day, all);

        for (size_t i = 0; i < n; i++) {
            int64_t from = all[i].from > at ? all[i].from : at;

            if (from >= all[i].to)
                continue;
            /* the last second of a shift ends with it, not with the next shift's beginning */
            if (seconds < all[i].to - from || (seconds > 0 && seconds == all[i].to - from))
                return from + seconds;
            seconds -= all[i].to - from;
        }
    }
    return CALENDAR_NEVER;
}

int64_t calendar_between(const struct calendar *c, int64_t from, int64_t to)
{
    struct stretch all[SHIFTS_MAX];
    int64_t sum = 0, last = local_day(c, to);

    for (int64_t day = local_day(c, from); c->nshifts > 0 && day <= last && from < to; day++) {
        size_t n = stretches_of(c, day, all);

        for (size_t i = 0; i < n; i++) {
            int64_t begin = all[i].from > from ? all[i].from : from;
            int64_t end = all[i].to < to ? all[i].to : to;

            if (end > begin)
                sum += end - begin;
        }
    }
    return sum;
}
