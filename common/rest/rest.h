/* rest: the operations that every resource has, driven by its field table. Route rows name them as handlers.
 *
 * A service lists its resources once (rest_statements) and has nothing else to write for them. */
#ifndef REST_REST_H
#define REST_REST_H

#include "http/req.h"
#include "io/pg.h"
#include "schema/validate.h"

/* handlers */
void rest_list(struct req *r);
void rest_get(struct req *r);
void rest_create(struct req *r);
void rest_update(struct req *r);
void rest_delete(struct req *r);
void rest_restore(struct req *r);
void rest_call(struct req *r); /* the procedure that the route names: rest/call.c */

/* Some of them for a service that has something to do between the check of a body and its write, such as hashing a password:
 * `prepare` is a step of the flow, may change rest_values(), and may wait. It sees a body without faults. `after` is one, too: the
 * record is written then, and it may answer in place of the write, with another flow. Not of a dry run. */
void rest_create_with(struct req *r, step_fn prepare);
void rest_update_with(struct req *r, step_fn prepare);
void rest_delete_with(struct req *r, step_fn prepare);
void rest_restore_with(struct req *r, step_fn prepare);
void rest_call_with(struct req *r, step_fn prepare, step_fn after);

/* In `prepare`: what the triggers of the write are to know besides the record, as current_setting(name, true). `name`: "crm.…". */
void rest_tell(struct req *r, const char *name, const char *value);
const char *rest_record_id(const struct req *r); /* a UUID */
struct values *rest_values(struct req *r); /* by field index, see schema/validate.h */
const struct json *rest_fields(const struct req *r); /* of an internal method: its arguments besides the record, as an object */

/* In `prepare` of a create: who made the record, in place of the caller; and another one that comes before it, in its transaction, from
 * the same author. Ids: UUIDs, in the arena, as what `v` holds. */
void rest_set_author(struct req *r, const char *user_id);
void rest_create_also(struct req *r, const struct resource *resource, const char *id, const struct values *v);

/* In `after`: a field of the record that was written, in PostgreSQL's binary format. */
struct str rest_written(struct req *r, int field);

/* Answers with the route's record as it is now. */
void rest_show(struct req *r, const char *id);

/* of resources that have an owner */
void rest_access(struct req *r);
void rest_reveal(struct req *r);

/* Every statement of these resources for pg_config.statements, NULL-terminated, and `more` (NULL-terminated or NULL) after
 * them. Built once per process, before the first request; never freed. */
const struct pg_stmt *const *rest_statements(const struct resource *const *resources, const struct pg_stmt *const *more);

#endif
