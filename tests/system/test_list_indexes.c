/* Lists of what there may be millions of are read off indexes: one begins with each field that they are filtered or sorted by. */
#include "expect.h"
#include "pool.h"
#include "sql.h"
#include "stack.h"

#include "schemas.h"

/* Not here: what an organisation has a few of - departments, roles, rules, pipelines, stages, industries, regions - and what is listed
 * for one record. */
static const struct list {
    const struct resource *resource;
    const char **db;
    const char *table; /* NULL: the resource's own */
} lists[] = {
    { &customer_resource, &stack.customer_db, NULL },    { &contact_resource, &stack.customer_db, NULL },
    { &lead_resource, &stack.opportunity_db, NULL },     { &opportunity_resource, &stack.opportunity_db, NULL },
    { &activity_resource, &stack.opportunity_db, NULL }, { &product_resource, &stack.order_db, NULL },
    { &quote_resource, &stack.order_db, NULL },          { &order_resource, &stack.order_db, NULL },
    { &user_resource, &stack.auth_db, NULL },            { &audit_log_resource, &stack.auth_db, "audit_records" },
};

/* That begin with the field. Of what is only added, a filter finds much: its index has to go on with the order of the list. */
static long indexes_of(const struct list *l, const struct field *f)
{
    const struct resource *r = l->resource;
    const struct field *next = r->is_appended && f->flags & F_FILTER ? &r->fields[r->sort] : NULL;
    const char *more = next ? text("AND i.indkey[1] = (SELECT n.attnum FROM pg_attribute n WHERE n.attrelid = i.indrelid "
                                   "AND n.attname = '%.*s')", STR_ARG(next->name)) : "";
    return sql_count(*l->db, "SELECT count(*) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] "
                             "WHERE i.indisvalid AND i.indrelid = '%s'::regclass AND a.attname = '%.*s' %s",
                     l->table ? l->table : r->table, STR_ARG(f->name), more);
}

static void test_each_filter_and_sort_has_an_index(void **state)
{
    (void)state;
    int asked = 0;
    for (size_t i = 0; i < COUNT(lists); i++) {
        const struct resource *r = lists[i].resource;
        for (size_t n = 0; n < r->field_count; n++) {
            const struct field *f = &r->fields[n];
            if (!(f->flags & (F_FILTER | F_SORT))) continue;
            asked++;
            expect(indexes_of(&lists[i], f) > 0, "%s: no index begins with %.*s", r->table, STR_ARG(f->name));
        }
    }
    assert_in_range(asked, 60, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_each_filter_and_sort_has_an_index) };
    return system_main("list-indexes", tests, COUNT(tests));
}
