#include "base/clock.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/log.h"
#include "io/redis.h"
#include "io/redis_url.h"

#include "redis_server.h"

#include <event2/event.h>

enum { WAIT_MS = 10000 };

static struct event_base *base;
static struct redis *redis;

/* --- a caller: what came back, as text ------------------------------------------------------------------------------ */

struct call {
    int calls;
    enum redis_kind kind;
    char text[256];
    bool again; /* the callback issues the command anew */
};

static bool is_calling;

static void describe(struct buf *b, const struct redis_value *v)
{
    switch (v->kind) {
    case REDIS_NIL: buf_addz(b, "nil"); return;
    case REDIS_INTEGER: buf_addi(b, v->integer); return;
    case REDIS_STRING: buf_addf(b, "'%.*s'", STR_ARG(v->text)); return;
    case REDIS_ERROR: buf_addf(b, "error %.*s", STR_ARG(v->text)); return;
    case REDIS_DOWN: buf_addz(b, "down"); return;
    case REDIS_TIMEOUT: buf_addz(b, "timeout"); return;
    case REDIS_BUSY: buf_addz(b, "busy"); return;
    case REDIS_ARRAY: break;
    }
    buf_addc(b, '[');
    for (size_t i = 0; i < v->count; i++) {
        if (i) buf_addc(b, ' ');
        describe(b, &v->items[i]);
    }
    buf_addc(b, ']');
}

static void send_words(struct call *c, int timeout_ms, const char *words);

static void on_done(void *arg, const struct redis_value *v)
{
    struct call *c = arg;
    struct buf b;
    assert_false(is_calling);
    c->calls++;
    c->kind = v->kind;
    buf_init(&b, sizeof c->text - 1);
    describe(&b, v);
    memcpy(c->text, buf_str(&b).p, b.len);
    c->text[b.len] = 0;
    buf_done(&b);
    if (c->again) c->again = false, send_words(c, WAIT_MS, "PING again");
}

static void send_words(struct call *c, int timeout_ms, const char *words)
{
    const char *argv[16];
    int argc = 0;
    char copy[256];
    snprintf(copy, sizeof copy, "%s", words);
    for (char *w = strtok(copy, " "); w; w = strtok(NULL, " ")) argv[argc++] = w;
    is_calling = true;
    redis_command(redis, timeout_ms, on_done, c, argc, argv, NULL);
    is_calling = false;
}

static void loop_until_called(const struct call *c, int calls)
{
    uint64_t until = clock_us() + WAIT_MS * 1000u;
    while (c->calls < calls && clock_us() < until) event_base_loop(base, EVLOOP_ONCE);
    assert_int_equal(c->calls, calls);
}

static struct call ask_within(int timeout_ms, const char *words)
{
    struct call c = { 0 };
    send_words(&c, timeout_ms, words);
    loop_until_called(&c, 1);
    return c;
}

static void loop_until(bool ready)
{
    static const struct timeval tick = { 0, 2000 };
    uint64_t until = clock_us() + WAIT_MS * 1000u;
    while (redis_ready(redis) != ready && clock_us() < until) {
        event_base_loopexit(base, &tick);
        event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
    }
    assert_int_equal(redis_ready(redis), ready);
}

static int setup(void **state)
{
    (void)state;
    base = event_base_new();
    redis_server_make();
    redis_server_start(NULL);
    redis = redis_new(base, redis_server.url);
    loop_until(true);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (redis) redis_free(redis);
    redis_server_end();
    event_base_free(base);
    return 0;
}

/* --- tests ------------------------------------------------------------------------------------------------------------ */

static void test_commands(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "PING", "'PONG'" },
        { "GET none", "nil" },
        { "SET a 1", "'OK'" },
        { "INCR a", "2" },
        { "DECRBY a 7", "-5" },
        { "GET a", "'-5'" },
        { "RPUSH l x y", "2" },
        { "MGET a none a", "['-5' nil '-5']" },
        { "LRANGE l 0 -1", "['x' 'y']" },
        { "LRANGE none 0 -1", "[]" },
        { "INCR l", "error WRONGTYPE Operation against a key holding the wrong kind of value" },
        { "EVAL return{1,{2,{3,'x'}},false} 0", "[1 [2 [3 'x']] nil]" },
        { "NOSUCH", "error ERR unknown command 'NOSUCH', with args beginning with: " },
        { "SELECT 3", "'OK'" },
        { "GET a", "nil" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct call c = ask_within(WAIT_MS, cases[i][0]);
        expect(!strcmp(c.text, cases[i][1]), "%s: %s", cases[i][0], c.text);
    }
}

struct bytes {
    char want[256];
    size_t len;
    int calls;
};

static void on_bytes(void *arg, const struct redis_value *v)
{
    struct bytes *b = arg;
    b->calls++;
    assert_int_equal(v->kind, REDIS_STRING);
    assert_true(str_eq(v->text, (struct str){ b->want, b->len }));
}

