/* SPDX-License-Identifier: MIT */
#include "retry.h"

#include "base/parse.h"

#include <errno.h>
#include <string.h>
#include <time.h>

usec_t retry_delay(const struct retry_policy *policy, unsigned attempt,
                   const struct random_source *random) {
    usec_t delay = policy->first;
    for (unsigned i = 0; i < attempt && delay < policy->most; i++)
        delay = usec_add(delay, delay);
    if (delay > policy->most)
        delay = policy->most;
    usec_t half = delay / 2;
    return half + (usec_t)((double)(delay - half) * random_unit(random));
}

usec_t retry_jitter(usec_t delay, const struct random_source *random) {
    return usec_add(delay, (usec_t)((double)delay / 5 * random_unit(random)));
}

static usec_t at_most(usec_t delay) {
    return delay < RETRY_AFTER_MAX ? delay : RETRY_AFTER_MAX;
}

static int parse_date(const char *text, usec_t *ret_wall) {
    /* IMF-fixdate, RFC 850, asctime; month and day names are always English: the program stays in
       the C locale for LC_TIME. */
    static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                                        "%a %b %e %H:%M:%S %Y"};
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        struct tm tm = {0};
        const char *end = strptime(text, forms[i], &tm);
        time_t t = end && !*end ? timegm(&tm) : -1;
        if (t >= 0) {
            *ret_wall = (usec_t)t * USEC_SEC;
            return 0;
        }
    }
    return -EINVAL;
}

int retry_after_parse(const char *text, usec_t now_wall, usec_t *ret_delay) {
    uint64_t seconds;
    usec_t wall;
    int r = parse_u64(text, &seconds);
    if (r == -ERANGE || (r == 0 && seconds > RETRY_AFTER_MAX / USEC_SEC))
        *ret_delay = RETRY_AFTER_MAX;
    else if (r == 0)
        *ret_delay = seconds * USEC_SEC;
    else if (parse_date(text, &wall) == 0)
        *ret_delay = at_most(usec_sub(wall, now_wall));
    else
        return -EINVAL;
    return 0;
}

bool retry_status(int status) {
    static const int later[] = {0, 408, 429, 500, 502, 503, 504};
    for (size_t i = 0; i < ARRAY_SIZE(later); i++)
        if (later[i] == status)
            return true;
    return false;
}
