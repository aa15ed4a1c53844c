/* guard_kind - the kinds of guards that a blueprint may choose from. */
#include "blueprint/evaluate.h"
#include "call/reply.h"

static void write_label(struct out *o, const char *key, const struct label *l)
{
    out_key(o, key);
    out_object(o);
    out_member(o, "en", l->en);
    out_member(o, "pl", l->pl);
    out_member(o, "ru", l->ru);
    out_object_end(o);
}

static enum step kinds_reply(struct call *c)
{
    struct out *o = reply_json(c, c->route->success);

    out_object(o);
    out_key(o, "items");
    out_array(o);
    for (const struct guard_kind *k = guard_kinds; k->name; k++) {
        out_object(o);
        out_member(o, "kind", k->name);
        write_label(o, "message", &k->message);
        if (k->opposite.en)
            write_label(o, "opposite", &k->opposite);
        out_key(o, "params");
        guard_kind_write_params(o, k);
        out_member_raw(o, "example", k->example);
        out_object_end(o);
    }
    out_array_end(o);
    out_object_end(o);
    return STEP_REPLY;
}

const struct operation guard_kind_list = {.steps = (step_fn *const[]){kinds_reply, NULL}};
