/* Reading options: a bounded JSON reader that works inside its own buffer, and Go's flag syntax.
 *
 * The reader knows objects with the keys we want and skips every other value; nesting is limited, strings are unescaped in
 * place (the text of an escape is never shorter than what it stands for), and a NUL inside a string is refused, because no
 * argument of a program can hold one. */
#define _GNU_SOURCE
#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEEPEST = 32, LONGEST_FILE = 8 << 20 };

#define SECOND 1000000000LL

/* ---- JSON ---- */

struct reader {
  char *at;
  const char *error;
};

static bool fail(struct reader *r, const char *why) {
  if (!r->error) r->error = why;
  return false;
}

static void space(struct reader *r) {
  while (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r') r->at++;
}

static bool take(struct reader *r, char c) {
  space(r);
  if (*r->at != c) return false;
  r->at++;
  return true;
}

static int hex4(const char *at) {
  int value = 0;
  for (int i = 0; i < 4; i++) {
    char c = at[i];
    int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

static char *utf8(char *to, int c) {
  if (c < 0x80) {
    *to++ = (char)c;
  } else if (c < 0x800) {
    *to++ = (char)(0xc0 | c >> 6);
    *to++ = (char)(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    *to++ = (char)(0xe0 | c >> 12);
    *to++ = (char)(0x80 | (c >> 6 & 0x3f));
    *to++ = (char)(0x80 | (c & 0x3f));
  } else {
    *to++ = (char)(0xf0 | c >> 18);
    *to++ = (char)(0x80 | (c >> 12 & 0x3f));
    *to++ = (char)(0x80 | (c >> 6 & 0x3f));
    *to++ = (char)(0x80 | (c & 0x3f));
  }
  return to;
}

/* The character of an escape; `r->at` stands behind the backslash and ends behind the escape. -1: not an escape. */
static int escape(struct reader *r) {
  static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
  char c = *r->at;
  if (c == '\0') return -1;
  r->at++;
  if (c != 'u') {
    const char *found = strchr(names, c);
    return found ? values[found - names] : -1;
  }
  int first = hex4(r->at);
  if (first < 0) return -1;
  r->at += 4;
  if (first < 0xd800 || first > 0xdfff) return first;
  int second = first < 0xdc00 && r->at[0] == '\\' && r->at[1] == 'u' ? hex4(r->at + 2) : -1;
  if (second < 0xdc00 || second > 0xdfff) return 0xfffd; /* half a pair: what Go puts there, too */
  r->at += 6;
  return 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
}

static bool string(struct reader *r, char **value) {
  if (!take(r, '"')) return fail(r, "a string was expected");
  char *to = *value = r->at;
  for (;;) {
    char c = *r->at;
    if (c == '\0') return fail(r, "a string does not end");
    r->at++;
    if (c == '"') break;
    if (c != '\\') {
      *to++ = c;
      continue;
    }
    int escaped = escape(r);
    if (escaped < 0) return fail(r, "a string has a broken escape");
    if (escaped == 0) return fail(r, "a string contains NUL");
    to = utf8(to, escaped);
  }
  *to = '\0';
  return true;
}

static bool word(struct reader *r, const char *text) {
  space(r);
  size_t length = strlen(text);
  if (strncmp(r->at, text, length) != 0) return false;
  r->at += length;
  return true;
}

static bool boolean(struct reader *r, bool *value) {
  *value = word(r, "true");
  return *value || word(r, "false") || word(r, "null") || fail(r, "true or false was expected");
}

static bool integer(struct reader *r, int64_t *value) {
  space(r);
  if (word(r, "null")) return true;
  char *end;
  errno = 0;
  *value = strtoll(r->at, &end, 10);
  if (end == r->at || errno || *end == '.' || *end == 'e' || *end == 'E') return fail(r, "a whole number was expected");
  r->at = end;
  return true;
}

static bool text(struct reader *r, char **value) {
  if (word(r, "null")) return true;
  if (!string(r, value)) return false;
  if (**value == '\0') *value = NULL;
  return true;
}

static bool texts(struct reader *r, char ***value) {
  size_t count = 0, room = 16;
  if (word(r, "null")) return true;
  if (!take(r, '[')) return fail(r, "a list of strings was expected");
  char **list = malloc(room * sizeof *list);
  if (!list) return fail(r, "no memory");
  if (!take(r, ']')) {
    do {
      if (count + 1 == room) {
        char **more = realloc(list, (room *= 2) * sizeof *list);
        if (!more) return fail(r, "no memory");
        list = more;
      }
      if (!string(r, &list[count++])) return false;
    } while (take(r, ','));
    if (!take(r, ']')) return fail(r, "a list does not end");
  }
  list[count] = NULL;
  *value = list;
  return true;
}

static bool skip(struct reader *r, int depth) {
  char *ignored;
  if (depth > DEEPEST) return fail(r, "nested too deeply");
  space(r);
  if (*r->at == '"') return string(r, &ignored);
  if (*r->at == '[' || *r->at == '{') {
    char close = *r->at++ == '[' ? ']' : '}';
    if (take(r, close)) return true;
    do {
      if (close == '}' && (!string(r, &ignored) || !take(r, ':'))) return fail(r, "a key was expected");
      if (!skip(r, depth + 1)) return false;
    } while (take(r, ','));
    return take(r, close) || fail(r, "an object or list does not end");
  }
  size_t length = strspn(r->at, "+-.0123456789Eaeflnrstu");
  r->at += length;
  return length > 0 || fail(r, "a value was expected");
}

static bool field(struct reader *r, const char *key, struct options *o) {
  int64_t number = -1;
  if (!strcmp(key, "timeout")) return integer(r, &o->timeout);
  if (!strcmp(key, "grace_period")) return integer(r, &o->grace_period);
  if (!strcmp(key, "artifact_dir")) return text(r, &o->artifact_dir);
  if (!strcmp(key, "previous_marker")) return text(r, &o->previous_marker);
  if (!strcmp(key, "container_name")) return text(r, &o->container_name);
  if (!strcmp(key, "process_log")) return text(r, &o->process_log);
  if (!strcmp(key, "marker_file")) return text(r, &o->marker_file);
  if (!strcmp(key, "metadata_file")) return text(r, &o->metadata_file);
  if (!strcmp(key, "copy_dst")) return text(r, &o->copy_dst);
  if (!strcmp(key, "args")) return texts(r, &o->args);
  if (!strcmp(key, "always_zero")) return boolean(r, &o->always_zero);
  if (!strcmp(key, "propagate_error_code")) return boolean(r, &o->propagate_error_code);
  if (!strcmp(key, "copy_mode_only")) return boolean(r, &o->copy_mode_only);
  if (!strcmp(key, "control")) return text(r, &o->control);
  if (!strcmp(key, "relayed")) return boolean(r, &o->relayed);
  if (!strcmp(key, "notes")) return texts(r, &o->notes);
  if (!strcmp(key, "lock_fd")) {
    if (!integer(r, &number)) return false;
    o->lock_fd = number >= 0 && number < 1 << 20 ? (int)number : -1;
    return true;
  }
  return skip(r, 0);
}

static bool json(struct options *o, char *from, const char **error) {
  struct reader r = {.at = from};
  char *key;
  bool good = take(&r, '{') || fail(&r, "an object was expected");
  if (good && !take(&r, '}')) {
    do {
      good = string(&r, &key) && (take(&r, ':') || fail(&r, "a colon was expected")) && field(&r, key, o);
    } while (good && take(&r, ','));
    good = good && (take(&r, '}') || fail(&r, "the object does not end"));
  }
  space(&r);
  if (good && *r.at) good = fail(&r, "there is something behind the object");
  *error = r.error;
  return good;
}

static char *read_file(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat found;
  if (fd < 0) return NULL;
  char *content = NULL;
  if (fstat(fd, &found) == 0 && found.st_size <= LONGEST_FILE && (content = malloc((size_t)found.st_size + 1))) {
    ssize_t got = read(fd, content, (size_t)found.st_size);
    content[got > 0 ? got : 0] = '\0';
  }
  close(fd);
  return content;
}

/* ---- flags and durations ---- */

static bool duration(const char *from, int64_t *ns) {
  static const struct { const char *name; double size; } units[] = {
      {"ns", 1}, {"us", 1e3}, {"µs", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
  double total = 0;
  if (!strcmp(from, "0")) return *ns = 0, true;
  while (*from) {
    char *end;
    if (strspn(from, "0123456789.") == 0) return false;
    double number = strtod(from, &end);
    size_t length = strcspn(end, "0123456789."), unit = 0;
    for (; unit < sizeof units / sizeof *units; unit++)
      if (strlen(units[unit].name) == length && !strncmp(end, units[unit].name, length)) break;
    if (unit == sizeof units / sizeof *units) return false;
    total += number * units[unit].size;
    from = end + length;
  }
  *ns = (int64_t)total;
  return total > 0 && total < 9e18;
}

void duration_text(int64_t ns, char *to) {
  int64_t hours = ns / (3600 * SECOND), minutes = ns / (60 * SECOND) % 60;
  double rest = (double)(ns % (60 * SECOND));
  if (ns < SECOND) {
    if (ns == 0) sprintf(to, "0s");
    else if (ns >= 1000000) sprintf(to, "%.9gms", rest / 1e6);
    else if (ns >= 1000) sprintf(to, "%.9gµs", rest / 1e3);
    else sprintf(to, "%dns", (int)ns);
    return;
  }
  if (hours) to += sprintf(to, "%lldh", (long long)hours);
  if (hours || minutes) to += sprintf(to, "%lldm", (long long)minutes);
  sprintf(to, "%.11gs", rest / 1e9);
}

static bool flag(struct options *o, const char *name, char *value, const char **error) {
  const struct { const char *name; char **to; } text_flags[] = {
      {"artifact-dir", &o->artifact_dir}, {"copy-destination", &o->copy_dst},   {"process-log", &o->process_log},
      {"marker-file", &o->marker_file},   {"metadata-file", &o->metadata_file}, {"options", NULL}};
  if (!strcmp(name, "timeout") || !strcmp(name, "grace-period")) {
    *error = "--timeout and --grace-period want a duration such as 1h30m";
    return duration(value, name[0] == 't' ? &o->timeout : &o->grace_period);
  }
  for (size_t i = 0; i < sizeof text_flags / sizeof *text_flags; i++) {
    if (strcmp(name, text_flags[i].name) != 0) continue;
    if (text_flags[i].to) return *text_flags[i].to = *value ? value : NULL, true;
    char *content = read_file(value);
    *error = "--options: this file cannot be read";
    return content && json(o, content, error);
  }
  *error = "unknown flag; there are --timeout, --grace-period, --artifact-dir, --process-log, --marker-file, "
           "--metadata-file, --copy-mode-only, --copy-destination, --propagate-error-code and --options";
  return false;
}

static bool flags(struct options *o, int argc, char **argv, const char **error) {
  int i = 1;
  for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
    char *name = argv[i] + (argv[i][1] == '-' ? 2 : 1), *value = strchr(name, '=');
    if (!*name) {
      i++;
      break;
    }
    if (value) *value++ = '\0';
    bool *to = !strcmp(name, "copy-mode-only") ? &o->copy_mode_only : !strcmp(name, "propagate-error-code") ? &o->propagate_error_code : NULL;
    if (to) {
      *to = !value || !strcmp(value, "true") || !strcmp(value, "1");
      continue;
    }
    if (!value && ++i < argc) value = argv[i];
    if (!value) return *error = "a flag has no value", false;
    if (!flag(o, name, value, error)) return false;
  }
  if (i < argc) o->args = argv + i;
  return true;
}

bool options_load(struct options *o, int argc, char **argv, const char **error) {
  const char *given = getenv("ENTRYPOINT_OPTIONS");
  *o = (struct options){.lock_fd = -1};
  if (given) {
    char *copy = strdup(given);
    if (!copy || !json(o, copy, error)) return false;
  } else if (!flags(o, argc, argv, error)) {
    return false;
  }
  if (o->timeout <= 0) o->timeout = 2 * 3600 * SECOND;
  if (o->grace_period <= 0) o->grace_period = 15 * SECOND;
  if (!o->copy_dst) o->copy_dst = "/tools/entrypoint";
  if (o->copy_mode_only) return true;
  if (!o->args || !o->args[0]) return *error = "no process to wrap was specified", false;
  if (!o->process_log) return *error = "no log file was given: process_log", false;
  if (!o->marker_file) return *error = "no marker file was given: marker_file", false;
  if (o->propagate_error_code && o->always_zero)
    return *error = "propagate_error_code and always_zero exclude each other", false;
  return true;
}
