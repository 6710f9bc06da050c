/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/parse.h"

#include "support/check_main.h"

#include <stdio.h>
#include <string.h>

static struct arena *arena;
static struct diag *diag;
static char told[4096];

static void
set_up(void)
{
    arena = arena_new();
    diag = diag_new();
    setenv("SALLYPORT_TEST_SET", "a b$c", 1);
    setenv("SALLYPORT_TEST_EMPTY", "", 1);
    setenv("SALLYPORT_TEST_CONTROL", "a\x01", 1);
    unsetenv("SALLYPORT_TEST_UNSET");
}

static void
tear_down(void)
{
    arena_free(arena);
    diag_free(diag);
}

/* What diag holds by now. */
static const char *
mistakes(void)
{
    FILE *out = fmemopen(told, sizeof(told), "w");

    told[0] = '\0';
    diag_print(diag, out);
    fclose(out);
    return told;
}

/* All tokens as one string: w(word) s(string) and characters, ! for bad ones. */
static const char *
tokens_of(const char *bytes, size_t len)
{
    const char *all = "";
    struct parse p;

    if (parse_memory(&p, "t", bytes, len, arena, diag) != 0)
        return "refused";
    for (; p.token.kind != PARSE_END; parse_next(&p)) {
        if (p.token.kind == PARSE_BAD)
            all = arena_printf(arena, "%s!", all);
        else if (p.token.text != NULL)
            all = arena_printf(arena, "%s%c(%s)", all,
                               p.token.kind == PARSE_WORD ? 'w' : 's', p.token.text);
        else
            all = arena_printf(arena, "%s%c", all, p.token.kind);
    }
    return all;
}

static const struct {
    const char *text, *tokens, *mistakes;
} cases[] = {
    {"", "", ""},
    {"a=b", "w(a)=w(b)", ""},
    {"log { level = info; }", "w(log){w(level)=w(info);}", ""},
    {"include(\"x\") , ()", "w(include)(s(x)),()", ""},
    {"*:443 /etc/a.pem unix:@x A-b_c+d", "w(*:443)w(/etc/a.pem)w(unix:@x)w(A-b_c+d)", ""},
    {"# a\n// b\n/* c\n d */ e # f", "w(e)", ""},
    {"a//b a/*b", "w(a//b)w(a/*b)", ""},
    {"/* \" ' { */ a", "w(a)", ""},
    {"\"a b\" 'c d' \"\" ''", "s(a b)s(c d)s()s()", ""},
    {"\"\\\"\\\\\\n\\t\\$\"", "s(\"\\\n\t$)", ""},
    {"'\\n${X}\"'", "s(\\n${X}\")", ""},
    {"\"a$b $ $$\"", "s(a$b $ $$)", ""},
    {"\"# no // comment /* here */\"", "s(# no // comment /* here */)", ""},
    {"\"<${SALLYPORT_TEST_SET}>\"", "s(<a b$c>)", ""},
    {"\"<${SALLYPORT_TEST_SET:-d}>\"", "s(<a b$c>)", ""},
    {"\"<${SALLYPORT_TEST_UNSET:-d e}>\"", "s(<d e>)", ""},
    {"\"<${SALLYPORT_TEST_UNSET:-}>\"", "s(<>)", ""},
    {"\"<${SALLYPORT_TEST_EMPTY}>\"", "s(<>)", ""},
    {"\"<${SALLYPORT_TEST_EMPTY:-d}>\"", "s(<d>)", ""},
    {"\"\\${SALLYPORT_TEST_SET}\"", "s(${SALLYPORT_TEST_SET})", ""},
    {"\xef\xbb\xbf"
     "a\r\nb",
     "w(a)w(b)", ""},
    {"\"\xc3\xa4\"", "s(\xc3\xa4)", ""},
    {"\n\"${SALLYPORT_TEST_UNSET}\" a", "!w(a)",
     "t:2: the environment variable SALLYPORT_TEST_UNSET is not set; set it, or write "
     "${SALLYPORT_TEST_UNSET:-default}\n"},
    {"\"${SALLYPORT_TEST_CONTROL}\" a", "!w(a)",
     "t:1: the environment variable SALLYPORT_TEST_CONTROL holds a control byte; it has to "
     "be text\n"},
    {"\"${} x\" a", "!w(a)",
     "t:1: a variable is written ${NAME} or ${NAME:-default}; write \\$ for a dollar "
     "sign\n"},
    {"\"${a:-b\" a", "!w(a)",
     "t:1: a variable is written ${NAME} or ${NAME:-default}; write \\$ for a dollar "
     "sign\n"},
    {"\"\\q \\\" x\" a", "!w(a)",
     "t:1: a backslash in double quotes stands before \", \\, $, n or t only; write \\\\ "
     "for "
     "a backslash\n"},
    {"a\n\"b }\nc", "w(a)!w(c)",
     "t:2: the string that begins here is not closed; a \" is missing\n"},
    {"'b", "!", "t:1: the string that begins here is not closed; a ' is missing\n"},
    {"\"b\\", "!",
     "t:1: a backslash in double quotes stands before \", \\, $, n or t only; write \\\\ "
     "for "
     "a backslash\n"},
    {"a\n/* b\nc", "w(a)",
     "t:2: the comment that begins here is not closed; */ is missing\n"},
    {"[::]:443 ${HOME} a", "!!w(a)",
     "t:1: unexpected [; a value with such a character is written in double quotes\n"
     "t:1: unexpected $; a value with such a character is written in double quotes\n"},
    {"\xe2\x80\x9cx\xe2\x80\x9d a", "!w(a)",
     "t:1: unexpected byte 0xe2; what is not ASCII is written in double quotes (\")\n"},
    {"a\n\x01\x02 b\n\x7f", "w(a)w(b)",
     "t:2: holds the control byte 0x01; a conf file is plain text\n"
     "t:3: holds the control byte 0x7f; a conf file is plain text\n"},
};

