#include "drive.h"

#include <stdio.h>

static const char *const errors[DRIVE_ERRORS] = { "connect", "broken", "garbled", "unanswered", "late", "unsent" };

struct figures {
    uint64_t requests, failures, p50, p90, p99, max;
    double mean;
};

static struct figures figures_of(const struct drive_tally *t)
{
    const struct histogram *h = &t->latency;
    return (struct figures){
        .requests = h->count + t->failures,
        .failures = t->failures,
        .mean = h->count ? (double)h->sum / (double)h->count : 0,
        .p50 = histogram_at(h, 0.5),
        .p90 = histogram_at(h, 0.9),
        .p99 = histogram_at(h, 0.99),
        .max = h->max,
    };
}

static struct drive_tally sum_of(const struct mix *m, const struct drive_results *r)
{
    struct drive_tally all = { 0 };
    for (int i = 0; i < m->class_count; i++) {
        histogram_merge(&all.latency, &r->classes[i].latency);
        all.failures += r->classes[i].failures;
    }
    return all;
}

static double each(double us, const struct drive_results *r)
{
    return r->in_time ? us / (double)r->in_time : 0;
}

/* --- JSON --------------------------------------------------------------------------------------------------------- */

static void figures_json(const struct figures *f)
{
    printf("\"requests\": %lu, \"failures\": %lu, \"mean_us\": %.1f, \"p50_us\": %lu, \"p90_us\": %lu, \"p99_us\": %lu, \"max_us\": %lu",
           f->requests, f->failures, f->mean, f->p50, f->p90, f->p99, f->max);
}

static void failures_json(const struct drive_results *r)
{
    const char *comma = "";
    printf(", \"refusals\": %lu, \"statuses\": {", r->refusals);
    for (int i = 0; i < DRIVE_STATUSES; i++) {
        if (!r->statuses[i]) continue;
        printf("%s\"%d\": %lu", comma, i, r->statuses[i]);
        comma = ", ";
    }
    printf("}, \"errors\": {");
    for (int i = 0; i < DRIVE_ERRORS; i++) printf("%s\"%s\": %lu", i ? ", " : "", errors[i], r->errors[i]);
    printf("}");
}

static void report_json(const struct drive_options *o, const struct mix *m, const struct drive_results *r, const struct figures *all)
{
    printf("{\"seconds\": %g, \"warmup_seconds\": %g, \"connections\": %d, \"rate\": %g, \"per_second\": %.0f, ", o->seconds,
           o->warmup_seconds, o->connections, o->rate, (double)r->in_time_good / o->seconds);
    figures_json(all);
    printf(", \"client_cpu_us\": %.1f, \"client_user_us\": %.1f, \"client_system_us\": %.1f, \"client_late_us\": %lu",
           each(r->user_us + r->system_us, r), each(r->user_us, r), each(r->system_us, r), r->late_us);
    failures_json(r);
    printf(", \"classes\": [");
    for (int i = 0; i < m->class_count; i++) {
        struct figures f = figures_of(&r->classes[i]);
        printf("%s{\"class\": \"%.*s\", ", i ? ", " : "", STR_ARG(m->classes[i].name));
        figures_json(&f);
        printf("}");
    }
    printf("]}\n");
}

/* --- text --------------------------------------------------------------------------------------------------------- */

static void figures_text(struct str name, const struct figures *f)
{
    printf("%-20.*s %10lu %8lu %10.3f %9.3f %9.3f %9.3f %9.3f\n", STR_ARG(name), f->requests, f->failures, f->mean / 1000,
           (double)f->p50 / 1000, (double)f->p90 / 1000, (double)f->p99 / 1000, (double)f->max / 1000);
}

static void failures_text(const struct drive_results *r)
{
    for (int i = 0; i < DRIVE_STATUSES; i++)
        if (r->statuses[i]) printf("status %d: %lu\n", i, r->statuses[i]);
    if (r->refusals) printf("refusals (503 with Retry-After): %lu\n", r->refusals);
    for (int i = 0; i < DRIVE_ERRORS; i++)
        if (r->errors[i]) printf("%s: %lu\n", errors[i], r->errors[i]);
}

static void report_text(const struct drive_options *o, const struct mix *m, const struct drive_results *r, const struct figures *all)
{
    printf("%d connections, %g s after %g s of warm-up, ", o->connections, o->seconds, o->warmup_seconds);
    if (o->rate <= 0) printf("closed loop\n");
    else printf("%g requests/s arrive%s, seen up to %.1f ms late\n", o->rate, o->is_poisson ? " (Poisson)" : "", (double)r->late_us / 1000);
    printf("%.0f good replies/s; client CPU per reply %.1f us (user %.1f, system %.1f)\n\n", (double)r->in_time_good / o->seconds,
           each(r->user_us + r->system_us, r), each(r->user_us, r), each(r->system_us, r));
    printf("%-20s %10s %8s %10s %9s %9s %9s %9s\n", "", "requests", "failures", "mean ms", "p50", "p90", "p99", "max");
    for (int i = 0; i < m->class_count && m->class_count > 1; i++) {
        struct figures f = figures_of(&r->classes[i]);
        figures_text(m->classes[i].name, &f);
    }
    figures_text(STR("all"), all);
    failures_text(r);
}

void drive_report(const struct drive_options *o, const struct mix *m, const struct drive_results *r, bool as_json)
{
    struct drive_tally sum = sum_of(m, r);
    struct figures all = figures_of(&sum);
    all.failures += r->errors[DRIVE_CONNECT];
    (as_json ? report_json : report_text)(o, m, r, &all);
}
