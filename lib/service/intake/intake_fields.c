/* intake_fields - from a body in one of three encodings to the fields of a lead. */
#include <math.h>
#include <string.h>

#include "crypto/secret.h"
#include "service/intake/intake.h"
#include "json/body.h"
#include "json/out.h"
#include "json/schema.h"

static bool is_media(const struct call *c, const char *type)
{
    return c->request.media_type && strcmp(c->request.media_type, type) == 0;
}

/* "; charset=" of anything but UTF-8 is refused: guessing would store rubbish. */
static bool other_charset(const struct call *c)
{
    const char *at =
        c->request.media_params ? strcasestr(c->request.media_params, "charset=") : NULL;
    struct span name;

    if (!at)
        return false;
    name = span_of(at + strlen("charset="));
    if (name.n > 0 && *name.p == '"') {
        name.p++;
        name.n--;
    }
    name.n = strcspn(name.p, "\"; \t");
    return !span_is_nocase(name, "utf-8") && !span_is_nocase(name, "utf8") &&
           !span_is_nocase(name, "us-ascii");
}

static json_t *parse(struct call *c)
{
    const char *boundary;

    if (other_charset(c)) {
        err_set(&c->err, ERR_MEDIA_TYPE, "Send UTF-8: other character sets are not taken.");
        return NULL;
    }
    if (is_media(c, "application/x-www-form-urlencoded"))
        return body_parse_form(&c->arena, c->request.raw_body, &c->err);
    if (!is_media(c, "multipart/form-data"))
        return body_parse_json(&c->arena, c->request.raw_body, &json_default_limits, &c->err);
    if (multipart_boundary(&c->arena, c->request.media_params, &boundary))
        return body_parse_multipart(&c->arena, c->request.raw_body, boundary, &c->err);
    err_set(&c->err, ERR_BAD_FORM, "Content-Type names no proper boundary.");
    return NULL;
}

/* An empty field is an absent one. */
static bool is_empty(const json_t *value)
{
    const char *text = json_string_value(value);

    return !value || json_is_null(value) || (text && !*text);
}

/* The lead's field that a field of the page fills; NULL: none. Source and campaign are the form's
 * own. */
static const char *field_of(const struct intake *in, const char *name)
{
    const char *mapped = json_string_value(json_object_get(in->mapping, name));
    const char *field = mapped ? mapped : name;

    if (!intake_listed(in->allowed, field) || strcmp(field, "source") == 0 ||
        strcmp(field, "campaign") == 0)
        return NULL;
    return field;
}

/* What the page calls a field of the lead. */
static const char *name_of(const struct intake *in, const char *field, size_t n)
{
    const char *name;
    json_t *value;

    json_object_foreach (in->mapping, name, value)
        if (strlen(json_string_value(value)) == n &&
            memcmp(json_string_value(value), field, n) == 0)
            return name;
    return NULL;
}

/* What a form sends for a custom field, be it several times, as people write it. */
static json_t *custom_value(const struct intake *in, const char *field, const struct schema *s,
                            json_t *value)
{
    json_t *list, *one, *part;
    size_t i;

    if (json_is_string(value))
        return fields_value(&in->fields, field, s, json_string_value(value), DATE_DMY, true);
    if (s->kind != SCHEMA_ARRAY || !json_is_array(value))
        return json_incref(value);
    list = json_array();
    json_array_foreach (value, i, part) {
        one = custom_value(in, field, s, part);
        json_array_extend(list, one);
        json_decref(one);
    }
    return list;
}

/* A form sends text only: it becomes the type that the lead's field has. */
static void take_field(struct call *c, struct intake *in, const char *field, json_t *value)
{
    const struct schema_member *m = intake_member(&in->fields, field);
    const char *text = json_string_value(value);
    bool form = c->request.media_type && strstr(c->request.media_type, "form");

    if (is_empty(value))
        return;
    if (form && m && fields_is_custom(field))
        fields_set(in->lead, field, custom_value(in, field, m->schema, value));
    else if (!form || !text || !m)
        fields_set(in->lead, field, json_incref(value));
    else {
        value = schema_from_text(m->schema, text, "body", arena_printf(&c->arena, "/%s", field),
                                 &c->err);
        if (value)
            json_object_set_new(in->lead, field, value);
    }
}

