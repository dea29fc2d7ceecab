/* SPDX-License-Identifier: MIT */
/* A value that was a secret once stays one until it is written anew. */
#include "core-fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SECRET "S3cret"
#define HEAD                                                                         \
    "[cluster hpc]\n[[node defaults]]\nCredentials = main\nRegion = eastus\n"        \
    "SubnetId = rg/net/sub\nMachineType = Standard_F2s_v2\nImageName = almalinux8\n" \
    "[[nodearray execute]]\n"
#define PARAMETERS "[parameters P]\n[[parameters Q]]\n"
#define PARAMETER(name, type) "[[[parameter " name "]]]\nParameterType = " type "\n"
#define USE "[[[configuration]]]\nuse = $AdminPw\n"

static const char with_password[] =
    HEAD USE PARAMETERS PARAMETER("AdminPw", "Password") PARAMETER("Note", "String");
static const char with_string[] =
    HEAD USE PARAMETERS PARAMETER("AdminPw", "String") PARAMETER("Note", "String");
static const char renamed[] =
    HEAD PARAMETERS PARAMETER("AdminPassword", "Password") PARAMETER("Note", "String");

static struct answer_seen set_parameters(struct world *w, const char *text) {
    struct command *c = on_cluster(w, COMMAND_SET_PARAMETERS);
    assert_int_equal(command_set_text(c, text, strlen(text)), 0);
    return do_command(w, c);
}

/* All that is shown of the cluster, but for the template itself. */
static void put_shown(struct world *w, struct buf *b) {
    static const size_t texts[] = {
        offsetof(struct cluster, parameters_public),
        offsetof(struct cluster, definition),
        offsetof(struct cluster, schema),
        offsetof(struct cluster, origins),
        offsetof(struct cluster, changes),
        offsetof(struct cluster, notes),
        offsetof(struct cluster, plan),
        offsetof(struct cluster, outcome),
    };
    _cleanup_snapshot_ const struct snapshot *s = model_acquire(w->model);
    const struct cluster *c = snapshot_cluster(s, cluster_id(w));
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        (void)buf_puts(b,
                       str_text(*(struct str *const *)(const void *)((const char *)c + texts[i])));
    for (size_t i = 0; i < c->arrays.len; i++) {
        (void)buf_puts(b, str_text(cluster_array(c, i)->attributes));
        (void)buf_puts(b, str_text(cluster_array(c, i)->configuration));
    }
}

static bool shows(struct world *w, const char *text) {
    _cleanup_buf_ struct buf b = BUF_INIT(1 << 20);
    put_shown(w, &b);
    return strstr(b.data, text) != NULL;
}

static void begin(struct world *w) {
    world_begin(w);
    assert_int_equal(create_cluster(w).code, 0);
    assert_int_equal(set_template(w, with_password).code, 0);
    assert_int_equal(set_parameters(w, "{\"AdminPw\":\"" SECRET "\",\"Note\":\"plain\"}").code, 0);
    assert_false(shows(w, SECRET));
    assert_true(shows(w, "\"Note\": \"plain\""));
}

static void another_template_does_not_reveal_it(void **state) {
    (void)state;
    static const char *const others[] = {renamed, with_string, with_password, with_string};
    struct world w;
    begin(&w);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        assert_int_equal(set_template(&w, others[i]).code, 0);
        assert_false(shows(&w, SECRET));
        assert_true(shows(&w, "\"AdminPw\": \"********\""));
        restart(&w);
        assert_false(shows(&w, SECRET));
    }
    world_end(&w);
}

/* Writing back what was read keeps the value, and its being a secret; another value is what the
   template says. */
static void a_new_value_is_what_the_template_says(void **state) {
    (void)state;
    struct world w;
    begin(&w);
    assert_int_equal(set_template(&w, with_string).code, 0);
    assert_int_equal(set_parameters(&w, "{\"AdminPw\":\"********\",\"Note\":\"x\"}").code, 0);
    assert_false(shows(&w, SECRET));
    assert_true(shows(&w, "\"AdminPw\": \"********\""));
    assert_int_equal(set_parameters(&w, "{\"AdminPw\":\"anew\"}").code, 0);
    assert_true(shows(&w, "\"AdminPw\": \"anew\""));
    assert_false(shows(&w, SECRET));
    world_end(&w);
}

/* A typing error in the name of a password must not show it. */
static void undeclared_values_are_masked(void **state) {
    (void)state;
    struct world w;
    begin(&w);
    assert_int_equal(set_parameters(&w, "{\"AdminPw2\":\"" SECRET "\"}").code, 0);
    assert_false(shows(&w, SECRET));
    assert_true(shows(&w, "\"AdminPw2\": \"********\""));
    world_end(&w);
}

/* What is in words, names and files cannot come from a secret; the refusal does not quote it. */
static void shown_attributes_cannot_be_secret(void **state) {
    (void)state;
    static const char *const attributes[] = {
        "SubnetId",           "Zone",        "Region",           "ImageName",       "MachineType",
        "ComputerNamePrefix", "Credentials", "PlacementGroupId", "Azure.Publisher", "Username"};
    struct world w;
    begin(&w);
    for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
        char text[1024];
        (void)snprintf(text, sizeof(text), "%s%s = $AdminPw\n%s", HEAD, attributes[i],
                       PARAMETERS PARAMETER("AdminPw", "String"));
        struct answer_seen a = set_template(&w, text);
        assert_int_equal(a.code, -EINVAL);
        assert_non_null(strstr(a.message, attributes[i]));
        assert_non_null(strstr(a.message, "comes from a secret parameter"));
        assert_null(strstr(a.message, SECRET));
        assert_false(shows(&w, SECRET));
    }
    world_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_template_does_not_reveal_it),
        cmocka_unit_test(a_new_value_is_what_the_template_says),
        cmocka_unit_test(undeclared_values_are_masked),
        cmocka_unit_test(shown_attributes_cannot_be_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
