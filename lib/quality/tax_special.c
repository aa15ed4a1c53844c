#include <string.h>

#include "quality/tax_check.h"

static const char LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

static int digit(char c)
{
    return c - '0';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static long long number(const char *text, size_t n)
{
    long long sum = 0;

    for (size_t i = 0; i < n; i++)
        sum = sum * 10 + digit(text[i]);
    return sum;
}

/* Place of a letter in a list; -1 if it is not there. */
static int place(const char *list, char c)
{
    const char *found = strchr(list, c);

    return c == '\0' || found == NULL ? -1 : (int)(found - list);
}

/* Two digits of a month and two of a day. @mark is what the law adds to a month to tell sexes or
 * centuries apart; 0 ends the list. */
static bool is_birthday(const char *month, const char *day, const int *marks)
{
    int m = (int)number(month, 2), d = (int)number(day, 2);
    bool known = m >= 1 && m <= 12;

    for (; *marks != 0; marks++)
        known = known || (m > *marks && m <= *marks + 12);
    return known && d >= 1 && d <= 31;
}

/* Bulgaria: Zakon za registar BULSTAT art. 6 (nine digits); EGN, numbers of foreigners and other
 * persons (ten digits). */
bool tax_bg(const char *t)
{
    static const int8_t first[] = {1, 2, 3, 4, 5, 6, 7, 8}, second[] = {3, 4, 5, 6, 7, 8, 9, 10};
    static const int8_t egn[] = {2, 4, 8, 5, 10, 9, 7, 3, 6};
    static const int8_t foreigner[] = {21, 19, 17, 13, 11, 9, 7, 3, 1};
    static const int8_t other[] = {4, 3, 2, 7, 6, 5, 4, 3, 2};
    int check;

    if (strlen(t) == 9) {
        check = tax_weighted(t, first, 8) % 11;
        if (check == 10)
            check = tax_weighted(t, second, 8) % 11 % 10;
        return check == digit(t[8]);
    }
    if (is_birthday(t + 2, t + 4, (const int[]){20, 40, 0}) &&
        tax_weighted(t, egn, 9) % 11 % 10 == digit(t[9]))
        return true;
    if (tax_weighted(t, foreigner, 9) % 10 == digit(t[9]))
        return true;
    return (11 - tax_weighted(t, other, 9) % 11) % 11 == digit(t[9]);
}

/* Cyprus: Tax Department; the digits at odd places are exchanged. */
bool tax_cy(const char *t)
{
    static const int odd[] = {1, 0, 5, 7, 9, 13, 15, 17, 19, 21};
    int sum = 0;

    for (size_t i = 0; i < 8; i++)
        sum += i % 2 == 0 ? odd[digit(t[i])] : digit(t[i]);
    return !(t[0] == '1' && t[1] == '2') && LETTERS[sum % 26] == t[8];
}

/* Czechia: zákon 235/2004. Eight digits: a register's number (ICO); nine or ten: of a person
 * (zákon 133/2000 s. 13), or nine that begin with 6. Before 1954 people had no check digit. */
bool tax_cz(const char *t)
{
    static const int8_t weights[] = {8, 7, 6, 5, 4, 3, 2};
    static const int marks[] = {20, 50, 70, 0};
    int check;

    if (strlen(t) == 8) {
        check = (11 - tax_weighted(t, weights, 7) % 11) % 11;
        return t[0] != '9' && (check == 0 ? 1 : check % 10) == digit(t[7]);
    }
    if (strlen(t) == 10)
        return is_birthday(t + 2, t + 4, marks) && number(t, 9) % 11 % 10 == digit(t[9]);
    if (t[0] == '6') {
        check = tax_weighted(t + 1, weights, 7) % 11;
        return (8 - (10 - check + 11) % 11 + 10) % 10 == digit(t[8]);
    }
    return is_birthday(t + 2, t + 4, (const int[]){50, 0}) && number(t, 2) < 54;
}

/* Spain: Real Decreto 1065/2007 art. 18 to 28 (NIF), Orden EHA/451/2008 (organisations). */
bool tax_es(const char *t)
{
    static const char mod_23[] = "TRWAGMYFPDXBNJZSQVHLCKE", control[] = "JABCDEFGHI";
    int person = place("XYZ", t[0]), sum = 0;

    if (is_digit(t[0]))
        return t[8] == mod_23[number(t, 8) % 23];
    if (person >= 0) /* foreigners */
        return t[8] == mod_23[(person * 10000000LL + number(t + 1, 7)) % 23];
    if (strchr("KLM", t[0]) != NULL)
        return t[8] == mod_23[number(t + 1, 7) % 23];
    if (strchr("ABCDEFGHJNPQRSUVW", t[0]) == NULL)
        return false;
    for (size_t i = 0; i < 7; i++) {
        int d = digit(t[1 + i]) * (i % 2 == 0 ? 2 : 1);

        sum += d > 9 ? d - 9 : d;
    }
    sum = (10 - sum % 10) % 10;
    if (strchr("ABEH", t[0]) != NULL)
        return t[8] == '0' + sum;
    return t[8] == '0' + sum || t[8] == control[sum];
}

/* France: CGI art. 286 ter, key and SIREN (INSEE; Luhn). Keys with letters are of the new style;
 * Monaco has 000 in front of its SIREN. */
bool tax_fr(const char *t)
{
    static const char keys[] = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    int first = place(keys, t[0]), second = place(keys, t[1]), check;

    if (first < 0 || second < 0 || (memcmp(t + 2, "000", 3) != 0 && !tax_luhn(t + 2, 9)))
        return false;
    if (first < 10 && second < 10)
        return number(t, 2) == (12 + 3 * (number(t + 2, 9) % 97)) % 97;
    check = first < 10 ? first * 24 + second - 10 : first * 34 + second - 100;
    return (number(t + 2, 9) + 1 + check / 11) % 11 == check % 11;
}

/* United Kingdom: HMRC, VAT Notice 700 and its annex on 9755 numbers. */
bool tax_gb(const char *t)
{
    static const int8_t weights[] = {8, 7, 6, 5, 4, 3, 2};
    int rest;

    if (t[0] == 'G' || t[0] == 'H')
        return t[0] == 'G' ? number(t + 2, 3) < 500 : t[1] == 'A' && number(t + 2, 3) >= 500;
    rest = (tax_weighted(t, weights, 7) + (int)number(t + 7, 2)) % 97;
    return rest == 0 || rest == 42;
}

/* Ireland: Revenue, Tax and Duty Manual "PPSN and VAT numbers"; before 2013 a letter could stand
 * second and the first digit was then the seventh. */
bool tax_ie(const char *t)
{
    static const int8_t weights[] = {8, 7, 6, 5, 4, 3, 2};
    static const char check[] = "WABCDEFGHIJKLMNOPQRSTUV";
    char digits[8];
    int extra;

    memcpy(digits, t, 7);
    if (!is_digit(t[1])) {
        digits[0] = '0';
        memcpy(digits + 1, t + 2, 5);
        digits[6] = t[0];
    }
    extra = t[8] == '\0' ? 0 : place(check, t[8]);
    return extra >= 0 && check[(tax_weighted(digits, weights, 7) + 9 * extra) % 23] == t[7];
}

/* Lithuania: Valstybine mokesciu inspekcija; the digit before the last is 1. */
bool tax_lt(const char *t)
{
    size_t n = strlen(t) - 1;
    int first = 0, second = 0;

    for (size_t i = 0; i < n; i++) {
        first += digit(t[i]) * (int)(1 + i % 9);
        second += digit(t[i]) * (int)(1 + (i + 2) % 9);
    }
    first %= 11;
    return t[n - 1] == '1' && (first == 10 ? second % 11 % 10 : first) == digit(t[n]);
}

/* Latvia: Valsts ienemumu dienests; organisations begin with 4 to 9, people with their birthday or
 * (since 2017) with 32 and no check digit. */
bool tax_lv(const char *t)
{
    static const int8_t organisation[] = {9, 1, 4, 8, 3, 10, 2, 5, 7, 6, 1};
    static const int8_t person[] = {10, 5, 8, 4, 2, 1, 6, 3, 7, 9};

    if (t[0] > '3')
        return tax_weighted(t, organisation, 11) % 11 == 3;
    if (t[0] == '3' && t[1] == '2')
        return true;
    return is_birthday(t + 2, t, (const int[]){0}) &&
           (1 + tax_weighted(t, person, 10)) % 11 % 10 == digit(t[10]);
}

/* Netherlands: Belastingdienst; the number of an organisation passes the elfproef, the ones that
 * people got in 2020 are "NL..." MOD 97-10 of ISO 7064. */
bool tax_nl(const char *t)
{
    static const int8_t weights[] = {9, 8, 7, 6, 5, 4, 3, 2, -1};
    long long rest = 2321; /* NL */

    if (number(t + 10, 2) == 0)
        return false;
    if (number(t, 9) != 0 && tax_weighted(t, weights, 9) % 11 == 0)
        return true;
    rest = (rest * 1000000000 + number(t, 9)) % 97;
    rest = (rest * 10000 + 1100 + number(t + 10, 2)) % 97; /* B is 11 */
    return rest == 1;
}

/* Romania, people: CNP, Legea 105/1996. */
bool tax_ro_person(const char *t)
{
    static const int8_t weights[] = {2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9};
    int sum = tax_weighted(t, weights, 12) % 11;

    return t[0] != '0' && is_birthday(t + 3, t + 5, (const int[]){0}) &&
           (sum == 10 ? 1 : sum) == digit(t[12]);
}

/* Ukraine: EDRPOU (resolution 118 of 22 January 1996). */
bool tax_ua(const char *t)
{
    static const int8_t usual[] = {1, 2, 3, 4, 5, 6, 7}, middle[] = {7, 1, 2, 3, 4, 5, 6};
    static const int8_t usual_2[] = {3, 4, 5, 6, 7, 8, 9}, middle_2[] = {9, 3, 4, 5, 6, 7, 8};
    bool in_middle = t[0] >= '3' && t[0] <= '5';
    int check = tax_weighted(t, in_middle ? middle : usual, 7) % 11;

    if (check == 10)
        check = tax_weighted(t, in_middle ? middle_2 : usual_2, 7) % 11 % 10;
    return check == digit(t[7]);
}
