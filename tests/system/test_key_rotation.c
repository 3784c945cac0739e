/* Signing keys change while the system works: contract.md, Tokens. The later tests take the key of running sessions away. */
#include "crm.h"
#include "expect.h"
#include "jwt.h"
#include "pool.h"
#include "race.h"
#include "sql.h"
#include "stack.h"
#include "who.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

enum { CLIENTS = 3 };
#define OVERLAP_S "45" /* whoever verifies tokens asks for keys every 30 s */

static int rotate(const char *options)
{
    return auth_service("", text("rotate-key %s >/dev/null 2>&1", options));
}

static const char *signing_kid(void)
{
    return sql(stack.auth_db, "SELECT kid FROM signing_key");
}

static const char *kid_of(const char *token)
{
    return base64url_text(text("%.*s", (int)strcspn(token, "."), token));
}

static bool is_published(const char *kid)
{
    as(NULL);
    target(stack.auth_url);
    return has_text(expect_status(GET("/api/v1/auth/jwks"), 200), kid);
}

static int published(void)
{
    as(NULL);
    target(stack.auth_url);
    return cJSON_GetArraySize(at(expect_status(GET("/api/v1/auth/jwks"), 200), "keys"));
}

/* --- under load ------------------------------------------------------------------------------------------------------ */

/* Clients that log in and use what they get, all the time. */
struct work {
    const char *name;
    bool stop;
    pthread_mutex_t lock;
    int good;
    const char *bad; /* the first that failed; NULL: none */
};

static bool note(struct work *w, const struct reply *r)
{
    pthread_mutex_lock(&w->lock);
    if (r->status == 200) w->good++;
    else if (!w->bad) w->bad = text("%s: %ld %s", r->what, r->status, r->body ? r->body : "");
    pthread_mutex_unlock(&w->lock);
    return r->status == 200;
}

static struct reply *use(const char *url, const char *token)
{
    return http_send(&(struct request){ .method = "GET", .url = text("%s/api/v1/customers?size=1", url), .token = token });
}

static void *client(void *arg)
{
    struct work *w = arg;
    while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
        struct reply *r = who_login(stack.gateway_url, w->name, WHO_PASSWORD, NULL);
        if (note(w, r)) {
            const char *token = text_at(r, "access_token");
            note(w, use(stack.gateway_url, token));
            note(w, use(stack.customer_url, token));
        }
        note(w, use(stack.gateway_url, stack.admin_token)); /* of the key before */
        nanosleep(&(struct timespec){ 0, 50 * 1000 * 1000 }, NULL);
    }
    return NULL;
}

static bool another_signs(void *kid)
{
    return strcmp(signing_kid(), kid) != 0;
}

struct wait {
    struct work *work;
    int until;
};

static bool has_done(void *arg)
{
    struct wait *w = arg;
    pthread_mutex_lock(&w->work->lock);
    bool done = w->work->good >= w->until || w->work->bad;
    pthread_mutex_unlock(&w->work->lock);
    return done;
}

static bool goes_on(struct work *w)
{
    pthread_mutex_lock(&w->lock);
    int good = w->good;
    pthread_mutex_unlock(&w->lock);
    return poll_until(30, has_done, &(struct wait){ w, good + 40 });
}

static void test_key_rotates_without_a_failed_request(void **state)
{
    (void)state;
    struct who who = who_new();
    struct work w = { .name = who.name, .lock = PTHREAD_MUTEX_INITIALIZER };
    pthread_t threads[CLIENTS];
    const char *before = signing_kid();
    for (int i = 0; i < CLIENTS; i++) pthread_create(&threads[i], NULL, client, &w);
    bool went_on = goes_on(&w);
    int rotated = rotate("--overlap " OVERLAP_S), keys = published();
    bool old_signs = !strcmp(signing_kid(), before);
    bool changed = poll_until(90, another_signs, (void *)before);
    went_on = went_on && goes_on(&w);
    __atomic_store_n(&w.stop, true, __ATOMIC_RELEASE);
    for (int i = 0; i < CLIENTS; i++) pthread_join(threads[i], NULL);
    expect(!w.bad, "%s", w.bad);
    expect(rotated == 0 && keys == 2 && old_signs, "rotated %d, %d published, old signs %d", rotated, keys, old_signs);
    expect(changed && went_on, "changed %d, went on %d", changed, went_on);
    const char *token = token_of(who.name, WHO_PASSWORD);
    expect(strstr(kid_of(token), signing_kid()) && !strstr(kid_of(token), before), "%s", kid_of(token));
    assert_true(is_published(before));
}

/* --- one after the other --------------------------------------------------------------------------------------------- */

