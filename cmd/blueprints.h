/**
 * blueprints - sluicectl blueprint: processes as texts, with and without a database.
 */
#ifndef SLUICE_CMD_BLUEPRINTS_H
#define SLUICE_CMD_BLUEPRINTS_H

/** Runs "blueprint VERB ..." (argv[0] is "blueprint"). Returns the exit status: 0; 1 when texts
 * differ or a process would not work; 2 when something could not be done. */
int blueprints_main(int argc, char **argv);

#endif
