/* cidr: IP addresses, prefixes of them ("10.0.0.0/8", "2001:db8::/32"), and sets of prefixes with a value each.
 *
 * An IPv4-mapped IPv6 address ("::ffff:10.0.0.1") is the IPv4 address, everywhere; "::/0" holds no IPv4 address. A set is a
 * radix tree without one-way branches (D. R. Morrison, PATRICIA, 1968): a look-up visits one node per branch, whatever the
 * number of prefixes. Once filled it may be read by many threads. No zones ("%eth0"), no ports. */
#ifndef BASE_CIDR_H
#define BASE_CIDR_H

#include "base/str.h"

enum { IP_LEN = 45, IP_V4_BITS = 32, IP_V6_BITS = 128 };

struct ip {
    uint64_t high, low; /* the bits of the address from the left; IPv4 in the upper half of `high`, the rest 0 */
    int width;          /* IP_V4_BITS or IP_V6_BITS; 0: none */
};

struct cidr {
    struct ip ip;
    int bits; /* 0 to ip.width */
};

/* Dotted decimal without leading zeros, or RFC 4291 section 2.2. false: neither; `ret` is then none. */
bool ip_read(struct str text, struct ip *ret);
struct str ip_write(const struct ip *ip, char out[IP_LEN + 1]); /* RFC 5952; a slice of `out` */
bool ip_eq(const struct ip *a, const struct ip *b);

/* An address alone is the prefix of its whole width. NULL, or why it is malformed (static text). */
const char *cidr_read(struct str text, struct cidr *ret);
bool cidr_holds(const struct cidr *c, const struct ip *ip);

struct cidr_set;

struct cidr_set *cidr_set_new(void);
void cidr_set_free(struct cidr_set *s); /* NULL: nothing */
size_t cidr_set_count(const struct cidr_set *s);

/* The same prefix again replaces its value. */
void cidr_set_add(struct cidr_set *s, const struct cidr *c, int value);

/* Adds "10.0.0.0/8, ::1": prefixes between commas, blanks around them; an empty text is an empty list. NULL, or why
 * `ret_bad`, a slice of `list`, is malformed; the ones before it are then in the set. */
const char *cidr_set_add_list(struct cidr_set *s, struct str list, int value, struct str *ret_bad);

/* The value of the longest prefix that holds `ip`. false: none does. `ret_value` may be NULL. */
bool cidr_set_find(const struct cidr_set *s, const struct ip *ip, int *ret_value);

#endif
