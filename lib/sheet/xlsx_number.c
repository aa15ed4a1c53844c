/* Numbers of cells as people see them: with Excel's 15 digits, or as dates by their format. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sheet/xlsx_inner.h"

/* The formats that have no code in the file (ECMA-376 part 1, 18.8.30), those of East Asia
 * included. */
static enum shown builtin(unsigned id)
{
    static const struct {
        unsigned from, to;
        enum shown shown;
    } rows[] = {
        {14, 17, SHOWN_DATE}, {18, 21, SHOWN_TIME}, {22, 22, SHOWN_DATE}, {27, 31, SHOWN_DATE},
        {32, 35, SHOWN_TIME}, {36, 36, SHOWN_DATE}, {45, 47, SHOWN_TIME}, {50, 58, SHOWN_DATE},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (id >= rows[i].from && id <= rows[i].to)
            return rows[i].shown;
    return SHOWN_NUMBER;
}

/* Steps over what is shown as it is: "text", \x, _x, *x, [Red], AM/PM. [h] is time. */
static const char *skip(const char *p, bool *time)
{
    const char *end;

    if (*p == '\\' || *p == '_' || *p == '*')
        return p[1] ? p + 2 : p + 1;
    if (*p == '"' || *p == '[') {
        if (*p == '[' && strchr("hHmMsS", p[1]) && p[1])
            *time = true;
        end = strchr(p + 1, *p == '"' ? '"' : ']');
        return end ? end + 1 : p + strlen(p);
    }
    if (strncasecmp(p, "AM/PM", 5) == 0)
        return p + 5;
    if (strncasecmp(p, "General", 7) == 0)
        return p + 7;
    return p;
}

/* a switch over the letters of a format */
/* NOLINTNEXTLINE(readability-function-size, readability-function-cognitive-complexity) */
enum shown format_shown(unsigned id, const char *code)
{
    bool date = false, time = false, month = false;

    if (!code)
        return builtin(id);
    while (*code && *code != ';') {
        const char *next = skip(code, &time);

        if (next != code) {
            code = next;
            continue;
        }
        switch (tolower((unsigned char)*code++)) {
        case 'y':
        case 'd': date = true; break;
        case 'h':
        case 's': time = true; break;
        case 'm': month = true; break;
        default: break;
        }
    }
    if (date || (month && !time))
        return SHOWN_DATE;
    return time ? SHOWN_TIME : SHOWN_NUMBER;
}

/* Days since 1970-01-01 as a day of the calendar (Howard Hinnant, "chrono-compatible low-level date
 * algorithms", civil_from_days). */
static void civil(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;

    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = (int)(yoe + era * 400 + (*month <= 2));
}

#define DAYS_MAX 2958466 /* behind 9999-12-31 */
#define EPOCH_1900 25569 /* serial of 1970-01-01 */
#define EPOCH_1904 24107

/* In the 1900 system day 60 is a 29 February that never was: what lies before it is a day off. */
static bool date_text(double serial, enum shown shown, bool base_1904, char *out, size_t n)
{
    double day = floor(serial);
    int64_t seconds = (int64_t)llround((serial - day) * 86400), days = (int64_t)day;
    int year, month, date, at = 0;

    if (seconds == 86400) {
        days++;
        seconds = 0;
    }
    if (shown == SHOWN_DATE || days > 0) {
        if (!base_1904 && days == 60)
            return snprintf(out, n, "1900-02-29") > 0;
        civil(days - (base_1904 ? EPOCH_1904 : EPOCH_1900) + (!base_1904 && days < 60), &year,
              &month, &date);
        at = snprintf(out, n, "%04d-%02d-%02d", year, month, date);
        if (seconds == 0)
            return true;
        out[at++] = ' ';
    }
    (void)snprintf(out + at, n - (size_t)at, "%02d:%02d:%02d", (int)(seconds / 3600),
                   (int)(seconds / 60 % 60), (int)(seconds % 60));
    return true;
}

void number_text(const char *value, enum shown shown, bool base_1904, char *out, size_t n)
{
    char *end;
    double number = strtod(value, &end);

    if (end == value || *end || !isfinite(number)) {
        (void)snprintf(out, n, "%s", value);
        return;
    }
    if (shown != SHOWN_NUMBER && number >= 0 && number < DAYS_MAX &&
        date_text(number, shown, base_1904, out, n))
        return;
    (void)snprintf(out, n, "%.15g", number);
    if (!strchr(out, 'e'))
        return;
    (void)snprintf(out, n, fabs(number) >= 1 ? "%.0f" : "%.20f", number);
    if (strchr(out, '.'))
        for (size_t i = strlen(out); i > 0 && (out[i - 1] == '0' || out[i - 1] == '.'); i--) {
            bool point = out[i - 1] == '.';

            out[i - 1] = '\0';
            if (point)
                break;
        }
}
