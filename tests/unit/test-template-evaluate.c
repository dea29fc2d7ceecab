/* SPDX-License-Identifier: MIT */
/* Whole templates: definitions against golden files, errors, what is known later, secrets. */
#include "template-files.h"
#include "template-fixture.h"

#include "base/buf.h"

static char *read_text(const char *directory, const char *name, const char *suffix) {
    _cleanup_buf_ struct buf b = BUF_INIT(LIMIT_DOCUMENT_BYTES), path = BUF_INIT(4096);
    (void)buf_printf(&path, "%s/%s%s", directory, name, suffix);
    if (file_read(path.data, &b) < 0)
        return NULL;
    return buf_take(&b);
}

/*
 * DATA_DIR holds NAME.txt and NAME.json: {"definition": as shown to people, "missing": [...],
 * "messages": "..."}.
 */
static void check_golden(const char *name) {
    char *text = read_text(DATA_DIR, name, ".txt"), *golden = read_text(DATA_DIR, name, ".json");
    assert_non_null(text);
    assert_non_null(golden);
    json_t *expected = json_loads(golden, 0, NULL);
    assert_non_null(expected);
    struct result r = run_template(text, NULL);
    if (r.evaluated != 0)
        print_error("%s", r.text);
    assert_int_equal(r.evaluated, 0);
    json_t *found = json_pack("{s:O, s:O, s:s}", "definition", definition_public_json(r.d),
                              "missing", definition_missing(r.d), "messages", r.text);
    char *a = json_dumps(found, JSON_FLAGS), *b = json_dumps(expected, JSON_FLAGS);
    if (strcmp(a, b) != 0)
        print_error("%s\n", name);
    assert_string_equal(a, b);
    free(a);
    free(b);
    json_decref(found);
    json_decref(expected);
    result_done(&r);
    free(text);
    free(golden);
}

static void test_golden(void **state) {
    (void)state;
    static const char *const names[] = {
        "attributes", "cluster-init", "configuration", "inheritance",
        "late",       "parameters",   "parents",       "secret",
    };
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        check_golden(names[i]);
}

static void test_errors(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"[cluster c]\n[[nodearray a]]\nExtends = bose\n[[node base]]\n",
         "t:3:11: error: nodearray a extends bose, but there is no node of that name\n"
         "    Extends = bose\n              ^\n    hint: did you mean base?\n"},
        {"[cluster c]\n[[node a]]\nExtends = b\n[[node b]]\nExtends = a\n",
         "error: node b extends a, which extends it in turn"},
        {"[cluster c]\n[[node a]]\nExtends = a\n", "node a extends a, which extends it in turn"},
        {"[cluster c]\n[[nodearray a]]\nMaxCount = many\n",
         "t:3:12: error: MaxCount of nodearray a: expected a whole number, found \"many\""},
        {"[cluster c]\n[[node a]]\nTags = x\n", "Tags of node a: expected a record"},
        {"[cluster c]\n[[node a]]\nTerminateNotificationTimeout = soon\n",
         "expected a time such as 10m, found \"soon\""},
        {"[cluster c]\n[[node a]]\n[[[volume d]]]\nSize = big\n",
         "t:4:8: error: Size of volume d of node a: expected a whole number"},
        {"[cluster c]\n[[node a]]\n[[[configuration x]]]\nb = ${1/0}\n",
         "t:4:5: error: b of node a: division by zero"},
        {"[cluster c]\n[[node a b]]\n", "t:2:1: error: this name cannot be the name of a node"},
        {"[cluster c]\n[[node a/b]]\n", "this name cannot be the name of a node"},
        {"[cluster c]\n[parameter P]\nDefaultValue := P\n",
         "error: Parameter P: its default depends on itself"},
        {"[cluster c]\n[parameter P]\nDefaultValue := 1/0\n", "Parameter P: division by zero"},
        {"[cluster c]\n[parameter P]\nParameterType = Integer\nDefaultValue = x\n",
         "t:4:16: error: Parameter P: expected a whole number, found \"x\""},
        {"[cluster c]\nParentName = d\n[cluster d]\nParentName = c\n",
         "ParentName goes in a circle"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct result r = run_template(rows[i].text, NULL);
        assert_int_equal(r.parsed, 0);
        assert_int_equal(r.evaluated, -EINVAL);
        expect_text(&r, rows[i].message);
        result_done(&r);
    }
}

