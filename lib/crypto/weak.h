/**
 * weak - passwords that are guessed first (NIST SP 800-63B, 5.1.1.2).
 *
 * No rules of composition, as the standard asks: what is refused is what stands on every guesser's
 * list, what one key or one run of keys gives, and what the account itself tells.
 */
#ifndef SLUICE_CRYPTO_WEAK_H
#define SLUICE_CRYPTO_WEAK_H

/** Returns why the password would be guessed, as a sentence for its owner, or NULL. @email and
 * @name are the account's, NULL when not known. */
const char *password_weakness(const char *password, const char *email, const char *name);

#endif
