/* import_columns - what the columns of a spreadsheet mean. */
#include <string.h>

#include "base/text.h"
#include "schemas.gen.h"
#include "service/import/import.h"

static const struct import_entity entities[] = {
    {"lead", &record_lead, &schema_LeadCreate},
    {"account", &record_account, &schema_AccountCreate},
    {"contact", &record_contact, &schema_ContactCreate},
};

const struct import_entity *import_entity_find(const char *name)
{
    for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++)
        if (strcmp(entities[i].name, name) == 0)
            return &entities[i];
    return NULL;
}

/* What people call the fields in English, Polish, German and Russian, folded (value_fold). */
static const struct {
    const char *field, *words;
} synonyms[] = {
    {"first_name", "first name|given name|forename|imię|imie|vorname|имя"},
    {"last_name", "last name|surname|family name|nazwisko|nachname|familienname|фамилия"},
    {"email",
     "email|e mail|mail|email address|e mail address|adres email|adres e mail|e mail adresse|"
     "poczta|эл почта|электронная почта|почта|емейл"},
    {"phone", "phone|phone number|telephone|tel|mobile|cell|telefon|nr telefonu|numer telefonu|"
              "komórka|telefonnummer|handy|телефон|номер телефона|мобильный"},
    {"company", "company|company name|organisation|organization|firma|nazwa firmy|unternehmen|"
                "firmenname|компания|организация|фирма"},
    {"name", "name|company|company name|account|account name|nazwa|firma|nazwa firmy|klient|"
             "unternehmen|firmenname|название|компания|организация|наименование"},
    {"job_title", "job title|title|position|stanowisko|funkcja|funktion|stellung|должность"},
    {"tax_id", "tax id|vat|vat id|vat number|nip|numer nip|ust id|ust idnr|steuernummer|инн"},
    {"website", "website|web|www|url|homepage|strona|strona www|strona internetowa|webseite|сайт"},
    {"industry", "industry|sector|branch|branża|branza|branche|отрасль"},
    {"street", "street|address|ulica|adres|straße|strasse|adresse|улица|адрес"},
    {"postcode", "postcode|zip|zip code|postal code|kod|kod pocztowy|plz|postleitzahl|индекс"},
    {"city", "city|town|miasto|miejscowość|miejscowosc|stadt|ort|город"},
    {"country", "country|kraj|państwo|panstwo|land|страна"},
    {"need", "need|needs|potrzeba|potrzeby|bedarf|потребность"},
    {"budget_confirmed", "budget confirmed|budget|budżet|budżet potwierdzony|бюджет"},
    {"estimated_value.amount", "estimated value|value|amount|wartość|wartosc|kwota|wert|betrag|"
                               "сумма|стоимость"},
    {"estimated_value.currency", "currency|waluta|währung|валюта"},
    {"description", "description|notes|note|comment|comments|opis|uwagi|notatka|notatki|komentarz|"
                    "beschreibung|bemerkung|notiz|описание|комментарий|примечание"},
    {"external_id", "external id|id|identifier|customer number|identyfikator|id zewnętrzne|"
                    "kundennummer|внешний id|код"},
    {"tags", "tags|tag|labels|tagi|etykiety|schlagworte|теги|метки"},
    {"owner_id", "owner id|owner|właściciel|opiekun|inhaber|владелец"},
    {"source", "source|lead source|źródło|zrodlo|quelle|источник"},
    {"campaign", "campaign|kampania|kampagne|кампания"},
    {"role", "role|rola|rolle|роль"},
    {"account_id", "account id"},
};

#define SYNONYMS (sizeof(synonyms) / sizeof(synonyms[0]))
#define HEADER_MAX 256

static bool among(const char *words, const char *word, bool as_beginning)
{
    size_t len = strlen(word);

    for (const char *p = words; *p;) {
        size_t n = strcspn(p, "|");

        if (n == len && strncmp(p, word, n) == 0)
            return true;
        if (as_beginning && n >= 4 && n < len && strncmp(p, word, n) == 0 && word[n] == ' ')
            return true;
        p += n + (p[n] == '|');
    }
    return false;
}

static const char *by_synonym(const struct fields *of, const char *folded, bool beginning)
{
    for (size_t i = 0; i < SYNONYMS; i++)
        if (among(synonyms[i].words, folded, beginning) &&
            fields_find(of, synonyms[i].field, "", NULL))
            return synonyms[i].field;
    return NULL;
}

const char *import_propose(const struct fields *of, const char *header, struct arena *a,
                           double *confidence)
{
    char folded[HEADER_MAX], name[HEADER_MAX];
    const char *found;

    value_fold(header, folded, sizeof(folded));
    for (const struct schema_member *m = of->schema->members; m && m->name; m++) {
        value_fold(m->name, name, sizeof(name));
        if (strcmp(name, folded) == 0 && fields_find(of, m->name, "", NULL)) {
            *confidence = 1.0;
            return m->name;
        }
    }
    *confidence = 1.0;
    if (strchr(header, '.') && fields_find(of, header, "", NULL))
        return header; /* of an export: "estimated_value.amount" */
    found = fields_by_label(of, header, a);
    if (found)
        return found;
    *confidence = 0.9;
    found = by_synonym(of, folded, false);
    if (!found) {
        *confidence = 0.6;
        found = by_synonym(of, folded, true);
    }
    if (!found)
        *confidence = 0;
    return found;
}
