-- The shipped process of an account: opened by anybody at once, verified by the back office later.
--
-- Four eyes: to demand that the verifier is not whoever opened the account, the next number of this blueprint
-- gives "verify" the guard
--   {"key": "four_eyes", "kind": "actor_differs", "params": {"from": "creator"}}

set role sluice_owner;

select sluice.blueprint_import($json$
{
  "entity": "account", "key": "account_verification", "number": 1,
  "label": {"en": "Account verification", "pl": "Weryfikacja konta", "ru": "Проверка компании"},
  "states": [
    {"key": "to_verify", "category": "open", "label": {"en": "To be verified", "pl": "Do weryfikacji", "ru": "На проверке"}},
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