/* A name that nobody declares is needed to start; the warning goes when it is given. */
static void test_undeclared_names(void **state) {
    (void)state;
    const char *text = "[cluster c]\n[[node a]]\nMachineType = $HedType\nSubnetId = $Net/x\n"
                       "[parameter HeadType]\n";
    struct result r = run_template(text, NULL);
    assert_int_equal(r.evaluated, 0);
    expect_text(&r, "t:3:15: warning: Parameter HedType is not known (referenced by node a); the "
                    "cluster starts only if it is given\n"
                    "    MachineType = $HedType\n                  ^\n"
                    "    hint: did you mean HeadType?\n");
    expect_text(&r, "hint: declare it with [[[parameter Net]]], or give it a value");
    expect_json(definition_missing(r.d), "0/name", "\"HedType\"");
    expect_json(definition_missing(r.d), "1/name", "\"Net\"");
    expect_json(definition_missing(r.d), "2", "");
    result_done(&r);

    r = run_template(text, "{\"hedtype\": \"Standard_F2s_v2\", \"Net\": \"n\"}");
    expect(&r, "nodes/0/Attributes/MachineType", "\"Standard_F2s_v2\"");
    assert_int_equal(r.diags.len, 0);
    assert_int_equal(json_array_size(definition_missing(r.d)), 0);
    result_done(&r);
}

/* Nobody has to give what every node overrides. */
static void test_overridden_names(void **state) {
    (void)state;
    struct result r = run_template("[cluster c]\n[[node defaults]]\nMachineType = $Nobody\n"
                                   "SubnetId = a/b/c\n[[node a]]\nMachineType = x\n",
                                   NULL);
    expect(&r, "nodes/0/Attributes/MachineType", "\"x\"");
    assert_int_equal(r.diags.len, 0);
    assert_int_equal(json_array_size(definition_missing(r.d)), 0);
    result_done(&r);
}

/* `$4Type` is a parameter only if there is one of that name. */
static void test_names_with_a_digit(void **state) {
    (void)state;
    struct result r = run_template("[cluster c]\n[[node a]]\nMachineType = $4Type\nA = x-$4type.y\n"
                                   "B = $1\nC = awk $1 $2b\n"
                                   "[parameter 4Type]\nDefaultValue = big\n",
                                   NULL);
    expect(&r, "nodes/0/Attributes/MachineType", "\"big\"");
    expect(&r, "nodes/0/Attributes/A", "\"x-big.y\"");
    expect(&r, "nodes/0/Attributes/B", "\"$1\"");
    expect(&r, "nodes/0/Attributes/C", "\"awk $1 $2b\"");
    assert_int_equal(r.diags.len, 0);
    result_done(&r);
}

/* What editors of other systems and web pages leave in a text. */
static void test_line_ends_and_blanks(void **state) {
    (void)state;
    struct result r = run_template("[cluster c]\r\n\xc2\xa0\xc2\xa0[[node a]]\r\n"
                                   "A = x\xc2\xa0\r\nB := \xc2\xa0 1 +\xc2\xa0 1\n"
                                   "C = 'x\xc2\xa0'\n"
                                   "E = 1\xc2\xa0# note\n"
                                   "CloudInit = '''#!/bin/bash\r\ntrue\r\n'''\r\n",
                                   NULL);
    expect(&r, "nodes/0/Attributes/A", "\"x\"");
    expect(&r, "nodes/0/Attributes/B", "2");
    expect(&r, "nodes/0/Attributes/C", "\"x\xc2\xa0\"");
    expect(&r, "nodes/0/Attributes/E", "1");
    expect(&r, "nodes/0/Attributes/CloudInit", "\"#!/bin/bash\\ntrue\\n\"");
    assert_null(strstr(strstr(r.text, "no-break") + 1, "no-break"));
    expect_text(&r, "t:2:5: warning: there are no-break spaces (U+00A0) around this line");
    result_done(&r);
}

