/* Where an opportunity may go from where it is: what opportunity_moves() says, which is what decides about a move, too. */
#include "opportunity-service_routes.h"
#include "rest/related.h"
#include "schema/scope.h"

static void moves(struct buf *b)
{
    buf_addz(b, "SELECT m.stage_id, m.stage_name, m.stage_kind, m.win_probability, m.direction, to_json(m.needs) "
                "FROM opportunities t LEFT JOIN LATERAL opportunity_moves(t) m ON true "
                "WHERE t.opportunity_id = $1::uuid AND t.deleted_time IS NULL");
    scope_add(b, "t", "assigned_to", 2, 3);
}

void transitions_list(struct req *r)
{
    static const struct related_member members[] = {
        { STR("sales_stage_id"), false }, { STR("sales_stage_name"), false }, { STR("stage_kind"), false },
        { STR("win_probability"), true }, { STR("direction"), false },        { STR("needs"), true },
    };
    static const struct related transitions = { moves, NULL, members, sizeof members / sizeof *members };
    related_list(r, &transitions);
}
