#include "base/zone.h"

#include "base/calendar.h"
#include "base/str.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define ZONEINFO "/usr/share/zoneinfo/"

/* TZif files tell the past as a list of changes and the future as a rule for every year. The rule is unrolled when a
 * zone is loaded, so that a look-up knows only this list. It ends with a span that begins after all time. */
struct span {
    int64_t start; /* unix seconds */
    int offset;    /* seconds east of UTC */
};

struct zone {
    struct zone *next;
    char *name;
    struct span *spans;
    size_t count;
};

enum {
    FILE_MAX = 64 * 1024,
    RULE_LAST_YEAR = 9999,
    RULE_SPANS = 2 * (RULE_LAST_YEAR - 1900),
    FARTHEST_OFFSET = 2 * DAY_S, /* no place is that far from UTC */
};

/* --- look-up ------------------------------------------------------------------------------------------------------ */

static const struct span *span_at(const struct zone *z, int64_t unix_s)
{
    size_t low = 0, high = z->count - 1;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (z->spans[middle].start <= unix_s) low = middle;
        else high = middle;
    }
    return &z->spans[low];
}

int zone_offset(const struct zone *z, int64_t unix_s)
{
    return span_at(z, unix_s)->offset;
}

bool zone_instant(const struct zone *z, int64_t wall_s, int64_t *ret_unix_s)
{
    for (const struct span *s = span_at(z, wall_s - FARTHEST_OFFSET);; s++) {
        int64_t instant = wall_s - s->offset;
        bool skipped = instant < s->start;
        *ret_unix_s = skipped ? s->start : instant;
        if (skipped || instant < s[1].start) return !skipped;
    }
}

int64_t zone_midnight(const struct zone *z, int days)
{
    int64_t unix_s;
    zone_instant(z, (int64_t)days * DAY_S, &unix_s); /* skipped: the day starts with the jump */
    return unix_s * 1000000;
}

/* --- the rule: a POSIX TZ string like "CET-1CEST,M3.5.0,M10.5.0/3" ------------------------------------------------ */

struct change {
    int month, week, weekday; /* week 5 is the last one */
    int time;                 /* seconds after midnight, wall clock before the change */
};

struct rule {
    int standard, summer;      /* seconds east of UTC */
    struct change begin, end; /* of summer time */
};

static bool take_char(struct str *s, char c)
{
    if (s->len == 0 || s->p[0] != c) return false;
    *s = str_sub(*s, 1, s->len);
    return true;
}

static bool take_int(struct str *s, int *ret)
{
    size_t i = 0;
    int n = 0;
    for (; i < s->len && i < 3 && s->p[i] >= '0' && s->p[i] <= '9'; i++) n = n * 10 + (s->p[i] - '0');
    *s = str_sub(*s, i, s->len);
    *ret = n;
    return i > 0;
}

/* "CET" or "<+0330>" */
static bool take_name(struct str *s)
{
    bool quoted = take_char(s, '<');
    size_t i = 0;
    while (i < s->len && (quoted ? s->p[i] != '>' : (s->p[i] | 0x20) >= 'a' && (s->p[i] | 0x20) <= 'z')) i++;
    *s = str_sub(*s, i, s->len);
    return i > 0 && (!quoted || take_char(s, '>'));
}

/* "-1", "3:30", "24": hours, minutes, seconds */
static bool take_hms(struct str *s, int *ret)
{
    bool negative = take_char(s, '-');
    if (!negative) take_char(s, '+');
    int part, total = 0, unit = 3600;
    do {
        if (!take_int(s, &part)) return false;
        total += part * unit;
        unit /= 60;
    } while (unit && take_char(s, ':'));
    *ret = negative ? -total : total;
    return true;
}

/* ",M3.5.0/2" */
static bool take_change(struct str *s, struct change *c)
{
    if (!take_char(s, ',') || !take_char(s, 'M') || !take_int(s, &c->month)) return false;
    if (!take_char(s, '.') || !take_int(s, &c->week) || !take_char(s, '.') || !take_int(s, &c->weekday)) return false;
    c->time = 2 * 3600;
    if (take_char(s, '/') && !take_hms(s, &c->time)) return false;
    return c->month >= 1 && c->month <= 12 && c->week >= 1 && c->week <= 5 && c->weekday <= 6;
}

/* POSIX counts offsets west of Greenwich. The forms that name a day of the year are not understood: no zone has one. */
static bool rule_read(struct str s, struct rule *r)
{
    int west;
    if (!take_name(&s) || !take_hms(&s, &west) || !take_name(&s)) return false;
    r->standard = -west;
    r->summer = r->standard + 3600;
    if (s.len && s.p[0] != ',') {
        if (!take_hms(&s, &west)) return false;
        r->summer = -west;
    }
    return take_change(&s, &r->begin) && take_change(&s, &r->end) && s.len == 0;
}

static int64_t change_instant(const struct change *c, int year, int offset_before)
{
    int first = day_number(year, c->month, 1);
    int day = (c->weekday - weekday(first) + 7) % 7 + (c->week - 1) * 7;
    if (day >= days_in_month(year, c->month)) day -= 7;
    return (int64_t)(first + day) * DAY_S + c->time - offset_before;
}

