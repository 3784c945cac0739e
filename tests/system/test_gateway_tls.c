/* The gateway's certificate while it runs. */
#include "crm.h"
#include "expect.h"
#include "line.h"
#include "pool.h"
#include "replica.h"
#include "stack.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *name_of(const struct line *l)
{
    char name[256] = "";
    X509 *certificate = SSL_get1_peer_certificate(l->ssl);
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
    X509_free(certificate);
    return text("%s", name);
}

static bool line_answers(struct line *l)
{
    static const char request[] = "GET /nowhere HTTP/1.1\r\nHost: crm\r\n\r\n";
    line_send(l, request, sizeof request - 1);
    return line_reply(l, "GET")->status == 404;
}

static const char *name_now(const struct replica *gateway)
{
    struct line *l = line_open(gateway->https_url);
    const char *name = name_of(l);
    line_close(l);
    return name;
}

static void certificate_make(const char *dir, const char *name)
{
    const char *command = text("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=%s "
                               "-keyout %s/key.new -out %s/crt.new 2>/dev/null && mv %s/key.new %s/key && mv %s/crt.new %s/crt",
                               name, dir, dir, dir, dir, dir, dir);
    assert_int_equal(system(command), 0);
}

struct wanted {
    const struct replica *gateway;
    const char *name;
};

static bool has_name(void *arg)
{
    const struct wanted *w = arg;
    return !strcmp(name_now(w->gateway), w->name);
}

static void test_certificate_is_reloaded_without_a_dropped_connection(void **state)
{
    (void)state;
    char dir[] = "/tmp/crm-certificate-XXXXXX";
    assert_non_null(mkdtemp(dir));
    certificate_make(dir, "first");
    struct replica gateway =
        replica_start("gateway", text("TLS_CERT_FILE=%s/crt", dir), text("TLS_KEY_FILE=%s/key", dir), "WORKERS=2", NULL);
    struct line *old = line_open(gateway.https_url);
    assert_string_equal(name_of(old), "first");
    expect(line_answers(old), "no answer");

    certificate_make(dir, "second");
    assert_string_equal(name_now(&gateway), "first"); /* only when it is told */
    kill(gateway.pid, SIGHUP);
    expect(poll_until(5, has_name, &(struct wanted){ &gateway, "second" }), "still the first certificate");
    expect(line_answers(old), "the connection of before is gone");

    assert_int_equal(system(text("echo junk > %s/crt", dir)), 0);
    kill(gateway.pid, SIGHUP);
    const char *log = text("grep -q 'configuration not reloaded' %s/replica.log", getenv("LOG_DIR"));
    for (int i = 0; i < 100 && system(log); i++) usleep(50 * 1000);
    assert_int_equal(system(log), 0);
    for (int i = 0; i < 8; i++) assert_string_equal(name_now(&gateway), "second");
    expect(line_answers(old), "the connection of before is gone");
    line_close(old);
    assert_int_equal(replica_stop(&gateway), 0);
    assert_int_equal(system(text("rm -r %s", dir)), 0);
}

static void test_certificate_can_be_another_file(void **state)
{
    (void)state;
    char dir[] = "/tmp/crm-certificate-XXXXXX";
    assert_non_null(mkdtemp(dir));
    certificate_make(dir, "first");
    assert_int_equal(system(text("mkdir %s/other && echo TLS_CERT_FILE=%s/crt >%s/conf && echo TLS_KEY_FILE=%s/key >>%s/conf", dir, dir,
                                 dir, dir, dir)), 0);
    certificate_make(text("%s/other", dir), "other");
    struct replica gateway =
        replica_start("gateway", text("CONFIG_FILE=%s/conf", dir), "TLS_CERT_FILE=", "TLS_KEY_FILE=", "WORKERS=2", NULL);
    struct line *old = line_open(gateway.https_url);
    assert_string_equal(name_of(old), "first");
    assert_int_equal(system(text("sed -i 's|/crt|/other/crt|' %s/conf", dir)), 0); /* without its key: refused */
    kill(gateway.pid, SIGHUP);
    const char *refused = text("curl -fsS %s/metrics | grep -q 'result=\"refused\"} 1'", gateway.url);
    for (int i = 0; i < 100 && system(refused); i++) usleep(50 * 1000);
    assert_int_equal(system(refused), 0);
    assert_string_equal(name_now(&gateway), "first");
    assert_int_equal(system(text("sed -i 's|/key|/other/key|' %s/conf", dir)), 0);
    kill(gateway.pid, SIGHUP);
    expect(poll_until(5, has_name, &(struct wanted){ &gateway, "other" }), "still the first certificate");
    expect(line_answers(old), "the connection of before is gone");
    line_close(old);
    assert_int_equal(replica_stop(&gateway), 0);
    assert_int_equal(system(text("rm -r %s", dir)), 0);
}

