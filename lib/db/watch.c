#include "db/watch.h"

#include <string.h>

/* sql/queries/engine.sql */
extern const struct query query_write_state;

#define ASK_US 1000000
#define SILENT_US 3000000 /* longer than lock_timeout: who waits for a lock is answered by then */

bool watch_is_due(const struct watch *w, int64_t now_us)
{
    return !w->out && (w->refuses || now_us - w->asked_us >= ASK_US);
}

struct ask *watch_begin(struct watch *w, int64_t now_us, void (*done)(struct ask *, void *),
                        void *arg)
{
    w->out = true;
    w->asked_us = now_us;
    w->ask = (struct ask){.statements = {{.query = &query_write_state}},
                          .n = 1,
                          .lane = LANE_WRITE,
                          .queued_us = now_us,
                          .error = {.statement = -1},
                          .done = done,
                          .arg = arg};
    return &w->ask;
}

bool watch_told(struct watch *w)
{
    const char *text =
        w->ask.outcome == ASK_OK ? result_text(w->ask.statements[0].result, 0, 0) : NULL;

    w->out = false;
    if (text != NULL) /* else a connection was lost, which says nothing of the others */
        w->refuses = strcmp(text, "on") == 0;
    ask_done(&w->ask);
    return text != NULL && w->refuses;
}

bool watch_allows(const struct watch *w, int64_t now_us)
{
    return !w->refuses && !(w->out && now_us - w->asked_us > SILENT_US);
}
