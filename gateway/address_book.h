/* address_book: from which addresses what may be asked for: prefixes that are allowed or denied, for each class of routes and for all.
 *
 * The longest prefix that holds an address decides within a list. A list that allows any, allows these only. A class's own list decides
 * before the one for all; where none says anything, the address is admitted. */
#ifndef GATEWAY_ADDRESS_BOOK_H
#define GATEWAY_ADDRESS_BOOK_H

#include "base/cidr.h"
#include "http/route.h"

enum {
    ADDRESSES_OF_ALL,
    ADDRESSES_OF_CLASS, /* + enum rate_class; internal methods do not come by the gateway */
    ADDRESS_LISTS = ADDRESSES_OF_CLASS + RATE_INTERNAL
};
enum address_verdict { ADDRESS_UNKNOWN, ADDRESS_ALLOWED, ADDRESS_DENIED };

struct address_book {
    struct cidr_set *list[ADDRESS_LISTS]; /* NULL: empty */
    bool allows_some[ADDRESS_LISTS];
};

void address_book_done(struct address_book *b); /* it is empty then */

/* "10.0.0.0/8, ::1". NULL, or why `ret_bad`, a slice of `prefixes`, is malformed. */
const char *address_book_add(struct address_book *b, int list, enum address_verdict verdict, struct str prefixes, struct str *ret_bad);

bool address_book_admits(const struct address_book *b, enum rate_class rate, const struct ip *ip);

#endif
