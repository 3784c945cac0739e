/* A customer that a lead becomes, with its first contact: both in one transaction, or neither. The ids are the caller's, so that a call
 * whose answer was lost can be made again: DUPLICATE tells that the first one was good. The author is who converts the lead, also when
 * opportunity-service comes back for it by itself. */
#include "auth/principal.h"
#include "customer-service_routes.h"
#include "http/flow.h"
#include "permissions.h"
#include "rest/rest.h"
#include "schemas.h"

static bool take_author(struct req *r, const char *author)
{
    if (!author) return true;
    rest_set_author(r, author);
    if (str_eq(str_of(author), r->who->user_id) || principal_may(r->who, PERM_CUSTOMER_CONVERT)) return true;
    problem_set(&r->problem, E_FORBIDDEN);
    return false;
}

static void take(struct values *contact, int to, const struct values *given, int from)
{
    contact->text[to] = given->text[from];
}

static bool take_contact(struct req *r, const struct values *given)
{
    const char *id = given->text[LEAD_CONTACT_contact_id];
    struct values contact = { 0 };
    if (!id != !given->text[LEAD_CONTACT_contact_name]) {
        problem_add(&r->problem, &r->arena, E_INVALID_FIELD, STR("contact_id"), STR("and contact_name need each other"));
        return false;
    }
    if (!id) return true;
    take(&contact, CONTACT_contact_name, given, LEAD_CONTACT_contact_name);
    take(&contact, CONTACT_title, given, LEAD_CONTACT_title);
    take(&contact, CONTACT_phone, given, LEAD_CONTACT_phone);
    take(&contact, CONTACT_email, given, LEAD_CONTACT_email);
    rest_create_also(r, &contact_resource, id, &contact);
    rest_values(r)->text[CUSTOMER_primary_contact_id] = id;
    return true;
}

static enum step prepare(struct req *r)
{
    struct values given;
    bool ok = validate_body(&r->arena, r->route->request, rest_fields(r), WRITE_CREATE, &given, &r->problem) &&
              take_author(r, given.text[LEAD_CONTACT_created_by]) && take_contact(r, &given);
    return ok ? STEP_NEXT : STEP_FAIL;
}

void customer_of_lead(struct req *r)
{
    rest_create_with(r, prepare);
}
