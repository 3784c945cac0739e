/* command: what the programs here share of being one: options that are numbers, files that are read whole, files enough. All of
 * these end the process with a line on standard error when they can't do it. */
#ifndef BENCH_COMMAND_H
#define BENCH_COMMAND_H

#include "base/buf.h"
#include "origin.h"

void command_name(const char *name); /* what the lines begin with; first of all */
_Noreturn void command_fail(const char *what, const char *why);
double command_number(int option, const char *text, double least, double most);
struct str command_file(const char *name, struct buf *b); /* initializes b; buf_done() is due */

/* "Host: ..." and, with a file, "Authorization: Bearer ..." with its first line: for every head. As command_file(). */
struct str command_fields(const struct origin *origin, const char *token_file, struct buf *b);

/* Sockets for so many connections, timers that are exact, no signal from a connection that is gone. */
void command_sockets(int connections);

#endif
