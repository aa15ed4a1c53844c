/* Addresses, networks, and who is behind proxies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/address.h"
#include "http/forwarded.h"

#define PROXIES "127.0.0.1, 10.0.0.0/8,2001:db8:1::/48"

static struct address at(const char *text)
{
    struct address a;

    if (!address_parse(span_of(text), &a))
        fail_msg("%s is no address", text);
    return a;
}

static void test_addresses_are_read_and_written(void **state)
{
    static const struct {
        const char *text, *written, *network;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1", "192.0.2.1"},
        {"::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1"},
        {"2001:DB8:0:0:0:0:0:1", "2001:db8::1", "2001:db8::/64"},
        {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
        {"::1", "::1", "::/64"},
    };
    static const char *const wrong[] = {
        "",          "1",         "1.2.3",
        "1.2.3.256", "1.2.3.4.5", "01.2.3.4",
        " 1.2.3.4",  "1.2.3.4 ",  "1.2.3.4:80",
        "[::1]",     "::1%lo",    "1::2::3",
        "12345::",   "localhost", "::ffff:1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6.7",
        "1.2.3.4/32"};
    char text[NETWORK_TEXT];
    struct address a;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        a = at(rows[i].text);
        address_format(&a, text);
        assert_string_equal(text, rows[i].written);
        address_format_network(&a, text);
        assert_string_equal(text, rows[i].network);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (address_parse(span_of(wrong[i]), &a))
            fail_msg("%s is taken for an address", wrong[i]);
}

static void test_addresses_of_sockets(void **state)
{
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000201)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    struct sockaddr other = {.sa_family = AF_UNIX};
    struct address a = address_of((const struct sockaddr *)&four), b = at("192.0.2.1");
    char text[ADDRESS_TEXT];

    (void)state;
    assert_memory_equal(&a, &b, sizeof a);
    assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.1", &six.sin6_addr), 1);
    a = address_of((const struct sockaddr *)&six);
    assert_memory_equal(&a, &b, sizeof a);
    a = address_of(&other);
    address_format(&a, text);
    assert_string_equal(text, "");
}

static void test_nodes(void **state)
{
    static const struct {
        const char *text, *written; /* NULL: none */
    } rows[] = {
        {"192.0.2.1", "192.0.2.1"},
        {"192.0.2.1:80", "192.0.2.1"},
        {"192.0.2.1:65535", "192.0.2.1"},
        {"2001:db8::1", "2001:db8::1"},
        {"[2001:db8::1]", "2001:db8::1"},
        {"[2001:db8::1]:80", "2001:db8::1"},
        {"::1", "::1"},
        {"", NULL},
        {"unknown", NULL},
        {"_hidden", NULL},
        {"192.0.2.1:", NULL},
        {"192.0.2.1:x", NULL},
        {"192.0.2.1:-1", NULL},
        {"192.0.2.1:123456", NULL},
        {"192.0.2.1:_port", NULL},
        {"[192.0.2.1]", NULL},
        {"[2001:db8::1", NULL},
        {"[]", NULL},
        {"[", NULL},
        {"[2001:db8::1]80", NULL},
        {"[2001:db8::1]:", NULL},
        {"192.0.2.1 evil", NULL},
        {"192.0.2.1\r", NULL},
    };
    char text[ADDRESS_TEXT];
    struct address a;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool taken = address_parse_node(span_of(rows[i].text), &a);

        if (taken != (rows[i].written != NULL))
            fail_msg("%s", rows[i].text);
        if (!taken)
            continue;
        address_format(&a, text);
        assert_string_equal(text, rows[i].written);
    }
}

