/* A customer's credit: what of it is used, and by what (0012_credit.sql). The limit is for whom customer-service would show it to. */
#include "order.h"

#include "app/command.h"
#include "auth/principal.h"
#include "order-service_routes.h"
#include "permissions.h"
#include "rest/related.h"
#include "schema/scope.h"

#include <stdio.h>
#include <stdlib.h>

static void credit(struct buf *b)
{
    buf_addz(b, "SELECT t.customer_id, to_json(CASE WHEN s.is_clear THEN t.credit_limit END), to_json(round(coalesce(a.used, 0), 2)), "
                "to_json(CASE WHEN s.is_clear THEN credit_free(t.credit_limit, coalesce(a.used, 0)) END), "
                "credit_orders(t.customer_id), credit_last_entries(t.customer_id) "
                "FROM customer_ref t LEFT JOIN credit_accounts a USING (customer_id) "
                "CROSS JOIN LATERAL (SELECT t.created_by = $2::uuid OR $4::boolean AS is_clear) s "
                "WHERE t.customer_id = $1::uuid AND t.deleted_time IS NULL");
    scope_add(b, "t", "created_by", 2, 3);
}

static const char *sees_limits(const struct req *r)
{
    return principal_may(r->who, PERM_CUSTOMER_UNMASK) ? "t" : "f";
}

void credit_get(struct req *r)
{
    static const struct related_member members[] = { { STR("customer_id"), false }, { STR("credit_limit"), true },
                                                     { STR("used"), true },         { STR("free"), true },
                                                     { STR("orders"), true },       { STR("entries"), true } };
    static const struct related what = { credit, sees_limits, members, sizeof members / sizeof *members };
    related_object(r, &what);
}

int credit_verify_command(void)
{
    static const struct pg_stmt stmt = { "verify", "SELECT count(*) FROM credit_differences()" };
    const char *url = getenv("DATABASE_URL");
    if (!url) {
        fprintf(stderr, "usage: DATABASE_URL=... order-service verify-credit\n");
        return EXIT_FAILURE;
    }
    struct command c = { .name = "verify-credit", .url = url, .stmt = &stmt, .timeout_ms = 600 * 1000 };
    if (!command_run(&c)) return EXIT_FAILURE;
    bool is_whole = !strcmp(c.value, "0");
    if (is_whole) printf("orders, entries and accounts agree\n");
    else printf("%s differences: SELECT * FROM credit_differences()\n", c.value);
    return is_whole ? EXIT_SUCCESS : EXIT_FAILURE;
}
