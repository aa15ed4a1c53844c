/**
 * sheets - sluicectl import and export: spreadsheets, by way of a running daemon.
 */
#ifndef SLUICE_CMD_SHEETS_H
#define SLUICE_CMD_SHEETS_H

/** Runs "import FILE ..." and "export KIND ..." (argv[0] is the verb). Returns the exit status: 0;
 * 1 when rows are invalid; 2 when something could not be done. */
int import_main(int argc, char **argv);
int export_main(int argc, char **argv);

#endif
