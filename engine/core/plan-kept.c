/* SPDX-License-Identifier: MIT */
#include "plan-parts.h"

#include "kept.h"

/* What the plan says about nodes that an edited template does not reach. */

#define NAMES_MAX 5

struct kept {
    uint64_t edition; /* the present one; those made from it are not meant */
    bool all;
    size_t n;
    struct buf names; /* of the first few */
};

static void note_kept(const struct node *n, void *arg) {
    struct kept *k = arg;
    bool older = n->edition && n->edition != k->edition;
    if (n->target == TARGET_TERMINATED || (!k->all && !older))
        return;
    if (k->n++ < NAMES_MAX)
        buf_printf(&k->names, "%s%s", k->n > 1 ? ", " : "", str_text(n->name));
    else if (k->n == NAMES_MAX + 1)
        buf_puts(&k->names, " ...");
}

static void say_gone(struct plan *p, const struct array *a, const struct kept *k) {
    plan_say(p,
             "keep: %s %s is no longer in the template: %zu node%s (%s) run until terminated, and "
             "are not made again%s",
             a->is_array ? "nodearray" : "node", str_text(a->name), k->n, k->n == 1 ? "" : "s",
             k->names.data,
             a->replaced ? "; what the template has under this name is made when they are gone"
                         : "");
}

static void say_behind(struct plan *p, const struct array *a, const struct kept *k) {
    plan_say(p,
             "keep: %s: %zu node%s (%s) made from an earlier definition keep it until made again "
             "(terminate and start)",
             str_text(a->name), k->n, k->n == 1 ? "" : "s", k->names.data);
}

void plan_kept(struct plan *p, const struct plan_input *in) {
    for (size_t i = 0; i < in->cluster->arrays.len; i++) {
        const struct array *a = cluster_array(in->cluster, i);
        if (!a->gone && !edition_mixed(a))
            continue;
        struct kept k = {.edition = a->edition, .all = a->gone, .names = BUF_INIT(1024)};
        edition_survey(in->cluster, a, note_kept, &k);
        if (k.n && buf_error(&k.names) == 0)
            (a->gone ? say_gone : say_behind)(p, a, &k);
        buf_done(&k.names);
    }
}
