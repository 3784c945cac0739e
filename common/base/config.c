#include "base/config.h"

#include "base/config_file.h"
#include "base/log.h"

#include <stdlib.h>

enum { OPTS_MAX = 64 };

static void *member(void *settings, const struct opt *o)
{
    return (char *)settings + o->offset;
}

static const void *member_of(const void *settings, const struct opt *o)
{
    return (const char *)settings + o->offset;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static bool read_int(const struct opt *o, const char *text, void *to)
{
    int64_t n;
    if (!str_to_i64(str_of(text), o->min, o->max, &n)) return false;
    *(int *)to = (int)n;
    return true;
}

static bool read_bool(const char *text, void *to)
{
    bool on = !strcmp(text, "1") || !strcmp(text, "true");
    if (!on && strcmp(text, "0") && strcmp(text, "false")) return false;
    *(bool *)to = on;
    return true;
}

static bool read_str(const struct opt *o, const char *text, void *to)
{
    *(const char **)to = text;
    return strlen(text) >= (size_t)o->min;
}

static bool read_opt(const struct opt *o, const char *text, void *to)
{
    switch (o->type) {
    case O_STR: return read_str(o, text, to);
    case O_INT: return read_int(o, text, to);
    case O_BOOL: return read_bool(text, to);
    case O_LEVEL: return log_level_read(text, to);
    }
    return false;
}

static bool load(const struct opt *o, struct config_file *file, void *settings, struct buf *faults)
{
    const char *text = getenv(o->name), *from_file = file ? config_file_take(file, o->name) : NULL;
    bool is_from_file = from_file && !(text && *text);
    if (is_from_file) text = from_file;
    if (!text || !*text) text = o->fallback;
    if (!text && !(o->flags & O_REQUIRED)) return true;
    if (text && read_opt(o, text, member(settings, o))) return true;
    if (is_from_file) config_file_place(file, o->name, faults);
    buf_addf(faults, "%s %s: %s\n", o->name, text ? "has no valid value" : "is required", o->help);
    return false;
}

bool config_load(const struct opt *opts, struct config_file *file, void *settings, struct buf *faults)
{
    bool ok = true;
    for (const struct opt *o = opts; o->name; o++) ok = load(o, file, settings, faults) && ok;
    return ok;
}

/* --- showing ------------------------------------------------------------------------------------------------------ */

static struct log_field field(const char *key, const struct opt *o, const void *settings)
{
    const void *value = member_of(settings, o);
    if (o->flags & O_SECRET) return (struct log_field)LOG_Z(key, *(const char *const *)value ? "***" : "");
    switch (o->type) {
    case O_STR: return (struct log_field)LOG_Z(key, *(const char *const *)value ? *(const char *const *)value : "");
    case O_INT: return (struct log_field)LOG_INT(key, *(const int *)value);
    case O_BOOL: return (struct log_field)LOG_INT(key, *(const bool *)value);
    case O_LEVEL: return (struct log_field)LOG_Z(key, log_level_name(*(const enum log_level *)value));
    }
    return (struct log_field){ .key = NULL };
}

void config_log(const struct opt *opts, const void *settings)
{
    struct log_field fields[OPTS_MAX + 1];
    size_t n = 0;
    for (const struct opt *o = opts; o->name && n < OPTS_MAX; o++) fields[n++] = field(o->name, o, settings);
    fields[n] = (struct log_field){ .key = NULL };
    log_write(LOG_INFO, "configuration", fields);
}

void config_document(const struct opt *opts, const char *title, struct buf *out)
{
    buf_addf(out, "## %s\n\n| variable | default | live | meaning |\n|---|---|---|---|\n", title);
    for (const struct opt *o = opts; o->name; o++) {
        const char *fallback = o->flags & O_REQUIRED ? "required" : o->fallback ? o->fallback : "none";
        buf_addf(out, "| `%s` | %s | %s | %s%s |\n", o->name, fallback, o->flags & O_LIVE ? "yes" : "", o->help,
                 o->flags & O_SECRET ? " (secret)" : "");
    }
    buf_addc(out, '\n');
}

/* --- changing ----------------------------------------------------------------------------------------------------- */

static size_t size_of(enum opt_type type)
{
    static const size_t sizes[] = {
        [O_STR] = sizeof(const char *), [O_INT] = sizeof(int), [O_BOOL] = sizeof(bool), [O_LEVEL] = sizeof(enum log_level)
    };
    return sizes[type];
}

static bool is_same(const struct opt *o, const void *a, const void *b)
{
    if (o->type != O_STR) return !memcmp(a, b, size_of(o->type));
    return str_eq(str_of(*(const char *const *)a), str_of(*(const char *const *)b));
}

void config_take_over(const struct opt *opts, const void *old, void *settings)
{
    for (const struct opt *o = opts; o->name; o++) {
        bool same = is_same(o, member_of(old, o), member_of(settings, o)), is_live = o->flags & O_LIVE;
        struct log_field from = field("from", o, old), to = field("to", o, settings);
        if (!same && is_live) log_info("setting changed", LOG_Z("name", o->name), from, to);
        if (!same && !is_live) log_warn("setting takes effect at restart", LOG_Z("name", o->name), from, to);
        if (!is_live) memcpy(member(settings, o), member_of(old, o), size_of(o->type));
    }
}
