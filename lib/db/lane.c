#include "db/lane.h"

#include "base/clock.h"
#include "db/conn.h"

#define SUSPECTS_WAITING 8 /* for each connection; more are told to come back */

void asks_append(struct ask_list *l, struct ask *ask)
{
    ask->next = NULL;
    if (l->first == NULL)
        l->first = ask;
    else
        l->last->next = ask;
    l->last = ask;
    l->n++;
}

struct ask *asks_shift(struct ask_list *l)
{
    struct ask *ask = l->first;

    if (ask == NULL)
        return NULL;
    l->first = ask->next;
    l->n--;
    ask->next = NULL;
    return ask;
}

unsigned lane_room(const struct lane_state *l)
{
    unsigned room = 0;

    for (unsigned i = 0; i < l->nconns; i++)
        room += conn_room(l->conns[i]);
    return room;
}

struct conn *lane_conn(const struct lane_state *l)
{
    struct conn *best = NULL;
    unsigned most = 0;

    for (unsigned i = 0; i < l->nconns; i++) {
        unsigned room = conn_room(l->conns[i]);

        if (room > most) {
            most = room;
            best = l->conns[i];
        }
    }
    return best;
}

bool lane_is_up(const struct lane_state *l)
{
    for (unsigned i = 0; i < l->nconns; i++)
        if (conn_is_up(l->conns[i]))
            return true;
    return false;
}

bool lane_is_usable(const struct lane_state *l)
{
    for (unsigned i = 0; i < l->nconns; i++)
        if (conn_is_up(l->conns[i]) || conn_is_hopeful(l->conns[i]))
            return true;
    return false;
}

/* Returns the first that may be sent. Suspects have half of the connections, or one. */
static struct ask *take(struct lane_state *l, struct ask_list *from)
{
    unsigned room = l->nconns > 1 ? l->nconns / 2 : 1;
    int64_t now = l->suspects.n > 0 ? clock_mono_us() : 0;
    struct ask *before = NULL, *ask;

    for (ask = from->first; ask != NULL; before = ask, ask = ask->next) {
        ask->suspect = suspects_have(&l->suspects, ask, now);
        if (!ask->suspect || l->suspects_out < room)
            break;
        ask->suspect = false;
    }
    if (ask == NULL || before == NULL)
        return ask == NULL ? NULL : asks_shift(from);
    before->next = ask->next;
    if (from->last == ask)
        from->last = before;
    from->n--;
    ask->next = NULL;
    return ask;
}

void lane_note(struct lane_state *l, int64_t now_us)
{
    pace_note(&l->pace, l->waiting.n, 2 * l->nconns, now_us);
}

bool lane_is_late(const struct lane_state *l, const struct ask *ask)
{
    return ask->until_us != 0 &&
           ask->queued_us + 2 * pace_wait(&l->pace, l->waiting.n) > ask->until_us;
}

struct ask *lane_next(struct lane_state *l)
{
    struct ask *ask = take(l, &l->again);

    if (ask == NULL)
        ask = take(l, &l->waiting);
    if (ask != NULL && ask->suspect)
        l->suspects_out++;
    return ask;
}

struct ask *lane_shift(struct lane_state *l)
{
    return l->again.first != NULL ? asks_shift(&l->again) : asks_shift(&l->waiting);
}

bool lane_is_crowded(struct lane_state *l, const struct ask *ask)
{
    return l->suspects.n > 0 && l->waiting.n >= SUSPECTS_WAITING * l->nconns &&
           suspects_have(&l->suspects, ask, clock_mono_us());
}
