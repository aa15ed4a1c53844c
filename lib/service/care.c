/* care - records that somebody should look at again.
 */
#include "asks.gen.h"
#include "call/list.h"
#include "service/record.h"

/* GET /v1/opportunities/revisit */

static enum step revisit_ask(struct call *c)
{
    const char *fixed[RECORD_LIST_FIXED];

    record_list_fixed(c, PERMISSION_OPPORTUNITY_READ, fixed);
    return list_ask(c, &list_opportunity_revisit, fixed);
}

const struct operation opportunity_revisit = {(step_fn *const[]){revisit_ask, list_reply, NULL},
                                              NULL};
