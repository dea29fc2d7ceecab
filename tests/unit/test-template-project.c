/* SPDX-License-Identifier: MIT */
/* project.ini. */
#include "template-fixture.h"

#include "base/buf.h"
#include "template/project.h"

struct project {
    int r;
    json_t *json;
    char *text; /* messages */
};

static struct project read_project(const char *text) {
    _cleanup_diagnostics_ struct diagnostics diags = DIAGNOSTICS_INIT;
    _cleanup_buf_ struct buf b = BUF_INIT(1 << 16);
    struct project p = {0};
    p.r = project_parse(text, strlen(text), &diags, &p.json);
    assert_int_equal(diagnostics_format(&diags, "p", &b), 0);
    p.text = buf_take(&b);
    return p;
}

static void done(struct project *p) {
    json_decref(p->json);
    free(p->text);
}

static void test_project(void **state) {
    (void)state;
    static const char text[] =
        "[project]\nNAME = slurm\nversion = 3.10\ntype = scheduler\n"
        "label = Slurm, of course\nautoUpgrade = true\n"
        "[spec]\nrun_list = role[a]\n[spec head]\nrun_list = role[b], role[c]\n"
        "[blobs]\nFiles = a.tgz\n[blobs more]\nFiles = b-$x.rpm, c.rpm\n"
        "[config slurm.max-nodes]\nRequired = true\nDefaultValue = 4\n"
        "[[list Config.Entries]]\nValue = 4\n[[list Config.Entries]]\nValue = 5\n";
    struct project p = read_project(text);
    assert_int_equal(p.r, 0);
    assert_string_equal(p.text, "");
    expect_json(p.json, "Name", "\"slurm\"");
    expect_json(p.json, "Version", "\"3.10\"");
    expect_json(p.json, "Label", "\"Slurm, of course\"");
    expect_json(p.json, "autoUpgrade", "true");
    expect_json(p.json, "Specs",
                "{\"default\":{\"run_list\":[\"role[a]\"]},\"head\":{\"run_list\":[\"role[b]\","
                "\"role[c]\"]}}");
    expect_json(
        p.json, "Blobs",
        "{\"default\":{\"Files\":[\"a.tgz\"]},\"more\":{\"Files\":[\"b-$x.rpm\",\"c.rpm\"]}}");
    expect_json(p.json, "Config/0/Name", "\"slurm.max-nodes\"");
    expect_json(p.json, "Config/0/Parameter", "\"configuration_slurm_max_nodes\"");
    expect_json(p.json, "Config/0/Schema/enum", "[4,5,null]");
    done(&p);
}

static void test_messages(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int r;
        const char *messages;
    } rows[] = {
        {"", -EINVAL,
         "p: error: there is no [project] section\n    hint: project.ini starts with [project]\n"},
        {"[project]\nversion = 1\n", -EINVAL,
         "p:1:1: error: the project has no name\n    [project]\n    ^\n    hint: add name = "
         "NAME\n"},
        {"[project]\nname = x\n", 0,
         "p:1:1: warning: the project has no version; 1.0.0 is taken\n    [project]\n    ^\n"
         "    hint: add version = 1.0.0\n"},
        {"[project]\nname = x\nversion = 1\n[prrrject]\n", 0,
         "p:4:2: warning: unknown section type \"prrrject\"\n    [prrrject]\n     ^\n"
         "    hint: did you mean project?\n"},
        {"[project]\nname = x\nversion = 1\n[node a]\n", 0,
         "p:4:2: warning: unknown section type \"node\"\n    [node a]\n     ^\n"
         "    hint: the types are project, spec, blobs and config\n"},
        {"[project]\nname = x\nversion = 1\n[spec\n", -EINVAL,
         "p:4:1: error: this section header is not closed with ]\n    [spec\n    ^\n"},
        {"[project]\nname = x\nversion = 1\nlabl = y\n[config]\n", -EINVAL,
         "p:5:1: error: this section needs a name\n    [config]\n    ^\n"
         "p:4:1: warning: labl is not a known attribute of project\n    labl = y\n    ^\n"
         "    hint: did you mean Label?\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct project p = read_project(rows[i].text);
        assert_string_equal(p.text, rows[i].messages);
        assert_int_equal(p.r, rows[i].r);
        done(&p);
    }
}

/* The words of one language mean nothing in the other. */
static void test_not_in_templates(void **state) {
    (void)state;
    struct result r = run_template("[project]\nname = x\n[cluster c]\n", NULL);
    assert_int_equal(r.parsed, -EINVAL);
    expect_text(&r, "t:1:2: error: unknown section type \"project\"");
    result_done(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_project),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_not_in_templates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
