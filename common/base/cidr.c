#include "base/cidr.h"

#include <arpa/inet.h>
#include <stdlib.h>

/* --- addresses ------------------------------------------------------------------------------------------------------- */

static uint64_t word_read(const unsigned char *p)
{
    uint64_t word = 0;
    for (int i = 0; i < 8; i++) word = word << 8 | p[i];
    return word;
}

static void word_write(uint64_t word, unsigned char *p)
{
    for (int i = 7; i >= 0; i--, word >>= 8) p[i] = (unsigned char)word;
}

static struct ip ip_v4(uint32_t address)
{
    return (struct ip){ .high = (uint64_t)address << 32, .width = IP_V4_BITS };
}

/* RFC 4291, section 2.5.5.2. */
static bool is_mapped(const struct ip *ip)
{
    return ip->width == IP_V6_BITS && ip->high == 0 && ip->low >> 32 == 0xFFFF;
}

static struct ip read_as_written(struct str text)
{
    char z[IP_LEN + 1];
    unsigned char bytes[16];
    if (text.len > IP_LEN || (text.len && memchr(text.p, 0, text.len))) return (struct ip){ 0 };
    if (text.len) memcpy(z, text.p, text.len);
    z[text.len] = 0;
    if (inet_pton(AF_INET6, z, bytes) == 1) return (struct ip){ word_read(bytes), word_read(bytes + 8), IP_V6_BITS };
    if (inet_pton(AF_INET, z, bytes) == 1)
        return ip_v4((uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3]);
    return (struct ip){ 0 };
}

bool ip_read(struct str text, struct ip *ret)
{
    struct ip ip = read_as_written(text);
    *ret = is_mapped(&ip) ? ip_v4((uint32_t)ip.low) : ip;
    return ret->width != 0;
}

struct str ip_write(const struct ip *ip, char out[IP_LEN + 1])
{
    unsigned char bytes[16];
    word_write(ip->high, bytes);
    word_write(ip->low, bytes + 8);
    *out = 0;
    if (ip->width) inet_ntop(ip->width == IP_V4_BITS ? AF_INET : AF_INET6, bytes, out, IP_LEN + 1);
    return str_of(out);
}

bool ip_eq(const struct ip *a, const struct ip *b)
{
    return a->high == b->high && a->low == b->low && a->width == b->width;
}

/* --- prefixes -------------------------------------------------------------------------------------------------------- */

static uint64_t mask(int bits)
{
    return bits <= 0 ? 0 : bits >= 64 ? UINT64_MAX : UINT64_MAX << (64 - bits);
}

static bool is_beyond(const struct ip *ip, int bits)
{
    return (ip->high & ~mask(bits)) || (ip->low & ~mask(bits - 64));
}

/* RFC 4632, section 3.1: decimal, without a sign or leading zeros. */
static bool length_read(struct str text, int width, int *ret)
{
    int64_t n;
    if (!str_to_i64(text, 0, width, &n) || text.p[0] == '-' || (text.p[0] == '0' && text.len > 1)) return false;
    *ret = (int)n;
    return true;
}

const char *cidr_read(struct str text, struct cidr *ret)
{
    struct str rest = text, address = str_cut(&rest, '/');
    struct cidr c = { .ip = read_as_written(address) };
    if (!c.ip.width) return "is not an IPv4 or IPv6 address";
    c.bits = c.ip.width;
    if (!str_is_none(rest) && !length_read(rest, c.ip.width, &c.bits))
        return c.ip.width == IP_V4_BITS ? "has a prefix length that is not 0 to 32" : "has a prefix length that is not 0 to 128";
    if (is_beyond(&c.ip, c.bits)) return "has bits set beyond its prefix length";
    if (is_mapped(&c.ip)) c = (struct cidr){ ip_v4((uint32_t)c.ip.low), c.bits - (IP_V6_BITS - IP_V4_BITS) };
    *ret = c;
    return NULL;
}

/* Bits from the left in which two addresses agree. */
static int common_bits(const struct ip *a, const struct ip *b)
{
    if (a->high != b->high) return __builtin_clzll(a->high ^ b->high);
    return a->low != b->low ? 64 + __builtin_clzll(a->low ^ b->low) : IP_V6_BITS;
}

static bool bit(const struct ip *ip, int at)
{
    return (at < 64 ? ip->high >> (63 - at) : ip->low >> (127 - at)) & 1;
}

bool cidr_holds(const struct cidr *c, const struct ip *ip)
{
    return ip->width && ip->width == c->ip.width && common_bits(&c->ip, ip) >= c->bits;
}

/* --- sets ------------------------------------------------------------------------------------------------------------ */

