/* SPDX-License-Identifier: MIT */
#include "crypto.h"

#include <crypt.h>
#include <errno.h>
#include <string.h>

#define METHOD "$y$" /* yescrypt, at the library's own cost */

int crypto_password_hash(const char *password, char **ret) {
    _cleanup_free_ char *setting = crypt_gensalt_ra(METHOD, 0, NULL, 0);
    void *data = NULL;
    int size = 0;
    if (!setting)
        return errno == ENOMEM ? -ENOMEM : -EIO;
    const char *hash = crypt_ra(password, setting, &data, &size);
    char *copy = hash && *hash != '*' ? strdup(hash) : NULL;
    int r = copy ? 0 : hash ? -EIO : -ENOMEM;
    if (data)
        crypto_wipe(data, (size_t)size);
    free(data);
    if (r == 0)
        *ret = copy;
    return r;
}
