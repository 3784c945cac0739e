/* Sessions: contract.md, Tokens. Whoever has one can see it and end it, and so can an administrator. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "race.h"
#include "replica.h"
#include "sql.h"
#include "stack.h"
#include "who.h"

#include <string.h>


static void test_sessions_are_listed_newest_first(void **state)
{
    (void)state;
    struct who a = who_new(), b = who_of(who_login(stack.auth_url, a.name, WHO_PASSWORD, ",\"device_name\":\"b\""), "");
    as(a.token);
    struct reply *r = expect_status(GET("/api/v1/auth/sessions"), 200);
    assert_int_equal(cJSON_GetArraySize(at(r, "data")), 2);
    assert_string_equal(keys_at(r, "data.0"), "session_id,device_name,address,user_agent,created_time,last_used_time,expires_time,current");
    expect_text(r, "data.0.session_id", b.session);
    expect_text(r, "data.0.device_name", "b");
    assert_true(is_null_at(r, "data.1.device_name"));
    assert_true(cJSON_IsFalse(at(r, "data.0.current")) && cJSON_IsTrue(at(r, "data.1.current")));
    assert_int_equal(strlen(text_at(r, "data.0.created_time")), 19);
    expect_error(GET("/api/v1/auth/sessions?page=1"), 400, "INVALID_FIELD", "page");
}

static void test_session_can_be_ended_by_its_user(void **state)
{
    (void)state;
    struct who a = who_new(), b = who_again(a.name), stranger = who_new();
    as(stranger.token);
    expect_error(DELETE(text("/api/v1/auth/sessions/%s", b.session)), 404, "NOT_FOUND", "");
    as(a.token);
    expect_number(expect_status(DELETE(text("/api/v1/auth/sessions/%s", b.session)), 200), "data.ended", 1);
    expect_error(DELETE(text("/api/v1/auth/sessions/%s", b.session)), 404, "NOT_FOUND", "");
    expect_error(DELETE("/api/v1/auth/sessions/7"), 400, "INVALID_FIELD", "session_id");
    expect_error(DELETE(text("/api/v1/auth/sessions/%s", UUID_ABSENT)), 404, "NOT_FOUND", "");
    expect_ended(&b, "user");
    who_of(who_refresh(a.refresh), "data.");
    assert_int_equal(who_sessions(&stranger), 1);
}

static void test_other_sessions_can_be_ended_by_their_user(void **state)
{
    (void)state;
    struct who a = who_new(), b = who_again(a.name), c = who_again(a.name), stranger = who_new();
    as(b.token);
    expect_number(expect_status(DELETE("/api/v1/auth/sessions"), 200), "data.ended", 2);
    expect_number(expect_status(DELETE("/api/v1/auth/sessions"), 200), "data.ended", 0);
    expect_ended(&a, "user");
    expect_ended(&c, "user");
    who_of(who_refresh(b.refresh), "data.");
    who_of(who_refresh(stranger.refresh), "data.");
}

static void test_logout_ends_the_own_session(void **state)
{
    (void)state;
    struct who a = who_new(), b = who_again(a.name);
    as(a.token);
    expect_error(POST("/api/v1/auth/logout", "{\"all\":true}"), 400, "INVALID_FIELD", "all");
    expect_number(expect_status(POST("/api/v1/auth/logout", NULL), 200), "data.ended", 1);
    expect_ended(&a, "logout");
    who_of(who_refresh(b.refresh), "data.");
}

/* --- an administrator -------------------------------------------------------------------------------------------- */

static void test_administrator_sees_and_ends_anyones_sessions(void **state)
{
    (void)state;
    struct who a = who_new(), b = who_again(a.name), c = who_again(a.name);
    const char *all = text("/api/v1/users/%s/sessions", a.id);
    as(stack.admin_token);
    struct reply *r = expect_status(GET(all), 200);
    assert_int_equal(cJSON_GetArraySize(at(r, "data")), 3);
    assert_true(cJSON_IsFalse(at(r, "data.0.current")));
    expect_number(expect_status(DELETE(text("%s/%s", all, b.session)), 200), "data.ended", 1);
    expect_error(DELETE(text("%s/%s", all, b.session)), 404, "NOT_FOUND", "");
    expect_ended(&b, "administrator");
    as(stack.admin_token);
    expect_number(expect_status(DELETE(all), 200), "data.ended", 2);
    expect_ended(&a, "administrator");
    expect_ended(&c, "administrator");
}

