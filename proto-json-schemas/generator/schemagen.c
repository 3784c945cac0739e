/* schemagen SCHEMA_DIR GEN_DIR OPENAPI_DIR: JSON Schemas and route lists in, C tables and OpenAPI documents out.
 *
 * Output depends on the input alone. Anything doubtful in the input ends the run with exit code 1 and one line on
 * stderr that names the file and the place; nothing is written then. */
#include <stdio.h>

#include "model.h"
#include "openapi.h"
#include "tables.h"

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: schemagen SCHEMA_DIR GEN_DIR OPENAPI_DIR\n");
        return 2;
    }
    struct model m = { 0 };
    model_read_dictionaries(&m, argv[1]);
    model_read_permissions(&m, argv[1]);
    model_open_schemas(&m, argv[1]);
    model_read_services(&m, argv[1]);
    model_read_schemas(&m);
    model_check(&m);
    const cJSON *base = openapi_read_base(argv[1]);

    tables_write_schemas(&m, argv[2]);
    tables_write_permissions(&m, argv[2]);
    tables_write_routes(&m, argv[2]);
    openapi_write(&m, base, argv[2], argv[3]);
    return 0;
}
