#include "peer.h"

/* --- replies, good and bad ---------------------------------------------------------------------------------------- */

static const struct {
    const char *reply;
    bool close;
    enum method method;
    enum client_error error;
    int status;
    const char *body;
} replies[] = {
    { OK "Content-Length: 3\r\n\r\nabc", false, METHOD_GET, CLIENT_OK, 200, "abc" },
    { OK "Content-Length: 0\r\n\r\n", false, METHOD_GET, CLIENT_OK, 200, "" },
    { OK "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x\r\nc\r\n0\r\nT: x\r\n\r\n", false, METHOD_GET, CLIENT_OK, 200, "abc" },
    { OK "\r\nabc", true, METHOD_GET, CLIENT_OK, 200, "abc" },
    { OK "\r\n", true, METHOD_GET, CLIENT_OK, 200, "" },
    { "HTTP/1.0 200 OK\r\n\r\nabc", true, METHOD_GET, CLIENT_OK, 200, "abc" },
    { "HTTP/1.1 204 No Content\r\n\r\n", false, METHOD_GET, CLIENT_OK, 204, "" },
    { "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", false, METHOD_GET, CLIENT_OK, 304, "" },
    { OK "Content-Length: 99999\r\n\r\n", false, METHOD_HEAD, CLIENT_OK, 200, "" },
    { OK "Transfer-Encoding: chunked\r\n\r\n", false, METHOD_HEAD, CLIENT_OK, 200, "" },
    { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" OK "Content-Length: 1\r\n\r\na", false, METHOD_GET,
      CLIENT_OK, 200, "a" },
    { "HTTP/1.1 503 \r\nContent-Length: 1\r\n\r\na", false, METHOD_GET, CLIENT_OK, 503, "a" },

    { "", true, METHOD_GET, CLIENT_CLOSED, 0, "" },
    { "HTTP/1.1 200 OK\r\nContent-Le", true, METHOD_GET, CLIENT_CLOSED, 0, "" },
    { OK "Content-Length: 4\r\n\r\nabc", true, METHOD_GET, CLIENT_CLOSED, 200, "" },
    { OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", true, METHOD_GET, CLIENT_CLOSED, 200, "" },
    { "nonsense\r\n\r\n", false, METHOD_GET, CLIENT_PROTOCOL, 0, "" },
    { "HTTP/2.0 200 OK\r\n\r\n", false, METHOD_GET, CLIENT_PROTOCOL, 0, "" },
    { "HTTP/1.1 101 Switching\r\n\r\n", false, METHOD_GET, CLIENT_PROTOCOL, 0, "" },
    { OK "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", false, METHOD_GET, CLIENT_PROTOCOL, 0, "" },
    { OK "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", false, METHOD_GET, CLIENT_PROTOCOL, 0, "" },
    { OK "Transfer-Encoding: gzip\r\n\r\nabc", true, METHOD_GET, CLIENT_PROTOCOL, 0, "" },
    { OK "Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n", false, METHOD_GET, CLIENT_PROTOCOL, 200, "" },
    { OK "A : b\r\n\r\n", false, METHOD_GET, CLIENT_PROTOCOL, 0, "" },
    { OK "Content-Length: 4097\r\n\r\n", false, METHOD_GET, CLIENT_TOO_LARGE, 200, "" },
    { OK "Transfer-Encoding: chunked\r\n\r\n1001\r\n", false, METHOD_GET, CLIENT_TOO_LARGE, 200, "" },
};

static void test_replies_are_read_strictly_split_at_any_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(replies); i++) {
        for (size_t cut = 0; cut < strlen(replies[i].reply); cut += cut < 60 ? 1 : 7) {
            struct script s = { { replies[i].reply }, replies[i].close, cut };
            setup(NULL);
            ask(peer_start(&s, 1), (struct client_request){ .method = replies[i].method });
            if (result.error != replies[i].error) fail_msg("%s cut at %zu: error %d", replies[i].reply, cut, result.error);
            result_is(replies[i].error, replies[i].status, replies[i].body);
            teardown(NULL);
        }
    }
}

static void test_head_of_a_reply_is_limited(void **state)
{
    static const struct str begin = { OK "A: ", sizeof(OK "A: ") - 1 };
    char *reply = calloc(1, begin.len + 2 * LIMIT_HEAD + 1);
    (void)state;
    memcpy(reply, begin.p, begin.len);
    memset(reply + begin.len, 'x', 2 * LIMIT_HEAD);
    static struct script s; /* the peer's end comes with the teardown */
    s = (struct script){ { reply }, false, 0 };
    ask(peer_start(&s, 1), (struct client_request){ 0 });
    result_is(CLIENT_PROTOCOL, 0, "");
    free(reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies_are_read_strictly_split_at_any_byte),
        PEER(test_head_of_a_reply_is_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
