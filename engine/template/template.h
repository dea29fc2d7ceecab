/* SPDX-License-Identifier: MIT */
#ifndef TEMPLATE_TEMPLATE_H
#define TEMPLATE_TEMPLATE_H

/*
 * CycleCloud cluster templates: text -> template -> definition.
 *
 * A template is the parsed text and never changes; a definition is what it means for one cluster
 * name and one set of parameter values, with inheritance and expressions worked out. Everything
 * here is pure: no files, no clock but for the template function time(), no global state. A
 * template may be used by several threads at once; a definition too, once it is made.
 *
 * The definition as JSON (definition_json):
 *
 *   {"cluster":    {"Name": "hpc", "Template": "Slurm", "Autoscale": true, ...},
 *    "parameters": {"MachineType": "Standard_F2s_v2", ...},       undefined ones are null
 *    "nodes":      [NODE...],                                     [[node]], template order
 *    "nodearrays": [NODE...],                                     [[nodearray]]
 *    "noderefs":   [{"Name", "Node", "SourceClusterName"}...],
 *    "environments": [{"Name", ...attributes}...]}
 *
 *   NODE: {"Name": "execute",
 *          "Attributes": {"MachineType": "Standard_F2s_v2" or [..], "Azure": {"Sku": ..}, ...},
 *          "Configuration": {"slurm": {"role": "execute"}},
 *          "ClusterInit": [{"Project","Spec","Version","Locker","Name","Optional","Order"}...],
 *          "Volumes": {"boot": {"Size": 30}}, "NetworkInterfaces": {"eth0": {...}},
 *          "InputEndpoints": {"ssh": {"PrivatePort": 22}},
 *          "LateBound": {"Configuration.cyclecloud.mounts.nfs.address":
 *                            "${filer.instance.PrivateIp}"}}
 *
 * Attributes have the documented spelling whatever the template's ("machinetype" -> "MachineType")
 * and typed values: numbers, booleans, strings, lists, objects. Attributes that are undefined are
 * absent, abstract nodes and sections with Disabled are too. LateBound holds what depends on
 * another node or an environment: definition_node_json evaluates it again when more is known.
 */

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "diagnostics.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct template;
struct definition;

/*
 * Parses `text`. Everything found in one pass is in `diags` (may be NULL). Returns 0 (there may be
 * warnings), -EINVAL (at least one error), -E2BIG (over LIMIT_DOCUMENT_BYTES) or -ENOMEM.
 * *ret is new; template_free.
 */
int template_parse(const char *text, size_t len, struct diagnostics *diags, struct template **ret);
void template_free(struct template *t);
DEFINE_CLEANUP(struct template, template_free);

/*
 * Looks at the beginning of a text that is still being written. Refuses only what no later text can
 * repair, on complete lines: an unknown section type, a section header that is not closed or has no
 * type, a NUL byte. Returns 0, or -EINVAL with `err` set.
 */
int template_check_prefix(const char *text, size_t len, struct error *err);

/*
 * Appends the template in its canonical layout to `ret`: sections indented by their nesting,
 * `key = value`, one blank line at most. The meaning stays, comments too, and doing it again
 * changes nothing. Returns 0, -EINVAL (errors are in `diags`), -E2BIG (the template, or the
 * maximum of `ret`, which had better be 64 bytes for each line of the template) or -ENOMEM.
 */
int template_format(const char *text, size_t len, struct diagnostics *diags, struct buf *ret);

/* The clusters of the template in order; their names are borrowed. NULL past the end. */
size_t template_cluster_count(const struct template *t);
const char *template_cluster_name(const struct template *t, size_t i);

/* True if the cluster is only there for others to inherit from. */
bool template_cluster_abstract(const struct template *t, size_t i);

/* The form of the parameters as a JSON Schema (2020-12). New reference, NULL: out of memory. */
json_t *template_schema(const struct template *t);

/* Whether there is a parameter of this name, in any case, or `$NAME` is used without one. */
bool template_uses(const struct template *t, const char *name);
/* The parameter is secret from now on, whatever its type: its given value is. */
void template_keep_secret(struct template *t, const char *name);
/* True for parameters whose value must not be shown (Password, Secret), whatever the case. */
bool template_parameter_secret(const struct template *t, const char *name);

/*
 * Checks given values against the declarations. An unknown name is a warning, a value of the wrong
 * type an error. `given` is a JSON object (NULL: empty). Returns 0, -EINVAL or -ENOMEM.
 */
int template_check_parameters(const struct template *t, const json_t *given,
                              struct diagnostics *diags);

