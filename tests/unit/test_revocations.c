/* The reader of revocations, with an auth-service that says what its script says. */
#include "peer.h"

#include "auth/guard.h"
#include "auth/revocations.h"
#include "auth/token.h"
#include "base/log.h"
#include "http/worker.h"
#include "permissions.h"

#define ID_1 "018f3c5e-7a10-7c3e-9b1a-2f6d8e4c1a01"
#define ID_2 "018f3c5e-7a10-7c3e-9b1a-2f6d8e4c1a02"
#define PAGE(next, more, list) "{\"next\":\"" next "\",\"more\":" more ",\"revocations\":[" list "]}"
#define SESSION(id) "{\"session_id\":\"" id "\",\"until\":4000000000}"
#define USER(id, generation) "{\"user_id\":\"" id "\",\"generation\":" generation ",\"until\":4000000000}"

static struct worker worker;
static char replies[3][1024];

static const char *reply_of(int n, const char *body)
{
    snprintf(replies[n], sizeof replies[n], OK "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
    return replies[n];
}

static void asked_at(const struct script *script)
{
    char url[96];
    peer_start(script, 1);
    snprintf(url, sizeof url, "%s/internal/v1/revocations", peer.url);
    worker = (struct worker){ .base = base, .client = client, .tokens = tokens_new(&tokens_own) };
    worker.revocations = revocations_new(&worker, str_of(url));
    assert_non_null(worker.revocations);
}

static void all_ends(void)
{
    revocations_free(worker.revocations);
    tokens_free(worker.tokens);
    peer_stop();
}

static bool loop_until_known(void)
{
    for (int i = 0; i < 100 && !revocations_known(worker.revocations); i++) loop_a_little();
    return revocations_known(worker.revocations);
}

static bool concerns(const char *user, const char *session, int64_t generation)
{
    const struct principal who = { .user_id = str_of(user), .session_id = str_of(session), .generation = generation };
    return revocations_concern(worker.revocations, &who);
}

/* What is known of the first page does not make a list. */
static void test_list_is_known_with_its_last_page(void **state)
{
    (void)state;
    const struct script half = { { reply_of(0, PAGE("5-6-5", "true", SESSION(ID_1))) }, false, 0 };
    asked_at(&half);
    for (int i = 0; i < 5; i++) loop_a_little();
    assert_false(revocations_known(worker.revocations));
    all_ends();
    const char *first = reply_of(0, PAGE("5-6-5", "true", SESSION(ID_1))), *last = reply_of(1, PAGE("5-0-0", "false", USER(ID_2, "7")));
    const struct script whole = { { first, last }, false, 0 };
    asked_at(&whole);
    assert_true(loop_until_known());
    assert_true(concerns(ID_2, ID_1, 9));  /* the session */
    assert_true(concerns(ID_2, "", 6));    /* the user of before */
    assert_false(concerns(ID_2, ID_2, 7)); /* and of now */
    assert_false(concerns("", "", 0));
    assert_int_equal(worker.revocation_count, 2);
    assert_true(worker.revocations_us > 0);
    all_ends();
}

static void test_nonsense_is_no_list(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "", "[]", "{}", "{\"next\":\"1-0-0\",\"revocations\":[]}", "{\"more\":false,\"revocations\":[]}",
        PAGE("1-0-0", "false", "7"), PAGE("1-0-0", "false", "{\"until\":1}"), PAGE("", "false", ""),
        PAGE("1-0-0", "false", "{\"session_id\":\"x\",\"until\":4000000000}"),
        PAGE("1-0-0", "false", "{\"session_id\":\"" ID_1 "\"}"),
        PAGE("1-0-0", "false", "{\"user_id\":\"" ID_1 "\",\"until\":4000000000}"),
        PAGE("1-0-0", "false", "{\"user_id\":\"" ID_1 "\",\"generation\":-1,\"until\":4000000000}"),
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct script script = { { reply_of(0, cases[i]) }, false, 0 };
        asked_at(&script);
        for (int n = 0; n < 3; n++) loop_a_little();
        expect(!revocations_known(worker.revocations), "%s", cases[i]);
        all_ends();
    }
}

static void test_it_hurries_when_told(void **state)
{
    (void)state;
    const char *nothing = reply_of(0, PAGE("5-0-0", "false", "")), *one = reply_of(1, PAGE("5-0-0", "false", SESSION(ID_1)));
    const struct script script = { { nothing, one }, false, 0 };
    asked_at(&script);
    revocations_hurry(worker.revocations); /* while the first question is not even sent: no harm */
    assert_true(loop_until_known());
    revocations_hurry(worker.revocations);
    for (int i = 0; i < 10 && !concerns("", ID_1, 0); i++) loop_a_little(); /* half of the time between two questions */
    assert_true(concerns("", ID_1, 0));
    revocations_hurry(worker.revocations); /* silence: it ends with a question under way */
    loop_a_little();
    all_ends();
}

static int let_in_count;

static void let_in(struct req *r)
{
    (void)r;
    let_in_count++;
}

/* A worker that has keys but no list lets nobody in, and serves what is public. */
static void test_nobody_is_let_in_before_the_list_is_known(void **state)
{
    (void)state;
    static const char jwks[] = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\"," /* RFC 7517 appendix A.1 */
                               "\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
                               "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"}]}";
    static const struct route public = { .permission = PERM_PUBLIC }, private = { .permission = PERM_AUTHENTICATED };
    const struct script script = { { NULL }, false, 0 };
    struct arena a = { 0 };
    struct req *r = req_new(&a);
    asked_at(&script);
    r->worker = &worker;
    assert_true(tokens_set_keys(worker.tokens, str_of(jwks)));
    assert_false(guard_is_ready(&worker));
    r->route = &public;
    guard_admit(r, let_in);
    assert_int_equal(let_in_count, 1);
    r->route = &private;
    req_hold(r); /* its reply lets it go */
    guard_admit(r, let_in);
    assert_int_equal(let_in_count, 1);
    assert_int_equal(r->status, 503);
    all_ends();
    req_release(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PEER(test_list_is_known_with_its_last_page),
        PEER(test_nonsense_is_no_list),
        PEER(test_it_hurries_when_told),
        PEER(test_nobody_is_let_in_before_the_list_is_known),
    };
    log_init("test", LOG_ERROR + 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
