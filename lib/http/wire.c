/* The state machine. A state is a row, a class of bytes is a column, a cell says what to do with
 * the byte and which state follows. An empty cell refuses the message, so that what nobody
 * thought of is refused too. */
#include "http/wire.h"

#include <string.h>

/* clang-format off */
enum class {
    C_CTL, C_TAB, C_LF, C_CR, C_SPACE, C_QUOTE, C_COLON, C_SEMICOLON, C_EQUAL, C_BACKSLASH,
    C_DIGIT, C_HEX, C_ALPHA, C_TCHAR, C_VCHAR, C_HIGH, C_COUNT
};

/* RFC 9110 section 5.6.2: C_DIGIT to C_TCHAR are the token characters */
static const uint8_t classes[256] = {
    ['\t'] = C_TAB, ['\n'] = C_LF, ['\r'] = C_CR, [' '] = C_SPACE, ['"'] = C_QUOTE,
    [':'] = C_COLON, [';'] = C_SEMICOLON, ['='] = C_EQUAL, ['\\'] = C_BACKSLASH,
    ['0' ... '9'] = C_DIGIT,
    ['A' ... 'F'] = C_HEX, ['a' ... 'f'] = C_HEX,
    ['G' ... 'Z'] = C_ALPHA, ['g' ... 'z'] = C_ALPHA,
    ['!'] = C_TCHAR, ['#' ... '\''] = C_TCHAR, ['*'] = C_TCHAR, ['+'] = C_TCHAR, ['-'] = C_TCHAR,
    ['.'] = C_TCHAR, ['^'] = C_TCHAR, ['_'] = C_TCHAR, ['`'] = C_TCHAR, ['|'] = C_TCHAR,
    ['~'] = C_TCHAR,
    ['('] = C_VCHAR, [')'] = C_VCHAR, [','] = C_VCHAR, ['/'] = C_VCHAR, ['<'] = C_VCHAR,
    ['>'] = C_VCHAR, ['?'] = C_VCHAR, ['@'] = C_VCHAR, ['['] = C_VCHAR, [']'] = C_VCHAR,
    ['{'] = C_VCHAR, ['}'] = C_VCHAR,
    [0x80 ... 0xff] = C_HIGH,
};

enum state {
    /* head; up to S_HEAD_LF all bytes count as head */
    S_START, S_START_LF, S_FIRST, S_METHOD, S_TARGET, S_VERSION, S_LINE_LF,
    S_FIELD, S_NAME, S_SPACE, S_VALUE, S_FIELD_LF, S_HEAD_LF,
    /* chunk lines */
    S_SIZE_FIRST, S_SIZE, S_EXT_FIRST, S_EXT, S_EXT_VALUE_FIRST, S_EXT_VALUE, S_EXT_QUOTED,
    S_EXT_PAIR, S_EXT_END, S_SIZE_LF, S_DATA_CR, S_DATA_LF,
    S_TRAILER, S_TRAILER_NAME, S_TRAILER_VALUE, S_TRAILER_LF, S_FINAL_LF,
    /* not in the table */
    S_LENGTH, S_DATA, S_END, S_REFUSED,
    S_COUNT
};
/* clang-format on */

enum action {
    A_REFUSE,
    A_SKIP,   /* drop the byte */
    A_KEEP,   /* it belongs to the element */
    A_FIRST,  /* it is the first of a new element */
    A_METHOD, /* the method is complete */
    A_TARGET,
    A_DIGIT_SEEN, /* a byte of the version */
    A_LINE,       /* the request line is complete */
    A_NAME,
    A_EMPTY, /* the value is complete, and empty */
    A_VALUE,
    A_HEAD,    /* the head is complete */
    A_HEX,     /* a digit of a chunk size */
    A_SIZE,    /* the chunk line is complete */
    A_CHUNK,   /* the chunk is complete */
    A_TRAILER, /* a byte of a trailer */
    A_DONE,
};

struct cell {
    uint8_t action;
    uint8_t next;
};

#define TO(action, next)                                                                           \
    {                                                                                              \
        A_##action, S_##next                                                                       \
    }
#define TOKEN(action, next)                                                                        \
    [C_DIGIT] = TO(action, next), [C_HEX] = TO(action, next), [C_ALPHA] = TO(action, next),        \
    [C_TCHAR] = TO(action, next)
