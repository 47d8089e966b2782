/* entrypoint: runs a job's command, keeps its output, and writes down how it ended.
 *
 * It starts the command in a process group of its own with standard input from /dev/null, copies what it prints to the
 * process log and to its own standard output, and writes the exit code to the marker file in one step (file, fsync, rename).
 * On a timeout, a signal or a byte in the control FIFO the command gets SIGINT (and the signal), then a grace period, then
 * SIGKILL. Signals go to the command alone, as operators know it; before the marker is written everything that the command
 * left behind is ended: its process group, and all orphans, which come to us as their subreaper. So a marker means that
 * nothing writes to the log or the artifacts any more.
 *
 * Codes: the command's own; -1 when a signal ended it; 127 could not start or timed out; 130 aborted; 1130 not run because
 * an earlier step failed. `--relay` is the inner half, see relay.c. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "options.h"
#include "relay.h"

enum { INTERNAL = 127, ABORTED = 130, PREVIOUS_FAILED = 1130, NO_CODE = INT_MIN };

static int log_fd = -1;

/* ---- output ---- */

static void write_all(int fd, const char *data, size_t size) {
  while (size > 0) {
    ssize_t done = write(fd, data, size);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return; /* a full disk or a closed reader does not end the job */
    data += done;
    size -= (size_t)done;
  }
}

static void output(const char *data, size_t size) {
  write_all(STDOUT_FILENO, data, size);
  if (log_fd >= 0) write_all(log_fd, data, size);
}

/* The inside of a JSON string; cut when there is no room. */
static void quoted(char *to, size_t room, const char *from) {
  for (; *from && room > 7; from++) {
    unsigned char c = (unsigned char)*from;
    int used = c == '"' || c == '\\' ? sprintf(to, "\\%c", c) : c < 0x20 ? sprintf(to, "\\u%04x", c) : sprintf(to, "%c", c);
    to += used;
    room -= (size_t)used;
  }
  *to = '\0';
}

/* One line as the other utilities write them; `error` may be NULL. */
static void line(const char *level, const char *error, const char *format, ...) {
  char message[2048], safe[4096], problem[4096] = "", text[9216], when[32];
  va_list values;
  va_start(values, format);
  vsnprintf(message, sizeof message, format, values);
  va_end(values);
  quoted(safe, sizeof safe, message);
  if (error) quoted(problem, sizeof problem, error);
  time_t now = time(NULL);
  struct tm utc;
  strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
  int size = snprintf(text, sizeof text,
                      "{\"component\":\"entrypoint\"%s%s%s,\"file\":\"native/entrypoint.c\",\"func\":\"main\",\"level\":\"%s\","
                      "\"msg\":\"%s\",\"severity\":\"%s\",\"time\":\"%s\"}\n",
                      error ? ",\"error\":\"" : "", problem, error ? "\"" : "", level, safe, level, when);
  output(text, (size_t)size);
}

/* ---- time ---- */

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int left_ms(int64_t deadline) {
  int64_t left = (deadline - now_ns() + 999999) / 1000000;
  return left < 0 ? 0 : left > 3600000 ? 3600000 : (int)left;
}

static void pause_ms(int ms) {
  struct timespec t = {.tv_nsec = ms * 1000000L};
  nanosleep(&t, NULL);
}

/* ---- files ---- */

static void make_parents(char *path, mode_t mode) {
  for (char *at = path + 1; (at = strchr(at, '/')); at++) {
    *at = '\0';
    mkdir(path, mode);
    *at = '/';
  }
}

static bool make_folder(const char *path, mode_t mode) {
  char copy[PATH_MAX];
  if ((size_t)snprintf(copy, sizeof copy, "%s/", path) >= sizeof copy) return errno = ENAMETOOLONG, false;
  make_parents(copy, mode);
  struct stat found;
  return stat(path, &found) == 0;
}

