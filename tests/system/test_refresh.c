/* Refresh tokens: contract.md, Tokens. Each works once; who shows it again is a thief, or was robbed. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "race.h"
#include "replica.h"
#include "sql.h"
#include "stack.h"
#include "who.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static void test_login_begins_a_session(void **state)
{
    (void)state;
    struct who w = who_new();
    struct reply *r = who_login(stack.auth_url, w.name, WHO_PASSWORD, ",\"device_name\":\"张三的手机\"");
    expect_number(r, "refresh_expires_in", 604800);
    assert_int_equal(strlen(text_at(r, "refresh_token")), 43);
    assert_true(cJSON_IsFalse(at(r, "must_change_password")));
    struct who second = who_of(r, "");
    assert_string_equal(sql(stack.auth_db, "SELECT device_name FROM sessions WHERE session_id = '%s'", second.session), "张三的手机");
    assert_string_equal(sql(stack.auth_db, "SELECT address FROM sessions WHERE session_id = '%s'", second.session), "127.0.0.1");
}

static void test_refresh_gives_both_tokens_of_the_same_session(void **state)
{
    (void)state;
    struct who w = who_new();
    as(NULL);
    struct reply *r = who_refresh(w.refresh);
    assert_string_equal(keys_at(r, "data"),
                        "access_token,token_type,expires_in,user_info,refresh_token,refresh_expires_in,must_change_password");
    assert_string_equal(header(r, "Cache-Control"), "no-store");
    struct who next = who_of(r, "data.");
    assert_string_equal(next.session, w.session);
    assert_string_not_equal(next.refresh, w.refresh);
    as(next.token);
    expect_status(GET("/api/v1/auth/validate"), 200);
    who_of(who_refresh(next.refresh), "data.");
}

static void test_refresh_says_what_holds_now(void **state)
{
    (void)state;
    struct who w = who_new();
    sql(stack.auth_db, "UPDATE users SET roles = '[\"FINANCE\"]' WHERE user_id = '%s'", w.id);
    struct who next = who_of(who_refresh(w.refresh), "data.");
    as(next.token);
    assert_null(strstr(GET("/api/v1/auth/validate")->body, "customer:create"));
    expect(has_text(GET("/api/v1/auth/validate"), "order:approve"), "%s", next.token);
}

static void test_refresh_token_is_kept_as_a_hash_only(void **state)
{
    (void)state;
    struct who w = who_new();
    assert_true(sql_count(stack.auth_db, "SELECT count(*) FROM refresh_tokens WHERE hash = sha256('%s')", w.refresh) == 1);
    assert_true(sql_count(stack.auth_db, "SELECT count(*) FROM refresh_tokens t WHERE t::text LIKE '%%%s%%'", w.refresh) == 0);
}

static void test_refresh_token_that_was_used_ends_its_session(void **state)
{
    (void)state;
    struct who w = who_new();
    struct who next = who_of(who_refresh(w.refresh), "data.");
    struct who other = who_again(w.name);
    expect_error(who_refresh(w.refresh), 401, "UNAUTHENTICATED", "");
    expect_ended(&next, "reuse");
    who_of(who_refresh(other.refresh), "data."); /* another session of the same user goes on */
}

static void test_refresh_refuses_what_is_no_refresh_token_of_ours(void **state)
{
    (void)state;
    struct who w = who_new();
    expect_error(who_refresh("Zk3q0bG1v8J5uQ2tXy7wR9sPmLnKdHcFaE4iO6gTjVU"), 401, "UNAUTHENTICATED", "");
    expect_error(who_refresh(w.token + strlen(w.token) - 40), 401, "UNAUTHENTICATED", "");
    expect_error(who_refresh(""), 400, "INVALID_FIELD", "refresh_token");
    expect_error(POST("/api/v1/auth/refresh", "{}"), 400, "INVALID_FIELD", "refresh_token");
    assert_int_equal(who_sessions(&w), 1);
}

static void test_refresh_refuses_a_session_that_has_expired(void **state)
{
    (void)state;
    struct who w = who_new();
    sql(stack.auth_db, "UPDATE sessions SET expires_time = now() WHERE session_id = '%s'", w.session);
    expect_error(who_refresh(w.refresh), 401, "UNAUTHENTICATED", "");
}

static void test_refresh_refuses_a_disabled_user(void **state)
{
    (void)state;
    struct who w = who_new();
    sql(stack.auth_db, "UPDATE users SET status = '停用' WHERE user_id = '%s'", w.id);
    expect_ended(&w, "disabled");
    sql(stack.auth_db, "UPDATE users SET status = '启用' WHERE user_id = '%s'", w.id);
    expect_error(who_refresh(w.refresh), 401, "UNAUTHENTICATED", "");
}