#define DELIMITER(action, next)                                                                    \
    [C_QUOTE] = TO(action, next), [C_COLON] = TO(action, next), [C_SEMICOLON] = TO(action, next),  \
    [C_EQUAL] = TO(action, next), [C_BACKSLASH] = TO(action, next), [C_VCHAR] = TO(action, next)
#define VISIBLE(action, next) TOKEN(action, next), DELIMITER(action, next)
#define BLANK(action, next) [C_SPACE] = TO(action, next), [C_TAB] = TO(action, next)

static const struct cell table[S_LENGTH][C_COUNT] = {
    [S_START] = {TOKEN(FIRST, METHOD), [C_CR] = TO(SKIP, START_LF)},
    [S_START_LF] = {[C_LF] = TO(SKIP, FIRST)},
    [S_FIRST] = {TOKEN(FIRST, METHOD)},
    [S_METHOD] = {TOKEN(KEEP, METHOD), [C_SPACE] = TO(METHOD, TARGET)},
    [S_TARGET] = {VISIBLE(KEEP, TARGET), [C_SPACE] = TO(TARGET, VERSION)},
    [S_VERSION] = {TOKEN(DIGIT_SEEN, VERSION), [C_VCHAR] = TO(DIGIT_SEEN, VERSION),
                   [C_CR] = TO(LINE, LINE_LF)},
    [S_LINE_LF] = {[C_LF] = TO(SKIP, FIELD)},
    [S_FIELD] = {TOKEN(FIRST, NAME), [C_CR] = TO(SKIP, HEAD_LF)},
    [S_NAME] = {TOKEN(KEEP, NAME), [C_COLON] = TO(NAME, SPACE)},
    [S_SPACE] = {BLANK(SKIP, SPACE),
                 VISIBLE(FIRST, VALUE), [C_HIGH] = TO(FIRST, VALUE), [C_CR] = TO(EMPTY, FIELD_LF)},
    [S_VALUE] = {BLANK(KEEP, VALUE),
                 VISIBLE(KEEP, VALUE), [C_HIGH] = TO(KEEP, VALUE), [C_CR] = TO(VALUE, FIELD_LF)},
    [S_FIELD_LF] = {[C_LF] = TO(SKIP, FIELD)},
    [S_HEAD_LF] = {[C_LF] = TO(HEAD, END)},

    [S_SIZE_FIRST] = {[C_DIGIT] = TO(HEX, SIZE), [C_HEX] = TO(HEX, SIZE)},
    [S_SIZE] = {[C_DIGIT] = TO(HEX, SIZE),
                [C_HEX] = TO(HEX, SIZE),
                [C_SEMICOLON] = TO(SKIP, EXT_FIRST),
                [C_CR] = TO(SKIP, SIZE_LF)},
    [S_EXT_FIRST] = {TOKEN(SKIP, EXT)},
    [S_EXT] = {TOKEN(SKIP, EXT), [C_EQUAL] = TO(SKIP, EXT_VALUE_FIRST),
               [C_SEMICOLON] = TO(SKIP, EXT_FIRST), [C_CR] = TO(SKIP, SIZE_LF)},
    [S_EXT_VALUE_FIRST] = {TOKEN(SKIP, EXT_VALUE), [C_QUOTE] = TO(SKIP, EXT_QUOTED)},
    [S_EXT_VALUE] =
        {TOKEN(SKIP, EXT_VALUE), [C_SEMICOLON] = TO(SKIP, EXT_FIRST), [C_CR] = TO(SKIP, SIZE_LF)},
    [S_EXT_QUOTED] = {TOKEN(SKIP, EXT_QUOTED),
                      BLANK(SKIP, EXT_QUOTED), [C_COLON] = TO(SKIP, EXT_QUOTED),
                      [C_SEMICOLON] = TO(SKIP, EXT_QUOTED), [C_EQUAL] = TO(SKIP, EXT_QUOTED),
                      [C_VCHAR] = TO(SKIP, EXT_QUOTED), [C_HIGH] = TO(SKIP, EXT_QUOTED),
                      [C_BACKSLASH] = TO(SKIP, EXT_PAIR), [C_QUOTE] = TO(SKIP, EXT_END)},
    [S_EXT_PAIR] = {BLANK(SKIP, EXT_QUOTED),
                    VISIBLE(SKIP, EXT_QUOTED), [C_HIGH] = TO(SKIP, EXT_QUOTED)},
    [S_EXT_END] = {[C_SEMICOLON] = TO(SKIP, EXT_FIRST), [C_CR] = TO(SKIP, SIZE_LF)},
    [S_SIZE_LF] = {[C_LF] = TO(SIZE, DATA)},
    [S_DATA_CR] = {[C_CR] = TO(SKIP, DATA_LF)},
    [S_DATA_LF] = {[C_LF] = TO(CHUNK, SIZE_FIRST)},

    [S_TRAILER] = {TOKEN(TRAILER, TRAILER_NAME), [C_CR] = TO(SKIP, FINAL_LF)},
    [S_TRAILER_NAME] = {TOKEN(TRAILER, TRAILER_NAME), [C_COLON] = TO(TRAILER, TRAILER_VALUE)},
    [S_TRAILER_VALUE] = {BLANK(TRAILER, TRAILER_VALUE), VISIBLE(TRAILER, TRAILER_VALUE),
                         [C_HIGH] = TO(TRAILER, TRAILER_VALUE), [C_CR] = TO(TRAILER, TRAILER_LF)},
    [S_TRAILER_LF] = {[C_LF] = TO(TRAILER, TRAILER)},
    [S_FINAL_LF] = {[C_LF] = TO(DONE, END)},
};

