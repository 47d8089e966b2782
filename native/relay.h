/* The inner half: `entrypoint --relay` is the first process inside a sandbox and starts the command there. */
#ifndef PROW_RELAY_H
#define PROW_RELAY_H

/* Where the inner half finds its socket to the outer one: signal numbers come in as bytes, one wait status goes out. */
enum { RELAY_FD = 3 };

int relay_main(int argc, char **argv);

#endif
