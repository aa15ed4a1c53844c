/* the closed list of guard kinds */
#include <string.h>

#include "blueprint/guards.h"
#include "blueprint/params.h"
#include "blueprint/value.h"

static const char *const related_things[] = {"activity", "task", NULL};

static const struct param field_present_params[] = {
    {.name = "field", .type = PARAM_FIELD, .required = true},
    {.name = NULL},
};

static const struct param field_compare_params[] = {
    {.name = "field", .type = PARAM_FIELD, .required = true},
    {.name = "op", .type = PARAM_KEY, .values = value_ops},
    {.name = "value", .type = PARAM_VALUE, .required = true},
    {.name = NULL},
};

static const struct param related_field_params[] = {
    {.name = "field", .type = PARAM_RELATED, .required = true},
    {.name = "op", .type = PARAM_KEY, .values = value_ops},
    {.name = "value", .type = PARAM_VALUE, .required = true},
    {.name = "aim", .type = PARAM_SCALAR},
    {.name = NULL},
};

static const struct param related_count_params[] = {
    {.name = "of", .type = PARAM_KEY, .required = true, .values = related_things},
    {.name = "kind", .type = PARAM_KEYS},
    {.name = "outcome", .type = PARAM_KEYS},
    {.name = "status", .type = PARAM_KEYS},
    {.name = "has_subject", .type = PARAM_BOOLEAN},
    {.name = "since_entry", .type = PARAM_BOOLEAN},
    {.name = "min", .type = PARAM_INTEGER},
    {.name = "max", .type = PARAM_INTEGER},
    {.name = NULL},
};

static const struct param open_tasks_params[] = {
    {.name = "max", .type = PARAM_INTEGER},
    {.name = NULL},
};

static const struct param visited_state_params[] = {
    {.name = "state", .type = PARAM_KEY, .required = true},
    {.name = "not", .type = PARAM_BOOLEAN},
    {.name = NULL},
};

static const struct param actor_has_role_params[] = {
    {.name = "role", .type = PARAM_KEY},
    {.name = "roles", .type = PARAM_KEYS},
    {.name = NULL},
};

static const struct param actor_differs_params[] = {
    {.name = "from", .type = PARAM_ACTOR, .required = true},
    {.name = NULL},
};

static const struct param time_in_state_params[] = {
    {.name = "min_seconds", .type = PARAM_INTEGER},
    {.name = "max_seconds", .type = PARAM_INTEGER},
    {.name = NULL},
};

static const char *const record_things[] = {"contact",  "opportunity", "lead", "task",
                                            "activity", "equipment",   NULL};

static const struct param related_exists_params[] = {
    {.name = "of", .type = PARAM_KEY, .required = true, .values = record_things},
    {.name = "where", .type = PARAM_WHERE},
    {.name = "since_entry", .type = PARAM_BOOLEAN},
    {.name = "min", .type = PARAM_INTEGER},
    {.name = "max", .type = PARAM_INTEGER},
    {.name = NULL},
};

static const char *const child_things[] = {"opportunity", "task", NULL};

static const struct param children_closed_params[] = {
    {.name = "of", .type = PARAM_KEY, .required = true, .values = child_things},
    {.name = NULL},
};

static const struct param duplicate_free_params[] = {{.name = NULL}};

static const struct param field_changed_params[] = {
    {.name = "field", .type = PARAM_FIELD, .required = true},
    {.name = "not", .type = PARAM_BOOLEAN},
    {.name = NULL},
};

static const struct param matches_params[] = {
    {.name = "field", .type = PARAM_FIELD, .required = true},
    {.name = "pattern", .type = PARAM_PATTERN, .required = true},
    {.name = NULL},
};

static const struct param checklist_complete_params[] = {
    {.name = "items", .type = PARAM_KEYS, .required = true},
    {.name = "since_entry", .type = PARAM_BOOLEAN},
    {.name = NULL},
};

static const struct param working_time_params[] = {
    {.name = "calendar", .type = PARAM_KEY, .required = true},
    {.name = NULL},
};

