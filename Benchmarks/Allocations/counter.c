/* Counts the heap allocations of a process that is started with this library preloaded.
 *
 * Allocations, unlike time, are the same on a busy machine and on a quiet one, so they can be a gate. The count is
 * taken at the C library's entry points, below which Swift's own allocations end too. On SIGUSR2 one line is
 * appended to the file that SLUICE_ALLOCATIONS_FILE names: "<allocations> <bytes asked for> <stacks dropped>".
 *
 * With SLUICE_ALLOCATIONS_STACKS=1 the call stacks are counted as well, by walking frame pointers, and each dump
 * is preceded by "stack <count> <address> <address> ..." lines, innermost first, and by the file mappings after "maps".
 * Bounds: 24 frames a stack, 16384 stacks; what does not fit is dropped and counted.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

enum { FRAMES_MAX = 24, STACKS = 16384, PROBES_MAX = 64 };

struct stack {
  _Atomic uint64_t hash; /* 0: free */
  _Atomic uint64_t count;
  uintptr_t frames[FRAMES_MAX];
};

static _Atomic uint64_t allocations, bytes, dropped;
static struct stack stacks[STACKS];
static int with_stacks;
static char path[512];
static __thread uintptr_t stack_end;
static __thread int inside;

static uintptr_t end_of_stack(void) {
  if (stack_end == 0) {
    pthread_attr_t attributes;
    void *base = NULL;
    size_t size = 0;
    inside = 1; /* pthread_getattr_np allocates for the main thread */
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
      pthread_attr_getstack(&attributes, &base, &size);
      pthread_attr_destroy(&attributes);
    }
    inside = 0;
    stack_end = (uintptr_t)base + size;
  }
  return stack_end;
}

static void note_stack(uintptr_t *frame) {
  uintptr_t frames[FRAMES_MAX] = {0};
  uint64_t hash = 1469598103934665603u;
  uintptr_t end = end_of_stack();
  for (int depth = 0; depth < FRAMES_MAX && frame; depth++) {
    frames[depth] = frame[1];
    hash = (hash ^ frame[1]) * 1099511628211u;
    uintptr_t *next = (uintptr_t *)frame[0];
    /* Frames only go up, inside this thread's stack; code without frame pointers ends the walk. */
    if (next <= frame || (uintptr_t)next % 8 != 0 || (uintptr_t)(next + 2) > end) break;
    frame = next;
  }
  if (hash == 0) hash = 1;
  for (unsigned probe = 0; probe < PROBES_MAX; probe++) {
    struct stack *slot = &stacks[(hash + probe) % STACKS];
    uint64_t seen = atomic_load(&slot->hash);
    if (seen == 0) {
      uint64_t expected = 0;
      if (atomic_compare_exchange_strong(&slot->hash, &expected, hash)) memcpy(slot->frames, frames, sizeof frames);
      seen = atomic_load(&slot->hash);
    }
    if (seen == hash) {
      atomic_fetch_add_explicit(&slot->count, 1, memory_order_relaxed);
      return;
    }
  }
  atomic_fetch_add(&dropped, 1);
}

static inline __attribute__((always_inline)) void note(size_t size) {
  atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&bytes, size, memory_order_relaxed);
  if (with_stacks && !inside) note_stack(__builtin_frame_address(0));
}

void *malloc(size_t size) { note(size); return __libc_malloc(size); }
void *calloc(size_t count, size_t size) { note(count * size); return __libc_calloc(count, size); }
void *realloc(void *old, size_t size) { note(size); return __libc_realloc(old, size); }
void *memalign(size_t alignment, size_t size) { note(size); return __libc_memalign(alignment, size); }
void *aligned_alloc(size_t alignment, size_t size) { note(size); return __libc_memalign(alignment, size); }

int posix_memalign(void **out, size_t alignment, size_t size) {
  note(size);
  if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0) return EINVAL;
  void *memory = __libc_memalign(alignment, size);
  if (memory == NULL) return ENOMEM;
  *out = memory;
  return 0;
}

/* Decimal or hexadecimal, without stdio: this runs in a signal handler. */
static char *put(char *out, uint64_t value, unsigned base) {
  char digits[24];
  int count = 0;
  do {
    digits[count++] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value);
  while (count) *out++ = digits[--count];
  return out;
}

static void emit(int file, const char *text, size_t size) {
  while (size > 0) {
    ssize_t written = write(file, text, size);
    if (written <= 0) return;
    text += written;
    size -= (size_t)written;
  }
}

static void dump_stacks(int file) {
  char line[64 + FRAMES_MAX * 20];
  for (int index = 0; index < STACKS; index++) {
    uint64_t count = atomic_load(&stacks[index].count);
    if (count == 0) continue;
    char *out = stpcpy(line, "stack ");
    out = put(out, count, 10);
    for (int depth = 0; depth < FRAMES_MAX && stacks[index].frames[depth]; depth++) {
      *out++ = ' ';
      out = put(out, stacks[index].frames[depth], 16);
    }
    *out++ = '\n';
    emit(file, line, (size_t)(out - line));
  }
  int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (maps < 0) return;
  emit(file, "maps\n", 5);
  ssize_t size;
  while ((size = read(maps, line, sizeof line)) > 0) emit(file, line, (size_t)size);
  close(maps);
}

static void dump(int number) {
  (void)number;
  int saved = errno;
  char line[128];
  char *out = put(line, atomic_load(&allocations), 10);
  *out++ = ' ';
  out = put(out, atomic_load(&bytes), 10);
  *out++ = ' ';
  out = put(out, atomic_load(&dropped), 10);
  *out++ = '\n';
  int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file >= 0) {
    if (with_stacks) dump_stacks(file);
    emit(file, line, (size_t)(out - line)); /* the last line of a dump: a reader waits for it */
    close(file);
  }
  errno = saved;
}

__attribute__((constructor)) static void start(void) {
  const char *name = getenv("SLUICE_ALLOCATIONS_FILE");
  if (name == NULL || strlen(name) >= sizeof path) return;
  strcpy(path, name);
  const char *stacks_wanted = getenv("SLUICE_ALLOCATIONS_STACKS");
  with_stacks = stacks_wanted != NULL && stacks_wanted[0] == '1';
  struct sigaction action = {.sa_handler = dump, .sa_flags = SA_RESTART};
  sigfillset(&action.sa_mask);
  sigaction(SIGUSR2, &action, NULL);
}
