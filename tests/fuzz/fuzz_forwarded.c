/* X-Forwarded-For: the first line of the input is the peer, each further one a line of the field. Trusted are 10.0.0.0/8 and
 * fd00::/8. What a client writes to the left of a proxy's entry never changes who it is. */
#include "fuzz.h"

#include "http/forwarded.h"

enum { LINES_MAX = 16, ENTRIES_MAX = 4096 };

static struct cidr_set *trusted;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct str bad;
    (void)argc, (void)argv;
    trusted = cidr_set_new();
    must(!cidr_set_add_list(trusted, STR("10.0.0.0/8, fd00::/8"), 1, &bad));
    return 0;
}

/* As `trusted` has it, without the tree. */
static bool is_trusted(const struct ip *ip)
{
    return (ip->width == IP_V4_BITS && ip->high >> 56 == 10) || (ip->width == IP_V6_BITS && ip->high >> 56 == 0xfd);
}

/* One spelling for one address. */
static void check_address(struct str text)
{
    struct ip ip, again;
    char out[IP_LEN + 1], second[IP_LEN + 1];
    must(ip_read(text, &ip) == (ip.width != 0));
    if (!ip.width) return;
    must(ip_read(ip_write(&ip, out), &again) && ip_eq(&ip, &again));
    must(str_is(ip_write(&again, second), out));
    must(cidr_set_find(trusted, &ip, NULL) == is_trusted(&ip));
}

/* The walk, one entry at a time: each as if it were alone in the list. */
static void check_steps(struct ip at, const struct forwarded *f, const struct str *values, size_t count)
{
    static struct str entries[ENTRIES_MAX];
    size_t n = 0;
    int hops = 0;
    for (size_t i = 0; i < count; i++)
        for (struct str rest = values[i]; !str_is_none(rest) && n < ENTRIES_MAX;) entries[n++] = str_cut(&rest, ',');
    while (n-- > 0 && hops < FORWARDED_HOPS_MAX && is_trusted(&at)) {
        struct forwarded step = forwarded_client(trusted, STR("10.0.0.1"), &entries[n], 1);
        if (!step.hops) break;
        at = step.ip;
        hops++;
    }
    must(hops == f->hops && ip_eq(&at, &f->ip));
}

static void check_walk(struct str peer, const struct str *values, size_t count)
{
    struct forwarded f = forwarded_client(trusted, peer, values, count), alone = forwarded_client(trusted, peer, NULL, 0);
    must(f.hops >= 0 && f.hops <= FORWARDED_HOPS_MAX && alone.hops == 0);
    must(f.hops > 0 || ip_eq(&f.ip, &alone.ip));
    must(f.hops == 0 || is_trusted(&alone.ip));
    must((f.ip.width == 0) == !*f.text);
    if (*f.text) check_address(str_of(f.text));
    check_steps(alone.ip, &f, values, count);
    if (is_trusted(&f.ip)) return;
    struct str spoofed[LINES_MAX + 1] = { STR("192.0.2.66, 10.6.6.6") };
    if (count) memcpy(spoofed + 1, values, count * sizeof *values);
    struct forwarded again = forwarded_client(trusted, peer, spoofed, count + 1);
    must(ip_eq(&again.ip, &f.ip) && again.hops == f.hops);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str values[LINES_MAX], rest = fuzz_input(data, size), peer = str_cut(&rest, '\n');
    size_t n = 0;
    check_address(peer);
    for (; n < LINES_MAX && !str_is_none(rest); n++) check_address(values[n] = str_cut(&rest, '\n'));
    check_walk(peer, values, n);
    return 0;
}
