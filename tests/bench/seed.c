/* Customers, contacts and leads in bulk, as text for COPY ... FROM STDIN:
 *   seed customers|contacts|leads FIRST COUNT | seed users
 * Row n is always the same but for its nonces, whoever makes it: parts may be generated side by side. What the load bypasses
 * (triggers, the service) is done here: codes, pinyin, the name of the primary contact, encryption with the keys of
 * DATA_KEYS_FILE. */
#include "base/config_file.h"
#include "base/limits.h"
#include "base/pinyin.h"
#include "schema/seal.h"
#include "schemas.h"
#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CACHE_SLOTS = 8192, USERS = 200, FIRST_TIME = 1609459200 /* 2021-01-01 */, STEP_S = 157, DELETED_PERCENT = 2, CONTACT_PERCENT = 70 };

#define COUNT(table) (sizeof(table) / sizeof *(table))
#define PICK(r, table) pick((r), (table), COUNT(table))

/* A text put together from words, and its pinyin from theirs: ICU is far too slow to ask a million times. */
struct phrase {
    struct str text, full, initials;
};

struct customer {
    long number;
    char id[40], contact_id[40], created_by[40], updated_by[40];
    struct phrase name, contact; /* no contact: an empty text */
    struct str address;
    const char *type, *region;
    int industry;
    time_t created, updated;
};

/* --- chance (splitmix64: a stream for each row) ---------------------------------------------------------------------------- */