static void test_networks(void **state)
{
    static const char *const wrong[] = {
        "10.0.0.1/8",  "10.0.0.0/33",    "10.0.0.0/0",   "::/0",           "10.0.0.0/",
        "10.0.0.0/-1", "10.0.0.0/x",     "10.0.0.0/8/8", "2001:db8::/129", "localhost",
        "unix",        "10.0.0.0/8;::1", "/8",           "2001:db8::1/64"};
    static const struct {
        const char *address;
        bool held;
    } rows[] = {
        {"127.0.0.1", true},       {"127.0.0.2", false},    {"10.0.0.0", true},
        {"10.255.255.255", true},  {"11.0.0.0", false},     {"9.255.255.255", false},
        {"::ffff:10.1.2.3", true}, {"2001:db8:1::1", true}, {"2001:db8:1:ffff::1", true},
        {"2001:db8:2::1", false},  {"::a00:1", false},      {"192.0.2.127", true},
        {"192.0.2.128", false},
    };
    struct networks n;
    struct address a;
    char many[(NETWORKS_MAX + 1) * 8 + 1] = "";

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (networks_parse(wrong[i], &n))
            fail_msg("%s is taken for networks", wrong[i]);
    assert_true(networks_parse("", &n));
    assert_int_equal(n.n, 0);
    a = at("127.0.0.1");
    assert_false(networks_hold(&n, &a));
    assert_true(networks_parse(PROXIES ",192.0.2.0/25,", &n));
    assert_int_equal(n.n, 4);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        a = at(rows[i].address);
        if (networks_hold(&n, &a) != rows[i].held)
            fail_msg("%s", rows[i].address);
    }
    for (unsigned i = 0; i < NETWORKS_MAX; i++)
        memcpy(many + 8 * i, "1.1.1.1,", 8);
    assert_true(networks_parse(many, &n));
    memcpy(many + 8 * NETWORKS_MAX, "1.1.1.1", 7);
    assert_false(networks_parse(many, &n));
}

/* Lines as they stand in a head, the client's first; who is found. */
struct row {
    const char *from, *lines[3], *client;
};

static void check(enum forwarded_kind kind, const struct row *rows, size_t n)
{
    struct networks trusted;
    char text[ADDRESS_TEXT];

    assert_true(networks_parse(PROXIES, &trusted));
    for (size_t i = 0; i < n; i++) {
        struct forwarded f = {.trusted = &trusted, .kind = kind, .client = at(rows[i].from)};

        for (unsigned k = 3; k-- > 0 && !f.found;)
            if (rows[i].lines[k] != NULL)
                forwarded_take(&f, span_of(rows[i].lines[k]));
        address_format(&f.client, text);
        if (strcmp(text, rows[i].client) != 0)
            fail_msg("row %zu (%s): %s", i, rows[i].lines[0], text);
    }
}

static void test_x_forwarded_for(void **state)
{
    static const struct row rows[] = {
        {"127.0.0.1", {"203.0.113.9"}, "203.0.113.9"},
        {"127.0.0.1", {"203.0.113.9:4711"}, "203.0.113.9"},
        {"127.0.0.1", {"2001:db8:9::9"}, "2001:db8:9::9"},
        {"127.0.0.1", {"[2001:db8:9::9]:4711"}, "2001:db8:9::9"},
        {"2001:db8:1::1", {"::ffff:203.0.113.9"}, "203.0.113.9"},
        /* whom nobody trusts says nothing */
        {"203.0.113.1", {"203.0.113.9"}, "203.0.113.1"},
        {"127.0.0.2", {"203.0.113.9"}, "127.0.0.2"},
        /* a chain of our own, and what the client has put before it */
        {"127.0.0.1", {"203.0.113.9, 10.0.0.7"}, "203.0.113.9"},
        {"127.0.0.1", {"1.1.1.1, 203.0.113.9, 10.0.0.7"}, "203.0.113.9"},
        {"127.0.0.1", {"1.1.1.1", "203.0.113.9", "10.0.0.7"}, "203.0.113.9"},
        {"127.0.0.1", {"10.0.0.1", "203.0.113.9"}, "203.0.113.9"},
        {"127.0.0.1", {"127.0.0.1, 203.0.113.9"}, "203.0.113.9"},
        /* all are ours: the first */
        {"127.0.0.1", {"10.0.0.8, 10.0.0.7"}, "10.0.0.8"},
        /* what names nobody is not passed */
        {"127.0.0.1", {"unknown"}, "127.0.0.1"},
        {"127.0.0.1", {"203.0.113.9, evil"}, "127.0.0.1"},
        {"127.0.0.1", {"203.0.113.9, evil, 10.0.0.7"}, "10.0.0.7"},
        {"127.0.0.1", {"evil, 203.0.113.9"}, "203.0.113.9"},
        {"127.0.0.1", {"for=203.0.113.9"}, "127.0.0.1"},
        {"127.0.0.1", {"203.0.113.9 10.0.0.7"}, "127.0.0.1"},
        /* empty elements are none */
        {"127.0.0.1", {""}, "127.0.0.1"},
        {"127.0.0.1", {" , ,"}, "127.0.0.1"},
        {"127.0.0.1", {"203.0.113.9,,\t, 10.0.0.7 ,"}, "203.0.113.9"},
        {"127.0.0.1", {"203.0.113.9", ""}, "203.0.113.9"},
    };

    (void)state;
    check(FORWARDED_X_FOR, rows, sizeof rows / sizeof *rows);
}

