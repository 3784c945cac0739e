/* settings: what a process was told by its environment and CONFIG_FILE, in generations.
 *
 * One is loaded at start and one at every SIGHUP: whole and valid, or not at all. It is read-only from then on. Each worker
 * holds one and goes on to the newest between two events of its loop, so nothing that runs ever sees two of them, and nobody
 * locks to read. A generation is freed with its last holder; the first lives until settings_end(), for the texts of what cannot
 * change while the process runs are its. */
#ifndef APP_SETTINGS_H
#define APP_SETTINGS_H

#include "app/listen.h"
#include "app/outgoing.h"
#include "app/trust.h"
#include "base/config.h"
#include "base/log.h"

struct worker;

/* What every binary's struct of settings begins with. */
struct app_settings {
    const char *config_file;
    enum log_level log_level;
    int workers;
    bool is_batch;      /* SCHED_BATCH */
    int drain_delay_ms; /* from SIGTERM, when it is no longer ready, until it takes no more connections */
    int drain_ms;       /* then, for requests under way */
    bool access_log;
    struct listen_settings listen;
    struct outgoing outgoing;
    struct trust trust;
};
extern const struct opt app_opts[];

/* A table, its heading in docs/configuration.md, and where in the struct of settings it writes. */
struct settings_group {
    const char *title;
    const struct opt *opts;
    size_t at;
};

/* The settings that a binary has. It outlives them. */
struct settings_plan {
    const char *name;                                /* of the binary */
    const struct settings_group *groups;             /* ends with a NULL title */
    size_t size;                                     /* of its struct of settings */
    bool (*make)(void *settings, struct buf *faults); /* what no table can check, and what is made of it. NULL: nothing */
    void (*done)(void *settings);                    /* frees that, whatever make() returned. NULL: nothing */
};

/* Loads the first generation and begins to log, or exits with all faults on standard error. It belongs to the caller: read only. */
const void *settings_start(const struct settings_plan *plan);
bool settings_reload(void); /* the next one; false: refused, every fault is logged, and the old one stays */
void settings_end(void);    /* nobody holds any */

/* The newest generation, from any thread. */
const void *settings_hold(void);
void settings_release(const void *settings);

/* What this worker uses now: on its thread, and not kept for later. */
const void *settings_of(const struct worker *w);

void settings_document(const struct settings_plan *plan); /* Markdown on standard output */

#endif