/* Words that are no booleans do not stop a template; given values do. */
static void test_boolean_words(void **state) {
    (void)state;
    const char *text = "[cluster c]\n[[node a]]\nKeepAlive = yes\nInterruptible = perhaps\n"
                       "X = $P\nY = $Q\n[parameter P]\nParameterType = Boolean\n"
                       "DefaultValue = no\n[parameter Q]\nParameterType = Boolean\n"
                       "DefaultValue = flase\n";
    struct result r = run_template(text, NULL);
    expect(&r, "nodes/0/Attributes/KeepAlive", "true");
    expect(&r, "nodes/0/Attributes/Interruptible", "");
    expect(&r, "nodes/0/Attributes/X", "false");
    expect(&r, "nodes/0/Attributes/Y", "");
    expect_text(&r, "t:4:17: warning: Interruptible: expected true or false, found \"perhaps\"; it "
                    "is undefined");
    expect_text(&r, "t:12:16: warning: DefaultValue: expected true or false, found \"flase\"");
    result_done(&r);
    r = run_template(text, "{\"P\": \"flase\"}");
    assert_int_equal(r.evaluated, -EINVAL);
    result_done(&r);
}

/* A list of a parameter with the wrong number of brackets is still that of the parameter. */
static void test_form_brackets(void **state) {
    (void)state;
    struct result r = run_template("[cluster c]\n[[node a]]\nX = $P\n[parameters p]\n"
                                   "[[parameter P]]\n[[record DefaultValue]]\na = 1\n"
                                   "[[parameter Q]]\n",
                                   NULL);
    assert_int_equal(r.parsed, 0);
    expect(&r, "nodes/0/Attributes/X", "{\"a\":1}");
    expect_text(&r, "t:6:1: warning: record cannot stand in parameters");
    result_done(&r);
}

/* One wrong attribute in the defaults is told once, not once for each node. */
static void test_inherited_error_is_told_once(void **state) {
    (void)state;
    struct result r = run_template("[cluster c]\n[[node defaults]]\nMaxCount = many\n"
                                   "[[node a]]\n[[node b]]\n[[nodearray c]]\n",
                                   NULL);
    assert_int_equal(r.evaluated, -EINVAL);
    assert_int_equal(r.diags.errors, 1);
    result_done(&r);
}

/* What is not in force does no harm: overridden attributes, abstract nodes, disabled sections. */
static void test_what_is_not_used_is_not_evaluated(void **state) {
    (void)state;
    struct result r = run_template("[cluster c]\n[[node defaults]]\nRegion = $None\n"
                                   "[[node base]]\nAbstract = true\nImageName = $Never\n"
                                   "[[node a]]\nRegion = eastus\n"
                                   "[[[volume v]]]\nDisabled = true\nSize = $Nothing\n",
                                   NULL);
    expect(&r, "nodes/0/Attributes/Region", "\"eastus\"");
    expect(&r, "nodes/0/Volumes", "{}");
    expect(&r, "nodes/1", "");
    result_done(&r);
}

static void test_too_many_nodes(void **state) {
    (void)state;
    _cleanup_buf_ struct buf b = BUF_INIT(1 << 20);
    (void)buf_puts(&b, "[cluster c]\n");
    for (int i = 0; i < 300; i++)
        (void)buf_printf(&b, "[[nodearray a%d]]\n", i);
    struct result r = run_template(b.data, NULL);
    assert_int_equal(r.evaluated, -EINVAL);
    expect_text(&r, "t:202:1: error: a cluster has 200 nodes and nodearrays at most");
    result_done(&r);
}

