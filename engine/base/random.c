/* SPDX-License-Identifier: MIT */
#include "random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static void system_fill(void *arg, void *data, size_t len) {
    (void)arg;
    for (size_t done = 0; done < len;) {
        ssize_t n = getrandom((char *)data + done, len - done, 0);
        if (n > 0)
            done += (size_t)n;
        else if (errno != EINTR)
            abort(); /* a kernel without getrandom cannot run this program */
    }
}

const struct random_source random_system = {.fill = system_fill};

uint64_t random_split_mix(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

static void seeded_fill(void *arg, void *data, size_t len) {
    for (size_t done = 0; done < len; done += 8) {
        uint64_t value = random_split_mix(arg);
        memcpy((char *)data + done, &value, len - done < 8 ? len - done : 8);
    }
}

struct random_source random_seeded(uint64_t *state) {
    return (struct random_source){.fill = seeded_fill, .arg = state};
}

uint64_t random_u64(const struct random_source *r) {
    uint64_t value;
    r->fill(r->arg, &value, sizeof(value));
    return value;
}

double random_unit(const struct random_source *r) {
    return (double)(random_u64(r) >> 11) / 9007199254740992.0; /* 2^53 */
}

void random_uuid(const struct random_source *r, char text[UUID_TEXT_SIZE]) {
    unsigned char b[16];
    r->fill(r->arg, b, sizeof(b));
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    (void)snprintf(text, UUID_TEXT_SIZE,
                   "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
                   b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
                   b[14], b[15]);
}
