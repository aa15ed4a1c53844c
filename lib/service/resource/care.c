/* care - records that somebody should look at again.
 */
#include "asks.gen.h"
#include "call/list.h"
#include "service/record/record.h"

/* GET /v1/opportunities/revisit */

static enum step revisit_ask(struct call *c)
{
    const char *fixed[RECORD_LIST_FIXED];

    record_list_fixed(c, PERMISSION_OPPORTUNITY_READ, fixed);
    return list_ask(c, &list_opportunity_revisit, fixed);
}

const struct operation opportunity_revisit = {(step_fn *const[]){revisit_ask, list_reply, NULL},
                                              NULL};

/* GET /v1/forgotten */

static enum step forgotten_ask(struct call *c)
{
    const char *of_leads[RECORD_LIST_FIXED], *fixed[RECORD_LIST_FIXED];

    record_list_fixed(c, PERMISSION_LEAD_READ, of_leads);
    record_list_fixed(c, PERMISSION_OPPORTUNITY_READ, fixed);
    return list_ask(c, &list_forgotten_list,
                    (const char *const[]){of_leads[0], of_leads[1], fixed[1]});
}

const struct operation forgotten_list = {(step_fn *const[]){forgotten_ask, list_reply, NULL}, NULL};