/* Every node extends the two before it: work that doubles with each is refused, not done. */
static void test_inheritance_is_bounded(void **state) {
    (void)state;
    _cleanup_buf_ struct buf b = BUF_INIT(1 << 20);
    (void)buf_puts(&b, "[cluster c]\n[[node n0]]\n[[node n1]]\n");
    for (int i = 2; i < 45; i++)
        (void)buf_printf(&b, "[[node n%d]]\nExtends = n%d, n%d\n", i, i - 1, i - 2);
    struct result r = run_template(b.data, NULL);
    assert_int_equal(r.evaluated, -EINVAL);
    expect_text(&r, "which is too much inheritance");
    result_done(&r);
}

static json_t *node_json(const struct definition *d, const char *name, const char *known,
                         bool masked) {
    _cleanup_error_ struct error err = ERROR_INIT;
    json_t *world = known ? json_loads(known, 0, NULL) : NULL, *node = NULL;
    const struct node_input input = {.name = name, .known = world, .masked = masked};
    int r = definition_node_json(d, &input, &err, &node);
    if (r < 0)
        print_error("%s\n", err_text(&err));
    assert_int_equal(r, 0);
    json_decref(world);
    return node;
}

static void test_late_names_become_known(void **state) {
    (void)state;
    char *text = read_text(DATA_DIR, "late", ".txt");
    assert_non_null(text);
    struct result r = run_template(text, NULL);
    assert_int_equal(r.evaluated, 0);
    json_t *node = node_json(r.d, "HEAD", NULL, false);
    expect_json(node, "LateBound/Configuration.nfs.address", "\"${filer.instance.PrivateIp}\"");
    expect_json(node, "Configuration/nfs/address", "");
    json_decref(node);
    node = node_json(r.d, "head", "{\"Filer\":{\"Instance\":{\"privateip\":\"10.1.1.1\"}}}", false);
    expect_json(node, "Configuration/nfs/address", "\"10.1.1.1\"");
    expect_json(node, "Configuration/nfs/mixed", "[\"a\",\"10.1.1.1\"]");
    expect_json(node, "Attributes/ComputerName", "\"x10.1.1.1\"");
    expect_json(node, "Volumes/data/DiskEncryptionSetId", "\"nfs://10.1.1.1\"");
    expect_json(node, "LateBound",
                "{\"Attributes.SubnetId\":\"${ifThenElse(Subnet isnt undefined, Subnet, "
                "vnet.resources['a/b'].id)}\","
                "\"Configuration.nfs.broker\":\"tcp://${broker.instance.privateip}:6379\","
                "\"Configuration.nfs.self\":\"${Head.Instance.PrivateIp}\"}");
    json_decref(node);
    node = node_json(r.d, "head", "{\"vnet\":{\"Resources\":{\"a/b\":{\"id\":\"s1\"}}}}", false);
    expect_json(node, "Attributes/SubnetId", "\"s1\"");
    json_decref(node);
    struct error err = ERROR_INIT;
    const struct node_input nobody = {.name = "nobody"};
    assert_int_equal(definition_node_json(r.d, &nobody, &err, &node), -ENOENT);
    err_done(&err);
    result_done(&r);
    free(text);
}

/* The whole definition again: what is known is filled in, what is not still waits. */
static void test_settled_definition(void **state) {
    (void)state;
    char *text = read_text(DATA_DIR, "late", ".txt");
    struct result r = run_template(text, NULL);
    json_t *known = json_loads("{\"filer\":{\"instance\":{\"privateip\":\"10.1.1.1\"}}}", 0, NULL);
    struct definition *settled = NULL;
    assert_int_equal(definition_settle(r.d, known, NULL, &settled), 0);
    json_t *json = definition_json(settled);
    expect_json(json, "nodes/0/Configuration/nfs/address", "\"10.1.1.1\"");
    expect_json(json, "nodes/0/LateBound/Configuration.nfs.self", "\"${Head.Instance.PrivateIp}\"");
    expect_json(json, "cluster/Name", "\"My Lab\"");
    expect(&r, "nodes/0/Configuration/nfs/address", "");
    definition_free(settled);
    json_decref(known);
    result_done(&r);
    free(text);
    /* what fails with a value is an error then, and not before */
    r = run_template("[cluster c]\n[[node n]]\nMaxCount = 1${n.instance.x}\n"
                     "Priority = ${int(strcat(\"y\", n.instance.x ?: \"z\"))}\nCount = x$n\n",
                     NULL);
    assert_string_equal(r.text, "");
    known = json_loads("{\"n\":{\"instance\":{\"x\":\"many\"}}}", 0, NULL);
    _cleanup_diagnostics_ struct diagnostics diags = DIAGNOSTICS_INIT;
    assert_int_equal(definition_settle(r.d, known, &diags, &settled), -EINVAL);
    assert_int_equal(diags.errors, 3);
    json_decref(known);
    result_done(&r);
}

