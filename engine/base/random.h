/* SPDX-License-Identifier: MIT */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

/*
 * A source of random numbers, given to whoever needs one, so that tests are deterministic. For
 * jitter and seeded simulation; random_system reads the kernel's generator and is good for keys.
 */

#include <stddef.h>
#include <stdint.h>

struct random_source {
    void (*fill)(void *arg, void *data, size_t len);
    void *arg;
};

/* getrandom(2); never fails (it waits for the pool at early boot). Any thread. */
extern const struct random_source random_system;

/* SplitMix64 (Steele, Lea, Flood 2014) over *state; deterministic, not for keys, one thread. */
uint64_t random_split_mix(uint64_t *state);
/* A source over a seed kept in *state, which must outlive it. */
struct random_source random_seeded(uint64_t *state);

uint64_t random_u64(const struct random_source *r);
/* Even in [0, 1). */
double random_unit(const struct random_source *r);

/* A version 4 UUID (RFC 9562) as 36 characters and a NUL. */
#define UUID_TEXT_SIZE 37
void random_uuid(const struct random_source *r, char text[UUID_TEXT_SIZE]);

#endif
