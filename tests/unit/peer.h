/* peer: a server that says what its script says, and a caller that notes what http/client reports. */
#ifndef TESTS_PEER_H
#define TESTS_PEER_H

#include "unit.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/client.h"

enum { WAIT_MS = 5000, REPLY_MAX = 4096 };

static struct event_base *base;
static struct client *client;

/* --- a peer that says what its script says, whatever that is ------------------------------------------------------ */

struct script {
    const char *replies[3]; /* one per request of a connection; NULL: silence */
    bool close;             /* after the last of them */
    size_t cut;             /* the replies come in two pieces; 0: in one */
};

static struct peer {
    struct evconnlistener *listener;
    const struct script *scripts; /* one per connection, the last for all further ones */
    int script_count, accepted;
    char url[64];
} peer;

static int lines; /* open ones, of all peers */

struct line { /* one accepted connection */
    struct bufferevent *bev;
    struct event *timer;
    const struct script *script;
    int said;
    struct str rest;
};

static inline void line_free(struct line *l)
{
    bufferevent_free(l->bev);
    event_free(l->timer);
    free(l);
    lines--;
}

static inline void say_rest(evutil_socket_t fd, short what, void *arg)
{
    struct line *l = arg;
    (void)fd, (void)what;
    bufferevent_write(l->bev, l->rest.p, l->rest.len);
    l->rest.len = 0;
}

static inline void line_say(struct line *l)
{
    const char *reply = l->said < 3 ? l->script->replies[l->said++] : NULL;
    struct str all = reply ? str_of(reply) : STR("");
    size_t cut = l->script->cut ? l->script->cut : all.len;
    struct timeval soon = { 0, 100 };
    bufferevent_write(l->bev, all.p, cut);
    l->rest = str_sub(all, cut, all.len);
    if (l->rest.len) evtimer_add(l->timer, &soon);
}

static inline bool line_is_over(const struct line *l)
{
    return l->script->close && (l->said == 3 || !l->script->replies[l->said]);
}

static inline void line_readable(struct bufferevent *bev, void *arg)
{
    struct evbuffer *in = bufferevent_get_input(bev);
    struct line *l = arg;
    struct evbuffer_ptr at = evbuffer_search(in, "\r\n\r\n", 4, NULL);
    if (at.pos < 0) return;
    evbuffer_drain(in, SIZE_MAX);
    line_say(l);
    if (line_is_over(l) && evbuffer_get_length(bufferevent_get_output(bev)) == 0) line_free(l);
}

static inline void line_written(struct bufferevent *bev, void *arg)
{
    struct line *l = arg;
    (void)bev;
    if (l->said && line_is_over(l) && !l->rest.len) line_free(l);
}

static inline void line_event(struct bufferevent *bev, short what, void *arg)
{
    (void)bev;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) line_free(arg);
}

static inline void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *sa, int len, void *arg)
{
    int i = peer.accepted < peer.script_count ? peer.accepted : peer.script_count - 1;
    struct line *l = calloc(1, sizeof *l);
    (void)listener, (void)sa, (void)len, (void)arg;
    peer.accepted++;
    lines++;
    l->timer = evtimer_new(base, say_rest, l);
    l->script = &peer.scripts[i];
    l->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(l->bev, line_readable, line_written, line_event, l);
    bufferevent_enable(l->bev, EV_READ | EV_WRITE);
}

static inline int listener_port(struct evconnlistener *listener)
{
    struct sockaddr_in sa;
    socklen_t len = sizeof sa;
    getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&sa, &len);
    return ntohs(sa.sin_port);
}

static inline struct origin *peer_start(const struct script *scripts, int count)
{
    struct sockaddr_in sa = { .sin_family = AF_INET };
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    peer = (struct peer){ .scripts = scripts, .script_count = count };
    peer.listener = evconnlistener_new_bind(base, on_accept, NULL, LEV_OPT_CLOSE_ON_FREE, 16, (struct sockaddr *)&sa, sizeof sa);
    snprintf(peer.url, sizeof peer.url, "http://127.0.0.1:%d", listener_port(peer.listener));
    return client_origin(client, str_of(peer.url));
}

static inline void peer_stop(void)
{
    evconnlistener_free(peer.listener);
    peer.listener = NULL;
}

/* --- a caller ----------------------------------------------------------------------------------------------------- */

static struct result {
    int calls;
    enum client_error error;
    int status;
    size_t header_count, body_len;
    char body[2 * 1024 * 1024];
} result;

static bool is_sending;

static inline void on_done(void *arg, const struct client_reply *reply)
{
    (void)arg;
    assert_false(is_sending);
    result.calls++;
    result.error = reply->error;
    result.status = reply->status;
    result.header_count = reply->header_count;
    result.body_len = reply->body.len;
    if (reply->body.len) memcpy(result.body, reply->body.p, reply->body.len);
    result.body[reply->body.len] = '\0';
}

static inline void send_only(struct origin *o, struct client_request q)
{
    if (!q.target.len) q.target = STR("/x");
    if (!q.timeout_ms) q.timeout_ms = WAIT_MS;
    if (!q.reply_max) q.reply_max = REPLY_MAX;
    result.calls = 0;
    is_sending = true;
    client_send(o, &q, on_done, NULL);
    is_sending = false;
}

static inline void loop_until_done(int calls)
{
    uint64_t until = clock_us() + WAIT_MS * 2000u;
    while (result.calls < calls && clock_us() < until) event_base_loop(base, EVLOOP_ONCE);
    assert_int_equal(result.calls, calls);
}

static inline void loop_a_little(void)
{
    struct timeval little = { 0, 20000 };
    event_base_loopexit(base, &little);
    event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
}

static inline void ask(struct origin *o, struct client_request q)
{
    send_only(o, q);
    loop_until_done(1);
}

static inline void result_is(enum client_error error, int status, const char *body)
{
    if (result.error != error || result.status != status || strcmp(result.body, body) != 0)
        fail_msg("error %d, %d %s; wanted %d, %d %s", result.error, result.status, result.body, error, status, body);
}

static inline int setup(void **state)
{
    (void)state;
    base = event_base_new();
    client = client_new(base);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    client_free(client);
    for (int i = 0; i < 1000 && lines; i++) event_base_loop(base, EVLOOP_NONBLOCK); /* the lines see their end */
    assert_int_equal(lines, 0);
    if (peer.listener) peer_stop();
    event_base_free(base);
    return 0;
}

#define OK  "HTTP/1.1 200 OK\r\n"
#define ABC OK "Content-Length: 3\r\n\r\nabc"

#define PEER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
