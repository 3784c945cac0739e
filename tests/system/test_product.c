/* Products: what orders and quotes are made of. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "stack.h"
#include "trade.h"

static char *product_path(const char *id) { return text("/api/v1/products/%s", id); }

static void test_products_are_kept_and_found(void **state)
{
    (void)state;
    const char *code = unique("CP");
    struct reply *r = POST("/api/v1/products",
                           text("{\"product_code\":\"%s\",\"product_name\":\"阿莫西林胶囊\",\"category\":\"%s\",\"specification\":"
                                "\"0.25g*24粒\",\"unit\":\"盒\",\"unit_price\":12.5}",
                                code, code));
    const char *id = text_at(expect_status(r, 200), "data.product_id");
    struct reply *one = expect_status(GET(product_path(id)), 200);
    expect(has_text(one, "\"unit_price\":12.50") && has_text(one, "\"status\":\"在售\""), "%s", one->body);
    static const char *const queries[] = { "category=%s&keyword=amxl", "category=%s&keyword=%%E8%%A5%%BF%%E6%%9E%%97",
                                           "product_code=%s", "category=%s&status=ON_SALE" };
    for (size_t i = 0; i < COUNT(queries); i++) {
        char *query = text(queries[i], code);
        expect_number(expect_status(GET(text("/api/v1/products?%s", query)), 200), "data.total", 1);
    }
    expect_number(GET(text("/api/v1/products?category=%s&status=STOPPED", code)), "data.total", 0);
    expect_error(POST("/api/v1/products", text("{\"product_code\":\"%s\",\"product_name\":\"又\",\"unit_price\":1}", code)), 409,
                 "DUPLICATE", "product_code");
    expect_status(PATCH(product_path(id), "{\"unit_price\":13}"), 200);
    expect_status(DELETE(product_path(id)), 200);
    expect_error(GET(product_path(id)), 404, "NOT_FOUND", "");
}

static void test_bad_products_are_refused(void **state)
{
    (void)state;
    static const struct { const char *body, *fields; } cases[] = {
        { "{}", "product_code,product_name,unit_price" },
        { "{\"product_code\":\"a b\",\"product_name\":\"\",\"unit_price\":-1}", "product_code,product_name,unit_price" },
        { "{\"product_code\":\"a\",\"product_name\":\"b\",\"unit_price\":1.001}", "unit_price" },
        { "{\"product_code\":\"a\",\"product_name\":\"b\",\"unit_price\":1e3}", "unit_price" },
        { "{\"product_code\":\"a\",\"product_name\":\"b\",\"unit_price\":1,\"status\":\"无\"}", "status" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) expect_error(POST("/api/v1/products", cases[i].body), 400, "INVALID_FIELD", cases[i].fields);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_products_are_kept_and_found, to_orders),
        cmocka_unit_test_setup(test_bad_products_are_refused, to_orders),
    };
    return system_main("products", tests, COUNT(tests));
}
