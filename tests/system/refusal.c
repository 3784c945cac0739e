#include "refusal.h"

#include "expect.h"
#include "pool.h"

#include <stdlib.h>
#include <string.h>

void say(int fd, const char *bytes)
{
    raw_send(fd, bytes, strlen(bytes));
}

static int metric_of(const char *url, const char *series)
{
    const struct reply *all = expect_status(GET(text("%s/metrics", url)), 200);
    const char *at = strstr(all->body, series);
    expect(at != NULL, "no %s in %s", series, all->body);
    return atoi(at + strlen(series));
}

int refusals(const struct replica *r, const char *reason)
{
    return metric_of(r->url, text("http_refusals_total{reason=\"%s\"} ", reason));
}

static bool log_has_line(void *arg)
{
    return system(text("grep -aqF '\"refused\":\"%s\"' \"$LOG_DIR\"/replica.log", (const char *)arg)) == 0;
}

void expect_refused(const struct replica *r, const char *reply, int status, const char *slug, const char *reason, int before)
{
    expect(raw_status(reply) == status && strstr(reply, text("\"code\":%d,", status)) && strstr(reply, text("\"error\":\"%s\"", slug)) &&
               strstr(reply, "\"request_id\":\"") && strstr(reply, "\r\nX-Request-Id: "),
           "wanted %d %s: %s", status, slug, reply);
    expect(poll_until(5, log_has_line, text("%s", reason)), "the log does not tell of %s", reason);
    assert_int_equal(refusals(r, reason), before + 1);
}

void expect_overloaded(const struct replica *r, const char *reply, const char *reason, int before)
{
    expect(strstr(reply, "\r\nRetry-After: 1\r\n") != NULL, "%s", reply);
    expect_refused(r, reply, 503, "OVERLOADED", reason, before);
}
