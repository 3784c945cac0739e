#include "watch.h"

#include "auth/principal.h"
#include "base/clock.h"
#include "base/window.h"
#include "http/route.h"

#include <pthread.h>
#include <stdlib.h>

enum { SETS = 4096, WAYS = 4, KEY_MAX = 96 };

enum { LOGINS_OF_ACCOUNT, LOGINS_OF_ADDRESS, DENIALS_OF_USER, DENIALS_OF_ADDRESS, MISSES_OF_USER, BYTES_OF_USER, RECORDS_OF_USER };

#define AT(member) offsetof(struct watch_settings, member)
const struct opt watch_opts[] = { /* the first in the order of the rules */
    { "WATCH_LOGIN_FAILURES_OF_ACCOUNT", O_INT, AT(limit[LOGINS_OF_ACCOUNT]), "20", O_LIVE, 0, 1000000,
      "failed logins of one account within WATCH_WINDOW_S that give an alert; 0, here and below: none do" },
    { "WATCH_LOGIN_FAILURES_OF_ADDRESS", O_INT, AT(limit[LOGINS_OF_ADDRESS]), "50", O_LIVE, 0, 1000000, "failed logins from one address" },
    { "WATCH_DENIALS_OF_USER", O_INT, AT(limit[DENIALS_OF_USER]), "50", O_LIVE, 0, 1000000, "answers 403 to one user" },
    { "WATCH_DENIALS_OF_ADDRESS", O_INT, AT(limit[DENIALS_OF_ADDRESS]), "200", O_LIVE, 0, 1000000, "answers 401 and 403 to one address" },
    { "WATCH_MISSES_OF_USER", O_INT, AT(limit[MISSES_OF_USER]), "200", O_LIVE, 0, 1000000,
      "answers 404 to one user: ids that are tried one after the other" },
    { "WATCH_KIB_OF_USER", O_INT, AT(limit[BYTES_OF_USER]), "262144", O_LIVE, 0, 1000000000, "KiB that one user reads" },
    { "WATCH_RECORDS_OF_USER", O_INT, AT(limit[RECORDS_OF_USER]), "50000", O_LIVE, 0, 1000000000, "records in lists that one user reads" },
    { "WATCH_WINDOW_S", O_INT, AT(window_s), "3600", O_LIVE, 1, 86400, "the window of all of them, in seconds" },
    { "WATCH_BLOCK_S", O_INT, AT(block_s), "0", O_LIVE, 0, 604800,
      "how long an address that gives an alert is denied, in seconds, by a rule that administrators can take back; 0: not at all" },
    { 0 },
};

/* --- the rules -------------------------------------------------------------------------------------------------------------- */

enum kind { OF_ACCOUNT, OF_ADDRESS, OF_USER };
static const char *const kinds[] = { "account", "address", "user" };

static unsigned failed_login(const struct req *r)
{
    return r->route->rate == RATE_LOGIN && r->status == 401;
}

static unsigned denied(const struct req *r)
{
    return r->status == 403;
}

static unsigned denied_or_unknown(const struct req *r)
{
    return r->status == 403 || (r->status == 401 && r->route->rate != RATE_LOGIN);
}

static unsigned missed(const struct req *r)
{
    return r->status == 404 && r->params[0].len;
}

static unsigned kib_read(const struct req *r)
{
    return r->method == METHOD_GET && r->status == 200 ? (unsigned)(r->reply_bytes / 1024 + 1) : 0;
}

static unsigned records_read(const struct req *r)
{
    return (unsigned)r->records;
}

static const struct rule {
    const char *name;
    enum kind kind;
    unsigned (*count)(const struct req *r); /* what an answer adds */
} rules[WATCH_RULES] = {
    [LOGINS_OF_ACCOUNT] = { "LOGIN_FAILURES_OF_ACCOUNT", OF_ACCOUNT, failed_login },
    [LOGINS_OF_ADDRESS] = { "LOGIN_FAILURES_OF_ADDRESS", OF_ADDRESS, failed_login },
    [DENIALS_OF_USER] = { "DENIALS_OF_USER", OF_USER, denied },
    [DENIALS_OF_ADDRESS] = { "DENIALS_OF_ADDRESS", OF_ADDRESS, denied_or_unknown },
    [MISSES_OF_USER] = { "MISSES_OF_USER", OF_USER, missed },
    [BYTES_OF_USER] = { "KIB_OF_USER", OF_USER, kib_read },
    [RECORDS_OF_USER] = { "RECORDS_OF_USER", OF_USER, records_read },
};