static uint64_t next(uint64_t *r)
{
    uint64_t z = *r += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static int below(uint64_t *r, int n)
{
    return (int)(next(r) % (uint64_t)n);
}

/* Every word table begins with a text and ends with a weight. */
static size_t pick_weighted(uint64_t *r, const int *weight, size_t stride, size_t count)
{
    int sum = 0;
    for (size_t i = 0; i < count; i++) sum += weight[i * stride / sizeof *weight];
    int left = below(r, sum);
    for (size_t i = 0;; i++)
        if ((left -= weight[i * stride / sizeof *weight]) < 0) return i;
}

static const char *pick(uint64_t *r, const struct word *table, size_t count)
{
    return table[pick_weighted(r, &table->weight, sizeof *table, count)].text;
}

/* A Chinese character of a text: three bytes each. */
static struct str character(uint64_t *r, const char *text)
{
    return (struct str){ text + 3 * below(r, (int)(strlen(text) / 3)), 3 };
}

static void uuid(char out[40], uint64_t ms, uint64_t *r)
{
    uint64_t a = next(r), b = next(r);
    snprintf(out, 40, "%08x-%04x-7%03x-%04x-%012llx", (unsigned)(ms >> 16), (unsigned)(ms & 0xffff), (unsigned)(a & 0xfff),
             (unsigned)(0x8000 | (a >> 12 & 0x3fff)), (unsigned long long)(b & 0xffffffffffff));
}

static void user_id(char out[40], int n)
{
    snprintf(out, 40, "018f3c5e-7a10-7000-8000-0003%08d", n);
}

/* --- one customer ------------------------------------------------------------------------------------------------------ */

static const struct phrase *word_of(struct str text)
{
    static struct phrase cache[CACHE_SLOTS];
    static struct arena kept;
    for (size_t i = str_hash(text);; i++) {
        struct phrase *w = &cache[i % CACHE_SLOTS];
        if (w->text.len && !str_eq(w->text, text)) continue;
        if (w->text.len) return w;
        w->text = arena_dup(&kept, text);
        w->initials = pinyin_of(&kept, text);
        w->full = str_cut(&w->initials, ' ');
        return w;
    }
}

static void add(struct arena *a, struct phrase *p, struct str text)
{
    if (!text.len) return;
    const struct phrase *w = word_of(text);
    p->text = arena_printf(a, "%.*s%.*s", STR_ARG(p->text), STR_ARG(text));
    p->full = arena_printf(a, "%.*s%.*s", STR_ARG(p->full), STR_ARG(w->full));
    p->initials = arena_printf(a, "%.*s%.*s", STR_ARG(p->initials), STR_ARG(w->initials));
}

static void addz(struct arena *a, struct phrase *p, const char *text)
{
    add(a, p, str_of(text));
}

static void person(struct arena *a, uint64_t *r, struct phrase *p)
{
    addz(a, p, PICK(r, surnames));
    add(a, p, character(r, given));
    if (below(r, 100) < 78) add(a, p, character(r, given));
}

static void company(struct arena *a, uint64_t *r, const struct place *place, struct customer *c)
{
    const struct trade *trade = &trades[pick_weighted(r, &trades->weight, sizeof *trades, COUNT(trades))];
    c->industry = trade->industry;
    if (below(r, 8)) addz(a, &c->name, place->city);
    for (int n = below(r, 5) ? 2 : 3; n > 0; n--) add(a, &c->name, character(r, brands));
    addz(a, &c->name, trade->text);
    addz(a, &c->name, PICK(r, forms));
}

static void institution(struct arena *a, uint64_t *r, const struct place *place, struct customer *c, const char *what)
{
    addz(a, &c->name, place->city);
    if (below(r, 4)) addz(a, &c->name, PICK(r, districts));
    addz(a, &c->name, what);
}

static void name_make(struct arena *a, uint64_t *r, const struct place *place, struct customer *c)
{
    if (!strcmp(c->type, "医院")) {
        c->industry = 46;
        institution(a, r, place, c, PICK(r, hospitals));
    } else if (!strcmp(c->type, "政府")) {
        c->industry = 49;
        institution(a, r, place, c, PICK(r, offices));
    } else if (!strcmp(c->type, "个人")) person(a, r, &c->name);
    else company(a, r, place, c);
}

static void customer_make(struct arena *a, uint64_t *r, long number, struct customer *c)
{
    const struct place *place = &places[pick_weighted(r, &places->weight, sizeof *places, COUNT(places))];
    *c = (struct customer){ .number = number, .type = PICK(r, types), .region = place->code };
    c->created = FIRST_TIME + number * STEP_S + below(r, STEP_S);
    c->updated = c->created + (time_t)(next(r) % 3 ? (uint64_t)below(r, 1 << 25) : 0);
    uuid(c->id, (uint64_t)c->created * 1000, r);
    uuid(c->contact_id, (uint64_t)c->created * 1000 + 1, r);
    user_id(c->created_by, below(r, USERS) * below(r, USERS) / USERS); /* some sell much more than others */
    user_id(c->updated_by, below(r, USERS));
    name_make(a, r, place, c);
    if (below(r, 100) < CONTACT_PERCENT) person(a, r, &c->contact);
    c->address = arena_printf(a, "%s%s%s%d号", place->province, PICK(r, districts), PICK(r, streets), 1 + below(r, 1999));
}

/* --- COPY text ----------------------------------------------------------------------------------------------------------- */

static void put(const char *text)
{
    printf("\t%s", text ? text : "\\N");
}

static void put_time(time_t t)
{
    char text[40];
    struct tm tm;
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S+00", gmtime_r(&t, &tm));
    put(text);
}

/* The value and, where the field has one, its index. */
static void put_sealed(struct arena *a, const struct resource *r, const char *field, const char *id, struct str value)
{
    unsigned char bytes[UUID_BYTES];
    const struct field *f = schema_field(r, str_of(field));
    uuid_bytes(str_of(id), bytes);
    printf("\t\\%s", seal_write(a, r, f, bytes, value.p)); /* COPY takes a backslash for two */
    if (f->flags & F_EXACT) printf("\t\\%s", seal_index(a, r, f, value.p));
}

static void put_phone(struct arena *a, const struct resource *resource, const char *id, uint64_t *r)
{
    put_sealed(a, resource, "phone", id, arena_printf(a, "%s%08d", PICK(r, phones), below(r, 100000000)));
}

static void put_credit(uint64_t *r)
{
    if (below(r, 100) < 30) put(NULL);
    else printf("\t%d.00", 10000 * (1 + below(r, 30) * below(r, 30)));
}

static void customer_put(struct arena *a, const struct customer *c, uint64_t *r)
{
    bool has_contact = c->contact.text.len;
    printf("%s\tC%06ld", c->id, c->number);
    printf("\t%.*s", STR_ARG(c->name.text));
    put(c->type);
    put(has_contact ? c->contact_id : NULL);
    if (has_contact) printf("\t%.*s", STR_ARG(c->contact.text));
    else put(NULL);
    put_phone(a, &customer_resource, c->id, r);
    put_sealed(a, &customer_resource, "email", c->id, arena_printf(a, "contact@c%06ld.example.com", c->number));
    put_sealed(a, &customer_resource, "address", c->id, c->address);
    put(PICK(r, levels));
    if (c->industry) printf("\t018f3c5e-7a10-7000-8000-0001000000%02d", c->industry);
    else put(NULL);
    put(PICK(r, sizes));
    put_credit(r);
    put(PICK(r, terms));
    printf("\t018f3c5e-7a10-7000-8000-000200%s", c->region);
    put(PICK(r, sources));
    put(PICK(r, tags));
    put(PICK(r, statuses));
    put(c->created_by);
    put_time(c->created);
    put(c->updated_by);
    put_time(c->updated);
    put(PICK(r, remarks));
    if (below(r, 100) < DELETED_PERCENT) put_time(c->updated);
    else put(NULL);
    printf("\t%.*s %.*s\n", STR_ARG(c->name.full), STR_ARG(c->name.initials));
}

static void contact_put(struct arena *a, const struct customer *c, uint64_t *r)
{
    if (!c->contact.text.len) return;
    printf("%s\t%s\t%.*s", c->contact_id, c->id, STR_ARG(c->contact.text));
    put(below(r, 2) ? "男" : "女");
    put(PICK(r, titles));
    put_phone(a, &contact_resource, c->contact_id, r);
    put_sealed(a, &contact_resource, "email", c->contact_id, arena_printf(a, "p1@c%06ld.example.com", c->number));
    put(c->created_by); /* owner: of the customer */
    put(c->created_by);
    put_time(c->created);
    put(c->created_by);
    put_time(c->created);
    printf("\t%.*s %.*s\n", STR_ARG(c->contact.full), STR_ARG(c->contact.initials));
}

/* What might have become the customer. */
static void lead_put(struct arena *a, const struct customer *c, uint64_t *r)
{
    const char *status = PICK(r, lead_statuses), *product = PICK(r, product_types);
    bool is_converted = !strcmp(status, "已转化");
    struct phrase name = c->name, who = { 0 };
    addz(a, &name, "采购");
    addz(a, &name, product);
    person(a, r, &who);
    printf("%s\t%.*s\t%.*s\t%.*s", c->id, STR_ARG(name.text), STR_ARG(c->name.text), STR_ARG(who.text));
    put_phone(a, &lead_resource, c->id, r);
    put_sealed(a, &lead_resource, "email", c->id, arena_printf(a, "lead@c%06ld.example.com", c->number));
    put(PICK(r, sources));
    put(product);
    printf("\t%d.00", 1000 * (1 + below(r, 100) * below(r, 100)));
    put(status);
    put(is_converted ? c->contact_id : NULL); /* some customer */
    if (is_converted) put_time(c->updated);
    else put(NULL);
    put(c->created_by); /* owner */
    put(c->created_by);
    put_time(c->created);
    put_time(c->updated);
    printf("\t%.*s %.*s\n", STR_ARG(name.full), STR_ARG(name.initials));
}

static void users_put(struct arena *a)
{
    for (int i = 0; i < USERS; i++) {
        uint64_t r = (uint64_t)i;
        char id[40];
        user_id(id, i);
        struct phrase who = { 0 };
        person(a, &r, &who);
        printf("%s\t%.*s\n", id, STR_ARG(who.text));
    }
}

static const struct kind {
    const char *name;
    void (*put)(struct arena *a, const struct customer *c, uint64_t *r);
    uint64_t stream; /* of chance, for what the others have not */
} kinds[] = { { "contacts", contact_put, 1 }, { "customers", customer_put, 2 }, { "leads", lead_put, 4 } };

static const struct kind *kind_of(const char *name)
{
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (!strcmp(kinds[i].name, name)) return &kinds[i];
    return NULL;
}

static void rows_put(const struct kind *k, long first, long count)
{
    for (long n = first; n < first + count; n++) {
        struct arena a;
        struct customer c;
        uint64_t r = (uint64_t)n * 0x2545f4914f6cdd1du, more;
        arena_init(&a);
        customer_make(&a, &r, n, &c);
        more = r ^ k->stream;
        k->put(&a, &c, &more);
        arena_done(&a);
    }
}

static void keys_load(void)
{
    struct buf ring, faults;
    const char *path = getenv("DATA_KEYS_FILE");
    buf_init(&ring, LIMIT_CONFIG_FILE + 1);
    buf_init(&faults, 4096);
    const char *fault = path ? config_file_bytes(path, &ring) : "is not set";
    const struct vault *vault = fault ? NULL : vault_new(buf_str(&ring), &faults);
    if (!vault) fprintf(stderr, "seed: DATA_KEYS_FILE %s\n%.*s", fault ? fault : "is no key ring", STR_ARG(buf_str(&faults)));
    if (!vault) exit(EXIT_FAILURE);
    seal_set_vault(vault);
}

int main(int argc, char **argv)
{
    struct arena a;
    arena_init(&a);
    keys_load();
    const struct kind *k = argc == 4 ? kind_of(argv[1]) : NULL;
    bool users = argc == 2 && !strcmp(argv[1], "users");
    if (k) rows_put(k, atol(argv[2]), atol(argv[3]));
    else if (users) users_put(&a);
    else fprintf(stderr, "usage: seed customers|contacts|leads FIRST COUNT | seed users\n");
    arena_done(&a);
    return fflush(stdout) || !(k || users) ? EXIT_FAILURE : EXIT_SUCCESS;
}
