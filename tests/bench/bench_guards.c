/* Nanoseconds for one verdict of 20 guards in nested groups, over the facts of a busy record. The
 * verdict of a transition is asked for by every listing and every move: aim for less than 10
 * microseconds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "blueprint/evaluate.h"
#include "json/out.h"

#define ROUNDS 20000
#define REPEATS 7

static const char HEAD[] =
    "{'id':'v','entity':'lead','key':'k','number':1,'states':[{'key':'open','category':'open'},"
    "{'key':'done','category':'done'}],'transitions':[{'key':'created','kind':'initial','to':'open'"
    "},"
    "{'key':'move','to':'done','from':['open'],'inputs':[{'key':'i','kind':'field','params':{'"
    "field':'industry'}}],"
    "'guards':[";

/* Five groups of four guards, two deep. */
static const char GROUP[] =
    "{'key':'all_%1$d','op':'all','position':%1$d},"
    "{'key':'any_%1$d','op':'any','parent':'all_%1$d'},"
    "{'key':'none_%1$d','op':'none','parent':'all_%1$d'},"
    "{'key':'call_%1$d','parent':'any_%1$d','kind':'related_count','params':{'of':'activity','kind'"
    ":'call',"
    "'has_subject':true,'since_entry':true,'min':1}},"
    "{'key':'amount_%1$d','parent':'any_%1$d','kind':'field_compare','params':{'field':'amount."
    "amount',"
    "'op':'gte','value':'1000.00'}},"
    "{'key':'industry_%1$d','parent':'all_%1$d','kind':'field_present','params':{'field':'industry'"
    "}},"
    "{'key':'rejected_%1$d','parent':'none_%1$d','kind':'related_field','params':"
    "{'field':'account.verification','value':'rejected'}}%2$s";

static const char FACTS_HEAD[] =
    "{'now':'2026-11-21T12:00:00.123456Z','actor':{'kind':'user','id':'anna','roles':['sales']},'"
    "state':'open',"
    "'state_entered_at':'2026-11-20T12:00:00.123456Z','created_by':'bob','record':{'industry':'it',"
    "'amount':{'amount':'12345.60','currency':'PLN'},'company':'Acme'},"
    "'related':{'account':{'verification':'to_verify'}},'tasks':[{'status':'open'}],"
    "'visits':[{'state':'open'}],'transitions_done':[],'activities':[";
static const char ACTIVITY[] = "{'kind':'%s','subject':'About the "
                               "offer','outcome':'held','at':'2026-11-%02dT10:00:00.123456Z'}%s";

static json_t *parsed(struct buf *b)
{
    json_t *v;

    for (char *p = b->text; *p != '\0'; p++)
        if (*p == '\'')
            *p = '"';
    v = json_loads(b->text, 0, NULL);
    if (v == NULL)
        abort();
    buf_clear(b);
    return v;
}

static double verdict_ns(const struct transition *t, const json_t *facts, bool written)
{
    struct buf text;
    int64_t start;

    buf_init(&text, (size_t)1 << 20);
    start = clock_mono_us();
    for (int i = 0; i < ROUNDS; i++) {
        const struct verdict *root;
        struct arena a;
        struct out o;

        arena_init(&a, (size_t)1 << 20);
        root = evaluate(t, facts, &a);
        if (root == NULL || !root->passed)
            abort();
        if (written) {
            buf_clear(&text);
            out_init(&o, &text);
            verdict_write(&o, root, "pl");
        }
        arena_done(&a);
    }
    buf_done(&text);
    return (double)(clock_mono_us() - start) * 1000 / ROUNDS;
}

int main(void)
{
    static const char *const kinds[] = {"call", "meeting", "email", "survey"};
    double best[2] = {1e12, 1e12};
    struct blueprint *b;
    json_t *doc, *facts;
    struct buf text;

    buf_init(&text, (size_t)1 << 20);
    buf_puts(&text, HEAD);
    for (int i = 1; i <= 5; i++)
        buf_printf(&text, GROUP, i, i < 5 ? "," : "");
    buf_puts(&text, "]}]}");
    doc = parsed(&text);
    buf_puts(&text, FACTS_HEAD);
    for (int i = 0; i < 12; i++)
        buf_printf(&text, ACTIVITY, kinds[i % 4], 10 + i, i < 11 ? "," : "");
    buf_puts(&text, "]}");
    facts = parsed(&text);
    b = blueprint_compile(doc, &text);
    if (b == NULL) {
        (void)fprintf(stderr, "%s\n", buf_text(&text));
        return 1;
    }
    for (int i = 0; i < REPEATS; i++)
        for (int written = 0; written < 2; written++) {
            double ns = verdict_ns(blueprint_transition(b, "move"), facts, written == 1);

            best[written] = ns < best[written] ? ns : best[written];
        }
    (void)printf(
        "20 guards in 15 groups, 12 activities: %.0f ns a verdict, %.0f ns with its JSON\n",
        best[0], best[1]);
    blueprint_destroy(b);
    json_decref(doc);
    json_decref(facts);
    buf_done(&text);
    return 0;
}
