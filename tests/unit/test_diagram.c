/* pictures: what must be in them, that nothing breaks out of them, that they are always the same */
#include "blueprint/diagram.h"

#include "blueprint_fixture.h"

static char *draw(const struct blueprint *b, enum diagram_format format, const char *language,
                  const struct diagram_figure *figures, size_t n)
{
    const struct diagram d = {
        .blueprint = b, .language = language, .figures = figures, .nfigures = n};
    struct buf text;

    buf_init(&text, FIXTURE_MAX);
    assert_true(diagram_write(&text, &d, format));
    return buf_take(&text, NULL);
}

static void has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("no \"%s\" in\n%s", part, text);
}

static void test_formats_name_everything(void **state)
{
    static const struct {
        enum diagram_format format;
        const char *language;
        const char *parts[8];
    } cases[] = {
        {DIAGRAM_MERMAID,
         "en",
         {"stateDiagram-v2\n", "state \"Open\" as s_open\n", "[*] --> s_open\n",
          "s_open --> s_contacted: Contacted\n", "s_lost --> s_contacted: Contacted\n",
          "s_lost --> s_archived: Archive\n", "s_archived --> [*]\n"}},
        {DIAGRAM_MERMAID, "pl", {"state \"Otwarty\" as s_open", ": Skontaktowano\n"}},
        {DIAGRAM_DOT,
         "en",
         {"digraph \"lead_default\" {", "\"open\" [label=\"Open\"];", "\"\" -> \"open\";",
          "\"archived\" [label=\"Archiwum\", peripheries=2];",
          "\"open\" -> \"contacted\" [label=\"Contacted\"];"}},
        {DIAGRAM_SVG,
         "en",
         {"<svg xmlns=", "prefers-color-scheme:dark", "id=\"state-open\"", "id=\"state-archived\"",
          ">Contacted</text>", "class=\"cancelled end\"", "<title>lead_default 3</title>"}},
        {DIAGRAM_SVG, "ru", {">Контакт</text>", "lang=\"ru\""}},
    };
    struct blueprint *b = compile_lead();

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = draw(b, cases[i].format, cases[i].language, NULL, 0);

        for (size_t k = 0; k < 8 && cases[i].parts[k] != NULL; k++)
            has(text, cases[i].parts[k]);
        free(text);
    }
    blueprint_destroy(b);
}

static void test_same_bytes_again(void **state)
{
    struct blueprint *b = compile_lead(), *twin = compile_lead();

    (void)state;
    for (int format = DIAGRAM_SVG; format <= DIAGRAM_DOT; format++) {
        char *one = draw(b, (enum diagram_format)format, "en", NULL, 0);
        char *two = draw(twin, (enum diagram_format)format, "en", NULL, 0);

        assert_string_equal(one, two);
        free(one);
        free(two);
    }
    blueprint_destroy(b);
    blueprint_destroy(twin);
}

static void test_figures_and_the_slowest(void **state)
{
    static const struct diagram_figure figures[] = {
        {"open", 12, 273600}, {"contacted", 3, 59}, {"lost", 700, 9000000}};
    struct blueprint *b = compile_lead();
    char *text = draw(b, DIAGRAM_SVG, "en", figures, COUNT(figures));

    (void)state;
    has(text, ">12 · median 3 d 4 h</text>");
    has(text, ">3 · median 59 s</text>");
    has(text, "class=\"open slowest\"");
    assert_null(strstr(text, "lost slowest")); /* waiting there is no bottleneck */
    free(text);
    text = draw(b, DIAGRAM_MERMAID, "ru", figures, COUNT(figures));
    has(text, "<br/>12 · медиана 3 дн. 4 ч\" as s_open");
    has(text, "class s_open slowest");
    free(text);
    text = draw(b, DIAGRAM_DOT, "pl", figures, COUNT(figures));
    has(text, "\\n12 · mediana 3 d 4 godz.");
    free(text);
    blueprint_destroy(b);
}

