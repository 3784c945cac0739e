#include "expect.h"

#include "pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SHOWN = 900 };

/* --- values in a reply -------------------------------------------------------------------------------------------- */

cJSON *at(const struct reply *r, const char *path)
{
    cJSON *v = r->json;
    while (v && *path) {
        size_t n = strcspn(path, ".");
        char *step = text("%.*s", (int)n, path);
        v = cJSON_IsArray(v) ? cJSON_GetArrayItem(v, atoi(step)) : cJSON_GetObjectItemCaseSensitive(v, step);
        path += n + (path[n] == '.');
    }
    return v;
}

const char *text_at(const struct reply *r, const char *path)
{
    return cJSON_GetStringValue(at(r, path));
}

int number_at(const struct reply *r, const char *path)
{
    const cJSON *v = at(r, path);
    return cJSON_IsNumber(v) ? v->valueint : -1;
}

bool is_null_at(const struct reply *r, const char *path)
{
    return cJSON_IsNull(at(r, path));
}

char *keys_at(const struct reply *r, const char *path)
{
    char *all = text("%s", "");
    const cJSON *v = at(r, path), *child;
    cJSON_ArrayForEach(child, v) all = text("%s%s%s", all, *all ? "," : "", child->string ? child->string : "?");
    return all;
}

/* --- expectations ------------------------------------------------------------------------------------------------- */

static void show(const struct reply *r)
{
    print_error("  %s\n  -> %ld%s%s\n  %.*s\n", r->what, r->status, r->error ? " " : "",
                r->error ? curl_easy_strerror(r->error) : "", SHOWN, r->body);
}

#define expect_in(r, condition, ...)                                                                                   \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            print_error("\n%s:%d: ", file, line);                                                                      \
            print_error(__VA_ARGS__);                                                                                  \
            print_error("\n");                                                                                         \
            show(r);                                                                                                   \
            fail();                                                                                                    \
        }                                                                                                              \
    } while (0)

struct reply *expect_status_(struct reply *r, long want, const char *file, int line)
{
    expect_in(r, r->status == want, "status %ld instead of %ld", r->status, want);
    return r;
}

void expect_text_(struct reply *r, const char *path, const char *want, const char *file, int line)
{
    const char *got = text_at(r, path);
    if (!want)
        expect_in(r, is_null_at(r, path), "%s is not null", path);
    else
        expect_in(r, got && !strcmp(got, want), "%s is \"%s\" instead of \"%s\"", path, got ? got : "(no text)", want);
}

void expect_number_(struct reply *r, const char *path, int want, const char *file, int line)
{
    int got = number_at(r, path);
    expect_in(r, got == want, "%s is %d instead of %d", path, got, want);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "b,a" -> "a,b" */
static char *sorted(const char *list)
{
    char *names[64], *copy = text("%s", list), *rest = copy, *all = text("%s", "");
    size_t n = 0;
    for (char *name; n < COUNT(names) && (name = strsep(&rest, ","));)
        if (*name) names[n++] = name;
    qsort(names, n, sizeof *names, compare);
    for (size_t i = 0; i < n; i++) all = text("%s%s%s", all, i ? "," : "", names[i]);
    return all;
}

static char *bad_fields(const struct reply *r)
{
    char *all = text("%s", "");
    const cJSON *d, *list = at(r, "details");
    cJSON_ArrayForEach(d, list)
    {
        const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(d, "field"));
        all = text("%s%s%s", all, *all ? "," : "", name ? name : "?");
    }
    return sorted(all);
}

void expect_error_(struct reply *r, long status, const char *slug, const char *fields, const char *file, int line)
{
    expect_in(r, r->status == status, "status %ld instead of %ld", r->status, status);
    expect_number_(r, "code", (int)status, file, line);
    if (slug)
        expect_text_(r, "error", slug, file, line);
    else
        expect_in(r, text_at(r, "error"), "no error slug");
    expect_in(r, text_at(r, "message") && *text_at(r, "message"), "no message");
    expect_in(r, cJSON_IsArray(at(r, "details")), "no details");
    const char *id = text_at(r, "request_id"), *sent = header(r, "X-Request-Id");
    expect_in(r, id && *id && sent && !strcmp(id, sent), "request_id %s, X-Request-Id %s", id ? id : "-",
              sent ? sent : "-");
    if (fields)
        expect_in(r, !strcmp(bad_fields(r), sorted(fields)), "bad fields \"%s\" instead of \"%s\"", bad_fields(r),
                  sorted(fields));
}

cJSON *detail_of(struct reply *r, const char *field)
{
    cJSON *d, *list = at(r, "details");
    cJSON_ArrayForEach(d, list)
    {
        const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(d, "field"));
        if (name && !strcmp(name, field)) return d;
    }
    show(r);
    print_error("no detail about %s\n", field);
    fail();
    return NULL;
}

/* --- time --------------------------------------------------------------------------------------------------------- */

double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

bool poll_until(double seconds, bool (*is_true)(void *arg), void *arg)
{
    double deadline = now_s() + seconds;
    while (!is_true(arg)) {
        if (now_s() > deadline) return false;
        nanosleep(&(struct timespec){ 0, 5 * 1000 * 1000 }, NULL);
    }
    return true;
}
