/* SPDX-License-Identifier: MIT */
/* Accepted means done: every attribute that has no effect is reported, from the attribute table. */
#include "template-fixture.h"

#include "template/attributes.h"

#include "base/buf.h"

/* Where an attribute of each kind of section is written, and how its owner is named. */
static const struct {
    enum section_type type;
    const char *before, *owner;
} kinds[] = {
    {SECTION_CLUSTER, "[cluster c]\n", "cluster c"},
    {SECTION_NODE, "[cluster c]\n[[node n]]\n", "node n"},
    {SECTION_VOLUME, "[cluster c]\n[[node n]]\n[[[volume v]]]\nSize = 10\n", "volume v of node n"},
    {SECTION_NETWORK_INTERFACE, "[cluster c]\n[[node n]]\n[[[network-interface eth0]]]\n",
     "network-interface eth0 of node n"},
    {SECTION_INPUT_ENDPOINT, "[cluster c]\n[[node n]]\n[[[input-endpoint e]]]\n",
     "input-endpoint e of node n"},
    {SECTION_ENVIRONMENT, "[cluster c]\n[environment e]\n", "environment e"},
};

static const char *sample(const struct attribute_row *row) {
    static const char *const samples[] = {
        [WANT_ANY] = "x",     [WANT_TEXT] = "x",         [WANT_BOOLEAN] = "true",
        [WANT_INTEGER] = "3", [WANT_NUMBER] = "1.5",     [WANT_TIME] = "10m",
        [WANT_LIST] = "a, b", [WANT_TEXT_OR_LIST] = "1", [WANT_RECORD] = "[a=1]",
    };
    return row->quiet && strcmp(row->quiet, "true") == 0 ? "false" : samples[row->want];
}

static struct result write_row(size_t kind, const struct attribute_row *row, const char *value) {
    _cleanup_buf_ struct buf text = BUF_INIT(4096);
    bool expression = row->want == WANT_RECORD;
    (void)buf_printf(&text, "%s%s %s %s\n", kinds[kind].before, row->name, expression ? ":=" : "=",
                     value);
    return run_template(text.data, NULL);
}

static void check_row(size_t kind, const struct attribute_row *row) {
    static const char *const words[] = {
        [EFFECT_DONE] = "",
        [EFFECT_SHOWN] = "has no effect yet",
        [EFFECT_NONE] = "has no effect",
        [EFFECT_REFUSED] = "is not supported",
    };
    _cleanup_buf_ struct buf message = BUF_INIT(4096);
    struct result r = write_row(kind, row, sample(row));
    if (row->effect == EFFECT_DONE) {
        assert_null(strstr(r.text, "no effect yet"));
        assert_null(strstr(r.text, "not supported"));
        assert_true(row->array_only || !strstr(r.text, "has no effect"));
        result_done(&r);
        return;
    }
    assert_true(row->note && *row->note);
    (void)buf_printf(&message, "%s: %s of %s %s: %s\n",
                     row->effect == EFFECT_REFUSED ? "error" : "warning", row->name,
                     kinds[kind].owner, words[row->effect], row->note);
    expect_text(&r, message.data);
    assert_int_equal(r.diags.len, 1);
    assert_int_equal(r.evaluated, row->effect == EFFECT_REFUSED ? -EINVAL : 0);
    result_done(&r);
}

/* The value that asks for what happens anyway is no reason to warn. */
static void check_quiet(size_t kind, const struct attribute_row *row) {
    if (!row->quiet)
        return;
    struct result r = write_row(kind, row, row->quiet);
    assert_string_equal(r.text, "");
    result_done(&r);
}

static void test_every_attribute(void **state) {
    (void)state;
    size_t without = 0;
    for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
        const struct attribute_table *table = attribute_table(kinds[k].type);
        assert_true(table->len > 0);
        for (size_t i = 0; i < table->len; i++) {
            const struct attribute_row *row = &table->rows[i];
            assert_true(row->doc && *row->doc);
            check_row(k, row);
            check_quiet(k, row);
            without += row->effect != EFFECT_DONE;
        }
    }
    assert_true(without > 40);
}

/* What nobody has given is nothing to warn of, and what many inherit is reported once. */
static void test_undefined_and_inherited(void **state) {
    (void)state;
    struct result r = run_template("[cluster c]\n[[node defaults]]\nKeyPairLocation = $Key\n"
                                   "[[node a]]\n[[node b]]\n[parameter Key]\n",
                                   NULL);
    assert_string_equal(r.text, "");
    result_done(&r);
    r = run_template("[cluster c]\n[[node defaults]]\nKeyPairLocation = ~/.ssh/x.pem\n"
                     "[[node a]]\n[[node b]]\n[[nodearray c]]\n",
                     NULL);
    assert_int_equal(r.diags.len, 1);
    expect_text(&r, "t:3:1: warning: KeyPairLocation of node a has no effect");
    result_done(&r);
}

