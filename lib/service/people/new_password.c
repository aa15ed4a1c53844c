#include "service/people/new_password.h"

#include "crypto/weak.h"

bool new_password_good(struct call *c, const char *pointer, const char *password, const char *email,
                       const char *name)
{
    const char *why = password_weakness(password, email, name);

    return !why ||
           err_fault(&c->err, ERR_INVALID,
                     (struct fault){.in = "body",
                                    .pointer = pointer,
                                    .code = "weak",
                                    .detail = why,
                                    .hint = "several words that have nothing to do with each "
                                            "other are easy to keep and hard to guess"});
}
