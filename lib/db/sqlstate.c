#include "db/sqlstate.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "db/ask.h"

#define MEMBERS_MAX 65536

struct constraint {
    const char *name;
    enum err_code code;
    const char *pointer;
    const char *detail;
};

static const struct constraint constraints[] = {
#define CONSTRAINT(name, symbol, pointer, detail) {name, ERR_##symbol, pointer, detail},
#include "db/constraint.def"
#undef CONSTRAINT
};

/* The first row whose prefix fits counts. Without a row: our mistake. */
static const struct sqlstate {
    const char *prefix;
    enum err_code code;
    int retry_after;
    const char *detail; /* for the client; NULL: the title of the code says it */
} sqlstates[] = {
    {"23505", ERR_CONFLICT, 0, "Another record has the same value."},
    {"23P01", ERR_CONFLICT, 0, "Another record has the same value."},
    {"23503", ERR_REFERENCE, 0, NULL},
    {"23502", ERR_INVALID, 0, NULL},
    {"23514", ERR_INVALID, 0, "A value is out of its bounds."},
    {"22", ERR_INVALID, 0, "A value is out of range or not of its type."},
    {"25006", ERR_DB_UNAVAILABLE, 1, NULL}, /* read only: a standby after a failover */
    {"40", ERR_BUSY, 1, "Others are changing the same record; try again."},
    {"42501", ERR_FORBIDDEN, 0, NULL},
    {"53", ERR_DB_UNAVAILABLE, 1, NULL},
    {"55P03", ERR_BUSY, 1, "Others are changing the same record; try again."},
    {"57014", ERR_TIMEOUT, 0, NULL},
    {"57P", ERR_DB_UNAVAILABLE, 1, NULL},
    {"08", ERR_DB_UNAVAILABLE, 1, NULL},
};

/* Refusals of our SQL whose message is no code of err.def. */
static const struct {
    const char *sqlstate;
    enum err_code code;
} by_status[] = {
    {"SL400", ERR_BAD_PARAMETER}, {"SL401", ERR_SESSION_REVOKED}, {"SL403", ERR_FORBIDDEN},
    {"SL404", ERR_NOT_FOUND},     {"SL409", ERR_CONFLICT},        {"SL412", ERR_STALE},
    {"SL422", ERR_INVALID},       {"SL429", ERR_RATE_LIMITED},    {"SL503", ERR_BUSY},
};

static bool starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static const char *keep(struct err *e, const char *text)
{
    return text == NULL ? NULL : arena_strdup(e->arena, text);
}

static const char *fault_code(enum err_code code)
{
    switch (code) {
    case ERR_CONFLICT: return "unique";
    case ERR_REFERENCE: return "reference";
    case ERR_GOVERNED: return "governed";
    default: return "invalid";
    }
}

static bool add_fault(struct err *e, const char *pointer, const char *code)
{
    return err_fault(e, e->code,
                     (struct fault){.in = "body",
                                    .pointer = keep(e, pointer),
                                    .code = code,
                                    .detail = e->detail != NULL ? e->detail : err_title(e->code),
                                    .hint = e->hint});
}

/* the JSON object that a detail may be: written by jsonb, so well-formed; if it is not, nothing is
 * read past its end */

/* @p stands on the opening quote; returns the place after the closing one. */
static const char *skip_string(const char *p)
{
    for (p++; *p != '\0' && *p != '"'; p++)
        if (*p == '\\' && p[1] != '\0')
            p++;
    return *p == '"' ? p + 1 : p;
}

/* Returns the comma or brace behind the value that starts at @p. */
static const char *skip_value(const char *p)
{
    unsigned depth = 0;

    while (*p != '\0') {
        if (*p == '"') {
            p = skip_string(p);
            continue;
        }
        if (depth == 0 && (*p == ',' || *p == '}'))
            break;
        depth += *p == '{' || *p == '[';
        depth -= *p == '}' || *p == ']';
        p++;
    }
    return p;
}

static const char *skip_space(const char *p)
{
    return p + strspn(p, " \t\r\n");
}

/* Decodes a JSON string. jsonb escapes control characters by number and nothing else. */
static const char *decode(struct err *e, struct span s)
{
    char *text = arena_alloc(e->arena, s.n + 1);
    size_t n = 0;

    if (text == NULL)
        return NULL;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '\\' || i + 1 == s.n) {
            text[n++] = s.p[i];
            continue;
        }
        i++;
        if (strchr("\"\\/", s.p[i]) != NULL) {
            text[n++] = s.p[i];
            continue;
        }
        text[n++] = ' ';
        if (s.p[i] == 'u')
            i += s.n - i > 4 ? 4 : s.n - i - 1;
    }
    return text;
}