/* Two have the token: one of them gets through, and neither goes on. */
static void test_refresh_at_once_has_one_winner(void **state)
{
    (void)state;
    struct who w = who_new();
    struct replica second = replica_start("auth-service", NULL);
    struct request requests[RACERS];
    struct reply *replies[RACERS];
    for (int i = 0; i < RACERS; i++)
        requests[i] = (struct request){ .method = "POST",
                                        .url = text("%s/api/v1/auth/refresh", i % 2 ? stack.auth_url : second.url),
                                        .body = text("{\"refresh_token\":\"%s\"}", w.refresh),
                                        .fresh = true };
    race(requests, replies);
    int won = 0;
    struct who winner = w;
    for (int i = 0; i < RACERS; i++) {
        if (replies[i]->status == 200) winner = who_of(replies[i], "data."), won++;
        else expect_error(replies[i], 401, "UNAUTHENTICATED", "");
    }
    assert_int_equal(won, 1);
    expect_ended(&winner, "reuse");
}

static bool one_is_refreshed(void *sessions)
{
    const struct who *w = sessions;
    return sql_count(stack.auth_db, "SELECT count(*) FROM refresh_tokens t JOIN sessions s USING (session_id) WHERE s.user_id = '%s' "
                                    "AND t.rotated_time IS NOT NULL", w->id) > 0;
}

struct refreshing {
    struct request requests[RACERS];
    struct reply *replies[RACERS];
};

static void *refresh_all(void *arg)
{
    struct refreshing *r = arg;
    race(r->requests, r->replies);
    return NULL;
}

/* Wherever it stood when it was killed, each session has one refresh token, the one before or the one after. */
static void test_refresh_is_whole_or_not_at_all(void **state)
{
    (void)state;
    struct who w = who_new(), sessions[RACERS];
    struct replica second = replica_start("auth-service", NULL);
    struct refreshing r = { 0 };
    pthread_t thread;
    for (int i = 0; i < RACERS; i++) {
        sessions[i] = who_again(w.name);
        r.requests[i] = (struct request){ .method = "POST",
                                          .url = text("%s/api/v1/auth/refresh", second.url),
                                          .body = text("{\"refresh_token\":\"%s\"}", sessions[i].refresh),
                                          .fresh = true };
    }
    pthread_create(&thread, NULL, refresh_all, &r);
    poll_until(5, one_is_refreshed, sessions);
    kill(second.pid, SIGKILL);
    pthread_join(thread, NULL);
    assert_true(sql_count(stack.auth_db, "SELECT count(*) FROM live_sessions WHERE user_id = '%s' AND 1 <> (SELECT count(*) FROM "
                          "refresh_tokens t WHERE t.session_id = live_sessions.session_id AND t.rotated_time IS NULL)", w.id) == 0);
    for (int i = 0; i < RACERS; i++) {
        bool old_is_good = sql_count(stack.auth_db, "SELECT count(*) FROM refresh_tokens WHERE hash = sha256('%s') "
                                                    "AND rotated_time IS NULL", sessions[i].refresh);
        expect(old_is_good || r.replies[i]->status == 0 || r.replies[i]->status == 200, "%d: %ld", i, r.replies[i]->status);
        if (old_is_good) who_of(who_refresh(sessions[i].refresh), "data.");
    }
}

/* --- a refresh whose answer was lost ----------------------------------------------------------------------------- */

static struct reply *refresh_with_key(const char *token, const char *key)
{
    target(stack.auth_url);
    return call("POST", "/api/v1/auth/refresh", text("{\"refresh_token\":\"%s\"}", token), text("Idempotency-Key: %s", key), NULL);
}

static void test_refresh_may_be_repeated_with_its_key(void **state)
{
    (void)state;
    struct who w = who_new();
    const char *key = unique("key");
    struct who first = who_of(refresh_with_key(w.refresh, key), "data.");
    struct who again = who_of(refresh_with_key(w.refresh, key), "data.");
    assert_string_equal(again.refresh, first.refresh);
    who_of(who_refresh(again.refresh), "data.");
    expect_error(refresh_with_key(w.refresh, key), 401, "UNAUTHENTICATED", ""); /* what it led to has been used */
    assert_string_equal(who_ended(w.session), "reuse");
}

/* As a gateway does that sends it once more while the first is under way. */
static void test_refresh_with_one_key_may_come_several_times_at_once(void **state)
{
    (void)state;
    struct who w = who_new();
    struct request requests[RACERS];
    struct reply *replies[RACERS];
    for (int i = 0; i < RACERS; i++)
        requests[i] = (struct request){ .method = "POST",
                                        .url = text("%s/api/v1/auth/refresh", stack.auth_url),
                                        .body = text("{\"refresh_token\":\"%s\"}", w.refresh),
                                        .headers = { "Idempotency-Key: a8f1c0de-once" },
                                        .fresh = true };
    race(requests, replies);
    struct who first = who_of(replies[0], "data.");
    for (int i = 1; i < RACERS; i++) assert_string_equal(who_of(replies[i], "data.").refresh, first.refresh);
    who_of(who_refresh(first.refresh), "data.");
}

