/* The public keys of auth-service, asked for again and again; here: the end of it. */
#include "peer.h"

#include "auth/keys.h"
#include "auth/token.h"
#include "http/worker.h"

static struct worker worker;

static void keys_asked_at(const struct script *script)
{
    char url[96];
    peer_start(script, 1);
    snprintf(url, sizeof url, "%s/api/v1/auth/jwks", peer.url);
    worker = (struct worker){ .base = base, .client = client, .tokens = tokens_new(&tokens_own) };
    worker.keys = keys_new(&worker, url);
    assert_non_null(worker.keys);
    for (int i = 0; i < 100 && !peer.accepted; i++) loop_a_little();
    assert_int_equal(peer.accepted, 1);
}

static void test_end_while_a_question_is_under_way(void **state)
{
    static const struct script silent = { { NULL }, false, 0 };
    (void)state;
    keys_asked_at(&silent);
    keys_free(worker.keys); /* the client is freed after it: nobody may be told then */
    tokens_free(worker.tokens);
}

static void test_end_between_two_questions(void **state)
{
    static const struct script nonsense = { { ABC }, true, 0 };
    (void)state;
    keys_asked_at(&nonsense);
    loop_a_little();
    assert_false(tokens_have_keys(worker.tokens));
    keys_free(worker.keys);
    tokens_free(worker.tokens);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PEER(test_end_while_a_question_is_under_way),
        PEER(test_end_between_two_questions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
