/* hold: keeps many connections that do next to nothing, as idle clients do, or slow and greedy ones.
 *
 *     hold -c 10000 -a 8 -d 5 -m idle -t TOKEN_FILE https://localhost:8443/api/v1/customers?size=1
 *     hold -c 1000 -d 20 -m body -t TOKEN_FILE https://localhost:8443/api/v1/customers
 *
 * Prints "holding N" when all connections have been opened or refused, and a line of JSON at the end. What is counted: hold.h. */
#include "hold.h"

#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct hold_manner manners[] = {
    { "idle", DRIP_NOTHING, "GET", "\r\n" },
    { "head", DRIP_WRITE, "GET", "X-Slow: " },
    { "body", DRIP_WRITE, "POST", "Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{\"customer_name\": \"" },
    { "read", DRIP_READ, "GET", "\r\n" },
};

static const char usage[] = "usage: hold [options] URL\n"
                            "  -c N      connections (1000)\n"
                            "  -a N      they come from N addresses, 127.0.0.1 and on (1)\n"
                            "  -d S      seconds, once all are open (10)\n"
                            "  -m NAME   what a connection does (idle)\n"
                            "              idle    one request, then nothing\n"
                            "              head    a request whose head never ends\n"
                            "              body    a POST whose body never ends\n"
                            "              read    requests whose replies are hardly read\n"
                            "  -s S      seconds from one byte of a head or body to the next, or from one look at a reply (1)\n"
                            "  -t FILE   a bearer token, its first line\n";

struct arguments {
    struct hold_options hold;
    const char *token_file, *url;
};

static void usage_fail(void)
{
    fputs(usage, stderr);
    exit(EXIT_FAILURE);
}

static const struct hold_manner *manner_find(const char *name)
{
    for (size_t i = 0; i < sizeof manners / sizeof *manners; i++)
        if (str_is(str_of(name), manners[i].name)) return &manners[i];
    command_fail(name, "is not what a connection can do");
}

static struct arguments arguments_read(int argc, char **argv)
{
    struct arguments a = { .hold = { .manner = manners, .connections = 1000, .addresses = 1, .seconds = 10, .drip_seconds = 1 } };
    for (int c; (c = getopt(argc, argv, "c:a:d:m:s:t:")) != -1;) {
        switch (c) {
        case 'c': a.hold.connections = (int)command_number(c, optarg, 1, 20000); break;
        case 'a': a.hold.addresses = (int)command_number(c, optarg, 1, 250); break;
        case 'd': a.hold.seconds = command_number(c, optarg, 0, 3600); break;
        case 'm': a.hold.manner = manner_find(optarg); break;
        case 's': a.hold.drip_seconds = command_number(c, optarg, 0.01, 60); break;
        case 't': a.token_file = optarg; break;
        default: usage_fail();
        }
    }
    if (optind != argc - 1) usage_fail();
    a.url = argv[optind];
    return a;
}

static struct str request_make(const struct hold_manner *m, struct str path, struct str fields, struct buf *b)
{
    buf_init(b, 64 * 1024);
    buf_addf(b, "%s %.*s HTTP/1.1\r\n", m->method, STR_ARG(path.len ? path : STR("/")));
    buf_add(b, fields);
    buf_addz(b, m->fields);
    return buf_str(b);
}

static void on_held(int open)
{
    printf("holding %d\n", open);
    fflush(stdout);
}

static void report(const struct hold_options *o, const struct hold_results *r)
{
    const char *comma = "";
    printf("{\"connections\": %d, \"held\": %d, \"open\": %d, \"opened\": %lu, \"unopened\": %lu, \"closed\": %lu, \"statuses\": {",
           o->connections, r->held, r->open, r->opened, r->unopened, r->closed);
    for (int i = 0; i < HOLD_STATUSES; i++) {
        if (!r->statuses[i]) continue;
        printf("%s\"%d\": %lu", comma, i, r->statuses[i]);
        comma = ", ";
    }
    printf("}}\n");
}

int main(int argc, char **argv)
{
    static struct hold_results results;
    struct origin origin = { 0 };
    struct buf fields, request;
    struct str path;
    command_name("hold");
    struct arguments a = arguments_read(argc, argv);
    const char *wrong = origin_read(a.url, &origin, &path);
    if (wrong) command_fail(a.url, wrong);
    a.hold.request = request_make(a.hold.manner, path, command_fields(&origin, a.token_file, &fields), &request);
    command_sockets(a.hold.connections);
    hold_run(&a.hold, &origin, on_held, &results);
    report(&a.hold, &results);
    buf_done(&fields);
    buf_done(&request);
    origin_done(&origin);
    return results.opened ? EXIT_SUCCESS : EXIT_FAILURE;
}
