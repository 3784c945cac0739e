#include "app/settings.h"

#include "app/app.h"

#define AT(member) offsetof(struct app_settings, member)
const struct opt app_opts[] = {
    { "LOG_LEVEL", O_STR, AT(log_level), "info", 0, 1, 0, "debug, info, warn or error" },
    { "ACCESS_LOG", O_BOOL, AT(access_log), "1", 0, 0, 0, "one line per request: 1 or 0" },
    { "WORKERS", O_INT, AT(workers), NULL, 0, 1, WORKERS_MAX, "threads, 1 to 32; default: one per CPU" },
    { "DRAIN_DELAY_MS", O_INT, AT(drain_delay_ms), "0", 0, 0, 600000,
      "from SIGTERM, when /readyz begins to fail, until new connections are refused, in milliseconds" },
    { "DRAIN_MS", O_INT, AT(drain_ms), "10000", 0, 0, 600000,
      "time for requests under way at SIGTERM, in milliseconds" },
    { 0 },
};
