/* diagram - a version of a process as a picture, with what its states hold if asked for. */
#include "blueprint/diagram.h"

#include <stdlib.h>
#include <string.h>

#include "asks.gen.h"
#include "blueprint/blueprint.h"
#include "call/reply.h"

#define PICTURE_MAX (8 << 20)

struct picture {
    struct blueprint *blueprint;
    bool counts;
};

/* GET /v1/blueprints/{id}/diagram */

static enum step diagram_ask(struct call *c)
{
    struct picture *p = call_alloc(c, sizeof(*p));
    struct uuid id;

    if (!p || !call_path_uuid(c, "id", &id))
        return STEP_FAIL;
    c->state = p;
    p->counts = json_is_true(call_param(c, "counts"));
    ask_version_doc(c, (struct q_version_doc){.version = id});
    if (p->counts)
        ask_version_figures(c, (struct q_version_figures){.version = id});
    return STEP_WAIT;
}

static void release(void *blueprint)
{
    blueprint_destroy(blueprint);
}

/* Drafts change, so what is compiled here is not kept. */
static enum step diagram_compile(struct call *c)
{
    struct picture *p = c->state;
    const struct result *r = call_result(c, 0);
    struct buf why;
    json_t *doc;

    if (result_rows(r) == 0)
        return call_fail(c, ERR_NOT_FOUND, "There is no such version of a blueprint.");
    buf_init(&why, 4096);
    doc = json_loads(result_get(r, 0, "doc"), JSON_REJECT_DUPLICATES, NULL);
    p->blueprint = doc ? blueprint_compile(doc, &why) : NULL;
    json_decref(doc);
    if (p->blueprint)
        arena_defer(&c->arena, release, p->blueprint);
    else
        err_set(&c->err, ERR_CONFLICT, "The draft cannot be drawn yet: %s", buf_text(&why));
    buf_done(&why);
    return p->blueprint ? STEP_NEXT : STEP_FAIL;
}

static bool read_figures(struct call *c, struct diagram *d)
{
    const struct result *r = call_result(c, 1);
    struct diagram_figure *figures;

    d->nfigures = (size_t)result_rows(r);
    figures = call_alloc(c, (d->nfigures + 1) * sizeof(*figures));
    for (size_t i = 0; figures && i < d->nfigures; i++) {
        const char *median = result_get(r, (int)i, "median_s");

        figures[i] = (struct diagram_figure){
            .state = result_get(r, (int)i, "state"),
            .count = strtoll(result_get(r, (int)i, "count"), NULL, 10),
            .median_s = median ? strtoll(median, NULL, 10) : -1,
        };
    }
    d->figures = figures;
    return figures != NULL;
}

static enum step diagram_reply(struct call *c)
{
    static const struct {
        const char *name, *media_type;
    } formats[] = {
        [DIAGRAM_SVG] = {"svg", "image/svg+xml"},
        [DIAGRAM_MERMAID] = {"mermaid", "text/plain; charset=utf-8"},
        [DIAGRAM_DOT] = {"dot", "text/plain; charset=utf-8"},
    };
    const struct picture *p = c->state;
    struct diagram d = {.blueprint = p->blueprint, .language = c->language};
    const char *wanted = call_param_text(c, "format");
    enum diagram_format format = DIAGRAM_SVG;
    struct buf text;
    bool drawn;

    for (size_t i = 0; wanted && i < sizeof(formats) / sizeof(formats[0]); i++)
        if (strcmp(formats[i].name, wanted) == 0)
            format = (enum diagram_format)i;
    if (p->counts && !read_figures(c, &d))
        return STEP_FAIL;
    buf_init(&text, PICTURE_MAX);
    drawn = diagram_write(&text, &d, format);
    buf_clear(&c->reply.body);
    if (drawn)
        drawn = buf_add(&c->reply.body, text.text, text.len);
    buf_done(&text);
    if (!drawn)
        return call_fail(c, ERR_CONFLICT, "The blueprint has more lines than a picture can show.");
    c->reply.status = c->route->success;
    c->reply.media_type = formats[format].media_type;
    /* its own style is all that it needs, and all that it may have */
    reply_header(c, "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");
    return STEP_REPLY;
}

const struct operation blueprint_diagram = {
    .steps = (step_fn *const[]){diagram_ask, diagram_compile, diagram_reply, NULL},
};
