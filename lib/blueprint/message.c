/* sentences for people, in three languages */
#include <string.h>

#include "base/buf.h"
#include "blueprint/guards.h"
#include "blueprint/value.h"

#define NAME_MAX_BYTES 32
#define TEXT_SHOWN 100 /* bytes of a value */
#define LIST_SHOWN 10

/* A word by its key, in a table that ends with a NULL key. */
struct word {
    const char *key;
    struct label text;
};

static const char *word_in(const struct word *words, const char *key, const char *language)
{
    for (; words->key != NULL; words++)
        if (strcmp(words->key, key) == 0)
            return label_in(&words->text, language);
    return key;
}

/* They follow "the field x" and precede the value. */
static const struct word verbs[] = {
    {"eq", {"must be", "musi mieć wartość", "должно иметь значение"}},
    {"ne", {"must not be", "nie może mieć wartości", "не должно иметь значение"}},
    {"lt", {"must be less than", "musi być mniejsze niż", "должно быть меньше, чем"}},
    {"lte", {"must be at most", "może wynosić najwyżej", "должно быть не больше, чем"}},
    {"gt", {"must be greater than", "musi być większe niż", "должно быть больше, чем"}},
    {"gte", {"must be at least", "musi wynosić co najmniej", "должно быть не меньше, чем"}},
    {"in", {"must be one of:", "musi mieć jedną z wartości:", "должно иметь одно из значений:"}},
    {"not_in",
     {"must be none of:", "nie może mieć żadnej z wartości:",
      "не должно иметь ни одного из значений:"}},
    {.key = NULL},
};

static const struct word things[] = {
    {"activity", {"activity", "aktywność", "активность"}},
    {"task", {"task", "zadanie", "задача"}},
    {"contact", {"contact", "kontakt", "контакт"}},
    {"opportunity", {"opportunity", "szansa sprzedaży", "сделка"}},
    {"lead", {"lead", "lead", "лид"}},
    {"equipment", {"equipment", "sprzęt", "оборудование"}},
    {"call", {"call", "rozmowa telefoniczna", "звонок"}},
    {"meeting", {"meeting", "spotkanie", "встреча"}},
    {"email", {"e-mail", "e-mail", "письмо"}},
    {"survey", {"survey", "ankieta", "опрос"}},
    {"demo", {"demo", "prezentacja", "демонстрация"}},
    {"visit", {"visit", "wizyta", "визит"}},
    {"note", {"note", "notatka", "заметка"}},
    {"other", {"other activity", "inna aktywność", "другая активность"}},
    {.key = NULL},
};

static const struct word words[] = {
    {"or", {" or ", " lub ", " или "}},
    {"and", {" and ", " i ", " и "}},
    {"subject", {", with a subject", ", z tematem", ", с темой"}},
    {"outcome", {", outcome: ", ", wynik: ", ", результат: "}},
    {"status", {", status: ", ", status: ", ", статус: "}},
    {"fresh",
     {", since entering this state", ", od wejścia w obecny status",
      ", с момента входа в текущий статус"}},
    {"is_email", {" is an e-mail address", " jest adresem e-mail", " — адрес e-mail"}},
    {"is_present", {" is filled in", " jest wypełnione", " заполнено"}},
    {"all_steps", {"all", "wszystkie", "все"}},
    {"min", {"at least ", "co najmniej ", "не менее "}},
    {"max", {"at most ", "najwyżej ", "не более "}},
    {"true", {"true", "tak", "да"}},
    {"false", {"false", "nie", "нет"}},
    {"nothing", {"nothing", "brak", "ничего"}},
    {"creator", {"whoever created the record", "twórca rekordu", "создатель записи"}},
    {"transition", {"whoever executed", "wykonawca przejścia", "исполнитель перехода"}},
    {"person", {"the person in the field", "osoba z pola", "пользователь из поля"}},
    {"open", {" \"", " „", " «"}},
    {"close", {"\"", "”", "»"}},
    {"d", {" d", " d", " дн."}},
    {"h", {" h", " godz.", " ч"}},
    {"m", {" min", " min", " мин"}},
    {"s", {" s", " s", " с"}},
    {.key = NULL},
};

