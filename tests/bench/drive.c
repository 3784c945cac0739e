/* drive: a lean HTTP load generator, for servers that share the machine with it.
 *
 *     drive [-c CONNECTIONS] [-d SECONDS] [-r RATE] -t TOKEN_FILE [-i IDS_FILE] URL
 *
 * URL is http or https, to a numeric IPv4 address or localhost; "{id}" in it stands for a line of IDS_FILE. With -r requests arrive at
 * that rate whatever the replies do (no coordinated omission). Prints one line of JSON. */
#include "drive.h"

#include "base/buf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { IDS_MAX = 100 * 1000, FILE_MAX = 64 * 1024 * 1024 };

struct options {
    int connections;
    double seconds, rate;
    const char *token_file, *ids_file, *url;
};

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "drive: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static struct str file_read(const char *name)
{
    struct buf b; /* lives until the end */
    FILE *f = fopen(name, "r");
    if (!f) fail(name, strerror(errno));
    buf_init(&b, FILE_MAX);
    char piece[4096];
    for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;) buf_add(&b, (struct str){ piece, n });
    fclose(f);
    if (!buf_ok(&b)) fail(name, "too large");
    return buf_str(&b);
}

static double number(const char *text, double least, double most)
{
    char *end;
    double n = strtod(text, &end);
    if (*end || !(n >= least && n <= most)) fail(text, "not a number that makes sense here");
    return n;
}

static struct options options_read(int argc, char **argv)
{
    struct options o = { .connections = 64, .seconds = 4 };
    for (int c; (c = getopt(argc, argv, "c:d:r:t:i:")) != -1;) {
        switch (c) {
        case 'c': o.connections = (int)number(optarg, 1, 20000); break;
        case 'd': o.seconds = number(optarg, 0.1, 3600); break;
        case 'r': o.rate = number(optarg, 1, 1e6); break;
        case 't': o.token_file = optarg; break;
        case 'i': o.ids_file = optarg; break;
        default: exit(EXIT_FAILURE);
        }
    }
    if (optind != argc - 1) fail("usage", "drive [-c CONNECTIONS] [-d SECONDS] [-r RATE] [-t TOKEN] [-i IDS] URL");
    o.url = argv[optind];
    return o;
}

/* "http://127.0.0.1:8102/path" -> address, TLS or not; the authority and the path remain. */
static void url_read(const char *url, struct target *t, struct str *ret_authority, struct str *ret_path)
{
    char host[64];
    int64_t port;
    struct str s = str_of(url);
    bool is_https = str_has_prefix(s, STR("https://"));
    if (!is_https && !str_has_prefix(s, STR("http://"))) fail(url, "neither http:// nor https://");
    str_take(&s, is_https ? 8 : 7);
    const char *slash = memchr(s.p, '/', s.len);
    if (!slash) fail(url, "no path");
    struct str authority = str_take(&s, (size_t)(slash - s.p)), rest = authority, name = str_cut(&rest, ':');
    if (name.len >= sizeof host || str_is_none(rest) || !str_to_i64(rest, 1, 65535, &port)) fail(url, "no port");
    memcpy(host, name.p, name.len);
    host[name.len] = 0;
    t->address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    const char *number = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    if (inet_pton(AF_INET, number, &t->address.sin_addr) != 1) fail(url, "the host is not a numeric IPv4 address");
    t->tls = is_https ? SSL_CTX_new(TLS_client_method()) : NULL; /* the certificate is not checked: it is our own */
    *ret_authority = authority;
    *ret_path = s;
}

static void request_make(struct target *t, struct str authority, struct str path, struct str token)
{
    static struct buf b;
    buf_init(&b, 64 * 1024);
    const char *at = memmem(path.p, path.len, "{id}", 4);
    size_t before = at ? (size_t)(at - path.p) : path.len;
    buf_addf(&b, "GET %.*s", (int)before, path.p);
    t->id_at = b.len;
    if (at) buf_addf(&b, "%.*s%.*s", STR_ARG(t->ids[0]), (int)(path.len - before - 4), at + 4);
    buf_addf(&b, " HTTP/1.1\r\nHost: %.*s\r\n", STR_ARG(authority));
    if (token.len) buf_addf(&b, "Authorization: Bearer %.*s\r\n", STR_ARG(token));
    buf_addz(&b, "\r\n");
    t->request = buf_str(&b);
}

static void target_make(const struct options *o, struct target *t)
{
    struct str authority, path, lines = o->ids_file ? file_read(o->ids_file) : STR("");
    struct str token_lines = o->token_file ? file_read(o->token_file) : STR("");
    struct str *ids = calloc(IDS_MAX, sizeof *ids);
    url_read(o->url, t, &authority, &path);
    while (lines.len && t->id_count < IDS_MAX) {
        ids[t->id_count] = str_cut(&lines, '\n');
        if (ids[t->id_count++].len != ids[0].len) fail(o->ids_file, "the lines differ in length");
    }
    if (!t->id_count) ids[t->id_count++] = STR("");
    t->ids = ids;
    request_make(t, authority, path, str_cut(&token_lines, '\n'));
}

static double cpu_us(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

int main(int argc, char **argv)
{
    static struct results r;
    struct options o = options_read(argc, argv);
    struct target t = { 0 };
    target_make(&o, &t);
    double before = cpu_us();
    if (!drive(&t, o.connections, o.seconds, o.rate, &r)) fail(o.url, strerror(errno));
    uint64_t n = r.latency.count;
    if (!n) fail(o.url, "nothing was answered");
    printf("{\"requests\": %llu, \"failures\": %llu, \"per_second\": %.0f, \"mean_us\": %.0f, \"p50_us\": %llu, \"p90_us\": %llu, "
           "\"p99_us\": %llu, \"max_us\": %llu, \"client_cpu_us\": %.1f}\n",
           (unsigned long long)n, (unsigned long long)r.failures, (double)n / o.seconds, (double)r.latency.sum / (double)n,
           (unsigned long long)histogram_at(&r.latency, 0.5), (unsigned long long)histogram_at(&r.latency, 0.9),
           (unsigned long long)histogram_at(&r.latency, 0.99), (unsigned long long)r.latency.max, (cpu_us() - before) / (double)n);
    return EXIT_SUCCESS;
}
