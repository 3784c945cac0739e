#include "base/limits.h"
#include "base/log.h"

#include "json/json_read.h"

#include "unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static char captured[4 * 1024 * 1024];

/* What `fn` writes to file descriptor 2. A file, not a pipe: nobody needs to drain it. */
static struct str capture(void (*fn)(void))
{
    char path[] = "/tmp/test_log_XXXXXX";
    int file = mkstemp(path), saved = dup(STDERR_FILENO);
    assert_true(file >= 0 && saved >= 0);
    unlink(path);
    fcntl(file, F_SETFL, O_APPEND);
    dup2(file, STDERR_FILENO);
    fn();
    dup2(saved, STDERR_FILENO);
    close(saved);
    ssize_t n = pread(file, captured, sizeof captured, 0);
    close(file);
    assert_true(n >= 0);
    return (struct str){ captured, (size_t)n };
}

static struct str text_of(const struct json *line, const char *key)
{
    const struct json *v = json_get(line, str_of(key));
    return v ? json_text(v) : STR_NONE;
}

/* The one line that `fn` logs, read back. */
static const struct json *logged(struct arena *a, void (*fn)(void))
{
    struct str text = capture(fn);
    expect(text.len && text.p[text.len - 1] == '\n', "no line end: %.*s", STR_ARG(text));
    expect(text.len <= LIMIT_LOG_LINE, "%zu bytes", text.len);
    expect(!memchr(text.p, '\n', text.len - 1), "more than one line: %.*s", STR_ARG(text));
    struct problem p = { 0 };
    const struct json *line = json_read(a, text, &p);
    expect(line, "not JSON: %.*s", STR_ARG(text));
    return line;
}

static void log_fields(void)
{
    log_info("database connected", LOG_STR("address", STR("127.0.0.1")), LOG_INT("connections", -4),
             LOG_Z("nothing", NULL));
}

static void test_line(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    log_init("customer-service", LOG_INFO);
    const struct json *line = logged(&a, log_fields);
    assert_true(str_is(text_of(line, "level"), "info"));
    assert_true(str_is(text_of(line, "service"), "customer-service"));
    assert_true(str_is(text_of(line, "message"), "database connected"));
    assert_true(str_is(text_of(line, "address"), "127.0.0.1"));
    assert_true(str_is(text_of(line, "connections"), "-4"));
    assert_int_equal(json_kind(json_get(line, STR("connections"))), JSON_NUMBER);
    assert_int_equal(json_kind(json_get(line, STR("nothing"))), JSON_NULL);
    assert_int_equal(json_count(line), 7);
    struct str time = text_of(line, "time");
    assert_int_equal(time.len, 24);
    assert_true(time.p && time.p[10] == 'T' && time.p[19] == '.' && time.p[23] == 'Z');
    arena_done(&a);
}

static void log_all_levels(void)
{
    log_debug("1");
    log_info("2");
    log_warn("3");
    log_error("4");
}

static void test_levels(void **state)
{
    (void)state;
    for (int least = LOG_DEBUG; least <= LOG_ERROR; least++) {
        log_init("x", (enum log_level)least);
        struct str text = capture(log_all_levels);
        int lines = 0;
        for (size_t i = 0; i < text.len; i++) lines += text.p[i] == '\n';
        expect(lines == 4 - least, "%d lines at level %d", lines, least);
    }
    log_init("x", LOG_INFO);
}

static struct str payload;

static void log_payload(void)
{
    log_warn("m", LOG_STR("text", payload), LOG_INT("after", 1));
}

static void test_text_is_escaped(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "", "" },
        { "北京 😀", "北京 😀" },
        { "a\"b\\c", "a\"b\\c" },
        { "forged\n{\"level\":\"info\"}", "forged\n{\"level\":\"info\"}" },
        { "\x01\x1b[31m\x7F", "\x01\x1b[31m\x7F" },
        { "\xFFz", "\xEF\xBF\xBDz" },
        { "\xC3", "\xEF\xBF\xBD" },
        { "\xE5\x8C", "\xEF\xBF\xBD\xEF\xBF\xBD" },
        { "\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD" },
        { "ab\xC3\xA9\xC3", "ab\xC3\xA9\xEF\xBF\xBD" },
        { "\xC3\xA9\xFF\xFF", "\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD" },
    };
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < COUNT(cases); i++) {
        payload = str_of(cases[i].text);
        struct str got = text_of(logged(&a, log_payload), "text");
        expect(str_is(got, cases[i].want), "case %zu: %.*s", i, STR_ARG(got));
    }
    arena_done(&a);
}

static void test_long_line_is_cut_and_stays_json(void **state)
{
    (void)state;
    static char text[LIMIT_LOG_LINE * 2];
    static const char *const fills[] = { "x", "\x01", "\"", "北", "\xFF" };
    struct arena a;
    arena_init(&a);
    for (size_t f = 0; f < COUNT(fills); f++) {
        size_t unit = strlen(fills[f]);
        for (size_t i = 0; i < sizeof text; i++) text[i] = fills[f][i % unit];
        for (size_t len = LIMIT_LOG_LINE / 6 - 200; len < sizeof text; len += 37) {
            payload = (struct str){ text, len - len % unit };
            const struct json *line = logged(&a, log_payload);
            bool whole = json_get(line, STR("after")) != NULL;
            expect(whole == !json_get(line, STR("truncated")), "length %zu", len);
            expect(!whole || len < LIMIT_LOG_LINE, "length %zu", len);
        }
    }
    arena_done(&a);
}

static void *log_many(void *arg)
{
    (void)arg;
    for (int i = 0; i < 500; i++) log_payload();
    return NULL;
}

static void log_from_threads(void)
{
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT(threads); i++) pthread_create(&threads[i], NULL, log_many, NULL);
    for (size_t i = 0; i < COUNT(threads); i++) pthread_join(threads[i], NULL);
}

static void test_threads_do_not_mix_lines(void **state)
{
    (void)state;
    payload = STR("some text of a usual length, as in an access line");
    struct str rest = capture(log_from_threads);
    struct arena a;
    struct problem p = { 0 };
    arena_init(&a);
    int lines = 0;
    for (; rest.len; lines++) {
        struct str line = str_cut(&rest, '\n');
        expect(json_read(&a, line, &p), "%.*s", STR_ARG(line));
    }
    assert_int_equal(lines, 2000);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line), cmocka_unit_test(test_levels), cmocka_unit_test(test_text_is_escaped),
        cmocka_unit_test(test_long_line_is_cut_and_stays_json), cmocka_unit_test(test_threads_do_not_mix_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
