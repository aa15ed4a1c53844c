-- The shipped process of a lead: from a first sign of interest to an account, or to a reasoned rest.
-- blueprint_import() brings a number once: change the process and raise the number. Records keep the version that
-- they were born under.

set role sluice_owner;

select sluice.blueprint_import($json$
{
  "entity": "lead", "key": "lead_default", "number": 3,
  "label": {"en": "Lead", "pl": "Lead", "ru": "Лид"},
  "states": [
    {"key": "open", "category": "open", "label": {"en": "Open", "pl": "Otwarty", "ru": "Открыт"},
     "sla": [{"key": "first_response", "after": "PT8H", "calendar": "default", "what": "warn"}]},
    {"key": "contacted", "category": "open", "label": {"en": "Contacted", "pl": "Po kontakcie", "ru": "Контакт состоялся"},
     "sla": [{"key": "going_on", "after": "P10D", "since": "touch", "calendar": "default", "what": "task",
              "params": {"subject": "Take the next step"}}]},
    {"key": "call_back", "category": "open", "label": {"en": "Call back", "pl": "Oddzwonić", "ru": "Перезвонить"}, "pausing": true},
    {"key": "qualified", "category": "open", "label": {"en": "Qualified", "pl": "Zakwalifikowany", "ru": "Квалифицирован"},
     "sla": [{"key": "handover", "after": "P5D", "calendar": "default", "what": "escalate", "params": {"role": "manager"}}]},
    {"key": "unqualified", "category": "lost", "label": {"en": "Unqualified", "pl": "Niezakwalifikowany", "ru": "Не квалифицирован"},
     "sla": [{"key": "left_lying", "after": "P5D", "calendar": "default", "what": "escalate",
              "params": {"role": "manager", "without": "nurture_until"}}]},
    {"key": "nurture", "category": "postponed", "label": {"en": "Nurture", "pl": "Pielęgnowany", "ru": "На прогреве"}},
    {"key": "newsletter", "category": "postponed", "label": {"en": "Newsletter", "pl": "Newsletter", "ru": "Рассылка"},
     "sla": [{"key": "look_again", "after": "P180D", "what": "task", "params": {"subject": "Still only a reader?"}}]},
    {"key": "dead", "category": "lost", "label": {"en": "Dead", "pl": "Martwy", "ru": "Безнадёжен"}},
    {"key": "archived", "category": "cancelled", "label": {"en": "Archived", "pl": "Zarchiwizowany", "ru": "В архиве"}},
    {"key": "converted", "category": "done", "label": {"en": "Converted", "pl": "Przekształcony", "ru": "Конвертирован"}}
  ],
  "transitions": [
    {"key": "created", "kind": "initial", "to": "open",
     "label": {"en": "Created", "pl": "Utworzono", "ru": "Создан"}},

    {"key": "contacted", "from": ["open", "call_back", "nurture", "newsletter"], "to": "contacted",
     "label": {"en": "Contact made", "pl": "Nawiązano kontakt", "ru": "Связались"},
     "actions": [{"key": "called", "kind": "close_tasks", "params": {"of": "call_back"}}],
     "guards": [
       {"key": "call_logged", "kind": "related_count",
        "params": {"of": "activity", "kind": "call", "has_subject": true, "since_entry": true, "min": 1},
        "message": {"en": "Log a call with a subject first.",
                    "pl": "Najpierw zapisz rozmowę telefoniczną z tematem.",
                    "ru": "Сначала запишите звонок с темой."}}],
     "inputs": [
       {"key": "call", "kind": "activity", "params": {"kind": "call"},
        "label": {"en": "The call", "pl": "Rozmowa telefoniczna", "ru": "Звонок"}}]},

    {"key": "qualified", "from": ["contacted"], "to": "qualified",
     "label": {"en": "Qualify", "pl": "Zakwalifikuj", "ru": "Квалифицировать"},
     "guards": [
       {"key": "survey_sent", "kind": "related_count",
        "params": {"of": "activity", "kind": "survey", "outcome": "sent", "min": 1},
        "message": {"en": "Send the survey and log it.",
                    "pl": "Wyślij ankietę i zapisz to.",
                    "ru": "Отправьте анкету и запишите это."}},
       {"key": "industry_filled", "kind": "field_present", "params": {"field": "industry"},
        "message": {"en": "Fill in the industry.", "pl": "Uzupełnij branżę.", "ru": "Заполните отрасль."}}],
     "inputs": [
       {"key": "industry", "kind": "field", "params": {"field": "industry"},
        "label": {"en": "Industry", "pl": "Branża", "ru": "Отрасль"}},
       {"key": "survey", "kind": "activity", "params": {"kind": "survey"},
        "label": {"en": "The survey sent", "pl": "Wysłana ankieta", "ru": "Отправленная анкета"}}]},

    {"key": "re_engaged", "from": ["nurture", "newsletter", "call_back"], "to": "contacted",
     "label": {"en": "In touch again", "pl": "Wznowiono kontakt", "ru": "Контакт возобновлён"},
     "actions": [{"key": "called", "kind": "close_tasks", "params": {"of": "call_back"}}],
     "guards": [
       {"key": "talked_again", "op": "any",
        "message": {"en": "Hold a meeting or log a call with a subject first.",
                    "pl": "Najpierw odbądź spotkanie albo zapisz rozmowę z tematem.",
                    "ru": "Сначала проведите встречу или запишите звонок с темой."},
        "guards": [
          {"key": "meeting_held", "kind": "related_count",
           "params": {"of": "activity", "kind": "meeting", "since_entry": true, "min": 1},
           "message": {"en": "Hold a meeting.", "pl": "Odbądź spotkanie.", "ru": "Проведите встречу."}},
          {"key": "call_logged", "kind": "related_count",
           "params": {"of": "activity", "kind": "call", "has_subject": true, "since_entry": true, "min": 1},
           "message": {"en": "Log a call with a subject.",
                       "pl": "Zapisz rozmowę telefoniczną z tematem.",
                       "ru": "Запишите звонок с темой."}}]}],
     "inputs": [
       {"key": "meeting", "kind": "activity", "params": {"kind": "meeting"},
        "label": {"en": "The meeting", "pl": "Spotkanie", "ru": "Встреча"}},
       {"key": "call", "kind": "activity", "params": {"kind": "call"},
        "label": {"en": "The call", "pl": "Rozmowa telefoniczna", "ru": "Звонок"}}]},

    {"key": "call_back", "from": ["open", "contacted", "nurture", "newsletter"], "to": "call_back",
     "label": {"en": "Call back later", "pl": "Oddzwoń później", "ru": "Перезвонить позже"},
     "actions": [{"key": "reminder", "kind": "create_task",
                  "params": {"subject": "Call back", "due_at_field": "call_back_at", "priority": "high"}}],
     "guards": [
       {"key": "time_given", "kind": "field_present", "params": {"field": "call_back_at"},
        "message": {"en": "Say when to call back.", "pl": "Podaj, kiedy oddzwonić.", "ru": "Укажите, когда перезвонить."}}],
     "inputs": [
       {"key": "call_back_at", "kind": "field", "required": true, "params": {"field": "call_back_at"},
        "label": {"en": "When", "pl": "Kiedy", "ru": "Когда"}},
       {"key": "call", "kind": "activity", "params": {"kind": "call"},
        "label": {"en": "The call", "pl": "Rozmowa telefoniczna", "ru": "Звонок"}},
       {"key": "note", "kind": "note", "label": {"en": "Note", "pl": "Notatka", "ru": "Заметка"}},
       {"key": "reminder", "kind": "task", "label": {"en": "Reminder", "pl": "Przypomnienie", "ru": "Напоминание"}}]},

    {"key": "call_due", "from": ["call_back"], "to": "open",
     "label": {"en": "Time to call", "pl": "Czas zadzwonić", "ru": "Пора звонить"},
     "auto": {"at_field": "call_back_at"}},

    {"key": "unqualified", "from": ["open", "contacted", "qualified", "nurture", "newsletter", "call_back"], "to": "unqualified",
     "label": {"en": "Disqualify", "pl": "Odrzuć", "ru": "Дисквалифицировать"},
     "actions": [{"key": "no_call", "kind": "close_tasks", "params": {"of": "call_back", "status": "cancelled"}}],
     "guards": [
       {"key": "reason_given", "kind": "field_present", "params": {"field": "unqualified_reason"},
        "message": {"en": "Give the reason: no need, no authority or no ability.",
                    "pl": "Podaj powód: brak potrzeby, decyzyjności albo możliwości.",
                    "ru": "Укажите причину: нет потребности, полномочий или возможности."}}],
     "inputs": [
       {"key": "unqualified_reason", "kind": "field", "required": true,
        "params": {"field": "unqualified_reason", "choices_from": "unqualified_reason"},
        "label": {"en": "Reason", "pl": "Powód", "ru": "Причина"}},
       {"key": "nurture_until", "kind": "field", "params": {"field": "nurture_until"},
        "label": {"en": "Come back on", "pl": "Wróć dnia", "ru": "Вернуться"}},
       {"key": "note", "kind": "note", "label": {"en": "Note", "pl": "Notatka", "ru": "Заметка"}}]},

    {"key": "nurture", "from": ["open", "contacted", "qualified", "unqualified", "newsletter", "call_back"], "to": "nurture",
     "label": {"en": "Nurture", "pl": "Pielęgnuj", "ru": "Прогревать"},
     "actions": [{"key": "no_call", "kind": "close_tasks", "params": {"of": "call_back", "status": "cancelled"}}],
     "guards": [
       {"key": "date_given", "kind": "field_present", "params": {"field": "nurture_until"},
        "message": {"en": "Say until when.", "pl": "Podaj, do kiedy.", "ru": "Укажите, до какого дня."}}],
     "inputs": [
       {"key": "nurture_until", "kind": "field", "required": true, "params": {"field": "nurture_until"},
        "label": {"en": "Until", "pl": "Do kiedy", "ru": "До какого дня"}},
       {"key": "note", "kind": "note", "label": {"en": "Note", "pl": "Notatka", "ru": "Заметка"}}]},

    {"key": "resumed", "from": ["nurture", "unqualified"], "to": "open",
     "label": {"en": "Back in the queue", "pl": "Z powrotem w kolejce", "ru": "Снова в очереди"},
     "auto": {"at_field": "nurture_until", "calendar": "default"}},

    {"key": "newsletter", "from": ["open", "contacted", "qualified", "unqualified", "nurture", "call_back"], "to": "newsletter",
     "label": {"en": "Leave to the newsletter", "pl": "Zostaw newsletterowi", "ru": "Оставить рассылке"},
     "actions": [{"key": "no_call", "kind": "close_tasks", "params": {"of": "call_back", "status": "cancelled"}}],
     "guards": [
       {"key": "reason_given", "kind": "field_present", "params": {"field": "unqualified_reason"},
        "message": {"en": "Give the reason: no need, no authority or no ability.",
                    "pl": "Podaj powód: brak potrzeby, decyzyjności albo możliwości.",
                    "ru": "Укажите причину: нет потребности, полномочий или возможности."}}],
     "inputs": [
       {"key": "unqualified_reason", "kind": "field",
        "params": {"field": "unqualified_reason", "choices_from": "unqualified_reason"},
        "label": {"en": "Reason", "pl": "Powód", "ru": "Причина"}},
       {"key": "note", "kind": "note", "label": {"en": "Note", "pl": "Notatka", "ru": "Заметка"}}]},

    {"key": "dead", "from": ["open", "contacted", "qualified", "unqualified", "nurture", "newsletter", "call_back"], "to": "dead",
     "label": {"en": "Dead", "pl": "Martwy", "ru": "Безнадёжен"},
     "actions": [{"key": "no_call", "kind": "close_tasks", "params": {"of": "call_back", "status": "cancelled"}}],
     "inputs": [
       {"key": "dead_reason", "kind": "field", "required": true,
        "params": {"field": "dead_reason", "choices_from": "dead_reason"},
        "label": {"en": "Reason", "pl": "Powód", "ru": "Причина"}},
       {"key": "call", "kind": "activity", "params": {"kind": "call"},
        "label": {"en": "The call", "pl": "Rozmowa telefoniczna", "ru": "Звонок"}},
       {"key": "note", "kind": "note", "label": {"en": "Note", "pl": "Notatka", "ru": "Заметка"}}]},

    {"key": "archived", "from": ["open", "contacted", "unqualified", "nurture", "newsletter", "call_back"], "to": "archived",
     "label": {"en": "Archive", "pl": "Zarchiwizuj", "ru": "В архив"},
     "actions": [{"key": "no_call", "kind": "close_tasks", "params": {"of": "call_back", "status": "cancelled"}}],
     "inputs": [
       {"key": "note", "kind": "note", "label": {"en": "Note", "pl": "Notatka", "ru": "Заметка"}}]},

    {"key": "reopened", "from": ["unqualified", "archived"], "to": "open",
     "label": {"en": "Reopen", "pl": "Otwórz ponownie", "ru": "Открыть снова"},
     "actors": [{"kind": "role", "value": "manager"}, {"kind": "role", "value": "marketing"},
                {"kind": "role", "value": "admin"}],
     "inputs": [
       {"key": "note", "kind": "note", "label": {"en": "Note", "pl": "Notatka", "ru": "Заметка"}}]},

    {"key": "converted", "kind": "convert", "from": ["qualified"], "to": "converted",
     "label": {"en": "Convert", "pl": "Przekształć", "ru": "Конвертировать"},
     "guards": [
       {"key": "company_or_name", "op": "any",
        "message": {"en": "Fill in the company or the last name.",
                    "pl": "Uzupełnij firmę albo nazwisko.",
                    "ru": "Заполните компанию или фамилию."},
        "guards": [
          {"key": "company_filled", "kind": "field_present", "params": {"field": "company"}},
          {"key": "last_name_filled", "kind": "field_present", "params": {"field": "last_name"}}]}]},

    {"key": "converted_with_opportunity", "kind": "convert_open", "from": ["qualified"], "to": "converted",
     "label": {"en": "Convert and open an opportunity",
               "pl": "Przekształć i otwórz szansę sprzedaży",
               "ru": "Конвертировать и открыть сделку"},
     "guards": [
       {"key": "company_or_name", "op": "any",
        "message": {"en": "Fill in the company or the last name.",
                    "pl": "Uzupełnij firmę albo nazwisko.",
                    "ru": "Заполните компанию или фамилию."},
        "guards": [
          {"key": "company_filled", "kind": "field_present", "params": {"field": "company"}},
          {"key": "last_name_filled", "kind": "field_present", "params": {"field": "last_name"}}]},
       {"key": "budget_confirmed", "kind": "field_compare",
        "params": {"field": "budget_confirmed", "op": "eq", "value": true},
        "message": {"en": "Somebody must have confirmed the budget.",
                    "pl": "Budżet musi być potwierdzony.",
                    "ru": "Бюджет должен быть подтверждён."}},
       {"key": "need_described", "kind": "field_present", "params": {"field": "need"},
        "message": {"en": "Describe the need.", "pl": "Opisz potrzebę.", "ru": "Опишите потребность."}}]}
  ]
}
$json$);

reset role;
