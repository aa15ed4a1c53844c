#include "quality/email.h"

#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <uninorm.h>

#include "quality/web.h"

#define LOCAL_MAX 64
#define ADDRESS_MAX 254

/* Mailboxes for anybody, by the registrable domain and its host names in use. */
static const char *const free_mail[] = {
    /* world */
    "gmail.com",
    "googlemail.com",
    "yahoo.com",
    "ymail.com",
    "outlook.com",
    "hotmail.com",
    "live.com",
    "msn.com",
    "icloud.com",
    "me.com",
    "mac.com",
    "aol.com",
    "proton.me",
    "protonmail.com",
    "pm.me",
    "zoho.com",
    "gmx.com",
    "mail.com",
    "tutanota.com",
    "tuta.io",
    "fastmail.com",
    "hey.com",
    "yandex.com",
    "yahoo.co.uk",
    "hotmail.co.uk",
    "outlook.co.uk",
    "live.co.uk",
    "btinternet.com",
    "sky.com",
    "talktalk.net",
    "virginmedia.com",
    "comcast.net",
    "verizon.net",
    "att.net",
    /* Poland */
    "wp.pl",
    "o2.pl",
    "onet.pl",
    "op.pl",
    "poczta.onet.pl",
    "vp.pl",
    "onet.eu",
    "onet.com.pl",
    "interia.pl",
    "interia.eu",
    "interia.com",
    "poczta.fm",
    "gazeta.pl",
    "tlen.pl",
    "go2.pl",
    "autograf.pl",
    "buziaczek.pl",
    "amorki.pl",
    "poczta.pl",
    "home.pl",
    "int.pl",
    "spoko.pl",
    "vip.onet.pl",
    "outlook.pl",
    "hotmail.pl",
    "yahoo.pl",
    "neostrada.pl",
    "gmail.pl",
    "plusnet.pl",
    "1gb.pl",
    /* Germany, Austria, Switzerland */
    "gmx.de",
    "gmx.net",
    "gmx.at",
    "gmx.ch",
    "web.de",
    "t-online.de",
    "freenet.de",
    "arcor.de",
    "hotmail.de",
    "outlook.de",
    "yahoo.de",
    "live.de",
    "mail.de",
    "posteo.de",
    "mailbox.org",
    "aon.at",
    "bluewin.ch",
    "1und1.de",
    "online.de",
    /* France, Belgium, Netherlands */
    "orange.fr",
    "wanadoo.fr",
    "free.fr",
    "laposte.net",
    "sfr.fr",
    "hotmail.fr",
    "yahoo.fr",
    "live.fr",
    "outlook.fr",
    "bbox.fr",
    "neuf.fr",
    "skynet.be",
    "telenet.be",
    "ziggo.nl",
    "kpnmail.nl",
    "hetnet.nl",
    "planet.nl",
    "xs4all.nl",
    /* Russia, Ukraine, Belarus */
    "mail.ru",
    "yandex.ru",
    "ya.ru",
    "bk.ru",
    "list.ru",
    "inbox.ru",
    "rambler.ru",
    "internet.ru",
    "ukr.net",
    "i.ua",
    "meta.ua",
    "tut.by",
    "yandex.by",
    "yandex.ua",
    /* Italy, Spain, Portugal */
    "libero.it",
    "virgilio.it",
    "tiscali.it",
    "alice.it",
    "tin.it",
    "hotmail.it",
    "yahoo.it",
    "outlook.it",
    "live.it",
    "hotmail.es",
    "yahoo.es",
    "outlook.es",
    "telefonica.net",
    "sapo.pt",
    /* the rest of Europe */
    "seznam.cz",
    "email.cz",
    "centrum.cz",
    "post.cz",
    "volny.cz",
    "azet.sk",
    "zoznam.sk",
    "centrum.sk",
    "post.sk",
    "freemail.hu",
    "citromail.hu",
    "indamail.hu",
    "abv.bg",
    "mail.bg",
    "telia.com",
    "inbox.lv",
    "inbox.lt",
    "mail.ee",
    "otenet.gr",
    "yahoo.gr",
    "yahoo.ro",
    "siol.net",
    "luukku.com",
    "online.no",
    "telenor.no",
};

bool email_domain_is_free(const char *domain)
{
    for (size_t i = 0; i < sizeof(free_mail) / sizeof(free_mail[0]); i++)
        if (strcmp(free_mail[i], domain) == 0)
            return true;
    return false;
}

/* RFC 5322 atext, and any letter beyond ASCII (RFC 6532). */
static bool is_atext(unsigned char c)
{
    return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z') || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool is_dot_atom(struct span s)
{
    if (s.n == 0 || s.p[0] == '.' || s.p[s.n - 1] == '.')
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '.' ? s.p[i + 1] == '.' : !is_atext((unsigned char)s.p[i]))
            return false;
    return true;
}