static void test_any_byte_goes_there_and_back(void **state)
{
    (void)state;
    for (size_t len = 0; len <= 256; len += 32) {
        struct bytes b = { .len = len };
        for (size_t i = 0; i < len; i++) b.want[i] = (char)i;
        const char *argv[] = { "ECHO", b.want };
        redis_command(redis, WAIT_MS, on_bytes, &b, 2, argv, (size_t[]){ 4, len });
        memset(b.want, 'x', len); /* arguments are copied */
        for (size_t i = 0; i < len; i++) b.want[i] = (char)i;
        while (!b.calls) event_base_loop(base, EVLOOP_ONCE);
    }
}

static void test_answers_come_in_order_and_a_callback_may_ask_again(void **state)
{
    (void)state;
    struct call calls[100] = { 0 };
    for (int i = 0; i < 100; i++) {
        calls[i].again = i % 10 == 0;
        send_words(&calls[i], WAIT_MS, "INCR n");
    }
    loop_until_called(&calls[90], 2);
    for (int i = 0; i < 100; i++) {
        char want[16];
        snprintf(want, sizeof want, "%d", i + 1);
        expect(!strcmp(calls[i].text, i % 10 ? want : "'again'"), "%d: %s", i, calls[i].text);
    }
}

/* Its neighbours wait longer: it alone times out, and its late reply disturbs nobody. */
static void test_a_command_that_is_not_the_oldest_times_out_alone(void **state)
{
    (void)state;
    struct call slow = { 0 }, hasty = { 0 }, patient = { 0 };
    send_words(&slow, WAIT_MS, "BLPOP none 0.3");
    send_words(&hasty, 30, "PING hasty");
    send_words(&patient, WAIT_MS, "PING patient");
    loop_until_called(&hasty, 1);
    assert_string_equal(hasty.text, "timeout");
    assert_int_equal(slow.calls, 0);
    assert_true(redis_ready(redis));
    loop_until_called(&patient, 1);
    assert_string_equal(slow.text, "nil");
    assert_string_equal(patient.text, "'patient'");
    assert_int_equal(hasty.calls, 1);
}

static void test_a_stopped_server_is_a_timeout_and_then_down(void **state)
{
    (void)state;
    struct call first = { 0 }, second = { 0 };
    kill(redis_server.pid, SIGSTOP);
    uint64_t start = clock_us();
    send_words(&first, 100, "PING");
    send_words(&second, WAIT_MS, "PING");
    loop_until_called(&first, 1);
    uint64_t took_ms = (clock_us() - start) / 1000;
    loop_until_called(&second, 1);
    assert_string_equal(first.text, "timeout");
    assert_string_equal(second.text, "down");
    expect(took_ms >= 99 && took_ms < 1000, "%d ms", (int)took_ms);
    assert_false(redis_ready(redis));
    assert_string_equal(ask_within(WAIT_MS, "PING").text, "down");
    kill(redis_server.pid, SIGCONT);
    loop_until(true);
    assert_string_equal(ask_within(WAIT_MS, "PING").text, "'PONG'");
}

static void test_a_killed_server_is_down_until_it_is_back(void **state)
{
    (void)state;
    struct call under_way[10] = { 0 };
    kill(redis_server.pid, SIGSTOP); /* so that they are under way for certain */
    for (int i = 0; i < 10; i++) {
        under_way[i].again = i == 3;
        send_words(&under_way[i], WAIT_MS, "INCR n");
    }
    redis_server_kill();
    loop_until_called(&under_way[9], 1);
    loop_until_called(&under_way[3], 2);
    for (int i = 0; i < 10; i++) assert_string_equal(under_way[i].text, "down");
    assert_int_equal(redis_in_flight(redis), 0);
    loop_until(false);
    assert_string_equal(ask_within(WAIT_MS, "PING").text, "down");
    redis_server_start(NULL);
    loop_until(true);
    assert_string_equal(ask_within(WAIT_MS, "INCR n").text, "1");
}

static void test_no_more_than_the_limit_is_in_flight(void **state)
{
    (void)state;
    static struct call calls[LIMIT_REDIS_QUEUE + 10];
    memset(calls, 0, sizeof calls);
    for (size_t i = 0; i < COUNT(calls); i++) send_words(&calls[i], WAIT_MS, "PING");
    assert_int_equal(redis_in_flight(redis), LIMIT_REDIS_QUEUE);
    loop_until_called(&calls[LIMIT_REDIS_QUEUE - 1], 1);
    loop_until_called(&calls[COUNT(calls) - 1], 1);
    for (size_t i = 0; i < COUNT(calls); i++) {
        const char *want = i < LIMIT_REDIS_QUEUE ? "'PONG'" : "busy";
        expect(calls[i].calls == 1 && !strcmp(calls[i].text, want), "%zu: %s", i, calls[i].text);
    }
    assert_int_equal(redis_in_flight(redis), 0);
}

static void test_free_answers_what_is_under_way(void **state)
{
    (void)state;
    struct call c = { .again = true }, late = { 0 };
    kill(redis_server.pid, SIGSTOP);
    send_words(&late, 1, "PING");
    loop_until_called(&late, 1);
    loop_until(false);
    kill(redis_server.pid, SIGCONT);
    loop_until(true);
    send_words(&c, WAIT_MS, "PING");
    redis_free(redis);
    redis = NULL;
    assert_int_equal(c.calls, 2);
    assert_string_equal(c.text, "down");
}

