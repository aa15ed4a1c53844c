#include "unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "crypto/password.h"
#include "crypto/secret.h"
#include "crypto/ticket.h"
#include "crypto/token.h"
#include "crypto/weak.h"

/* digests */

static void digests_match_the_standards(void **state)
{
    static const struct {
        const char *key;
        size_t key_n;
        const char *text, *hex;
    } macs[] = {
        /* RFC 4231, cases 1, 2, 6; and an empty key (RFC 2104 allows it) */
        {"\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b", 20,
         "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {"Jefe", 4, "what do ya want for nothing?",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {NULL, 131, "Test Using Larger Than Block-Size Key - Hash Key First",
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        {"", 0, "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
    };
    uint8_t long_key[131], out[SHA256_SIZE];
    char hex[SHA256_TEXT];

    (void)state;
    sha256_hex("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256_hex("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    memset(long_key, 0xaa, sizeof(long_key));
    for (int round = 0; round < 2; round++) { /* one key must not stay for the next */
        for (size_t i = 0; i < COUNT(macs); i++) {
            const void *key = macs[i].key != NULL ? (const void *)macs[i].key : long_key;

            hmac_sha256(key, macs[i].key_n, macs[i].text, strlen(macs[i].text), out);
            text_hex(out, sizeof(out), hex);
            assert_string_equal(hex, macs[i].hex);
        }
    }
    assert_true(secret_equal("abc", "abd", 2));
    assert_false(secret_equal("abc", "abd", 3));
}

static void *digest_often(void *arg)
{
    uint8_t out[SHA256_SIZE];
    char hex[SHA256_TEXT];

    for (int i = 0; i < 500; i++) {
        hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, out);
        text_hex(out, sizeof(out), hex);
        if (strcmp(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843") != 0)
            return arg; /* wrong */
    }
    return NULL;
}

static void digests_work_from_several_threads(void **state)
{
    pthread_t threads[4];

    (void)state;
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, digest_often, threads), 0);
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *wrong;

        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
}

static void secrets_carry_a_checksum(void **state)
{
    char secret[SECRET_TEXT], other[SECRET_TEXT];
    uint8_t big[1000] = {0};
    size_t n;

    (void)state;
    secret_make("slk", secret);
    secret_make("slk", other);
    n = strlen(secret);
    assert_int_equal(n, 3 + 1 + 43 + 1 + 6);
    assert_string_not_equal(secret, other);
    assert_true(secret_well_formed("slk", span_of(secret)));
    assert_false(secret_well_formed("slr", span_of(secret)));
    assert_false(secret_well_formed("sl", span_of(secret)));
    assert_false(secret_well_formed("slk", span_of("")));
    assert_false(secret_well_formed("slk", span_of("slk_")));
    assert_false(secret_well_formed("slk", (struct span){NULL, 0}));
    assert_false(secret_well_formed("slk", (struct span){secret, n - 1}));
    for (size_t i = 0; i < n; i++) {
        char kept = secret[i];

        secret[i] = kept == 'A' ? 'B' : 'A';
        assert_false(secret_well_formed("slk", span_of(secret)));
        secret[i] = '+';
        assert_false(secret_well_formed("slk", span_of(secret)));
        secret[i] = kept;
    }
    secret[1] = 'x';
    assert_false(secret_well_formed("sxk", span_of(secret)));
    secret_random(big, sizeof(big));
    for (n = 0; n < sizeof(big) && big[n] == 0; n++)
        ;
    assert_true(n < 16);
}

/* tickets */

static void tickets(void **state)
{
    static const unsigned char key[TICKET_KEY] = {1}, other[TICKET_KEY] = {2};
    struct ticket t = {.purpose = TICKET_PIXEL,
                       .about = uuid_v7(),
                       .once = uuid_v7(),
                       .expires = 1000,
                       .note = "Größe"},
                  got;
    struct arena a;
    char *text, kept;

    (void)state;
    arena_init(&a, 1 << 20);
    text = ticket_make(&a, key, &t);
    assert_int_equal(ticket_read(&a, key, span_of(text), TICKET_PIXEL, 999, &got), TICKET_OK);
    assert_memory_equal(&got.about, &t.about, sizeof(t.about));
    assert_memory_equal(&got.once, &t.once, sizeof(t.once));
    assert_int_equal(got.expires, 1000);
    assert_string_equal(got.note, t.note);
    assert_int_equal(ticket_read(&a, key, span_of(text), TICKET_PIXEL, 1000, &got), TICKET_EXPIRED);
    assert_int_equal(ticket_read(&a, key, span_of(text), TICKET_VISITOR, 1, &got), TICKET_FORGED);
    assert_int_equal(ticket_read(&a, other, span_of(text), TICKET_PIXEL, 1, &got), TICKET_FORGED);
    for (size_t i = 0; i < strlen(text); i++) {
        kept = text[i];
        text[i] = kept == 'A' ? 'B' : 'A';
        assert_int_equal(ticket_read(&a, key, span_of(text), TICKET_PIXEL, 1, &got), TICKET_FORGED);
        text[i] = kept;
        assert_int_equal(ticket_read(&a, key, (struct span){text, i}, TICKET_PIXEL, 1, &got),
                         TICKET_FORGED);
    }
    assert_int_equal(ticket_read(&a, key, (struct span){NULL, 0}, TICKET_PIXEL, 1, &got),
                     TICKET_FORGED);
    t.expires = 0;
    t.note = NULL;
    text = ticket_make(&a, key, &t);
    assert_int_equal(ticket_read(&a, key, span_of(text), TICKET_PIXEL, INT64_MAX, &got), TICKET_OK);
    assert_string_equal(got.note, "");
    t.note = arena_alloc(&a, TICKET_NOTE + 2);
    memset((char *)t.note, 'x', TICKET_NOTE + 1);
    ((char *)t.note)[TICKET_NOTE + 1] = 0;
    assert_null(ticket_make(&a, key, &t));
    arena_done(&a);
}

/* passwords */

static void passwords_verify(void **state)
{
    char hash[PASSWORD_HASH_TEXT], again[PASSWORD_HASH_TEXT];

    (void)state;
    assert_true(password_hash("correct horse", hash));
    assert_true(password_hash("correct horse", again));
    assert_string_not_equal(hash, again);
    assert_memory_equal(hash, "$argon2id$v=19$m=19456,t=2,p=1$", 31);
    assert_true(password_verify(hash, "correct horse"));
    assert_false(password_verify(hash, "correct horsf"));
    assert_false(password_verify(hash, ""));
    assert_false(password_verify(NULL, "correct horse"));
    assert_false(password_verify(NULL, ""));
    assert_false(password_verify("", "x"));
    assert_false(password_verify("$argon2i$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA", "x"));
    assert_false(password_verify("plain", "plain"));
}

/* tokens */

static const unsigned char key_bytes[] = "0123456789abcdef0123456789abcdef";
static const struct token_key key = {
    .bytes = key_bytes, .size = 32, .issuer = "sluice", .audience = "sluice"};

#define NOW INT64_C(1800000000)
#define USER "0190163d-8694-739b-aea5-966c26f8ad91"
#define SESSION "0190163d-8694-739b-aea5-966c26f8ad92"
#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define CLAIMS(more) "{\"iss\":\"sluice\",\"sub\":\"" USER "\",\"sid\":\"" SESSION "\"" more "}"
#define AUD ",\"aud\":\"sluice\""
#define IAT ",\"iat\":1800000000"
#define EXP ",\"exp\":1800000900"

/* Signs whatever header and claims say, as an attacker with our key could not, but a bug of ours
 * might. */
static char *forge(struct arena *a, const char *header, const char *claims)
{
    uint8_t mac[SHA256_SIZE];
    char *text = arena_printf(a, "%s.%s", text_base64url(a, header, strlen(header)),
                              text_base64url(a, claims, strlen(claims)));

    hmac_sha256(key_bytes, 32, text, strlen(text), mac);
    return arena_printf(a, "%s.%s", text, text_base64url(a, mac, sizeof(mac)));
}

static enum token_verdict verify(const char *token, int64_t now)
{
    struct token_claims claims;

    return token_verify(&key, span_of(token), now, &claims);
}

static void tokens_go_round(void **state)
{
    struct token_claims in = {.issued = NOW, .expires = NOW + 900}, out;
    struct token_key short_key = key, other_key = key;
    struct arena a;
    char *token;

    (void)state;
    arena_init(&a, 1 << 20);
    in.user = uuid_v7();
    in.session = uuid_v7();
    token = token_issue(&a, &key, &in);
    assert_non_null(token);
    assert_int_equal(token_verify(&key, span_of(token), NOW, &out), TOKEN_OK);
    assert_true(uuid_equal(&in.user, &out.user));
    assert_true(uuid_equal(&in.session, &out.session));
    assert_int_equal(out.issued, NOW);
    assert_int_equal(out.expires, NOW + 900);

    short_key.size = TOKEN_KEY_MIN - 1;
    assert_null(token_issue(&a, &short_key, &in));
    assert_int_equal(token_verify(&short_key, span_of(token), NOW, &out), TOKEN_MALFORMED);
    other_key.bytes = (const unsigned char *)"another key of 32 bytes, or more";
    assert_int_equal(token_verify(&other_key, span_of(token), NOW, &out), TOKEN_MALFORMED);
    other_key = key;
    other_key.issuer = "somebody";
    assert_int_equal(token_verify(&other_key, span_of(token), NOW, &out), TOKEN_MALFORMED);
    other_key = key;
    other_key.audience = "somebody";
    assert_int_equal(token_verify(&other_key, span_of(token), NOW, &out), TOKEN_MALFORMED);
    arena_done(&a);

    arena_init(&a, 16);
    assert_null(token_issue(&a, &key, &in));
    arena_done(&a);
}

static void claims_are_checked(void **state)
{
    static const struct {
        const char *header, *claims;
        int64_t now;
        enum token_verdict verdict;
    } rows[] = {
        {HEADER, CLAIMS(AUD IAT EXP), NOW, TOKEN_OK},
        {HEADER, CLAIMS(",\"aud\":[\"x\",5,\"sluice\"]" IAT EXP), NOW, TOKEN_OK},
        {HEADER, CLAIMS(AUD IAT EXP), NOW + 959, TOKEN_OK},
        {HEADER, CLAIMS(AUD IAT EXP), NOW + 960, TOKEN_EXPIRED},
        {HEADER, CLAIMS(AUD IAT EXP), NOW + 100000, TOKEN_EXPIRED},
        {HEADER, CLAIMS(AUD IAT EXP), NOW - 60, TOKEN_OK},
        {HEADER, CLAIMS(AUD IAT EXP), NOW - 61, TOKEN_MALFORMED},
        {HEADER, CLAIMS(AUD IAT EXP ",\"nbf\":1800000060"), NOW, TOKEN_OK},
        {HEADER, CLAIMS(AUD IAT EXP ",\"nbf\":1800000061"), NOW, TOKEN_MALFORMED},
        {HEADER, CLAIMS(AUD IAT EXP ",\"nbf\":\"1\""), NOW, TOKEN_MALFORMED},
        {HEADER, CLAIMS(AUD IAT), NOW, TOKEN_MALFORMED},
        {HEADER, CLAIMS(AUD IAT ",\"exp\":1800000900.0"), NOW, TOKEN_MALFORMED},
        {HEADER, CLAIMS(AUD IAT ",\"exp\":\"1800000900\""), NOW, TOKEN_MALFORMED},
        {HEADER, CLAIMS(AUD IAT ",\"exp\":null"), NOW, TOKEN_MALFORMED},
        {HEADER, CLAIMS(AUD IAT ",\"exp\":-1"), NOW, TOKEN_EXPIRED},
        {HEADER, CLAIMS(AUD IAT ",\"exp\":9223372036854775807"), NOW, TOKEN_OK},
        {HEADER, CLAIMS(AUD IAT EXP EXP), NOW, TOKEN_MALFORMED},
        {HEADER, CLAIMS(AUD EXP), NOW, TOKEN_MALFORMED},
        {HEADER, CLAIMS(IAT EXP), NOW, TOKEN_MALFORMED},
        {HEADER, CLAIMS(",\"aud\":\"other\"" IAT EXP), NOW, TOKEN_MALFORMED},
        {HEADER, CLAIMS(",\"aud\":[]" IAT EXP), NOW, TOKEN_MALFORMED},
        {HEADER, CLAIMS(",\"aud\":{\"sluice\":1}" IAT EXP), NOW, TOKEN_MALFORMED},
        {HEADER, "{\"iss\":\"other\",\"sub\":\"" USER "\",\"sid\":\"" SESSION "\"" AUD IAT EXP "}",
         NOW, TOKEN_MALFORMED},
        {HEADER, "{\"sub\":\"" USER "\",\"sid\":\"" SESSION "\"" AUD IAT EXP "}", NOW,
         TOKEN_MALFORMED},
        {HEADER, "{\"iss\":\"sluice\",\"sub\":\"me\",\"sid\":\"" SESSION "\"" AUD IAT EXP "}", NOW,
         TOKEN_MALFORMED},
        {HEADER, "{\"iss\":\"sluice\",\"sub\":\"" USER "\"" AUD IAT EXP "}", NOW, TOKEN_MALFORMED},
        {HEADER, "[]", NOW, TOKEN_MALFORMED},
        {HEADER, "x", NOW, TOKEN_MALFORMED},
        {"{\"alg\":\"none\",\"typ\":\"JWT\"}", CLAIMS(AUD IAT EXP), NOW, TOKEN_MALFORMED},
        {"{\"alg\":\"None\",\"typ\":\"JWT\"}", CLAIMS(AUD IAT EXP), NOW, TOKEN_MALFORMED},
        {"{\"alg\":\"hs256\",\"typ\":\"JWT\"}", CLAIMS(AUD IAT EXP), NOW, TOKEN_MALFORMED},
        {"{\"alg\":\"RS256\",\"typ\":\"JWT\"}", CLAIMS(AUD IAT EXP), NOW, TOKEN_MALFORMED},
        {"{\"alg\":\"HS512\",\"typ\":\"JWT\"}", CLAIMS(AUD IAT EXP), NOW, TOKEN_MALFORMED},
        {"{\"alg\":\"HS256\"}", CLAIMS(AUD IAT EXP), NOW, TOKEN_MALFORMED},
        {"{\"alg\":\"HS256\",\"typ\":\"JWE\"}", CLAIMS(AUD IAT EXP), NOW, TOKEN_MALFORMED},
        {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"crit\":[\"exp\"]}", CLAIMS(AUD IAT EXP), NOW,
         TOKEN_MALFORMED},
        {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"jku\":\"https://x/\"}", CLAIMS(AUD IAT EXP), NOW,
         TOKEN_MALFORMED},
        {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"zip\":\"DEF\"}", CLAIMS(AUD IAT EXP), NOW,
         TOKEN_MALFORMED},
        {"{\"alg\":\"none\",\"alg\":\"HS256\",\"typ\":\"JWT\"}", CLAIMS(AUD IAT EXP), NOW,
         TOKEN_MALFORMED},
        {"{\"typ\":\"JWT\"}", CLAIMS(AUD IAT EXP), NOW, TOKEN_MALFORMED},
        {"[]", CLAIMS(AUD IAT EXP), NOW, TOKEN_MALFORMED},
    };
    struct arena a;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        arena_init(&a, 1 << 20);
        if (verify(forge(&a, rows[i].header, rows[i].claims), rows[i].now) != rows[i].verdict)
            fail_msg("row %zu: %s %s", i, rows[i].header, rows[i].claims);
        arena_done(&a);
    }
}

static void broken_tokens_are_refused(void **state)
{
    static const char *const texts[] = {
        "", ".", "..", "...", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "é.é.é"};
    struct token_claims claims;
    struct arena a;
    char *token, *dot, *huge;
    size_t n;

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_int_equal(verify(texts[i], NOW), TOKEN_MALFORMED);
    assert_int_equal(token_verify(&key, (struct span){NULL, 0}, NOW, &claims), TOKEN_MALFORMED);

    arena_init(&a, 1 << 20);
    token = forge(&a, HEADER, CLAIMS(AUD IAT EXP));
    n = strlen(token);
    assert_int_equal(verify(token, NOW), TOKEN_OK);
    for (size_t i = 0; i < n; i++) {
        char kept = token[i];

        token[i] = kept == 'x' ? 'y' : 'x'; /* any byte but one spelling of the same bits */
        assert_int_equal(verify(token, NOW), TOKEN_MALFORMED);
        token[i] = kept;
        assert_int_equal(token_verify(&key, (struct span){token, i}, NOW, &claims),
                         TOKEN_MALFORMED);
    }
    assert_int_equal(verify(arena_printf(&a, "%s=", token), NOW), TOKEN_MALFORMED);
    assert_int_equal(verify(arena_printf(&a, "%s ", token), NOW), TOKEN_MALFORMED);
    assert_int_equal(verify(arena_printf(&a, "%s.", token), NOW), TOKEN_MALFORMED);
    assert_int_equal(verify(arena_printf(&a, "%s.e30", token), NOW), TOKEN_MALFORMED);
    dot = strrchr(token, '.');
    assert_int_equal(verify(arena_printf(&a, "%.*sAA", (int)(dot + 1 - token), token), NOW),
                     TOKEN_MALFORMED);
    assert_int_equal(verify(arena_printf(&a, "%.*s", (int)(dot + 1 - token), token), NOW),
                     TOKEN_MALFORMED);
    {
        /* the same MAC with a stray low bit: another spelling */
        char *last = token + n - 1;
        const char *digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

        *last = *(strchr(digits, *last) + 1);
        assert_int_equal(verify(token, NOW), TOKEN_MALFORMED);
    }
    arena_done(&a);

    n = 9u << 20;
    huge = malloc(n + 1);
    memset(huge, 'A', n);
    huge[n] = '\0';
    huge[100] = huge[n - 100] = '.';
    assert_int_equal(verify(huge, NOW), TOKEN_MALFORMED);
    huge[TOKEN_MAX] = '\0';
    huge[TOKEN_MAX - 100] = '.';
    assert_int_equal(verify(huge, NOW), TOKEN_MALFORMED);
    free(huge);
}

static void weak_passwords_say_why(void **state)
{
    static const struct {
        const char *password, *why; /* the first words, NULL: it is good */
    } cases[] = {
        {"aaaaaaaa", "It repeats"},
        {"abcabcabcabc", "It repeats"},
        {"12121212", "It repeats"},
        {"12345678", "It is a run"},
        {"87654321", "It is a run"},
        {"Qwertyuiop", "It is a run"},
        {"poiuytrewq", "It is a run"},
        {"1qaz2wsx", "It is a run"},
        {"password", "It is one of"},
        {"Password1!", "It is one of"},
        {"p4$$w0rd", "It is one of"},
        {"P@ssw0rd2026", "It is one of"},
        {"welcome123", "It is one of"},
        {"haslo1234", "It is one of"},
        {"kowalska2026", "It is made of"},
        {"jan.kowalska", "It is made of"},
        {"Nowicka!1", "It is made of"},
        {"sluice2026", "It is made of"},
        {"passwordless vision", NULL},
        {"kowalska trombone otter", NULL},
        {"paper otter trombone", NULL},
        {"lighthouse pretzel 42", NULL},
        {"zx9!kk2v", NULL},
        {"za\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87 g\xc4\x99\xc5\x9bl\xc4\x85", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *why =
            password_weakness(cases[i].password, "jan.kowalska@example.com", "Anna Nowicka");

        if (cases[i].why == NULL) {
            assert_null(why);
            continue;
        }
        assert_non_null(why);
        assert_memory_equal(why, cases[i].why, strlen(cases[i].why));
    }
    assert_null(password_weakness("kowalska2026", NULL, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weak_passwords_say_why),
        cmocka_unit_test(digests_match_the_standards),
        cmocka_unit_test(digests_work_from_several_threads),
        cmocka_unit_test(secrets_carry_a_checksum),
        cmocka_unit_test(tickets),
        cmocka_unit_test(passwords_verify),
        cmocka_unit_test(tokens_go_round),
        cmocka_unit_test(claims_are_checked),
        cmocka_unit_test(broken_tokens_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
