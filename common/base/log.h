/* log: JSON lines on standard error, one write() each, safe from several threads.
 *
 *     log_info("database connected", LOG_STR("address", address), LOG_INT("connections", 4));
 *     {"time":"2026-01-02T03:04:05.678Z","level":"info","service":"customer-service","message":"...","address":...}
 *
 * Secrets never get here: nothing logs field values of a resource. Text is escaped, invalid UTF-8 becomes U+FFFD. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_field {
    const char *key; /* NULL ends the list */
    bool is_number;
    struct str text;
    int64_t number;
};

#define LOG_STR(k, v) { .key = (k), .text = (v) }
#define LOG_Z(k, v)   { .key = (k), .text = str_of(v) }
#define LOG_INT(k, v) { .key = (k), .is_number = true, .number = (v) }

#define log_at(level, message, ...) \
    log_write((level), (message), (const struct log_field[]){ __VA_ARGS__ __VA_OPT__(,) { .key = NULL } })
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  log_at(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)

void log_init(const char *service, enum log_level least);
void log_set_level(enum log_level least); /* at any time, from any thread */

const char *log_level_name(enum log_level level);           /* "debug", "info", "warn", "error" */
bool log_level_read(const char *name, enum log_level *ret); /* false: another word */
void log_write(enum log_level level, const char *message, const struct log_field *fields);

#endif
