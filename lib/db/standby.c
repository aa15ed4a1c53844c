#include "db/standby.h"

#define INTERVAL_LAST_US 1000000

void standby_note(struct standby *s, uint64_t position, int64_t asked_us)
{
    s->notes[s->n++ % STANDBY_NOTES] = (struct standby_note){position, asked_us};
}

uint64_t standby_wanted(const struct standby *s, int64_t now_us)
{
    unsigned kept = s->n < STANDBY_NOTES ? s->n : STANDBY_NOTES;
    uint64_t wanted = 0;

    for (unsigned i = 1; i <= kept; i++) {
        const struct standby_note *note = &s->notes[(s->n - i) % STANDBY_NOTES];

        if (now_us - note->asked_us > s->lag_us / 4 * 3)
            break;
        wanted = note->position;
    }
    return wanted;
}

int64_t standby_interval(const struct standby *s)
{
    return s->lag_us / 8 < INTERVAL_LAST_US ? s->lag_us / 8 : INTERVAL_LAST_US;
}

bool standby_waited(const struct standby *s, int64_t queued_us, int64_t now_us)
{
    return now_us - queued_us > s->lag_us / 8;
}
