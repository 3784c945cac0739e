/* GET /api/v1/customers?keyword=: contract.md, Lists. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "sql.h"
#include "stack.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

static char *scope; /* an industry: only its customers are looked at */

static char *in_scope(void)
{
    return text("\"industry_id\":\"%s\"", scope);
}

static struct reply *search(const char *keyword)
{
    return GET(
        text("/api/v1/customers?industry_id=%s&sort=customer_name&order=asc&keyword=%s", scope, encoded(keyword)));
}

static void expect_found(const char *keyword, const char *names)
{
    struct reply *r = expect_status(search(keyword), 200);
    char *found = text("%s", "");
    for (int i = 0; i < cJSON_GetArraySize(at(r, "data.records")); i++)
        found = text("%s%s%s", found, i ? "," : "", text_at(r, text("data.records.%d.customer_name", i)));
    expect(!strcmp(found, names), "keyword \"%s\" finds \"%s\" instead of \"%s\"", keyword, found, names);
    expect_number(r, "data.total", cJSON_GetArraySize(at(r, "data.records")));
}

static void hospitals(void)
{
    scope = industry(unique("行业"));
    customer("上海同济医院", in_scope());
    customer("上海瑞金医院", in_scope());
    customer("北京协和制药有限公司", in_scope());
}

static void test_keyword_finds_chinese_of_any_length(void **state)
{
    (void)state;
    hospitals();
    expect_found("药", "北京协和制药有限公司");
    expect_found("上海", "上海同济医院,上海瑞金医院");
    expect_found("同济", "上海同济医院");
    expect_found("制药", "北京协和制药有限公司");
    expect_found("济医院", "上海同济医院");
    expect_found("上海瑞金", "上海瑞金医院");
    expect_found("北京协和制药有限公司", "北京协和制药有限公司");
    expect_found("上京", "");
    expect_found("医药", "");
    expect_found("海上", "");
}

static void test_keyword_finds_pinyin_and_its_initials(void **state)
{
    (void)state;
    hospitals();
    expect_found("tongji", "上海同济医院");
    expect_found("shanghai", "上海同济医院,上海瑞金医院");
    expect_found("ShangHai", "上海同济医院,上海瑞金医院");
    expect_found("shrj", "上海瑞金医院");
    expect_found("SHTJYY", "上海同济医院");
    expect_found("zhiyao", "北京协和制药有限公司");
    expect_found("bjxh", "北京协和制药有限公司");
    expect_found("bj", "北京协和制药有限公司");
    expect_found("shanghaitongjiyiyuan", "上海同济医院");
    expect_found("guangzhou", "");
}

static void test_keyword_follows_a_new_name(void **state)
{
    (void)state;
    scope = industry(unique("行业"));
    char *id = customer("旧名字", in_scope());
    expect_found("旧名", "旧名字");
    expect_status(PUT(customer_path(id), "{\"customer_name\":\"崭新称呼\"}"), 200);
    expect_found("旧名", "");
    expect_found("jmz", "");
    expect_found("崭新", "崭新称呼");
    expect_found("zhanxin", "崭新称呼");
}

static void test_keyword_finds_code_and_primary_contact(void **state)
{
    (void)state;
    scope = industry(unique("行业"));
    const char *code = unique("ZX");
    char *person = contact("欧阳修远", NULL);
    customer("甲", text("%s,\"customer_code\":\"%s\"", in_scope(), code));
    customer("乙", text("%s,\"primary_contact_id\":\"%s\"", in_scope(), person));
    expect_found(code, "甲");
    expect_found(text("%.6s", code), "甲");
    expect_found("zx-", "甲");
    expect_found("欧阳修远", "乙");
    expect_found("修远", "乙");
    PUT(text("/api/v1/contacts/%s", person), "{\"contact_name\":\"司马迁\"}");
    expect_found("修远", "");
    expect_found("司马", "乙");
}

/* The index is asked for the end of a number alone. */
static void test_keyword_that_ends_in_a_number_is_compared_whole(void **state)
{
    (void)state;
    scope = industry(unique("行业"));
    const char *run = strrchr(unique("x"), '-') + 1;
    customer("甲", text("%s,\"customer_code\":\"QA%s-7000123456\"", in_scope(), run));
    customer("乙", text("%s,\"customer_code\":\"QB%s-7000123456\"", in_scope(), run));
    expect_found(text("QA%s-7000123456", run), "甲");
    expect_found(text("qb%s-7000123456", run), "乙");
    expect_found(text("QC%s-7000123456", run), "");
    expect_found(text("a%s-700012345", run), "甲");
    expect_found(text("QA%s-7000123_56", run), "");
    expect_found("7000123456", "乙,甲");
}

