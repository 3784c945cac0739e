/* seal: fields with F_SEALED, as they are stored: encrypted (base/vault), so that who has the database or a dump of it has not the
 * values.
 *
 * Column <field> is bytea and holds the sealed value. It is bound to resource, field and record id: copied to another row or
 * column it does not open. With F_EXACT, column <field>_index holds the blind index of the normalised value: of a phone number
 * its digits, '+' and the 'x' of an extension, of an e-mail address its lower case (ASCII). Indexes of different fields have
 * nothing in common. */
#ifndef SCHEMA_SEAL_H
#define SCHEMA_SEAL_H

#include "base/arena.h"
#include "base/uuid.h"
#include "base/vault.h"
#include "schema/schema.h"

/* What all fields are sealed with. Set once, before the first request; it must outlive the last. */
void seal_set_vault(const struct vault *v);

bool seal_is_needed(const struct resource *r); /* has it sealed fields? */

/* "\x..." for a bytea parameter, in the arena; NULL stays NULL. */
const char *seal_write(struct arena *a, const struct resource *r, const struct field *f, const unsigned char id[UUID_BYTES],
                       const char *text);
const char *seal_index(struct arena *a, const struct resource *r, const struct field *f, const char *text);

/* From the column's bytes. NULL: fine, `ret` is in the arena; else the reason. */
const char *seal_read(struct arena *a, const struct resource *r, const struct field *f, const unsigned char id[UUID_BYTES],
                      struct str bytes, struct str *ret);

/* A keyed hash of a text that holds such values: nobody can find them by trying, as with a plain one. In hexadecimal. */
const char *seal_digest(struct arena *a, struct str domain, struct str text);

const char *seal_bytea(struct arena *a, struct str bytes); /* "\x..." */

#endif