static void test_old_key_stays_published_until_its_tokens_have_expired(void **state)
{
    (void)state;
    const char *before = signing_kid();
    assert_int_equal(rotate("--overlap 100"), 0);
    assert_true(sql_count(stack.auth_db,
                          "SELECT count(*) FROM signing_keys o, signing_keys n WHERE o.kid = '%s' AND n.activate_time > now() "
                          "AND n.retire_time IS NULL AND extract(epoch FROM o.retire_time - n.activate_time) = 86400 + 30",
                          before) == 1);
    sql(stack.auth_db, "UPDATE signing_keys SET retire_time = now() WHERE activate_time < (SELECT activate_time FROM signing_key)");
    assert_true(is_published(before));
    sql(stack.auth_db, "UPDATE signing_keys SET activate_time = now() WHERE activate_time > now()");
    sql(stack.auth_db, "UPDATE signing_keys SET retire_time = now() WHERE kid = '%s'", before);
    assert_false(is_published(before));
    sql(stack.auth_db, "SELECT housekeeping()");
    assert_true(sql_count(stack.auth_db, "SELECT count(*) FROM signing_keys WHERE kid = '%s'", before) == 0);
    assert_int_equal(published(), 1);
}

static void *rotate_now(void *arg)
{
    rotate("--overlap 0");
    return arg;
}

static void test_rotations_at_once_leave_one_key_that_signs(void **state)
{
    (void)state;
    int keys = published();
    pthread_t other;
    pthread_create(&other, NULL, rotate_now, NULL);
    rotate_now(NULL);
    pthread_join(other, NULL);
    assert_int_equal(published(), keys + 2);
    struct who w = who_new();
    expect(strstr(kid_of(w.token), signing_kid()), "%s", kid_of(w.token));
}

static void test_key_that_was_stolen_goes_at_once(void **state)
{
    (void)state;
    const char *before = signing_kid();
    assert_int_equal(rotate("--overlap 0 --keep 0"), 0);
    assert_false(is_published(before));
    assert_int_equal(published(), 1);
    struct who w = who_new();
    expect(strstr(kid_of(w.token), signing_kid()) && !strstr(kid_of(w.token), before), "%s", kid_of(w.token));
}

static void test_rotate_key_says_what_it_cannot_do(void **state)
{
    (void)state;
    const char *const bad[] = { "--overlap", "--overlap -1", "--overlap soon", "--overlap 604801", "--keep 1 2", "now" };
    int keys = published();
    for (size_t i = 0; i < COUNT(bad); i++) expect(rotate(bad[i]) != 0, "%s", bad[i]);
    assert_int_equal(published(), keys);
}

/* As on the first start of several replicas. */
static void test_first_key_is_made_once(void **state)
{
    (void)state;
    struct request q = { .method = "GET", .url = text("%s/api/v1/auth/jwks", stack.auth_url) };
    sql(stack.auth_db, "DELETE FROM signing_keys");
    struct reply *r = race_behind(stack.auth_db, "SELECT signing_key_ensure('other', '', '{\"kid\":\"other\"}')", &q);
    assert_string_equal(expect_status(r, 200)->body, "{\"keys\":[{\"kid\":\"other\"}]}");
    sql(stack.auth_db, "DELETE FROM signing_keys");
    assert_int_equal(published(), 1);
}

/* Whoever waits for the first key began before it was made. */
static void test_first_key_is_found_by_who_began_before(void **state)
{
    (void)state;
    const char *other = text("%s&application_name=other", stack.auth_db);
    sql(stack.auth_db, "DELETE FROM signing_keys");
    sql(stack.auth_db, "BEGIN");
    sql(other, "SELECT signing_key_ensure('other', '', '{\"kid\":\"other\"}')");
    sql(stack.auth_db, "SELECT signing_key_ensure('own', '', '{\"kid\":\"own\"}')");
    sql(stack.auth_db, "COMMIT");
    assert_string_equal(sql(stack.auth_db, "SELECT string_agg(kid, ',') FROM signing_keys"), "other");
    sql(stack.auth_db, "DELETE FROM signing_keys");
    assert_int_equal(published(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_rotates_without_a_failed_request),
        cmocka_unit_test(test_old_key_stays_published_until_its_tokens_have_expired),
        cmocka_unit_test(test_rotations_at_once_leave_one_key_that_signs),
        cmocka_unit_test(test_key_that_was_stolen_goes_at_once),
        cmocka_unit_test(test_rotate_key_says_what_it_cannot_do),
        cmocka_unit_test(test_first_key_is_made_once),
        cmocka_unit_test(test_first_key_is_found_by_who_began_before),
    };
    return system_main("key rotation", tests, COUNT(tests));
}
