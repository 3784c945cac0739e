/* housekeeper: calls housekeeping() of the service's schema every minute (rest/rest_feed.sql), which keeps its tables small, and every two
 * seconds puts new texts where their indexes are to have them (stmt_index_texts). */
#ifndef APP_HOUSEKEEPER_H
#define APP_HOUSEKEEPER_H

struct housekeeper;
struct worker;

struct housekeeper *housekeeper_new(struct worker *w); /* the first worker's is the one that does something */
void housekeeper_free(struct housekeeper *h);          /* after the worker's connections to the database have ended */

#endif
