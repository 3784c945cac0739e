#include "io/pg_result.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

static char *copy_or_null(const char *z)
{
    return z ? strdup(z) : NULL;
}

static enum err_code error_of(const char *sqlstate)
{
    static const struct { const char *prefix; enum err_code code; } table[] = {
        { "57014", E_DATABASE_TIMEOUT }, { "55P03", E_DATABASE_TIMEOUT }, { "40", E_OVERLOADED },
        { "57P", E_DATABASE_DOWN },      { "53", E_DATABASE_DOWN },       { "08", E_DATABASE_DOWN },
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strncmp(sqlstate, table[i].prefix, strlen(table[i].prefix))) return table[i].code;
    return E_INTERNAL;
}

/* The connection ends with it. */
static bool is_fatal(const PGresult *res)
{
    const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
    return !severity || !strcmp(severity, "FATAL") || !strcmp(severity, "PANIC"); /* none: libpq's own */
}

static void segment_error(struct pg_segment *s, const PGresult *res)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    if (!state) state = "08006"; /* libpq's own: the connection broke */
    snprintf(s->sqlstate, sizeof s->sqlstate, "%s", state);
    s->error = is_fatal(res) ? E_DATABASE_DOWN : error_of(state);
    s->detail = copy_or_null(PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL));
    s->constraint = copy_or_null(PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME));
    if (s->error == E_INTERNAL && strncmp(state, "CR", 2) && strncmp(state, "23", 2))
        log_error("statement failed", LOG_Z("sqlstate", state),
                  LOG_Z("message", PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY)));
}

bool pg_result_collect(struct pg_segment *s, PGresult *res)
{
    ExecStatusType status = PQresultStatus(res);
    bool fatal = status == PGRES_FATAL_ERROR && is_fatal(res);
    bool expected = s->results_seen < s->count; /* else it is an error of the commit itself */
    if (expected && (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)) {
        s->results[s->results_seen++] = res;
        return false;
    }
    if (expected) s->results_seen++;
    if (status != PGRES_PIPELINE_ABORTED && s->error == E_OK) segment_error(s, res);
    if (status == PGRES_PIPELINE_ABORTED && s->error == E_OK) s->alone = true; /* a neighbour's error */
    PQclear(res);
    return fatal;
}

void pg_result_reset(struct pg_segment *s)
{
    for (int i = 0; i < s->count; i++) PQclear(s->results[i]), s->results[i] = NULL;
    s->results_seen = 0;
    s->sqlstate[0] = 0;
    free(s->detail);
    free(s->constraint);
    s->detail = s->constraint = NULL;
}

void pg_segment_done(struct pg_segment *s)
{
    pg_result_reset(s);
}

int pg_rows(const struct pg_segment *s, int call)
{
    return s->results[call] ? PQntuples(s->results[call]) : 0;
}

struct str pg_value(const struct pg_segment *s, int call, int row, int column)
{
    const PGresult *res = s->results[call];
    int length = PQgetlength(res, row, column); /* of NULL: 0 */
    if (!length && PQgetisnull(res, row, column)) return STR_NONE;
    return (struct str){ PQgetvalue(res, row, column), (size_t)length };
}

int pg_affected(const struct pg_segment *s, int call)
{
    return s->results[call] ? atoi(PQcmdTuples(s->results[call])) : 0;
}