/* The index is asked for wan and gfa, which others have, too. */
static void test_keyword_of_letters_is_compared_whole(void **state)
{
    (void)state;
    scope = industry(unique("行业"));
    customer("xwangfang", in_scope());
    customer("wan gfang", in_scope());
    customer("wang gfa", in_scope());
    customer("王芳", in_scope());
    expect_found("wangfang", "xwangfang,王芳");
    expect_found("WangFang", "xwangfang,王芳");
    expect_found("xwangfan", "xwangfang");
    expect_found("angfang", "xwangfang,王芳");
    expect_found("wangfanx", "");
}

static void test_keyword_finds_a_phone_or_email_only_whole(void **state)
{
    (void)state;
    scope = industry(unique("行业"));
    customer("甲", text("%s,\"phone\":\"13800138000\",\"email\":\"Zhang.San@example.com\"", in_scope()));
    expect_found("13800138000", "甲");
    expect_found("zhang.san@EXAMPLE.com", "甲");
    expect_found("1380013800", "");
    expect_found("138001380001", "");
    expect_found("san@example.com", "");
    expect_found("@example.com", "");
    expect_found("zhang", "");
}

static void test_keyword_takes_wildcards_literally(void **state)
{
    (void)state;
    scope = industry(unique("行业"));
    customer("100%纯", in_scope());
    customer("100克纯", in_scope());
    customer("a_b", in_scope());
    customer("a\\\\b", in_scope());
    customer("axb", in_scope());
    expect_found("100%", "100%纯");
    expect_found("0%纯", "100%纯");
    expect_found("%", "100%纯");
    expect_found("%%", "");
    expect_found("_", "a_b");
    expect_found("a_b", "a_b");
    expect_found("\\", "a\\b");
    expect_found("a\\b", "a\\b");
    expect_found("\\%", "");
    expect_found("' OR 1=1 --", "");
    expect_found("{}", "");
}

static void test_keyword_is_trimmed_and_bounded(void **state)
{
    (void)state;
    hospitals();
    expect_found("  瑞金 ", "上海瑞金医院");
    expect_found(repeat("长", 64), "");
    const char *const bad[] = { "",
                                "   ",
                                repeat("长", 65),
                                repeat("a", 65),
                                "a\tb",
                                "a\nb",
                                "a\x7f"
                                "b" };
    for (size_t i = 0; i < COUNT(bad); i++) expect_error(search(bad[i]), 400, "INVALID_FIELD", "keyword");
}

static void test_keyword_matches_one_letter_and_two(void **state)
{
    (void)state;
    scope = industry(unique("行业"));
    customer("Qx", in_scope());
    customer("qy", in_scope());
    customer("中Q文", in_scope());
    expect_found("qx", "Qx");
    expect_found("x", "Qx");
    expect_found("文", "中Q文");
    expect_found("Q文", "中Q文");
}

static void test_keyword_does_not_find_across_fields(void **state)
{
    (void)state;
    scope = industry(unique("行业"));
    customer("末尾", text("%s,\"customer_code\":\"%s\"", in_scope(), unique("K")));
    expect_found("尾", "末尾");
    expect_found(text("尾%s", sql(stack.customer_db,
                                  "SELECT left(customer_code, 1) FROM customers WHERE industry_id = '%s'", scope)),
                 "");
}

static void *total_of_keyword(void *keyword)
{
    return http_send(&(struct request){ .method = "GET", .url = text("%s/api/v1/customers?keyword=%s", stack.customer_url, (char *)keyword),
                                        .token = stack.admin_token });
}

/* A lock makes the count slow; `meanwhile` is done while it waits. */
static void expect_slow_total(char *name, const char *meanwhile, int want)
{
    pthread_t thread;
    void *reply;
    PGconn *locker = PQconnectdb(stack.customer_db);
    PQclear(PQexec(locker, "BEGIN"));
    PQclear(PQexec(locker, "LOCK TABLE customers IN ACCESS EXCLUSIVE MODE"));
    pthread_create(&thread, NULL, total_of_keyword, name);
    nanosleep(&(struct timespec){ .tv_nsec = 400 * 1000 * 1000 }, NULL); /* a slow count, not a wait for something */
    sql(stack.customer_db, "%s", meanwhile);
    PQclear(PQexec(locker, "ROLLBACK"));
    PQfinish(locker);
    pthread_join(thread, &reply);
    expect_number(expect_status(reply, 200), "data.total", want);
}

