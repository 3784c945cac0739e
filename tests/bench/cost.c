/* cost: what single steps cost, each in a loop: microseconds of CPU, "name value" a line. */
#include "auth/jwk.h"
#include "auth/revocation_set.h"
#include "auth/token.h"
#include "schema/mask.h"
#include "schema/seal.h"
#include "schemas.h"

#include "base/cidr.h"
#include "base/uuid.h"
#include "base/vault.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CHECKS = 1000 * 1000, LISTS = 20 * 1000, ROWS = 10, REVOKED = 10 * 1000, NOW_S = 1000000 };

#define KEY_RING "1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=,index:MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="
#define USER     "018f3c5e-7a10-7c3e-9b1a-2f6d8e4c1e05"

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static uint64_t random_u64(void)
{
    uint64_t n;
    random_bytes((unsigned char *)&n, sizeof n);
    return n;
}

static void must(bool ok, const char *what)
{
    if (ok) return;
    fprintf(stderr, "cost: %s\n", what);
    exit(EXIT_FAILURE);
}

/* As the guard does it for each request: token, time, and that neither session nor user is revoked. */
static void token_check(void)
{
    struct arena a, request;
    struct str pem, kid, jwk;
    struct tokens *tokens = tokens_new(&tokens_own);
    struct revocation_set revoked = { 0 };
    const char *reason;
    arena_init(&a);
    must(jwk_generate(&a, &pem, &kid, &jwk), "no key");
    must(tokens_set_keys(tokens, arena_printf(&a, "{\"keys\":[%.*s]}", STR_ARG(jwk))), "no key set");
    char session[UUID_LEN + 1];
    uuid_v7(session);
    const struct token_claims claims = { .user_id = STR(USER), .username = STR("zhang"), .name = STR("张三"), .session_id = str_of(session),
        .roles = STR("[\"SALES_REP\"]"), .permissions = STR("[\"customer:view\"]"), .scope = STR("own"), .generation = STR("1"),
        .issued_s = NOW_S, .expires_s = NOW_S + 3600 };
    struct str token = token_sign(&a, pem.p, kid.p, &claims);
    for (int i = 0; i < REVOKED; i++) {
        struct revocation r = { .generation = 1, .until_s = NOW_S + 3600 };
        random_bytes(r.id, sizeof r.id);
        revocation_set_add(&revoked, &r, NOW_S);
    }
    double begun = cpu_us();
    for (int i = 0; i < CHECKS; i++) {
        arena_init(&request);
        const struct principal *who = tokens_verify(tokens, &request, token, NOW_S, &reason);
        must(who && !revocation_set_has(&revoked, who->session_id, INT32_MAX) &&
                 !revocation_set_has(&revoked, who->user_id, who->generation), "the token is refused");
        arena_done(&request);
    }
    printf("token_check_us %.3f\n", (cpu_us() - begun) / CHECKS);
    revocation_set_done(&revoked);
    tokens_free(tokens);
    arena_done(&a);
}

struct sealed {
    const struct field *field;
    struct str bytes;
};

static struct sealed sealed_field(struct arena *a, const unsigned char id[UUID_BYTES], int field, const char *text)
{
    const struct field *f = &customer_resource.fields[field];
    struct str hex = str_of(seal_write(a, &customer_resource, f, id, text)); /* "\x..." */
    char *bytes = arena_alloc(a, hex.len / 2);
    for (size_t i = 2; i + 1 < hex.len; i += 2) bytes[i / 2 - 1] = (char)strtol((char[]){ hex.p[i], hex.p[i + 1], 0 }, NULL, 16);
    return (struct sealed){ f, { bytes, hex.len / 2 - 1 } };
}

/* Ten rows of what a list shows in masks. */
static void protection(void)
{
    struct arena a, request;
    struct buf faults;
    char room[MASK_MAX];
    unsigned char id[UUID_BYTES];
    buf_init(&faults, 1024);
    struct vault *vault = vault_new(STR(KEY_RING), &faults);
    must(vault, "no vault");
    seal_set_vault(vault);
    arena_init(&a);
    random_bytes(id, sizeof id);
    const struct sealed fields[] = { sealed_field(&a, id, CUSTOMER_phone, "13800138000"),
                                     sealed_field(&a, id, CUSTOMER_email, "contact@example.com"),
                                     sealed_field(&a, id, CUSTOMER_address, "广东省深圳市南山区科技园路一号") };
    double begun = cpu_us();
    for (int i = 0; i < LISTS; i++) {
        arena_init(&request);
        for (int n = 0; n < ROWS * 3; n++) {
            struct str clear;
            const struct sealed *s = &fields[n % 3];
            must(!seal_read(&request, &customer_resource, s->field, id, s->bytes, &clear), "it does not open");
            must(mask(s->field, clear, room).len, "it has no mask");
        }
        arena_done(&request);
    }
    printf("protection_us %.2f\n", (cpu_us() - begun) / LISTS);
    arena_done(&a);
    vault_free(vault);
    buf_done(&faults);
}

/* An address in a list of so many prefixes of all lengths. */
static void prefixes(void)
{
    enum { PREFIXES = 100 * 1000, LOOKUPS = 1000 * 1000, ADDRESSES = 4096 };
    static struct ip ips[ADDRESSES];
    struct cidr_set *set = cidr_set_new();
    int found = 0;
    while (cidr_set_count(set) < PREFIXES) {
        struct cidr c = { .ip = { .width = IP_V4_BITS }, .bits = 8 + (int)(random_u64() % 25) };
        c.ip.high = random_u64() >> (64 - c.bits) << (64 - c.bits);
        cidr_set_add(set, &c, 1);
    }
    for (int i = 0; i < ADDRESSES; i++) ips[i] = (struct ip){ .width = IP_V4_BITS, .high = random_u64() >> 32 << 32 };
    double begun = cpu_us();
    for (int i = 0; i < LOOKUPS; i++) found += cidr_set_find(set, &ips[i % ADDRESSES], NULL);
    double took = cpu_us() - begun;
    must(found > 0, "no address is in the list");
    printf("cidr_us %.3f\n", took / LOOKUPS);
    cidr_set_free(set);
}

int main(void)
{
    token_check();
    protection();
    prefixes();
    return EXIT_SUCCESS;
}