static const struct label group_messages[] = {
    [GUARD_LEAF] = {NULL, NULL, NULL},
    [GUARD_ALL] = {"All of these conditions must hold.",
                   "Wszystkie te warunki muszą być spełnione.",
                   "Должны выполняться все эти условия."},
    [GUARD_ANY] = {"At least one of these conditions must hold.",
                   "Musi być spełniony co najmniej jeden z tych warunków.",
                   "Должно выполняться хотя бы одно из этих условий."},
    [GUARD_NONE] = {"None of these conditions may hold.",
                    "Żaden z tych warunków nie może być spełniony.",
                    "Ни одно из этих условий не должно выполняться."},
};

/* One sentence being written. */
struct sentence {
    struct buf *b;
    const struct verdict *v;
    const char *language;
};

static void say(const struct sentence *s, const char *key)
{
    buf_puts(s->b, word_in(words, key, s->language));
}

static void say_quoted(const struct sentence *s, const char *text)
{
    say(s, "open");
    buf_puts(s->b, text);
    say(s, "close");
}

static void say_text(const struct sentence *s, const char *text)
{
    size_t n = text_cut(text, TEXT_SHOWN);

    buf_add(s->b, text, n);
    if (text[n] != '\0')
        buf_puts(s->b, "…");
}

static void say_value(const struct sentence *s, const json_t *v)
{
    const json_t *amount;

    switch (v == NULL ? JSON_NULL : json_typeof(v)) {
    case JSON_STRING: say_text(s, json_string_value(v)); break;
    case JSON_INTEGER: buf_printf(s->b, "%" JSON_INTEGER_FORMAT, json_integer_value(v)); break;
    case JSON_REAL: buf_printf(s->b, "%.15g", json_real_value(v)); break;
    case JSON_TRUE:
    case JSON_FALSE: say(s, json_is_true(v) ? "true" : "false"); break;
    case JSON_OBJECT: /* money; nothing else is shown inside a sentence */
        amount = json_object_get(v, "amount");
        say_text(s, json_is_string(amount) ? json_string_value(amount) : "…");
        break;
    default: say(s, "nothing");
    }
}

static void say_list(const struct sentence *s, const json_t *v, const char *separator)
{
    size_t n = json_array_size(v);

    if (!json_is_array(v) || n == 0) {
        say_value(s, json_is_array(v) ? NULL : v);
        return;
    }
    for (size_t i = 0; i < n && i < LIST_SHOWN; i++) {
        buf_puts(s->b, i > 0 ? separator : "");
        say_value(s, json_array_get(v, i));
    }
    if (n > LIST_SHOWN)
        buf_puts(s->b, ", …");
}

/* requirements */

static const json_t *param(const struct sentence *s, const char *name)
{
    return json_object_get(s->v->guard->params, name);
}

/* @exact: what a rule wants is said without rounding, what was found to the unit. */
static void say_duration(const struct sentence *s, json_int_t seconds, bool exact)
{
    static const struct {
        json_int_t seconds;
        const char *unit;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "m"}};

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (seconds < units[i].seconds || (exact && seconds % units[i].seconds != 0))
            continue;
        buf_printf(s->b, "%" JSON_INTEGER_FORMAT, seconds / units[i].seconds);
        say(s, units[i].unit);
        return;
    }
    buf_printf(s->b, "%" JSON_INTEGER_FORMAT, seconds);
    say(s, "s");
}

