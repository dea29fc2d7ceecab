/* SPDX-License-Identifier: MIT */
#include "fake-world.h"

#include <stdio.h>
#include <string.h>

/* Disks of the fake cloud. What must never happen is counted: a test asserts that it did not. */

static struct disk *find_disk(struct fake_cloud *f, const char *group, const char *name) {
    for (unsigned i = 0; i < f->n_disks; i++)
        if (f->disks[i].alive && strcmp(f->disks[i].group, group) == 0 &&
            strcmp(f->disks[i].name, name) == 0)
            return &f->disks[i];
    return NULL;
}

/* By its resource id: .../resourceGroups/GROUP/providers/Microsoft.Compute/disks/NAME */
static struct disk *disk_of_id(struct fake_cloud *f, const char *id) {
    char group[64] = "", name[64] = "";
    const char *at = strstr(id, "/resourceGroups/");
    if (!at || sscanf(at, "/resourceGroups/%63[^/]/providers/Microsoft.Compute/disks/%63s", group,
                      name) != 2)
        return NULL;
    return find_disk(f, group, name);
}

/* A VM that is gone has no disks. */
static const struct vm *owner(const struct fake_cloud *f, const struct disk *d) {
    return d->owner && f->vms[d->owner - 1].alive ? &f->vms[d->owner - 1] : NULL;
}

bool disks_are_free(struct fake_cloud *f, const struct cyclecloud_request *q) {
    for (size_t i = 0; i < q->spec->n_disks; i++) {
        const char *id = q->spec->disks[i].resource_id;
        const struct disk *d = id ? disk_of_id(f, id) : NULL;
        if (id && (!d || owner(f, d)))
            return false;
    }
    return true;
}

void disks_attach(struct fake_cloud *f, const struct cyclecloud_request *q) {
    for (size_t i = 0; i < q->spec->n_disks; i++) {
        const char *id = q->spec->disks[i].resource_id;
        struct disk *d = id ? disk_of_id(f, id) : NULL;
        if (!d)
            continue;
        d->owner = f->n_vms;
        d->attached++;
    }
}

static enum cyclecloud_class create_disk(struct fake_cloud *f, const struct cyclecloud_request *q) {
    struct disk *d = find_disk(f, q->group, q->name);
    if (!d && f->n_disks == DISKS_MAX)
        return CYCLECLOUD_INVALID;
    if (!d)
        d = &f->disks[f->n_disks++];
    if (!d->alive)
        *d = (struct disk){.alive = true, .size_gb = q->disk->size_gb};
    (void)snprintf(d->group, sizeof(d->group), "%s", q->group);
    (void)snprintf(d->name, sizeof(d->name), "%s", q->name);
    return d->size_gb > q->disk->size_gb ? CYCLECLOUD_CONFLICT : CYCLECLOUD_PENDING;
}

enum cyclecloud_class change_disk(struct fake_cloud *f, const struct cyclecloud_request *q) {
    if (q->call == CYCLECLOUD_CALL_CREATE_DISK)
        return create_disk(f, q);
    struct disk *d = find_disk(f, q->group, q->name);
    if (!d)
        return CYCLECLOUD_GONE;
    if (q->call == CYCLECLOUD_CALL_DELETE_DISK && owner(f, d))
        return CYCLECLOUD_CONFLICT;
    if (q->call == CYCLECLOUD_CALL_DELETE_DISK)
        d->alive = false;
    else if (q->disk->size_gb < d->size_gb)
        return CYCLECLOUD_CONFLICT;
    else
        d->size_gb = q->disk->size_gb;
    return CYCLECLOUD_PENDING;
}

void disks_delete_group(struct fake_cloud *f, const char *group) {
    for (unsigned i = 0; i < f->n_disks; i++) {
        struct disk *d = &f->disks[i];
        if (!d->alive || strcmp(d->group, group) != 0)
            continue;
        d->alive = false;
        f->disks_lost++;
    }
}

struct fake_disk fake_cloud_disk(const struct fake_cloud *f) {
    struct fake_disk seen = {.made = f->n_disks, .lost = f->disks_lost};
    for (unsigned i = 0; i < f->n_disks; i++) {
        const struct disk *d = &f->disks[i];
        if (!d->alive)
            continue;
        seen.there++;
        seen.size_gb = d->size_gb;
        seen.times_attached = d->attached;
        seen.attached = owner(f, d) != NULL;
    }
    return seen;
}