/* What a look-up meets on its way down is small and lies together; prefix and value are looked at once, at the end. */
struct node {
    uint32_t child[2];  /* index of the node whose next bit is 0, 1; 0: none */
    uint8_t bits;       /* of its prefix */
    bool is_member;     /* else only a branch */
};

struct content {
    uint64_t high, low; /* the prefix, as in struct ip */
    int value;
};

/* Nodes by index, and what belongs to them by the same index. Node 0 is no node. */
struct cidr_set {
    struct node *nodes;
    struct content *contents;
    uint32_t used, room;
    uint32_t root[2]; /* IPv4, IPv6 */
    size_t count;
};

struct cidr_set *cidr_set_new(void)
{
    struct cidr_set *s = calloc(1, sizeof *s);
    if (!s) abort();
    s->used = 1;
    return s;
}

void cidr_set_free(struct cidr_set *s)
{
    if (!s) return;
    free(s->nodes);
    free(s->contents);
    free(s);
}

size_t cidr_set_count(const struct cidr_set *s)
{
    return s->count;
}

/* An addition makes two nodes at most: with room for them, places of links do not move under it. */
static void reserve(struct cidr_set *s)
{
    if (s->used + 2 <= s->room) return;
    s->room = s->room ? s->room * 2 : 16;
    s->nodes = realloc(s->nodes, s->room * sizeof *s->nodes);
    s->contents = realloc(s->contents, s->room * sizeof *s->contents);
    if (!s->nodes || !s->contents) abort();
}

static uint32_t node_add(struct cidr_set *s, const struct ip *ip, int bits)
{
    s->nodes[s->used] = (struct node){ .bits = (uint8_t)bits };
    s->contents[s->used] = (struct content){ .high = ip->high & mask(bits), .low = ip->low & mask(bits - 64) };
    return s->used++;
}

static struct ip node_ip(const struct cidr_set *s, uint32_t node)
{
    return (struct ip){ .high = s->contents[node].high, .low = s->contents[node].low };
}

/* A new branch at `bits` takes the place of the node at `link`, which goes below it. */
static void split(struct cidr_set *s, uint32_t *link, int bits)
{
    struct ip below = node_ip(s, *link);
    uint32_t branch = node_add(s, &below, bits);
    s->nodes[branch].child[bit(&below, bits)] = *link;
    *link = branch;
}

/* The node of prefix `c`, made where it is missing. */
static uint32_t node_at(struct cidr_set *s, const struct cidr *c)
{
    uint32_t *link = &s->root[c->ip.width == IP_V6_BITS];
    while (*link) {
        struct ip ip = node_ip(s, *link);
        int common = common_bits(&ip, &c->ip);
        if (common > c->bits) common = c->bits;
        if (common < s->nodes[*link].bits) split(s, link, common);
        struct node *n = &s->nodes[*link];
        if (n->bits == c->bits) return *link;
        link = &n->child[bit(&c->ip, n->bits)];
    }
    return *link = node_add(s, &c->ip, c->bits);
}

void cidr_set_add(struct cidr_set *s, const struct cidr *c, int value)
{
    reserve(s);
    uint32_t at = node_at(s, c);
    s->count += !s->nodes[at].is_member;
    s->nodes[at].is_member = true;
    s->contents[at].value = value;
}

const char *cidr_set_add_list(struct cidr_set *s, struct str list, int value, struct str *ret_bad)
{
    struct str rest = str_trim(list).len ? list : STR_NONE;
    while (!str_is_none(rest)) {
        struct cidr c;
        *ret_bad = str_trim(str_cut(&rest, ','));
        const char *why = cidr_read(*ret_bad, &c);
        if (why) return why;
        cidr_set_add(s, &c, value);
    }
    *ret_bad = STR_NONE;
    return NULL;
}

/* Down by the address's bits alone; where that ends, one comparison says which nodes on the way really hold it. */
bool cidr_set_find(const struct cidr_set *s, const struct ip *ip, int *ret_value)
{
    uint32_t members[IP_V6_BITS + 1], at = ip->width ? s->root[ip->width == IP_V6_BITS] : 0, last = 0;
    size_t n = 0;
    while (at) {
        const struct node *node = &s->nodes[last = at];
        members[n] = at;
        n += node->is_member;
        at = node->bits < ip->width ? node->child[bit(ip, node->bits)] : 0;
    }
    if (!n) return false;
    struct ip end = node_ip(s, last);
    int common = common_bits(&end, ip);
    while (n && s->nodes[members[n - 1]].bits > common) n--;
    if (n && ret_value) *ret_value = s->contents[members[n - 1]].value;
    return n > 0;
}
