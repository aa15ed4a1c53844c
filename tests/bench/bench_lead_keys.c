/* The keys of leads, as the daemon sends them along with a write: reads bodies of leads as lines of
 * JSON and writes a line of JSON with the keys of each. bench.py fills tables with them and lets
 * pgbench send what the daemon sends. */
#include <stdio.h>
#include <stdlib.h>

#include "service/record/match_keys.h"

int main(void)
{
    char *line = NULL;
    size_t room = 0;

    while (getline(&line, &room, stdin) > 0) {
        json_t *body = json_loads(line, 0, NULL);
        json_t *keys = body ? match_keys_json("lead", body) : NULL;

        if (!keys || json_dumpf(keys, stdout, JSON_COMPACT) < 0)
            return 1;
        (void)putchar('\n');
        json_decref(keys);
        json_decref(body);
    }
    free(line);
    return ferror(stdin) || fflush(stdout) != 0;
}
