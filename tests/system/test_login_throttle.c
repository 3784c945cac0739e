/* Login throttling: failures make the next login wait, by account and address, by account, by address; and nobody locks an owner out.
 *
 * Time passes here by making failures older. What waits, waits for minutes, so that a slow machine changes nothing. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "race.h"
#include "replica.h"
#include "sql.h"
#include "stack.h"
#include "who.h"

#include <stdlib.h>
#include <string.h>

static const char *somewhere(void)
{
    static int n;
    n++;
    return text("198.51.%d.%d", n / 250, n % 250);
}

static struct reply *login_at(const char *url, const char *address, const char *name, const char *password)
{
    return http_send(&(struct request){ .method = "POST",
                                        .url = text("%s/api/v1/auth/login", url),
                                        .body = text("{\"username\":\"%s\",\"password\":\"%s\"}", name, password),
                                        .headers = { text("X-Forwarded-For: %s", address) } });
}

static struct reply *login(const char *address, const char *name, const char *password)
{
    return login_at(stack.auth_url, address, name, password);
}

static void guess(const char *address, const char *name, int times)
{
    for (int i = 0; i < times; i++) expect_error(login(address, name, "wrong"), 401, "BAD_CREDENTIALS", "");
}

static const char *key(const char *name, const char *address)
{
    return text("login_key(%s, %s)", name ? text("'%s'", name) : "NULL", address ? text("'%s'", address) : "NULL");
}

/* Failures as if there had been so many, the last one so long ago. */
static void had_failed(const char *key, int times, double seconds_ago)
{
    sql(stack.auth_db,
        "INSERT INTO login_failures VALUES (%s, %d, clock_timestamp() - interval '%f seconds') ON CONFLICT (key) DO UPDATE SET failures = "
        "excluded.failures, failed_time = excluded.failed_time",
        key, times, seconds_ago);
}

static double failures(const char *key)
{
    return strtod(sql(stack.auth_db, "SELECT coalesce((SELECT failures FROM login_failures WHERE key = %s), 0)", key), NULL);
}

static void expect_throttled(struct reply *r, int at_least_s, int at_most_s)
{
    expect_error(r, 429, "TOO_MANY_REQUESTS", "");
    const char *after = header(r, "Retry-After");
    expect(after && atoi(after) >= at_least_s && atoi(after) <= at_most_s, "Retry-After: %s", after ? after : "none");
}

/* --- by account and address ----------------------------------------------------------------------------------------- */

static void test_login_waits_after_five_failures(void **state)
{
    (void)state;
    struct who w = who_new();
    const char *address = somewhere();
    guess(address, w.name, 5);
    expect(failures(key(w.name, address)) > 4.9, "%f failures", failures(key(w.name, address)));
    had_failed(key(w.name, address), 5 + 8, 0);
    expect_throttled(login(address, w.name, "wrong"), 200, 256);
    expect_throttled(login(address, w.name, WHO_PASSWORD), 200, 256); /* the right one as well: it tells nothing */
    expect_status(login(somewhere(), w.name, WHO_PASSWORD), 200);
}

static void test_wait_doubles_up_to_a_maximum(void **state)
{
    (void)state;
    const struct {
        int failures;
        double wait_s;
    } cases[] = { { 5 + 6, 64 }, { 5 + 7, 128 }, { 5 + 8, 256 }, { 5 + 9, 300 }, { 5 + 100, 300 }, { 1000000, 300 } };
    const char *address = somewhere(), *name = unique("nobody");
    for (size_t i = 0; i < COUNT(cases); i++) {
        had_failed(key(name, address), cases[i].failures, cases[i].wait_s - 40);
        expect_throttled(login(address, name, "wrong"), 1, 40);
        had_failed(key(name, address), cases[i].failures, cases[i].wait_s);
        guess(address, name, 1);
    }
}

static void test_half_of_the_failures_is_forgotten_in_an_hour(void **state)
{
    (void)state;
    const char *address = somewhere(), *name = unique("nobody");
    had_failed(key(name, address), 40, 3600);
    guess(address, name, 1);
    double left = failures(key(name, address));
    expect(left > 20 && left < 21.1, "%f failures", left);
}

static void test_what_is_refused_does_not_count(void **state)
{
    (void)state;
    const char *address = somewhere(), *name = unique("nobody");
    had_failed(key(name, address), 20, 0);
    for (int i = 0; i < 5; i++) expect_throttled(login(address, name, "wrong"), 200, 300);
    expect(failures(key(name, address)) == 20, "%f failures", failures(key(name, address)));
    assert_true(failures(key(NULL, address)) == 0 && failures(key(name, NULL)) == 0);
}