/* An embedded name is not there yet: the text would be half of what is meant. */
static void test_late_text_waits_for_its_name(void **state) {
    (void)state;
    struct result r = run_template("[noderef f]\n[cluster c]\n[[node n]]\n[[[configuration]]]\n"
                                   "url = tcp://${f.instance.privateip}:1\n",
                                   NULL);
    assert_int_equal(r.evaluated, 0);
    json_t *node = node_json(r.d, "n", "{\"other\":{}}", false);
    expect_json(node, "Configuration/url", "");
    expect_json(node, "LateBound/Configuration.url", "\"tcp://${f.instance.privateip}:1\"");
    json_decref(node);
    result_done(&r);
}

static bool holds(const json_t *json, const char *part) {
    char *text = json_dumps(json, JSON_FLAGS);
    assert_non_null(text);
    bool found = strstr(text, part) != NULL;
    free(text);
    return found;
}

static void test_secrets(void **state) {
    (void)state;
    char *text = read_text(DATA_DIR, "secret", ".txt");
    assert_non_null(text);
    struct result r = run_template(text, NULL);
    expect(&r, "nodes/0/Configuration/db/url", "\"mysql://root:t0ken@db\"");
    expect(&r, "nodes/0/Attributes/Password", "\"hunter2\"");
    assert_false(holds(definition_public_json(r.d), "hunter2"));
    assert_false(holds(definition_public_json(r.d), "t0ken"));
    json_t *node = node_json(r.d, "head", NULL, true);
    assert_false(holds(node, "hunter2"));
    assert_true(holds(node, "********"));
    json_decref(node);
    json_t *schema = template_schema(r.t);
    assert_false(holds(schema, "hunter2"));
    assert_false(holds(schema, "t0ken"));
    expect_json(schema, "properties/AdminPassword/writeOnly", "true");
    json_decref(schema);
    assert_true(template_parameter_secret(r.t, "adminpassword"));
    assert_true(template_parameter_secret(r.t, "Token"));
    assert_false(template_parameter_secret(r.t, "Open"));
    assert_false(template_parameter_secret(r.t, "nothing"));
    result_done(&r);
    free(text);
}

/* Messages show values that do not fit, but never a secret one. */
static void test_messages_hide_secrets(void **state) {
    (void)state;
    static const char *const texts[] = {
        "[cluster c]\n[[node a]]\nMaxCount = $P\n[parameter P]\nSecret = true\n",
        "[cluster c]\n[[node a]]\nMaxCount = x$P\n[parameter P]\nParameterType = Password\n",
        "[cluster c]\n[[node a]]\nX = ${regexp(P, \"x\")}\n[parameter P]\nSecret = true\n",
        "[cluster c]\n[parameter P]\nSecret = true\nParameterType = Integer\n",
        "[cluster c]\n[parameter Q]\nDefaultValue := regexps(P, \"\", \"\")\n"
        "[parameter P]\nSecret = true\n",
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct result r = run_template(texts[i], "{\"P\":\"(hunter2\"}");
        assert_int_equal(r.evaluated, -EINVAL);
        assert_null(strstr(r.text, "hunter2"));
        result_done(&r);
    }
}

