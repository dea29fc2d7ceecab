/* SPDX-License-Identifier: MIT */
/*
 * How long a template takes from text to definition, against reading the file and against jansson
 * loading the same content as JSON, in one run.
 *
 * Usage: bench-template FILE... Prints a JSON object a line:
 *   {"file": "slurm.txt", "bytes": 44611, "read_us": 30, "json_us": 900, "template_us": 2000}
 * A FILE `large:N` stands for a template of N parameters and N sections that use them. Times
 * are the least of some rounds, on the processor: other work of the machine counts little.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/parse.h"
#include "template/template.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TEXT_MAX ((size_t)8 << 20)
#define ROUNDS 31
#define SLOW_US 100000 /* from here on fewer rounds are enough */

struct subject {
    const char *path;
    struct buf text, json;
};

typedef int (*work_fn)(const struct subject *s);

static int read_file(const struct subject *s) {
    _cleanup_buf_ struct buf b = BUF_INIT(TEXT_MAX);
    return file_read(s->path, &b);
}

static int load_json(const struct subject *s) {
    json_t *json = json_loadb(s->json.data, s->json.len, 0, NULL);
    json_decref(json);
    return json ? 0 : -EINVAL;
}

static int evaluate(const struct subject *s) {
    _cleanup_(template_freep) struct template *t = NULL;
    _cleanup_(definition_freep) struct definition *d = NULL;
    const struct evaluation_input input = {.cluster_name = "bench"};
    int r = template_parse(s->text.data, s->text.len, NULL, &t);
    return r < 0 ? r : template_evaluate(t, &input, NULL, &d);
}

static usec_t processor_time(void) {
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (usec_t)t.tv_sec * USEC_SEC + (usec_t)t.tv_nsec / 1000;
}

/* The least time that `work` took; 0 if it fails. */
static usec_t measure(const struct subject *s, work_fn work) {
    usec_t best = USEC_NEVER;
    for (size_t i = 0; i < ROUNDS && (i < 3 || best < SLOW_US); i++) {
        usec_t start = processor_time();
        if (work(s) < 0)
            return 0;
        usec_t taken = processor_time() - start;
        best = taken < best ? taken : best;
    }
    return best;
}

/* The same content as JSON: an object of texts for each section, in a list. */
static int to_json(const char *text, struct buf *json) {
    json_t *all = json_array(), *section = NULL;
    for (const char *line = text; all && *line;) {
        size_t len = strcspn(line, "\n"), blank = strspn(line, " \t");
        const char *p = line + blank, *equals = memchr(p, '=', len > blank ? len - blank : 0);
        _cleanup_free_ char *key = strndup(p, equals ? (size_t)(equals - p) : len - blank);
        if (*p == '[') {
            section = json_object();
            (void)json_object_set_new(section, "section", json_string(key));
            (void)json_array_append_new(all, section);
        } else if (equals && section && *p != '#') {
            size_t rest = len - (size_t)(equals + 1 - line);
            (void)json_object_set_new(section, text_trim(key), json_stringn(equals + 1, rest));
        }
        line += len + (line[len] == '\n');
    }
    char *dump = all ? json_dumps(all, JSON_COMPACT) : NULL;
    int r = dump ? buf_puts(json, dump) : -ENOMEM;
    free(dump);
    json_decref(all);
    return r;
}

/* A template of `n` nodes and parameters for each of them. */
static int make_large(size_t n, struct buf *b) {
    (void)buf_puts(b, "[cluster large]\n[[node defaults]]\nMachineType = Standard_D2s_v5\n"
                      "SubnetId = g/v/s\n[[node n]]\n");
    for (size_t i = 0; i < n; i++)
        (void)buf_printf(b,
                         "    [[[configuration a.b%zu]]]\n    one = ${ifThenElse(P%zu > 3, "
                         "strcat(\"x\", P%zu), undefined)}\n    two = a-$P%zu-b\n",
                         i, i, i, i);
    (void)buf_puts(b, "[parameters All]\n");
    for (size_t i = 0; i < n; i++)
        (void)buf_printf(
            b,
            "    [[[parameter P%zu]]]\n    Label = Number %zu\n    Description = One of "
            "many, as said\n    DefaultValue = %zu\n    Config.Plugin = "
            "pico.form.NumberTextBox\n    Conditions.Hidden := P%zu isnt undefined\n",
            i, i, i, i ? i - 1 : i);
    return buf_error(b);
}

static int load(struct subject *s, const char *argument) {
    if (strncmp(argument, "large:", 6) == 0)
        return make_large((size_t)atol(argument + 6), &s->text);
    s->path = argument;
    return file_read(argument, &s->text);
}

static int bench(const char *argument) {
    struct subject s = {.text = BUF_INIT(TEXT_MAX), .json = BUF_INIT(4 * TEXT_MAX)};
    int r = load(&s, argument);
    if (r == 0)
        r = to_json(s.text.data, &s.json);
    usec_t taken = r == 0 ? measure(&s, evaluate) : 0;
    if (taken)
        (void)printf("{\"file\": \"%s\", \"bytes\": %zu, \"read_us\": %llu, \"json_us\": %llu, "
                     "\"template_us\": %llu}\n",
                     argument, s.text.len,
                     s.path ? (unsigned long long)measure(&s, read_file) : 0ULL,
                     (unsigned long long)measure(&s, load_json), (unsigned long long)taken);
    else
        (void)fprintf(stderr, "%s: it cannot be read or evaluated\n", argument);
    buf_done(&s.text);
    buf_done(&s.json);
    return taken ? 0 : -EINVAL;
}

int main(int argc, char *argv[]) {
    int status = EXIT_SUCCESS;
    for (int i = 1; i < argc; i++)
        if (bench(argv[i]) < 0)
            status = EXIT_FAILURE;
    return status;
}
