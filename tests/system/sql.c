#include "sql.h"

#include "expect.h"
#include "pool.h"

#include <libpq-fe.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECTIONS_MAX = 4 };

static struct {
    char *url;
    PGconn *pg;
} connections[CONNECTIONS_MAX];

static PGconn *connection(const char *url)
{
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        if (connections[i].url && strcmp(connections[i].url, url)) continue;
        if (!connections[i].url) {
            connections[i].url = strdup(url);
            connections[i].pg = PQconnectdb(url);
        }
        expect(PQstatus(connections[i].pg) == CONNECTION_OK, "%s", PQerrorMessage(connections[i].pg));
        return connections[i].pg;
    }
    fail_msg("too many databases");
    return NULL;
}

static char *run(const char *url, const char *format, va_list args)
{
    char *statement;
    if (vasprintf(&statement, format, args) < 0) abort();
    pool_keep(statement, free);
    PGresult *result = PQexec(connection(url), statement);
    ExecStatusType status = PQresultStatus(result);
    bool ok = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
    char *value = text("%s", !ok ? PQresultErrorMessage(result) : PQntuples(result) ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    expect(ok, "%s\n  %s", value, statement);
    return value;
}

char *sql(const char *url, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *value = run(url, format, args);
    va_end(args);
    return value;
}

long sql_count(const char *url, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *value = run(url, format, args);
    va_end(args);
    return atol(value);
}

void sql_forget(void)
{
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        if (!connections[i].url) continue;
        PQfinish(connections[i].pg);
        free(connections[i].url);
        connections[i].url = NULL;
    }
}

void sql_end(void)
{
    sql_forget();
}