static void read_object(struct err *e, const char *p)
{
    struct buf members;

    buf_init(&members, MEMBERS_MAX);
    for (p = skip_space(p + 1); *p == '"';) {
        const char *name = p, *value, *end;
        bool is_detail;

        p = skip_string(p);
        is_detail = span_is((struct span){name, (size_t)(p - name)}, "\"detail\"");
        p = skip_space(p);
        value = skip_space(p + (*p == ':'));
        end = skip_value(value);
        if (is_detail && *value == '"') {
            p = skip_string(value);
            if (p > value + 1)
                e->detail = decode(e, (struct span){value + 1, (size_t)(p - value) - 2});
        } else if (!is_detail) {
            if (members.len > 0)
                buf_putc(&members, ',');
            buf_add(&members, name, (size_t)(end - name));
        }
        p = skip_space(end + (*end == ','));
    }
    if (members.len > 0 && !members.failed)
        e->members = keep(e, buf_text(&members));
    buf_done(&members);
}

static enum err_code code_of(const struct ask_error *from)
{
    enum err_code code = from->message == NULL ? ERR_NONE : err_from_slug(from->message);

    if (code != ERR_NONE)
        return code;
    for (size_t i = 0; i < sizeof by_status / sizeof by_status[0]; i++)
        if (strcmp(by_status[i].sqlstate, from->sqlstate) == 0)
            return by_status[i].code;
    return ERR_INTERNAL;
}

static bool refused_by_us(const struct ask_error *from, struct err *e)
{
    e->code = code_of(from);
    e->hint = keep(e, from->hint);
    if (from->detail != NULL && from->detail[0] == '{')
        read_object(e, from->detail);
    else
        e->detail = keep(e, from->detail);
    if (e->code == ERR_BAD_PARAMETER && from->column != NULL && from->column[0] != '\0')
        return err_fault(e, e->code,
                         (struct fault){.in = "query",
                                        .pointer = keep(e, from->column),
                                        .code = "range",
                                        .detail = e->detail,
                                        .hint = e->hint});
    if (from->column == NULL || from->column[0] != '/')
        return false;
    return add_fault(e, from->column, fault_code(e->code));
}

/* the server's own */

static void note_log(const struct ask_error *from, struct err *e)
{
    /* Not the detail: it quotes the values. */
    e->log = arena_printf(e->arena, "%s %s%s%s", from->sqlstate,
                          from->message == NULL ? "" : from->message,
                          from->constraint == NULL ? "" : ", constraint ",
                          from->constraint == NULL ? "" : from->constraint);
}

/* One name stands for both sides of a foreign key; only the text tells that the other side is
 * going. */
static bool is_in_use(const struct ask_error *from)
{
    return strcmp(from->sqlstate, "23503") == 0 && from->message != NULL &&
           starts(from->message, "update or delete");
}

static bool violated(const struct constraint *c, struct err *e)
{
    err_set(e, c->code, "%s", c->detail);
    return c->pointer == NULL ? false : add_fault(e, c->pointer, fault_code(c->code));
}

static bool is_missing(const struct ask_error *from, struct err *e)
{
    const char *pointer = arena_printf(e->arena, "/%s", from->column);

    err_set(e, ERR_INVALID, "A value is required.");
    return add_fault(e, pointer, "required");
}

bool sqlstate_to_err(const struct ask_error *from, struct err *e)
{
    if (starts(from->sqlstate, "SL"))
        return refused_by_us(from, e);
    note_log(from, e);
    if (strcmp(from->sqlstate, "23502") == 0 && from->column != NULL)
        return is_missing(from, e);
    if (is_in_use(from))
        return err_set(e, ERR_IN_USE, NULL);
    for (size_t i = 0; i < sizeof constraints / sizeof constraints[0]; i++)
        if (from->constraint != NULL && starts(from->sqlstate, "23") &&
            strcmp(constraints[i].name, from->constraint) == 0)
            return violated(&constraints[i], e);
    for (size_t i = 0; i < sizeof sqlstates / sizeof sqlstates[0]; i++) {
        const struct sqlstate *row = &sqlstates[i];

        if (!starts(from->sqlstate, row->prefix))
            continue;
        if (row->retry_after > 0)
            e->retry_after = row->retry_after;
        return row->detail == NULL ? err_set(e, row->code, NULL)
                                   : err_set(e, row->code, "%s", row->detail);
    }
    return err_set(e, ERR_INTERNAL, NULL);
}
