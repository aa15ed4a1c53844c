#include "db/ask.h"

#include <libpq-fe.h>

void ask_done(struct ask *a)
{
    for (int i = 0; i < a->n; i++) {
        result_free(a->statements[i].result);
        a->statements[i].result = NULL;
    }
    PQclear(a->error_result);
    a->error_result = NULL;
    a->error = (struct ask_error){.statement = -1};
}