static void test_missing(void **state) {
    (void)state;
    static const char text[] = "[noderef f]\n[cluster c]\n[[node defaults]]\nSubnetId = $Sub\n"
                               "[[node a]]\nMachineType = ${ifThenElse(Big, BigType, SmallType)}\n"
                               "[[nodearray b]]\nMachineType = $BigType\n"
                               "[[nodearray d]]\nSubnetId = ${f.instance.subnet}\n"
                               "[parameter Big]\nDefaultValue = true\n"
                               "[parameter BigType]\nLabel = Big VM Type\n"
                               "[parameter SmallType]\nDefaultValue = x\n"
                               "[parameter Sub]\nRequired = true\n"
                               "[parameter Mail]\nRequired = true\nDefaultValue = ''\n";
    struct result r = run_template(text, NULL);
    assert_int_equal(r.evaluated, 0);
    expect_json(
        definition_missing(r.d), "",
        "[{\"label\":\"Sub\",\"name\":\"Sub\"},{\"label\":\"Mail\",\"name\":\"Mail\"},"
        "{\"label\":\"Big VM Type\",\"name\":\"BigType\"},"
        "{\"label\":\"MachineType of nodearray d\",\"name\":\"MachineType of nodearray d\"}]");
    result_done(&r);
    r = run_template(text, "{\"BigType\":\"y\",\"sub\":\"r/v/s\",\"Mail\":\"m\"}");
    assert_int_equal(json_array_size(definition_missing(r.d)), 1);
    result_done(&r);
}

