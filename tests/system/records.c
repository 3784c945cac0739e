#include "records.h"

#include "expect.h"
#include "pool.h"
#include "sql.h"
#include "stack.h"

struct reply *through(const char *gateway, const char *token, const char *method, const char *path, const char *body, const char *id)
{
    return http_send(&(struct request){ .method = method, .url = text("%s%s", gateway, path), .token = token, .body = body,
                                        .headers = { text("X-Request-Id: %s", id), "User-Agent: audit-test/1" } });
}

bool is_recorded(void *id)
{
    return sql_count(stack.auth_db, "SELECT count(*) FROM audit_records WHERE client_request_id = '%s'", (char *)id) > 0;
}

const char *recorded(const char *id, const char *field)
{
    expect(poll_until(20, is_recorded, (char *)id), "no record of %s", id);
    assert_int_equal(sql_count(stack.auth_db, "SELECT count(*) FROM audit_records WHERE client_request_id = '%s'", id), 1);
    return sql(stack.auth_db, "SELECT %s FROM audit_records WHERE client_request_id = '%s'", field, id);
}

char *record_of(const char *time)
{
    return text("{\"log_id\":\"%s\",\"time\":\"%s\",\"method\":\"PUT\",\"operation\":\"x\",\"path\":\"/\",\"status\":200,\"latency_us\":1}",
                sql(stack.auth_db, "SELECT gen_random_uuid()"), time);
}

char *today(void)
{
    return sql(stack.auth_db, "SELECT (now() AT TIME ZONE 'UTC')::date");
}

struct reply *verification(const char *day)
{
    target(stack.auth_url);
    return expect_status(GET(text("/api/v1/audit-logs/verification/%s", day)), 200);
}
