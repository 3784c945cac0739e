/* A new key for what is stored encrypted, as docs/operations.md tells it: added, made the current one, the data sealed anew with it
 * while the service goes on, the old key taken out. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "shell.h"
#include "sql.h"
#include "stack.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { CUSTOMERS = 450 /* more than two batches */, CONTACTS = 20, WRITERS = 2 };

#define KEY_2 "WFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFg="

static char *customers[CUSTOMERS], *contacts[CONTACTS];
static char *key_1, *index_key;

static const char *data_keys(void)
{
    return getenv("CUSTOMER_SERVICE_DATA_KEYS_FILE");
}

static char *key_named(const char *name)
{
    char *found = shell("sed -n 's/^%s://p' '%s'", name, data_keys()).text;
    found[strcspn(found, "\n")] = 0;
    return strdup(found); /* the stack's file is about to change */
}

/* What an operator does: another file in the place of the old one, and a restart. */
static void deploy_keys(const char *ring)
{
    struct said placed = shell("umask 077; printf '%s' >'%s.new' && mv '%s.new' '%s'", ring, data_keys(), data_keys(), data_keys());
    expect(placed.status == 0, "%s", placed.text);
    pid_t old = part_pid("CUSTOMER_SERVICE");
    part_signal("CUSTOMER_SERVICE", SIGTERM);
    expect(part_is_new("CUSTOMER_SERVICE", old, 20) && url_is_ready(stack.customer_url, 20), "it does not come back with %s", ring);
}

/* Rows with a value of this key. */
static long sealed_with(int key)
{
    return sql_count(stack.customer_db, "SELECT count(*) FROM customers WHERE '\\x01%08x' IN (substr(phone, 1, 5), substr(address, 1, 5))",
                     key);
}

static long events(void)
{
    return sql_count(stack.customer_db, "SELECT count(*) FROM outbox");
}

static char *phone_of(int i)
{
    return text("199%08d", i);
}

static void expect_all_readable(void)
{
    for (int i = 0; i < CUSTOMERS; i++) {
        if (i == 1) continue; /* it was deleted */
        struct reply *r = GET(customer_path(customers[i]));
        expect_text(r, "data.phone", phone_of(i));
        expect_text(r, "data.email", text("c%d@example.com", i));
    }
    expect_number(GET(text("/api/v1/customers?keyword=%s", phone_of(7))), "data.total", 1);
    for (int i = 1; i < CONTACTS; i++) expect_text(GET(text("/api/v1/contacts/%s", contacts[i])), "data.phone", phone_of(i));
}

/* --- writers that never stop ---------------------------------------------------------------------------------------------- */

static struct {
    atomic_bool is_over;
    atomic_int good, bad;
} writing;

/* Writes a value that is to be found at the end, over and over. */
static void *writer(void *arg)
{
    for (int n = (int)(intptr_t)arg; !atomic_load(&writing.is_over); n += WRITERS) {
        int i = 2 + n % (CUSTOMERS - 2);
        const char *url = text("%s%s", stack.customer_url, customer_path(customers[i]));
        const char *body = text("{\"phone\":\"%s\",\"address\":\"%d\"}", phone_of(i), n);
        struct reply *r = http_send(&(struct request){ .method = "PATCH", .url = url, .token = stack.admin_token, .body = body });
        atomic_fetch_add(r->status == 200 ? &writing.good : &writing.bad, 1);
    }
    return NULL;
}

static void write_begin(pthread_t threads[WRITERS])
{
    writing.is_over = false;
    writing.good = writing.bad = 0;
    for (intptr_t i = 0; i < WRITERS; i++) pthread_create(&threads[i], NULL, writer, (void *)i);
}

static void write_end(const pthread_t threads[WRITERS])
{
    atomic_store(&writing.is_over, true);
    for (int i = 0; i < WRITERS; i++) pthread_join(threads[i], NULL);
}

/* --- the test --------------------------------------------------------------------------------------------------------------- */

static void make_records(void)
{
    for (int i = 0; i < CUSTOMERS; i++)
        customers[i] = strdup(customer("某", text("\"phone\":\"%s\",\"email\":\"c%d@example.com\",\"address\":\"北京\"", phone_of(i), i)));
    for (int i = 0; i < CONTACTS; i++) contacts[i] = strdup(contact("丁", text("\"phone\":\"%s\"", phone_of(i))));
    expect_status(DELETE(customer_path(customers[1])), 200);
}

static bool some_are_new(void *arg)
{
    (void)arg;
    return sealed_with(2) > 0;
}

/* A transaction that has a row locked. */
static PGconn *lock(const char *row)
{
    PGconn *pg = PQconnectdb(stack.customer_db);
    PQclear(PQexec(pg, "BEGIN"));
    PGresult *locked = PQexec(pg, text("SELECT FROM %s FOR UPDATE", row));
    assert_int_equal(PQntuples(locked), 1);
    PQclear(locked);
    return pg;
}

static void unlock(PGconn *pg, const char *end)
{
    PGresult *ended = PQexec(pg, end);
    expect(PQresultStatus(ended) == PGRES_COMMAND_OK, "%s", PQresultErrorMessage(ended));
    PQclear(ended);
    PQfinish(pg);
}