static void test_unknown_user_is_throttled_like_a_known_one(void **state)
{
    (void)state;
    struct who w = who_new();
    const char *names[] = { w.name, unique("nobody") };
    struct reply *replies[2];
    for (int i = 0; i < 2; i++) {
        const char *address = somewhere();
        guess(address, names[i], 5);
        had_failed(key(names[i], address), 5 + 20, 0);
        replies[i] = login(address, names[i], "wrong");
        expect_throttled(replies[i], 200, 300);
    }
    assert_memory_equal(replies[0]->body, replies[1]->body, strcspn(replies[0]->body, "[")); /* up to the request id */
}

static void test_login_that_succeeds_is_forgiven(void **state)
{
    (void)state;
    struct who w = who_new();
    const char *address = somewhere();
    guess(address, w.name, 3);
    expect_status(login(address, w.name, WHO_PASSWORD), 200);
    assert_true(failures(key(w.name, address)) == 0);
    expect(failures(key(w.name, NULL)) < 3.1 && failures(key(NULL, address)) < 3.1, "%f, %f failures", failures(key(w.name, NULL)),
           failures(key(NULL, address)));
    guess(address, w.name, 5);
}

static void test_case_of_the_name_makes_no_other_account(void **state)
{
    (void)state;
    const char *address = somewhere();
    had_failed(key("Nobody-Of-This-Name", address), 20, 0);
    expect_throttled(login(address, "nobody-of-THIS-name", "wrong"), 200, 300);
}

/* Were failures counted when they are known, all of these would be tried: hashing takes long. */
static void test_guesses_at_once_count_each_other(void **state)
{
    (void)state;
    const char *address = somewhere(), *name = unique("nobody");
    struct replica second = replica_start("auth-service", NULL);
    struct request requests[RACERS];
    struct reply *replies[RACERS];
    for (int i = 0; i < RACERS; i++)
        requests[i] = (struct request){ .method = "POST",
                                        .url = text("%s/api/v1/auth/login", i % 2 ? stack.auth_url : second.url),
                                        .body = text("{\"username\":\"%s\",\"password\":\"guess %d\"}", name, i),
                                        .headers = { text("X-Forwarded-For: %s", address) } };
    race(requests, replies);
    int tried = 0;
    for (int i = 0; i < RACERS; i++) {
        expect(replies[i]->status == 401 || replies[i]->status == 429, "%ld", replies[i]->status);
        tried += replies[i]->status == 401;
    }
    expect(tried >= 5 && tried < RACERS, "%d tried", tried);
}

static void test_guess_waits_for_the_one_before_it(void **state)
{
    (void)state;
    const char *address = somewhere(), *name = unique("nobody");
    had_failed(key(name, address), 5 + 8, 300);
    struct request q = { .method = "POST",
                         .url = text("%s/api/v1/auth/login", stack.auth_url),
                         .body = text("{\"username\":\"%s\",\"password\":\"wrong\"}", name),
                         .headers = { text("X-Forwarded-For: %s", address) } };
    const char *other = text("SELECT login_attempt('%s', '%s', '{5,100,50}', 300, 3600)", name, address);
    expect_throttled(race_behind(stack.auth_db, other, &q), 200, 300);
}

/* --- by account, by address ------------------------------------------------------------------------------------------ */

static void test_account_waits_wherever_its_failures_come_from(void **state)
{
    (void)state;
    struct who w = who_new();
    struct replica r = replica_start("auth-service", "LOGIN_FAILURES_ACCOUNT_MAX=3", NULL);
    for (int i = 0; i < 3; i++) expect_error(login_at(r.url, somewhere(), w.name, "wrong"), 401, "BAD_CREDENTIALS", "");
    expect(failures(key(w.name, NULL)) > 2.9, "%f failures", failures(key(w.name, NULL)));
    had_failed(key(w.name, NULL), 3 + 8, 0);
    expect_throttled(login_at(r.url, somewhere(), w.name, WHO_PASSWORD), 200, 256);
}

static void test_strangers_do_not_lock_an_owner_out(void **state)
{
    (void)state;
    struct who w = who_new();
    const char *home = somewhere();
    expect_status(login(home, w.name, WHO_PASSWORD), 200);
    had_failed(key(w.name, NULL), 100000, 0);
    had_failed(key(NULL, home), 100000, 0);
    expect_throttled(login(somewhere(), w.name, WHO_PASSWORD), 200, 300);
    expect_status(login(home, w.name, WHO_PASSWORD), 200);
    expect_throttled(login(home, unique("nobody"), "wrong"), 200, 300);
}

static void test_address_waits_whichever_account_it_fails_at(void **state)
{
    (void)state;
    struct who w = who_new();
    const char *address = somewhere();
    struct replica r = replica_start("auth-service", "LOGIN_FAILURES_ADDRESS_MAX=3", NULL);
    for (int i = 0; i < 3; i++) expect_error(login_at(r.url, address, unique("nobody"), "wrong"), 401, "BAD_CREDENTIALS", "");
    expect(failures(key(NULL, address)) > 2.9, "%f failures", failures(key(NULL, address)));
    had_failed(key(NULL, address), 3 + 8, 0);
    expect_throttled(login_at(r.url, address, w.name, WHO_PASSWORD), 200, 256);
    expect_status(login_at(r.url, somewhere(), w.name, WHO_PASSWORD), 200);
}

