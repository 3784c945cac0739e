/* TLS between the gateway and its services, each side with a certificate that the other verifies. */
#include "../dns.h"
#include "expect.h"
#include "fleet.h"
#include "pki.h"
#include "pool.h"
#include "stack.h"

#include <signal.h>
#include <string.h>

/* A gateway that believes the CA of `ca` and shows `certificate`, both of files without their ending; NULL: none. */
static struct replica gateway_for(const char *url, const char *ca, const char *certificate)
{
    const char *cert = certificate ? text("UPSTREAM_CERT_FILE=%s.crt", certificate) : "A=b";
    const char *key = certificate ? text("UPSTREAM_KEY_FILE=%s.key", certificate) : "A=b";
    return replica_start("gateway", text("UPSTREAM_CUSTOMER_SERVICE=%s", url), text("UPSTREAM_CA_FILE=%s.crt", ca), cert, key,
                         "WORKERS=1", NULL);
}

static void test_both_sides_show_their_certificates(void **state)
{
    (void)state;
    const char *pki = pki_new();
    pki_issue(pki, "server", "DNS:customer.test,IP:127.0.0.1", 2);
    struct replica service = replica_start_tls(pki, "server", "customer-service", NULL);
    struct replica gateway = gateway_for(service.url, text("%s/ca", pki), text("%s/client", pki));
    fleet_asks_well(&gateway, 20);
    assert_int_equal(fleet_served(&service), 20);
    assert_int_equal(replica_stop(&gateway), 0);
    assert_int_equal(replica_stop(&service), 0);
}

static void test_name_is_verified_at_each_of_its_addresses(void **state)
{
    static struct dns dns;
    (void)state;
    const char *pki = pki_new(), *port;
    pki_issue(pki, "server", "DNS:customer.test", 2); /* not for the address */
    struct replica service = replica_start_tls(pki, "server", "customer-service", NULL);
    port = strrchr(service.url, ':') + 1;
    dns_start(&dns);
    dns_answer(&dns, "127.0.0.1", NULL);
    struct replica gateway = replica_start(
        "gateway", text("UPSTREAM_CUSTOMER_SERVICE=https://customer.test:%s", port), text("DNS_SERVER=%s", dns.address),
        text("UPSTREAM_CA_FILE=%s/ca.crt", pki), text("UPSTREAM_CERT_FILE=%s/client.crt", pki),
        text("UPSTREAM_KEY_FILE=%s/client.key", pki), NULL);
    fleet_asks_until_well(&gateway);
    fleet_asks_well(&gateway, 10);
    assert_int_equal(replica_stop(&gateway), 0);
    dns_stop(&dns);
}

static void test_public_keys_come_by_tls_too(void **state)
{
    (void)state;
    const char *pki = pki_new();
    pki_issue(pki, "server", "IP:127.0.0.1", 2);
    struct replica auth = replica_start_tls(pki, "server", "auth-service", NULL);
    const char *jwks = text("JWKS_URL=%s/api/v1/auth/jwks", auth.url), *ca = text("UPSTREAM_CA_FILE=%s/ca.crt", pki);
    const char *cert = text("UPSTREAM_CERT_FILE=%s/client.crt", pki), *key = text("UPSTREAM_KEY_FILE=%s/client.key", pki);
    struct replica service = replica_start("customer-service", jwks, ca, cert, key, NULL); /* ready: it has them */
    struct replica gateway =
        replica_start("gateway", jwks, ca, cert, key, text("UPSTREAM_CUSTOMER_SERVICE=%s", service.url), NULL);
    fleet_asks_well(&gateway, 5);
    assert_int_equal(replica_stop(&gateway), 0);
}

