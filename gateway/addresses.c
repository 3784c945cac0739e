#include "addresses.h"

#include "app/outgoing.h"
#include "base/log.h"

#define AT(member) offsetof(struct addresses, member)
#define ALLOW(list) AT(allow[list])
#define DENY(list) AT(deny[list])
#define OF(class) (ADDRESSES_OF_CLASS + (class))
const struct opt addresses_opts[] = { /* two for each list, in their order */
    { "IP_ALLOW", O_STR, ALLOW(ADDRESSES_OF_ALL), "", O_LIVE, 0, 0,
      "addresses and prefixes (CIDR), comma-separated, that may ask at all; empty, here and below: everybody" },
    { "IP_DENY", O_STR, DENY(ADDRESSES_OF_ALL), "", O_LIVE, 0, 0, "that may not; of both the longest prefix decides" },
    { "IP_ALLOW_READ", O_STR, ALLOW(OF(RATE_READ)), "", O_LIVE, 0, 0, "that may read; a class's own lists decide before the two above" },
    { "IP_DENY_READ", O_STR, DENY(OF(RATE_READ)), "", O_LIVE, 0, 0, "that may not" },
    { "IP_ALLOW_WRITE", O_STR, ALLOW(OF(RATE_WRITE)), "", O_LIVE, 0, 0, "that may write" },
    { "IP_DENY_WRITE", O_STR, DENY(OF(RATE_WRITE)), "", O_LIVE, 0, 0, "that may not" },
    { "IP_ALLOW_LOGIN", O_STR, ALLOW(OF(RATE_LOGIN)), "", O_LIVE, 0, 0, "that may log in" },
    { "IP_DENY_LOGIN", O_STR, DENY(OF(RATE_LOGIN)), "", O_LIVE, 0, 0, "that may not" },
    { "IP_ALLOW_REPORT", O_STR, ALLOW(OF(RATE_REPORT)), "", O_LIVE, 0, 0, "that may make reports" },
    { "IP_DENY_REPORT", O_STR, DENY(OF(RATE_REPORT)), "", O_LIVE, 0, 0, "that may not" },
    { "IP_RULES_URL", O_STR, AT(rules_url), NULL, 0, 1, 0,
      "URL of the rules that administrators make besides: auth-service's /internal/v1/ip-rules; default: there are none" },
    { 0 },
};

static bool make_list(struct addresses *a, int list, enum address_verdict verdict, struct buf *faults)
{
    bool allows = verdict == ADDRESS_ALLOWED;
    struct str bad;
    const char *fault = address_book_add(&a->book, list, verdict, str_of(allows ? a->allow[list] : a->deny[list]), &bad);
    if (fault) buf_addf(faults, "%s: %.*s: %s\n", addresses_opts[2 * list + !allows].name, STR_ARG(bad), fault);
    return !fault;
}

bool addresses_make(struct addresses *a, const struct outgoing *o, struct buf *faults)
{
    bool ok = !a->rules_url || outgoing_check_url(o, "IP_RULES_URL", a->rules_url, faults);
    for (int i = 0; i < ADDRESS_LISTS; i++) {
        ok = make_list(a, i, ADDRESS_ALLOWED, faults) && ok;
        ok = make_list(a, i, ADDRESS_DENIED, faults) && ok;
    }
    return ok;
}

void addresses_done(struct addresses *a)
{
    address_book_done(&a->book);
}

/* --- a request ------------------------------------------------------------------------------------------------------------ */

static uint64_t denials[2]; /* by setting, by rule; relaxed atomics */
static const char *const deciders[2] = { "setting", "rule" };

static bool deny(struct req *r, int by)
{
    __atomic_add_fetch(&denials[by], 1, __ATOMIC_RELAXED);
    log_warn("address not admitted", LOG_STR("address", r->peer), LOG_Z("by", deciders[by]), LOG_STR("operation", r->route->operation),
             LOG_Z("request_id", r->request_id));
    problem_add(&r->problem, &r->arena, E_FORBIDDEN, STR("address"), STR("is not admitted here"));
    return false;
}

bool addresses_admit(struct req *r, const struct addresses *a, const struct address_rules *rules)
{
    enum rate_class rate = (enum rate_class)r->route->rate;
    struct ip ip;
    if (rules && !address_rules_are_known(rules)) {
        r->problem.retry_after_s = 1;
        problem_set(&r->problem, E_SERVICE_DOWN);
        return false;
    }
    if (!ip_read(r->peer, &ip)) return true; /* a socket of this machine's own */
    if (!address_book_admits(&a->book, rate, &ip)) return deny(r, 0);
    return !rules || address_book_admits(address_rules_book(rules), rate, &ip) || deny(r, 1);
}

void addresses_print(struct buf *out)
{
    buf_addz(out, "# HELP address_denials_total Requests from addresses that are not admitted, by what says so.\n"
                  "# TYPE address_denials_total counter\n");
    for (int i = 0; i < 2; i++)
        buf_addf(out, "address_denials_total{by=\"%s\"} %llu\n", deciders[i],
                 (unsigned long long)__atomic_load_n(&denials[i], __ATOMIC_RELAXED));
}
