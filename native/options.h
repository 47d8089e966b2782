/* The options of the entrypoint: upstream's JSON or flags, and a few of our own that only the local engine gives. */
#ifndef PROW_OPTIONS_H
#define PROW_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
  /* Upstream's. Durations in nanoseconds; 0 means the default. Texts are NULL or not empty. */
  int64_t timeout, grace_period;
  char *artifact_dir, *previous_marker, *container_name, *process_log, *marker_file, *metadata_file, *copy_dst;
  char **args; /* ends with NULL */
  bool always_zero, propagate_error_code, copy_mode_only;

  /* Ours. `lock_fd`: an inherited descriptor with a lock, kept for life and from the command (-1: none).
   * `control`: a FIFO; a byte in it ends the command as SIGTERM does. `relayed`: the command runs under `--relay` behind a
   * sandbox, with a socket at RELAY_FD. `notes`: lines logged before the start. */
  int lock_fd;
  char *control;
  bool relayed;
  char **notes;
};

/* Fill `o` from the environment, a file (`--options`) or flags. False: `error` says what is wrong. */
bool options_load(struct options *o, int argc, char **argv, const char **error);

/* Go's text of a duration, e.g. 2h0m0s. `text` has room for 48 bytes. */
void duration_text(int64_t ns, char *text);

#endif