static void say_bounds(const struct sentence *s, const json_t *min, const json_t *max,
                       bool duration)
{
    const struct {
        const char *word;
        const json_t *bound;
    } bounds[] = {{"min", min}, {"max", max}};

    for (size_t i = 0; i < 2; i++) {
        if (bounds[i].bound == NULL)
            continue;
        if (i == 1 && min != NULL)
            say(s, "and");
        say(s, bounds[i].word);
        if (duration)
            say_duration(s, json_integer_value(bounds[i].bound), true);
        else
            say_value(s, bounds[i].bound);
    }
}

/* ", email is an e-mail address, role = buyer": signs need no endings. */
static void say_where(const struct sentence *s)
{
    static const struct {
        const char *op, *sign;
    } signs[] = {{"eq", " = "}, {"ne", " ≠ "},  {"lt", " < "}, {"lte", " ≤ "},
                 {"gt", " > "}, {"gte", " ≥ "}, {"in", " ∈ "}, {"not_in", " ∉ "}};
    const json_t *where = param(s, "where");

    for (size_t i = 0; i < json_array_size(where); i++) {
        const json_t *condition = json_array_get(where, i);
        const char *op = guard_op_name(condition);
        const char *is = json_string_value(json_object_get(condition, "is"));

        buf_printf(s->b, ", %s", json_string_value(json_object_get(condition, "field")));
        if (is != NULL) {
            say(s, strcmp(is, "email") == 0 ? "is_email" : "is_present");
            continue;
        }
        for (size_t k = 0; k < sizeof(signs) / sizeof(signs[0]); k++)
            if (strcmp(signs[k].op, op) == 0)
                buf_puts(s->b, signs[k].sign);
        say_list(s, json_object_get(condition, "value"), ", ");
    }
}

/* "call or meeting, with a subject, since entering this state (at least 1)": nominatives and
 * clauses only, so that no language needs another ending. */
static void say_count(const struct sentence *s)
{
    const json_t *kind = param(s, "kind"), *expected = s->v->guard->expected;
    const char *const lists[] = {"outcome", "status"};
    size_t n = json_is_array(kind) ? json_array_size(kind) : 1;

    if (kind == NULL)
        kind = param(s, "of");
    for (size_t i = 0; i < n && i < LIST_SHOWN; i++) {
        const json_t *key = json_is_array(kind) ? json_array_get(kind, i) : kind;

        if (i > 0)
            say(s, "or");
        buf_puts(s->b, word_in(things, json_string_value(key), s->language));
    }
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        if (param(s, lists[i]) == NULL)
            continue;
        say(s, lists[i]);
        say_list(s, param(s, lists[i]), word_in(words, "or", s->language));
    }
    say_where(s);
    if (json_is_true(param(s, "has_subject")))
        say(s, "subject");
    if (json_is_true(param(s, "since_entry")))
        say(s, "fresh");
    buf_puts(s->b, " (");
    say_bounds(s, json_object_get(expected, "min"), json_object_get(expected, "max"), false);
    buf_putc(s->b, ')');
}

/* placeholders */

static bool is_kind(const struct sentence *s, const char *name)
{
    return strcmp(s->v->guard->kind->name, name) == 0;
}

static void say_requirement(const struct sentence *s)
{
    if (is_kind(s, "related_count") || is_kind(s, "related_exists"))
        say_count(s);
    else if (is_kind(s, "steps_done") && param(s, "min") == NULL)
        say(s, "all_steps");
    else if (is_kind(s, "steps_done"))
        say_bounds(s, param(s, "min"), NULL, false);
    else
        say_bounds(s, param(s, "min_seconds"), param(s, "max_seconds"), true);
}

/* An aim is what people should strive for, even if the rule accepts more. */
static void say_op(const struct sentence *s)
{
    buf_puts(s->b,
             word_in(verbs, param(s, "aim") != NULL ? "eq" : guard_op_name(s->v->guard->params),
                     s->language));
}

static void say_wanted(const struct sentence *s)
{
    say_list(s, param(s, "aim") != NULL ? param(s, "aim") : param(s, "value"), ", ");
}