#define BAD_CHUNK "the chunk size or its extension is not well-formed"
#define BAD_LINE_END "a line ends with something else than CR LF"
#define BAD_TRAILER "a trailer is not well-formed"

/* clang-format off */
static const char *const reasons[S_LENGTH] = {
    [S_START] = "the method is not a token",
    [S_START_LF] = BAD_LINE_END,
    [S_FIRST] = "the method is not a token",
    [S_METHOD] = "the method is not a token followed by one space",
    [S_TARGET] = "the target has a byte that is not printable ASCII, or no version follows it",
    [S_VERSION] = "the version is not \"HTTP/1.1\"",
    [S_LINE_LF] = BAD_LINE_END,
    [S_FIELD] = "a field line does not start with a name (folded lines are not taken)",
    [S_NAME] = "a field name is not a token followed at once by a colon",
    [S_SPACE] = "a field value has a control byte",
    [S_VALUE] = "a field value has a control byte",
    [S_FIELD_LF] = BAD_LINE_END,
    [S_HEAD_LF] = BAD_LINE_END,
    [S_SIZE_FIRST] = BAD_CHUNK, [S_SIZE] = BAD_CHUNK, [S_EXT_FIRST] = BAD_CHUNK,
    [S_EXT] = BAD_CHUNK, [S_EXT_VALUE_FIRST] = BAD_CHUNK, [S_EXT_VALUE] = BAD_CHUNK,
    [S_EXT_QUOTED] = BAD_CHUNK, [S_EXT_PAIR] = BAD_CHUNK, [S_EXT_END] = BAD_CHUNK,
    [S_SIZE_LF] = BAD_LINE_END,
    [S_DATA_CR] = "a chunk is longer than its size says",
    [S_DATA_LF] = BAD_LINE_END,
    [S_TRAILER] = BAD_TRAILER, [S_TRAILER_NAME] = BAD_TRAILER, [S_TRAILER_VALUE] = BAD_TRAILER,
    [S_TRAILER_LF] = BAD_LINE_END,
    [S_FINAL_LF] = BAD_LINE_END,
};
/* clang-format on */

void wire_init(struct wire *w, const struct wire_limits *limits, char *memory,
               struct wire_field *fields)
{
    *w = (struct wire){.limits = *limits, .memory = memory, .fields = fields, .state = S_START};
}

bool wire_refuse(struct wire *w, enum err_code code, const char *reason)
{
    w->code = code;
    w->reason = reason;
    w->state = S_REFUSED;
    return false;
}

static bool refuse_size(struct wire *w, enum err_code code, uint64_t limit, const char *reason)
{
    w->limit = limit;
    return wire_refuse(w, code, reason);
}

