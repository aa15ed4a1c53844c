/* what happened in the present stay in a state */
#include <stdint.h>

#include "blueprint/guards.h"
#include "blueprint/value.h"

#define CLOCK_SKEW_US (5 * 60 * INT64_C(1000000)) /* clients' clocks may be ahead of ours */

struct stay stay_of(const json_t *facts)
{
    struct stay s = {.until = INT64_MAX};
    int64_t now;

    s.known = value_moment(json_object_get(facts, "state_entered_at"), &s.entered);
    if (value_moment(json_object_get(facts, "now"), &now))
        s.until = now + CLOCK_SKEW_US;
    return s;
}

/* What came with the request has no times of its own, but may say when it happened. What is still
 * to come is no evidence: dated far enough ahead, one call would do for every state there is. */
bool is_since(const json_t *item, const struct stay *stay)
{
    static const char *const times[] = {"at", "occurred_at", "created_at"};
    int64_t at;

    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        const json_t *time = json_object_get(item, times[i]);

        if (time != NULL && !json_is_null(time))
            return stay->known && value_moment(time, &at) && at >= stay->entered &&
                   at <= stay->until;
    }
    return json_object_get(item, "pointer") != NULL;
}

bool item_is_fresh(const json_t *item, const json_t *facts)
{
    struct stay stay = stay_of(facts);

    return is_since(item, &stay);
}
