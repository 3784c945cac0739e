/* out: one generated file. Written in memory first; the file on disk is touched only when its content changes, so that
 * make rebuilds no more than it must. */
#ifndef GENERATOR_OUT_H
#define GENERATOR_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct out {
    FILE *to; /* print here */
    char *path, *text;
    size_t len;
};

void out_open(struct out *o, const char *folder, const char *file);
void out_close(struct out *o); /* ends the process when the file cannot be written */

void out_literal(FILE *to, const char *text); /* a C string literal, quotes included */
char *upper_symbol(const char *name);         /* "customer:view" -> "CUSTOMER_VIEW" */

#endif