static struct span element_end(struct wire *w)
{
    struct span s = {w->memory + w->mark, w->used - w->mark};

    w->memory[w->used++] = '\0';
    return s;
}

static bool name_end(struct wire *w)
{
    struct wire_field *f = &w->fields[w->nfields];
    struct span name = {w->memory + w->mark, w->used - w->mark};

    if (w->nfields >= w->limits.head_fields || w->nfields >= UINT8_MAX) {
        w->fields_counted = true;
        return refuse_size(w, ERR_HEAD_TOO_LARGE, w->limits.head_fields,
                           "the head has too many fields");
    }
    *f = (struct wire_field){.name = w->mark, .name_len = w->used - w->mark};
    f->header = wire_header_of(name);
    w->memory[w->used++] = '\0';
    w->mark = w->used;
    return true;
}

static bool value_end(struct wire *w)
{
    struct wire_field *f = &w->fields[w->nfields];
    uint32_t end = w->used;

    while (end > w->mark && (w->memory[end - 1] == ' ' || w->memory[end - 1] == '\t'))
        end--;
    f->value = w->mark;
    f->value_len = end - w->mark;
    w->used = end;
    w->memory[w->used++] = '\0';
    w->nfields++;
    if (f->header != HEADER_OTHER && w->known[f->header] == 0)
        w->known[f->header] = (uint8_t)w->nfields;
    return true;
}

static bool version_byte(struct wire *w, char byte)
{
    if (w->version_len >= sizeof w->version)
        return wire_refuse(w, ERR_BAD_REQUEST, reasons[S_VERSION]);
    w->version[w->version_len++] = byte;
    return true;
}

