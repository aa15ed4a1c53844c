#include <string.h>

#include "quality/name.h"

#define END FORM_END
#define START FORM_START
#define BOTH (FORM_END | FORM_START)

static const struct {
    const char *letters;
    size_t n;
    unsigned where;
} forms[] = {
#define FORM(where, letters) {letters, sizeof(letters) - 1, where},
#include "quality/legal_form.def"
#undef FORM
};

bool legal_form(const char *letters, size_t n, unsigned where)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        if (forms[i].n == n && (forms[i].where & where) != 0 &&
            memcmp(forms[i].letters, letters, n) == 0)
            return true;
    return false;
}
