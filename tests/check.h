/* check: what unit and system tests share. `expect` names the case that failed and ends the test. */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#define expect(condition, ...)                                            \
    do {                                                                  \
        if (!(condition)) {                                               \
            print_error("\n%s:%d: %s: ", __FILE__, __LINE__, #condition); \
            print_error(__VA_ARGS__);                                     \
            print_error("\n");                                            \
            fail();                                                       \
        }                                                                 \
    } while (0)

#endif
