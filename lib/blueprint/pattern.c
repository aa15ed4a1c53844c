#include "blueprint/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"

#define MATCH_STEPS_MAX 100000 /* backtracking costs no more than about a millisecond */
#define MATCH_DEPTH_MAX 1000
#define MATCH_HEAP_MAX_KIB 256
#define PATTERN_NESTING_MAX 20
#define TEXT_MAX_BYTES 4096

static void free_pattern(void *code)
{
    pcre2_code_free(code);
}

struct pattern *pattern_compile(const char *text, struct arena *a, struct buf *why)
{
    pcre2_compile_context *limits = pcre2_compile_context_create(NULL);
    PCRE2_UCHAR reason[256];
    PCRE2_SIZE at = 0;
    pcre2_code *code;
    int error = 0;

    if (limits == NULL) {
        buf_puts(why, "there is no memory for it");
        return NULL;
    }
    (void)pcre2_set_parens_nest_limit(limits, PATTERN_NESTING_MAX);
    code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
                         PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error, &at, limits);
    pcre2_compile_context_free(limits);
    if (code == NULL) {
        (void)pcre2_get_error_message(error, reason, sizeof(reason));
        buf_printf(why, "%s, at character %zu", (const char *)reason, at);
        return NULL;
    }
    arena_defer(a, free_pattern, code);
    return (struct pattern *)code;
}

bool pattern_matches(const struct pattern *p, const char *text)
{
    pcre2_match_context *limits;
    pcre2_match_data *data;
    bool found = false;
    size_t n = strlen(text);

    if (n > TEXT_MAX_BYTES)
        return false;
    limits = pcre2_match_context_create(NULL);
    data = pcre2_match_data_create(1, NULL);
    if (limits != NULL && data != NULL) {
        (void)pcre2_set_match_limit(limits, MATCH_STEPS_MAX);
        (void)pcre2_set_depth_limit(limits, MATCH_DEPTH_MAX);
        (void)pcre2_set_heap_limit(limits, MATCH_HEAP_MAX_KIB);
        found = pcre2_match((const pcre2_code *)p, (PCRE2_SPTR)text, n, 0, PCRE2_NO_JIT, data,
                            limits) >= 0;
    }
    pcre2_match_data_free(data);
    pcre2_match_context_free(limits);
    return found;
}
