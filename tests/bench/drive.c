/* drive: a lean load generator for HTTP/1.1 and HTTPS, for servers that share the machine with it. One thread.
 *
 *     drive -c 64 -d 4 -w 1 -t TOKEN_FILE -i IDS_FILE 'http://127.0.0.1:8102/api/v1/customers/{id}'
 *     drive -c 64 -d 4 -r 5000 -p -t TOKEN_FILE -i IDS_FILE -m MIX_FILE https://localhost:8443
 *
 * A mix file has a line for each class of requests: weight, class, method, target and perhaps a JSON body, with tabs between; lines
 * that begin with # are comments. What the templates may hold: mix.h. How the time is spent and what is counted: drive.h. */
#include "command.h"
#include "drive.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char usage[] = "usage: drive [options] URL\n"
                            "  -c N      connections (64)\n"
                            "  -d S      seconds that are measured (4)\n"
                            "  -w S      seconds before that, not measured (0)\n"
                            "  -r RATE   requests arrive at this rate, a second, whatever the replies do; else each follows a reply\n"
                            "  -p        ... at random, as those of independent users do (Poisson), not evenly\n"
                            "  -l MS     ... those that no connection is free for fail at once, and replies after more than that\n"
                            "  -n        ... each on a connection of its own\n"
                            "  -a N      connections come from N addresses, 127.0.0.1 and on (1)\n"
                            "  -t FILE   a bearer token, its first line\n"
                            "  -i FILE   ids, one a line: {id} in the URL, in targets and bodies\n"
                            "  -m FILE   classes: weight<TAB>class<TAB>METHOD<TAB>target[<TAB>body]; the URL has no path then\n"
                            "  -k        an Idempotency-Key of its own for each POST\n"
                            "  -j        JSON, one line\n";

struct arguments {
    struct drive_options drive;
    const char *token_file, *ids_file, *mix_file, *url;
    bool has_keys, as_json;
};

static struct buf ids, lines, fields;

static void usage_fail(void)
{
    fputs(usage, stderr);
    exit(EXIT_FAILURE);
}

static struct arguments arguments_read(int argc, char **argv)
{
    struct arguments a = { .drive = { .connections = 64, .seconds = 4, .addresses = 1 } };
    for (int c; (c = getopt(argc, argv, "c:d:w:r:pl:na:t:i:m:kj")) != -1;) {
        switch (c) {
        case 'c': a.drive.connections = (int)command_number(c, optarg, 1, 20000); break;
        case 'd': a.drive.seconds = command_number(c, optarg, 0.1, 3600); break;
        case 'w': a.drive.warmup_seconds = command_number(c, optarg, 0, 3600); break;
        case 'r': a.drive.rate = command_number(c, optarg, 0.1, 1e6); break;
        case 'p': a.drive.is_poisson = true; break;
        case 'l': a.drive.late_ms = (int)command_number(c, optarg, 1, 60000); break;
        case 'n': a.drive.is_fresh = true; break;
        case 'a': a.drive.addresses = (int)command_number(c, optarg, 1, 250); break;
        case 't': a.token_file = optarg; break;
        case 'i': a.ids_file = optarg; break;
        case 'm': a.mix_file = optarg; break;
        case 'k': a.has_keys = true; break;
        case 'j': a.as_json = true; break;
        default: usage_fail();
        }
    }
    if (optind != argc - 1) usage_fail();
    if (a.drive.is_poisson && a.drive.rate <= 0) command_fail("-p", "needs -r RATE");
    if (a.drive.late_ms && a.drive.rate <= 0) command_fail("-l", "needs -r RATE");
    if (a.drive.is_fresh && (a.drive.rate <= 0 || a.drive.late_ms)) command_fail("-n", "needs -r RATE, and not -l");
    a.url = argv[optind];
    return a;
}

/* Owned by the caller. */
static struct str *ids_read(const char *name, size_t *ret_count)
{
    struct str rest = command_file(name, &ids), line;
    size_t most = 1, n = 0;
    for (size_t i = 0; i < rest.len; i++) most += rest.p[i] == '\n';
    struct str *all = calloc(most, sizeof *all);
    while (all && rest.len)
        if ((line = str_cut(&rest, '\n')).len) all[n++] = line;
    if (!n) command_fail(name, "no ids in it");
    *ret_count = n;
    return all;
}

static void mix_read(struct mix *m, const char *name)
{
    struct str rest = command_file(name, &lines);
    for (int number = 1; rest.len; number++) {
        char where[300];
        struct str line = str_cut(&rest, '\n');
        const char *wrong = line.len && line.p[0] != '#' ? mix_add_line(m, line) : NULL;
        snprintf(where, sizeof where, "%s:%d", name, number);
        if (wrong) command_fail(where, wrong);
    }
    if (!m->class_count) command_fail(name, "no classes in it");
}

static void mix_make(struct mix *m, const struct arguments *a, const struct origin *origin, struct str path)
{
    m->ids = a->ids_file ? ids_read(a->ids_file, &m->id_count) : NULL;
    m->has_keys = a->has_keys;
    m->fields = command_fields(origin, a->token_file, &fields);
    mix_init(m);
    if (a->mix_file) {
        if (path.len > 1) command_fail(a->url, "has a path, and -m FILE has too");
        mix_read(m, a->mix_file);
        return;
    }
    const char *wrong = mix_add(m, 1, STR("get"), STR("GET"), path.len ? path : STR("/"), STR_NONE);
    if (wrong) command_fail(a->url, wrong);
}

/* 2xx or not, something came back. */
static bool is_answered(const struct mix *m, const struct drive_results *r)
{
    uint64_t n = r->in_time;
    for (int i = 0; i < m->class_count; i++) n += r->classes[i].latency.count;
    for (int i = 0; i < DRIVE_STATUSES; i++) n += r->statuses[i];
    return n > 0;
}

int main(int argc, char **argv)
{
    static struct drive_results results;
    static struct mix mix;
    struct origin origin = { 0 };
    struct str path;
    command_name("drive");
    struct arguments a = arguments_read(argc, argv);
    const char *wrong = origin_read(a.url, &origin, &path);
    if (wrong) command_fail(a.url, wrong);
    mix_make(&mix, &a, &origin, path);
    command_sockets(a.drive.connections);
    drive_run(&a.drive, &origin, &mix, &results);
    drive_report(&a.drive, &mix, &results, a.as_json);
    bool ok = is_answered(&mix, &results);
    if (!ok) fprintf(stderr, "drive: %s: nothing was answered\n", a.url);
    free((void *)(uintptr_t)mix.ids);
    mix_done(&mix);
    origin_done(&origin);
    struct buf *const bufs[] = { &ids, &lines, &fields };
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++) buf_done(bufs[i]);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
