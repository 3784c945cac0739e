/* Tells somebody outside of security alerts: POST to SECURITY_WEBHOOK_URL, as an errand, until it is taken (2xx), for a day at most. */
#include "auth.h"

#include "app/errands.h"
#include "app/service.h"

static const struct pg_stmt stmt_claim = {
    "alert_claim", "SELECT a.alert_id::text, (to_jsonb(a) - "
                   "'{told_time,told_due,created_by,updated_by,updated_time,version,deleted_time}'::text[])::text "
                   "FROM security_alert_claim() a"
};
static const struct pg_stmt stmt_told = {
    "alert_told", "SELECT security_alert_told($1::uuid, $2::integer) WHERE $3::text IS NOT DISTINCT FROM $3::text"
};

static const char *url(const struct worker *w)
{
    return ((const struct auth_settings *)service_settings(w))->webhook_url;
}

static struct str body(struct arena *a, const struct pg_segment *claimed)
{
    return arena_dup(a, pg_value(claimed, 0, 0, 1));
}

const struct errand auth_errands[] = { { "webhook", NULL, url, &stmt_claim, &stmt_told, body }, { 0 } };
