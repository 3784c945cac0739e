/* A customer on whom something hangs stays. The services that may have something of it are asked, one after the other, how many there are;
 * what they say counts only where the record is there and the caller's to delete (0010_delete_guard.sql), so that nobody learns of others'
 * customers. When one does not answer, nothing is deleted (503). What is made in the very moment of the delete is not seen: its customer is
 * gone then. */
#include "customer-service_routes.h"
#include "http/flow.h"
#include "http/reply.h"
#include "json/json_read.h"
#include "rest/ask.h"
#include "rest/rest.h"

static const struct hanging {
    const char *service, *path, *setting; /* the one that the trigger reads */
    struct str member, field;
} hangings[] = {
    { "opportunity-service", "open-opportunities", "crm.open_opportunities", STR("open_opportunities"), STR("opportunities") },
    { "order-service", "live-orders", "crm.live_orders", STR("live_orders"), STR("orders") },
};
enum { HANGINGS = sizeof hangings / sizeof *hangings };

static enum step count_from(struct req *r, size_t i);

static const char *count_in(struct req *r, const struct client_reply *reply, struct str member)
{
    struct problem p = { 0 };
    const struct json *body = reply->error == CLIENT_OK && reply->status == 200 ? json_read(&r->arena, reply->body, &p) : NULL;
    const struct json *data = body ? json_get(body, STR("data")) : NULL;
    const struct json *count = data && json_kind(data) == JSON_OBJECT ? json_get(data, member) : NULL;
    int64_t n;
    return count && str_to_i64(json_text(count), 0, INT64_MAX, &n) ? arena_cstr(&r->arena, json_text(count)) : NULL;
}

static void on_reply(struct req *r, void *arg, const struct client_reply *reply)
{
    const struct hanging *h = arg;
    const char *count = count_in(r, reply, h->member);
    if (!count) {
        ask_unanswered(r, h->field);
        return reply_error(r);
    }
    rest_tell(r, h->setting, count);
    switch (count_from(r, (size_t)(h - hangings) + 1)) {
    case STEP_NEXT: return flow_run(r);
    case STEP_FAIL: return reply_error(r);
    default: return;
    }
}

/* With the caller's own token: who may delete customers may know this of them. An installation need not have all services. */
static enum step count_from(struct req *r, size_t i)
{
    for (; i < HANGINGS; i++) {
        const struct hanging *h = &hangings[i];
        struct str target = arena_printf(&r->arena, "/internal/v1/customers/%s/%s", rest_record_id(r), h->path);
        enum asked asked = ask(r, h->service, METHOD_GET, target, STR_NONE, on_reply, (void *)h);
        if (asked == ASKED) return STEP_WAIT;
        if (asked == ASKED_NOWHERE) continue;
        ask_unanswered(r, h->field);
        return STEP_FAIL;
    }
    return STEP_NEXT;
}

static enum step count_all(struct req *r)
{
    return count_from(r, 0);
}

void customer_delete(struct req *r)
{
    rest_delete_with(r, count_all);
}
