/* keys of records as the database takes them: which kinds a record has, and what is left out */
#include "service/record/match_keys.h"

#include "unit.h"

static const struct row {
    const char *entity, *source, *keys; /* keys: without hashes of the name, sorted */
    bool banded;
} table[] = {
    {"account", "{}", "{\"keys\":{}}", false},
    {"account",
     "{\"name\":\"Sii Sp. z o.o.\",\"city\":\"Warszawa\",\"street\":\"ul. Marszałkowska 12 m. 5\","
     "\"postcode\":\"00950\",\"tax_id\":\"525-23-44-555\",\"website\":\"https://www.sii.pl/x\"}",
     "{\"city\":\"warszawa\",\"keys\":{\"domain\":[\"sii.pl\"],\"tax_id\":[\"PL5252344555\"]},"
     "\"name\":\"sii\",\"postcode\":\"00950\",\"street\":\"marszalkowska 12 5\"}",
     true},
    /* both domains count, but not that of free mail, and one that is both counts once */
    {"account", "{\"email\":\"a@acme.com\",\"website\":\"acme.pl\"}",
     "{\"keys\":{\"domain\":[\"acme.pl\",\"acme.com\"],\"email\":[\"a@acme.com\"]}}", false},
    {"account", "{\"email\":\"a@acme.pl\",\"website\":\"acme.pl\"}",
     "{\"keys\":{\"domain\":[\"acme.pl\"],\"email\":[\"a@acme.pl\"]}}", false},
    {"account", "{\"email\":\"acme@gmail.com\"}", "{\"keys\":{\"email\":[\"acme@gmail.com\"]}}",
     false},
    /* a lead's company is compared, and its person */
    {"lead", "{\"company\":\"ACME S.A.\",\"first_name\":\"Jan\",\"last_name\":\"Nowak\"}",
     "{\"keys\":{\"person\":[\"jan nowak\"]},\"name\":\"acme\"}", true},
    {"lead", "{\"name\":\"ACME S.A.\"}", "{\"keys\":{}}", false},
    /* a contact's name is compared beside its account and the domain of its address */
    {"contact",
     "{\"last_name\":\"Nowak\",\"email\":\"jan+web@Acme.pl\",\"phone\":\"22 555 01 02\"}",
     "{\"domain\":\"acme.pl\",\"keys\":{\"email\":[\"jan@acme.pl\"],\"person\":[\"nowak\"],"
     "\"phone\":[\"+48225550102\"]},\"name\":\"nowak\"}",
     true},
    {"contact", "{\"first_name\":\"Jan\",\"last_name\":\"Nowak\",\"account_id\":\"a1\"}",
     "{\"account\":\"a1\",\"keys\":{\"person\":[\"jan nowak\"]},\"name\":\"jan nowak\"}", true},
    {"contact", "{\"email\":\"jan@gmail.com\"}", "{\"keys\":{\"email\":[\"jan@gmail.com\"]}}",
     false},
};

static void keys_are_what_the_database_takes(void **state)
{
    static const char *const hashes[] = {"bands", "probes", "print", "trigrams"};

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        json_t *source = json_loads(table[i].source, 0, NULL);
        json_t *made = match_keys_json(table[i].entity, source);
        char *text;

        assert_int_equal(json_array_size(json_object_get(made, "bands")), table[i].banded ? 16 : 0);
        assert_int_equal(json_array_size(json_object_get(made, "probes")),
                         table[i].banded ? 80 : 0);
        assert_int_equal(json_string_length(json_object_get(made, "print")),
                         table[i].banded ? 16 : 0);
        assert_int_equal(json_object_get(made, "trigrams") != NULL, table[i].banded);
        for (size_t k = 0; k < sizeof(hashes) / sizeof(hashes[0]); k++)
            json_object_del(made, hashes[k]);
        text = json_dumps(made, JSON_SORT_KEYS | JSON_COMPACT);
        assert_string_equal(text, table[i].keys);
        free(text);
        json_decref(made);
        json_decref(source);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_what_the_database_takes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