static void test_wrong_certificates_are_refused_on_either_side(void **state)
{
    (void)state;
    const char *pki = pki_new(), *other = pki_new();
    pki_issue(pki, "server", "IP:127.0.0.1", 2);
    pki_issue(pki, "elsewhere", "DNS:elsewhere.test,IP:127.0.0.2", 2);
    pki_issue(pki, "old", "IP:127.0.0.1", -1);
    const struct {
        const char *server, *ca, *client, *reason;
    } cases[] = {
        { "server", text("%s/ca", other), text("%s/client", pki), "self-signed certificate in certificate chain" },
        { "elsewhere", text("%s/ca", pki), text("%s/client", pki), "IP address mismatch" },
        { "old", text("%s/ca", pki), text("%s/client", pki), "certificate has expired" },
        { "server", text("%s/ca", pki), NULL, "tlsv13 alert certificate required" },
        { "server", text("%s/ca", pki), text("%s/client", other), "tlsv1 alert unknown ca" },
        { "server", text("%s/ca", pki), text("%s/old", pki), "sslv3 alert certificate expired" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct replica service = replica_start_tls(pki, cases[i].server, "customer-service", NULL);
        struct replica gateway = gateway_for(service.url, cases[i].ca, cases[i].client);
        for (int k = 0; k < 3; k++) {
            struct reply *r = fleet_ask(&gateway);
            expect_error(r, 503, "SERVICE_UNAVAILABLE", "");
            expect(!strstr(r->body, "certificate"), "%s", r->body); /* why is nobody's business */
        }
        expect(fleet_log_has(text("\"message\":\"TLS with upstream host failed\",\"host\":\"%s\",\"reason\":\"%s\"", service.url,
                                  cases[i].reason)), "%zu: no %s", i, cases[i].reason);
        assert_int_equal(fleet_served(&service), 0);
        assert_int_equal(replica_stop(&gateway), 0);
        assert_int_equal(replica_stop(&service), 0);
    }
}

static void test_plain_and_tls_do_not_meet(void **state)
{
    (void)state;
    const char *pki = pki_new();
    pki_issue(pki, "server", "IP:127.0.0.1", 2);
    struct replica service = replica_start_tls(pki, "server", "customer-service", NULL);
    const char *plain = text("http://%s", strstr(service.url, "127")), *tls = text("https://%s", strstr(stack.customer_url, "127"));
    struct replica gateway = gateway_for(plain, text("%s/ca", pki), NULL);
    for (int i = 0; i < 3; i++) expect_error(fleet_ask(&gateway), 502, "BAD_GATEWAY", "");
    assert_int_equal(replica_stop(&gateway), 0);
    gateway = gateway_for(tls, text("%s/ca", pki), NULL);
    for (int i = 0; i < 3; i++) expect_error(fleet_ask(&gateway), 503, "SERVICE_UNAVAILABLE", "");
    assert_int_equal(replica_stop(&gateway), 0);
    assert_int_equal(fleet_served(&service), 0); /* it still answers */
}

static void test_new_certificates_are_taken_on_sighup(void **state)
{
    (void)state;
    const char *pki = pki_new();
    pki_issue(pki, "server", "IP:127.0.0.1", 2);
    pki_issue(pki, "old", "IP:127.0.0.1", -1);
    pki_copy(pki, "now", "old");
    pki_copy(pki, "mine", "old");
    struct replica service = replica_start_tls(pki, "now", "customer-service", NULL);
    struct replica gateway = gateway_for(service.url, text("%s/ca", pki), text("%s/mine", pki));
    expect_error(fleet_ask(&gateway), 503, "SERVICE_UNAVAILABLE", "");
    pki_copy(pki, "now", "server");
    pki_copy(pki, "mine", "client");
    expect_error(fleet_ask(&gateway), 503, "SERVICE_UNAVAILABLE", ""); /* only when they are told */
    kill(service.pid, SIGHUP);
    kill(gateway.pid, SIGHUP);
    fleet_asks_until_well(&gateway);
    fleet_asks_well(&gateway, 5);
    assert_int_equal(replica_stop(&gateway), 0);
    assert_int_equal(replica_stop(&service), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_sides_show_their_certificates),
        cmocka_unit_test(test_name_is_verified_at_each_of_its_addresses),
        cmocka_unit_test(test_public_keys_come_by_tls_too),
        cmocka_unit_test(test_wrong_certificates_are_refused_on_either_side),
        cmocka_unit_test(test_plain_and_tls_do_not_meet),
        cmocka_unit_test(test_new_certificates_are_taken_on_sighup),
    };
    return system_main("gateway_mtls", tests, COUNT(tests));
}
