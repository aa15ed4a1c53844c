/* ready - the ready file and the greeting. */
#include "ready.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "conf/conf.h"
#include "crew.h"
#include "site.h"
#include "json/out.h"

#define URL_TEXT 300

static void url_of(char out[URL_TEXT], const char *listen, uint16_t port, bool tls)
{
    const char *colon = strrchr(listen, ':');
    int n = colon ? (int)(colon - listen) : (int)strlen(listen);
    bool any = n == 0 || strncmp(listen, "0.0.0.0", 7) == 0 || strncmp(listen, "[::]", 4) == 0;

    if (any)
        snprintf(out, URL_TEXT, "%s://127.0.0.1:%u", tls ? "https" : "http", port);
    else
        snprintf(out, URL_TEXT, "%s://%.*s:%u", tls ? "https" : "http", n, listen, port);
}

static void write_document(struct buf *b, const struct site *site, const char *url,
                           const char *admin_url)
{
    struct out o;

    out_init(&o, b);
    out_object(&o);
    out_member(&o, "url", url);
    if (*admin_url)
        out_member(&o, "admin_url", admin_url);
    out_key(&o, "pid");
    out_int(&o, getpid());
    if (site->is_new) {
        out_key(&o, "admin");
        out_object(&o);
        out_member(&o, "email", site->admin_email);
        out_member(&o, "password", site->admin_password);
        out_object_end(&o);
        out_key(&o, "intake");
        out_object(&o);
        out_member(&o, "form", site->intake_form);
        out_member(&o, "key", site->intake_key);
        out_object_end(&o);
    }
    out_object_end(&o);
    buf_putc(b, '\n');
}

/* Written beside and renamed: whoever sees the file sees all of it. */
static bool write_file(const char *path, const struct buf *b, struct buf *why)
{
    char temporary[4096];
    int fd;
    bool done;

    if (snprintf(temporary, sizeof(temporary), "%s.new", path) >= (int)sizeof(temporary)) {
        buf_puts(why, "ready_file: the path is too long");
        return false;
    }
    (void)unlink(temporary);
    fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    done = fd >= 0 && write(fd, b->text, b->len) == (ssize_t)b->len;
    if (fd >= 0)
        done = close(fd) == 0 && done;
    done = done && rename(temporary, path) == 0;
    if (!done)
        buf_printf(why, "ready_file: cannot write %s: %s", path, strerror(errno));
    return done;
}

static void greet(const struct site *site, const char *url)
{
    printf("Sluice serves %s   (reference: %s/docs)\n", url, url);
    if (!site->is_new) {
        (void)fflush(stdout);
        return;
    }
    printf("\nThis is the first start. Shown once, so write it down:\n"
           "  administrator  %s\n  password       %s\n  intake key     %s   (form \"%s\")\n\n",
           site->admin_email, site->admin_password, site->intake_key, site->intake_form);
    printf(
        "Try this in another terminal:\n\n"
        "  # a landing page posts a lead\n"
        "  curl -s '%s/v1/intake/%s?key=%s' \\\n"
        "    -d first_name=Anna -d last_name=Nowak -d company=Acme -d email=anna@acme.example\n\n",
        url, site->intake_form, site->intake_key);
    printf("  # sign in\n"
           "  TOKEN=$(curl -s %s/v1/session -H 'Content-Type: application/json' \\\n"
           "    -d '{\"email\":\"%s\",\"password\":\"%s\"}' | jq -r .access_token)\n\n",
           url, site->admin_email, site->admin_password);
    printf("  # see the lead, and what it may become\n"
           "  curl -s %s/v1/leads -H \"Authorization: Bearer $TOKEN\" | jq\n"
           "  LEAD=$(curl -s %s/v1/leads -H \"Authorization: Bearer $TOKEN\" | jq -r "
           "'.items[0].id')\n"
           "  curl -s %s/v1/leads/$LEAD/transitions -H \"Authorization: Bearer $TOKEN\" | jq\n\n",
           url, url, url);
    printf(
        "  # \"contacted\" wants a call with a subject: bring it along\n"
        "  curl -s %s/v1/leads/$LEAD/transitions/contacted -H \"Authorization: Bearer $TOKEN\" \\\n"
        "    -H 'Content-Type: application/json' \\\n"
        "    -d '{\"activities\":[{\"kind\":\"call\",\"subject\":\"First call\","
        "\"outcome\":\"reached\"}]}' | jq\n\n",
        url);
    (void)fflush(stdout);
}

bool ready_tell(const struct conf *conf, const struct site *site, const struct crew *crew,
                struct buf *why)
{
    bool tls = conf->tls_certificate && *conf->tls_certificate;
    char url[URL_TEXT], admin_url[URL_TEXT] = "";
    struct buf b;
    bool done = true;

    url_of(url, conf->listen, crew_port(crew), tls);
    if (*conf->admin_listen)
        url_of(admin_url, conf->admin_listen, crew_admin_port(crew), false);
    if (conf->ready_file && *conf->ready_file) {
        buf_init(&b, 16 * 1024);
        write_document(&b, site, url, admin_url);
        done = write_file(conf->ready_file, &b, why);
        buf_done(&b);
    }
    greet(site, url);
    return done;
}

void ready_forget(const struct conf *conf)
{
    if (conf->ready_file && *conf->ready_file)
        (void)unlink(conf->ready_file);
}