static void span_add(struct zone *z, int64_t start, int offset)
{
    if (z->count && start <= z->spans[z->count - 1].start) return; /* the list of changes already told */
    z->spans[z->count++] = (struct span){ start, offset };
}

static void rule_unroll(const struct rule *r, struct zone *z)
{
    for (int year = 1970; year <= RULE_LAST_YEAR; year++) {
        struct span begin = { change_instant(&r->begin, year, r->standard), r->summer };
        struct span end = { change_instant(&r->end, year, r->summer), r->standard };
        bool north = begin.start < end.start;
        span_add(z, north ? begin.start : end.start, north ? begin.offset : end.offset);
        span_add(z, north ? end.start : begin.start, north ? end.offset : begin.offset);
    }
}

/* --- the file (RFC 8536, section 3) ------------------------------------------------------------------------------- */

static struct str take(struct str *s, size_t n)
{
    if (str_is_none(*s) || n > s->len) return *s = STR_NONE; /* and so is everything after it */
    struct str front = str_sub(*s, 0, n);
    *s = str_sub(*s, n, s->len);
    return front;
}

static int64_t big_endian(const char *p, int bytes)
{
    uint64_t n = p[0] < 0 ? UINT64_MAX : 0;
    for (int i = 0; i < bytes; i++) n = n << 8 | (unsigned char)p[i];
    return (int64_t)n;
}

enum { ISUT, ISSTD, LEAP, TIME, TYPE, CHAR, COUNTS };

/* The counts of a header; false when this is not one, or when the file counts leap seconds. */
static bool take_header(struct str *file, size_t counts[COUNTS])
{
    struct str h = take(file, 44);
    if (str_is_none(h) || memcmp(h.p, "TZif", 4) != 0 || h.p[4] < '2') return false;
    for (int i = 0; i < COUNTS; i++) {
        counts[i] = (size_t)big_endian(h.p + 20 + (size_t)i * 4, 4);
        if (counts[i] > FILE_MAX) return false;
    }
    return counts[LEAP] == 0 && counts[TYPE] > 0;
}

static int type_offset(struct str types, size_t i)
{
    return (int)big_endian(types.p + 6 * i, 4);
}

static bool spans_read(struct str times, struct str kinds, struct str types, struct zone *z)
{
    span_add(z, INT64_MIN, type_offset(types, 0));
    for (size_t i = 0; i < kinds.len; i++) {
        size_t kind = (unsigned char)kinds.p[i];
        if (kind >= types.len / 6) return false;
        span_add(z, big_endian(times.p + 8 * i, 8), type_offset(types, kind));
    }
    return true;
}

static bool zone_read(struct str file, struct zone *z)
{
    size_t n[COUNTS];
    if (!take_header(&file, n)) return false;
    take(&file, n[TIME] * 5 + n[TYPE] * 6 + n[CHAR] + n[ISSTD] + n[ISUT]); /* the same again, 32 bits wide */
    if (!take_header(&file, n)) return false;
    struct str times = take(&file, n[TIME] * 8), kinds = take(&file, n[TIME]), types = take(&file, n[TYPE] * 6);
    take(&file, n[CHAR] + n[ISSTD] + n[ISUT]);
    if (!take_char(&file, '\n')) return false;
    struct rule rule;
    z->spans = calloc(n[TIME] + RULE_SPANS + 2, sizeof *z->spans);
    if (!z->spans) abort();
    if (!spans_read(times, kinds, types, z)) return false;
    if (rule_read(str_cut(&file, '\n'), &rule)) rule_unroll(&rule, z);
    z->spans[z->count++] = (struct span){ .start = INT64_MAX };
    return true;
}

static struct str file_read(const char *name)
{
    static char content[FILE_MAX]; /* zone_load lets in one thread at a time */
    char path[256];
    if (snprintf(path, sizeof path, ZONEINFO "%s", name) >= (int)sizeof path) return STR_NONE;
    FILE *f = fopen(path, "rbe");
    if (!f) return STR_NONE;
    size_t n = fread(content, 1, sizeof content, f);
    fclose(f);
    return n < sizeof content ? (struct str){ content, n } : STR_NONE;
}

/* --- every zone that was ever asked for --------------------------------------------------------------------------- */

static bool name_is_safe(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
    return name[0] && name[0] != '/' && name[strspn(name, letters)] == 0; /* without dots there is no way up */
}

static struct zone *zone_new(const char *name)
{
    struct zone *z = calloc(1, sizeof *z);
    if (!z || !(z->name = strdup(name))) abort();
    if (zone_read(file_read(name), z)) return z;
    free(z->spans);
    free(z->name);
    free(z);
    return NULL;
}

static const struct zone *zone_find_or_add(const char *name)
{
    static struct zone *zones;
    for (struct zone *z = zones; z; z = z->next)
        if (strcmp(z->name, name) == 0) return z;
    struct zone *z = zone_new(name);
    if (!z) return NULL;
    z->next = zones;
    return zones = z;
}

const struct zone *zone_load(const char *name)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    if (!name_is_safe(name)) return NULL;
    pthread_mutex_lock(&lock);
    const struct zone *z = zone_find_or_add(name);
    pthread_mutex_unlock(&lock);
    return z;
}
