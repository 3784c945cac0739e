#include "app/settings.h"

#include "app/app.h"
#include "base/config_file.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TEXT_MAX = 64 * 1024 };

#define AT(member) offsetof(struct app_settings, member)
const struct opt app_opts[] = {
    { "CONFIG_FILE", O_STR, AT(config_file), NULL, 0, 1, 0,
      "file of NAME=value lines for all settings but this one; the environment wins over it" },
    { "LOG_LEVEL", O_LEVEL, AT(log_level), "info", O_LIVE, 0, 0, "debug, info, warn or error" },
    { "ACCESS_LOG", O_BOOL, AT(access_log), "1", O_LIVE, 0, 0, "one line per request: 1 or 0" },
    { "WORKERS", O_INT, AT(workers), NULL, 0, 1, WORKERS_MAX, "threads, 1 to 32; default: one per CPU" },
    { "SCHED_BATCH", O_BOOL, AT(is_batch), "1", 0, 0, 0,
      "the threads run under Linux's policy of this name: when all CPUs are busy, one that is woken waits some milliseconds for its turn "
      "instead of interrupting who runs, and then has more to do at once; 0 where programs of others keep the CPUs busy" },
    { "DRAIN_DELAY_MS", O_INT, AT(drain_delay_ms), "0", O_LIVE, 0, 600000,
      "from SIGTERM, when /readyz begins to fail, until new connections are refused, in milliseconds" },
    { "DRAIN_MS", O_INT, AT(drain_ms), "10000", O_LIVE, 0, 600000,
      "time for requests under way at SIGTERM, in milliseconds" },
    { 0 },
};

struct generation {
    struct config_file *file; /* the texts of `settings` */
    int holders;
    _Alignas(max_align_t) char settings[];
};

static const struct settings_plan *plan;
static struct generation *first, *newest;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of `newest` and `holders` */

/* --- one generation ----------------------------------------------------------------------------------------------- */

static int workers_default(void)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    return cpus < 1 ? 1 : cpus > WORKERS_MAX ? WORKERS_MAX : (int)cpus;
}

static void generation_free(struct generation *g)
{
    if (plan->done) plan->done(g->settings);
    config_file_free(g->file);
    free(g);
}

static bool generation_fill(struct generation *g, struct buf *faults)
{
    const char *path = getenv("CONFIG_FILE");
    bool ok = true;
    if (path && *path) ok = (g->file = config_file_read(path, faults)) != NULL;
    if (!ok) return false;
    ((struct app_settings *)g->settings)->workers = workers_default();
    for (const struct settings_group *group = plan->groups; group->title; group++)
        ok = config_load(group->opts, g->file, g->settings + group->at, faults) && ok;
    if (g->file && config_file_take(g->file, "CONFIG_FILE")) {
        config_file_place(g->file, "CONFIG_FILE", faults);
        buf_addz(faults, "CONFIG_FILE stands in the environment only\n");
        ok = false;
    }
    if (g->file) ok = config_file_all_known(g->file, faults) && ok;
    if (ok && plan->make) ok = plan->make(g->settings, faults);
    return ok;
}

/* NULL: `faults` has a line per fault. */
static struct generation *generation_load(struct buf *faults)
{
    struct generation *g = calloc(1, sizeof *g + plan->size);
    if (!g) abort();
    g->holders = 1;
    if (generation_fill(g, faults)) return g;
    generation_free(g);
    return NULL;
}

/* --- the newest one ----------------------------------------------------------------------------------------------- */

const void *settings_hold(void)
{
    pthread_mutex_lock(&lock);
    struct generation *g = newest;
    g->holders++;
    pthread_mutex_unlock(&lock);
    return g->settings;
}

void settings_release(const void *settings)
{
    struct generation *g = (struct generation *)((const char *)settings - offsetof(struct generation, settings));
    pthread_mutex_lock(&lock);
    bool last = --g->holders == 0;
    pthread_mutex_unlock(&lock);
    if (last) generation_free(g);
}

const void *settings_of(const struct worker *w)
{
    return w->app->settings[w->index];
}

static void replace(struct generation *g)
{
    log_set_level(((const struct app_settings *)g->settings)->log_level);
    pthread_mutex_lock(&lock);
    struct generation *old = newest;
    newest = g;
    pthread_mutex_unlock(&lock);
    settings_release(old->settings);
}

const void *settings_start(const struct settings_plan *p)
{
    struct buf faults;
    buf_init(&faults, TEXT_MAX);
    plan = p;
    first = newest = generation_load(&faults);
    if (!first) {
        fprintf(stderr, "%s: cannot start:\n%.*s", plan->name, STR_ARG(buf_str(&faults)));
        exit(EXIT_FAILURE);
    }
    buf_done(&faults);
    first->holders++; /* as the newest, and as the first */
    log_init(plan->name, ((const struct app_settings *)first->settings)->log_level);
    for (const struct settings_group *group = plan->groups; group->title; group++)
        config_log(group->opts, first->settings + group->at);
    return first->settings;
}

static void log_faults(struct str lines)
{
    while (lines.len) log_error("configuration", LOG_STR("fault", str_cut(&lines, '\n')));
    log_error("configuration not reloaded, the old one stays");
}

bool settings_reload(void)
{
    struct buf faults;
    buf_init(&faults, TEXT_MAX);
    struct generation *g = generation_load(&faults);
    if (!g) log_faults(buf_str(&faults));
    buf_done(&faults);
    if (!g) return false;
    for (const struct settings_group *group = plan->groups; group->title; group++)
        config_take_over(group->opts, newest->settings + group->at, g->settings + group->at);
    replace(g);
    log_info("configuration reloaded");
    return true;
}

void settings_end(void)
{
    settings_release(newest->settings);
    settings_release(first->settings);
    first = newest = NULL;
}

void settings_document(const struct settings_plan *p)
{
    struct buf out;
    buf_init(&out, TEXT_MAX);
    for (const struct settings_group *group = p->groups; group->title; group++)
        config_document(group->opts, group->title, &out);
    fwrite(out.data, 1, out.len, stdout);
    buf_done(&out);
}
