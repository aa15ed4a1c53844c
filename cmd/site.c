/* site - database, schema, first administrator, keys. */
#include "site.h"

#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/uuid.h"
#include "conf/conf.h"
#include "crypto/password.h"
#include "db/ask.h"
#include "db/cluster.h"
#include "db/migrate.h"
#include "db/once.h"
#include "queries.gen.h"

#define ADMIN_EMAIL "admin@example.com"
#define INTAKE_FORM "web"

static bool is_set(const char *text)
{
    return text && *text;
}

static bool start_cluster(struct site *s, const struct conf *conf, bool existing, struct buf *why)
{
    const struct cluster_options o = {
        .data_dir = conf->data_dir,
        .bin_dir = is_set(conf->postgres_bin_dir) ? conf->postgres_bin_dir : NULL,
        .user = conf->postgres_user,
        .existing = existing,
    };

    s->cluster = cluster_start(&o, why);
    if (!s->cluster)
        return false;
    s->url = cluster_url(s->cluster);
    s->worker_url = cluster_app_url(s->cluster);
    return true;
}

/* A private cluster is ours to migrate; somebody else's only when told to. */
static bool bring_up_to_date(const struct site *s, const struct conf *conf, struct buf *why)
{
    struct result *r;

    if (!s->cluster)
        return conf->migrate ? migrate(s->url, why) != MIGRATE_FAILED : migrate_check(s->url, why);
    if (migrate(s->url, why) == MIGRATE_FAILED)
        return false;
    r = db_once(s->url, NULL, &query_app_role_login, NULL, why);
    result_free(r);
    return r != NULL;
}

static bool make_first_admin(struct site *s, const struct conf *conf, struct buf *why)
{
    char user[UUID_TEXT], form[UUID_TEXT], hash[PASSWORD_HASH_TEXT], key_hash[SHA256_TEXT];
    struct uuid user_id = uuid_v7(), form_id = uuid_v7();
    const char *done;
    struct result *r;

    secret_make("slp", s->admin_password);
    secret_make("ik", s->intake_key);
    if (!password_hash(s->admin_password, hash)) {
        buf_puts(why, "no memory to hash the first password");
        return false;
    }
    sha256_hex(s->intake_key, strlen(s->intake_key), key_hash);
    uuid_format(&user_id, user);
    uuid_format(&form_id, form);
    s->admin_email = ADMIN_EMAIL;
    s->intake_form = INTAKE_FORM;

    const char *const values[] = {user, ADMIN_EMAIL, "Administrator", hash,
                                  form, INTAKE_FORM, key_hash};
    r = db_once(s->url, conf->database_role, &query_bootstrap_admin, values, why);
    if (!r)
        return false;
    done = result_get(r, 0, "done");
    s->is_new = done && *done == 't'; /* else another daemon was faster, and its password holds */
    result_free(r);
    return true;
}

static bool first_start(struct site *s, const struct conf *conf, struct buf *why)
{
    struct result *r = db_once(s->url, conf->database_role, &query_bootstrap_needed, NULL, why);
    const char *needed;
    bool done;

    if (!r)
        return false;
    needed = result_get(r, 0, "needed");
    done = !needed || *needed != 't' || make_first_admin(s, conf, why);
    result_free(r);
    return done;
}

static int digit(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* The key that all daemons on this database share; whoever comes first makes it. */
static bool read_key(const struct site *s, const struct conf *conf, const char *name,
                     unsigned char key[SHA256_SIZE], struct buf *why)
{
    unsigned char fresh[SHA256_SIZE];
    char hex[SHA256_TEXT];
    const char *const values[] = {name, hex};
    struct result *r;
    const char *value;

    secret_random(fresh, sizeof(fresh));
    text_hex(fresh, sizeof(fresh), hex);
    r = db_once(s->url, conf->database_role, &query_instance_secret_get_or_create, values, why);
    value = r ? result_text(r, 0, 0) : NULL;
    if (!value || strlen(value) != SHA256_TEXT - 1) {
        result_free(r);
        buf_printf(why, "cannot read the installation's %s", name);
        return false;
    }
    for (size_t i = 0; i < SHA256_SIZE; i++)
        key[i] = (unsigned char)(digit(value[2 * i]) << 4 | digit(value[2 * i + 1]));
    result_free(r);
    return true;
}

bool site_open(struct site *s, const struct conf *conf, struct buf *why)
{
    memset(s, 0, sizeof(*s));
    s->url = s->worker_url = conf->database_url;
    if (!is_set(s->url) && !start_cluster(s, conf, false, why))
        return false;
    if (bring_up_to_date(s, conf, why) && first_start(s, conf, why) &&
        read_key(s, conf, "token_key", s->token_key, why) &&
        read_key(s, conf, "cursor_key", s->cursor_key, why))
        return true;
    site_close(s);
    return false;
}

bool site_migrate(const struct conf *conf, struct buf *why)
{
    struct site s = {.url = conf->database_url};
    enum migrate_result result;

    if (!is_set(s.url) && !start_cluster(&s, conf, false, why))
        return false;
    result = migrate(s.url, why);
    if (result == MIGRATE_DONE)
        buf_puts(why, "the database has this build's schema now");
    if (result == MIGRATE_CURRENT)
        buf_puts(why, "the database had this build's schema already");
    site_close(&s);
    return result != MIGRATE_FAILED;
}

bool site_attach(struct site *s, const struct conf *conf, struct buf *why)
{
    memset(s, 0, sizeof(*s));
    s->url = conf->database_url;
    if (!is_set(s->url) && !start_cluster(s, conf, true, why))
        return false;
    return migrate_check(s->url, why);
}

void site_close(struct site *s)
{
    cluster_stop(s->cluster);
    s->cluster = NULL;
}