static bool line_end(struct wire *w)
{
    const char *v = w->version;

    if (w->version_len != 8 || memcmp(v, "HTTP/", 5) != 0 || v[5] < '0' || v[5] > '9' ||
        v[6] != '.' || v[7] < '0' || v[7] > '9')
        return wire_refuse(w, ERR_BAD_REQUEST, reasons[S_VERSION]);
    if (v[5] != '1' || v[7] > '1')
        return wire_refuse(w, ERR_HTTP_VERSION, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    w->minor = (unsigned)(v[7] - '0');
    return true;
}

static bool head_end(struct wire *w)
{
    if (!wire_frame(w))
        return false;
    w->head_ended = true;
    if (w->chunked)
        w->state = S_SIZE_FIRST;
    else if (w->length > 0)
        w->state = S_LENGTH;
    w->left = w->length;
    return true;
}

static bool hex_digit(struct wire *w, char byte)
{
    unsigned digit = (unsigned)(byte <= '9' ? byte - '0' : (byte | 0x20) - 'a' + 10);

    if (w->left >> 56)
        return refuse_size(w, ERR_BODY_TOO_LARGE, w->body_limit, "the chunk is too large");
    w->left = w->left << 4 | digit;
    return true;
}

static bool size_end(struct wire *w)
{
    w->line = 0;
    if (w->left == 0) {
        w->state = S_TRAILER;
        return true;
    }
    if (w->left > w->body_limit - w->taken)
        return refuse_size(w, ERR_BODY_TOO_LARGE, w->body_limit,
                           "the body is larger than this operation takes");
    w->taken += w->left;
    return true;
}

/* What the chunk machinery reads besides data: each line and all extensions together are bounded.
 */
static bool chunk_byte(struct wire *w, uint8_t state)
{
    if (state < S_SIZE_FIRST || state > S_SIZE_LF)
        return true;
    if (++w->line > w->limits.chunk_line_bytes)
        return wire_refuse(w, ERR_BAD_REQUEST, "a chunk line is too long");
    if (state >= S_EXT_FIRST && state <= S_EXT_END && ++w->extension > WIRE_EXTENSION_BYTES)
        return wire_refuse(w, ERR_BAD_REQUEST, "the chunk extensions are too long");
    return true;
}

static bool trailer_byte(struct wire *w)
{
    if (++w->line > WIRE_TRAILER_BYTES)
        return refuse_size(w, ERR_HEAD_TOO_LARGE, WIRE_TRAILER_BYTES, "the trailers are too long");
    return true;
}

static bool act(struct wire *w, enum action action, char byte)
{
    switch (action) {
    case A_FIRST:
        w->mark = w->used;
        w->memory[w->used++] = byte;
        return true;
    case A_KEEP: w->memory[w->used++] = byte; return true;
    case A_METHOD:
        w->method = element_end(w);
        w->mark = w->used;
        return true;
    case A_TARGET:
        w->target = element_end(w);
        if (w->target.n > 0)
            return true;
        return wire_refuse(w, ERR_BAD_REQUEST, "the target is empty");
    case A_DIGIT_SEEN: return version_byte(w, byte);
    case A_LINE: return line_end(w);
    case A_NAME: return name_end(w);
    case A_EMPTY: w->mark = w->used; return value_end(w);
    case A_VALUE: return value_end(w);
    case A_HEAD: return head_end(w);
    case A_HEX: return hex_digit(w, byte);
    case A_SIZE: return size_end(w);
    case A_TRAILER: return trailer_byte(w);
    case A_CHUNK:
    case A_DONE:
    case A_SKIP: return true;
    case A_REFUSE: break;
    }
    return false;
}

/* Takes the run of bytes that only extend the element: the bulk of every head. Stops before a
 * limit, so that the byte that passes it is refused by step() whatever the split was. */
static size_t take_run(struct wire *w, const char *bytes, size_t n)
{
    const struct cell *row = table[w->state];
    size_t room = w->limits.head_bytes - w->seen, i = 0;

    if (w->state == S_TARGET && room > w->limits.target_bytes - (w->used - w->mark))
        room = w->limits.target_bytes - (w->used - w->mark);
    if (n > room)
        n = room;
    while (i < n && row[classes[(uint8_t)bytes[i]]].action == A_KEEP)
        i++;
    memcpy(w->memory + w->used, bytes, i);
    w->used += (uint32_t)i;
    w->seen += (uint32_t)i;
    return i;
}

/* Takes one byte by the table. */
static bool step(struct wire *w, char byte)
{
    uint8_t state = w->state;
    struct cell cell = table[state][classes[(uint8_t)byte]];

    if (state <= S_HEAD_LF) {
        if (w->seen >= w->limits.head_bytes)
            return refuse_size(w, ERR_HEAD_TOO_LARGE, w->limits.head_bytes,
                               "the request head is too long");
        w->seen++;
    }
    if (!chunk_byte(w, state))
        return false;
    if (cell.action == A_REFUSE)
        return wire_refuse(w, ERR_BAD_REQUEST, reasons[state]);
    if (state == S_TARGET && cell.action == A_KEEP && w->used - w->mark >= w->limits.target_bytes)
        return refuse_size(w, ERR_TARGET_TOO_LONG, w->limits.target_bytes,
                           "the request target is too long");
    w->state = cell.next;
    return act(w, cell.action, byte);
}

static size_t take_data(struct wire *w, const char *bytes, size_t n, struct span *ret_body)
{
    size_t piece = w->left < n ? (size_t)w->left : n;

    *ret_body = (struct span){bytes, piece};
    w->left -= piece;
    if (w->left == 0)
        w->state = w->state == S_LENGTH ? S_END : S_DATA_CR;
    return piece;
}

enum wire_event wire_feed(struct wire *w, const char *bytes, size_t n, size_t *ret_used,
                          struct span *ret_body)
{
    size_t i = 0;

    *ret_used = 0;
    *ret_body = (struct span){bytes, 0};
    while (i < n && w->state < S_END) {
        if (w->state >= S_LENGTH) {
            *ret_used = i + take_data(w, bytes + i, n - i, ret_body);
            return WIRE_BODY;
        }
        if (w->state <= S_VALUE)
            i += take_run(w, bytes + i, n - i);
        if (i == n)
            break;
        if (!step(w, bytes[i])) {
            *ret_used = i;
            return WIRE_ERROR;
        }
        i++;
        if (w->head_ended) {
            w->head_ended = false;
            *ret_used = i;
            return WIRE_HEAD;
        }
    }
    *ret_used = i;
    if (w->state == S_REFUSED)
        return WIRE_ERROR;
    return w->state == S_END ? WIRE_DONE : WIRE_MORE;
}
