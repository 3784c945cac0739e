#include "app/start.h"

#include "app/app.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TEXT_MAX = 64 * 1024 };

void start_load(const char *name, const struct start_group *groups)
{
    struct buf faults;
    bool ok = true;
    buf_init(&faults, TEXT_MAX);
    for (; groups->title; groups++) ok = config_load(groups->opts, groups->settings, &faults) && ok;
    if (!ok) {
        fprintf(stderr, "%s: cannot start:\n%.*s", name, STR_ARG(buf_str(&faults)));
        exit(EXIT_FAILURE);
    }
    buf_done(&faults);
}

void start_log(const struct start_group *groups)
{
    for (; groups->title; groups++) config_log(groups->opts, groups->settings);
}

void start_document(const struct start_group *groups)
{
    struct buf out;
    buf_init(&out, TEXT_MAX);
    for (; groups->title; groups++) config_document(groups->opts, groups->title, &out);
    fwrite(out.data, 1, out.len, stdout);
    buf_done(&out);
}

enum log_level start_log_level(const char *name)
{
    static const char *const names[] = { "debug", "info", "warn", "error" };
    for (int i = 0; i < 4; i++)
        if (!strcmp(name, names[i])) return (enum log_level)i;
    return LOG_INFO;
}

int start_workers(void)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    return cpus < 1 ? 1 : cpus > WORKERS_MAX ? WORKERS_MAX : (int)cpus;
}
