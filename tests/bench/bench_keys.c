/* The keys of generated accounts, for COPY: reads lines of id, name, city, postcode, street and tax
 * number with tabs between them, and writes lines for sluice.match_name and sluice.match_key to the
 * two files that it is given. With a third argument names are written as questions, with their
 * probes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quality/match.h"

static struct span next_field(char **at)
{
    char *start = *at, *end = start + strcspn(start, "\t\n");
    struct span s = {start, (size_t)(end - start)};

    *at = *end ? end + 1 : end;
    return s;
}

static void write_name(FILE *out, struct span id, const struct match_keys *k, bool probes)
{
    const struct minhash *m = &k->name_hash;

    fprintf(out, "%.*s\taccount\t%s\t%s\t%s\t%s%s%s\t{", (int)id.n, id.p, k->name, k->city,
            k->postcode, k->street, *k->street && *k->house ? " " : "", k->house);
    for (size_t i = 0; i < BANDS; i++)
        fprintf(out, "%s%d", i ? "," : "", m->bands[i]);
    fprintf(out, "}\t%zu\t", m->trigrams);
    for (size_t i = 64; i-- > 0;)
        putc((m->print >> i & 1) != 0 ? '1' : '0', out);
    if (probes) {
        fputs("\t{", out);
        for (size_t i = 0; i < PROBES; i++)
            fprintf(out, "%s%d", i ? "," : "", m->probes[i]);
        putc('}', out);
    }
    putc('\n', out);
}

int main(int argc, char **argv)
{
    FILE *names = argc > 1 ? fopen(argv[1], "w") : NULL,
         *keys = argc > 2 ? fopen(argv[2], "w") : NULL;
    char *line = NULL;
    size_t room = 0;
    bool probes = argc > 3;

    if (!names || !keys)
        return 2;
    while (getline(&line, &room, stdin) > 0) {
        char *at = line;
        struct span id = next_field(&at);
        struct match_fields f = {0};
        struct match_keys k;

        f.name = next_field(&at);
        f.city = next_field(&at);
        f.postcode = next_field(&at);
        f.street = next_field(&at);
        f.tax_id = next_field(&at);
        match_keys_of(&f, "PL", &k);
        if (*k.name && k.name_hash.trigrams)
            write_name(names, id, &k, probes);
        if (*k.tax_id)
            fprintf(keys, "tax_id\t%s\taccount\t%.*s\n", k.tax_id, (int)id.n, id.p);
    }
    free(line);
    return fclose(names) || fclose(keys);
}