static void test_network_of_an_ipv6_client_is_one_address(void **state)
{
    (void)state;
    const char *name = unique("nobody");
    guess("2001:db8:0:7::1", name, 1);
    guess("2001:db8:0:7:ffff::2", name, 1);
    expect(failures(key(name, "2001:db8:0:7::/64")) > 1.9, "%f failures", failures(key(name, "2001:db8:0:7::/64")));
    had_failed(key(name, "2001:db8:0:7::/64"), 20, 0);
    expect_throttled(login("2001:db8:0:7:8::3", name, "wrong"), 200, 300);
    guess("2001:db8:0:8::1", name, 1);
}

/* Or else whoever works in an office could go on guessing there by logging in between. */
static void test_login_at_a_known_address_pays_for_nobody_elses_failures(void **state)
{
    (void)state;
    struct who w = who_new();
    const char *home = somewhere();
    expect_status(login(home, w.name, WHO_PASSWORD), 200);
    had_failed(key(NULL, home), 30, 0);
    expect_status(login(home, w.name, WHO_PASSWORD), 200);
    assert_true(failures(key(NULL, home)) == 30);
}

/* --- whose address it is ----------------------------------------------------------------------------------------------- */

static const char *address_of(const struct who *w)
{
    return sql(stack.auth_db, "SELECT address FROM sessions WHERE session_id = '%s'", w->session);
}

static void test_address_is_what_a_trusted_proxy_says(void **state)
{
    (void)state;
    struct who w = who_new();
    struct replica nobody = replica_start("auth-service", "TRUSTED_PROXIES=192.0.2.1", NULL);
    struct who trusted = who_of(login("203.0.113.7", w.name, WHO_PASSWORD), "");
    struct who untrusted = who_of(login_at(nobody.url, "203.0.113.7", w.name, WHO_PASSWORD), "");
    struct who outside = who_of(login_at(stack.gateway_url, "203.0.113.7", w.name, WHO_PASSWORD), "");
    assert_string_equal(address_of(&trusted), "203.0.113.7");
    assert_string_equal(address_of(&untrusted), "127.0.0.1");
    assert_string_equal(address_of(&outside), "127.0.0.1"); /* the gateway knows whom it talks to */
}

/* --- the other place where passwords are tried -------------------------------------------------------------------------- */

static void test_password_change_is_throttled_like_a_login(void **state)
{
    (void)state;
    struct who w = who_new();
    as(w.token);
    target(stack.auth_url);
    const char *right = text("{\"old_password\":\"%s\",\"new_password\":\"another horse\"}", WHO_PASSWORD);
    for (int i = 0; i < 5; i++)
        expect_error(PUT("/api/v1/auth/password", "{\"old_password\":\"wrong\",\"new_password\":\"another horse\"}"), 422, "RULE_VIOLATED",
                     "old_password");
    expect(failures(key(w.name, "127.0.0.1")) > 4.9, "%f failures", failures(key(w.name, "127.0.0.1")));
    had_failed(key(w.name, "127.0.0.1"), 5 + 8, 0);
    expect_throttled(PUT("/api/v1/auth/password", right), 200, 256);
    had_failed(key(w.name, "127.0.0.1"), 5 + 8, 256);
    expect_status(PUT("/api/v1/auth/password", right), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_login_waits_after_five_failures),
        cmocka_unit_test(test_wait_doubles_up_to_a_maximum),
        cmocka_unit_test(test_half_of_the_failures_is_forgotten_in_an_hour),
        cmocka_unit_test(test_what_is_refused_does_not_count),
        cmocka_unit_test(test_unknown_user_is_throttled_like_a_known_one),
        cmocka_unit_test(test_login_that_succeeds_is_forgiven),
        cmocka_unit_test(test_case_of_the_name_makes_no_other_account),
        cmocka_unit_test(test_guesses_at_once_count_each_other),
        cmocka_unit_test(test_guess_waits_for_the_one_before_it),
        cmocka_unit_test(test_account_waits_wherever_its_failures_come_from),
        cmocka_unit_test(test_strangers_do_not_lock_an_owner_out),
        cmocka_unit_test(test_address_waits_whichever_account_it_fails_at),
        cmocka_unit_test(test_network_of_an_ipv6_client_is_one_address),
        cmocka_unit_test(test_login_at_a_known_address_pays_for_nobody_elses_failures),
        cmocka_unit_test(test_address_is_what_a_trusted_proxy_says),
        cmocka_unit_test(test_password_change_is_throttled_like_a_login),
    };
    return system_main("login throttling", tests, COUNT(tests));
}