/* InitialCount in a [[node]] does nothing; inherited from the defaults it is meant for arrays. */
static void test_attributes_of_arrays(void **state) {
    (void)state;
    struct result r = run_template("[cluster c]\n[[node a]]\nInitialCount = 2\n", NULL);
    expect_text(&r, "t:3:1: warning: InitialCount of node a has no effect: it applies to a "
                    "[[nodearray]]\n");
    result_done(&r);
    r = run_template("[cluster c]\n[[node defaults]]\nInitialCount = 2\n[[node a]]\n"
                     "[[nodearray b]]\n",
                     NULL);
    assert_string_equal(r.text, "");
    result_done(&r);
}

/* Values that Azure refuses are refused at the write, with what it takes. */
static void test_constraints(void **state) {
    (void)state;
    static const struct {
        const char *line, *message;
    } node[] = {
        {"SecurityType = TrustedLunch", "t:3:16: error: SecurityType of node a: expected Standard, "
                                        "TrustedLaunch or ConfidentialVM, found \"TrustedLunch\""},
        {"TerminateNotificationTimeout = 20m", "expected 300 to 900 seconds (5m to 15m)"},
        {"TerminateNotificationTimeout = 1m", "expected 300 to 900 seconds (5m to 15m)"},
        {"ShutdownPolicy = stop", "expected terminate or deallocate, found \"stop\""},
        {"ImageOs = beos", "expected linux or windows"},
        {"HybridBenefitLicense = Windows", "expected Windows_Server, Windows_Client"},
        {"ComputerName = ._-", "expected letters, digits and '-', at most 64"},
        {"ComputerName = a1234567890123456789012345678901234567890123456789012345678901234",
         "expected letters, digits and '-', at most 64"},
        {"Tags.a<b = c", "the tag name \"a<b\" is not valid"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(node); i++) {
        _cleanup_buf_ struct buf text = BUF_INIT(4096);
        (void)buf_printf(&text, "[cluster c]\n[[node a]]\n%s\n", node[i].line);
        struct result r = run_template(text.data, NULL);
        assert_int_equal(r.evaluated, -EINVAL);
        expect_text(&r, node[i].message);
        result_done(&r);
    }
}

static void test_constraints_of_sections(void **state) {
    (void)state;
    static const struct {
        const char *section, *line, *message;
    } rows[] = {
        {"volume v", "Size = 1\nStorageAccountType = Ultra", "expected Standard_LRS, "},
        {"volume v", "Size = 1\nAzure.Caching = yes", "expected None, ReadOnly or ReadWrite"},
        {"volume v", "Size = 1\nAzure.Lun = 64", "expected 0 to 63, found 64"},
        {"volume v", "Size = 1\nAzure.Lun = -1", "expected 0 to 63, found -1"},
        {"network-interface eth0", "PublicDnsLabel = Head_1", "expected 3 to 63 lower-case"},
        {"input-endpoint web", "PublicPort = 70000",
         "t:4:14: error: PublicPort of input-endpoint web of node a: expected 1 to 65535, found "
         "70000"},
        {"input-endpoint web", "PublicPort = 0", "expected 1 to 65535, found 0"},
        {"input-endpoint web", "PrivatePort = -1", "expected 1 to 65535, found -1"},
        {"input-endpoint web", "PublicPort = 80\nProtocol = icmp", "expected tcp or udp"},
        {"input-endpoint web", "PublicPort = 443\nPrivatePort = 8443",
         "t:4:14: error: PublicPort 443 of input-endpoint web of node a is not PrivatePort 8443: "
         "ports are opened, not translated"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_buf_ struct buf text = BUF_INIT(4096);
        (void)buf_printf(&text, "[cluster c]\n[[node a]]\n[[[%s]]]\n%s\n", rows[i].section,
                         rows[i].line);
        struct result r = run_template(text.data, NULL);
        assert_int_equal(r.evaluated, -EINVAL);
        expect_text(&r, rows[i].message);
        result_done(&r);
    }
}

static void test_interfaces(void **state) {
    (void)state;
    struct result r = run_template("[cluster c]\n[[node a]]\n[[[network-interface eth1]]]\n"
                                   "SubnetId = a/b/c\n[[[network-interface]]]\nSubnetId = a/b/c\n",
                                   NULL);
    assert_int_equal(r.diags.len, 1);
    expect_text(&r, "t:3:1: warning: network-interface eth1 of node a has no effect: a VM has one "
                    "interface, eth0\n");
    result_done(&r);
}

/* A secret is never quoted. */
static void test_secret_values(void **state) {
    (void)state;
    struct result r = run_template("[cluster c]\n[[node a]]\nSecurityType = $P\n[parameter P]\n"
                                   "ParameterType = Password\n",
                                   "{\"P\": \"S3cret\"}");
    assert_int_equal(r.evaluated, -EINVAL);
    assert_null(strstr(r.text, "S3cret"));
    result_done(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_attribute),
        cmocka_unit_test(test_undefined_and_inherited),
        cmocka_unit_test(test_attributes_of_arrays),
        cmocka_unit_test(test_constraints),
        cmocka_unit_test(test_constraints_of_sections),
        cmocka_unit_test(test_interfaces),
        cmocka_unit_test(test_secret_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
