/**
 * wire - strict HTTP/1.1 requests (RFC 9112) as a table-driven state machine.
 *
 * Pure: no sockets, no clock, no allocation; the head is kept in memory that the caller lends. Feed
 * it bytes in pieces of any size: the verdict, the head and the body are the same for every split.
 * Whatever two programs could read differently is refused; after a refusal the connection cannot be
 * used any more.
 *
 * Decisions beyond the grammar: at most one empty line before a request is skipped; an empty Host,
 * several Content-Length lines (even equal ones), a body with HEAD and white space in a chunk line
 * are refused; chunk extensions are read and dropped, at most WIRE_EXTENSION_BYTES of them in a
 * message; trailers are read and dropped, at most WIRE_TRAILER_BYTES.
 */
#ifndef SLUICE_HTTP_WIRE_H
#define SLUICE_HTTP_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"

#define WIRE_TRAILER_BYTES 1024
#define WIRE_EXTENSION_BYTES 4096

/** The fields that we look at: symbol, name, may it stand once only. Sorted by the length of the
 * name. */
#define WIRE_HEADERS(H)                                                                            \
    H(HOST, "host", true)                                                                          \
    H(ACCEPT, "accept", false)                                                                     \
    H(EXPECT, "expect", true)                                                                      \
    H(PREFER, "prefer", false)                                                                     \
    H(ORIGIN, "origin", true)                                                                      \
    H(REFERER, "referer", false)                                                                   \
    H(IF_MATCH, "if-match", true)                                                                  \
    H(FORWARDED, "forwarded", false)                                                               \
    H(CONNECTION, "connection", false)                                                             \
    H(USER_AGENT, "user-agent", false)                                                             \
    H(REQUEST_ID, "request-id", true)                                                              \
    H(TRACEPARENT, "traceparent", false)                                                           \
    H(COMMIT_TOKEN, "commit-token", true)                                                          \
    H(CONTENT_TYPE, "content-type", true)                                                          \
    H(AUTHORIZATION, "authorization", true)                                                        \
    H(IF_NONE_MATCH, "if-none-match", true)                                                        \
    H(CONTENT_LENGTH, "content-length", true)                                                      \
    H(IDEMPOTENCY_KEY, "idempotency-key", true)                                                    \
    H(X_FORWARDED_FOR, "x-forwarded-for", false)                                                   \
    H(ACCEPT_LANGUAGE, "accept-language", false)                                                   \
    H(CONTENT_ENCODING, "content-encoding", true)                                                  \
    H(TRANSFER_ENCODING, "transfer-encoding", true)                                                \
    H(ACCESS_CONTROL_REQUEST_METHOD, "access-control-request-method", true)

enum wire_header {
    HEADER_OTHER,
#define H(symbol, name, single) HEADER_##symbol,
    WIRE_HEADERS(H)
#undef H
        HEADER_COUNT
};

enum wire_verb {
    VERB_GET,
    VERB_HEAD,
    VERB_POST,
    VERB_PUT,
    VERB_PATCH,
    VERB_DELETE,
    VERB_OPTIONS,
    VERB_COUNT
};

/** Returns the method's name. */
const char *wire_verb_name(enum wire_verb verb);

struct wire_limits {
    uint32_t head_bytes; /* request line and fields with their line ends */
    uint32_t head_fields;
    uint32_t target_bytes;
    uint32_t chunk_line_bytes;
};

/** One field; offsets into the head's memory. Name and value are NUL-terminated there. */
struct wire_field {
    uint32_t name, value;
    uint32_t name_len, value_len;
    enum wire_header header;
};

enum wire_event {
    WIRE_MORE,  /* all bytes were taken; feed more */
    WIRE_HEAD,  /* the head is complete: look at it, set the body limit, feed on */
    WIRE_BODY,  /* a piece of the body */
    WIRE_DONE,  /* the message is complete; the next byte belongs to the next one */
    WIRE_ERROR, /* refused: see code and reason */
};

struct wire {
    struct wire_limits limits;
    char *memory;              /* limits.head_bytes + 1 bytes */
    struct wire_field *fields; /* limits.head_fields of them */

    /* the head, valid from WIRE_HEAD on */
    enum wire_verb verb;
    struct span method;
    struct span target; /* as sent; the byte behind it is a NUL */
    unsigned minor;     /* of the version: 1 or 0 */
    unsigned nfields;
    uint8_t known[HEADER_COUNT]; /* 1 + index of the first field of that name, or 0 */
    bool keep_alive;
    bool chunked;
    bool has_body; /* chunked, or a Content-Length above zero */
    uint64_t length;

    /* the refusal */
    enum err_code code;
    const char *reason;
    uint64_t limit;      /* of a refusal for size: what it may be at most; 0 otherwise */
    bool fields_counted; /* the limit counts fields, not bytes */

    /* the machine's own */
    uint8_t state;
    bool head_ended; /* just now: WIRE_HEAD is due */
    uint32_t seen;   /* bytes of the head so far */
    uint32_t used;   /* bytes of memory in use */
    uint32_t mark;   /* where the element being read starts */
    uint32_t line;   /* bytes of the chunk line, then of the trailers */
    uint32_t extension;
    uint32_t version_len;
    char version[8];
    uint64_t left;  /* bytes of the body or chunk that are to come */
    uint64_t taken; /* bytes of the body so far, announced chunks included */
    uint64_t body_limit;
};

/** Prepares for a message. @memory holds head_bytes + 1 bytes, @fields head_fields entries (at most
 * 255); both must outlive the message. */
void wire_init(struct wire *w, const struct wire_limits *limits, char *memory,
               struct wire_field *fields);

/** Takes bytes up to the next event; @ret_used says how many. @ret_body is set for WIRE_BODY and
 * points into @bytes. After WIRE_HEAD and WIRE_BODY feed the rest on, even if it is empty:
 * WIRE_DONE needs no further byte. Call wire_limit_body() after WIRE_HEAD, before any further
 * byte. WIRE_DONE and WIRE_ERROR repeat until wire_init(). */
enum wire_event wire_feed(struct wire *w, const char *bytes, size_t n, size_t *ret_used,
                          struct span *ret_body);

/** Sets how large a body may be (0 at first). Returns false with the refusal set when
 * Content-Length already announces more. */
bool wire_limit_body(struct wire *w, uint64_t limit);

/** Returns the value of the first field of that name; p is NULL if there is none. */
struct span wire_value(const struct wire *w, enum wire_header header);

/** Name and value of field @i. */
struct span wire_field_name(const struct wire *w, unsigned i);
struct span wire_field_value(const struct wire *w, unsigned i);

/** Recognises a field name, any case. */
enum wire_header wire_header_of(struct span name);

/** Tells whether the text is a plain host with an optional port: letters, digits, "-._~%", or an
 * address in brackets. */
bool wire_is_host(struct span host);

/* between the machine and the rules of a complete head */

/** Decides version, verb, host and framing once the head is complete. False with the refusal set.
 */
bool wire_frame(struct wire *w);
bool wire_refuse(struct wire *w, enum err_code code, const char *reason);

#endif