static void test_password(void **state)
{
    (void)state;
    char url[128];
    redis_free(redis);
    redis_server_kill();
    redis_server_start("p@ss w%rd");
    snprintf(url, sizeof url, "unix://:p@ss%%20w%%25rd@%s", redis_server.socket);
    redis = redis_new(base, url);
    loop_until(true);
    redis_free(redis);
    redis = redis_new(base, redis_server.url); /* without */
    uint64_t until = clock_us() + 300 * 1000;
    while (clock_us() < until) event_base_loop(base, EVLOOP_NONBLOCK);
    assert_false(redis_ready(redis));
    assert_string_equal(ask_within(WAIT_MS, "PING").text, "down");
}

static void test_urls(void **state)
{
    (void)state;
    static const struct { const char *url, *path, *host; int port, db; const char *user, *password; } cases[] = {
        { "unix:///run/redis.sock", "/run/redis.sock", NULL, 0, 0, NULL, NULL },
        { "unix://:secret@/run/redis.sock", "/run/redis.sock", NULL, 0, 0, NULL, "secret" },
        { "redis://127.0.0.1", NULL, "127.0.0.1", 6379, 0, NULL, NULL },
        { "redis://localhost:7000/5", NULL, "127.0.0.1", 7000, 5, NULL, NULL },
        { "redis://[::1]:7000/", NULL, "::1", 7000, 0, NULL, NULL },
        { "redis://[fe80::1]/3", NULL, "fe80::1", 6379, 3, NULL, NULL },
        { "redis://:p%40%3A@10.0.0.1:1/0", NULL, "10.0.0.1", 1, 0, NULL, "p@:" },
        { "redis://crm:a:b@10.0.0.1", NULL, "10.0.0.1", 6379, 0, "crm", "a:b" },
        { "", NULL, NULL, 0, 0, NULL, NULL }, /* from here on: refused */
        { "http://127.0.0.1", NULL, NULL, 0, 0, NULL, NULL },
        { "rediss://127.0.0.1", NULL, NULL, 0, 0, NULL, NULL },
        { "redis://", NULL, NULL, 0, 0, NULL, NULL },
        { "redis://redis.example.com", NULL, NULL, 0, 0, NULL, NULL },
        { "redis://127.0.0.1:0", NULL, NULL, 0, 0, NULL, NULL },
        { "redis://127.0.0.1:65536", NULL, NULL, 0, 0, NULL, NULL },
        { "redis://127.0.0.1:", NULL, NULL, 0, 0, NULL, NULL },
        { "redis://127.0.0.1/x", NULL, NULL, 0, 0, NULL, NULL },
        { "redis://127.0.0.1/1/2", NULL, NULL, 0, 0, NULL, NULL },
        { "redis://127.0.0.1/-1", NULL, NULL, 0, 0, NULL, NULL },
        { "redis://[::1", NULL, NULL, 0, 0, NULL, NULL },
        { "redis://[::1]7", NULL, NULL, 0, 0, NULL, NULL },
        { "redis://user@127.0.0.1", NULL, NULL, 0, 0, NULL, NULL },
        { "redis://:%4@127.0.0.1", NULL, NULL, 0, 0, NULL, NULL },
        { "redis://:@127.0.0.1", NULL, NULL, 0, 0, NULL, NULL },
        { "unix://", NULL, NULL, 0, 0, NULL, NULL },
        { "unix://run/redis.sock", NULL, NULL, 0, 0, NULL, NULL },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena a;
        struct redis_url u;
        arena_init(&a);
        bool ok = redis_url_read(&a, str_of(cases[i].url), &u);
        expect(ok == (cases[i].path || cases[i].host), "%s", cases[i].url);
        if (ok) {
            expect(str_is(str_of(u.path), cases[i].path) && str_is(str_of(u.host), cases[i].host), "%s", cases[i].url);
            expect(u.port == cases[i].port && u.db == cases[i].db, "%s: %d %d", cases[i].url, u.port, u.db);
            expect(str_is(u.user, cases[i].user) && str_is(u.password, cases[i].password), "%s", cases[i].url);
        } else {
            assert_null(redis_new(base, cases[i].url));
        }
        arena_done(&a);
    }
}

#define REDIS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REDIS(test_commands), REDIS(test_any_byte_goes_there_and_back),
        REDIS(test_answers_come_in_order_and_a_callback_may_ask_again),
        REDIS(test_a_command_that_is_not_the_oldest_times_out_alone),
        REDIS(test_a_stopped_server_is_a_timeout_and_then_down), REDIS(test_a_killed_server_is_down_until_it_is_back),
        REDIS(test_no_more_than_the_limit_is_in_flight), REDIS(test_free_answers_what_is_under_way), REDIS(test_password),
        cmocka_unit_test(test_urls),
    };
    log_init("test", LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
