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
