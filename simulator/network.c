/* SPDX-License-Identifier: MIT */
#include "network.h"

#include "base/parse.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Network, gateway, two for name service, broadcast. */
enum { RESERVED_FIRST = 4, RESERVED_LAST = 1, WORD_BITS = 64 };

void address_format(uint32_t address, char text[ADDRESS_TEXT_SIZE]) {
    (void)snprintf(text, ADDRESS_TEXT_SIZE, "%u.%u.%u.%u", address >> 24, address >> 16 & 255,
                   address >> 8 & 255, address & 255);
}

int address_parse(const char *text, uint32_t *ret) {
    struct in_addr address;
    if (inet_pton(AF_INET, text, &address) != 1)
        return -EINVAL;
    *ret = ntohl(address.s_addr);
    return 0;
}

static int prefix_parse(const char *text, uint32_t *ret_first, uint32_t *ret_count) {
    char address[ADDRESS_TEXT_SIZE];
    uint64_t bits;
    const char *slash = text ? strchr(text, '/') : NULL;
    if (!slash || (size_t)(slash - text) >= sizeof(address))
        return -EINVAL;
    memcpy(address, text, (size_t)(slash - text));
    address[slash - text] = '\0';
    if (parse_u64(slash + 1, &bits) < 0 || bits < 8 || bits > 29)
        return -EINVAL;
    uint32_t first;
    if (address_parse(address, &first) < 0)
        return -EINVAL;
    *ret_count = (uint32_t)1 << (32 - bits);
    *ret_first = first & ~(*ret_count - 1);
    return 0;
}

static void subnet_free(struct subnet *subnet) {
    list_del(&subnet->link);
    free(subnet->id);
    free(subnet->name);
    free(subnet->prefix);
    free(subnet->taken);
    free(subnet);
}

static void mark(struct subnet *subnet, uint32_t offset) {
    subnet->taken[offset / WORD_BITS] |= UINT64_C(1) << offset % WORD_BITS;
}

static bool marked(const struct subnet *subnet, uint32_t offset) {
    return subnet->taken[offset / WORD_BITS] >> offset % WORD_BITS & 1;
}

static void reserve(struct subnet *subnet) {
    for (uint32_t i = 0; i < RESERVED_FIRST; i++)
        mark(subnet, i);
    mark(subnet, subnet->count - RESERVED_LAST);
    for (uint32_t i = subnet->count; i % WORD_BITS; i++)
        mark(subnet, i);
}

/* A subnet with nothing but the service's own addresses taken. NULL: out of memory. */
static struct subnet *subnet_new(const char *id, const char *prefix, uint32_t first,
                                 uint32_t count) {
    struct subnet *subnet = calloc(1, sizeof(*subnet));
    if (!subnet)
        return NULL;
    list_init(&subnet->link);
    subnet->id = strdup(id);
    subnet->name = strdup(strrchr(id, '/') + 1);
    subnet->prefix = strdup(prefix);
    subnet->taken = calloc((count + WORD_BITS - 1) / WORD_BITS, sizeof(uint64_t));
    subnet->first = first;
    subnet->count = count;
    if (!subnet->id || !subnet->name || !subnet->prefix || !subnet->taken) {
        subnet_free(subnet);
        return NULL;
    }
    reserve(subnet);
    return subnet;
}

static int subnet_enter(struct world *world, json_t *body) {
    const char *id = json_path_text(body, "id");
    const char *prefix = json_path_text(body, "properties.addressPrefix");
    uint32_t first, count;
    int r = prefix_parse(prefix, &first, &count);
    if (r < 0)
        return r;
    struct subnet *known = subnet_find(world, id);
    if (known && known->first == first && known->count == count)
        return 0;
    if (known && known->used)
        return -EBUSY;
    struct subnet *subnet = subnet_new(id, prefix, first, count);
    if (!subnet)
        return -ENOMEM;
    if (known)
        subnet_free(known);
    list_add_tail(&world->subnets, &subnet->link);
    return 0;
}

