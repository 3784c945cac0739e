#include "app/dispatch.h"

#include "app/app.h"
#include "base/uuid.h"
#include "http/reply.h"
#include "http/router.h"
#include "http/worker.h"

/* The server has given the request an id; behind the gateway it is the gateway's. */
static void name_request(struct req *r)
{
    struct str given = req_header(r, STR("X-Request-Id"));
    if (r->worker->app->trusts_gateway && uuid_valid(given)) memcpy(r->request_id, given.p, UUID_LEN);
}

static void refuse_method(struct req *r, unsigned allowed)
{
    struct str list = STR("");
    for (int m = 0; m < METHOD_COUNT; m++)
        if (allowed >> m & 1)
            list = arena_printf(&r->arena, "%.*s%s%.*s", STR_ARG(list), list.len ? ", " : "", STR_ARG(method_names[m]));
    req_reply_header(r, STR("Allow"), list);
    problem_set(&r->problem, E_METHOD_NOT_ALLOWED);
}

/* RFC 9110 section 12.5.1, as far as a JSON service needs it. */
static bool accepts_json(const struct req *r)
{
    static const struct str good[] = {
        STR("*/*"),        STR("application/*"), STR("application/json"), STR("application/problem+json"),
        STR("text/plain"), STR("text/*")
    };
    struct str rest = req_header(r, STR("Accept"));
    if (!rest.len) return true;
    while (!str_is_none(rest)) {
        struct str params = str_cut(&rest, ','), type = str_trim(str_cut(&params, ';'));
        for (size_t i = 0; i < sizeof good / sizeof *good; i++)
            if (str_ieq(type, good[i])) return true;
    }
    return false;
}

/* The gateway passes on how long it will wait. A client of the gateway has no say: a short time would look like a slow service. */
static void set_deadline(struct req *r)
{
    int64_t ms = r->route->timeout_ms, given;
    bool may_say = r->worker->app->trusts_gateway;
    if (may_say && str_to_i64(req_header(r, STR("X-Request-Timeout-Ms")), 1, ms, &given)) ms = given;
    r->deadline_us = r->start_us + (uint64_t)ms * 1000;
}

bool dispatch_route(struct req *r)
{
    name_request(r);
    struct route_match m = router_find(r->worker->router, r->method, r->path);
    if (!m.route) {
        if (m.allowed) refuse_method(r, m.allowed);
        else problem_set(&r->problem, E_NOT_FOUND);
        return false;
    }
    r->route = m.route;
    memcpy(r->params, m.params, sizeof r->params);
    set_deadline(r);
    if (!accepts_json(r)) problem_set(&r->problem, E_NOT_ACCEPTABLE);
    return r->problem.code == E_OK;
}

size_t dispatch_body_max(const struct worker *w, enum method method, struct str path)
{
    const struct route *route = router_find(w->router, method, path).route;
    return route ? route->body_max : 0;
}

void dispatch_refused(struct req *r)
{
    name_request(r);
    reply_error(r);
}