static void test_forwarded(void **state)
{
    static const struct row rows[] = {
        /* examples of RFC 7239 section 4 */
        {"127.0.0.1", {"For=\"[2001:db8:cafe::17]:4711\""}, "2001:db8:cafe::17"},
        {"127.0.0.1", {"for=192.0.2.60;proto=http;by=203.0.113.43"}, "192.0.2.60"},
        {"127.0.0.1", {"for=192.0.2.43, for=198.51.100.17"}, "198.51.100.17"},
        {"127.0.0.1", {"for=\"_gazonk\""}, "127.0.0.1"},
        {"127.0.0.1", {"for=unknown"}, "127.0.0.1"},
        {"203.0.113.1", {"for=192.0.2.60"}, "203.0.113.1"},
        {"127.0.0.1", {"for=1.1.1.1, for=192.0.2.60;by=10.0.0.7, for=10.0.0.7"}, "192.0.2.60"},
        {"127.0.0.1",
         {"for=1.1.1.1", "for=192.0.2.60", "for=\"10.0.0.7:80\";host=a"},
         "192.0.2.60"},
        {"127.0.0.1", {"by=10.0.0.7"}, "127.0.0.1"},
        {"127.0.0.1", {"192.0.2.60"}, "127.0.0.1"},
        {"127.0.0.1", {"for=192.0.2.60;for=1.1.1.1"}, "127.0.0.1"},
        {"127.0.0.1", {"proto=http; FOR=192.0.2.60"}, "192.0.2.60"},
        {"127.0.0.1", {"for="}, "127.0.0.1"},
        {"127.0.0.1", {"for=\""}, "127.0.0.1"},
        {"127.0.0.1", {"for=\"\""}, "127.0.0.1"},
        {"127.0.0.1", {"for =192.0.2.60"}, "127.0.0.1"},
        /* commas and semicolons within quotes separate nothing */
        {"127.0.0.1", {"for=192.0.2.60;host=\"a, for=1.1.1.1\""}, "192.0.2.60"},
        {"127.0.0.1", {"for=192.0.2.60;host=\"a;for=1.1.1.1\""}, "192.0.2.60"},
        {"127.0.0.1", {"for=192.0.2.60;host=\"\\\", for=1.1.1.1\""}, "192.0.2.60"},
        {"127.0.0.1", {"for=192.0.2.60;host=\"a\\\\\", for=198.51.100.17"}, "198.51.100.17"},
        /* a quote that the client left open does not swallow what the proxy wrote */
        {"127.0.0.1", {"for=\"1.1.1.1, for=198.51.100.17"}, "198.51.100.17"},
        {"127.0.0.1", {"for=\"1.1.1.1, for=\"[2001:db8:9::9]\""}, "2001:db8:9::9"},
        {"127.0.0.1", {"\", for=198.51.100.17;proto=\"https\""}, "198.51.100.17"},
    };

    (void)state;
    check(FORWARDED_RFC7239, rows, sizeof rows / sizeof *rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_are_read_and_written),
        cmocka_unit_test(test_addresses_of_sockets),
        cmocka_unit_test(test_nodes),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_x_forwarded_for),
        cmocka_unit_test(test_forwarded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
