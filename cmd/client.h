/**
 * client - asks a running daemon over HTTP, one request a connection.
 */
#ifndef SLUICE_CMD_CLIENT_H
#define SLUICE_CMD_CLIENT_H

#include <jansson.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/buf.h"

struct client {
    const char *token;
    char host[256], port[8];
    bool secure;
    SSL_CTX *tls;
    struct buf *why; /* what went wrong, a line each */
};

/** What is sent, and where the answer goes. */
struct asked {
    const char *method, *path; /* the path with its query, escaped */
    const char *media_type;    /* of the body */
    const void *body;
    size_t n;
    FILE *to; /* takes the body of a success; NULL: client_json() reads it */
};

/** Takes an address such as https://crm.example:8443; false with the reason. Certificates are
 * verified by what the system trusts (SSL_CERT_FILE). */
bool client_init(struct client *c, const char *url, const char *token, struct buf *why);
void client_done(struct client *c);

/** Asks. Returns the answer as a new reference (null of no content, or of one that went to
 * @to), or NULL with the reason, of a problem all that it says. */
json_t *client_ask(struct client *c, const struct asked *a);

/** The same with a JSON body, which may be NULL; takes the reference to it. */
json_t *client_json(struct client *c, const char *method, const char *path, json_t *body);

/** Appends a word as a query takes it (RFC 3986, 2.3). */
void client_escape(struct buf *b, const char *word);

#endif