/* The marker appears whole or not at all. */
static bool write_marker(const struct options *o, int code) {
  char folder[PATH_MAX], file[PATH_MAX + 8], text[16];
  const char *slash = strrchr(o->marker_file, '/'), *name = o->container_name ? o->container_name : "";
  int length = slash ? (int)(slash - o->marker_file) + 1 : 0;
  if ((size_t)snprintf(folder, sizeof folder, "%.*s%sXXXXXX", length, o->marker_file, strchr(name, '/') ? "" : name) >= sizeof folder)
    return errno = ENAMETOOLONG, false;
  if (!mkdtemp(folder)) return false;
  sprintf(file, "%s/marker", folder);
  int size = sprintf(text, "%d", code), fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  bool good = fd >= 0 && write(fd, text, (size_t)size) == size && fsync(fd) == 0 && fchmod(fd, 0777) == 0 && rename(file, o->marker_file) == 0;
  int why = errno;
  if (fd >= 0) close(fd);
  if (!good) unlink(file);
  rmdir(folder);
  errno = why;
  return good;
}

static int copy_self(char *to) {
  char buffer[1 << 16];
  struct stat self;
  int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), fd;
  make_parents(to, 0755);
  if (from < 0 || fstat(from, &self) < 0 || (fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, self.st_mode & 07777)) < 0) {
    line("fatal", strerror(errno), "The entrypoint cannot be copied to %s.", to);
    return 1;
  }
  ssize_t got;
  while ((got = read(from, buffer, sizeof buffer)) > 0)
    if (write(fd, buffer, (size_t)got) != got) got = -1;
  bool good = got == 0 && fchmod(fd, self.st_mode & 07777) == 0 && close(fd) == 0;
  if (!good) line("fatal", strerror(errno), "The entrypoint cannot be copied to %s.", to);
  return good ? 0 : 1;
}

/* ---- processes ---- */

struct command {
  pid_t pid;
  int output, relay; /* relay: our end of the socket, or -1 */
  bool exited, silent, told;
  int status;
};

/* Close descriptors `from` to `to`, whatever they are: those of whoever started us are no business of a job. */
static void close_all(unsigned from, unsigned to) {
  if (from > to) return;
#ifdef SYS_close_range
  if (syscall(SYS_close_range, from, to, 0) == 0) return;
#endif
  for (unsigned fd = from; fd <= to && fd < 4096; fd++) close((int)fd);
}

static void in_child(const struct options *o, const int out, const int relay, const int failure) {
  sigset_t none;
  sigemptyset(&none);
  setpgid(0, 0);
  /* Who started us in the background of a script ignores SIGINT; the command must not: it is asked to end by it. */
  static const int plain[] = {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGQUIT};
  for (unsigned i = 0; i < sizeof plain / sizeof *plain; i++) signal(plain[i], SIG_DFL);
  sigprocmask(SIG_SETMASK, &none, NULL);
  int null = open("/dev/null", O_RDONLY);
  if (null >= 0) dup2(null, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(out, STDERR_FILENO);
  if (relay >= 0) {
    if (relay == RELAY_FD) fcntl(relay, F_SETFD, 0);
    else dup2(relay, RELAY_FD);
  }
  int kept = fcntl(failure, F_DUPFD_CLOEXEC, 3 + (relay >= 0));
  close_all(3 + (relay >= 0), (unsigned)kept - 1);
  close_all((unsigned)kept + 1, UINT_MAX);
  execvp(o->args[0], o->args);
  int why = errno;
  write_all(kept, (const char *)&why, sizeof why);
  _exit(INTERNAL);
}

/* Descriptors that the child moves must not lie where it moves others to. */
static int high(int fd) {
  int moved = fcntl(fd, F_DUPFD_CLOEXEC, 10);
  if (moved >= 0) close(fd);
  return moved;
}

/* Errno of a failed start, or 0. */
static int start(const struct options *o, struct command *c) {
  int out[2], failure[2], relay[2] = {-1, -1};
  if (pipe2(out, O_CLOEXEC) < 0 || pipe2(failure, O_CLOEXEC) < 0) return errno;
  if (o->relayed && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, relay) < 0) return errno;
  out[1] = high(out[1]);
  failure[1] = high(failure[1]);
  c->pid = fork();
  if (c->pid < 0) return errno;
  if (c->pid == 0) in_child(o, out[1], relay[1], failure[1]);
  close(out[1]);
  close(failure[1]);
  if (relay[1] >= 0) close(relay[1]);
  int why = 0;
  if (read(failure[0], &why, sizeof why) != sizeof why) why = 0;
  close(failure[0]);
  if (why) waitpid(c->pid, &c->status, 0);
  c->output = out[0];
  c->relay = relay[0];
  fcntl(c->output, F_SETFL, O_NONBLOCK);
  return why;
}