/* --- sessions ----------------------------------------------------------------------------------------------------- */

/* A connection, to whichever of the gateway's threads, that offers `session` if there is one: whether it was resumed, and the session
 * that comes of it. */
static bool is_resumed(const struct replica *gateway, int version, SSL_SESSION **session)
{
    static const char request[] = "GET /nowhere HTTP/1.1\r\nHost: crm\r\n\r\n";
    char reply[4096];
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    int fd = raw_connect(gateway->https_url);
    SSL_set_min_proto_version(ssl, version);
    SSL_set_max_proto_version(ssl, version);
    SSL_set_fd(ssl, fd);
    if (*session) SSL_set_session(ssl, *session);
    bool ok = SSL_connect(ssl) == 1 && SSL_write(ssl, request, sizeof request - 1) > 0 &&
              SSL_read(ssl, reply, sizeof reply) > 12 && !memcmp(reply, "HTTP/1.1 404", 12);
    bool reused = SSL_session_reused(ssl);
    if (!*session) *session = SSL_get1_session(ssl); /* TLS 1.3 has sent its ticket after the handshake */
    SSL_shutdown(ssl); /* a session of a connection that broke off is not resumed */
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
    expect(ok, "no answer");
    return reused;
}

static void test_session_is_resumed_by_whichever_thread_takes_the_connection(void **state)
{
    static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    (void)state;
    struct replica gateway = replica_start("gateway", "WORKERS=2", NULL);
    for (size_t i = 0; i < COUNT(versions); i++) {
        SSL_SESSION *session = NULL;
        assert_false(is_resumed(&gateway, versions[i], &session));
        for (int n = 0; n < 12; n++)
            expect(is_resumed(&gateway, versions[i], &session), "connection %d of version %x is not resumed", n, versions[i]);
        SSL_SESSION_free(session);
    }
    assert_int_equal(replica_stop(&gateway), 0);
}

/* --- without TLS -------------------------------------------------------------------------------------------------- */

/* An address of this machine that is not its loopback; false: it has none. */
static bool outer_address(struct sockaddr_in *ret)
{
    struct ifaddrs *all, *i;
    bool found = false;
    assert_int_equal(getifaddrs(&all), 0);
    for (i = all; i && !found; i = i->ifa_next) {
        if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || i->ifa_flags & IFF_LOOPBACK) continue;
        memcpy(ret, i->ifa_addr, sizeof *ret);
        found = true;
    }
    freeifaddrs(all);
    return found;
}

static bool is_open(struct sockaddr_in at, const char *url)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    at.sin_port = htons((uint16_t)atoi(strrchr(url, ':') + 1));
    bool is = connect(fd, (struct sockaddr *)&at, sizeof at) == 0;
    close(fd);
    return is;
}

static void test_plain_port_is_there_when_asked_for_and_on_loopback_only(void **state)
{
    static const char request[] = "GET /nowhere HTTP/1.1\r\nHost: crm\r\n\r\n";
    struct sockaddr_in inner = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) }, outer;
    (void)state;
    struct replica asked = replica_start("gateway", "HTTPS_ADDRESS=0.0.0.0", NULL);
    struct replica not_asked = replica_start("gateway", "PLAIN_PORT=0", NULL);
    const char *reply = raw_exchange(asked.plain_url, request, sizeof request - 1);
    expect(raw_status(reply) == 404 && !strstr(reply, "Strict-Transport-Security"), "%s", reply); /* RFC 6797 7.2 */
    assert_false(is_open(inner, not_asked.plain_url));
    if (!outer_address(&outer)) return;
    assert_true(is_open(outer, asked.https_url));
    assert_false(is_open(outer, asked.plain_url));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_certificate_is_reloaded_without_a_dropped_connection),
        cmocka_unit_test(test_session_is_resumed_by_whichever_thread_takes_the_connection),
        cmocka_unit_test(test_certificate_can_be_another_file),
        cmocka_unit_test(test_plain_port_is_there_when_asked_for_and_on_loopback_only),
    };
    return system_main("gateway_tls", tests, COUNT(tests));
}
