/* SPDX-License-Identifier: MIT */
#include "command.h"

#include "checker.h"

#include "base/file.h"
#include "base/parse.h"
#include "base/vec.h"
#include "lsp/lsp.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_JSON = 0x100, KEY_ORIGINS, KEY_FORMAT };

DEFINE_VEC(text_vec, const char *);

struct command_line {
    struct checker_request request;
    struct text_vec files, values;
    bool in_place;
};

static const struct argp_option options[] = {
    {"parameters", 'p', "FILE", 0, "a parameter file: JSON, or Name = value lines", 0},
    {"parameter", 'P', "NAME=VALUE", 0, "one parameter, over those of the file (repeatable)", 0},
    {"cluster", 'c', "CLUSTER", 0, "which [cluster] of the template (check: all by default)", 0},
    {"name", 'n', "NAME", 0, "the value of ClusterName (by default that of the [cluster])", 0},
    {"format", KEY_FORMAT, "FORMAT", 0, "report as text, json, github or sarif", 0},
    {"json", KEY_JSON, NULL, 0, "the same as --format=json", 0},
    {"origins", KEY_ORIGINS, NULL, 0, "expand: where each value comes from", 0},
    {"in-place", 'i', NULL, 0, "format: write the result into FILE", 0},
    {0},
};

static bool command_is(const struct command_line *line, const char *name) {
    return line->request.command && strcmp(line->request.command, name) == 0;
}

static error_t take_argument(struct command_line *line, char *arg) {
    if (line->request.command)
        return text_vec_append(&line->files, arg) < 0 ? ENOMEM : 0;
    line->request.command = arg;
    return 0;
}

static void take_format(struct command_line *line, const char *arg, struct argp_state *state) {
    static const char *const formats[] = {
        [REPORT_TEXT] = "text",
        [REPORT_JSON] = "json",
        [REPORT_GITHUB] = "github",
        [REPORT_SARIF] = "sarif",
    };
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
        if (strcmp(arg, formats[i]) == 0) {
            line->request.format = (enum report_format)i;
            return;
        }
    argp_error(state, "unknown format '%s': use text, json, github or sarif", arg);
}

/* `check` takes any number of files, of which one may be standard input. */
static void check_files(const struct command_line *line, struct argp_state *state) {
    size_t inputs = 0;
    for (size_t i = 0; i < line->files.len; i++)
        inputs += strcmp(line->files.items[i], "-") == 0;
    if (command_is(line, "lsp") && line->files.len)
        argp_error(state, "lsp takes no files: the editor sends them");
    if (!line->files.len && !command_is(line, "lsp"))
        argp_error(state, "a command and a template are needed, for example: check slurm.txt");
    if (line->files.len > 1 && !command_is(line, "check"))
        argp_error(state, "'%s' is one argument too many: only check takes several files",
                   line->files.items[1]);
    if (inputs > 1)
        argp_error(state, "standard input (-) can be read only once");
    if (line->in_place && (!command_is(line, "format") || inputs))
        argp_error(state, "--in-place is for the command format and a file");
}

/* Options that are kept as they are. False for others. */
static bool take_option(struct command_line *line, int key, char *arg) {
    struct checker_request *q = &line->request;
    const char **texts[] = {['p'] = &q->parameters, ['c'] = &q->cluster, ['n'] = &q->name};
    bool *flags[] = {['i'] = &line->in_place, [KEY_ORIGINS] = &q->origins};
    if (key > 0 && (size_t)key < ARRAY_SIZE(texts) && texts[key])
        *texts[key] = arg;
    else if (key > 0 && (size_t)key < ARRAY_SIZE(flags) && flags[key])
        *flags[key] = true;
    else
        return false;
    return true;
}

static error_t parse_one(int key, char *arg, struct argp_state *state) {
    struct command_line *line = state->input;
    if (take_option(line, key, arg))
        return 0;
    if (key == 'P')
        return text_vec_append(&line->values, arg) < 0 ? ENOMEM : 0;
    if (key == ARGP_KEY_ARG)
        return take_argument(line, arg);
    if (key == KEY_FORMAT || key == KEY_JSON)
        take_format(line, key == KEY_JSON ? "json" : arg, state);
    else if (key == ARGP_KEY_END)
        check_files(line, state);
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
    if (command_is(line, "lsp"))
        return lsp_serve(STDIN_FILENO, STDOUT_FILENO);
    _cleanup_buf_ struct buf output = BUF_INIT(CHECKER_OUTPUT_MAX);
    _cleanup_buf_ struct buf messages = BUF_INIT(CHECKER_OUTPUT_MAX);
    enum checker_status status = checker_run(&line->request, &output, &messages);
    if (line->in_place && status == CHECKER_OK) {
        if (replace(line->request.files[0], &output, &messages) < 0)
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
        .args_doc = "check FILE...\nexpand|schema|format FILE\nlsp",
        .doc = "Checks CycleCloud cluster templates and shows what they mean.\v"
               "check says what is wrong, expand prints the evaluated definition, schema the JSON "
               "Schema of the parameters, format the template in its canonical layout. lsp is a "
               "language server on standard input and output. FILE may be - for standard input.",
    };
    struct command_line line = {.request = {.command = command}};
    argp_err_exit_status = CHECKER_FAILED;
    error_t r = argp_parse(&argp, argc, argv, 0, NULL, &line);
    if (r == 0 &&
        (text_vec_append(&line.values, NULL) < 0 || text_vec_append(&line.files, NULL) < 0))
        r = ENOMEM;
    line.request.values = line.values.items;
    line.request.files = line.files.items;
    if (r)
        (void)fprintf(stderr, "%s: %s\n", argv[0], strerror(r));
    int status = r ? CHECKER_FAILED : run(&line);
    text_vec_done(&line.values);
    text_vec_done(&line.files);
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
