/* A customer with open opportunities stays. opportunity-service is asked how many there are; what it says counts only where the
 * record is there and the caller's to delete (0010_delete_guard.sql), so that nobody learns of others' customers. When it does not answer,
 * nothing is deleted (503). An opportunity that is made in the very moment of the delete is not seen: its customer is gone then. */
#include "customer-service_routes.h"
#include "http/flow.h"
#include "http/reply.h"
#include "json/json_read.h"
#include "rest/ask.h"
#include "rest/rest.h"

static const struct str field = STR("opportunities");

static const char *count_in(struct req *r, const struct client_reply *reply)
{
    struct problem p = { 0 };
    const struct json *body = reply->error == CLIENT_OK && reply->status == 200 ? json_read(&r->arena, reply->body, &p) : NULL;
    const struct json *data = body ? json_get(body, STR("data")) : NULL;
    const struct json *count = data && json_kind(data) == JSON_OBJECT ? json_get(data, STR("open_opportunities")) : NULL;
    int64_t n;
    return count && str_to_i64(json_text(count), 0, INT64_MAX, &n) ? arena_cstr(&r->arena, json_text(count)) : NULL;
}

static void on_reply(struct req *r, void *arg, const struct client_reply *reply)
{
    const char *count = count_in(r, reply);
    (void)arg;
    if (count) {
        rest_tell(r, "crm.open_opportunities", count);
        flow_run(r);
    } else {
        ask_unanswered(r, field);
        reply_error(r);
    }
}

/* With the caller's own token: who may delete customers may know this of them. An installation may have no opportunities. */
static enum step count_open(struct req *r)
{
    struct str target = arena_printf(&r->arena, "/internal/v1/customers/%s/open-opportunities", rest_record_id(r));
    enum asked asked = ask(r, "opportunity-service", METHOD_GET, target, STR_NONE, on_reply, NULL);
    if (asked == ASKED_IN_VAIN) ask_unanswered(r, field);
    return asked == ASKED ? STEP_WAIT : asked == ASKED_NOWHERE ? STEP_NEXT : STEP_FAIL;
}

void customer_delete(struct req *r)
{
    rest_delete_with(r, count_open);
}
