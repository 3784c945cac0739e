#include "feed.h"

#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "stack.h"

#include <stdlib.h>
#include <string.h>

char *client_token(const char *service, const char *audience)
{
    const char *body = text("grant_type=client_credentials&audience=%s&client_id=%s&client_secret=%s", audience,
                            getenv(text("%s_CLIENT_ID", service)), getenv(text("%s_CLIENT_SECRET", service)));
    struct reply *r = http_send(&(struct request){ .method = "POST", .url = text("%s/api/v1/auth/token", stack.auth_url), .body = body,
                                                   .headers = { "Content-Type: application/x-www-form-urlencoded" } });
    expect_status(r, 200);
    return text("%s", text_at(r, "access_token"));
}

struct reply *events(const char *query)
{
    static char *token; /* of this test program's stack */
    if (!token) token = strdup(client_token("OPPORTUNITY_SERVICE", "customer-service"));
    return http_send(&(struct request){ .method = "GET", .url = text("%s/internal/v1/events?%s", stack.customer_url, query),
                                        .token = token, .timeout_ms = 40000 });
}

char *events_end(void)
{
    const char *cursor = "";
    for (;;) {
        struct reply *r = expect_status(events(text("limit=500&after=%s", cursor)), 200);
        int n = cJSON_GetArraySize(at(r, "data.events"));
        cursor = text("%s", text_at(r, "data.next"));
        if (n == 0 && strstr(cursor, "events.") == cursor) return (char *)cursor;
    }
}