static void reap(struct command *c) {
  int status;
  for (pid_t ended; (ended = waitpid(-1, &status, WNOHANG)) > 0;) {
    if (ended != c->pid) continue;
    c->exited = true;
    if (!c->told) c->status = status;
  }
}

static void copy_output(struct command *c) {
  char buffer[1 << 16];
  for (int turns = 0; turns < 16; turns++) {
    ssize_t got = read(c->output, buffer, sizeof buffer);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
      c->silent = true;
      return;
    }
    output(buffer, (size_t)got);
  }
}

static void hear_relay(struct command *c) {
  int status;
  if (read(c->relay, &status, sizeof status) == sizeof status) {
    c->status = status;
    c->told = true;
  }
  close(c->relay);
  c->relay = -1;
}

static void deliver(const struct command *c, int number) {
  unsigned char byte = (unsigned char)number;
  if (c->relay >= 0) send(c->relay, &byte, 1, MSG_NOSIGNAL);
  else if (!c->exited) kill(c->pid, number);
}

static bool is_child(const char *pid) {
  char path[64], text[512];
  snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC), parent = 0;
  if (fd < 0) return false;
  ssize_t got = read(fd, text, sizeof text - 1);
  close(fd);
  text[got > 0 ? got : 0] = '\0';
  char *name_end = strrchr(text, ')');
  return name_end && sscanf(name_end + 1, " %*c %d", &parent) == 1 && parent == getpid();
}

/* End the group and every orphan that came to us; 5 s at most, for a process may be stuck in the kernel. */
static void end_everything(struct command *c) {
  kill(-c->pid, SIGKILL);
  for (int64_t deadline = now_ns() + 5000000000LL; now_ns() < deadline; pause_ms(2)) {
    reap(c);
    if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD) break;
    DIR *processes = opendir("/proc");
    if (!processes) break;
    for (struct dirent *entry; (entry = readdir(processes));)
      if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && is_child(entry->d_name)) kill(atoi(entry->d_name), SIGKILL);
    closedir(processes);
  }
  copy_output(c);
}

static int code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : -1; }

/* ---- the run ---- */

/* The signal to obey from the signal descriptor or the FIFO, 0 if there is none. Children are reaped on the way. */
static int heard(int signals, int control, struct command *c) {
  struct signalfd_siginfo info;
  char bytes[64];
  int found = 0;
  while (read(signals, &info, sizeof info) == sizeof info)
    if (info.ssi_signo == SIGCHLD && c) reap(c);
    else if (info.ssi_signo != SIGCHLD && !found) found = (int)info.ssi_signo;
  if (control >= 0 && read(control, bytes, sizeof bytes) > 0 && !found) found = SIGTERM;
  return found;
}

static const char *signal_name(int number) { return number == SIGINT ? "interrupt" : "terminated"; }