static void test_labels_cannot_break_out(void **state)
{
    static const char text[] =
        "{'id':'v','entity':'lead','key':'k','number':1,'states':["
        "{'key':'end','label':{'en':'</"
        "text><script>&\\\"x\\u0001'},'category':'open','position':1},"
        "{'key':'note','label':{'en':'a\\\\b\\nc'},'category':'won','position':2}],'transitions':["
        "{'key':'born','kind':'initial','to':'end','position':1},"
        "{'key':'go','label':{'en':'x: y; \\\"z\\\" "
        "#1'},'from':['end'],'to':'note','position':2}]}";
    struct buf why;
    struct blueprint *b;
    char *drawn;

    (void)state;
    buf_init(&why, 4096);
    b = fixture_compile_text(text, &why);
    assert_non_null(b);
    drawn = draw(b, DIAGRAM_SVG, "en", NULL, 0);
    has(drawn, "&lt;/text&gt;&lt;script&gt;&amp;&quot;x ");
    assert_null(strstr(drawn, "<script"));
    free(drawn);
    drawn = draw(b, DIAGRAM_MERMAID, "en", NULL, 0);
    has(drawn, "s_end --> s_note: x#58; y#59; #34;z#34; #35;1\n");
    free(drawn);
    drawn = draw(b, DIAGRAM_DOT, "en", NULL, 0);
    has(drawn, "[label=\"x: y; \\\"z\\\" #1\"]");
    has(drawn, "a\\\\b c");
    free(drawn);
    blueprint_destroy(b);
    buf_done(&why);
}

/* every state leads to every other one, and back to itself */
static void test_tangles_are_drawn(void **state)
{
    (void)state;
    for (int n = 1; n <= 12; n += 1) {
        char *text = malloc(FIXTURE_MAX), *drawn;
        size_t at = 0;
        struct buf why;
        struct blueprint *b;

#define ADD(...) at += (size_t)snprintf(text + at, FIXTURE_MAX - at, __VA_ARGS__)
        ADD("{'id':'v','entity':'lead','key':'k','number':1,'states':[");
        for (int i = 0; i < n; i++)
            ADD("%s{'key':'s%d','category':'open','position':%d}", i ? "," : "", i, i);
        ADD("],'transitions':[{'key':'born','kind':'initial','to':'s%d','position':1}", n / 2);
        for (int i = 0; i < n; i++)
            for (int k = 0; k < n; k++)
                ADD(",{'key':'t%d_%d','from':['s%d'],'to':'s%d','position':%d}", i, k, i, k,
                    2 + (i * 7 + k * 3) % 11);
        ADD(",{'key':'any','from_any':true,'to':'s0','position':99}]}");
#undef ADD
        buf_init(&why, 4096);
        b = fixture_compile_text(text, &why);
        assert_non_null(b);
        drawn = draw(b, DIAGRAM_SVG, "en", NULL, 0);
        has(drawn, "</svg>");
        assert_null(strstr(drawn, " nan"));
        assert_null(strstr(drawn, "\"nan"));
        free(drawn);
        blueprint_destroy(b);
        buf_done(&why);
        free(text);
    }
}

static void test_a_full_buffer_is_told(void **state)
{
    struct blueprint *b = compile_lead();
    const struct diagram d = {.blueprint = b, .language = "en"};

    (void)state;
    for (int format = DIAGRAM_SVG; format <= DIAGRAM_DOT; format++) {
        struct buf small;

        buf_init(&small, 100);
        assert_false(diagram_write(&small, &d, (enum diagram_format)format));
        buf_done(&small);
    }
    blueprint_destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats_name_everything),
        cmocka_unit_test(test_same_bytes_again),
        cmocka_unit_test(test_figures_and_the_slowest),
        cmocka_unit_test(test_labels_cannot_break_out),
        cmocka_unit_test(test_tangles_are_drawn),
        cmocka_unit_test(test_a_full_buffer_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
