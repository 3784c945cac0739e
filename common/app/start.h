/* start: what every binary does before it serves: settings from the environment, and their documentation. */
#ifndef APP_START_H
#define APP_START_H

#include "base/config.h"
#include "base/log.h"

/* One table per group of settings; the first member of the list names it in docs/configuration.md. */
struct start_group {
    const char *title;
    const struct opt *opts;
    void *settings;
};

/* Loads every group or exits with all faults on standard error. Groups end with a NULL title. */
void start_load(const char *name, const struct start_group *groups);
void start_log(const struct start_group *groups);
void start_document(const struct start_group *groups); /* Markdown on standard output */

enum log_level start_log_level(const char *name); /* an unknown name is info */
int start_workers(void);                          /* one per CPU, at most WORKERS_MAX */

#endif
