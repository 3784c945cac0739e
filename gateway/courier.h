/* courier: carries full spool files (gateway/spool) to auth-service, the oldest first, and deletes each when it is there. What does not
 * answer is tried again for ever; a file that is refused as malformed is put aside as <name>.bad, and the log says so. */
#ifndef GATEWAY_COURIER_H
#define GATEWAY_COURIER_H

struct buf;
struct courier;
struct peers;
struct worker;

struct courier *courier_new(struct worker *w, const char *folder, const struct peers *p);
void courier_stop(struct courier *c); /* NULL: nothing */
void courier_free(struct courier *c);

void courier_print(struct buf *out); /* metrics, from any thread */

#endif
