#include "sales.h"

#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "sql.h"
#include "stack.h"

#include <stdlib.h>
#include <sys/random.h>

int to_opportunities(void **state)
{
    (void)state;
    target(stack.opportunity_url);
    return 0;
}

static bool is_true(void *query)
{
    return sql_count(stack.opportunity_db, "%s", (const char *)query) == 1;
}

static void wait_until_known(const char *query)
{
    expect(poll_until(20, is_true, (void *)query), "opportunity-service does not come to know: %s", query);
}

void staff_known(const char *user_id)
{
    wait_until_known(text("SELECT count(*) FROM user_ref WHERE user_id = '%s'", user_id));
}

char *customer_known(const char *name)
{
    const char *before = current_target();
    target(stack.customer_url);
    char *id = customer(name, NULL);
    target(before);
    wait_until_known(text("SELECT count(*) FROM customer_ref WHERE customer_id = '%s'", id));
    return id;
}

char *opportunity(const char *name, const char *customer_id, const char *more)
{
    struct reply *r = POST("/api/v1/opportunities",
                           text("{\"opportunity_name\":\"%s\",\"customer_id\":\"%s\"%s%s}", name,
                                customer_id ? customer_id : customer_known(unique("客户")), more ? "," : "", more ? more : ""));
    expect_status(r, 200);
    return text("%s", text_at(r, "data.opportunity_id"));
}

char *opportunity_path(const char *id, const char *more)
{
    return text("/api/v1/opportunities/%s%s", id, more);
}

struct reply *move_to(const char *id, const char *stage, const char *more)
{
    return POST(opportunity_path(id, "/stage"),
                text("{\"sales_stage_id\":\"%s\"%s%s}", stage, more ? "," : "", more ? more : ""));
}

char *lead(const char *name, const char *more)
{
    struct reply *r = POST("/api/v1/leads", text("{\"lead_name\":\"%s\"%s%s}", name, more ? "," : "", more ? more : ""));
    expect_status(r, 200);
    return text("%s", text_at(r, "data.lead_id"));
}

char *lead_path(const char *id, const char *more)
{
    return text("/api/v1/leads/%s%s", id, more);
}

char *activity(const char *name, const char *start, const char *more)
{
    struct reply *r = POST("/api/v1/activities", text("{\"activity_name\":\"%s\",\"activity_type\":\"拜访\",\"start_time\":\"%s\"%s%s}",
                                                      name, start, more ? "," : "", more ? more : ""));
    expect_status(r, 200);
    return text("%s", text_at(r, "data.activity_id"));
}

char *activity_path(const char *id, const char *more)
{
    return text("/api/v1/activities/%s%s", id, more);
}

char *phone_new(void)
{
    static unsigned run, n;
    if (!run && getrandom(&run, sizeof run, 0) != sizeof run) abort();
    return text("18%06u%03u", run % 1000000, ++n % 1000);
}