static void say_roles(const struct sentence *s)
{
    say_list(s, s->v->guard->expected, ", ");
}

static void say_from(const struct sentence *s)
{
    const char *from = json_string_value(param(s, "from")), *colon;

    colon = from != NULL ? strchr(from, ':') : NULL;
    if (from == NULL || strcmp(from, "creator") == 0) {
        say(s, "creator");
        return;
    }
    say(s, colon != NULL ? "transition" : "person");
    say_quoted(s, colon != NULL ? colon + 1 : from);
}

static void say_of(const struct sentence *s)
{
    buf_puts(s->b, word_in(things, json_string_value(param(s, "of")), s->language));
}

static void say_open(const struct sentence *s)
{
    if (s->v->nopen == 0)
        say(s, "nothing");
    for (size_t i = 0; i < s->v->nopen && i < LIST_SHOWN; i++) {
        buf_puts(s->b, i > 0 ? ", " : "");
        say_text(s, label_in(&s->v->open[i]->work.label, s->language));
    }
}

static void say_observed(const struct sentence *s)
{
    if (is_kind(s, "time_in_state") && json_is_integer(s->v->observed))
        say_duration(s, json_integer_value(s->v->observed), false);
    else
        say_list(s, s->v->observed, ", ");
}

static const struct {
    const char *name;
    const char *only; /* the parameter that must be there for it to mean something, or NULL */
    void (*say)(const struct sentence *s);
} computed[] = {
    {"observed", NULL, say_observed}, {"open", NULL, say_open},
    {"op", "value", say_op},          {"value", "value", say_wanted},
    {"from", "from", say_from},       {"of", "of", say_of},
    {"roles", NULL, say_roles},       {"requirement", NULL, say_requirement},
};

/* Returns false when there is nothing of that name: then the text stays as it is. */
static bool say_placeholder(const struct sentence *s, const char *name)
{
    const json_t *value;

    if (s->v->guard->op != GUARD_LEAF)
        return false;
    for (size_t i = 0; i < sizeof(computed) / sizeof(computed[0]); i++) {
        if (strcmp(computed[i].name, name) != 0)
            continue;
        if (computed[i].only != NULL && param(s, computed[i].only) == NULL)
            return false;
        computed[i].say(s);
        return true;
    }
    value = param(s, name);
    if (value == NULL)
        value = json_object_get(s->v->guard->expected, name); /* with defaults filled in */
    if (value == NULL)
        return false;
    say_list(s, value, ", ");
    return true;
}

/* Says what stands for the "{name}" at @text and returns its length; 0 when it is nothing of the
 * kind. */
static size_t say_braces(const struct sentence *s, const char *text)
{
    size_t length = strspn(text + 1, "abcdefghijklmnopqrstuvwxyz_");
    char name[NAME_MAX_BYTES];

    if (length >= sizeof(name) || text[1 + length] != '}')
        return 0;
    memcpy(name, text + 1, length);
    name[length] = '\0';
    return say_placeholder(s, name) ? length + 2 : 0;
}

static void say_template(const struct sentence *s, const char *text)
{
    while (*text != '\0') {
        size_t n = *text == '{' ? say_braces(s, text) : 0;

        if (n == 0) {
            n = 1 + strcspn(text + 1, "{");
            buf_add(s->b, text, n);
        }
        text += n;
    }
}

void verdict_message(struct buf *b, const struct verdict *v, const char *language)
{
    const struct sentence s = {.b = b, .v = v, .language = language};
    const struct guard *g = v->guard;
    const char *text = label_in(&g->message, language);

    if (text == NULL && g->op != GUARD_LEAF)
        text = label_in(&group_messages[g->op], language);
    if (text == NULL && json_is_true(json_object_get(g->params, "not")))
        text = label_in(&g->kind->opposite, language);
    if (text == NULL)
        text = label_in(&g->kind->message, language);
    if (text != NULL)
        say_template(&s, text);
}
