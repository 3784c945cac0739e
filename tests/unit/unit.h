/* unit: what every unit test needs. A test is a table of cases and a loop; `expect` names the case that failed. */
#ifndef UNIT_H
#define UNIT_H

#include <stdint.h>

#include "../check.h"

/* The same numbers in every run (xorshift64*): a failure can be seen again. */
static inline uint64_t unit_random(void)
{
    static uint64_t x = 88172645463325252u;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    return x * 0x2545F4914F6CDD1Du;
}

#endif
