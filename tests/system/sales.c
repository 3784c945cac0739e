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

char *customer_known(const char *name)
{
    return sql(stack.opportunity_db, "INSERT INTO customer_ref (customer_id, customer_code, customer_name, status, version) "
               "VALUES (uuid_v7(), '%s', '%s', '活跃', 1) RETURNING customer_id", unique("C"), name);
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

char *phone_new(void)
{
    static unsigned run, n;
    if (!run && getrandom(&run, sizeof run, 0) != sizeof run) abort();
    return text("18%06u%03u", run % 1000000, ++n % 1000);
}
