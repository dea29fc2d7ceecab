/* SPDX-License-Identifier: MIT */
#include "body.h"

#include "maker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define QUERY_MAX 4096
#define ROWS_A_PAGE 1000

int maker_finish(struct maker *m, json_t *body, json_t **ret) {
    if (!body && !m->error)
        m->error = -ENOMEM;
    if (m->error) {
        json_decref(body);
        return m->error;
    }
    *ret = body;
    return 0;
}

json_t *maker_need(struct maker *m, json_t *value) {
    if (!value && !m->error)
        m->error = -ENOMEM;
    return value;
}

bool maker_given(const char *text) {
    return text && *text;
}

json_t *maker_text(struct maker *m, const char *text) {
    return maker_given(text) ? maker_need(m, json_string(text)) : NULL;
}

json_t *maker_id(struct maker *m, const char *id) {
    return maker_given(id) ? maker_need(m, json_pack("{s:s}", "id", id)) : NULL;
}

json_t *maker_texts(struct maker *m, const char *const *texts) {
    if (!texts || !*texts)
        return NULL;
    json_t *list = maker_need(m, json_array());
    for (; list && *texts; texts++)
        if (json_array_append_new(list, json_string(*texts)) < 0)
            m->error = -ENOMEM;
    return list;
}

json_t *maker_tags(struct maker *m, const struct cyclecloud_vm_spec *spec) {
    if (!spec || spec->n_tags == 0)
        return NULL;
    json_t *tags = maker_need(m, json_object());
    for (size_t i = 0; tags && i < spec->n_tags; i++) {
        const char *value = spec->tags[i].value;
        if (json_object_set_new(tags, spec->tags[i].name, json_string(value ? value : "")) < 0)
            m->error = -ENOMEM;
    }
    return tags;
}

const char *maker_region(const struct cyclecloud_request *q) {
    if (q->spec && maker_given(q->spec->region))
        return q->spec->region;
    return q->region;
}

int body_group(const struct cyclecloud_request *q, json_t **ret) {
    struct maker m = {0};
    json_t *body =
        json_pack("{s:s, s:o*}", "location", maker_region(q), "tags", maker_tags(&m, q->spec));
    return maker_finish(&m, body, ret);
}

static json_t *rule(const struct cyclecloud_endpoint *e, size_t index) {
    char port[8];
    (void)snprintf(port, sizeof(port), "%u", e->port);
    return json_pack("{s:s, s:{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s}}", "name", e->name,
                     "properties", "priority", (int)(1000 + 10 * index), "direction", "Inbound",
                     "access", "Allow", "protocol", e->protocol, "sourcePortRange", "*",
                     "sourceAddressPrefix", "*", "destinationPortRange", port,
                     "destinationAddressPrefix", "*");
}

int body_security_group(const struct cyclecloud_request *q, json_t **ret) {
    struct maker m = {0};
    json_t *rules = maker_need(&m, json_array());
    for (size_t i = 0; rules && i < q->n_endpoints; i++)
        if (json_array_append_new(rules, rule(&q->endpoints[i], i)) < 0)
            m.error = -ENOMEM;
    json_t *body = json_pack("{s:s, s:o*, s:{s:o}}", "location", maker_region(q), "tags",
                             maker_tags(&m, q->spec), "properties", "securityRules", rules);
    return maker_finish(&m, body, ret);
}

int body_resize(const struct cyclecloud_request *q, json_t **ret) {
    struct maker m = {0};
    json_t *body = json_pack("{s:{s:s, s:s, s:I}}", "sku", "name", q->spec->machine_type, "tier",
                             "Standard", "capacity", (json_int_t)q->capacity);
    return maker_finish(&m, body, ret);
}

int body_instance_ids(const struct cyclecloud_request *q, json_t **ret) {
    struct maker m = {0};
    json_t *body = json_pack("{s:o}", "instanceIds", maker_texts(&m, q->instance_ids));
    return maker_finish(&m, body, ret);
}

/* A text literal of the query language: quotes and backslashes are escaped. */
static void put_literal(struct buf *b, const char *text) {
    (void)buf_putc(b, '\'');
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            (void)buf_putc(b, '\\');
        (void)buf_putc(b, *text);
    }
    (void)buf_putc(b, '\'');
}

static const char *const sweep_texts[BODY_SWEEP_MAX][2] = {
    [BODY_SWEEP_VMS] = {"Resources | where type =~ 'microsoft.compute/virtualmachines'",
                        "size=properties.hardwareProfile.vmSize, "
                        "ss=properties.virtualMachineScaleSet.id, "},
    [BODY_SWEEP_INSTANCES] = {"ComputeResources | where type =~ "
                              "'microsoft.compute/virtualmachinescalesets/virtualmachines'",
                              "size=sku.name, "},
};

static void put_query(struct buf *b, const struct body_sweep_page *page) {
    (void)buf_puts(b, sweep_texts[page->table][0]);
    (void)buf_puts(b, " and tags[");
    put_literal(b, page->tag_name);
    (void)buf_puts(b, "] == ");
    put_literal(b, page->tag_value);
    (void)buf_puts(b, " | project id, name, location, zones, tags, vmId=properties.vmId, ");
    (void)buf_puts(b, sweep_texts[page->table][1]);
    (void)buf_puts(b, "state=properties.extended.instanceView.powerState.code, "
                      "prov=properties.provisioningState, "
                      "computer=properties.osProfile.computerName | order by id asc");
}

int body_sweep(const struct body_sweep_page *page, json_t **ret) {
    struct maker m = {0};
    _cleanup_buf_ struct buf query = BUF_INIT(QUERY_MAX);
    put_query(&query, page);
    if (buf_error(&query))
        return buf_error(&query);
    json_t *body =
        json_pack("{s:[s], s:s, s:{s:s, s:i, s:o*}}", "subscriptions", page->subscription, "query",
                  query.data, "options", "resultFormat", "objectArray", "$top", ROWS_A_PAGE,
                  "$skipToken", maker_text(&m, page->skip_token));
    return maker_finish(&m, body, ret);
}
