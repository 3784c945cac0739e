#include "base/log.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static const char *const level_names[] = { "debug", "info", "warn", "error" };

static struct {
    const char *service;
    enum log_level least;
} config = { "unknown", LOG_INFO };

void log_init(const char *service, enum log_level least)
{
    config.service = service;
    log_set_level(least);
}

void log_set_level(enum log_level least)
{
    __atomic_store_n(&config.least, least, __ATOMIC_RELAXED);
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

bool log_level_read(const char *name, enum log_level *ret)
{
    for (int i = 0; i <= LOG_ERROR; i++)
        if (!strcmp(name, level_names[i])) return *ret = (enum log_level)i, true;
    return false;
}

/* A line is always whole JSON: what does not fit is left out, and END_CUT, for which there is always room, says so. */
#define END     "}\n"
#define END_CUT ",\"truncated\":true" END
enum { ROOM = LIMIT_LOG_LINE - (int)sizeof(END_CUT) + 1 };

struct line {
    char text[LIMIT_LOG_LINE];
    size_t len;
    bool cut;
};

/* All of `s` with `spare` bytes left after it, or nothing. */
static bool put(struct line *l, struct str s, size_t spare)
{
    if (s.len + spare > ROOM - l->len) {
        l->cut = true;
        return false;
    }
    memcpy(l->text + l->len, s.p, s.len);
    l->len += s.len;
    return true;
}

/* The next character of `s`, escaped if it must be (into `room`), and cut off `s`. */
static struct str next_escaped(struct str *s, char room[8])
{
    struct str all = *s;
    unsigned char c = (unsigned char)all.p[0];
    size_t n = 1;
    struct str out = { all.p, 1 };
    if (c >= 0x80) {
        bool ok = utf8_valid_len(str_sub(all, 0, all.len < 4 ? all.len : 4)) > 0;
        if (ok) utf8_first(all, &n);
        out = ok ? str_sub(all, 0, n) : STR("\uFFFD");
    } else if (c < 0x20 || c == 0x7F || c == '"' || c == '\\') {
        out = (struct str){ room, (size_t)snprintf(room, 8, "\\u%04x", c) };
    }
    *s = str_sub(all, n, all.len);
    return out;
}

/* A string, cut at a character when the line is full. */
static void put_text(struct line *l, struct str s)
{
    char room[8];
    if (!put(l, STR("\""), 1)) return;
    while (s.len && put(l, next_escaped(&s, room), 1)) continue;
    put(l, STR("\""), 0);
}

static void put_number(struct line *l, int64_t n)
{
    char digits[24];
    put(l, (struct str){ digits, (size_t)snprintf(digits, sizeof digits, "%" PRId64, n) }, 0);
}

/* ,"key":value - or, when not even the shortest value fits, nothing. */
static void put_field(struct line *l, const struct log_field *f)
{
    enum { SHORTEST_VALUE = 24 };
    size_t before = l->len;
    put(l, before ? STR(",") : STR("{"), 0);
    put_text(l, str_of(f->key));
    put(l, STR(":"), SHORTEST_VALUE);
    if (l->cut) l->len = before;
    else if (f->is_number) put_number(l, f->number);
    else if (str_is_none(f->text)) put(l, STR("null"), 0);
    else put_text(l, f->text);
}

void log_write(enum log_level level, const char *message, const struct log_field *fields)
{
    if (level < __atomic_load_n(&config.least, __ATOMIC_RELAXED)) return;
    int error = errno;
    char now[CLOCK_TEXT];
    const struct log_field head[] = {
        LOG_STR("time", clock_now_text(now)), LOG_Z("level", log_level_name(level)),
        LOG_Z("service", config.service), LOG_Z("message", message), { .key = NULL },
    };
    struct line l;
    l.len = 0;
    l.cut = false;
    for (const struct log_field *f = head; f->key; f++) put_field(&l, f);
    for (const struct log_field *f = fields; f->key && !l.cut; f++) put_field(&l, f);
    struct str end = l.cut ? STR(END_CUT) : STR(END);
    memcpy(l.text + l.len, end.p, end.len);
    if (write(STDERR_FILENO, l.text, l.len + end.len) < 0) errno = 0; /* there is nowhere to complain */
    errno = error;
}
