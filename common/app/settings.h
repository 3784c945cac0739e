/* settings: those that every process has, services and gateway. */
#ifndef APP_SETTINGS_H
#define APP_SETTINGS_H

#include "base/config.h"

struct app_settings {
    const char *log_level;
    int workers;
    int drain_delay_ms; /* from SIGTERM, when it is no longer ready, until it takes no more connections */
    int drain_ms;       /* then, for requests under way */
    bool access_log;
};
extern const struct opt app_opts[];

#endif
