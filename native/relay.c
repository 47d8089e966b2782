/* `entrypoint --relay [--env-file FILE] [--chdir DIR] [--fd] -- COMMAND...`: process 1 of a sandbox.
 *
 * The sandbox's own program stands between the entrypoint and the command, and a signal would end that program and with it
 * the command, at once. So signals travel through a socket (`--fd`), or as signals where the container engine passes them on,
 * and the true wait status travels back. The environment comes from a file, so that nothing of it touches a program outside
 * the sandbox (think of LD_PRELOAD) or is seen in a list of processes. When the command ends this ends, and the kernel ends
 * everything else in the process namespace. */
#define _GNU_SOURCE
#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Add KEY=VALUE pairs, each ended by NUL, to the environment. 0, or -1 with errno. */
static int load_environment(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat found;
  if (fd < 0 || fstat(fd, &found) < 0) return -1;
  size_t size = (size_t)found.st_size, got = 0;
  char *content = malloc(size + 1);
  if (!content) return -1;
  while (got < size) {
    ssize_t more = read(fd, content + got, size - got);
    if (more <= 0) break;
    got += (size_t)more;
  }
  close(fd);
  content[got] = '\0';
  for (char *at = content; at < content + got; at += strlen(at) + 1)
    if (strchr(at, '=')) putenv(at);
  return 0;
}

static int complain(const char *what, const char *name) {
  fprintf(stderr, "entrypoint: %s %s: %s\n", what, name, strerror(errno));
  return 127;
}

static void run(char **command, const char *folder) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  if (folder) mkdir(folder, 0777); /* as container engines do; an error shows in the next line */
  if (folder && chdir(folder) < 0) _exit(complain("cannot enter the working directory", folder));
  execvp(command[0], command);
  _exit(complain("cannot start", command[0]));
}

int relay_main(int argc, char **argv) {
  const char *folder = NULL;
  int fd = -1, i = 2;
  for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
    if (!strcmp(argv[i], "--fd")) fd = RELAY_FD;
    else if (!strcmp(argv[i], "--chdir") && i + 1 < argc) folder = argv[++i];
    else if (!strcmp(argv[i], "--env-file") && i + 1 < argc) {
      if (load_environment(argv[++i]) < 0) return complain("cannot read the environment from", argv[i]);
    } else return errno = EINVAL, complain("--relay does not know", argv[i]);
  }
  char **command = argv + i + 1;
  if (i >= argc || !command[0]) return errno = EINVAL, complain("--relay", "needs -- and a command");
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (fd >= 0) fcntl(fd, F_SETFD, FD_CLOEXEC);
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGCHLD);
  sigaddset(&mask, SIGINT);
  sigaddset(&mask, SIGTERM);
  sigaddset(&mask, SIGHUP);
  sigprocmask(SIG_BLOCK, &mask, NULL);
  int signals = signalfd(-1, &mask, SFD_CLOEXEC);
  pid_t child = fork();
  if (child < 0 || signals < 0) return complain("cannot start", command[0]);
  if (child == 0) run(command, folder);

  struct pollfd on[2] = {{.fd = signals, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
  for (;;) {
    if (poll(on, 2, -1) < 0 && errno != EINTR) return complain("cannot wait for", command[0]);
    if (on[1].revents) {
      unsigned char wanted;
      if (read(fd, &wanted, 1) != 1) return 130; /* the entrypoint is gone: so are we, and the namespace with us */
      if (wanted > 0 && wanted < 32) kill(child, wanted);
    }
    if (!on[0].revents) continue;
    struct signalfd_siginfo info;
    if (read(signals, &info, sizeof info) != sizeof info) continue;
    if (info.ssi_signo != SIGCHLD) {
      kill(child, (int)info.ssi_signo);
      continue;
    }
    int status;
    for (pid_t ended; (ended = waitpid(-1, &status, WNOHANG)) > 0;) {
      if (ended != child) continue;
      if (fd >= 0 && write(fd, &status, sizeof status) != sizeof status) return 127;
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
  }
}