static struct str key_of(const struct req *r, enum kind kind, struct str account)
{
    if (kind == OF_ACCOUNT) return account;
    if (kind == OF_ADDRESS) return r->peer;
    return r->who ? r->who->user_id : STR_NONE;
}

/* --- counts ------------------------------------------------------------------------------------------------------------------- */

struct tally {
    char key[KEY_MAX];
    size_t length;
    int rule, window_s;
    struct window window; /* one kind of it */
    uint64_t used_us;
    bool is_told;
};

static struct {
    pthread_mutex_t lock;
    struct tally (*sets)[WAYS];
} table = { .lock = PTHREAD_MUTEX_INITIALIZER };
static uint64_t alerts[WATCH_RULES]; /* relaxed atomics */

void watch_start(void)
{
    table.sets = calloc(SETS, sizeof *table.sets);
    if (!table.sets) abort();
}

void watch_stop(void)
{
    free(table.sets);
}

static bool is_of(const struct tally *t, int rule, struct str key)
{
    return t->rule == rule && t->length == key.len && !memcmp(t->key, key.p, key.len);
}

static struct tally *find(int rule, struct str key, uint64_t now_us)
{
    struct tally *set = table.sets[(str_hash(key) + (uint64_t)rule * 0x9e3779b97f4a7c15U) % SETS], *found = set;
    for (struct tally *t = set; t < set + WAYS && !is_of(found, rule, key); t++)
        if (is_of(t, rule, key) || t->used_us < found->used_us) found = t;
    if (!is_of(found, rule, key)) {
        *found = (struct tally){ .length = key.len, .rule = rule };
        memcpy(found->key, key.p, key.len);
    }
    found->used_us = now_us;
    return found;
}

/* Is this the answer with which it goes beyond the limit? */
static bool tips(int rule, struct str key, unsigned n, const struct watch_settings *s, unsigned *ret_count)
{
    uint64_t now = clock_us();
    if (key.len > KEY_MAX) key.len = KEY_MAX;
    pthread_mutex_lock(&table.lock);
    struct tally *t = find(rule, key, now);
    if (t->window_s != s->window_s) window_init(&t->window, s->window_s * 1000); /* new, or the setting is */
    t->window_s = s->window_s;
    window_add_n(&t->window, now, 0, n);
    *ret_count = window_sum(&t->window, now, 0);
    bool is_beyond = *ret_count > (unsigned)s->limit[rule], is_new = is_beyond && !t->is_told;
    t->is_told = is_beyond;
    pthread_mutex_unlock(&table.lock);
    return is_new;
}

size_t watch_see(struct req *r, const struct watch_settings *s, struct str account, struct watch_alert ret[WATCH_RULES])
{
    size_t n = 0;
    for (int i = 0; i < WATCH_RULES; i++) {
        unsigned adds = s->limit[i] ? rules[i].count(r) : 0, count;
        struct str key = adds ? key_of(r, rules[i].kind, account) : STR_NONE;
        if (!key.len || !tips(i, key, adds, s, &count)) continue;
        __atomic_add_fetch(&alerts[i], 1, __ATOMIC_RELAXED);
        ret[n++] = (struct watch_alert){ rules[i].name, kinds[rules[i].kind], key, count };
    }
    return n;
}

void watch_print(struct buf *out)
{
    buf_addz(out, "# HELP security_alerts_total Alerts, by the rule that gave them.\n# TYPE security_alerts_total counter\n");
    for (int i = 0; i < WATCH_RULES; i++)
        buf_addf(out, "security_alerts_total{rule=\"%s\"} %llu\n", rules[i].name,
                 (unsigned long long)__atomic_load_n(&alerts[i], __ATOMIC_RELAXED));
}