/* Whether a subnet lies in one of its network's prefixes. */
static bool lies_inside(json_t *network_body, uint32_t first, uint32_t count) {
    size_t i;
    json_t *space;
    json_array_foreach(json_path(network_body, "properties.addressSpace.addressPrefixes"), i,
                       space) {
        uint32_t whole, size;
        if (prefix_parse(json_string_value(space), &whole, &size) == 0 && first >= whole &&
            first - whole + (uint64_t)count <= size)
            return true;
    }
    return false;
}

static bool overlaps(uint32_t first, uint32_t count, json_t *other) {
    uint32_t start, size;
    if (prefix_parse(json_path_text(other, "properties.addressPrefix"), &start, &size) < 0)
        return false;
    return first < start + (uint64_t)size && start < first + (uint64_t)count;
}

int subnets_check(json_t *network_body, const char **ret_name) {
    json_t *subnets = json_path(network_body, "properties.subnets");
    for (size_t i = 0; i < json_array_size(subnets); i++) {
        json_t *subnet = json_array_get(subnets, i);
        uint32_t first, count;
        *ret_name = json_path_text(subnet, "name");
        if (prefix_parse(json_path_text(subnet, "properties.addressPrefix"), &first, &count) < 0)
            return -EINVAL;
        if (!lies_inside(network_body, first, count))
            return -ERANGE;
        for (size_t k = 0; k < i; k++)
            if (overlaps(first, count, json_array_get(subnets, k)))
                return -EEXIST;
    }
    return 0;
}

int subnets_enter(struct world *world, json_t *network_body) {
    size_t i;
    json_t *body;
    json_array_foreach(json_path(network_body, "properties.subnets"), i, body) {
        int r = subnet_enter(world, body);
        if (r < 0)
            return r;
    }
    return 0;
}

void subnets_forget(struct world *world, const char *network_id) {
    size_t len = strlen(network_id);
    list_for_each_safe(link, next, &world->subnets) {
        struct subnet *subnet = list_entry(link, struct subnet, link);
        if (strncasecmp(subnet->id, network_id, len) == 0 && subnet->id[len] == '/')
            subnet_free(subnet);
    }
}

void subnets_done(struct world *world) {
    list_for_each_safe(link, next, &world->subnets)
        subnet_free(list_entry(link, struct subnet, link));
}

struct subnet *subnet_find(const struct world *world, const char *id) {
    list_for_each(link, &world->subnets) {
        struct subnet *subnet = list_entry(link, struct subnet, link);
        if (id && strcasecmp(subnet->id, id) == 0)
            return subnet;
    }
    return NULL;
}

uint32_t subnet_free_addresses(const struct subnet *subnet) {
    return subnet->count - RESERVED_FIRST - RESERVED_LAST - subnet->used;
}

int subnet_take(struct subnet *subnet, uint32_t *ret_address) {
    uint32_t words = (subnet->count + WORD_BITS - 1) / WORD_BITS;
    uint32_t word = subnet->search_from;
    while (word < words && subnet->taken[word] == UINT64_MAX)
        word++;
    subnet->search_from = word;
    if (word == words)
        return -ENOSPC;
    uint32_t offset = word * WORD_BITS + (uint32_t)__builtin_ctzll(~subnet->taken[word]);
    mark(subnet, offset);
    subnet->used++;
    *ret_address = subnet->first + offset;
    return 0;
}

int subnet_claim(struct subnet *subnet, uint32_t address) {
    uint32_t offset = address - subnet->first;
    if (offset >= subnet->count || marked(subnet, offset))
        return -EADDRINUSE;
    mark(subnet, offset);
    subnet->used++;
    return 0;
}

void subnet_release(struct subnet *subnet, uint32_t address) {
    if (!subnet || address < subnet->first || address - subnet->first >= subnet->count)
        return;
    uint32_t offset = address - subnet->first;
    if (!marked(subnet, offset))
        return;
    subnet->taken[offset / WORD_BITS] &= ~(UINT64_C(1) << offset % WORD_BITS);
    subnet->used--;
    if (offset / WORD_BITS < subnet->search_from)
        subnet->search_from = offset / WORD_BITS;
}