static int supervise(const struct options *o, struct command *c, int signals, int control) {
  char span[48];
  int64_t deadline = now_ns() + o->timeout;
  int code = NO_CODE; /* set when we are ending the command */
  while (!(c->exited && c->silent)) {
    if (now_ns() >= deadline) {
      duration_text(code == NO_CODE ? o->timeout : o->grace_period, span);
      if (code != NO_CODE) break;
      line("error", NULL, "Process did not finish before %s timeout", span);
      code = INTERNAL;
      deliver(c, SIGINT);
      deadline = now_ns() + o->grace_period;
    }
    struct pollfd on[4] = {{.fd = signals, .events = POLLIN},
                           {.fd = c->silent ? -1 : c->output, .events = POLLIN},
                           {.fd = control, .events = POLLIN},
                           {.fd = c->relay, .events = POLLIN}};
    if (poll(on, 4, left_ms(deadline)) < 0 && errno != EINTR) break;
    if (on[3].revents) hear_relay(c);
    if (on[1].revents) copy_output(c);
    int number = on[0].revents || on[2].revents ? heard(signals, control, c) : 0;
    if (number && code == NO_CODE) {
      line("error", NULL, "Entrypoint received interrupt: %s", signal_name(number));
      code = ABORTED;
      deliver(c, SIGINT);
      if (number != SIGINT) deliver(c, number);
      deadline = now_ns() + o->grace_period;
    }
  }
  bool over = c->exited && c->silent;
  if (!over) kill(c->pid, SIGKILL);
  if (code != NO_CODE) {
    duration_text(o->grace_period, span);
    line("error", NULL, over ? "Process gracefully exited before %s grace period" : "Process did not exit before %s grace period", span);
  }
  end_everything(c);
  if (code == NO_CODE || o->propagate_error_code) code = code_of(c->status);
  return code;
}

/* Wait for an earlier step. 0: go on; else the code to end with. */
static int wait_for(const char *marker, int signals, int control) {
  struct pollfd on[2] = {{.fd = signals, .events = POLLIN}, {.fd = control, .events = POLLIN}};
  for (;; poll(on, 2, 50)) {
    if (heard(signals, control, NULL)) return INTERNAL;
    char text[32], *end;
    int fd = open(marker, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) continue;
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    if (got <= 0) return INTERNAL;
    text[got] = '\0';
    long code = strtol(text, &end, 10);
    return end == text ? INTERNAL : code == 0 ? 0 : PREVIOUS_FAILED;
  }
}

static int run(const struct options *o) {
  struct command c = {.status = INTERNAL << 8};
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGINT);
  sigaddset(&mask, SIGTERM);
  sigaddset(&mask, SIGCHLD);
  sigprocmask(SIG_BLOCK, &mask, NULL);
  signal(SIGPIPE, SIG_IGN);
  int signals = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
  /* Opened for both ways, so that the FIFO never ends when a writer goes. */
  int control = o->control ? open(o->control, O_RDWR | O_NONBLOCK | O_CLOEXEC) : -1;
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  mode_t mask_before = umask(0);
  bool folder = !o->artifact_dir || make_folder(o->artifact_dir, 0777);
  umask(mask_before);
  log_fd = open(o->process_log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
  if (!folder || log_fd < 0 || signals < 0 || (o->control && control < 0)) {
    line("error", strerror(errno), "The log, the artifacts' folder or the control file cannot be used.");
    return INTERNAL;
  }
  for (char **note = o->notes; note && *note; note++) line("info", NULL, "%s", *note);
  if (o->previous_marker) {
    int code = wait_for(o->previous_marker, signals, control);
    if (code) {
      line("error", NULL, "The command is not run: an earlier step failed or was stopped.");
      return code;
    }
  }
  int why = start(o, &c);
  if (why) {
    line("error", strerror(why), "could not start the process: %s", o->args[0]);
    return INTERNAL;
  }
  return supervise(o, &c, signals, control);
}

int main(int argc, char **argv) {
  if (argc > 1 && !strcmp(argv[1], "--relay")) return relay_main(argc, argv);
  struct options o;
  const char *error = NULL;
  if (!options_load(&o, argc, argv, &error)) {
    line("fatal", error, "Invalid options");
    return 1;
  }
  if (o.copy_mode_only) return copy_self(o.copy_dst);
  if (o.lock_fd >= 0) {
    fcntl(o.lock_fd, F_SETFD, FD_CLOEXEC);
    close_all(3, (unsigned)o.lock_fd - 1);
    close_all((unsigned)o.lock_fd + 1, UINT_MAX);
    setsid();
  }
  int code = run(&o);
  if (code != 0) {
    char text[48];
    snprintf(text, sizeof text, code == -1 ? "ended by a signal" : "exit status %d", code);
    line("error", text, "The command failed.");
  }
  if (!write_marker(&o, code)) {
    line("error", strerror(errno), "The marker file %s cannot be written.", o.marker_file);
    code = INTERNAL;
  }
  return o.always_zero ? 0 : code;
}