/* Returns @value (a reference) with numbers that no integer holds as text: PostgreSQL writes 1e300
 * out as 301 digits, and whoever reads the lead's facts takes that for an integer out of all
 * bounds. */
static json_t *keepable(json_t *value)
{
    const char *name;
    json_t *part;
    size_t i;
    void *next;

    if (json_is_real(value) && fabs(json_real_value(value)) >= 1e18)
        return json_sprintf("%.17g", json_real_value(value));
    json_object_foreach_safe(value, next, name, part)
        json_object_set_new(value, name, keepable(part));
    json_array_foreach (value, i, part)
        json_array_set_new(value, i, keepable(part));
    return json_incref(value);
}

/* A ticked box of a form, or true. */
static bool is_yes(const json_t *value)
{
    static const char *const words[] = {"on", "true", "yes", "1", NULL};

    return json_is_true(value) ||
           (json_is_string(value) && intake_listed(words, json_string_value(value)));
}

static void sort_fields(struct call *c, struct intake *in, json_t *body)
{
    const char *name, *field;
    json_t *value;

    json_object_foreach (body, name, value) {
        field = field_of(in, name);
        if (in->honeypot && strcmp(name, in->honeypot) == 0)
            in->trapped = in->trapped || !is_empty(value);
        else if (in->consent_version && strcmp(name, "consent") == 0)
            in->consents = is_yes(value);
        else if (strncmp(name, "utm_", 4) == 0 && json_is_string(value) && strlen(name) < 64) {
            if (!is_empty(value)) /* a page has hidden fields for all of them */
                json_object_set(in->utm, name + 4, value);
        } else if (field)
            take_field(c, in, field, value);
        else
            json_object_set_new(in->extra, name, keepable(value));
    }
}

static void require(struct call *c, const char *name)
{
    err_fault(&c->err, ERR_INVALID,
              (struct fault){.in = "body",
                             .pointer = arena_printf(&c->arena, "/%s", name),
                             .code = "required",
                             .detail = "this form asks for it"});
}

/* Whether the page sent something for a field, be it wrong. */
static bool was_sent(const struct intake *in, json_t *body, const char *field)
{
    const char *name, *its;
    json_t *value;

    json_object_foreach (body, name, value) {
        its = field_of(in, name);
        if (its && strcmp(its, field) == 0 && !is_empty(value))
            return true;
    }
    return false;
}

static void check_required(struct call *c, const struct intake *in, json_t *body)
{
    for (size_t i = 0; in->required && in->required[i]; i++) {
        const char *field = in->required[i];
        const struct schema_member *m = intake_member(&in->fields, field);

        if (!was_sent(in, body, field) && !(fields_is_custom(field) && m && m->required))
            require(c, field); /* or whoever defined the field has asked for it */
    }
    if (in->consent_required && !in->consents)
        require(c, "consent");
}

/* Faults point to what the page calls the field. */
static void rename_faults(struct call *c, const struct intake *in)
{
    for (struct fault *f = c->err.faults; f; f = f->next) {
        const char *name;
        size_t n;

        if (f->pointer && strncmp(f->pointer, "/custom/", 8) == 0)
            f->pointer = arena_printf(&c->arena, "/custom.%s", f->pointer + 8);
        n = f->pointer && *f->pointer == '/' ? strcspn(f->pointer + 1, "/") : 0;
        name = n ? name_of(in, f->pointer + 1, n) : NULL;

        if (name)
            f->pointer = arena_printf(&c->arena, "/%s%s", name, f->pointer + 1 + n);
    }
}

static void release_fields(void *arg)
{
    json_decref(arg);
}

/* A page that writes JSON may send custom fields as the API has them, in one object; here each has
 * its name. */
