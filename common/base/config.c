#include "base/config.h"

#include "base/log.h"

#include <stdlib.h>

enum { OPTS_MAX = 64 };

static const char *text_of(const struct opt *o)
{
    const char *text = getenv(o->name);
    return text && *text ? text : o->fallback;
}

static void *member(void *settings, const struct opt *o)
{
    return (char *)settings + o->offset;
}

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
    case O_INT: return read_int(o, text, to);
    case O_BOOL: return read_bool(text, to);
    case O_STR: return read_str(o, text, to);
    }
    return false;
}

bool config_load(const struct opt *opts, void *settings, struct buf *faults)
{
    bool ok = true;
    for (const struct opt *o = opts; o->name; o++) {
        const char *text = text_of(o);
        if (!text && o->flags & O_REQUIRED) buf_addf(faults, "%s is required: %s\n", o->name, o->help), ok = false;
        else if (text && !read_opt(o, text, member(settings, o)))
            buf_addf(faults, "%s has no valid value: %s\n", o->name, o->help), ok = false;
    }
    return ok;
}

void config_log(const struct opt *opts, const void *settings)
{
    struct log_field fields[OPTS_MAX + 1];
    size_t n = 0;
    (void)settings;
    for (const struct opt *o = opts; o->name && n < OPTS_MAX; o++) {
        const char *text = text_of(o);
        if (text && o->flags & O_SECRET) text = "***";
        fields[n++] = (struct log_field)LOG_Z(o->name, text ? text : "");
    }
    fields[n] = (struct log_field){ .key = NULL };
    log_write(LOG_INFO, "configuration", fields);
}

void config_document(const struct opt *opts, const char *title, struct buf *out)
{
    buf_addf(out, "## %s\n\n| variable | default | meaning |\n|---|---|---|\n", title);
    for (const struct opt *o = opts; o->name; o++) {
        const char *fallback = o->flags & O_REQUIRED ? "required" : o->fallback ? o->fallback : "none";
        buf_addf(out, "| `%s` | %s | %s%s |\n", o->name, fallback, o->help, o->flags & O_SECRET ? " (secret)" : "");
    }
    buf_addc(out, '\n');
}
