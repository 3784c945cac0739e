#include "who.h"

#include "crm.h"
#include "expect.h"
#include "jwt.h"
#include "pool.h"
#include "sql.h"
#include "stack.h"

#include <string.h>

/* What an access token says of itself. */
static const char *claim(const char *token, const char *name)
{
    const char *payload = strchr(token, '.') + 1;
    cJSON *json = cJSON_Parse(base64url_text(text("%.*s", (int)strcspn(payload, "."), payload)));
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(json, name);
    char *found = text("%s", cJSON_IsString(value) ? value->valuestring : "");
    cJSON_Delete(json);
    return found;
}

struct reply *who_login(const char *url, const char *name, const char *secret, const char *more)
{
    return http_send(&(struct request){
        .method = "POST",
        .url = text("%s/api/v1/auth/login", url),
        .body = text("{\"username\":\"%s\",\"password\":\"%s\"%s}", name, secret, more ? more : ""),
    });
}

struct who who_of(struct reply *r, const char *at)
{
    expect_status(r, 200);
    struct who w = {
        .name = text("%s", text_at(r, text("%suser_info.username", at))),
        .id = text("%s", text_at(r, text("%suser_info.user_id", at))),
        .token = text("%s", text_at(r, text("%saccess_token", at))),
        .refresh = text("%s", text_at(r, text("%srefresh_token", at))),
    };
    w.session = claim(w.token, "jti");
    return w;
}

struct who who_again(const char *name)
{
    return who_of(who_login(stack.auth_url, name, WHO_PASSWORD, NULL), "");
}

/* A user of its own for each test. */
struct who who_new(void)
{
    user_with_role("SALES_REP");
    target(stack.auth_url);
    struct who w = who_again(sql(stack.auth_db, "SELECT username FROM users ORDER BY created_time DESC LIMIT 1"));
    sql(stack.auth_db, "DELETE FROM sessions WHERE user_id = '%s' AND session_id <> '%s'", w.id, w.session);
    return w;
}

struct reply *who_refresh(const char *token)
{
    target(stack.auth_url);
    return POST("/api/v1/auth/refresh", text("{\"refresh_token\":\"%s\"}", token));
}

long who_sessions(const struct who *w)
{
    return sql_count(stack.auth_db, "SELECT count(*) FROM live_sessions WHERE user_id = '%s'", w->id);
}

const char *who_ended(const char *session)
{
    return sql(stack.auth_db, "SELECT coalesce(ended_by, 'nobody') FROM sessions WHERE session_id = '%s'", session);
}

void expect_ended(const struct who *w, const char *by)
{
    assert_string_equal(who_ended(w->session), by);
    assert_true(sql_count(stack.auth_db, "SELECT count(*) FROM revocations WHERE session_id = '%s'", w->session) == 1);
    expect_error(who_refresh(w->refresh), 401, "UNAUTHENTICATED", "");
}