static const struct param in_segment_params[] = {
    {.name = "segment", .type = PARAM_KEY, .required = true},
    {.name = "not", .type = PARAM_BOOLEAN},
    {.name = NULL},
};

static const struct param score_at_least_params[] = {
    {.name = "min", .type = PARAM_INTEGER, .required = true},
    {.name = NULL},
};

static const struct param approval_params[] = {
    {.name = "transition", .type = PARAM_KEY},
    {.name = "needed", .type = PARAM_INTEGER},
    {.name = NULL},
};

static const struct param steps_done_params[] = {
    {.name = "steps", .type = PARAM_KEYS},
    {.name = "min", .type = PARAM_INTEGER},
    {.name = NULL},
};

/* {op} stands for a verb ("must be at least"), {requirement} for a composed phrase: see message.c.
 */
const struct guard_kind guard_kinds[] = {
    {
        .name = "field_present",
        .example = "{\"field\":\"industry\"}",
        .params = field_present_params,
        .expect = field_present_expect,
        .evaluate = field_present_evaluate,
        .message = {.en = "Fill in the field \"{field}\".",
                    .pl = "Uzupełnij pole „{field}”.",
                    .ru = "Заполните поле «{field}»."},
    },
    {
        .name = "field_compare",
        .example = "{\"field\":\"amount.amount\",\"op\":\"gte\",\"value\":\"10000\"}",
        .params = field_compare_params,
        .check = field_compare_check,
        .expect = field_compare_expect,
        .evaluate = field_compare_evaluate,
        .message = {.en = "The field \"{field}\" {op} {value}.",
                    .pl = "Pole „{field}” {op} {value}.",
                    .ru = "Поле «{field}» {op} {value}."},
    },
    {
        .name = "related_field",
        .example = "{\"field\":\"account.verification\",\"op\":\"in\",\"value\":[\"verified\","
                   "\"rejected\"],\"aim\":\"verified\"}",
        .params = related_field_params,
        .check = related_field_check,
        .expect = field_compare_expect,
        .evaluate = related_field_evaluate,
        .message = {.en = "On the related record, \"{field}\" {op} {value}.",
                    .pl = "W powiązanym rekordzie pole „{field}” {op} {value}.",
                    .ru = "В связанной записи поле «{field}» {op} {value}."},
    },
    {
        .name = "related_count",
        .example = "{\"of\":\"activity\",\"kind\":\"call\",\"has_subject\":true,\"since_entry\":"
                   "true,\"min\":1}",
        .params = related_count_params,
        .check = related_count_check,
        .expect = related_count_expect,
        .evaluate = related_count_evaluate,
        .message = {.en = "Needed here: {requirement}; found: {observed}.",
                    .pl = "Wymagane: {requirement}; obecnie: {observed}.",
                    .ru = "Требуется: {requirement}; сейчас: {observed}."},
    },
    {
        .name = "open_tasks",
        .example = "{\"max\":0}",
        .params = open_tasks_params,
        .expect = open_tasks_expect,
        .evaluate = open_tasks_evaluate,
        .path = "tasks",
        .message =
            {.en = "Finish the open tasks first (open: {observed}, allowed: {max}).",
             .pl = "Najpierw zamknij otwarte zadania (otwarte: {observed}, dozwolone: {max}).",
             .ru = "Сначала завершите открытые задачи (открыто: {observed}, допускается: {max})."},
    },
    {
        .name = "visited_state",
        .example = "{\"state\":\"qualified\",\"not\":true}",
        .params = visited_state_params,
        .check = visited_state_check,
        .expect = visited_state_expect,
        .evaluate = visited_state_evaluate,
        .path = "visits",
        .message = {.en = "The record must have been in the state \"{state}\" before.",
                    .pl = "Rekord musi najpierw przejść przez status „{state}”.",
                    .ru = "Запись должна сначала пройти через статус «{state}»."},
        .opposite = {.en = "The record must never have been in the state \"{state}\".",
                     .pl = "Niedostępne, jeśli rekord był już w statusie „{state}”.",
                     .ru = "Недоступно, если запись уже была в статусе «{state}»."},
    },
    {
        .name = "actor_has_role",
        .example = "{\"roles\":[\"verifier\",\"admin\"]}",
        .params = actor_has_role_params,
        .check = actor_has_role_check,
        .expect = actor_has_role_expect,
        .evaluate = actor_has_role_evaluate,
        .path = "actor.roles",
        .message = {.en = "Only somebody with one of these roles may do this: {roles}.",
                    .pl = "Może to zrobić tylko osoba z jedną z ról: {roles}.",
                    .ru = "Это может сделать только пользователь с одной из ролей: {roles}."},
    },
    {
        .name = "actor_differs",
        .example = "{\"from\":\"creator\"}",
        .params = actor_differs_params,
        .check = actor_differs_check,
        .expect = actor_differs_expect,
        .evaluate = actor_differs_evaluate,
        .path = "actor",
        .message = {.en = "Somebody other than {from} must do this.",
                    .pl = "Musi to zrobić ktoś inny niż {from}.",
                    .ru = "Это должен сделать кто-то другой, не {from}."},
    },
    {
        .name = "time_in_state",
        .example = "{\"min_seconds\":3600}",
        .params = time_in_state_params,
        .check = time_in_state_check,
        .expect = time_in_state_expect,
        .evaluate = time_in_state_evaluate,
        .path = "time_in_state",
        .message =
            {.en = "The time in the current state must be {requirement} (now: {observed}).",
             .pl = "Czas w obecnym statusie musi wynosić {requirement} (teraz: {observed}).",
             .ru = "Время в текущем статусе должно составлять {requirement} (сейчас: {observed})."},
    },
    {
        .name = "related_exists",
        .example = "{\"of\":\"contact\",\"where\":[{\"field\":\"email\",\"is\":\"email\"}]}",
        .params = related_exists_params,
        .check = related_exists_check,
        .expect = related_count_expect,
        .evaluate = related_exists_evaluate,
        .message = {.en = "Needed here: {requirement}; found: {observed}.",
                    .pl = "Wymagane: {requirement}; obecnie: {observed}.",
                    .ru = "Требуется: {requirement}; сейчас: {observed}."},
    },
    {
        .name = "children_closed",
        .example = "{\"of\":\"opportunity\"}",
        .params = children_closed_params,
        .check = children_closed_check,
        .expect = none_expect,
        .evaluate = children_closed_evaluate,
        .message = {.en = "Close everything of this kind first: {of} (still open: {observed}).",
                    .pl = "Najpierw zamknij wszystkie: {of} (nadal otwarte: {observed}).",
                    .ru = "Сначала закройте всё: {of} (ещё открыто: {observed})."},
    },
    {
        .name = "duplicate_free",
        .example = "{}",
        .params = duplicate_free_params,
        .check = duplicate_free_check,
        .expect = none_expect,
        .evaluate = duplicate_free_evaluate,
        .path = "duplicates",
        .message = {.en = "Other records have the same tax number, e-mail or phone: {observed}.",
                    .pl = "Ten sam NIP, e-mail lub telefon mają inne rekordy: {observed}.",
                    .ru = "Тот же ИНН, e-mail или телефон есть у других записей: {observed}."},
    },
    {
        .name = "field_changed",
        .example = "{\"field\":\"amount\"}",
        .params = field_changed_params,
        .expect = field_changed_expect,
        .evaluate = field_changed_evaluate,
        .message = {.en = "The field \"{field}\" must have changed in this state.",
                    .pl = "Pole „{field}” musi zostać zmienione w tym statusie.",
                    .ru = "Поле «{field}» должно измениться в этом статусе."},
        .opposite = {.en = "The field \"{field}\" must not have changed in this state.",
                     .pl = "Pole „{field}” nie może zostać zmienione w tym statusie.",
                     .ru = "Поле «{field}» не должно измениться в этом статусе."},
    },
    {
        .name = "matches",
        .example = "{\"field\":\"tax_id\",\"pattern\":\"^[0-9]{10}$\"}",
        .params = matches_params,
        .prepare = matches_prepare,
        .expect = matches_expect,
        .evaluate = matches_evaluate,
        .message = {.en = "The field \"{field}\" must have the form {pattern}.",
                    .pl = "Pole „{field}” musi mieć postać {pattern}.",
                    .ru = "Поле «{field}» должно иметь вид {pattern}."},
    },
    {
        .name = "checklist_complete",
        .example = "{\"items\":[\"contract_signed\",\"deposit_paid\"]}",
        .params = checklist_complete_params,
        .expect = checklist_complete_expect,
        .evaluate = checklist_complete_evaluate,
        .path = "checklist",
        .message = {.en = "Tick all of these first: {items} (ticked: {observed}).",
                    .pl = "Najpierw odhacz wszystkie punkty: {items} (odhaczone: {observed}).",
                    .ru = "Сначала отметьте все пункты: {items} (отмечено: {observed})."},
    },
    {
        .name = "working_time",
        .example = "{\"calendar\":\"office\"}",
        .params = working_time_params,
        .expect = params_expect,
        .evaluate = working_time_evaluate,
        .path = "now",
        .message = {.en = "Only in working time by the calendar \"{calendar}\"; next: {observed}.",
                    .pl = "Tylko w godzinach pracy według kalendarza „{calendar}”; "
                          "najbliższe: {observed}.",
                    .ru =
                        "Только в рабочее время по календарю «{calendar}»; ближайшее: {observed}."},
    },
    {
        .name = "score_at_least",
        .example = "{\"min\":50}",
        .params = score_at_least_params,
        .check = score_at_least_check,
        .expect = score_at_least_expect,
        .evaluate = score_at_least_evaluate,
        .path = "score",
        .message = {.en = "The score must be at least {min} (now: {observed}).",
                    .pl = "Ocena musi wynosić co najmniej {min} (obecnie: {observed}).",
                    .ru = "Оценка должна быть не меньше {min} (сейчас: {observed})."},
    },
    {
        .name = "approval",
        .example = "{\"needed\":2}",
        .params = approval_params,
        .prepare = approval_prepare,
        .evaluate = approval_evaluate,
        .path = "approvals",
        .message = {.en =
                        "So many must have agreed to \"{transition}\": {min} (so far: {observed}).",
                    .pl = "Wymagana liczba zgód na „{transition}”: {min} (dotychczas: {observed}).",
                    .ru = "Необходимо согласий на «{transition}»: {min} (пока: {observed})."},
    },
    {
        .name = "steps_done",
        .example = "{\"steps\":[\"legal_check\",\"credit_check\"]}",
        .params = steps_done_params,
        .check = steps_done_check,
        .prepare = steps_done_prepare,
        .expect = steps_done_expect,
        .evaluate = steps_done_evaluate,
        .path = "steps",
        .message = {.en = "Steps that must be done here first ({requirement}); open: {open}.",
                    .pl = "Kroki, które trzeba tu najpierw wykonać ({requirement}); otwarte: "
                          "{open}.",
                    .ru = "Шаги, которые нужно сначала выполнить здесь ({requirement}); открыты: "
                          "{open}."},
    },
    {
        .name = "in_segment",
        .example = "{\"segment\":\"at_risk\",\"not\":true}",
        .params = in_segment_params,
        .expect = params_expect,
        .evaluate = in_segment_evaluate,
        .path = "segments",
        .message = {.en = "The account must be in the segment \"{segment}\".",
                    .pl = "Firma musi należeć do segmentu „{segment}”.",
                    .ru = "Компания должна входить в сегмент «{segment}»."},
        .opposite = {.en = "The account must not be in the segment \"{segment}\".",
                     .pl = "Firma nie może należeć do segmentu „{segment}”.",
                     .ru = "Компания не должна входить в сегмент «{segment}»."},
    },
    {.name = NULL},
};

const struct guard_kind *guard_kind_find(const char *name)
{
    for (const struct guard_kind *k = guard_kinds; k->name != NULL; k++)
        if (strcmp(k->name, name) == 0)
            return k;
    return NULL;
}

void guard_kind_write_params(struct out *o, const struct guard_kind *k)
{
    params_write(o, k->params);
}
