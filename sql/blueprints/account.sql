-- The shipped process of an account: opened by anybody at once, verified by the back office later.
--
-- An account that is rejected as a duplicate of another one is merged into it. One that was verified and whose name
-- or tax number changes afterwards goes back to the queue by itself: the fields that count are those of the guard
-- "another_company".
--
-- Four eyes: to demand that the verifier is not whoever opened the account, the next number of this blueprint
-- gives "verify" the guard
--   {"key": "four_eyes", "kind": "actor_differs", "params": {"from": "creator"}}

set role sluice_owner;

select sluice.blueprint_import($json$
{
  "entity": "account", "key": "account_verification", "number": 2,
  "label": {"en": "Account verification", "pl": "Weryfikacja konta", "ru": "Проверка компании"},
  "states": [
    {"key": "to_verify", "category": "open", "label": {"en": "To be verified", "pl": "Do weryfikacji", "ru": "На проверке"},
     "sla": [{"key": "verification", "after": "P2D", "calendar": "default", "what": "warn"}]},
    {"key": "verified", "category": "won", "label": {"en": "Verified", "pl": "Zweryfikowane", "ru": "Проверена"}},
    {"key": "rejected", "category": "lost", "label": {"en": "Rejected", "pl": "Odrzucone", "ru": "Отклонена"}}
  ],
  "transitions": [
    {"key": "created", "kind": "initial", "to": "to_verify",
     "label": {"en": "Created", "pl": "Utworzono", "ru": "Создана"}},

    {"key": "verify", "from": ["to_verify"], "to": "verified",
     "label": {"en": "Verify", "pl": "Zweryfikuj", "ru": "Подтвердить"},
     "actors": [{"kind": "role", "value": "verifier"}, {"kind": "role", "value": "admin"}],
     "guards": [
       {"key": "name_filled", "kind": "field_present", "params": {"field": "name"},
        "message": {"en": "Fill in the name.", "pl": "Uzupełnij nazwę.", "ru": "Заполните название."}}],
     "inputs": [
       {"key": "tax_id", "kind": "field", "params": {"field": "tax_id"},
        "label": {"en": "Tax number", "pl": "NIP", "ru": "ИНН"}},
       {"key": "note", "kind": "note", "label": {"en": "Note", "pl": "Notatka", "ru": "Заметка"}}]},

    {"key": "reject", "from": ["to_verify"], "to": "rejected",
     "label": {"en": "Reject", "pl": "Odrzuć", "ru": "Отклонить"},
     "actors": [{"kind": "role", "value": "verifier"}, {"kind": "role", "value": "admin"}],
     "guards": [
       {"key": "reason_given", "kind": "field_present", "params": {"field": "rejection_reason"},
        "message": {"en": "Give the reason.", "pl": "Podaj powód.", "ru": "Укажите причину."}}],
     "inputs": [
       {"key": "rejection_reason", "kind": "field", "required": true,
        "params": {"field": "rejection_reason", "choices_from": "rejection_reason"},
        "label": {"en": "Reason", "pl": "Powód", "ru": "Причина"}},
       {"key": "note", "kind": "note", "label": {"en": "Note", "pl": "Notatka", "ru": "Заметка"}}]},

    {"key": "reject_duplicate", "from": ["to_verify"], "to": "rejected",
     "label": {"en": "Reject as a duplicate", "pl": "Odrzuć jako duplikat", "ru": "Отклонить как дубликат"},
     "actors": [{"kind": "role", "value": "verifier"}, {"kind": "role", "value": "admin"}],
     "guards": [
       {"key": "original_named", "kind": "field_present", "params": {"field": "duplicate_of"},
        "message": {"en": "Say which account it is a duplicate of.", "pl": "Wskaż konto, którego to duplikat.",
                    "ru": "Укажите, дубликатом какой компании она является."}}],
     "inputs": [
       {"key": "duplicate_of", "kind": "field", "required": true, "params": {"field": "duplicate_of"},
        "label": {"en": "Duplicate of", "pl": "Duplikat konta", "ru": "Дубликат компании"}},
       {"key": "note", "kind": "note", "label": {"en": "Note", "pl": "Notatka", "ru": "Заметка"}}]},

    {"key": "identity_changed", "from": ["verified"], "to": "to_verify",
     "label": {"en": "Name or tax number changed", "pl": "Zmieniono nazwę lub NIP", "ru": "Изменено название или ИНН"},
     "auto": {"when": true},
     "guards": [
       {"key": "another_company", "op": "any",
        "message": {"en": "The name or the tax number has changed since the verification.",
                    "pl": "Nazwa lub NIP zmieniły się od weryfikacji.",
                    "ru": "После проверки изменилось название или ИНН."},
        "guards": [
          {"key": "name_changed", "kind": "field_changed", "params": {"field": "name"}},
          {"key": "tax_id_changed", "kind": "field_changed", "params": {"field": "tax_id"}}]}]},

    {"key": "reverify", "from": ["verified", "rejected"], "to": "to_verify",
     "label": {"en": "Verify again", "pl": "Zweryfikuj ponownie", "ru": "Проверить снова"},
     "actors": [{"kind": "role", "value": "verifier"}, {"kind": "role", "value": "manager"},
                {"kind": "role", "value": "admin"}],
     "inputs": [
       {"key": "note", "kind": "note", "label": {"en": "Note", "pl": "Notatka", "ru": "Заметка"}}]}
  ]
}
$json$);

reset role;