START_TEST(tokens)
{
    const char *text = cases[_i].text;

    ck_assert_str_eq(tokens_of(text, strlen(text)), cases[_i].tokens);
    ck_assert_str_eq(mistakes(), cases[_i].mistakes);
}
END_TEST

START_TEST(a_nul_byte_is_no_text)
{
    ck_assert_str_eq(tokens_of("a\0\x01", 3), "refused");
    ck_assert_str_eq(mistakes(), "t: holds a NUL byte and is no text; a conf file is plain "
                                 "text\n");
}
END_TEST

START_TEST(lines_are_counted)
{
    static const char text[] = "a\n# x\n/* y\n\n*/ b \"c\"\n\nd";
    static const unsigned lines[] = {1, 5, 5, 7, 7};
    struct parse p;

    ck_assert_int_eq(parse_memory(&p, "t", text, strlen(text), arena, diag), 0);
    for (size_t i = 0; i < 5; i++, parse_next(&p))
        ck_assert_uint_eq(p.token.line, lines[i]);
    ck_assert_int_eq(p.token.kind, PARSE_END);
}
END_TEST

START_TEST(an_unclosed_string_tells_of_its_brace)
{
    static const char text[] = "\"a }\n\"b\n\"\\q }\" 'c }'";
    struct parse p;

    ck_assert_int_eq(parse_memory(&p, "t", text, strlen(text), arena, diag), 0);
    ck_assert(p.token.kind == PARSE_BAD && p.token.lost_brace);
    parse_next(&p);
    ck_assert(p.token.kind == PARSE_BAD && !p.token.lost_brace);
    parse_next(&p);
    ck_assert(p.token.kind == PARSE_BAD && !p.token.lost_brace);
    parse_next(&p);
    ck_assert(p.token.kind == PARSE_STRING && !p.token.lost_brace);
}
END_TEST

START_TEST(a_name_is_known_by_what_follows)
{
    static const struct {
        const char *text;
        bool statement;
    } starts[] = {
        {"a = b", true},          {"a=b", true},        {"log {", true},
        {"include(\"x\")", true}, {"frontend w", true}, {"frontend \"w\" {", true},
        {"frontend, b", false},   {"a b", false},       {"a", false},
        {"a, b", false},          {"\"a\" = b", false}, {"a\n= b", false},
    };
    struct parse p;

    for (size_t i = 0; i < COUNT_OF(starts); i++) {
        ck_assert_int_eq(
            parse_memory(&p, "t", starts[i].text, strlen(starts[i].text), arena, diag), 0);
        ck_assert_msg(parse_at_statement(&p) == starts[i].statement, "%s", starts[i].text);
    }
}
END_TEST

START_TEST(quoting_is_undone_by_parsing)
{
    static const char *const texts[] = {"",        "a b",       "\"\\$\n\t'",
                                        "${HOME}", "\xc3\xa4#", "\\n"};

    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        const char *quoted = parse_quote(arena, texts[i]);

        ck_assert_str_eq(tokens_of(quoted, strlen(quoted)),
                         arena_printf(arena, "s(%s)", texts[i]));
    }
    ck_assert_str_eq(mistakes(), "");
}
END_TEST

START_TEST(bare_words)
{
    ck_assert(parse_is_word("a") && parse_is_word("*:443") && parse_is_word("/etc/x"));
    ck_assert(!parse_is_word("") && !parse_is_word("a b") && !parse_is_word("[::]:1"));
    ck_assert(!parse_is_word("//a") && !parse_is_word("/*a"));
}
END_TEST

static Suite *
parse_suite(void)
{
    Suite *suite = suite_create("parse");
    TCase *tcase = tcase_create("parse");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, tokens, 0, (int)COUNT_OF(cases));
    tcase_add_test(tcase, a_nul_byte_is_no_text);
    tcase_add_test(tcase, lines_are_counted);
    tcase_add_test(tcase, an_unclosed_string_tells_of_its_brace);
    tcase_add_test(tcase, a_name_is_known_by_what_follows);
    tcase_add_test(tcase, quoting_is_undone_by_parsing);
    tcase_add_test(tcase, bare_words);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(parse_suite)