/* A row far down is locked, so that the command is surely in the midst of its work when it is killed. */
static void kill_in_the_midst(void)
{
    PGconn *pg = lock(text("customers WHERE customer_id = '%s'", customers[CUSTOMERS - 1]));
    pid_t pid = shell_start(text("%s >/dev/null 2>&1", service_with_keys("customer-service", data_keys(), "rotate-data-keys")));
    bool begun = poll_until(20, some_are_new, NULL);
    shell_kill(pid);
    long done = sealed_with(2), left = sealed_with(1);
    unlock(pg, "ROLLBACK");
    expect(begun && done > 0 && left > 0, "%ld done, %ld left", done, left);
}

static bool waits_for_a_row(void *arg)
{
    (void)arg;
    return sql_count(stack.customer_db, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'rotate-data-keys' "
                                        "AND wait_event_type = 'Lock'") > 0;
}

/* Runs the command; a contact's phone is cleared between its reading the row and its writing it, which must not bring it back. */
static struct said rotate_with_a_write_in_between(const char *contact_id)
{
    const char *output = text("%s.output", data_keys()), *row = text("contacts WHERE contact_id = '%s'", contact_id);
    PGconn *pg = lock(row);
    pid_t pid = shell_start(text("%s >%s 2>&1", service_with_keys("customer-service", data_keys(), "rotate-data-keys"), output));
    expect(poll_until(60, waits_for_a_row, NULL), "it does not come to the row");
    const char *clear = "phone = NULL, phone_index = NULL, version = version + 1";
    PQclear(PQexec(pg, text("UPDATE contacts SET %s WHERE contact_id = '%s'", clear, contact_id)));
    unlock(pg, "COMMIT");
    int status = shell_wait(pid);
    return (struct said){ status, shell("cat %s", output).text };
}

/* What must not change of a record, of two that the writers leave alone. */
static char *records_nobody_writes(void)
{
    return sql(stack.customer_db, "SELECT md5(string_agg((version, updated_time, updated_by, phone_index, email_index)::text, '' "
                                  "ORDER BY customer_id)) FROM customers WHERE customer_id IN ('%s', '%s')", customers[0], customers[1]);
}

static void test_keys_rotate_under_writes_and_a_kill(void **state)
{
    (void)state;
    own_stack_only();
    pthread_t threads[WRITERS];
    key_1 = key_named("1");
    index_key = key_named("index");
    make_records();

    deploy_keys(text("1:%s\nindex:%s\n2:%s\n", key_1, index_key, KEY_2)); /* known everywhere before anybody uses it */
    assert_int_equal(sealed_with(2), 0);
    deploy_keys(text("2:%s\n1:%s\nindex:%s\n", KEY_2, key_1, index_key));
    kill_in_the_midst();
    expect_all_readable(); /* half old, half new */

    const char *quiet = records_nobody_writes();
    long before = events();
    write_begin(threads);
    struct said said = rotate_with_a_write_in_between(contacts[0]);
    write_end(threads);
    expect(said.status == 0, "%s", said.text);
    bool tells = strstr(said.text, "contacts: 19 rows sealed anew") && strstr(said.text, "key 1 is still needed");
    expect(tells, "%s", said.text);
    expect(writing.bad == 0 && writing.good > 0, "%d good, %d bad", writing.good, writing.bad);
    assert_int_equal(events() - before, writing.good + 1); /* none but the writers' */
    assert_int_equal(sealed_with(1), 0); /* the deleted one too */
    assert_string_equal(quiet, records_nobody_writes());
    expect_all_readable();
    expect(is_null_at(GET(text("/api/v1/contacts/%s", contacts[0])), "data.phone"), "an older value came back");
    said = shell("%s", service_with_keys("customer-service", data_keys(), "rotate-data-keys"));
    expect(said.status == 0 && strstr(said.text, "customers: 0 rows sealed anew"), "%s", said.text);
}

/* After the one above: events and replies of the old key are gone when they are old enough. */
static void test_the_old_key_goes_when_nothing_needs_it(void **state)
{
    (void)state;
    own_stack_only();
    expect(key_1 != NULL, "the rotation before this did not come to its end");
    char *ring = text("umask 077; printf '2:%%s\\nindex:%%s\\n' %s %s >'%s.2'", KEY_2, index_key, data_keys());
    expect(shell("%s", ring).status == 0, "%s", ring);
    struct said said = shell("%s", service_with_keys("customer-service", text("%s.2", data_keys()), ""));
    expect(said.status == 1 && strstr(said.text, "key 1, which stored values are sealed with, is not in the key ring"), "%s", said.text);
    sql(stack.customer_db, "UPDATE outbox SET created_time = now() - interval '8 days'");
    sql(stack.customer_db, "UPDATE idempotency SET created_time = now() - interval '25 hours'");
    sql(stack.customer_db, "SELECT housekeeping()");
    said = shell("%s", service_with_keys("customer-service", data_keys(), "rotate-data-keys"));
    expect(said.status == 0 && strstr(said.text, "key 1 is no longer needed: take it out of the key ring"), "%s", said.text);
    deploy_keys(text("2:%s\nindex:%s\n", KEY_2, index_key));
    expect_all_readable();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_rotate_under_writes_and_a_kill),
        cmocka_unit_test(test_the_old_key_goes_when_nothing_needs_it),
    };
    int status = system_main("key rotation", tests, COUNT(tests));
    for (int i = 0; i < CUSTOMERS; i++) free(customers[i]);
    for (int i = 0; i < CONTACTS; i++) free(contacts[i]);
    free(key_1);
    free(index_key);
    return status;
}
