// Preloaded into the release binary (LD_PRELOAD) by the torture scripts: counts the calls that change files, and lets
// one of them go wrong. Descriptors 0 to 2 are left alone.
//
//   FAULT=count       count only
//   FAULT=kill:N      die (SIGKILL) before the Nth call
//   FAULT=half:N      if the Nth call is a write: write half of it; then die
//   FAULT=nospace:N   the Nth call and every one after it that needs space fails with ENOSPC; a write writes half first
//   FAULT=once:N      as nospace, for the Nth call alone
//   FAULT=clock       every clock jumps back and forth by up to eleven days, at every reading
//   FAULT=hang        fsync does not return while the file FAULT_HANG exists
//   FAULT=nolinks     no disk has symbolic links; FAULT=nolocks: no disk has locks; FAULT=bare: neither
//   FAULT_COUNT=FILE  the count goes there at exit
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static enum { none, kills, halves, nospace, once, jumps, hangs } mode;
static int without_links, without_locks;
static long target;
static atomic_long calls;
static const char *count_file, *hang_file;

__attribute__((constructor)) static void start(void) {
  const char* fault = getenv("FAULT");
  count_file = getenv("FAULT_COUNT");
  if (!fault) return;
  const char* colon = strchr(fault, ':');
  target = colon ? atol(colon + 1) : 0;
  if (!strncmp(fault, "kill:", 5)) mode = kills;
  if (!strncmp(fault, "half:", 5)) mode = halves;
  if (!strncmp(fault, "nospace:", 8)) mode = nospace;
  if (!strncmp(fault, "once:", 5)) mode = once;
  if (!strcmp(fault, "clock")) mode = jumps;
  without_links = !strcmp(fault, "nolinks") || !strcmp(fault, "bare");
  without_locks = !strcmp(fault, "nolocks") || !strcmp(fault, "bare");
  hang_file = getenv("FAULT_HANG");
  if (!strcmp(fault, "hang") && hang_file) mode = hangs;
}

__attribute__((destructor)) static void end(void) {
  if (!count_file) return;
  FILE* file = fopen(count_file, "w");
  if (!file) return;
  fprintf(file, "%ld\n", atomic_load(&calls));
  fclose(file);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

// Whether this call has to fail for want of space.
static int fails(int needs_space) {
  long call = atomic_fetch_add(&calls, 1) + 1;
  if ((mode == kills || mode == halves) && call == target) die();
  if (!needs_space || !((mode == nospace && call >= target) || (mode == once && call == target))) return 0;
  errno = ENOSPC;
  return 1;
}

ssize_t write(int descriptor, const void* bytes, size_t count) {
  if (descriptor <= 2) return REAL(write)(descriptor, bytes, count);
  long call = atomic_fetch_add(&calls, 1) + 1;
  if (mode == kills && call == target) die();
  if (mode == halves && call == target) {
    REAL(write)(descriptor, bytes, count / 2);
    die();
  }
  if ((mode == nospace && call >= target) || (mode == once && call == target)) {
    // A full disk takes what still fits, and refuses the rest at the next call.
    if (call == target && count > 1) {
      if (mode == once) target++;
      return REAL(write)(descriptor, bytes, count / 2);
    }
    errno = ENOSPC;
    return -1;
  }
  return REAL(write)(descriptor, bytes, count);
}

int fsync(int descriptor) {
  while (mode == hangs && access(hang_file, F_OK) == 0) usleep(10000);
  return fails(1) ? -1 : REAL(fsync)(descriptor);
}
int rename(const char* from, const char* to) { return fails(1) ? -1 : REAL(rename)(from, to); }
int mkdir(const char* path, mode_t bits) { return fails(1) ? -1 : REAL(mkdir)(path, bits); }
int symlink(const char* to, const char* path) {
  if (without_links) {
    errno = EPERM;
    return -1;
  }
  return fails(1) ? -1 : REAL(symlink)(to, path);
}
int flock(int descriptor, int operation) {
  if (without_locks) {
    errno = ENOLCK;
    return -1;
  }
  return REAL(flock)(descriptor, operation);
}
int unlink(const char* path) { return fails(0) ? -1 : REAL(unlink)(path); }
int rmdir(const char* path) { return fails(0) ? -1 : REAL(rmdir)(path); }
int ftruncate(int descriptor, off_t size) { return fails(0) ? -1 : REAL(ftruncate)(descriptor, size); }

int open(const char* path, int flags, ...) {
  mode_t bits = 0;
  if (flags & (O_CREAT | O_TMPFILE)) {
    va_list arguments;
    va_start(arguments, flags);
    bits = va_arg(arguments, mode_t);
    va_end(arguments);
    if (fails(1)) return -1;
  }
  return REAL(open)(path, flags, bits);
}

// Clocks

static long jump(void) {
  static atomic_ulong state;
  unsigned long word = atomic_fetch_add(&state, 0x9E3779B97F4A7C15u);
  word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9u;
  return (long)((word >> 20) % 2000001) - 1000000;
}

int clock_gettime(clockid_t clock, struct timespec* time) {
  int result = REAL(clock_gettime)(clock, time);
  // Nothing but the time of day and the program's stopwatch: timers of the system go on as they are.
  if (mode == jumps && result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC)) time->tv_sec += jump();
  return result;
}

int gettimeofday(struct timeval* restrict time, void* restrict zone) {
  int result = REAL(gettimeofday)(time, zone);
  if (mode == jumps && result == 0) time->tv_sec += jump();
  return result;
}
