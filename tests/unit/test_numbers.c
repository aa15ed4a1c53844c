#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "quality/phone.h"
#include "quality/tax_id.h"

/* Numbers that the offices, the organisations themselves or the documentation of python-stdnum
 * publish as examples. */
static const struct {
    const char *key;
    enum tax_id_kind kind;
} published[] = {
    {"PL5250007738", TAX_ID_VAT},                                     /* PKO Bank Polski */
    {"PL016298263", TAX_ID_REGON},                                    /* the same */
    {"PL5213017228", TAX_ID_VAT},                                     /* ZUS */
    {"PL12345678512347", TAX_ID_REGON}, {"RU7707083893", TAX_ID_INN}, /* Sberbank */
    {"RU500100732259", TAX_ID_INN}, /* a person; example of the tax service */
    {"ATU13585627", TAX_ID_VAT},        {"BE0428759497", TAX_ID_VAT},
    {"BE0403170701", TAX_ID_VAT},       {"BG175074752", TAX_ID_VAT},
    {"CY10259033P", TAX_ID_VAT},        {"CZ25123891", TAX_ID_VAT},
    {"CZ7103192745", TAX_ID_VAT},       {"CZ640903926", TAX_ID_VAT},
    {"DE136695976", TAX_ID_VAT},        {"DK13585628", TAX_ID_VAT},
    {"EE100931558", TAX_ID_VAT},        {"EL094259216", TAX_ID_VAT},
    {"ES54362315K", TAX_ID_VAT},        {"ESX5253868R", TAX_ID_VAT},
    {"ESB58378431", TAX_ID_VAT},        {"FI20774740", TAX_ID_VAT},
    {"FR40303265045", TAX_ID_VAT},      {"FR83404833048", TAX_ID_VAT},
    {"FRK7399859412", TAX_ID_VAT},      {"GB980780684", TAX_ID_VAT},
    {"HR33392005961", TAX_ID_VAT},      {"HU12892312", TAX_ID_VAT},
    {"IE6433435F", TAX_ID_VAT},         {"IE6433435OA", TAX_ID_VAT},
    {"IE8D79739I", TAX_ID_VAT},         {"IT00743110157", TAX_ID_VAT},
    {"LT119511515", TAX_ID_VAT},        {"LT100001919017", TAX_ID_VAT},
    {"LU15027442", TAX_ID_VAT},         {"LV40003521600", TAX_ID_VAT},
    {"MT11679112", TAX_ID_VAT},         {"NL004495445B01", TAX_ID_VAT},
    {"NL000099998B57", TAX_ID_VAT},     {"PT501964843", TAX_ID_VAT},
    {"RO18547290", TAX_ID_VAT},         {"SE123456789701", TAX_ID_VAT},
    {"SI50223054", TAX_ID_VAT},         {"SK2022749619", TAX_ID_VAT},
    {"CHE100155212", TAX_ID_VAT},       {"NO988077917", TAX_ID_VAT},
    {"UA32855961", TAX_ID_VAT},
};

static void published_numbers_are_valid(void **state)
{
    struct tax_id t;

    (void)state;
    for (size_t i = 0; i < COUNT(published); i++) {
        char country[3] = {published[i].key[0], published[i].key[1], '\0'};

        assert_true(tax_id_read(span_of(published[i].key), NULL, &t));
        if (t.verdict != TAX_ID_VALID)
            fail_msg("%s is %d", published[i].key, (int)t.verdict);
        assert_string_equal(t.key, published[i].key);
        assert_string_equal(t.country, country);
        assert_int_equal(t.kind, published[i].kind);
        /* and without its country, at home; PL12345678512347 and the like are read as themselves */
        assert_true(tax_id_read(span_of(published[i].key + 2), country, &t));
        assert_string_equal(t.key, published[i].key);
        assert_int_equal(t.verdict, TAX_ID_VALID);
    }
}

/* The schemes promise to notice every single wrong digit, but for those whose check is a remainder
 * of 11 brought to one digit (10 and 0 are then the same), and those with several checks of which
 * one must hold, and those that end in a counter. */
static void a_wrong_digit_is_noticed(void **state)
{
    static const char *const weaker[] = {"RU", "BG", "CZ", "EL", "ES", "FR", "GB", "IE", "LT",
                                         "LV", "NL", "PT", "RO", "SE", "SI", "UA", "PL"};
    struct tax_id t;

    (void)state;
    for (size_t i = 0; i < COUNT(published); i++) {
        bool promised = true;
        size_t missed = 0, tried = 0;
        char key[TAX_ID_KEY_MAX];

        for (size_t w = 0; w < COUNT(weaker); w++)
            promised = promised && strncmp(published[i].key, weaker[w], 2) != 0;
        promised = promised || (published[i].kind == TAX_ID_VAT && published[i].key[0] == 'P' &&
                                published[i].key[1] == 'L');
        for (size_t at = 2; published[i].key[at] != '\0'; at++)
            for (char c = '0'; c <= '9'; c++) {
                (void)snprintf(key, sizeof(key), "%s", published[i].key);
                if (key[at] < '0' || key[at] > '9' || key[at] == c)
                    continue;
                key[at] = c;
                assert_true(tax_id_read(span_of(key), NULL, &t));
                tried++;
                missed += t.verdict == TAX_ID_VALID;
            }
        if (promised ? missed > 0 : missed * 5 > tried)
            fail_msg("%s: %zu of %zu wrong digits pass", published[i].key, missed, tried);
    }
}

