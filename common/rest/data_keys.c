#include "rest/data_keys.h"

#include "base/log.h"
#include "http/worker.h"
#include "schema/seal.h"

#include <stdatomic.h>

static const struct str canary = STR("canary"), index_name = STR("index"), clear_name = STR("clear");

const struct pg_stmt stmt_data_keys_read = { "data_keys_read", "SELECT name, canary FROM data_keys" };
const struct pg_stmt stmt_data_keys_add = {
    "data_keys_add", "INSERT INTO data_keys (name, canary) VALUES ($1, $2::bytea), ('index', $3::bytea) ON CONFLICT DO NOTHING"
};

/* A canary is sealed for its key's name, so that rows cannot be swapped either. */
static struct str context_of(struct arena *a, struct str name)
{
    return arena_printf(a, "data_keys.%.*s", STR_ARG(name));
}

void data_keys_params(struct arena *a, const struct vault *v, const char *values[DATA_KEYS_PARAMS])
{
    char *sealed = arena_alloc(a, canary.len + VAULT_OVERHEAD), index[VAULT_INDEX];
    struct str name = arena_printf(a, "%u", vault_current(v));
    vault_seal(v, context_of(a, name), canary, sealed);
    vault_index(v, context_of(a, index_name), canary, index);
    values[0] = name.p;
    values[1] = seal_bytea(a, (struct str){ sealed, canary.len + VAULT_OVERHEAD });
    values[2] = seal_bytea(a, (struct str){ index, sizeof index });
}

static const char *index_fault(struct arena *a, const struct vault *v, struct str stored)
{
    char index[VAULT_INDEX];
    vault_index(v, context_of(a, index_name), canary, index);
    bool same = str_eq(stored, (struct str){ index, sizeof index });
    return same ? NULL : "the index key is not the one that the stored indexes were made with";
}

static const char *key_fault(struct arena *a, const struct vault *v, struct str name, struct str stored)
{
    char *text = arena_alloc(a, stored.len + 1);
    int64_t id = 0;
    bool known = str_to_i64(name, 1, UINT32_MAX, &id) && vault_has(v, (uint32_t)id);
    if (!known) return arena_printf(a, "key %.*s, which stored values are sealed with, is not in the key ring", STR_ARG(name)).p;
    if (!vault_open(v, context_of(a, name), stored, text)) return NULL;
    return arena_printf(a, "key %.*s is not the one that stored values were sealed with", STR_ARG(name)).p;
}

const char *data_keys_fault(struct arena *a, const struct vault *v, const struct pg_segment *s, int call, bool *ret_complete)
{
    struct str current = arena_printf(a, "%u", vault_current(v));
    bool has_current = false, has_index = false;
    const char *fault = NULL;
    for (int i = 0; !fault && i < pg_rows(s, call); i++) {
        struct str name = pg_value(s, call, i, 0), stored = pg_value(s, call, i, 1);
        if (str_eq(name, clear_name)) fault = "values are stored that are not encrypted yet: run the command rotate-data-keys first";
        else if (str_eq(name, index_name)) has_index = true, fault = index_fault(a, v, stored);
        else has_current |= str_eq(name, current), fault = key_fault(a, v, name, stored);
    }
    *ret_complete = has_current && has_index;
    return fault;
}

/* --- before the first request ---------------------------------------------------------------------------------------------- */

static const struct vault *vault;
static atomic_int state;
static struct check {
    struct pg_segment segment;
    struct arena arena; /* of its parameters */
    const char *values[DATA_KEYS_PARAMS];
    bool busy, adds; /* the keys are good, but a row is missing */
} check; /* of the one worker that asks */

void data_keys_begin(const struct vault *v)
{
    vault = v;
    atomic_store(&state, v ? DATA_KEYS_UNKNOWN : DATA_KEYS_GOOD);
}

bool data_keys_are_good(void)
{
    return atomic_load_explicit(&state, memory_order_acquire) == DATA_KEYS_GOOD;
}

/* Another process may have been faster with other keys: what was added is read and judged again. */
static void judge(const struct pg_segment *s, int call)
{
    bool complete;
    const char *fault = data_keys_fault(&check.arena, vault, s, call, &complete);
    if (fault) log_error("cannot start with these data keys; nothing was changed", LOG_Z("reason", fault));
    check.adds = !fault && !complete;
    if (fault) atomic_store(&state, DATA_KEYS_BAD);
    else if (complete) atomic_store(&state, DATA_KEYS_GOOD);
}

static void on_done(struct pg_segment *s, void *arg)
{
    (void)arg;
    if (s->error == E_OK) judge(s, s->count - 1);
    pg_segment_done(s);
    arena_done(&check.arena);
    check.busy = false;
}

enum data_keys_state data_keys_check(struct worker *w)
{
    enum data_keys_state known = (enum data_keys_state)atomic_load(&state);
    if (known != DATA_KEYS_UNKNOWN || check.busy || !pg_ready(w->pg)) return known;
    check.busy = true;
    arena_init(&check.arena);
    pg_segment_init(&check.segment, PG_FAST, on_done, NULL);
    if (check.adds) {
        data_keys_params(&check.arena, vault, check.values);
        pg_add(&check.segment, &stmt_data_keys_add, check.values, DATA_KEYS_PARAMS);
    }
    pg_add_binary(&check.segment, &stmt_data_keys_read, NULL, 0);
    pg_submit(w->pg, &check.segment);
    return known;
}
