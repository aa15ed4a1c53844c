#include "db/standby.h"

void standby_note(struct standby *s, uint64_t position, int64_t now_us)
{
    if (s->next != 0 && now_us - s->next_us < s->lag_us / 2)
        return;
    s->wanted = s->next != 0 ? s->next : position;
    s->next = position;
    s->next_us = now_us;
}

bool standby_asks(const struct standby *s, int64_t now_us)
{
    return s->next == 0 || now_us - s->next_us >= s->lag_us / 2;
}