static void test_sessions_of_a_user_who_does_not_exist_are_not_found(void **state)
{
    (void)state;
    struct who a = who_new();
    as(stack.admin_token);
    expect_error(GET(text("/api/v1/users/%s/sessions", UUID_ABSENT)), 404, "NOT_FOUND", "");
    expect_error(DELETE(text("/api/v1/users/%s/sessions", UUID_ABSENT)), 404, "NOT_FOUND", "");
    expect_error(DELETE(text("/api/v1/users/%s/sessions/%s", UUID_ABSENT, a.session)), 404, "NOT_FOUND", "");
    expect_error(DELETE("/api/v1/users/7/sessions/8"), 400, "INVALID_FIELD", "user_id,session_id");
    assert_int_equal(who_sessions(&a), 1);
}

static void test_sessions_of_others_are_for_administrators(void **state)
{
    (void)state;
    struct who a = who_new(), b = who_new();
    as(b.token);
    expect_error(GET(text("/api/v1/users/%s/sessions", a.id)), 403, "FORBIDDEN", "permission");
    expect_error(DELETE(text("/api/v1/users/%s/sessions", a.id)), 403, "FORBIDDEN", "permission");
    expect_error(DELETE(text("/api/v1/users/%s/sessions/%s", a.id, a.session)), 403, "FORBIDDEN", "permission");
    assert_int_equal(who_sessions(&a), 1);
}

/* --- how many ---------------------------------------------------------------------------------------------------- */

static void test_login_beyond_the_maximum_ends_the_oldest_session(void **state)
{
    (void)state;
    struct who a = who_new(), b = who_again(a.name);
    struct replica two = replica_start("auth-service", "MAX_SESSIONS_PER_USER=2", NULL);
    struct who c = who_of(who_login(two.url, a.name, WHO_PASSWORD, NULL), "");
    expect_ended(&a, "limit");
    who_of(who_refresh(b.refresh), "data.");
    who_of(who_refresh(c.refresh), "data.");
}

static void test_logins_at_once_stay_within_the_maximum(void **state)
{
    (void)state;
    struct who w = who_new();
    struct replica one = replica_start("auth-service", "MAX_SESSIONS_PER_USER=1", NULL);
    const char *hash = sql(stack.auth_db, "SELECT password_hash FROM users WHERE user_id = '%s'", w.id);
    const char *begin = text("SELECT session_begin('%s', '%s', 'x', 60, 1, gen_random_uuid(), 'the other', '', '', NULL)", w.id, hash);
    struct request q = { .method = "POST",
                         .url = text("%s/api/v1/auth/login", one.url),
                         .body = text("{\"username\":\"%s\",\"password\":\"%s\"}", w.name, WHO_PASSWORD) };
    struct who second = who_of(race_behind(stack.auth_db, begin, &q), "");
    assert_int_equal(who_sessions(&w), 1);
    who_of(who_refresh(second.refresh), "data.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sessions_are_listed_newest_first),
        cmocka_unit_test(test_session_can_be_ended_by_its_user),
        cmocka_unit_test(test_other_sessions_can_be_ended_by_their_user),
        cmocka_unit_test(test_logout_ends_the_own_session),
        cmocka_unit_test(test_administrator_sees_and_ends_anyones_sessions),
        cmocka_unit_test(test_sessions_of_a_user_who_does_not_exist_are_not_found),
        cmocka_unit_test(test_sessions_of_others_are_for_administrators),
        cmocka_unit_test(test_login_beyond_the_maximum_ends_the_oldest_session),
        cmocka_unit_test(test_logins_at_once_stay_within_the_maximum),
    };
    return system_main("sessions", tests, COUNT(tests));
}
