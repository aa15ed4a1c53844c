/* import_compare - the names of imported records, after the run: they are kept, and what is alike
 * is listed. Fuzzy rules look for so many others that a run which waited for them would be a third
 * as fast; nobody is refused by them in an import. */
#include <stdlib.h>

#include "asks.gen.h"
#include "service/import/import.h"
#include "service/record/jobs.h"
#include "service/record/match.h"

#define COMPARED 200 /* records of a slice */

struct page {
    json_t *records;
    int64_t line; /* of the last of them */
    int rows;
};

static enum step compare_ask(struct call *c)
{
    struct page *p = call_alloc(c, sizeof(*p));

    if (!p)
        return STEP_FAIL;
    work_of(c)->own = p;
    ask_import_compare_next(
        c, (struct q_import_compare_next){.job = work_of(c)->id, .most = COMPARED});
    return STEP_WAIT;
}

static enum step compare_page(struct call *c)
{
    struct page *p = work_of(c)->own;
    const struct result *r = call_result(c, 0);

    p->records = keep_json(c, json_array());
    p->rows = result_rows(r);
    p->line = strtoll(p->rows ? result_get(r, p->rows - 1, "line") : "0", NULL, 10);
    for (int i = 0; i < p->rows; i++) {
        const char *source = result_get(r, i, "source");
        json_t *members = source ? json_loads(source, 0, NULL) : json_object();
        json_t *record = match_record(c, result_get(r, i, "entity"), NULL, members);

        json_object_set_new(record, "id", json_string(result_get(r, i, "record_id")));
        json_array_append_new(p->records, record);
        json_decref(members);
    }
    return STEP_NEXT;
}

static enum step compare_evaluate(struct call *c)
{
    (void)c;
    return STEP_NEXT;
}

static enum step compare_conclude(struct call *c)
{
    const struct work *w = work_of(c);
    const struct page *p = w->own;
    int64_t line = json_integer_value(json_object_get(w->cursor, "line"));

    ask_import_compare_slice(c, (struct q_import_compare_slice){
                                    .job = w->id,
                                    .daemon = work_daemon(),
                                    .line = p->rows ? p->line : line,
                                    .over = p->rows < COMPARED,
                                    .records = call_json(c, p->records),
                                });
    return STEP_WAIT;
}

const struct job_kind job_import_compare = {"import_compare", compare_ask, compare_page,
                                            compare_evaluate, compare_conclude};