struct evaluation_input {
    const char *cluster_name; /* the value of ClusterName */
    /* Which [cluster], in any case; NULL = the one named like the cluster, else the first that is
     * not abstract. */
    const char *template_cluster;
    const json_t *parameters; /* object of given values (borrowed); NULL = none */
};

/*
 * Works out a cluster. `diags` (may be NULL) gets what is wrong, with the template's lines.
 * Returns 0, -EINVAL (at least one error), -ENOENT (no such template_cluster) or -ENOMEM.
 * *ret is new and keeps the template alive; definition_free.
 */
int template_evaluate(const struct template *t, const struct evaluation_input *input,
                      struct diagnostics *diags, struct definition **ret);
/*
 * For a text that template_parse has refused: evaluates what could be understood of it, so that
 * `diags` gets what is wrong besides. Some of that may follow from the errors that are known
 * already. Returns 0, -E2BIG or -ENOMEM.
 */
int template_find_errors(const char *text, size_t len, const struct evaluation_input *input,
                         struct diagnostics *diags);
void definition_free(struct definition *d);
DEFINE_CLEANUP(struct definition, definition_free);

/* The definition, with real values. Borrowed from `d`; must not be changed. */
json_t *definition_json(const struct definition *d);
/* The same with "********" in place of secrets and of everything computed from one. Borrowed. */
json_t *definition_public_json(const struct definition *d);

/*
 * What is still needed before the cluster can start: an array of {"name", "label"}, for example
 * {"name": "HPCMachineType", "label": "HPC VM Type"}, or {"name": "SubnetId of node head",
 * "label": "SubnetId of node head"} where no parameter is to blame. Borrowed.
 */
json_t *definition_missing(const struct definition *d);

/*
 * Where each value comes from: an object with a row for each, in the order of the definition:
 *   "parameters.Cores": {"value": 4, "from": "given" | "default, line 12" | "no default",
 *                        "excluded": true}              (its conditions took its default away)
 *   "nodes.head.Attributes.MachineType": {"value": "Standard_D2s_v5",
 *                        "line": 40, "in": "node defaults",    where it is written, so inherited
 *                        "parameters": {"Type": "given"}}      if `in` is another node
 *   "nodearrays.execute.Configuration.nfs.address": {"later": "${filer.instance.PrivateIp}", ...}
 *   "nodes.head.ClusterInit.slurm:default": {"line": 50, "in": "node head"}
 * A value null masks an inherited one, or is undefined. Secrets are masked. Returns 0, -E2BIG (to
 * tell takes more work than to evaluate, and too much) or -ENOMEM. *ret is a new reference.
 */
int definition_origins(const struct definition *d, json_t **ret);
/* The same as text, one row a line: JSON that grep understands. 0, -E2BIG or -ENOMEM. */
int origins_put(const json_t *origins, struct buf *b);

/*
 * Appends what differs between two definitions (definition_public_json), a line each, such as
 *   nodearrays.execute.Attributes.MachineType: "Standard_F2s_v2" -> "Standard_F4s_v2"
 *   nodes.head.Attributes.Zone: "1" -> none
 *   nodearrays.gpu: added
 * Parameters are left out: what they change is told where they are used. A secret is masked on both
 * sides, so a change of it cannot be told. Returns 0, -E2BIG or -ENOMEM.
 */
int definition_diff(const json_t *before, const json_t *after, struct buf *b);

/*
 * The whole definition again, now that more is known (as in struct node_input): a new one, in whose
 * LateBound is what still waits. Costs as much as template_evaluate and is bounded like it. Returns
 * 0, -EINVAL (an expression fails; `diags`, may be NULL, says which) or -ENOMEM.
 */
int definition_settle(const struct definition *d, const json_t *known, struct diagnostics *diags,
                      struct definition **ret);

/* How one node is evaluated again. */
struct node_input {
    const char *name; /* of the node or nodearray, in any case */
    /* Nodes, noderefs and environments, names in any case, NULL = nothing:
     * {"filer": {"instance": {"PrivateIp": "10.0.0.4"}}, "vnet": {"Outputs": {...}}} (borrowed). */
    const json_t *known;
    bool masked; /* hide secrets */
};

/*
 * Returns 0, -ENOENT (no such node), -EINVAL (an expression fails; `err` says which) or -ENOMEM.
 * *ret is a new reference to a NODE.
 */
int definition_node_json(const struct definition *d, const struct node_input *input,
                         struct error *err, json_t **ret);

/*
 * Reads a parameter file: a JSON object, or `Name = value` lines typed as in a template. Returns 0,
 * -EINVAL (`err` names line and column), -E2BIG or -ENOMEM. *ret is a new reference to an object.
 */
int parameters_parse(const char *text, size_t len, struct error *err, json_t **ret);

#endif
