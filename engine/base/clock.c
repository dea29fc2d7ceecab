/* SPDX-License-Identifier: MIT */
#include "clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static usec_t read_clock(clockid_t id) {
    struct timespec ts;
    if (clock_gettime(id, &ts) < 0)
        return 0;
    return (usec_t)ts.tv_sec * USEC_SEC + (usec_t)ts.tv_nsec / 1000;
}

static usec_t real_wall(void *arg) {
    (void)arg;
    return read_clock(CLOCK_REALTIME);
}

static usec_t real_monotonic(void *arg) {
    (void)arg;
    return read_clock(CLOCK_MONOTONIC);
}

const struct clock clock_real = {.wall = real_wall, .monotonic = real_monotonic};

int time_format(struct buf *b, usec_t wall) {
    time_t seconds = (time_t)(wall / USEC_SEC);
    struct tm tm;
    if (!gmtime_r(&seconds, &tm))
        return -EINVAL;
    return buf_printf(b, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", tm.tm_year + 1900, tm.tm_mon + 1,
                      tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                      (unsigned)(wall % USEC_SEC / USEC_MS));
}

/* The fraction behind the seconds, any number of digits, as microseconds; moves *p behind it. */
static usec_t parse_fraction(const char **p) {
    usec_t value = 0, unit = USEC_SEC;
    if (**p != '.')
        return 0;
    for ((*p)++; **p >= '0' && **p <= '9'; (*p)++) {
        unit /= 10;
        value += (usec_t)(**p - '0') * unit;
    }
    return value;
}

/* Seconds east of UTC in "Z" or "+hh:mm"; -EINVAL-like by returning false. */
static int parse_zone(const char *p, long *ret_offset) {
    if ((p[0] == 'Z' || p[0] == 'z') && p[1] == '\0') {
        *ret_offset = 0;
        return 0;
    }
    unsigned hours, minutes;
    char sign;
    int used = 0;
    if (sscanf(p, "%c%2u:%2u%n", &sign, &hours, &minutes, &used) != 3 || p[used] != '\0')
        return -EINVAL;
    if ((sign != '+' && sign != '-') || hours > 23 || minutes > 59)
        return -EINVAL;
    long offset = (long)hours * 3600 + (long)minutes * 60;
    *ret_offset = sign == '-' ? -offset : offset;
    return 0;
}

int time_parse(const char *text, usec_t *ret_wall) {
    struct tm tm = {0};
    int used = 0;
    if (sscanf(text, "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &used) != 6 ||
        used == 0)
        return -EINVAL;
    const char *p = text + used;
    usec_t fraction = parse_fraction(&p);
    long offset;
    if (parse_zone(p, &offset) < 0)
        return -EINVAL;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    time_t seconds = timegm(&tm);
    if (seconds - offset < 0)
        return -EINVAL;
    *ret_wall = (usec_t)(seconds - offset) * USEC_SEC + fraction;
    return 0;
}

int duration_format(struct buf *b, usec_t d) {
    static const struct {
        usec_t unit, below;
        const char *first, *second;
    } scales[] = {
        {USEC_DAY, USEC_HOUR, "d", "h"},
        {USEC_HOUR, USEC_MIN, "h", "m"},
        {USEC_MIN, USEC_SEC, "m", "s"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(scales); i++)
        if (d >= scales[i].unit)
            return buf_printf(b, "%" PRIu64 "%s%02" PRIu64 "%s", d / scales[i].unit,
                              scales[i].first, d % scales[i].unit / scales[i].below,
                              scales[i].second);
    if (d >= USEC_SEC)
        return buf_printf(b, "%" PRIu64 "s", d / USEC_SEC);
    return buf_printf(b, "%" PRIu64 "ms", d / USEC_MS);
}
