#include "db/pace.h"

#define SPAN_US 250000 /* shorter ones say more about the answers that came together */

void pace_note(struct pace *p, unsigned waiting, unsigned enough, int64_t now_us)
{
    if (waiting == 0) {
        *p = (struct pace){0};
        return;
    }
    if (p->since_us == 0) {
        p->since_us = now_us;
        return;
    }
    p->ended++;
    if (p->ended < enough || now_us - p->since_us < SPAN_US)
        return;
    p->each_us = (now_us - p->since_us) / p->ended;
    p->since_us = now_us;
    p->ended = 0;
}

int64_t pace_wait(const struct pace *p, unsigned waiting)
{
    return p->each_us * waiting;
}