static json_t *flat(struct call *c, json_t *body)
{
    json_t *custom = json_object_get(body, "custom"), *value, *all;
    const char *name;

    if (!json_is_object(custom))
        return body;
    all = json_copy(body);
    arena_defer(&c->arena, release_fields, all);
    (void)json_object_del(all, "custom");
    json_object_foreach (custom, name, value)
        json_object_set(all, arena_printf(&c->arena, "custom.%s", name), value);
    return all;
}

static bool is_taken(const json_t *list, const char *name)
{
    const json_t *one;
    size_t i;

    json_array_foreach (list, i, one)
        if (strcmp(json_string_value(one), name) == 0)
            return true;
    return false;
}

/* What the page may call the fields that the form takes. */
static json_t *taken_names(const struct intake *in)
{
    json_t *list = json_array(), *value;
    const char *name;

    json_object_foreach (in->mapping, name, value)
        if (field_of(in, name) && !is_taken(list, name))
            json_array_append_new(list, json_string(name));
    for (size_t i = 0; in->allowed && in->allowed[i]; i++)
        if (field_of(in, in->allowed[i]) && !name_of(in, in->allowed[i], strlen(in->allowed[i])) &&
            !is_taken(list, in->allowed[i]))
            json_array_append_new(list, json_string(in->allowed[i]));
    return list;
}

/* Nothing of what came is a field: a name is wrong, or the form is. */
static void refuse_nothing(struct call *c, const struct intake *in)
{
    json_t *names = taken_names(in);

    err_fault(&c->err, ERR_INVALID,
              (struct fault){.in = "body",
                             .pointer = "",
                             .code = "too_few",
                             .detail = "None of the fields that this form takes was filled in.",
                             .hint = "send at least one of those that \"allowed\" lists",
                             .allowed = call_json(c, names)});
    json_decref(names);
}

void intake_fields(struct call *c, struct intake *in)
{
    json_t *body = parse(c);

    if (body && !json_is_object(body))
        err_fault(&c->err, ERR_INVALID,
                  (struct fault){.in = "body",
                                 .pointer = "",
                                 .code = "type",
                                 .detail = "the body must be an object of fields"});
    if (!body || !json_is_object(body))
        return;
    body = flat(c, body);
    sort_fields(c, in, body);
    if (json_object_size(in->lead) == 0 && c->err.code == ERR_NONE)
        refuse_nothing(c, in);
    else if (json_object_size(in->lead) > 0)
        (void)fields_check(&in->fields, in->lead, &c->err);
    check_required(c, in, body);
    rename_faults(c, in);
}

const char *intake_digest(struct call *c, const char *address)
{
    unsigned char digest[SHA256_SIZE];
    char *text = call_alloc(c, SHA256_TEXT);

    if (!text)
        return NULL;
    if (!address)
        address = "";
    hmac_sha256(c->env->cursor_key, 32, address, strlen(address), digest);
    text_hex(digest, sizeof(digest), text);
    return text;
}

const char *intake_faults(struct call *c, const struct intake *in)
{
    struct buf b;
    struct out o;
    const char *text;

    if (c->err.code == ERR_NONE)
        return NULL;
    if (c->err.code == ERR_GUARD)
        return in->birth.failures;
    buf_init(&b, 256 * 1024);
    out_init(&o, &b);
    out_array(&o);
    for (const struct fault *f = c->err.faults; f; f = f->next) {
        out_object(&o);
        out_member(&o, "pointer", f->pointer);
        out_member(&o, "code", f->code);
        out_member(&o, "detail", f->detail);
        out_object_end(&o);
    }
    if (!c->err.faults) {
        out_object(&o);
        out_member(&o, "code", err_slug(c->err.code));
        out_member(&o, "detail", c->err.detail ? c->err.detail : err_title(c->err.code));
        out_object_end(&o);
    }
    out_array_end(&o);
    text = b.failed ? "[]" : arena_strdup(&c->arena, buf_text(&b));
    buf_done(&b);
    return text;
}