/* The place of the @ that parts an address; of a quoted local part, the one behind the quote. Also
 * unquotes into @local. Returns the length of the address's first part with the @, or 0. */
static size_t quoted_part(struct span text, char *local, size_t *ret_n)
{
    size_t n = 0, i = 1;

    for (; i < text.n && text.p[i] != '"'; i++) {
        unsigned char c = (unsigned char)text.p[i];

        if (c == '\\' && ++i == text.n)
            return 0;
        c = (unsigned char)text.p[i];
        if (c < ' ' || c == 0x7f || n == LOCAL_MAX)
            return 0;
        local[n++] = (char)c;
    }
    if (i + 1 >= text.n || text.p[i + 1] != '@' || i + 1 > LOCAL_MAX || n == 0)
        return 0;
    *ret_n = n;
    return i + 2;
}

static size_t plain_part(struct span text, char *local, size_t *ret_n)
{
    const char *at = memchr(text.p, '@', text.n);
    size_t n = at == NULL ? 0 : (size_t)(at - text.p);

    if (n == 0 || n > LOCAL_MAX || !is_dot_atom((struct span){text.p, n}))
        return 0;
    memcpy(local, text.p, n);
    *ret_n = n;
    return n + 1;
}

/* Lower case; beyond ASCII also one spelling for what looks the same. */
static size_t lower(char *local, size_t n, size_t cap)
{
    uint8_t folded[2 * LOCAL_MAX], *result;
    size_t length = sizeof(folded);
    bool plain = true;

    for (size_t i = 0; i < n; i++) {
        plain = plain && (unsigned char)local[i] < 0x80;
        if (local[i] >= 'A' && local[i] <= 'Z')
            local[i] = (char)(local[i] - 'A' + 'a');
    }
    if (plain)
        return n;
    result = u8_casefold((const uint8_t *)local, n, NULL, UNINORM_NFC, folded, &length);
    if (result == NULL)
        abort();
    if (length <= cap) {
        memcpy(local, result, length);
        n = length;
    }
    if (result != folded)
        free(result);
    return n;
}

/* What the mailbox is known by: no subaddress; of Gmail no dots. */
static size_t mailbox(char *local, size_t n, char *domain)
{
    const char *plus = n > 1 ? memchr(local + 1, '+', n - 1) : NULL;
    size_t kept = 0;

    if (plus != NULL) {
        n = (size_t)(plus - local);
        while (n > 1 && local[n - 1] == '.')
            n--;
    }
    if (strcmp(domain, "gmail.com") != 0 && strcmp(domain, "googlemail.com") != 0)
        return n;
    memcpy(domain, "gmail.com", sizeof("gmail.com"));
    for (size_t i = 0; i < n; i++)
        if (local[i] != '.')
            local[kept++] = local[i];
    return kept;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void write_key(char *out, struct span local, bool quoted, const char *domain)
{
    size_t n = 0;

    if (quoted)
        out[n++] = '"';
    for (size_t i = 0; i < local.n; i++) {
        if (quoted && (local.p[i] == '"' || local.p[i] == '\\'))
            out[n++] = '\\';
        out[n++] = local.p[i];
    }
    if (quoted)
        out[n++] = '"';
    out[n++] = '@';
    memcpy(out + n, domain, strlen(domain) + 1);
}

bool email_read(struct span text, struct email *ret)
{
    char local[4 * LOCAL_MAX], domain[DOMAIN_KEY_MAX];
    struct email made = {.free_mail = false};
    size_t n, used;
    bool quoted, atom;

    while (text.n > 0 && is_blank(text.p[0]))
        text = (struct span){text.p + 1, text.n - 1};
    while (text.n > 0 && is_blank(text.p[text.n - 1]))
        text.n--;
    if (text.n == 0 || text.n > ADDRESS_MAX || !text_is_utf8(text.p, text.n))
        return false;
    quoted = text.p[0] == '"';
    used = quoted ? quoted_part(text, local, &n) : plain_part(text, local, &n);
    if (used == 0 || host_ascii((struct span){text.p + used, text.n - used}, domain) == 0)
        return false;
    if (used + strlen(domain) > ADDRESS_MAX)
        return false;
    memcpy(made.domain, domain, sizeof(domain));
    made.free_mail = email_domain_is_free(domain);
    atom = is_dot_atom((struct span){local, n}); /* quotes that were not needed */
    n = lower(local, n, sizeof(local) - 1);
    if (atom)
        n = mailbox(local, n, domain);
    if (2 * n + strlen(domain) + 4 > sizeof(made.key))
        return false;
    write_key(made.key, (struct span){local, n}, !atom, domain);
    *ret = made;
    return true;
}