static void test_refresh_with_another_key_is_no_repetition(void **state)
{
    (void)state;
    struct who w = who_new();
    struct who next = who_of(refresh_with_key(w.refresh, unique("key")), "data.");
    expect_error(refresh_with_key(w.refresh, unique("key")), 401, "UNAUTHENTICATED", "");
    expect_ended(&next, "reuse");
}

static void test_refresh_may_be_repeated_for_a_minute(void **state)
{
    (void)state;
    struct who w = who_new();
    const char *key = unique("key");
    struct who next = who_of(refresh_with_key(w.refresh, key), "data.");
    sql(stack.auth_db, "UPDATE refresh_tokens SET rotated_time = rotated_time - interval '61 seconds' WHERE session_id = '%s'", w.session);
    expect_error(refresh_with_key(w.refresh, key), 401, "UNAUTHENTICATED", "");
    expect_ended(&next, "reuse");
}

/* --- what is over ------------------------------------------------------------------------------------------------ */

static void test_what_is_over_is_cleared_away(void **state)
{
    (void)state;
    struct who old = who_new(), live = who_new();
    sql(stack.auth_db, "UPDATE sessions SET ended_time = now() - interval '31 days' WHERE session_id = '%s'", old.session);
    sql(stack.auth_db, "INSERT INTO revocations (session_id, created_time) VALUES ('%s', now() - interval '26 hours'), "
                       "('%s', now() - interval '24 hours')", old.session, live.session);
    sql(stack.auth_db, "INSERT INTO login_failures VALUES ('x', 1, now() - interval '3 days'), ('y', 1, now())");
    sql(stack.auth_db, "INSERT INTO refresh_tokens VALUES ('x', '%s', now() - interval '1 second')", live.session);
    sql(stack.auth_db, "SELECT housekeeping()");
    const struct {
        const char *what;
        long left;
    } cases[] = {
        { text("sessions WHERE session_id = '%s'", old.session), 0 },
        { text("refresh_tokens WHERE session_id = '%s'", old.session), 0 },
        { text("revocations WHERE session_id = '%s'", old.session), 0 },
        { text("sessions WHERE session_id = '%s'", live.session), 1 },
        { text("refresh_tokens WHERE session_id = '%s'", live.session), 1 },
        { text("revocations WHERE session_id = '%s'", live.session), 1 },
        { "login_failures WHERE key = 'x'", 0 },
        { "login_failures WHERE key = 'y'", 1 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        long left = sql_count(stack.auth_db, "SELECT count(*) FROM %s", cases[i].what);
        expect(left == cases[i].left, "%s: %ld", cases[i].what, left);
    }
}

static void test_no_refresh_token_is_in_a_log(void **state)
{
    (void)state;
    own_stack_only();
    struct who w = who_new();
    struct who next = who_of(who_refresh(w.refresh), "data.");
    who_refresh(w.refresh);
    target(stack.auth_url);
    POST("/api/v1/auth/refresh", text("{\"refresh_token\":[\"%s\"]}", next.refresh));
    assert_int_not_equal(system(text("grep -rqF -e '%s' -e '%s' \"$LOG_DIR\"", w.refresh, next.refresh)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_login_begins_a_session),
        cmocka_unit_test(test_refresh_gives_both_tokens_of_the_same_session),
        cmocka_unit_test(test_refresh_says_what_holds_now),
        cmocka_unit_test(test_refresh_token_is_kept_as_a_hash_only),
        cmocka_unit_test(test_refresh_token_that_was_used_ends_its_session),
        cmocka_unit_test(test_refresh_refuses_what_is_no_refresh_token_of_ours),
        cmocka_unit_test(test_refresh_refuses_a_session_that_has_expired),
        cmocka_unit_test(test_refresh_refuses_a_disabled_user),
        cmocka_unit_test(test_refresh_at_once_has_one_winner),
        cmocka_unit_test(test_refresh_is_whole_or_not_at_all),
        cmocka_unit_test(test_refresh_may_be_repeated_with_its_key),
        cmocka_unit_test(test_refresh_with_one_key_may_come_several_times_at_once),
        cmocka_unit_test(test_refresh_with_another_key_is_no_repetition),
        cmocka_unit_test(test_refresh_may_be_repeated_for_a_minute),
        cmocka_unit_test(test_what_is_over_is_cleared_away),
        cmocka_unit_test(test_no_refresh_token_is_in_a_log),
    };
    return system_main("refresh", tests, COUNT(tests));
}
