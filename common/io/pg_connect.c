/* PQconnect* resolves names and computes SCRAM while it blocks: never on the loop. */
#include "io/pg_connect.h"

#include <stdio.h>

static void ignore_notice(void *arg, const char *text) /* libpq would print it to standard error */
{
    (void)arg, (void)text;
}

/* New texts wait in a list of their index, which whoever makes it too long has to empty, while his own request waits. The housekeeper does
 * that in time; the length is for when there is none. */
#define GIN_PENDING "64MB"

/* Statements that are not lists go by primary key: their plan does not depend on the values, so it is made once. */
static PGconn *connect_with_options(const struct pg_config *config, enum pg_lane lane)
{
    char options[256];
    snprintf(options, sizeof options,
             "-c timezone=%s -c datestyle=ISO -c statement_timeout=%d -c lock_timeout=2000 -c jit=off "
             "-c client_min_messages=warning -c gin_pending_list_limit=" GIN_PENDING " -c plan_cache_mode=%s",
             config->timezone, config->statement_timeout_ms, lane == PG_SLOW || lane == PG_COUNT ? "auto" : "force_generic_plan");
    const char *keys[] = { "dbname", "options", "application_name", "connect_timeout", "client_encoding", NULL };
    const char *values[] = { config->url, options, config->application, "5", "UTF8", NULL };
    return PQconnectdbParams(keys, values, 1);
}

static bool start_listening(PGconn *pg, const char *channel)
{
    char sql[120];
    const char *schema = *channel == '.' ? "current_schema || " : "";
    snprintf(sql, sizeof sql, "DO $$ BEGIN EXECUTE format('LISTEN %%I', %s'%s'); END $$", schema, channel);
    PGresult *res = PQexec(pg, sql);
    bool ok = PQresultStatus(res) == PGRES_COMMAND_OK;
    PQclear(res);
    return ok;
}

static bool listen_to_all(PGconn *pg, const char *const *channels)
{
    while (*channels && start_listening(pg, *channels)) channels++;
    return !*channels;
}

PGconn *pg_connect(const struct pg_config *config, enum pg_lane lane, bool listen)
{
    PGconn *pg = connect_with_options(config, lane);
    PQsetNoticeProcessor(pg, ignore_notice, NULL);
    if (!listen || PQstatus(pg) != CONNECTION_OK || listen_to_all(pg, config->channels)) return pg;
    PQfinish(pg);
    return NULL;
}
