/* What may be the same as a lead: other leads with its phone, e-mail or company, and customers of that name. Of both only what the
 * caller may see. */
#include "auth/principal.h"
#include "opportunity-service_routes.h"
#include "permissions.h"
#include "rest/related.h"
#include "schema/scope.h"

static void alike(struct buf *b)
{
    buf_addz(b, "SELECT x.kind, x.id, x.name, to_json(x.matches) FROM leads t LEFT JOIN LATERAL ("
                "(SELECT 'lead' AS kind, d.lead_id AS id, d.lead_name AS name, array_remove(ARRAY["
                "CASE WHEN d.phone_index = t.phone_index THEN 'phone' END, CASE WHEN d.email_index = t.email_index THEN 'email' END, "
                "CASE WHEN lower(d.company_name) = lower(t.company_name) THEN 'company_name' END], NULL) AS matches FROM leads d "
                "WHERE d.lead_id <> t.lead_id AND d.deleted_time IS NULL AND (d.phone_index = t.phone_index "
                "OR d.email_index = t.email_index OR lower(d.company_name) = lower(t.company_name))");
    scope_add(b, "d", "assigned_to", 2, 3);
    buf_addz(b, " ORDER BY d.created_time, d.lead_id LIMIT 50) UNION ALL "
                "(SELECT 'customer', c.customer_id, c.customer_name, ARRAY['company_name'] FROM customer_ref c "
                "WHERE $4::boolean AND c.deleted_time IS NULL AND lower(c.customer_name) = lower(t.company_name)");
    scope_add(b, "c", "created_by", 2, 3);
    buf_addz(b, " ORDER BY c.customer_id LIMIT 50)) x ON true WHERE t.lead_id = $1::uuid AND t.deleted_time IS NULL");
    scope_add(b, "t", "assigned_to", 2, 3);
}

static const char *sees_customers(const struct req *r)
{
    return principal_may(r->who, PERM_CUSTOMER_VIEW) ? "t" : "f";
}

void duplicates_list(struct req *r)
{
    static const struct related_member members[] = {
        { STR("kind"), false }, { STR("id"), false }, { STR("name"), false }, { STR("matches"), true },
    };
    static const struct related duplicates = { alike, sees_customers, members, sizeof members / sizeof *members };
    related_list(r, &duplicates);
}