static void spellings_of_a_tax_number_are_one(void **state)
{
    static const struct {
        const char *text, *country, *key;
        enum tax_id_kind kind;
        enum tax_id_verdict verdict;
    } rows[] = {
        {"525-000-77-38", "PL", "PL5250007738", TAX_ID_VAT, TAX_ID_VALID},
        {"PL 5250007738", "DE", "PL5250007738", TAX_ID_VAT, TAX_ID_VALID},
        {"pl525-00-07-738", NULL, "PL5250007738", TAX_ID_VAT, TAX_ID_VALID},
        {"5250007738", "PL", "PL5250007738", TAX_ID_VAT, TAX_ID_VALID},
        {"NIP: 525 000 77 38", NULL, "PL5250007738", TAX_ID_VAT, TAX_ID_VALID},
        {"525-23-44-555", "PL", "PL5252344555", TAX_ID_VAT, TAX_ID_WRONG},
        {"REGON 016298263", NULL, "PL016298263", TAX_ID_REGON, TAX_ID_VALID},
        {"016298264", "PL", "PL016298264", TAX_ID_REGON, TAX_ID_WRONG},
        {"KRS 0000026438", "PL", "PL0000026438", TAX_ID_KRS, TAX_ID_VALID},
        {"ИНН 7707083893", "PL", "RU7707083893", TAX_ID_INN, TAX_ID_VALID},
        {"7707083894", "RU", "RU7707083894", TAX_ID_INN, TAX_ID_WRONG},
        {"USt-IdNr. DE 136 695 976", NULL, "DE136695976", TAX_ID_VAT, TAX_ID_VALID},
        {"GR 094259216", NULL, "EL094259216", TAX_ID_VAT, TAX_ID_VALID},
        {"094259216", "GR", "EL094259216", TAX_ID_VAT, TAX_ID_VALID},
        {"BE 428.759.497", NULL, "BE0428759497", TAX_ID_VAT, TAX_ID_VALID},
        {"CHE-100.155.212 MWST", NULL, "CHE100155212", TAX_ID_VAT, TAX_ID_VALID},
        {"NO 988 077 917 MVA", NULL, "NO988077917", TAX_ID_VAT, TAX_ID_VALID},
        {"UK 980780684", NULL, "GB980780684", TAX_ID_VAT, TAX_ID_VALID},
        {"5250007738", NULL, "5250007738", TAX_ID_OTHER, TAX_ID_UNKNOWN},
        {"12-3456789", "US", "123456789", TAX_ID_OTHER, TAX_ID_UNKNOWN},
        {"PL 123", NULL, "PL123", TAX_ID_OTHER, TAX_ID_UNKNOWN},
        {"nip", "PL", "NIP", TAX_ID_OTHER, TAX_ID_UNKNOWN},
    };
    struct tax_id t;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_true(tax_id_read(span_of(rows[i].text), rows[i].country, &t));
        assert_string_equal(t.key, rows[i].key);
        assert_int_equal(t.kind, rows[i].kind);
        assert_int_equal(t.verdict, rows[i].verdict);
    }
    assert_false(tax_id_read(SPAN(" - "), "PL", &t));
    assert_string_equal(tax_id_kind_name(TAX_ID_REGON), "regon");
}

static void phones_become_international(void **state)
{
    static const struct {
        const char *text, *country, *key;
        bool valid;
    } rows[] = {
        {"22 123 45 67", "PL", "+48221234567", true},
        {"(22) 123-45-67 wew. 12", "PL", "+48221234567", true},
        {"+48 22 123 45 67", "DE", "+48221234567", true},
        {"0048 221234567", "PL", "+48221234567", true},
        {"48221234567", "PL", "+48221234567", true},
        {"+44 (0)20 7946 0958", "PL", "+442079460958", true},
        {"020 7946 0958 ext. 5", "GB", "+442079460958", true},
        {"tel:+442079460958;ext=5", "PL", "+442079460958", true},
        {"8 (495) 123-45-67", "RU", "+74951234567", true},
        {"810 48 22 123 45 67", "RU", "+48221234567", true},
        {"06 698 12345", "IT", "+390669812345", true}, /* the zero stays */
        {"06 1 234 5678", "HU", "+3612345678", true},
        {"8 312 44717", "LT", "+37031244717", true},
        {"1-800-FLOWERS", "US", "+18003569377", true},
        {"011 48 22 123 45 67", "US", "+48221234567", true},
        {"１２３ ４５６ ７８９", "PL", NULL, false}, /* full width digits are none on a telephone */
        {"22 123", "PL", NULL, false},
        {"22 1234", "PL", "221234", false},
        {"+999 123 456 789", "PL", "999123456789", false},
        {"22 123 45 67", NULL, "221234567", false},
        {"+48 22 123 45 67", NULL, "+48221234567", true},
        {"", "PL", NULL, false},
        {"+", "PL", NULL, false},
    };
    struct phone p;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (phone_read(span_of(rows[i].text), rows[i].country, &p) != (rows[i].key != NULL))
            fail_msg("%s", rows[i].text);
        assert_string_equal(p.key, rows[i].key == NULL ? "" : rows[i].key);
        assert_int_equal(p.valid, rows[i].valid);
    }
    assert_true(phone_read(SPAN("+7 495 123 45 67"), NULL, &p));
    assert_string_equal(p.country, "RU");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_numbers_are_valid),
        cmocka_unit_test(a_wrong_digit_is_noticed),
        cmocka_unit_test(spellings_of_a_tax_number_are_one),
        cmocka_unit_test(phones_become_international),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