/* What a condition makes of a default, and that it does nothing to a given value. */
static void test_conditions(void **state) {
    (void)state;
    static const struct {
        const char *conditions, *by_default, *given;
    } rows[] = {
        {"", "\"d\"", "\"g\""},
        {"Conditions.Excluded := Yes\n", "null", "\"g\""},
        {"Conditions.Excluded := No\n", "\"d\"", "\"g\""},
        {"Conditions.Excluded := Nobody\n", "\"d\"", "\"g\""},
        {"Excluded = true\n", "null", "\"g\""},
        {"Conditions.Hidden := Yes\n", "\"d\"", "\"g\""},
        {"Conditions.Disabled := Yes\n", "\"d\"", "\"g\""},
        {"Disabled = true\n", "null", "\"g\""},
        {"Conditions.Value := Yes ? \"v\" : undefined\n", "\"v\"", "\"g\""},
        {"Conditions.Value := No ? \"v\" : undefined\n", "\"d\"", "\"g\""},
        {"Conditions.Value := 7\n", "\"7\"", "\"g\""},
        {"Conditions.Value := 1/0\n", "\"d\"", "\"g\""},
        {"Conditions.Value := \"v\"\nConditions.Excluded := Yes\n", "null", "\"g\""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        _cleanup_buf_ struct buf text = BUF_INIT(4096);
        (void)buf_printf(&text,
                         "[cluster c]\n[parameter P]\nParameterType = String\nDefaultValue = d\n%s"
                         "[parameter Yes]\nDefaultValue = true\n"
                         "[parameter No]\nDefaultValue = false\n",
                         rows[i].conditions);
        struct result r = run_template(text.data, NULL);
        expect(&r, "parameters/P", rows[i].by_default);
        result_done(&r);
        r = run_template(text.data, "{\"p\": \"g\"}");
        expect(&r, "parameters/P", rows[i].given);
        result_done(&r);
    }
}

/* Every disk but the system's needs a size; it is told once where it is written. */
static void test_volumes_without_size(void **state) {
    (void)state;
    struct result r = run_template("[cluster c]\n[[node defaults]]\n[[[volume d]]]\nSSD = true\n"
                                   "[[node a]]\n[[[volume boot]]]\nSSD = true\n[[node b]]\n"
                                   "[[[volume e]]]\nSize = 4\n[[[volume f]]]\nSize = $S\n"
                                   "[[[volume g]]]\nDisabled = true\n[parameter S]\n",
                                   NULL);
    assert_int_equal(r.evaluated, 0);
    assert_string_equal(r.text,
                        "t:3:1: warning: volume d of node a has no Size\n    [[[volume d]]]\n"
                        "    ^\n    hint: add Size = 100, in GB\n");
    result_done(&r);
}

/* Where a volume can be persistent, and which sizes and LUNs it can have. */
static void test_volumes_that_cannot_be(void **state) {
    static const struct {
        const char *node, *volume, *expected; /* expected: NULL = fine */
    } rows[] = {
        {"node n", "volume v]]]\nSize = 10\nPersistent = true\n", NULL},
        {"nodearray n", "volume v]]]\nSize = 10\nPersistent = true\n",
         "t:5:1: error: volume v of nodearray n cannot be persistent"},
        {"nodearray n", "volume v]]]\nSize = 10\nPersistent = false\n", NULL},
        {"node n", "volume boot]]]\nPersistent = true\n",
         "t:4:1: error: volume boot of node n cannot be persistent"},
        {"node n", "volume v]]]\nSize = 0\nPersistent = true\n",
         "t:4:1: error: volume v of node n is persistent and needs a Size above 0"},
        {"node n", "volume v]]]\nSize = -4\n",
         "t:4:1: warning: volume v of node n has a Size of 0 or less"},
        {"node n",
         "volume v]]]\nSize = 1\nAzure.Lun = 3\n[[[volume w]]]\nSize = 1\nAzure.Lun = 3\n",
         "t:8:1: error: volume w of node n has the LUN of another volume"},
        {"node n",
         "volume v]]]\nSize = 1\nAzure.Lun = 3\n[[[volume w]]]\nSize = 1\nAzure.Lun = 4\n", NULL},
        {"node n", "volume v]]]\nSize = 10\nPersistent = true\n[[nodearray a]]\nExtends = n\n",
         "t:5:1: warning: volume v of nodearray a is not persistent"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char text[512];
        (void)snprintf(text, sizeof(text), "[cluster c]\n[[%s]]\n[[[%s", rows[i].node,
                       rows[i].volume);
        struct result r = run_template(text, NULL);
        const char *expected = rows[i].expected ? rows[i].expected : "";
        bool fine = rows[i].expected ? strncmp(r.text, expected, strlen(expected)) == 0 : !*r.text;
        if (!fine)
            fail_msg("row %zu: \"%s\" instead of \"%s\"", i, r.text, expected);
        result_done(&r);
    }
}

/* The clusters that are shipped start on the simulator as they are: what they ask for beyond that
   is named, and nothing else is odd about them. */
static void check_shipped(const char *path, const char *text, size_t len) {
    struct error err = ERROR_INIT;
    assert_int_equal(template_check_prefix(text, len, &err), 0);
    struct result r = run_template(text, NULL);
    if (r.evaluated != 0)
        print_error("%s: %s", path, r.text);
    assert_int_equal(r.evaluated, 0);
    for (size_t i = 0; i < r.diags.len; i++)
        assert_non_null(strstr(r.diags.items[i].text, " has no effect yet: "));
    assert_int_equal(json_array_size(definition_missing(r.d)), 0);
    result_done(&r);
}

static void test_shipped_templates(void **state) {
    (void)state;
    assert_true(for_each_template(TEMPLATES_DIR, check_shipped) >= 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_undeclared_names),
        cmocka_unit_test(test_overridden_names),
        cmocka_unit_test(test_names_with_a_digit),
        cmocka_unit_test(test_line_ends_and_blanks),
        cmocka_unit_test(test_boolean_words),
        cmocka_unit_test(test_form_brackets),
        cmocka_unit_test(test_inherited_error_is_told_once),
        cmocka_unit_test(test_what_is_not_used_is_not_evaluated),
        cmocka_unit_test(test_too_many_nodes),
        cmocka_unit_test(test_inheritance_is_bounded),
        cmocka_unit_test(test_late_names_become_known),
        cmocka_unit_test(test_settled_definition),
        cmocka_unit_test(test_late_text_waits_for_its_name),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_messages_hide_secrets),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_volumes_without_size),
        cmocka_unit_test(test_volumes_that_cannot_be),
        cmocka_unit_test(test_shipped_templates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
