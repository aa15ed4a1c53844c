#include "db/ask.h"

#include <libpq-fe.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A struct result is a PGresult: nothing is copied. Only this file and conn.c know. */
static const PGresult *pg(const struct result *r)
{
    return (const PGresult *)(const void *)r;
}

static const struct {
    Oid type;
    enum column_kind kind;
} kinds[] = {
    {25, COLUMN_TEXT},         /* text: most are, and are found at once */
    {16, COLUMN_BOOLEAN},      /* bool */
    {20, COLUMN_NUMBER},       /* int8 */
    {21, COLUMN_NUMBER},       /* int2 */
    {23, COLUMN_NUMBER},       /* int4 */
    {26, COLUMN_NUMBER},       /* oid */
    {700, COLUMN_NUMBER},      /* float4 */
    {701, COLUMN_NUMBER},      /* float8 */
    {114, COLUMN_JSON},        /* json */
    {3802, COLUMN_JSON},       /* jsonb */
    {1184, COLUMN_TIMESTAMP},  /* timestamptz */
    {1002, COLUMN_TEXT_ARRAY}, /* char[] */
    {1003, COLUMN_TEXT_ARRAY}, /* name[] */
    {1009, COLUMN_TEXT_ARRAY}, /* text[] */
    {1014, COLUMN_TEXT_ARRAY}, /* bpchar[] */
    {1015, COLUMN_TEXT_ARRAY}, /* varchar[] */
    {2951, COLUMN_TEXT_ARRAY}, /* uuid[] */
};

int result_rows(const struct result *r)
{
    return r == NULL ? 0 : PQntuples(pg(r));
}

int result_columns(const struct result *r)
{
    return r == NULL ? 0 : PQnfields(pg(r));
}

static bool has_column(const struct result *r, int column)
{
    return column >= 0 && column < result_columns(r);
}

static bool has_cell(const struct result *r, int row, int column)
{
    return row >= 0 && row < result_rows(r) && has_column(r, column);
}

const char *result_name(const struct result *r, int column)
{
    return has_column(r, column) ? PQfname(pg(r), column) : NULL;
}

enum column_kind result_kind(const struct result *r, int column)
{
    Oid type = has_column(r, column) ? PQftype(pg(r), column) : 0;

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].type == type)
            return kinds[i].kind;
    return COLUMN_TEXT;
}

unsigned result_type(const struct result *r, int column)
{
    return has_column(r, column) ? PQftype(pg(r), column) : 0;
}

int result_column(const struct result *r, const char *name)
{
    int n = result_columns(r);

    /* Not PQfnumber(), which reads the name as an SQL identifier and folds its case. */
    for (int i = 0; i < n; i++)
        if (strcmp(PQfname(pg(r), i), name) == 0)
            return i;
    return -1;
}

const char *result_text(const struct result *r, int row, int column)
{
    if (!has_cell(r, row, column) || PQgetisnull(pg(r), row, column))
        return NULL;
    return PQgetvalue(pg(r), row, column);
}

size_t result_length(const struct result *r, int row, int column)
{
    return has_cell(r, row, column) ? (size_t)PQgetlength(pg(r), row, column) : 0;
}

const char *result_cell(const struct result *r, int row, int column, size_t *n)
{
    *n = (size_t)PQgetlength(pg(r), row, column); /* 0 for NULL too */
    return *n == 0 && PQgetisnull(pg(r), row, column) ? NULL : PQgetvalue(pg(r), row, column);
}

const char *result_get(const struct result *r, int row, const char *name)
{
    return result_text(r, row, result_column(r, name));
}

/* libpq takes char * where it only reads. */
static char *unconst(const char *text)
{
    return (char *)(uintptr_t)text;
}

struct result *result_fake(int columns, const char *const *names, const unsigned *types, int rows,
                           const char *const *values)
{
    PGresult *fake = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    PGresAttDesc *heads = calloc((size_t)columns + 1, sizeof *heads);

    if (fake == NULL || heads == NULL)
        abort();
    for (int i = 0; i < columns; i++)
        heads[i] = (PGresAttDesc){
            .name = unconst(names[i]), .typid = types == NULL ? 25 : types[i], .typlen = -1};
    if (!PQsetResultAttrs(fake, columns, heads))
        abort();
    free(heads);
    for (int i = 0; i < rows * columns; i++)
        if (!PQsetvalue(fake, i / columns, i % columns, unconst(values[i]),
                        values[i] == NULL ? -1 : (int)strlen(values[i])))
            abort();
    return (struct result *)(void *)fake;
}

void result_free(struct result *r)
{
    PQclear((PGresult *)(void *)r);
}
