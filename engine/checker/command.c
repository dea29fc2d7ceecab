/* SPDX-License-Identifier: MIT */
#include "command.h"

#include "checker.h"

#include "base/file.h"
#include "base/parse.h"
#include "base/vec.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { KEY_JSON = 0x100, KEY_ORIGINS };

DEFINE_VEC(text_vec, const char *);

struct command_line {
    struct checker_request request;
    struct text_vec values;
    bool in_place;
};

static const struct argp_option options[] = {
    {"parameters", 'p', "FILE", 0, "a parameter file: JSON, or Name = value lines", 0},
    {"parameter", 'P', "NAME=VALUE", 0, "one parameter, over those of the file (repeatable)", 0},
    {"cluster", 'c', "CLUSTER", 0, "which [cluster] of the template (check: all by default)", 0},
    {"name", 'n', "NAME", 0, "the value of ClusterName (by default that of the [cluster])", 0},
    {"json", KEY_JSON, NULL, 0, "report as a JSON object on standard output", 0},
    {"origins", KEY_ORIGINS, NULL, 0, "expand: where each value comes from", 0},
    {"in-place", 'i', NULL, 0, "format: write the result into FILE", 0},
    {0},
};

static void take_argument(struct command_line *line, char *arg, struct argp_state *state) {
    if (!line->request.command)
        line->request.command = arg;
    else if (!line->request.file)
        line->request.file = arg;
    else
        argp_error(state, "'%s' is one argument too many", arg);
}

static void finish(struct command_line *line, struct argp_state *state) {
    if (!line->request.command || !line->request.file)
        argp_error(state, "a command and a template are needed, for example: check slurm.txt");
    bool format = line->request.command && strcmp(line->request.command, "format") == 0;
    bool input = line->request.file && strcmp(line->request.file, "-") == 0;
    if (line->in_place && (!format || input))
        argp_error(state, "--in-place is for the command format and a file");
}

static error_t parse_one(int key, char *arg, struct argp_state *state) {
    struct command_line *line = state->input;
    struct checker_request *q = &line->request;
    const char **texts[] = {['p'] = &q->parameters, ['c'] = &q->cluster, ['n'] = &q->name};
    bool *flags[] = {['i'] = &line->in_place, [KEY_JSON] = &q->json, [KEY_ORIGINS] = &q->origins};
    if (key > 0 && (size_t)key < ARRAY_SIZE(texts) && texts[key])
        *texts[key] = arg;
    else if (key > 0 && (size_t)key < ARRAY_SIZE(flags) && flags[key])
        *flags[key] = true;
    else if (key == 'P')
        return text_vec_append(&line->values, arg) < 0 ? ENOMEM : 0;
    else if (key == ARGP_KEY_ARG)
        take_argument(line, arg, state);
    else if (key == ARGP_KEY_END)
        finish(line, state);
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

static int print(const struct buf *b, FILE *to) {
    return fwrite(b->data, 1, b->len, to) == b->len && fflush(to) == 0 ? 0 : -EIO;
}

/* Writes the formatted text over the file, which keeps its permissions. */
static int replace(const char *path, const struct buf *text, struct buf *messages) {
    struct stat st;
    int r = stat(path, &st) < 0 ? -errno : 0;
    if (r == 0)
        r = file_write(path, text->data, text->len, st.st_mode & 07777);
    if (r < 0)
        (void)buf_printf(messages, "%s: cannot be written: %s\n", path, strerror(-r));
    return r;
}

static int run(const struct command_line *line) {
    _cleanup_buf_ struct buf output = BUF_INIT(CHECKER_OUTPUT_MAX);
    _cleanup_buf_ struct buf messages = BUF_INIT(CHECKER_OUTPUT_MAX);
    enum checker_status status = checker_run(&line->request, &output, &messages);
    if (line->in_place && status == CHECKER_OK) {
        if (replace(line->request.file, &output, &messages) < 0)
            status = CHECKER_FAILED;
        buf_clear(&output);
    }
    int r = print(&messages, stderr), r2 = print(&output, stdout);
    return r < 0 || r2 < 0 ? CHECKER_FAILED : (int)status;
}

static int parse_and_run(int argc, char *argv[], const char *command) {
    static const struct argp argp = {
        .options = options,
        .parser = parse_one,
        .args_doc = "check|expand|schema|format FILE",
        .doc = "Checks CycleCloud cluster templates and shows what they mean.\v"
               "check says what is wrong, expand prints the evaluated definition, schema the JSON "
               "Schema of the parameters, format the template in its canonical layout. FILE may be "
               "- for standard input.",
    };
    struct command_line line = {.request = {.command = command}};
    argp_err_exit_status = CHECKER_FAILED;
    error_t r = argp_parse(&argp, argc, argv, 0, NULL, &line);
    if (r == 0 && text_vec_append(&line.values, NULL) < 0)
        r = ENOMEM;
    if (r) {
        (void)fprintf(stderr, "%s: %s\n", argv[0], strerror(r));
        text_vec_done(&line.values);
        return CHECKER_FAILED;
    }
    line.request.values = line.values.items;
    int status = run(&line);
    text_vec_done(&line.values);
    return status;
}

int checker_main(int argc, char *argv[]) {
    return parse_and_run(argc, argv, NULL);
}

int checker_check_template(int argc, char *argv[]) {
    _cleanup_free_ char **words = calloc((size_t)argc + 1, sizeof(char *));
    int n = 0;
    if (!words)
        return CHECKER_FAILED;
    for (int i = 0; i < argc; i++) {
        const char *value = strncmp(argv[i], "--check-template=", 17) == 0 ? argv[i] + 17 : argv[i];
        if (strcmp(argv[i], "--check-template") != 0)
            words[n++] = (char *)value;
    }
    return parse_and_run(n, words, "check");
}