/* The name of a customer who is one of one, which has been counted slowly. */
static char *counted_slowly(void)
{
    char *name = text("%s", unique("slowly"));
    customer(name, NULL);
    sql(stack.customer_db, "TRUNCATE list_total");
    expect_slow_total(name, "SELECT", 1);
    return name;
}

/* However small it is. */
static void test_total_that_took_long_to_count_is_kept(void **state)
{
    (void)state;
    char *name = counted_slowly();
    assert_int_equal(sql_count(stack.customer_db, "SELECT count(*) FROM list_total"), 1);
    customer(text("%s-b", name), NULL);
    expect_number(expect_status(total_of_keyword(name), 200), "data.total", 2);
}

/* Of many that ask for the same, the first counts for all that wait in line behind it. */
static void test_total_that_somebody_has_counted_meanwhile_is_taken(void **state)
{
    (void)state;
    char *name = counted_slowly();
    sql(stack.customer_db, "DROP TABLE IF EXISTS list_total_of_somebody");
    sql(stack.customer_db, "CREATE TABLE list_total_of_somebody AS SELECT * FROM list_total");
    sql(stack.customer_db, "TRUNCATE list_total");
    expect_slow_total(name, "INSERT INTO list_total SELECT key, total + 6, snapshot, stored_at FROM list_total_of_somebody", 7);
    sql(stack.customer_db, "DROP TABLE list_total_of_somebody");
    sql(stack.customer_db, "TRUNCATE list_total");
}

static atomic_int counted;

static void *count_contacts(void *keyword)
{
    char *url = text("%s/api/v1/contacts?keyword=%s", stack.customer_url, (char *)keyword);
    struct reply *r = http_send(&(struct request){ .method = "GET", .url = url, .token = stack.admin_token });
    counted++;
    return r;
}

/* As many as there are connections of all kinds, and more. */
static void test_counts_that_wait_hold_up_no_list(void **state)
{
    (void)state;
    pthread_t threads[16];
    PGconn *locker = PQconnectdb(stack.customer_db);
    PQclear(PQexec(locker, "BEGIN"));
    PQclear(PQexec(locker, "LOCK TABLE contacts IN ACCESS EXCLUSIVE MODE"));
    counted = 0;
    for (size_t i = 0; i < COUNT(threads); i++) pthread_create(&threads[i], NULL, count_contacts, text("waits%zu", i));
    nanosleep(&(struct timespec){ .tv_nsec = 400 * 1000 * 1000 }, NULL); /* until they do */
    expect_status(GET("/api/v1/customers?size=1&total=none"), 200);
    assert_int_equal(counted, 0);
    PQclear(PQexec(locker, "ROLLBACK"));
    PQfinish(locker);
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *reply;
        pthread_join(threads[i], &reply);
        expect_number(expect_status(reply, 200), "data.total", 0);
    }
}

static bool is_indexed(void *index)
{
    return sql_count(stack.admin_db, "SELECT pending_tuples FROM pgstatginindex('customer.%s')", (char *)index) == 0;
}

/* Nobody's write has to: PostgreSQL leaves them in a list until that is long. */
static void test_new_texts_are_indexed_soon(void **state)
{
    (void)state;
    own_stack_only();
    sql(stack.admin_db, "CREATE EXTENSION IF NOT EXISTS pgstattuple");
    customer(unique("新"), NULL);
    expect(poll_until(7, is_indexed, text("customers_search")), "texts still wait in a list");
    expect(poll_until(7, is_indexed, text("customers_grams")), "grams still wait in a list");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keyword_finds_chinese_of_any_length),
        cmocka_unit_test(test_keyword_finds_pinyin_and_its_initials),
        cmocka_unit_test(test_keyword_follows_a_new_name),
        cmocka_unit_test(test_keyword_finds_code_and_primary_contact),
        cmocka_unit_test(test_keyword_that_ends_in_a_number_is_compared_whole),
        cmocka_unit_test(test_keyword_of_letters_is_compared_whole),
        cmocka_unit_test(test_keyword_finds_a_phone_or_email_only_whole),
        cmocka_unit_test(test_keyword_takes_wildcards_literally),
        cmocka_unit_test(test_keyword_is_trimmed_and_bounded),
        cmocka_unit_test(test_keyword_matches_one_letter_and_two),
        cmocka_unit_test(test_keyword_does_not_find_across_fields),
        cmocka_unit_test(test_total_that_took_long_to_count_is_kept),
        cmocka_unit_test(test_total_that_somebody_has_counted_meanwhile_is_taken),
        cmocka_unit_test(test_counts_that_wait_hold_up_no_list),
        cmocka_unit_test(test_new_texts_are_indexed_soon),
    };
    return system_main("customer search", tests, COUNT(tests));
}
