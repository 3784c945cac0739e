/* tables: the generated C. Data only, never functions; every string is a STR of the run-time. */
#ifndef GENERATOR_TABLES_H
#define GENERATOR_TABLES_H

#include <stdio.h>

#include "model.h"

void tables_write_schemas(const struct model *m, const char *folder);     /* schemas.h, schemas.c */
void tables_write_permissions(const struct model *m, const char *folder); /* permissions.h */
void tables_print_permissions(FILE *to, const struct model *m);           /* its definitions, part of schemas.c */
void tables_write_routes(const struct model *m, const char *folder);      /* registry.[ch], <service>_routes.[ch] */

#endif
