/* SPDX-License-Identifier: MIT */
/* Where values come from. */
#include "template-fixture.h"

#include "base/buf.h"

static const char text[] = "[cluster c]\n"                  /* 1 */
                           "Autoscale = $Auto\n"            /* 2 */
                           "[[node defaults]]\n"            /* 3 */
                           "region = ${Place}\n"            /* 4 */
                           "Username = root\n"              /* 5 */
                           "Tags = $Labels\n"               /* 6 */
                           "[[[cluster-init p:s:1.0.0]]]\n" /* 7 */
                           "[[node head]]\n"                /* 8 */
                           "Username := undefined\n"        /* 9 */
                           "Tags.owner = ${Extra}\n"        /* 10 */
                           "Password = $Secret\n"           /* 11 */
                           "[[[configuration a]]]\n"        /* 12 */
                           "b.c = ${other.instance.x}\n"    /* 13 */
                           "[[[volume data]]]\n"            /* 14 */
                           "size = 5\n"                     /* 15 */
                           "[[node other]]\n"               /* 16 */
                           "Extends = head\n"               /* 17 */
                           "[noderef filer]\n"              /* 18 */
                           "SourceClusterName = x\n"        /* 19 */
                           "[parameter Auto]\n"             /* 20 */
                           "[parameter Place]\n"            /* 21 */
                           "DefaultValue = eastus\n"        /* 22 */
                           "[parameter Secret]\n"           /* 23 */
                           "ParameterType = Password\n"     /* 24 */
                           "[parameter Labels]\n"           /* 25 */
                           "[[record DefaultValue]]\n"      /* 26 */
                           "a = 1\n"                        /* 27 */
                           "[parameter Muted]\n"            /* 28 */
                           "DefaultValue = 1\n"             /* 29 */
                           "Conditions.Excluded := true\n"; /* 30 */

static void test_rows(void **state) {
    (void)state;
    static const struct {
        const char *path, *row;
    } rows[] = {
        {"cluster.Autoscale", "{\"in\":\"cluster c\",\"line\":2,\"parameters\":{\"Auto\":\"no "
                              "default\"},\"value\":null}"},
        {"nodes.head.Attributes.Region",
         "{\"in\":\"node defaults\",\"line\":4,\"parameters\":{\"Place\":\"default, line 22\"},"
         "\"value\":\"eastus\"}"},
        {"nodes.head.Attributes.Username", "{\"in\":\"node head\",\"line\":9,\"value\":null}"},
        {"nodes.other.Attributes.Username", "{\"in\":\"node head\",\"line\":9,\"value\":null}"},
        {"nodes.head.Attributes.Tags",
         "{\"in\":\"node defaults\",\"line\":6,\"parameters\":{\"Labels\":\"default, line 26\"},"
         "\"value\":{\"a\":1}}"},
        {"nodes.head.Attributes.Tags.owner",
         "{\"in\":\"node "
         "head\",\"line\":10,\"parameters\":{\"Extra\":\"given\"},\"value\":\"me\"}"},
        {"nodes.head.Attributes.Password",
         "{\"in\":\"node head\",\"line\":11,\"parameters\":{\"Secret\":\"given\"},"
         "\"value\":\"********\"}"},
        {"nodes.head.Configuration.a.b.c",
         "{\"in\":\"node head\",\"later\":\"${other.instance.x}\",\"line\":13}"},
        {"nodes.other.Volumes.data.Size", "{\"in\":\"node head\",\"line\":15,\"value\":5}"},
        {"nodes.head.ClusterInit.p:s:1.0.0", "{\"in\":\"node defaults\",\"line\":7}"},
        {"noderefs.filer.SourceClusterName",
         "{\"in\":\"noderef filer\",\"line\":19,\"value\":\"x\"}"},
        {"parameters.Place", "{\"from\":\"default, line 22\",\"value\":\"eastus\"}"},
        {"parameters.Secret", "{\"from\":\"given\",\"value\":\"********\"}"},
        {"parameters.Auto", "{\"from\":\"no default\",\"value\":null}"},
        {"parameters.Muted", "{\"excluded\":true,\"from\":\"default, line 29\",\"value\":null}"},
    };
    struct result r = run_template(text, "{\"Extra\":\"me\",\"Secret\":\"hunter2\"}");
    json_t *origins = NULL;
    assert_int_equal(r.evaluated, 0);
    assert_int_equal(definition_origins(r.d, &origins), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *row = json_object_get(origins, rows[i].path);
        char *found = json_dumps(row, JSON_FLAGS);
        if (!found)
            print_error("there is no %s\n", rows[i].path);
        assert_non_null(found);
        assert_string_equal(found, rows[i].row);
        free(found);
    }
    json_decref(origins);
    result_done(&r);
}

