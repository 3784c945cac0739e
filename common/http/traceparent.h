/* traceparent: the place of a request in a distributed trace, W3C Trace Context Level 1.
 *
 * https://www.w3.org/TR/trace-context-1/ section 3.2. The id of the trace and the sampled flag are passed on as received;
 * the parent is ours, new for every request. Anything malformed begins a new trace, and `tracestate` must then not be passed
 * on. Nothing here is trusted or decides anything: a trace is for people who look for what happened. */
#ifndef HTTP_TRACEPARENT_H
#define HTTP_TRACEPARENT_H

#include "base/str.h"

enum { TRACE_ID_LEN = 32, TRACE_PARENT_LEN = 16, TRACEPARENT_LEN = 55 };

struct traceparent {
    char trace_id[TRACE_ID_LEN + 1];     /* lower-case hexadecimal, not all zeros */
    char parent_id[TRACE_PARENT_LEN + 1];
    bool sampled;
};

/* Strict for version 00; of a higher version what 00 knows is read, and more may follow after a dash. ff is no version.
 * false: malformed, or absent. */
bool traceparent_read(struct str text, struct traceparent *ret);

/* The one to send on: of the trace in `text` (the only traceparent field; absent when there are several), else of a new
 * one that is not sampled. The result is whether the trace goes on. */
bool traceparent_continue(struct str text, struct traceparent *ret);

struct str traceparent_write(const struct traceparent *t, char out[TRACEPARENT_LEN + 1]); /* version 00; a slice of `out` */

#endif
