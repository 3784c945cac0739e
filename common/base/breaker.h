/* breaker: stops sending to a service's route that fails or crawls, and finds out when it is well again.
 *
 * CLOSED admits everything and counts. Once `minimum` outcomes lie in the window and too many of them failed or were slow,
 * it is OPEN for a time that doubles with every trip in a row. Then HALF_OPEN admits `probes` requests at once: that many
 * successes close it, one failed or slow probe opens it again. Plain data, owned by the caller, one per worker, service and
 * route template; no clock of its own. What is reported of a request that was admitted before the state changed counts nowhere. */
#ifndef BASE_BREAKER_H
#define BASE_BREAKER_H

#include "base/window.h"

#include <stdbool.h>

enum { BREAKER_PROBES_MAX = 8 };

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

enum breaker_outcome {
    BREAKER_GOOD,
    BREAKER_FAILED, /* no connection, no answer in time, no usable answer, 5xx */
    BREAKER_UNKNOWN /* given up by us or the client: says nothing about the service */
};

struct breaker_settings {
    int window_ms;
    int minimum;       /* outcomes in the window before a share of them means anything */
    int error_percent; /* failed: this share trips; 0: not watched */
    int slow_percent;  /* longer than slow_ms, failed or not: this share trips; 0: not watched */
    int slow_ms;
    int open_ms;       /* after the first trip; doubles with every trip in a row ... */
    int open_max_ms;   /* ... up to this. Closed for as long, it begins at open_ms again */
    int probes;        /* 1 to BREAKER_PROBES_MAX: admitted at once, and successes that close */
    int probe_ms;      /* a probe without a report for so long is forgiven: another may take its place */
};

/* What a request keeps between admission and report. {0}: refused. */
struct breaker_pass {
    bool allowed;
    uint8_t place;      /* of a probe */
    int retry_ms;       /* refused: when to try again, at least 1 */
    uint32_t era;       /* number of the state in which it was admitted */
    uint32_t probe;     /* number of the probe; 0: none */
};

struct breaker {
    const struct breaker_settings *settings;
    struct window window;
    uint64_t since_us, until_us;    /* of the state; until: OPEN only */
    uint64_t seed;
    uint64_t trips, refused;        /* since breaker_init(), for metrics */
    enum breaker_state state;       /* as last decided; breaker_state() knows the time */
    uint32_t era, last_probe;
    int level;                      /* trips in a row */
    int successes;                  /* of probes */
    struct {
        uint32_t probe;             /* 0: free */
        uint64_t until_us;
    } places[BREAKER_PROBES_MAX];
};

/* `settings` must outlive `b`; a number of probes out of range aborts: a bug. `seed`: any random number, so that the times of
 * workers and gateways differ. */
void breaker_init(struct breaker *b, const struct breaker_settings *settings, uint64_t seed);

/* Others from now on. The state stays; what was counted too, unless the window is another one. */
void breaker_set(struct breaker *b, const struct breaker_settings *settings);

struct breaker_pass breaker_admit(struct breaker *b, uint64_t now_us);

/* Once for every admission; of a refused one it does nothing. `took_us`: from admission to outcome. */
void breaker_report(struct breaker *b, uint64_t now_us, const struct breaker_pass *pass, enum breaker_outcome outcome,
                    uint64_t took_us);

enum breaker_state breaker_state(const struct breaker *b, uint64_t now_us);
const char *breaker_state_name(enum breaker_state state); /* "closed", "open", "half_open" */

#endif
