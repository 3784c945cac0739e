#include "address_book.h"

#include <string.h>

void address_book_done(struct address_book *b)
{
    for (int i = 0; i < ADDRESS_LISTS; i++) cidr_set_free(b->list[i]);
    memset(b, 0, sizeof *b);
}

const char *address_book_add(struct address_book *b, int list, enum address_verdict verdict, struct str prefixes, struct str *ret_bad)
{
    if (!b->list[list]) b->list[list] = cidr_set_new();
    const char *fault = cidr_set_add_list(b->list[list], prefixes, verdict, ret_bad);
    if (!fault && verdict == ADDRESS_ALLOWED && cidr_set_count(b->list[list])) b->allows_some[list] = true;
    return fault;
}

static enum address_verdict verdict_of(const struct address_book *b, int list, const struct ip *ip)
{
    int verdict;
    if (!b->list[list]) return ADDRESS_UNKNOWN;
    if (cidr_set_find(b->list[list], ip, &verdict)) return (enum address_verdict)verdict;
    return b->allows_some[list] ? ADDRESS_DENIED : ADDRESS_UNKNOWN;
}

bool address_book_admits(const struct address_book *b, enum rate_class rate, const struct ip *ip)
{
    enum address_verdict verdict = verdict_of(b, ADDRESSES_OF_CLASS + (int)rate, ip);
    if (verdict == ADDRESS_UNKNOWN) verdict = verdict_of(b, ADDRESSES_OF_ALL, ip);
    return verdict != ADDRESS_DENIED;
}