/* One row a line, and the whole is JSON. */
static void test_text(void **state) {
    (void)state;
    _cleanup_buf_ struct buf b = BUF_INIT(1 << 16), small = BUF_INIT(10);
    struct result r = run_template("[cluster c]\nX = \"a\"\nY = 2\n", NULL);
    json_t *origins = NULL;
    assert_int_equal(definition_origins(r.d, &origins), 0);
    assert_int_equal(origins_put(origins, &b), 0);
    assert_string_equal(b.data,
                        "{\n"
                        "  \"cluster.X\": {\"value\": \"a\", \"line\": 2, \"in\": \"cluster c\"},\n"
                        "  \"cluster.Y\": {\"value\": 2, \"line\": 3, \"in\": \"cluster c\"}\n}\n");
    assert_int_equal(origins_put(origins, &small), -E2BIG);
    json_decref(origins);
    result_done(&r);
}

static void expect_diff(const char *before, const char *after, const char *expected) {
    _cleanup_buf_ struct buf b = BUF_INIT(1 << 16);
    struct result old = run_template(before, NULL), new = run_template(after, NULL);
    assert_int_equal(old.evaluated, 0);
    assert_int_equal(new.evaluated, 0);
    assert_int_equal(
        definition_diff(definition_public_json(old.d), definition_public_json(new.d), &b), 0);
    assert_string_equal(b.data, expected);
    result_done(&old);
    result_done(&new);
}

/* Before and after are the inside of one node, but for the last rows. */
static void test_differences(void **state) {
    (void)state;
    static const struct {
        const char *before, *after, *expected;
    } rows[] = {
        {"A = 1\nB = x\n", "# moved\nB = x\nA = 1\n", ""},
        {"Zone = 1\n", "Zone = 2\n", "nodes.n.Attributes.Zone: \"1\" -> \"2\"\n"},
        {"Zone = 1\n", "", "nodes.n.Attributes.Zone: \"1\" -> none\n"},
        {"", "Tags.a.b = 1\n", "nodes.n.Attributes.Tags: added\n"},
        {"Tags.a = 1\n", "Tags.a = 2\nTags.b = 3\n",
         "nodes.n.Attributes.Tags.a: \"1\" -> \"2\"\nnodes.n.Attributes.Tags.b: none -> \"3\"\n"},
        {"MachineType = a, b\n", "MachineType = b, a\n",
         "nodes.n.Attributes.MachineType: [\"a\", \"b\"] -> [\"b\", \"a\"]\n"},
        {"[[[configuration x]]]\ny = 1\n", "[[[configuration x]]]\ny.z = 1\n",
         "nodes.n.Configuration.x.y: 1 -> {\"z\": 1}\n"},
        {"[[[volume v]]]\nSize = 1\n", "", "nodes.n.Volumes.v: removed\n"},
        {"[[[cluster-init p:s:1.0.0]]]\n", "[[[cluster-init p:s:1.0.0]]]\nOptional = true\n",
         "nodes.n.ClusterInit.p:s:1.0.0.Optional: none -> true\n"},
        {"", "[[nodearray m]]\n", "nodearrays.m: added\n"},
        {"Password = $P\n[parameter P]\nSecret = true\nDefaultValue = hunter2\n",
         "Password = $P\n[parameter P]\nSecret = true\nDefaultValue = hunter3\n", ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        _cleanup_buf_ struct buf before = BUF_INIT(4096), after = BUF_INIT(4096);
        (void)buf_printf(&before, "[cluster c]\n[[node n]]\n%s", rows[i].before);
        (void)buf_printf(&after, "[cluster c]\n[[node n]]\n%s", rows[i].after);
        expect_diff(before.data, after.data, rows[i].expected);
    }
    expect_diff("[cluster c]\nMaxCount = 1\n", "[cluster d]\nMaxCount = 2\n",
                "cluster.MaxCount: 1 -> 2\ncluster.Template: \"c\" -> \"d\"\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
