/* The gateway's certificate while it runs. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "replica.h"
#include "stack.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A connection of our own: what certificate it got, and whether it still answers. */
struct line {
    int fd;
    SSL_CTX *ctx;
    SSL *ssl;
};

static struct line line_open(const struct replica *gateway)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct line l = { .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .ctx = SSL_CTX_new(TLS_client_method()) };
    at.sin_port = htons((uint16_t)atoi(strrchr(gateway->https_url, ':') + 1));
    if (connect(l.fd, (struct sockaddr *)&at, sizeof at)) fail_msg("cannot connect");
    l.ssl = SSL_new(l.ctx);
    SSL_set_fd(l.ssl, l.fd);
    expect(SSL_connect(l.ssl) == 1, "no handshake");
    return l;
}

static void line_close(struct line *l)
{
    SSL_free(l->ssl);
    SSL_CTX_free(l->ctx);
    close(l->fd);
}

static const char *name_of(const struct line *l)
{
    char name[256] = "";
    X509 *certificate = SSL_get1_peer_certificate(l->ssl);
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
    X509_free(certificate);
    return text("%s", name);
}

static bool line_answers(const struct line *l)
{
    static const char request[] = "GET /nowhere HTTP/1.1\r\nHost: crm\r\n\r\n";
    char reply[4096];
    return SSL_write(l->ssl, request, sizeof request - 1) > 0 && SSL_read(l->ssl, reply, sizeof reply) > 12 &&
           !memcmp(reply, "HTTP/1.1 404", 12);
}

static const char *name_now(const struct replica *gateway)
{
    struct line l = line_open(gateway);
    const char *name = name_of(&l);
    line_close(&l);
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
    struct line old = line_open(&gateway);
    assert_string_equal(name_of(&old), "first");
    expect(line_answers(&old), "no answer");

    certificate_make(dir, "second");
    assert_string_equal(name_now(&gateway), "first"); /* only when it is told */
    kill(gateway.pid, SIGHUP);
    expect(poll_until(5, has_name, &(struct wanted){ &gateway, "second" }), "still the first certificate");
    expect(line_answers(&old), "the connection of before is gone");

    assert_int_equal(system(text("echo junk > %s/crt", dir)), 0);
    kill(gateway.pid, SIGHUP);
    const char *log = text("grep -q 'configuration not reloaded' %s/replica.log", getenv("LOG_DIR"));
    for (int i = 0; i < 100 && system(log); i++) usleep(50 * 1000);
    assert_int_equal(system(log), 0);
    for (int i = 0; i < 8; i++) assert_string_equal(name_now(&gateway), "second");
    expect(line_answers(&old), "the connection of before is gone");
    line_close(&old);
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
    struct line old = line_open(&gateway);
    assert_string_equal(name_of(&old), "first");
    assert_int_equal(system(text("sed -i 's|/crt|/other/crt|' %s/conf", dir)), 0); /* without its key: refused */
    kill(gateway.pid, SIGHUP);
    const char *refused = text("curl -fsS %s/metrics | grep -q 'result=\"refused\"} 1'", gateway.url);
    for (int i = 0; i < 100 && system(refused); i++) usleep(50 * 1000);
    assert_int_equal(system(refused), 0);
    assert_string_equal(name_now(&gateway), "first");
    assert_int_equal(system(text("sed -i 's|/key|/other/key|' %s/conf", dir)), 0);
    kill(gateway.pid, SIGHUP);
    expect(poll_until(5, has_name, &(struct wanted){ &gateway, "other" }), "still the first certificate");
    expect(line_answers(&old), "the connection of before is gone");
    line_close(&old);
    assert_int_equal(replica_stop(&gateway), 0);
    assert_int_equal(system(text("rm -r %s", dir)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_certificate_is_reloaded_without_a_dropped_connection),
        cmocka_unit_test(test_certificate_can_be_another_file),
    };
    return system_main("gateway_tls", tests, COUNT(tests));
}
