/**
 * script - finds lines in a file of SQL statements, for messages.
 */
#ifndef SLUICE_DB_SCRIPT_H
#define SLUICE_DB_SCRIPT_H

/** Returns the line (from 1) of a character (from 1, as PostgreSQL counts: UTF-8 code points). */
unsigned script_line_of_character(const char *text, unsigned long position);

/** Returns the line where the @index-th statement (from 0) begins; the last line if there are
 * fewer. Semicolons in quotes, comments, dollar quotes and parentheses, and in SQL bodies (begin
 * atomic ... end), do not end a statement. */
unsigned script_line_of_statement(const char *text, unsigned index);

#endif
