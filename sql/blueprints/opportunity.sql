-- The shipped sales pipeline. Nothing is asked for early; amount, product kind and delivery date are asked for
-- together when an offer is sent; nothing closes while the account waits for verification.

set role sluice_owner;

select sluice.blueprint_import($json$
{
  "entity": "opportunity", "key": "sales_pipeline", "number": 3,
  "label": {"en": "Sales pipeline", "pl": "Lejek sprzedaży", "ru": "Воронка продаж"},
  "states": [
    {"key": "qualification", "category": "open", "probability": 10, "forecast_category": "pipeline",
     "label": {"en": "Qualification", "pl": "Kwalifikacja", "ru": "Квалификация"},
     "sla": [{"key": "going_on", "after": "P10D", "since": "touch", "calendar": "default", "what": "task",
              "params": {"subject": "Agree on a meeting, or let it rest"}}]},
    {"key": "first_meeting", "category": "open", "probability": 40, "forecast_category": "pipeline",
     "label": {"en": "First meeting", "pl": "Pierwsze spotkanie", "ru": "Первая встреча"},
     "sla": [{"key": "going_on", "after": "P10D", "since": "touch", "calendar": "default", "what": "task",
              "params": {"subject": "Send the offer, or let it rest"}}]},
    {"key": "offer_sent", "category": "open", "probability": 60, "forecast_category": "best_case",
     "label": {"en": "Offer sent", "pl": "Oferta wysłana", "ru": "Предложение отправлено"},
     "sla": [{"key": "follow_up", "after": "P14D", "since": "touch", "what": "task",
              "params": {"subject": "Follow up the offer"}}]},
    {"key": "negotiation", "category": "open", "probability": 80, "forecast_category": "commit",
     "label": {"en": "Negotiation", "pl": "Negocjacje", "ru": "Переговоры"},
     "sla": [{"key": "going_on", "after": "P5D", "since": "touch", "calendar": "default", "what": "task",
              "params": {"subject": "Bring the negotiation on"}}]},
    {"key": "won", "category": "won", "probability": 100, "forecast_category": "commit",
     "label": {"en": "Won", "pl": "Wygrana", "ru": "Выиграна"}},
    {"key": "lost", "category": "lost", "probability": 0, "forecast_category": "omitted",
     "label": {"en": "Lost", "pl": "Przegrana", "ru": "Проиграна"}},
    {"key": "cancelled", "category": "cancelled", "probability": 0, "forecast_category": "omitted",
     "label": {"en": "Cancelled", "pl": "Anulowana", "ru": "Отменена"},
     "sla": [{"key": "revisit", "after": "P183D", "what": "task", "params": {"subject": "Take it up again?"}}]},
    {"key": "postponed", "category": "postponed", "probability": 0, "forecast_category": "omitted",
     "label": {"en": "Postponed", "pl": "Odłożona", "ru": "Отложена"}}
  ],
  "transitions": [
    {"key": "created", "kind": "initial", "to": "qualification",
     "label": {"en": "Created", "pl": "Utworzono", "ru": "Создана"}},

    {"key": "first_meeting", "from": ["qualification", "postponed"], "to": "first_meeting",
     "label": {"en": "Meeting agreed", "pl": "Umówiono spotkanie", "ru": "Встреча назначена"},
     "inputs": [
       {"key": "meeting", "kind": "activity", "params": {"kind": "meeting"},
        "label": {"en": "The meeting", "pl": "Spotkanie", "ru": "Встреча"}},
       {"key": "note", "kind": "note", "label": {"en": "Note", "pl": "Notatka", "ru": "Заметка"}}]},

    {"key": "offer_sent", "from": ["first_meeting"], "to": "offer_sent",
     "label": {"en": "Send the offer", "pl": "Wyślij ofertę", "ru": "Отправить предложение"},
     "guards": [
       {"key": "amount_filled", "kind": "field_present", "params": {"field": "amount"},
        "message": {"en": "Fill in the amount.", "pl": "Uzupełnij kwotę.", "ru": "Заполните сумму."}},
       {"key": "product_kind_filled", "kind": "field_present", "params": {"field": "product_kind"},
        "message": {"en": "Fill in the kind of product.", "pl": "Uzupełnij rodzaj produktu.", "ru": "Заполните вид продукта."}},
       {"key": "delivery_date_filled", "kind": "field_present", "params": {"field": "delivery_date"},
        "message": {"en": "Fill in the delivery date.", "pl": "Uzupełnij datę dostawy.", "ru": "Заполните дату поставки."}}],
     "inputs": [
       {"key": "amount", "kind": "field", "params": {"field": "amount"},
        "label": {"en": "Amount", "pl": "Kwota", "ru": "Сумма"}},
       {"key": "product_kind", "kind": "field", "params": {"field": "product_kind"},
        "label": {"en": "Kind of product", "pl": "Rodzaj produktu", "ru": "Вид продукта"}},
       {"key": "delivery_date", "kind": "field", "params": {"field": "delivery_date"},
        "label": {"en": "Delivery date", "pl": "Data dostawy", "ru": "Дата поставки"}},
       {"key": "offer", "kind": "activity", "params": {"kind": "email"},
        "label": {"en": "The offer", "pl": "Oferta", "ru": "Предложение"}},
       {"key": "note", "kind": "note", "label": {"en": "Note", "pl": "Notatka", "ru": "Заметка"}}]},

    {"key": "negotiation", "from": ["offer_sent"], "to": "negotiation",
     "label": {"en": "Negotiate", "pl": "Negocjuj", "ru": "Вести переговоры"},
     "inputs": [
       {"key": "amount", "kind": "field", "params": {"field": "amount"},
        "label": {"en": "Amount", "pl": "Kwota", "ru": "Сумма"}},
       {"key": "note", "kind": "note", "label": {"en": "Note", "pl": "Notatka", "ru": "Заметка"}}]},

    {"key": "won", "from": ["negotiation"], "to": "won",
     "label": {"en": "Won", "pl": "Wygrana", "ru": "Выиграна"},
     "guards": [
       {"key": "account_verified", "kind": "related_field",
        "params": {"field": "account.verification", "op": "eq", "value": "verified"},
        "message": {"en": "The account waits for verification.",
                    "pl": "Konto czeka na weryfikację.",
                    "ru": "Компания ждёт проверки."}},
       {"key": "amount_filled", "kind": "field_present", "params": {"field": "amount"},
        "message": {"en": "Fill in the amount.", "pl": "Uzupełnij kwotę.", "ru": "Заполните сумму."}}],
     "inputs": [
       {"key": "amount", "kind": "field", "params": {"field": "amount"},
        "label": {"en": "Amount", "pl": "Kwota", "ru": "Сумма"}},
       {"key": "note", "kind": "note", "label": {"en": "Note", "pl": "Notatka", "ru": "Заметка"}}]},

    {"key": "lost", "from": ["qualification", "first_meeting", "offer_sent", "negotiation"], "to": "lost",
     "label": {"en": "Lost", "pl": "Przegrana", "ru": "Проиграна"},
     "guards": [
       {"key": "account_decided", "kind": "related_field",
        "params": {"field": "account.verification", "op": "in", "value": ["verified", "rejected"], "aim": "verified"},
        "message": {"en": "The account waits for verification.",
                    "pl": "Konto czeka na weryfikację.",
                    "ru": "Компания ждёт проверки."}}],
     "inputs": [
       {"key": "lost_reason", "kind": "field", "required": true,
        "params": {"field": "lost_reason", "choices_from": "lost_reason"},
        "label": {"en": "Reason", "pl": "Powód", "ru": "Причина"}},
       {"key": "note", "kind": "note", "label": {"en": "Note", "pl": "Notatka", "ru": "Заметка"}}]},

    {"key": "cancelled", "from": ["qualification", "first_meeting", "offer_sent", "negotiation"], "to": "cancelled",
     "label": {"en": "Cancel", "pl": "Anuluj", "ru": "Отменить"},
     "inputs": [
       {"key": "note", "kind": "note", "required": true, "label": {"en": "Why", "pl": "Dlaczego", "ru": "Почему"}}]},

    {"key": "postponed", "from": ["qualification", "first_meeting", "offer_sent", "negotiation"], "to": "postponed",
     "label": {"en": "Postpone", "pl": "Odłóż", "ru": "Отложить"},
     "inputs": [
       {"key": "postponed_until", "kind": "field", "required": true, "params": {"field": "postponed_until"},
        "label": {"en": "Until", "pl": "Do kiedy", "ru": "До какого дня"}},
       {"key": "note", "kind": "note", "required": true, "label": {"en": "Why", "pl": "Dlaczego", "ru": "Почему"}},
       {"key": "reminder", "kind": "task", "label": {"en": "Reminder", "pl": "Przypomnienie", "ru": "Напоминание"}}]},

    {"key": "resumed", "from": ["postponed"], "to": "qualification",
     "label": {"en": "Back on its day", "pl": "Powrót w terminie", "ru": "Вернулась в срок"},
     "auto": {"at_field": "postponed_until", "calendar": "default"}},

    {"key": "reworked", "from": ["cancelled", "postponed"], "to": "qualification",
     "label": {"en": "Take up again", "pl": "Podejmij ponownie", "ru": "Вернуть в работу"},
     "inputs": [
       {"key": "note", "kind": "note", "label": {"en": "Note", "pl": "Notatka", "ru": "Заметка"}}]}
  ]
}
$json$);

reset role;
